// WhyHistory: what `hunt why` would have said, every ten seconds of the last hour.
//
// Not the sampler: whoever owns it looks and adds. A ring of fixed size, made whole at the start,
// so that an hour of trouble takes no more memory than an hour of rest; longer texts are cut. Times
// are by the monotonic clock inside and turned into wall times when asked, so that a clock that is
// set meanwhile puts nothing out of order. Thread: one at a time.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/why_past.h"

namespace hunt::engine {

// Text up to a bound, inside its owner.
template <std::size_t bytes>
class KeptText {
 public:
  void set(std::string_view text) {
    // A character that is cut would be no text any more.
    std::size_t length = text.size() < bytes ? text.size() : bytes;
    while (length < text.size() && length > 0 &&
           (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) {
      --length;
    }
    text.copy(text_.data(), length);
    length_ = static_cast<std::uint16_t>(length);
  }
  [[nodiscard]] std::string get() const { return {text_.data(), length_}; }

 private:
  std::array<char, bytes> text_;
  std::uint16_t length_ = 0;
};

class WhyHistory {
 public:
  static constexpr std::int64_t every_ns = 10'000'000'000;
  static constexpr std::size_t looks_max = 360;
  // The memory of it all, which does not grow.
  static constexpr std::size_t bytes_max = 330'000;

  WhyHistory();

  // Whether ten seconds have passed since the last look.
  [[nodiscard]] bool is_due(std::int64_t now_ns) const;
  void add(std::int64_t now_ns, const model::Why& why);

  // Wall times: what `now_ns` is as `now_us`.
  struct Now {
    std::int64_t ns = 0;
    std::int64_t us = 0;
  };
  // Spells that end after `from_us`, the first cut there. Where nothing was kept for more than two
  // looks there is a spell without looks.
  [[nodiscard]] model::WhyPast since(std::int64_t from_us, Now now) const;
  // One spell at most: that of the one look which covers `at_us`.
  [[nodiscard]] model::WhyPast at(std::int64_t at_us, Now now) const;

 private:
  struct Look {
    std::int64_t at_ns;
    std::int64_t tail_ns;
    std::int64_t tail_before_ns;
    std::uint64_t samples;
    double share;
    model::Stage stage;
    model::Cause cause;
    bool confident;
    KeptText<12> timeline;
    KeptText<32> resource;
    KeptText<384> verdict;
    KeptText<224> next;
    KeptText<192> warning;
  };
  static_assert(sizeof(Look) * looks_max <= bytes_max);
  [[nodiscard]] const Look& look(std::size_t index) const;  // 0: the oldest
  [[nodiscard]] static model::Why why_of(const Look& look);
  [[nodiscard]] static bool is_same(const Look& one, const Look& other);

  std::vector<Look> ring_;  // as long as it will ever be
  std::size_t first_ = 0;
  std::size_t count_ = 0;
};

}  // namespace hunt::engine
