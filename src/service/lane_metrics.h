// LaneMetrics: the plain counters and histograms of one lane, written by its thread alone.
//
// Not shared: a copy is handed to the Observer now and then (observer.h).
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/occupancy.h"
#include "model/batch.h"
#include "model/figures.h"
#include "model/stats.h"
#include "model/why.h"
#include "ports/store_trouble.h"
#include "service/stage_times.h"

namespace hunt::service {

using OutcomeCounts = std::array<std::uint64_t, model::outcome_count>;

// What a lane's calls to one shard's store came to lately.
struct StoreHealth {
  // One kind of call; the last error while it lasts.
  struct Calls {
    std::string error;
    std::int64_t since_ns = 0;  // the first error of this trouble
    std::int64_t last_ns = 0;
    ports::StoreTrouble trouble{};
    void failed(const Error& why, std::int64_t now_ns) {
      if (error.empty()) since_ns = now_ns;
      error = why.message;
      trouble = ports::trouble_of(why);
      last_ns = now_ns;
    }
    void work() noexcept {
      error.clear();
      trouble = ports::StoreTrouble::none;
    }
  };
  Calls grants;   // repeated until they work
  Calls loads;    // repeated when somebody asks again
  Calls lookups;  // of claims, the same
  Calls probes;   // repeated each second
  // Calls that failed at the store since the start, those of them that broke off (their connection
  // did, or there was none), and the last errors: of one that broke off, and of any other.
  std::uint64_t failures = 0;
  std::uint64_t breaks = 0;
  Error broke;
  Error failure;
  void failed(Calls& calls, const Error& why, std::int64_t now_ns) {
    calls.failed(why, now_ns);
    if (calls.trouble <= ports::StoreTrouble::late) return;
    ++failures;
    const bool breaks_off = calls.trouble == ports::StoreTrouble::unreachable;
    if (breaks_off) ++breaks;
    (breaks_off ? broke : failure) = why;
  }
};

[[nodiscard]] inline model::Cause cause_of(ports::StoreTrouble trouble) noexcept {
  if (trouble == ports::StoreTrouble::unreachable) return model::Cause::round_trip;
  return trouble == ports::StoreTrouble::locked ? model::Cause::lock : model::Cause::server;
}

// A call whose outcome is not known may have met any of them; others of the same shard tell.
[[nodiscard]] inline model::Cause cause_of(const StoreHealth& store) noexcept {
  return cause_of(std::max(
      {store.grants.trouble, store.loads.trouble, store.lookups.trouble, store.probes.trouble}));
}

// Those that fail now, the worst first; null: none.
[[nodiscard]] inline const StoreHealth::Calls* failing_calls(const StoreHealth& store) noexcept {
  for (const auto* calls : {&store.grants, &store.loads, &store.lookups, &store.probes}) {
    if (!calls->error.empty()) return calls;
  }
  return nullptr;
}

// The same, of those errors that say what the store is up to.
[[nodiscard]] inline const StoreHealth::Calls* telling_calls(const StoreHealth& store) noexcept {
  for (const auto* calls : {&store.grants, &store.loads, &store.lookups, &store.probes}) {
    if (calls->trouble > ports::StoreTrouble::late) return calls;
  }
  return nullptr;
}

// One bound of a lane, and what is under way of it.
struct Bound {
  std::uint64_t limit = 0;  // 0: there is none
  Occupancy use;
};

// Those of a lane. Each is counted where it is enforced.
struct LaneBounds {
  Bound batches;                   // taken and not answered
  Bound claims;                    // found and without a verdict
  std::vector<Bound> load_calls;   // by shard
  std::vector<Bound> grant_calls;  // by shard
};

struct LaneMetrics : model::Counts {
  OutcomeCounts positions{};
  OutcomeCounts claims{};
  model::Latencies<Histogram> latencies;
  model::Latencies<model::Exemplars> examples;
  StageTimes stages;        // of batches
  StageTimes claim_stages;  // of claims
  LaneBounds bounds;
  model::LaneUse use;
  std::vector<model::CacheNode> cache_nodes;
  std::string other_hunt;                  // whose the shared cache is, while that is not ours
  std::vector<StoreHealth> stores;         // by shard
  std::vector<std::uint64_t> shard_looks;  // by shard: the positions that were looked at

  void count(model::Outcome outcome) noexcept { ++positions[static_cast<std::size_t>(outcome)]; }
  void count_refused(Errc why) noexcept;
  void set_claims_waiting(std::uint64_t count, std::int64_t now_ns) noexcept {
    claims_waiting = count;
    bounds.claims.use.set(count, now_ns);
  }
  void count_claim(model::Outcome outcome) noexcept { ++claims[static_cast<std::size_t>(outcome)]; }
};

// By what its sender can do about it.
inline void LaneMetrics::count_refused(Errc why) noexcept {
  switch (why) {
    case Errc::too_large:
    case Errc::invalid_argument:
      ++refused_too_large;
      return;
    case Errc::overloaded:
      ++refused_full;
      return;
    case Errc::deadline_exceeded:
      ++refused_late;
      return;
    case Errc::moved:
      ++refused_moved;
      return;
    case Errc::not_found:
      ++refused_no_world;
      return;
    default:
      ++refused_store;
      return;
  }
}

}  // namespace hunt::service
