#include "engine/ledger_check_tiles.h"

#include <algorithm>

namespace hunt::engine {

void TileHistory::on_row(std::int64_t at_ns, model::WorldId world, const model::TileRow& row,
                         std::uint64_t epoch) {
  tiles_[{world, row.tile}].push_back({at_ns, model::order_of(epoch, row.version), row});
}

void TileHistory::lose_after(model::WorldId world, const model::TileRow& row,
                             std::int64_t until_ns) {
  const Key key{world, row.tile};
  const auto found = tiles_.find(key);
  if (found == tiles_.end()) return;
  auto& rows = found->second;
  while (!rows.empty() && rows.back().row.version > row.version) {
    lost_[key].push_back({rows.back().at_ns, until_ns});
    rows.pop_back();
  }
}

bool TileHistory::lost_any(model::WorldId world, model::TileId tile, std::int64_t from_ns,
                           std::int64_t to_ns) const {
  const auto found = lost_.find({world, tile});
  if (found == lost_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Lost& lost) {
    return lost.from_ns <= to_ns && from_ns <= lost.until_ns;
  });
}

std::ptrdiff_t TileHistory::index_at(const std::vector<Then>& rows, std::int64_t at_ns) {
  const auto after =
      std::upper_bound(rows.begin(), rows.end(), at_ns,
                       [](std::int64_t at, const Then& then) { return at < then.at_ns; });
  return after - rows.begin() - 1;
}

std::int64_t TileHistory::age_ns(model::WorldId world, model::TileId tile, std::uint64_t order,
                                 std::int64_t now_ns) const {
  const auto found = tiles_.find({world, tile});
  if (found == tiles_.end()) return 0;
  for (const Then& then : found->second) {
    if (then.order > order) return std::max<std::int64_t>(0, now_ns - then.at_ns);
  }
  return 0;
}

std::optional<model::SpawnId> TileHistory::open_throughout(model::WorldId world, model::TileId tile,
                                                           std::int64_t from_ns, std::int64_t to_ns,
                                                           std::int64_t low_us,
                                                           std::int64_t high_us) const {
  const auto found = tiles_.find({world, tile});
  if (found == tiles_.end() || lost_any(world, tile, from_ns, to_ns)) return {};
  const auto& rows = found->second;
  std::optional<model::SpawnId> spawn;
  for (std::ptrdiff_t i = index_at(rows, from_ns); i < std::ssize(rows); ++i) {
    if (i < 0) return {};
    const Then& then = rows[static_cast<std::size_t>(i)];
    if (then.at_ns > to_ns) break;
    const bool open = then.row.spawn != 0 && !then.row.sold_out &&
                      then.row.window().holds(low_us) && then.row.window().holds(high_us);
    if (!open || (spawn && *spawn != then.row.spawn)) return {};
    spawn = then.row.spawn;
  }
  return spawn;
}

std::optional<model::SpawnId> TileHistory::spawn_throughout(model::WorldId world,
                                                            model::TileId tile,
                                                            std::int64_t from_ns,
                                                            std::int64_t to_ns) const {
  std::optional<model::SpawnId> spawn;
  const bool other = ever(world, tile, from_ns, to_ns, [&spawn](const model::TileRow& row) {
    const bool differs = row.spawn == 0 || (spawn && *spawn != row.spawn);
    spawn = row.spawn;
    return differs;
  });
  return other ? std::nullopt : spawn;
}

std::vector<model::SpawnId> TileHistory::spawns_of(model::WorldId world, model::TileId tile) const {
  std::vector<model::SpawnId> spawns;
  const auto found = tiles_.find({world, tile});
  if (found == tiles_.end()) return spawns;
  for (const Then& then : found->second) {
    if (spawns.empty() || spawns.back() != then.row.spawn) spawns.push_back(then.row.spawn);
  }
  return spawns;
}

}  // namespace hunt::engine
