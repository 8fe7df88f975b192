#include "load/walks.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "base/result.h"

namespace hunt::load {
namespace {

struct Point {
  std::int64_t x = 0;
  std::int64_t y = 0;
};

// The eight symmetries of a square: swap the axes, then turn either round.
Point turned(model::Tile tile, std::uint8_t turn) noexcept {
  Point point{tile.x, tile.y};
  if ((turn & 4) != 0) std::swap(point.x, point.y);
  if ((turn & 1) != 0) point.x = -point.x;
  if ((turn & 2) != 0) point.y = -point.y;
  return point;
}

// The shift in whole chunks that brings `from` nearest to `to`.
std::int64_t chunk_shift(std::int64_t from, std::int64_t to) noexcept {
  const std::int64_t wanted = to - from + model::chunk_side_tiles / 2;
  return (wanted >> model::chunk_side_bits) * model::chunk_side_tiles;
}

bool is_jump(model::Tile from, model::Tile to) noexcept {
  const std::int64_t dx = std::int64_t{to.x} - from.x;
  const std::int64_t dy = std::int64_t{to.y} - from.y;
  return dx > 1 || dx < -1 || dy > 1 || dy < -1;
}

std::uint16_t wait_steps(std::int64_t stay_ms) noexcept {
  return static_cast<std::uint16_t>(
      std::clamp<std::int64_t>(stay_ms / 1'000 - 1, 0, Walks::wait_steps_max));
}

}  // namespace

std::int32_t folded(std::int64_t value, std::int32_t low, std::int32_t high) noexcept {
  if (value >= low && value <= high) return static_cast<std::int32_t>(value);
  const std::int64_t width = std::int64_t{high} - low + 1;
  std::int64_t at = (value - low) % (2 * width);
  if (at < 0) at += 2 * width;
  if (at >= width) at = 2 * width - 1 - at;
  return static_cast<std::int32_t>(low + at);
}

Walks::Walks(std::span<const model::TraceRow> rows) {
  HUNT_ASSERT(rows.size() < std::numeric_limits<std::uint32_t>::max());
  const auto key_of = [](const model::TraceRow& row) { return std::pair(row.player, row.world); };
  std::map<std::pair<std::uint32_t, std::uint16_t>, std::uint32_t> walk_of;
  for (const model::TraceRow& row : rows) {
    const auto number = static_cast<std::uint32_t>(walks_.size());
    const auto [found, fresh] = walk_of.emplace(key_of(row), number);
    if (fresh) walks_.emplace_back();
    ++walks_[found->second].count;
  }
  std::uint32_t first = 0;
  for (Walk& walk : walks_) first += std::exchange(walk.first, first) + walk.count;
  steps_.resize(rows.size());
  std::vector<std::uint32_t> filled(walks_.size(), 0);
  std::vector<std::int64_t> since_ms(walks_.size(), 0);
  for (const model::TraceRow& row : rows) {
    const std::uint32_t number = walk_of.find(key_of(row))->second;
    const std::uint32_t at = walks_[number].first + filled[number];
    steps_[at].tile = row.tile;
    if (filled[number] > 0) {
      steps_[at - 1].wait = wait_steps(row.t_ms - since_ms[number]);
      steps_[at - 1].jump = is_jump(steps_[at - 1].tile, row.tile);
    }
    since_ms[number] = row.t_ms;
    ++filled[number];
  }
}

Follower Walks::begin(const Placement& placement, Prng& prng) const noexcept {
  HUNT_ASSERT(!empty());
  const auto moment = static_cast<std::uint32_t>(prng.below(steps_.size()));
  const auto walk = std::prev(std::upper_bound(
      walks_.begin(), walks_.end(), moment,
      [](std::uint32_t at, const Walk& candidate) { return at < candidate.first; }));
  Follower follower;
  follower.walk = static_cast<std::uint32_t>(walk - walks_.begin());
  follower.step = moment - walk->first;
  follower.turn = static_cast<std::uint8_t>(prng.next() >> 61);
  const Point from = turned(steps_[moment].tile, follower.turn);
  const model::Tile to = placement.draw(prng);
  follower.shift_x = chunk_shift(from.x, to.x);
  follower.shift_y = chunk_shift(from.y, to.y);
  return follower;
}

bool Walks::advance(Follower& follower) const noexcept {
  if (follower.wait > 0) {
    --follower.wait;
    return false;
  }
  const Walk& walk = walks_[follower.walk];
  if (walk.count < 2) return false;
  if (follower.step == 0) follower.back = false;
  if (follower.step == walk.count - 1) follower.back = true;
  const std::uint32_t from = walk.first + follower.step;
  follower.step = follower.back ? follower.step - 1 : follower.step + 1;
  const std::uint32_t to = walk.first + follower.step;
  follower.wait = steps_[to].wait;
  return steps_[std::min(from, to)].jump;
}

model::Tile Walks::at(const Follower& follower, const model::TileRect& rect) const noexcept {
  const Step& step = steps_[walks_[follower.walk].first + follower.step];
  const Point point = turned(step.tile, follower.turn);
  return {folded(point.x + follower.shift_x, rect.low.x, rect.high.x),
          folded(point.y + follower.shift_y, rect.low.y, rect.high.y)};
}

}  // namespace hunt::load
