#include "shards/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "shards/owners.h"

namespace hunt::shards {

namespace {

constexpr std::int64_t minute_ms = 60'000;

void add(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

}  // namespace

Traffic::Traffic(std::uint32_t shards, std::int32_t hint_radius_tiles)
    : shards_(shards), radius_(hint_radius_tiles), table_(1'024), blocks_(blocks_max) {
  constexpr std::int32_t side = model::chunk_side_tiles;
  HUNT_ASSERT(shards >= 1 && radius_ >= 0 && radius_ <= side);
  for (std::int32_t at = 0; at < side; ++at) {
    const bool low = at < radius_;
    const bool high = at + radius_ >= side;
    side_x_[static_cast<std::size_t>(at)] =
        static_cast<std::uint8_t>((low ? west : 0) | (high ? east : 0));
    side_y_[static_cast<std::size_t>(at)] =
        static_cast<std::uint8_t>((low ? north : 0) | (high ? south : 0));
  }
  std::array<bool, 16> there{};
  for (const auto x : side_x_) {
    for (const auto y : side_y_) there[x | y] = true;
  }
  for (std::uint8_t sides = 0; sides < 16; ++sides) {
    if (!there[sides]) continue;
    way_of_[sides] = static_cast<std::uint8_t>(sides_of_.size());
    sides_of_.push_back(sides);
  }
  for (Block& block : blocks_) {
    block.by_home.resize(shards);
    block.by_tile.resize(shards);
  }
  minute_.by_home.resize(shards);
  minute_.by_tile.resize(shards);
}

std::uint32_t Traffic::chunk_of(model::ChunkKey key) {
  const std::size_t mask = table_.size() - 1;
  std::size_t at = model::ChunkKeyHash{}(key)&mask;
  for (; table_[at] != 0; at = (at + 1) & mask) {
    const std::uint32_t chunk = table_[at] - 1;
    if (chunks_[chunk].key == key) return chunk;
  }
  if (chunks_.size() >= chunks_max) return none;
  const std::uint32_t chunk = add_chunk(key);
  table_[at] = chunk + 1;
  if (2 * chunks_.size() > table_.size()) grow();
  return chunk;
}

void Traffic::grow() {
  table_.assign(2 * table_.size(), 0);
  const std::size_t mask = table_.size() - 1;
  for (std::uint32_t chunk = 0; chunk < chunks_.size(); ++chunk) {
    std::size_t at = model::ChunkKeyHash{}(chunks_[chunk].key) & mask;
    while (table_[at] != 0) at = (at + 1) & mask;
    table_[at] = chunk + 1;
  }
}

std::uint32_t Traffic::add_chunk(model::ChunkKey key) {
  Chunk chunk;
  chunk.key = key;
  chunk.by_hash = static_cast<std::uint8_t>(region_hash(key, 0, shards_));
  for (const std::uint8_t sides : sides_of_) {
    bool alone = true;
    for_each_beside(key, sides, [&](model::ChunkKey beside) {
      alone = alone && region_hash(beside, 0, shards_) == chunk.by_hash;
    });
    if (alone) chunk.alone = static_cast<std::uint16_t>(chunk.alone | (1U << sides));
  }
  const auto index = static_cast<std::uint32_t>(chunks_.size());
  if (index % page_chunks == 0) pages_.emplace_back(page_chunks * sides_of_.size() * blocks_max);
  chunks_.push_back(chunk);
  return index;
}

std::uint32_t* Traffic::counts_of(std::uint32_t chunk) noexcept {
  return pages_[chunk / page_chunks].data() + (chunk % page_chunks) * sides_of_.size() * blocks_max;
}

std::uint8_t Traffic::home_of(std::uint32_t player) {
  if (player >= homes_.size()) {
    homes_.resize(std::max(std::size_t{player} + 1, 2 * homes_.size()));
  }
  std::uint8_t& home = homes_[player];
  if (home == 0) {
    home = static_cast<std::uint8_t>(player_hash(player, shards_) + 1);
    ++players_;
  }
  return static_cast<std::uint8_t>(home - 1);
}

Result<void> Traffic::add(std::span<const model::TraceRow> rows,
                          std::span<const model::WorldId> worlds) {
  for (const model::TraceRow& one : rows) {
    if (positions_ == 0) {
      from_ms_ = last_ms_ = turn_ms_ = one.t_ms;
      minute_.at_ms = one.t_ms;
    }
    if (one.t_ms < last_ms_) {
      return fail(Errc::invalid_argument,
                  fmt::format("the time of a position goes back from {} ms to {} ms; a trace is in "
                              "the order of time",
                              last_ms_, one.t_ms),
                  "trace");
    }
    last_ms_ = one.t_ms;
    if (one.t_ms >= turn_ms_) turn(one.t_ms);
    const model::TileId tile = model::tile_id_of(one.tile);
    const model::WorldId world = worlds[one.world];
    const std::uint32_t index = chunk_of(model::chunk_of(world, tile));
    if (index == none || positions_ >= positions_max) {
      return fail(Errc::too_large,
                  index == none
                      ? fmt::format("the trace visits more than {} chunks: cut it into parts",
                                    with_commas(chunks_max))
                      : fmt::format("the trace has more than {} positions: cut it into parts",
                                    with_commas(positions_max)),
                  "trace");
    }
    Chunk& chunk = chunks_[index];
    constexpr std::int32_t inside = model::chunk_side_tiles - 1;
    const auto sides =
        static_cast<std::uint8_t>(side_x_[static_cast<std::size_t>(one.tile.x & inside)] |
                                  side_y_[static_cast<std::size_t>(one.tile.y & inside)]);
    ++counts_of(index)[way_of_[sides] * blocks_max + block_];
    if (chunk.in_minute++ == 0) touched_.push_back(index);
    const std::uint8_t home = home_of(one.player);
    const bool alone = home == chunk.by_hash && (chunk.alone >> sides & 1U) != 0;
    Block& block = blocks_[block_];
    block.crossing_by_player += alone ? 0 : 1;
    ++minute_.by_home[home];
    ++minute_.by_tile[tile_hash(world, tile, shards_)];
    ++minute_.positions;
    ++positions_;
  }
  return {};
}

void Traffic::turn(std::int64_t t_ms) {
  close_minute();
  while (t_ms - from_ms_ >= block_ms_ * static_cast<std::int64_t>(blocks_max)) halve();
  block_ = static_cast<std::size_t>((t_ms - from_ms_) / block_ms_);
  const std::int64_t block_end_ms = from_ms_ + block_ms_ * static_cast<std::int64_t>(block_ + 1);
  turn_ms_ = std::min((t_ms / minute_ms + 1) * minute_ms, block_end_ms);
  minute_.at_ms = t_ms;
}

void Traffic::close_minute() {
  Block& block = blocks_[block_];
  block.positions += minute_.positions;
  shards::add(block.by_home, minute_.by_home);
  shards::add(block.by_tile, minute_.by_tile);
  if (minute_.positions > block.busiest.positions) {
    minute_.by_chunk.clear();
    for (const std::uint32_t chunk : touched_) {
      minute_.by_chunk.emplace_back(chunk, chunks_[chunk].in_minute);
    }
    block.busiest = minute_;
  }
  for (const std::uint32_t chunk : touched_) chunks_[chunk].in_minute = 0;
  touched_.clear();
  minute_.positions = 0;
  std::fill(minute_.by_home.begin(), minute_.by_home.end(), 0);
  std::fill(minute_.by_tile.begin(), minute_.by_tile.end(), 0);
}

// Two blocks become one, which is twice as long.
void Traffic::halve() {
  block_ms_ *= 2;
  for (std::size_t i = 0; i < blocks_max / 2; ++i) {
    Block& first = blocks_[2 * i];
    Block& second = blocks_[2 * i + 1];
    first.positions += second.positions;
    first.crossing_by_player += second.crossing_by_player;
    shards::add(first.by_home, second.by_home);
    shards::add(first.by_tile, second.by_tile);
    if (second.busiest.positions > first.busiest.positions) {
      first.busiest = std::move(second.busiest);
    }
    if (i != 0) blocks_[i] = std::move(first);
  }
  for (std::size_t i = blocks_max / 2; i < blocks_max; ++i) {
    blocks_[i] = {};
    blocks_[i].by_home.resize(shards_);
    blocks_[i].by_tile.resize(shards_);
  }
  const std::size_t rows = chunks_.size() * sides_of_.size();
  for (std::size_t row = 0; row < rows; ++row) {
    std::uint32_t* counts = counts_of(static_cast<std::uint32_t>(row / sides_of_.size())) +
                            row % sides_of_.size() * blocks_max;
    for (std::size_t i = 0; i < blocks_max / 2; ++i) {
      counts[i] = counts[2 * i] + counts[2 * i + 1];
    }
    std::fill_n(counts + blocks_max / 2, blocks_max / 2, 0);
  }
}

Result<Counted> Traffic::finish() && {
  if (positions_ == 0) return fail(Errc::invalid_argument, "the trace has no positions", "trace");
  close_minute();
  Counted out = flattened();
  tally(out);
  if (out.positions[1] == 0) {
    return fail(
        Errc::invalid_argument,
        fmt::format("all {} positions fall into the blocks of {:.0f} s that choose: none is "
                    "left to score the choice by; expected a longer trace",
                    with_commas(positions_), static_cast<double>(block_ms_) / 1e3),
        "trace");
  }
  return out;
}

Counted Traffic::flattened() const {
  Counted out;
  out.shards = shards_;
  out.hint_radius_tiles = radius_;
  out.players = players_;
  out.from_ms = from_ms_;
  out.to_ms = last_ms_;
  out.block_ms = block_ms_;
  std::vector<std::uint32_t> order(chunks_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [this](std::uint32_t a, std::uint32_t b) { return chunks_[a].key < chunks_[b].key; });
  std::vector<std::uint32_t> place(chunks_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    place[order[i]] = i;
    out.chunks.push_back(chunks_[order[i]].key);
    const std::uint32_t chunk = order[i];
    const std::uint32_t* counts =
        pages_[chunk / page_chunks].data() + (chunk % page_chunks) * sides_of_.size() * blocks_max;
    for (std::size_t way = 0; way < sides_of_.size(); ++way, counts += blocks_max) {
      Cell cell{i, sides_of_[way], {}};
      for (std::size_t block = 0; block < blocks_max; ++block) {
        cell.queries[block % 2] += counts[block];
      }
      if (cell.queries[0] + cell.queries[1] > 0) out.cells.push_back(cell);
    }
  }
  const Block* busiest = nullptr;
  for (std::size_t i = 1; i < blocks_max; i += 2) {
    const Block& block = blocks_[i];
    if (busiest == nullptr || block.busiest.positions > busiest->busiest.positions) {
      busiest = &block;
    }
  }
  out.peak_ms = busiest->busiest.at_ms;
  for (const auto& [chunk, count] : busiest->busiest.by_chunk) {
    out.peak.emplace_back(place[chunk], count);
  }
  out.by_player.peak = busiest->busiest.by_home;
  out.by_tile.peak = busiest->busiest.by_tile;
  return out;
}

void Traffic::tally(Counted& out) const {
  for (std::size_t part = 0; part < part_count; ++part) {
    out.by_player.load[part].resize(shards_);
    out.by_tile.load[part].resize(shards_);
  }
  for (std::size_t i = 0; i < blocks_max; ++i) {
    const Block& block = blocks_[i];
    out.positions[i % 2] += block.positions;
    shards::add(out.by_player.load[i % 2], block.by_home);
    shards::add(out.by_tile.load[i % 2], block.by_tile);
    out.by_player.crossing[i % 2] += block.crossing_by_player;
  }
  // A chunk is loaded whole, and its tiles would be everywhere.
  if (shards_ > 1) out.by_tile.crossing = out.positions;
  for (Tally* one : {&out.by_player, &out.by_tile}) one->peak.resize(shards_);
}

}  // namespace hunt::shards
