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
  // The spawn that lay on the tile all the time between the two, open or not; nothing when another
  // lay there at any moment, or none, or a failover lost some of it.
  [[nodiscard]] std::optional<model::SpawnId> spawn_throughout(model::WorldId world,
                                                               model::TileId tile,
                                                               std::int64_t from_ns,
                                                               std::int64_t to_ns) const;
  // Whether a row of the tile that was in force between the two holds; also when a failover lost
  // some of them. Before the first the tile is empty.
  template <class Holds>
  [[nodiscard]] bool ever(model::WorldId world, model::TileId tile, std::int64_t from_ns,
                          std::int64_t to_ns, const Holds& holds) const {
    const auto found = tiles_.find({world, tile});
    if (found == tiles_.end()) return holds(model::TileRow{});
    if (lost_any(world, tile, from_ns, to_ns)) return true;
    const auto& rows = found->second;
    std::ptrdiff_t at = index_at(rows, from_ns);
    if (at < 0 && holds(model::TileRow{})) return true;
    for (at = at < 0 ? 0 : at; at < std::ssize(rows); ++at) {
      const Then& then = rows[static_cast<std::size_t>(at)];
      if (then.at_ns > to_ns) return false;
      if (holds(then.row)) return true;
    }
    return false;
  }
  // Whether a failover lost rows of the tile that somebody between the two may have seen.
  [[nodiscard]] bool lost_any(model::WorldId world, model::TileId tile, std::int64_t from_ns,
                              std::int64_t to_ns) const;
  // The spawns that the tile ever had.
  [[nodiscard]] std::vector<model::SpawnId> spawns_of(model::WorldId world,
                                                      model::TileId tile) const;

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
  std::map<Key, std::vector<Then>> tiles_;
  std::map<Key, std::vector<Lost>> lost_;
};

}  // namespace hunt::engine
