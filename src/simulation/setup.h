// Setup: one simulated run before it runs: how big, which faults, how often, when.
//
// Not the run (run.h). Drawn whole from a seed, or read from a scenario; then a fault can be
// taken out without moving the others, which is how a failing run is made small. Values.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/prng.h"
#include "base/result.h"
#include "sim/faults.h"

namespace hunt::simulation {

// A fault that is planned: it strikes once, at a time, somewhere.
struct Fault {
  sim::FaultKind kind = sim::FaultKind::crash;
  std::int64_t at_ns = 0;
  std::int64_t for_ns = 0;
  std::uint64_t target = 0;  // which of those it can strike, modulo their count
};

// A fault that happens by chance, at each occasion.
struct Rate {
  sim::FaultKind kind = sim::FaultKind::message_lost;
  Ratio rate;
};

// What a scenario says must come out of it, besides every promise. 0: nothing said.
struct Expect {
  std::uint64_t chunk_reads_max = 0;      // of any one chunk from its store
  std::int64_t loads_inflight_max = 0;    // at one store at the same time
  std::int64_t strained_percent_max = 0;  // of some second's positions are answered at most so many
  std::int64_t answered_percent_min = 0;  // of each second's, from answered_from_s on
  std::int64_t answered_from_s = 0;
};

struct Setup {
  std::uint64_t seed = 1;
  std::int64_t seconds = 14;  // of faults; then all is mended and has to come right
  std::uint32_t pods = 3;
  std::uint32_t shards = 2;
  std::uint32_t relays = 2;  // per shard: one and its standby
  std::uint32_t caches = 2;
  std::uint32_t clients = 2;
  std::uint32_t positions_per_second = 1'000;
  std::uint32_t players = 400;
  std::uint32_t loot_tiles = 160;
  std::uint32_t stored_percent = 30;  // of the batches go to the stream
  std::int32_t reach_tiles = 96;      // the world is so large in each direction
  std::uint32_t l1_bytes = 4'000'000;
  std::int64_t store_work_percent = 100;  // of what a store's work usually costs
  bool windows = false;                   // loot that opens later or closes by itself
  bool rollout =
      false;  // the rules are for some of the players; pushes change that, and the worlds
  bool one_core = false;  // when mended, one pod alone goes on; the others stay dead
  std::vector<Rate> rates;
  std::vector<Fault> faults;
  Expect expect;
};

// Whether any of its faults changes rules: then its pods keep a book of them.
[[nodiscard]] bool changes_rules(const Setup& setup);

// Everything from the seed: each seed has its own set of kinds and rates (a swarm).
[[nodiscard]] Setup draw_setup(std::uint64_t seed, std::int64_t seconds);

// A scenario file: YAML with the names above. Errors: io, invalid_argument (with the key).
[[nodiscard]] Result<Setup> load_scenario(const std::string& path);

// One line per fault, for people.
[[nodiscard]] std::string describe(const Fault& fault);
[[nodiscard]] std::string describe(const Rate& rate);

}  // namespace hunt::simulation
