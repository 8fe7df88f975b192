// Crowd: players on game servers, whose ticks come out as batches of positions.
//
// Deterministic: the same options and walks give the same batches. Players follow recorded walks
// when there are any, else the mobility model. Not a schedule and not a client: each call moves the
// players of one game server by one step, and the caller decides when (a step a second and player
// is the natural pace; calling faster speeds the walks up). One thread; 32 bytes a player at most
// and no allocation once the batch has its size.
#pragma once
#include <cstdint>
#include <vector>

#include "base/prng.h"
#include "load/demo_world.h"
#include "load/mobility.h"
#include "load/placement.h"
#include "load/walks.h"
#include "model/batch.h"

namespace hunt::load {

struct CrowdOptions {
  static constexpr std::uint32_t players_max = 10'000'000;
  std::uint64_t seed = 1;
  std::uint32_t players = 28'000;     // 1 to players_max
  std::uint32_t batch_players = 100;  // of one game server; 1 to limits::batch_positions_max
  Ratio digs{1, 20};
  model::WorldId world = 1;
  model::TileRect rect = demo_world_rect;
  std::vector<model::Tile> attractions;  // most popular first, see placement.h
  // So many of the players, spread over the servers, stay within `hot_rect`, anywhere in it.
  Ratio hot{0, 1};
  model::TileRect hot_rect = demo_world_rect;
};

class Crowd {
 public:
  explicit Crowd(CrowdOptions options, Walks walks = {});

  // The next game server's tick, servers in turn: one position for each of its players. `seq` is
  // the player's count of positions; sent_at_us stays 0. The previous content of `out` is replaced.
  void next_batch(model::Batch& out);
  // From the next batch on only the first `players` play; the others stand where they are.
  // Bound: 1 to CrowdOptions::players.
  void set_playing(std::uint32_t players) noexcept;

  // A UUID (version 8) that depends on the seed and the index alone. index < players.
  [[nodiscard]] model::PlayerId player_id(std::uint32_t index) const noexcept;
  [[nodiscard]] std::uint32_t servers() const noexcept { return servers_; }
  // Positions so far that were farther than one tile from the player's last one by intention: a
  // journey of the model, or a jump of the recorded walk.
  [[nodiscard]] std::uint64_t jumps() const noexcept { return jumps_; }

 private:
  [[nodiscard]] model::Tile step(std::uint32_t index) noexcept;
  [[nodiscard]] const Placement& placement_of(std::uint32_t index) const noexcept;

  CrowdOptions options_;
  Walks walks_;
  Placement placement_;
  Placement hot_placement_;
  Prng prng_;
  std::vector<Walker> walkers_;      // one a player, without walks
  std::vector<Follower> followers_;  // one a player, with walks
  std::uint32_t playing_ = 0;
  std::uint32_t servers_ = 0;  // of those who play
  std::uint32_t server_ = 0;   // the next one
  std::uint64_t tick_ = 1;
  std::uint64_t dig_below_ = 0;  // of 2^32
  std::uint64_t jumps_ = 0;
};

}  // namespace hunt::load
