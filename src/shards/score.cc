#include "shards/score.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace hunt::shards {

namespace {

using Load = std::vector<std::uint64_t>;

double share(std::uint64_t part, std::uint64_t all) noexcept {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

// Adds to a shard that may be of a map with more shards than were asked for.
void add(Load& load, model::ShardId shard, std::uint64_t count) {
  if (shard >= load.size()) load.resize(shard + 1);
  load[shard] += count;
}

void count_rows(const Rows& rows, const Owner& owner, Score& out) {
  for (const auto& [key, count] : rows.by_chunk()) {
    const model::ShardId shard = owner(key);
    add(out.rows, shard, count);
    if (shard != rows.today().shard_of(key)) out.rows_moved += count;
  }
  out.rows_balance = balance_of(out.rows);
}

void set_peak(const Load& peak, Score& out) {
  out.peak_balance = balance_of(peak);
  out.peak_positions = peak.empty() ? 0 : *std::max_element(peak.begin(), peak.end());
}

void set_tally(const Counted& counted, const Tally& tally, Score& out) {
  for (std::size_t part = 0; part < part_count; ++part) {
    out.crossing[part] = share(tally.crossing[part], counted.positions[part]);
    out.balance[part] = balance_of(tally.load[part]);
  }
  out.load = tally.load[static_cast<std::size_t>(Part::score)];
  set_peak(tally.peak, out);
}

}  // namespace

double balance_of(const std::vector<std::uint64_t>& by_shard) noexcept {
  const auto sum = std::accumulate(by_shard.begin(), by_shard.end(), std::uint64_t{0});
  if (sum == 0) return 1;
  const std::uint64_t most = *std::max_element(by_shard.begin(), by_shard.end());
  return static_cast<double>(most) * static_cast<double>(by_shard.size()) /
         static_cast<double>(sum);
}

Score score(const Counted& counted, const Rows& rows, const Owner& owner) {
  Score out;
  out.rows.resize(counted.shards);
  ByPart<Load> load;
  ByPart<std::uint64_t> crossing{};
  for (Load& one : load) one.resize(counted.shards);
  std::vector<model::ShardId> own(counted.chunks.size());
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = owner(counted.chunks[i]);
  for (const Cell& cell : counted.cells) {
    const model::ShardId mine = own[cell.chunk];
    bool several = false;
    for_each_beside(counted.chunks[cell.chunk], cell.sides,
                    [&](model::ChunkKey beside) { several = several || owner(beside) != mine; });
    for (std::size_t part = 0; part < part_count; ++part) {
      add(load[part], mine, cell.queries[part]);
      if (several) crossing[part] += cell.queries[part];
    }
  }
  for (std::size_t part = 0; part < part_count; ++part) {
    out.crossing[part] = share(crossing[part], counted.positions[part]);
    out.balance[part] = balance_of(load[part]);
  }
  out.load = std::move(load[static_cast<std::size_t>(Part::score)]);
  Load peak(counted.shards);
  for (const auto& [chunk, count] : counted.peak) add(peak, own[chunk], count);
  set_peak(peak, out);
  count_rows(rows, owner, out);
  return out;
}

Score score_by_player(const Counted& counted, const Rows& rows) {
  Score out;
  set_tally(counted, counted.by_player, out);
  out.rows.resize(counted.shards);
  count_rows(rows, by_region(0, counted.shards), out);
  return out;
}

Score score_by_tile(const Counted& counted, const Rows& rows) {
  Score out;
  set_tally(counted, counted.by_tile, out);
  out.rows = rows.by_tile();
  out.rows_balance = balance_of(out.rows);
  out.rows_moved = rows.moved_by_tile();
  return out;
}

}  // namespace hunt::shards
