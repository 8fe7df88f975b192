// Orchestrator: one lane's engine room. Batches in, outcomes out; claims to the store.
//
// Stateless in the sense that matters: all it holds can be lost at any moment. It decides when and
// how often, never what: outcomes come from engine/, grants from the store. Lifecycle: construct,
// start(), serve through the bus, drain(), destroy. Thread: its lane's.
#pragma once
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <set>
#include <vector>

#include "engine/answer.h"
#include "engine/claim_id.h"
#include "engine/l1.h"
#include "engine/roll.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"
#include "service/chunk_loader.h"
#include "service/claim_desk.h"
#include "service/lane_metrics.h"
#include "service/live_sampler.h"
#include "service/observer.h"
#include "service/signal.h"

namespace hunt::service {

struct OrchestratorOptions {
  std::size_t lane = 0;                              // its number at the Observer
  std::size_t l1_bytes_max = 48U * 1'024U * 1'024U;  // guess: holds the reference world twice
  std::uint64_t seed = 1;                            // for jitter
  std::vector<std::uint8_t> event_seed;              // 32 bytes
};

class Orchestrator final : public ports::BatchHandler {
 public:
  Orchestrator(OrchestratorOptions options, ports::HuntStore& store, ports::Bus& bus,
               const ports::Clock& clock, ports::Timer& timer, boost::asio::any_io_executor lane,
               Observer& observer, std::shared_ptr<const model::RuleSet> rules);

  // Listens for invalidations and begins to tick. Then the bus may serve with this object.
  void start();
  // Waits until batches and claims are done (claims at most until `deadline_ns`), then stops.
  [[nodiscard]] boost::asio::awaitable<void> drain(std::int64_t deadline_ns);

  // Loads these chunks, so that the first request finds them. Errors: those of load_chunks.
  [[nodiscard]] boost::asio::awaitable<Result<void>> prewarm(std::vector<model::ChunkKey> chunks);

  void set_rules(std::shared_ptr<const model::RuleSet> rules);

  // The lane's copies, for checkers.
  [[nodiscard]] const engine::L1& memory() const noexcept { return l1_; }

  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> handle(model::Batch batch,
                                                                         ports::Wait wait) override;

 private:
  struct Ask;  // one batch on its way through

  [[nodiscard]] boost::asio::awaitable<Result<void>> know_world(model::WorldId world);
  [[nodiscard]] boost::asio::awaitable<Result<void>> answer_all(Ask& ask);
  [[nodiscard]] boost::asio::awaitable<Result<void>> await_verdicts(Ask& ask);
  void settle_candidates(Ask& ask);
  void settle(Ask& ask, const engine::Candidate& candidate);
  void finish(Ask& ask);
  void on_invalidation(const model::Invalidation& invalidation);
  [[nodiscard]] boost::asio::awaitable<void> tick();
  void publish_figures(std::int64_t now_ns);
  void publish_evidence(std::int64_t now_ns);
  [[nodiscard]] boost::asio::awaitable<void> probe();

  const OrchestratorOptions options_;
  ports::HuntStore& store_;
  ports::Bus& bus_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  Observer& observer_;
  LaneMetrics metrics_;
  engine::Reservoir answer_times_;
  engine::Reservoir claim_times_;
  engine::L1 l1_;
  engine::Roller roller_;
  engine::ClaimIds claim_ids_;
  Deadlines deadlines_;
  ChunkLoader loader_;
  ClaimDesk desk_;
  LiveSampler sampler_;
  TaskGroup tasks_;
  std::vector<std::unique_ptr<engine::Turn>> idle_turns_;
  std::set<model::WorldId> worlds_;
  std::int64_t worlds_asked_ns_ = INT64_MIN;
  std::uint64_t relay_ = 0;  // of the last invalidation
  std::uint64_t relay_epoch_ = 0;
  std::uint64_t relay_seq_ = 0;
  std::size_t asks_inflight_ = 0;
  std::int64_t published_ns_ = INT64_MIN;
  std::int64_t sampled_ns_ = INT64_MIN;
  std::int64_t evidence_ns_ = 0;                  // when the evidence was published last
  std::int64_t evidence_cpu_ns_ = 0;              // the lane's CPU time then
  std::array<std::int64_t, 3> round_trips_ns_{};  // the newest probes of the store
  std::size_t probe_count_ = 0;
  bool watched_ = false;
  bool stopping_ = false;
};

}  // namespace hunt::service
