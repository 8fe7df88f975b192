// Figures of a running orchestrator: what /v1/stats, /metrics, the page and the reports show.
//
// Not histograms in the making (those are per lane, base/histogram.h): a snapshot by value.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/batch.h"
#include "model/claim.h"
#include "model/why.h"

namespace hunt::model {

struct LatencySummary {
  std::uint64_t count = 0;
  std::int64_t p50_ns = 0;
  std::int64_t p99_ns = 0;
  std::int64_t p999_ns = 0;
  std::int64_t max_ns = 0;
};

// How often a stage at a resource took at most so long, since the start: a cumulative histogram.
// Every second power of two, from a microsecond to 17 seconds.
struct StageSeconds {
  static constexpr std::size_t edge_count = 13;
  [[nodiscard]] static constexpr std::int64_t edge_ns(std::size_t index) noexcept {
    return (std::int64_t{1} << (10 + 2 * index)) - 1;
  }
  Stage stage = Stage::queue;
  std::string resource;
  bool worked = false;  // else waited
  std::array<std::uint64_t, edge_count> at_or_below{};
  std::uint64_t count = 0;
  std::uint64_t sum_ns = 0;
};

struct Stats {
  std::string version;
  std::string rules;  // rules version in force
  std::string event;  // names of the events in force, comma separated
  std::string store;  // URL without secrets
  std::int64_t uptime_ns = 0;
  std::uint32_t lanes = 0;
  std::array<std::uint64_t, outcome_count> positions{};  // answers given, by outcome
  std::array<std::uint64_t, outcome_count> claims{};     // terminal outcomes, by outcome
  std::uint64_t batches = 0;
  std::uint64_t grants = 0;   // new ones by this process
  std::uint64_t repeats = 0;  // granted before, told again
  std::uint64_t claims_waiting = 0;
  std::uint64_t claim_retries = 0;  // grant calls repeated after an error
  std::uint64_t shed = 0;           // positions answered busy
  std::uint64_t l1_hits = 0;        // positions answered from L1 at once
  std::uint64_t l1_misses = 0;      // positions that waited for a chunk
  std::uint64_t loot_lookups = 0;   // positions on a tile that bears loot
  std::uint64_t loot_misses = 0;    // those of them that waited for a chunk
  std::uint64_t chunks_loaded = 0;
  std::uint64_t l2_hits = 0;    // chunks that the shared cache had
  std::uint64_t l2_misses = 0;  // and had not
  std::uint64_t cache_errors = 0;
  std::uint64_t cross_shard = 0;  // stored positions that were passed on to their shard
  std::uint64_t l1_chunks = 0;
  std::uint64_t l1_bytes = 0;
  std::uint64_t l1_evictions = 0;
  std::uint64_t rules_rejected = 0;
  LatencySummary answer;        // of a batch, from arrival to reply
  LatencySummary cache_read;    // one read of the shared cache, of up to 256 chunks
  LatencySummary store_load;    // one load call
  LatencySummary store_grant;   // one grant call, commit included
  LatencySummary invalidation;  // commit to applied in L1
  std::vector<StageSeconds> stages;
  std::string store_error;  // the store's last error while it lasts, or empty
  std::string warning;      // what is not as it should be though requests can be served, or empty
  std::int64_t relay_silence_ns = 0;  // since a relay was heard; of several shards the longest
};

// A sample for the live page.
struct LivePlayer {
  std::uint32_t tag = 0;  // a short stable number of the player; not the id
  Tile tile;
  Kind kind = Kind::step;
};

struct LiveView {
  std::vector<LivePlayer> players;  // Bound: 2,048; newest position of each
  std::vector<ClaimEvent> finds;    // Bound: 64; newest last
  std::vector<Tile> loot_open;      // Bound: 4,096; a fixed sample of the loot in L1
  std::vector<Tile> loot_gone;      // sold out, of the same sample
  TileRect bounds;                  // of what is shown
};

}  // namespace hunt::model
