#include "load/mobility.h"

#include <algorithm>
#include <array>
#include <bit>

namespace hunt::load {
namespace {

constexpr std::array<std::int8_t, 8> heading_x = {1, 1, 0, -1, -1, -1, 0, 1};
constexpr std::array<std::int8_t, 8> heading_y = {0, 1, 1, 1, 0, -1, -1, -1};

// Turns between two legs, in eighths of a circle: mostly small, sometimes about.
constexpr std::array<std::uint8_t, 16> turns = {0, 0, 0, 0, 1, 1, 1, 7, 7, 7, 2, 2, 6, 6, 3, 5};

constexpr int leg_doublings_max = 6;          // legs of 2 to 127 steps
constexpr std::uint64_t pause_mask = 7;       // every eighth leg is a pause
constexpr std::uint64_t journey_mask = 0x3f;  // every 64th leg begins with a journey

// Lengths with P(length >= n) about 1 / n: a doubling for each zero bit, uniform in between.
std::uint16_t leg_steps(std::uint64_t word) noexcept {
  const int doublings = 1 + std::min(std::countr_zero(word >> 32), leg_doublings_max - 1);
  const std::uint64_t low = std::uint64_t{1} << doublings;
  return static_cast<std::uint16_t>(low + ((word >> 16) & (low - 1)));
}

// The heading with its x or y part turned round.
std::uint8_t mirrored(std::uint8_t heading, bool x, bool y) noexcept {
  unsigned turned = heading;
  if (x) turned = (12U - turned) & 7U;
  if (y) turned = (8U - turned) & 7U;
  return static_cast<std::uint8_t>(turned);
}

}  // namespace

Walker begin_walk(const Placement& placement, Prng& prng) noexcept {
  Walker walker;
  walker.at = placement.draw(prng);
  walker.heading = static_cast<std::uint8_t>(prng.next() >> 61);
  return walker;
}

bool advance(Walker& walker, const Placement& placement, Prng& prng) noexcept {
  bool journey = false;
  if (walker.left == 0) {
    const std::uint64_t word = prng.next();
    walker.left = leg_steps(word);
    walker.standing = (word & pause_mask) == 0;
    walker.heading = (walker.heading + turns[(word >> 4) & 15]) & 7;
    if (((word >> 8) & journey_mask) == 0) {
      walker.at = placement.draw(prng);
      journey = true;
    }
  }
  --walker.left;
  if (walker.standing || journey) return journey;
  const model::TileRect& rect = placement.rect();
  std::int64_t x = std::int64_t{walker.at.x} + heading_x[walker.heading];
  std::int64_t y = std::int64_t{walker.at.y} + heading_y[walker.heading];
  const bool off_x = x < rect.low.x || x > rect.high.x;
  const bool off_y = y < rect.low.y || y > rect.high.y;
  if (off_x || off_y) {
    walker.heading = mirrored(walker.heading, off_x, off_y);
    // A world one tile wide leaves no way at all: then the walker stays.
    x = std::clamp<std::int64_t>(std::int64_t{walker.at.x} + heading_x[walker.heading], rect.low.x,
                                 rect.high.x);
    y = std::clamp<std::int64_t>(std::int64_t{walker.at.y} + heading_y[walker.heading], rect.low.y,
                                 rect.high.y);
  }
  walker.at = {static_cast<std::int32_t>(x), static_cast<std::int32_t>(y)};
  return false;
}

}  // namespace hunt::load
