#include "load/crowd.h"

#include <algorithm>
#include <utility>

#include "base/result.h"
#include "model/limits.h"

namespace hunt::load {

Crowd::Crowd(CrowdOptions options, Walks walks)
    : options_(std::move(options)),
      walks_(std::move(walks)),
      placement_(options_.rect, std::move(options_.attractions)),
      hot_placement_(options_.hot_rect, {}),
      prng_(options_.seed) {
  HUNT_ASSERT(options_.players >= 1 && options_.players <= CrowdOptions::players_max);
  HUNT_ASSERT(options_.batch_players >= 1 && options_.batch_players <= limits::batch_positions_max);
  HUNT_ASSERT(options_.digs.denominator >= 1 && options_.digs.denominator <= (1ULL << 31) &&
              options_.digs.numerator <= options_.digs.denominator);
  HUNT_ASSERT(options_.hot.denominator >= 1 && options_.hot.numerator <= options_.hot.denominator);
  set_playing(options_.players);
  dig_below_ = (options_.digs.numerator << 32) / options_.digs.denominator;
  if (walks_.empty()) {
    walkers_.reserve(options_.players);
    for (std::uint32_t i = 0; i < options_.players; ++i) {
      walkers_.push_back(begin_walk(placement_of(i), prng_));
    }
  } else {
    followers_.reserve(options_.players);
    for (std::uint32_t i = 0; i < options_.players; ++i) {
      followers_.push_back(walks_.begin(placement_of(i), prng_));
    }
  }
}

void Crowd::set_playing(std::uint32_t players) noexcept {
  HUNT_ASSERT(players >= 1 && players <= options_.players);
  playing_ = players;
  servers_ = (players + options_.batch_players - 1) / options_.batch_players;
  if (server_ >= servers_) server_ = 0;
}

// Evenly among the indices: player i is hot where i * hot passes a whole number.
const Placement& Crowd::placement_of(std::uint32_t index) const noexcept {
  const Ratio& hot = options_.hot;
  if (hot.numerator == 0) return placement_;
  const std::uint64_t before = index * hot.numerator / hot.denominator;
  const bool is_hot = (index + std::uint64_t{1}) * hot.numerator / hot.denominator != before;
  return is_hot ? hot_placement_ : placement_;
}

void Crowd::next_batch(model::Batch& out) {
  const std::uint32_t first = server_ * options_.batch_players;
  const std::uint32_t count = std::min(options_.batch_players, playing_ - first);
  out.world = options_.world;
  out.as_of_us.reset();
  out.positions.resize(count);
  std::uint64_t word = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    word = i % 2 == 0 ? prng_.next() : word >> 32;
    model::Position& position = out.positions[i];
    position.player = player_id(first + i);
    position.tile = step(first + i);
    position.kind = (word & 0xffff'ffffU) < dig_below_ ? model::Kind::dig : model::Kind::step;
    position.seq = tick_;
    position.sent_at_us = 0;
  }
  if (++server_ == servers_) {
    server_ = 0;
    ++tick_;
  }
}

model::Tile Crowd::step(std::uint32_t index) noexcept {
  if (!walkers_.empty()) {
    Walker& walker = walkers_[index];
    jumps_ += advance(walker, placement_of(index), prng_) ? 1 : 0;
    return walker.at;
  }
  Follower& follower = followers_[index];
  jumps_ += walks_.advance(follower) ? 1 : 0;
  return walks_.at(follower, placement_of(index).rect());
}

model::PlayerId Crowd::player_id(std::uint32_t index) const noexcept {
  std::uint64_t state = options_.seed ^ (std::uint64_t{index} << 32);
  const std::uint64_t high = splitmix64(state);
  const std::uint64_t low = splitmix64(state);
  // Version 8 (custom) and the variant of RFC 9562.
  return {(high & ~0xf000ULL) | 0x8000ULL, (low & ~(3ULL << 62)) | (2ULL << 62)};
}

}  // namespace hunt::load
