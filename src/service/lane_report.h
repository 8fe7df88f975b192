// LaneReport: hands a lane's figures, evidence and samples to the Observer, now and then.
//
// Not on the hot path: called each tick, it does something ten times a second at most. Thread: its
// lane's.
#pragma once
#include <array>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <vector>

#include "engine/l1.h"
#include "engine/timeline.h"
#include "ports/clock.h"
#include "ports/tile_cache.h"
#include "ports/world_store.h"
#include "service/cache_node_times.h"
#include "service/chunk_loader.h"
#include "service/claim_desk.h"
#include "service/lane_metrics.h"
#include "service/live_sampler.h"
#include "service/observer.h"
#include "service/stall_meter.h"

namespace hunt::service {

// What a lane shows; all of it outlives the report.
struct LaneView {
  LaneMetrics& metrics;
  const engine::L1& l1;
  const ClaimDesk& desk;
  const ChunkLoader& loader;
  engine::Reservoir& answer_times;
  const engine::OpenClocks& open_answers;
  engine::Reservoir& claim_times;
  const LiveSampler& sampler;
  const StallMeter& stalls;
  const ports::TileCache* cache = nullptr;
};

// Of one shard since the start, as StoreHealth counts them.
struct FailureCounts {
  std::uint64_t failures = 0;
  std::uint64_t breaks = 0;
};
// Those since `before`, and what they are due to: a few that broke off among others say little.
[[nodiscard]] engine::Failures failures_since(const StoreHealth& health,
                                              const FailureCounts& before);

class LaneReport {
 public:
  LaneReport(std::size_t lane, Observer& observer, const ports::Clock& clock, LaneView view)
      : lane_(lane), observer_(observer), clock_(clock), view_(view) {}

  // At most ten times a second, unless it is the `last`.
  void publish_figures(std::int64_t now_ns, bool last);
  // At most once a second; true when it did.
  [[nodiscard]] bool publish_evidence(std::int64_t now_ns);
  // How long a shard's store takes to say next to nothing: the round trip.
  [[nodiscard]] boost::asio::awaitable<void> probe(std::uint32_t shard, ports::WorldStore* store);
  [[nodiscard]] bool probes(std::uint32_t shard) const noexcept {
    return shard < round_trips_.size() && round_trips_[shard].begun_ns != INT64_MAX;
  }

  [[nodiscard]] bool watched() const noexcept { return watched_; }

 private:
  [[nodiscard]] engine::Failures failures_of(std::uint32_t shard);

  const std::size_t lane_;
  Observer& observer_;
  const ports::Clock& clock_;
  LaneView view_;
  std::int64_t published_ns_ = INT64_MIN;
  std::int64_t sampled_ns_ = INT64_MIN;
  std::int64_t evidence_ns_ = 0;      // when the evidence was published last
  std::int64_t evidence_cpu_ns_ = 0;  // the lane's CPU time then
  std::int64_t evidence_starved_ns_ = 0;
  struct RoundTrips {
    std::array<std::int64_t, 3> newest_ns{};
    std::size_t count = 0;
    std::int64_t begun_ns = INT64_MAX;  // of the one under way
    model::StoreDoing doing;
    std::int64_t strangers_ns = INT64_MIN / 2;  // when somebody else held a lock
    std::int64_t answered_ns = 0;               // when the newest one that was answered was sent
  };
  CacheNodeTimes cache_nodes_;
  std::vector<RoundTrips> round_trips_;              // by shard
  std::vector<std::deque<FailureCounts>> failures_;  // by shard, one each second
  bool watched_ = false;
};

}  // namespace hunt::service
