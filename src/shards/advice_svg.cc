#include "shards/advice_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/svg.h"
#include "base/text.h"

namespace hunt::shards {

namespace {

constexpr double width = 760;
constexpr double left = 16;
constexpr double head = 52;
constexpr std::int32_t squares_max = 128;  // along a side of the picture

// Told apart by the colour-blind, too (Okabe and Ito); further shards begin again.
constexpr std::array<const char*, 8> colours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                "#e69f00", "#56b4e9", "#f0e442", "#000000"};

// What was walked in one world, by chunk.
struct Walked {
  std::uint64_t positions = 0;
  std::map<model::ChunkAt, std::uint64_t> chunks;
  model::ChunkAt low{std::numeric_limits<std::int32_t>::max(),
                     std::numeric_limits<std::int32_t>::max()};
  model::ChunkAt high{std::numeric_limits<std::int32_t>::min(),
                      std::numeric_limits<std::int32_t>::min()};
};

std::map<model::WorldId, Walked> walked_worlds(const Counted& counted) {
  std::map<model::WorldId, Walked> worlds;
  for (const Cell& cell : counted.cells) {
    const model::ChunkKey key = counted.chunks[cell.chunk];
    const model::ChunkAt at = model::chunk_at(key.chunk);
    Walked& world = worlds[key.world];
    const std::uint64_t queries = cell.queries[0] + cell.queries[1];
    world.positions += queries;
    world.chunks[at] += queries;
    world.low = {std::min(world.low.x, at.x), std::min(world.low.y, at.y)};
    world.high = {std::max(world.high.x, at.x), std::max(world.high.y, at.y)};
  }
  return worlds;
}

// Squares of 2^level chunks, so that the picture has no more than squares_max along a side.
struct Square {
  std::uint64_t most = 0;  // positions of the chunk that gives it its shard
  std::uint64_t positions = 0;
  model::ShardId shard = 0;
};

int level_of(const Walked& world) {
  const std::int32_t side = std::max(world.high.x - world.low.x, world.high.y - world.low.y);
  int level = 0;
  while ((side >> level) >= squares_max) ++level;
  return level;
}

std::string drawn(model::WorldId id, const Walked& world, const model::ShardMap& map, double top,
                  double& bottom) {
  const int level = level_of(world);
  std::map<model::ChunkAt, Square> squares;
  std::uint64_t deepest = 1;
  for (const auto& [at, positions] : world.chunks) {
    Square& square = squares[{at.x >> level, at.y >> level}];
    if (positions >= square.most) {
      square.most = positions;
      square.shard = map.shard_of(model::chunk_key(id, at));
    }
    square.positions += positions;
    deepest = std::max(deepest, square.positions);
  }
  const model::ChunkAt low{world.low.x >> level, world.low.y >> level};
  const model::ChunkAt high{world.high.x >> level, world.high.y >> level};
  const auto across = static_cast<double>(std::max(high.x - low.x, high.y - low.y) + 1);
  const double side = (width - 2 * left) / across;
  std::string out =
      svg_text(left, top + 20, "title", "start",
               fmt::format("world {}: {} positions; a square is {} tiles", id,
                           with_commas(world.positions), model::chunk_side_tiles << level));
  for (const auto& [at, square] : squares) {
    const double depth = std::log1p(static_cast<double>(square.positions)) /
                         std::log1p(static_cast<double>(deepest));
    out += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\" "
        "fill-opacity=\"{:.2f}\"/>\n",
        left + side * (at.x - low.x), top + head - 20 + side * (at.y - low.y), side + 0.1,
        side + 0.1, colours[square.shard % colours.size()], 0.15 + 0.85 * depth);
  }
  bottom = top + head - 20 + side * (high.y - low.y + 1) + 16;
  return out;
}

}  // namespace

std::string advice_svg(const Counted& counted, const model::ShardMap& map) {
  std::vector<std::pair<model::WorldId, Walked>> worlds;
  for (auto& one : walked_worlds(counted)) worlds.emplace_back(one.first, std::move(one.second));
  std::stable_sort(worlds.begin(), worlds.end(), [](const auto& a, const auto& b) {
    return a.second.positions > b.second.positions;
  });
  worlds.resize(std::min(worlds.size(), worlds_drawn_max));
  std::string body;
  double x = left;
  for (model::ShardId shard = 0; shard < map.shards; ++shard) {
    if (shard == colours.size()) break;
    body += fmt::format("<rect x=\"{:.0f}\" y=\"14\" width=\"14\" height=\"14\" fill=\"{}\"/>\n", x,
                        colours[shard]);
    body += svg_text(x + 20, 26, "soft", "start", fmt::format("shard {}", shard));
    x += 90;
  }
  double top = 40;
  for (const auto& [id, world] : worlds) body += drawn(id, world, map, top, top);
  return svg_page(width, top, "", body);
}

}  // namespace hunt::shards
