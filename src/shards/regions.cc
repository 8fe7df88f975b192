#include "shards/regions.h"

#include <algorithm>
#include <unordered_map>

namespace hunt::shards {

namespace {

constexpr int level_max = 27;  // a whole world

model::ChunkKey region_of(model::ChunkKey key, int level) noexcept {
  return {key.world, key.chunk >> (2 * level) << (2 * level)};
}

// How many squares of that level were visited; the chunks are sorted, so a square's come together.
std::size_t count_at(const Counted& counted, int level) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < counted.chunks.size(); ++i) {
    const bool same =
        i > 0 && region_of(counted.chunks[i], level) == region_of(counted.chunks[i - 1], level);
    count += same ? 0 : 1;
  }
  return count;
}

// The region before whose successor the key comes.
std::size_t place_of(const Regions& regions, model::ChunkKey key) {
  const auto after = std::upper_bound(regions.first.begin(), regions.first.end(), key);
  return after == regions.first.begin()
             ? 0
             : static_cast<std::size_t>(after - regions.first.begin()) - 1;
}

class Builder {
 public:
  Builder(const Counted& counted, int level) : counted_(counted) { out_.level = level; }

  Regions build(const Rows& rows) {
    add_regions();
    for (const auto& [key, count] : rows.by_chunk()) out_.rows[place_of(out_, key)] += count;
    crossed_.assign(out_.size() + 1, 0);
    for (const Cell& cell : counted_.cells) add_cell(cell);
    std::uint64_t crossing = 0;
    for (std::size_t i = 0; i < out_.size(); ++i) {
      crossing += crossed_[i];
      out_.cut[i] = crossing;
    }
    return std::move(out_);
  }

 private:
  void add_regions() {
    for (std::size_t i = 0; i < counted_.chunks.size(); ++i) {
      const model::ChunkKey first = region_of(counted_.chunks[i], out_.level);
      if (out_.first.empty() || out_.first.back() != first) {
        index_.emplace(first, static_cast<std::uint32_t>(out_.size()));
        out_.first.push_back(first);
        out_.chunks.push_back(0);
      }
      region_of_chunk_.push_back(static_cast<std::uint32_t>(out_.size() - 1));
      ++out_.chunks.back();
    }
    out_.load.resize(out_.size());
    out_.rows.resize(out_.size());
    out_.beside.resize(out_.size());
    out_.cut.resize(out_.size());
  }

  void add_cell(const Cell& cell) {
    const std::uint64_t queries = cell.queries[static_cast<std::size_t>(Part::choice)];
    if (queries == 0) return;
    const std::uint32_t own = region_of_chunk_[cell.chunk];
    out_.load[own] += queries;
    const model::ChunkKey key = counted_.chunks[cell.chunk];
    model::ChunkKey low = key;
    model::ChunkKey high = key;
    others_.clear();
    for_each_beside(key, cell.sides, [&](model::ChunkKey beside) {
      low = std::min(low, beside);
      high = std::max(high, beside);
      const model::ChunkKey first = region_of(beside, out_.level);
      if (first == out_.first[own]) return;
      const auto found = index_.find(first);
      if (found == index_.end()) return;  // nobody was there: it goes with what is before it
      if (std::find(others_.begin(), others_.end(), found->second) == others_.end()) {
        others_.push_back(found->second);
      }
    });
    for (const std::uint32_t other : others_) {
      connect(own, other, queries);
      connect(other, own, queries);
    }
    if (cell.sides == 0) return;
    // Bounds before the regions from the one after the low corner's to the high corner's.
    const std::size_t from = place_of(out_, low) + 1;
    const std::size_t to = place_of(out_, high) + 1;
    if (to <= from) return;
    crossed_[from] += queries;
    crossed_[to] -= queries;  // unsigned, and summed up from the start: never below 0
  }

  void connect(std::uint32_t from, std::uint32_t to, std::uint64_t queries) {
    auto& all = out_.beside[from];
    const auto found =
        std::find_if(all.begin(), all.end(), [to](const Beside& one) { return one.region == to; });
    if (found != all.end()) {
      found->queries += queries;
    } else {
      all.push_back({to, queries});
    }
  }

  const Counted& counted_;
  Regions out_;
  std::unordered_map<model::ChunkKey, std::uint32_t, model::ChunkKeyHash> index_;
  std::vector<std::uint32_t> region_of_chunk_;
  std::vector<std::uint32_t> others_;
  std::vector<std::uint64_t> crossed_;
};

}  // namespace

Regions make_regions(const Counted& counted, const Rows& rows, std::size_t regions_max) {
  int level = 0;
  while (level < level_max && count_at(counted, level) > regions_max) ++level;
  return Builder(counted, level).build(rows);
}

model::ShardMap map_of(const Regions& regions, const std::vector<model::ShardId>& owners,
                       std::uint32_t shards) {
  model::ShardMap map;
  map.shards = shards;
  map.ranges.clear();
  for (std::size_t i = 0; i < owners.size(); ++i) {
    if (!map.ranges.empty() && map.ranges.back().shard == owners[i]) continue;
    map.ranges.push_back({map.ranges.empty() ? model::ChunkKey{} : regions.first[i], owners[i]});
  }
  return map;
}

}  // namespace hunt::shards
