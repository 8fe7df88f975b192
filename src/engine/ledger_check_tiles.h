// TileHistory: every row that a tile ever had, and when: how old is a copy, was an answer true?
//
// Not a cache and not a store: it never forgets, so that a run can be checked after the fact.
// Whoever watches the stores shows it each committed row. Units: ns of one clock, the watcher's.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "model/spawn.h"

namespace hunt::engine {

class TileHistory {
 public:
  // A row as committed. A row that comes again after a failover lost newer ones counts anew.
  void on_row(std::int64_t at_ns, model::WorldId world, const model::TileRow& row,
              std::uint64_t epoch);

  // A failover went back to this row: what came after it never was. Whoever saw it may still go by
  // it until `until_ns`, so nothing is claimed about the tile for that time.
  void lose_after(model::WorldId world, const model::TileRow& row, std::int64_t until_ns);

  // Every tile that ever had a row, in order.
  template <class Visit>
  void for_each_tile(Visit visit) const {
    for (const auto& [key, rows] : tiles_) visit(key.first, key.second);
  }

  // For how long a copy of this order (model::order_of; 0: the tile is not in the copy) has been
  // outdated: 0 while it is the newest.
  [[nodiscard]] std::int64_t age_ns(model::WorldId world, model::TileId tile, std::uint64_t order,
                                    std::int64_t now_ns) const;

  // The spawn that lay open on the tile all the time from `from_ns` to `to_ns`, at every wall time
  // from `low_us` to `high_us`; nothing when there was a moment without.
  [[nodiscard]] std::optional<model::SpawnId> open_throughout(
      model::WorldId world, model::TileId tile, std::int64_t from_ns, std::int64_t to_ns,
      std::int64_t low_us, std::int64_t high_us) const;
  // Whether the tile said so at any time between the two.
  [[nodiscard]] bool ever_sold_out(model::WorldId world, model::TileId tile, std::int64_t from_ns,
                                   std::int64_t to_ns) const;

 private:
  struct Then {
    std::int64_t at_ns = 0;
    std::uint64_t order = 0;
    model::TileRow row;
  };
  using Key = std::pair<model::WorldId, model::TileId>;
  // The index of the row in force at `at_ns`; -1 before the first.
  [[nodiscard]] static std::ptrdiff_t index_at(const std::vector<Then>& rows, std::int64_t at_ns);

  struct Lost {
    std::int64_t from_ns = 0;
    std::int64_t until_ns = 0;
  };
  [[nodiscard]] bool touches_lost(const Key& key, std::int64_t from_ns, std::int64_t to_ns) const;

  std::map<Key, std::vector<Then>> tiles_;
  std::map<Key, std::vector<Lost>> lost_;
};

}  // namespace hunt::engine
