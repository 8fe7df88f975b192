// FinalSet: things of which a shard's store said something that stays true, each with when and in
// which epoch of the shard it was asked.
//
// Not who decides whether that is still believed (service/sold_out.h). Exact: what is not here was
// not added, or was forgotten, never the other way round. Fixed size, sixteen ways per set, the
// oldest is replaced; no memory before the first is added. Thread: its lane's.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/shard_map.h"

namespace hunt::engine {

// `Hash` spreads the keys over the sets. Bound: ways * sets.
template <class Key, class Hash, std::size_t sets>
class FinalSet {
 public:
  // With fewer, sets overflow long before all are full, and what overflows is asked for each time.
  static constexpr std::size_t ways = 16;
  struct Entry {
    Key key{};
    std::int64_t asked_ns = 0;
    std::uint32_t epoch = 0;  // below 2^13: model/spawn.h
    model::ShardId shard = 0;
    [[nodiscard]] bool taken() const noexcept { return key != Key{}; }
  };

  // Lifetime of the result: until the next call of add().
  [[nodiscard]] const Entry* find(const Key& key) const noexcept {
    if (sets_.empty()) return nullptr;
    const Set& set = sets_[Hash{}(key) % sets];
    const auto found = std::find_if(set.begin(), set.end(),
                                    [&key](const Entry& entry) { return entry.key == key; });
    return found == set.end() || !found->taken() ? nullptr : &*found;
  }

  // In the place of the same key, or else of the oldest of its set.
  void add(const Entry& entry) {
    if (sets_.empty()) sets_.resize(sets);
    Set& set = sets_[Hash{}(entry.key) % sets];
    auto last = std::find_if(set.begin(), set.end() - 1,
                             [&entry](const Entry& one) { return one.key == entry.key; });
    std::move_backward(set.begin(), last, last + 1);
    set.front() = entry;
  }

 private:
  using Set = std::array<Entry, ways>;
  std::vector<Set> sets_;
};

}  // namespace hunt::engine
