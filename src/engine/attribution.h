// attribute(): of the time of the slowest 1 %, which stage and resource holds the largest share, is
// it CPU, a round trip, a lock, a commit or a limit, and what to do about it.
//
// Not a measurement and not a guess: where no part stands out it says so. Pure.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/timeline.h"
#include "model/why.h"

namespace hunt::engine {

// A call that does next to nothing, sent to a shard once a second.
struct Probe {
  std::int64_t newest_ns = 0;  // the least of the newest ones
  std::int64_t open_ns = 0;    // so long the one under way has waited; 0: none is
  std::int64_t age_ns = 0;     // since the newest one that was answered was sent
  // What the server said then of calls of this hunt: some wait for locks, some for their commit.
  bool locked = false;
  bool committing = false;
  // Of the last ten seconds: a lock they waited for was held by somebody else than this hunt. Known
  // where the store tells who holds locks.
  bool strangers = false;
  bool tells_holders = false;
};

// Calls to a shard that failed in the last ten seconds, whatever came of them then.
struct Failures {
  std::uint64_t count = 0;
  std::string error;                          // the last one of that cause
  model::Cause cause = model::Cause::server;  // round_trip: half of them broke off at least
  std::uint64_t breaks = 0;                   // those of them that broke off
};

// A node of the shared cache that was much slower than the others in the last ten seconds.
struct SlowNode {
  std::string address;  // empty: none is
  std::int64_t mean_ns = 0;
  std::uint64_t late = 0;  // commands that it did not answer in time
  std::int64_t others_ns = 0;
};

// Why nobody tells the grants of a shard now.
struct NotTold {
  std::string because;   // a sentence; empty: somebody tells them, or it is not known
  std::string resource;  // whose fault it is: "bus", "relay of shard 0"
};

struct Evidence {
  std::vector<Timeline> answers;   // batches, from arrival to reply
  std::vector<Timeline> claims;    // from the arrival of who found them until they are told
  std::vector<Probe> probes;       // by shard
  std::vector<Failures> failures;  // by shard
  std::vector<NotTold> not_told;   // by shard
  // By shard: its server is on this machine, and shares its cores.
  std::vector<bool> stores_here;
  bool cache_here = false;
  SlowNode slow_node;
  // Of the lane that wants the most of a core: what it had, and how long it was ready without one.
  double lane_busy = 0;
  double lane_starved = 0;
  // Of the last ten seconds, how long somebody on this machine was ready without a core; 0:
  // unknown.
  double cpu_pressure = 0;
  // The longest time of late that a lane stood still, neither running nor waiting for a core.
  std::int64_t lane_stalled_ns = 0;
  // Since it was gathered: each lane tells what it has seen once a second.
  std::int64_t age_ns = 0;
  // The lane that was not heard of for the longest: all its evidence is as old.
  std::size_t lane_still = 0;
  std::int64_t lane_still_ns = 0;
  // The same of the thread that answers HTTP.
  double front_busy = 0;
  double front_starved = 0;
  std::int64_t front_stalled_ns = 0;
  std::uint32_t lane_count = 1;
  std::uint64_t claims_waiting = 0;
  std::uint64_t claims_waiting_max = 0;
  std::uint64_t grant_calls_inflight = 0;  // of the shard with the most
  std::uint64_t grant_calls_max = 0;       // of one shard
  std::uint64_t loads_inflight = 0;        // reads of the store, of the shard with the most
  std::uint64_t loads_max = 0;             // of one shard
  std::string store_error;                 // the last one while it lasts
  model::Cause store_error_cause = model::Cause::server;  // or round_trip, or lock
  std::uint32_t store_error_shard = 0;
  // Mean of the slowest 1 % in the better part of the hour before; 0: not known.
  std::int64_t answers_before_ns = 0;
  std::int64_t claims_before_ns = 0;
};

// Below these the tail is fine: discovery is to be about a millisecond, a claim a commit or two.
// Ten times that is where somebody would want to know.
inline constexpr std::int64_t answers_fine_ns = 10'000'000;
inline constexpr std::int64_t claims_fine_ns = 100'000'000;

[[nodiscard]] model::Why attribute(const Evidence& evidence);

// Mean of the slowest 1 %, at least of one; 0 when there are none.
[[nodiscard]] std::int64_t tail_mean_ns(const std::vector<Timeline>& timelines);

}  // namespace hunt::engine
