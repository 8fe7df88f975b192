// Orchestrator: one lane's engine room. Batches in, outcomes out; claims to the store.
//
// Stateless in the sense that matters: all it holds can be lost at any moment. It decides when and
// how often, never what: outcomes come from engine/, grants from the store. Lifecycle: construct,
// start(), serve through the bus, drain(), destroy. Thread: its lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "engine/answer.h"
#include "engine/claim_id.h"
#include "engine/l1.h"
#include "engine/roll.h"
#include "model/limits.h"
#include "model/rules_in_force.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"
#include "service/chunk_loader.h"
#include "service/claim_desk.h"
#include "service/claim_lookups.h"
#include "service/lane_metrics.h"
#include "service/lane_report.h"
#include "service/live_sampler.h"
#include "service/observer.h"
#include "service/recent_claims.h"
#include "service/shards.h"
#include "service/signal.h"
#include "service/sold_out.h"
#include "service/stall_meter.h"
#include "service/starved_meter.h"

namespace hunt::service {

struct OrchestratorOptions {
  std::size_t lane = 0;                              // its number at the Observer
  std::size_t l1_bytes_max = 48U * 1'024U * 1'024U;  // guess: holds the reference world twice
  std::uint64_t seed = 1;                            // for jitter
  std::vector<std::uint8_t> event_seed;              // 32 bytes
  std::shared_ptr<const model::ShardMap> map;        // none: all is shard 0's
  std::vector<model::ShardId> served;                // empty: every shard's positions
  std::size_t grant_calls_max = limits::claim_calls_inflight_max;  // per shard
  bool stage_clock = true;  // off: only to measure what it costs
};

// What an orchestrator stands on. Lifetime: all of it outlives the orchestrator.
struct OrchestratorPorts {
  std::vector<ports::HuntStore*> stores;  // by shard
  ports::Bus& bus;
  const ports::Clock& clock;
  ports::Timer& timer;
  boost::asio::any_io_executor lane;
  ports::TileCache* cache = nullptr;  // none: every load reads the store
  // A store knows of other rules than the lane does: somebody is to look. Thread: the lane's.
  std::function<void()> rules_stale = {};
};

class Orchestrator final : public ports::BatchHandler {
 public:
  Orchestrator(OrchestratorOptions options, OrchestratorPorts ports, Observer& observer,
               model::RuleSetPtr rules);

  // Listens for invalidations and begins to tick. Then the bus may serve with this object.
  void start();
  // Waits until batches and claims are done (claims at most until `deadline_ns`), then stops.
  [[nodiscard]] boost::asio::awaitable<void> drain(std::int64_t deadline_ns);

  // Loads those of these chunks that what is served here needs, so that the first request finds
  // them. Errors: those of load_chunks; deadline_exceeded, with the rest left out.
  [[nodiscard]] boost::asio::awaitable<Result<void>> prewarm(std::vector<model::ChunkKey> chunks,
                                                             std::int64_t deadline_ns);

  // From now on each position is judged, and each claim rolled, by those in force at its time.
  void set_rules(model::RulesInForcePtr rules);
  void set_rules(model::RuleSetPtr rules) { set_rules(model::only_rules(std::move(rules))); }
  // Errors: invalid_argument (the map names a shard without a store).
  [[nodiscard]] Result<void> set_map(std::shared_ptr<const model::ShardMap> map);
  [[nodiscard]] const Shards& shards() const noexcept { return shards_; }
  void count_cross_shard(std::uint64_t positions) noexcept { metrics_.cross_shard += positions; }
  // A time of acceptance that nobody vouched for.
  void count_distrusted_time() noexcept { ++metrics_.distrusted_times; }

  // The lane's copies, for checkers.
  [[nodiscard]] const engine::L1& memory() const noexcept { return l1_; }

  // What became of claims lately, for support. Thread: any.
  [[nodiscard]] const RecentClaims& recent() const noexcept { return recent_; }

  // A batch with an as_of comes from a stored message: nothing of it is shed, and its outcomes have
  // been told when it is answered. Errors: those of BatchHandler; moved (a position is not of a
  // shard that is served here, or not any more).
  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> handle(model::Batch batch,
                                                                         ports::Wait wait) override;
  // The same where memory has all of the answer and nothing is to be waited for or refused; else
  // false, and nothing was done. The batch is as it was; the reply's memory is used again. No
  // allocation for positions that find nothing, once that has grown.
  [[nodiscard]] bool answer_at_once(model::Batch& batch, ports::Wait wait,
                                    model::BatchReply& reply);
  // How long what is ready has waited for this lane.
  [[nodiscard]] std::int64_t late_ns() const noexcept { return stalls_.late_ns(clock_.now_ns()); }

 private:
  struct Ask;  // one batch on its way through
  struct SeenRelay {
    std::uint64_t relay = 0;
    std::uint64_t epoch = 0;
    std::uint64_t seq = 0;
  };

  [[nodiscard]] Result<void> admit(const model::Batch& batch, std::int64_t now_ns) const;
  [[nodiscard]] bool serves_near(const model::ChunkKey& key) const;
  [[nodiscard]] bool has_foreign(const model::Batch& batch) const;
  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> process(model::Batch batch,
                                                                          ports::Wait wait);
  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> answer_digs(model::Batch batch,
                                                                              ports::Wait wait);
  [[nodiscard]] boost::asio::awaitable<Result<void>> know_world(const model::Batch& batch);
  [[nodiscard]] boost::asio::awaitable<Result<void>> answer_all(Ask& ask);
  [[nodiscard]] bool answer_from_memory(Ask& ask, bool insists);
  void take_turn(Ask& ask);
  void look(Ask& ask, const engine::Moment& moment);
  // What was seen is counted, and what it found becomes claims.
  void settle_look(Ask& ask);
  [[nodiscard]] boost::asio::awaitable<Result<void>> await_verdicts(Ask& ask);
  void settle_candidates(Ask& ask);
  void settle(Ask& ask, const engine::Candidate& candidate);
  // True: memory has the answer. Else `claim` is set.
  [[nodiscard]] bool settle_from_memory(Ask& ask, const engine::Candidate& candidate, bool insists,
                                        model::ClaimId& claim);
  // All candidates of who insists; false: nothing was done.
  [[nodiscard]] bool settle_all_from_memory(Ask& ask);
  [[nodiscard]] boost::asio::awaitable<Result<void>> learn_worlds(model::ShardId shard);
  [[nodiscard]] model::Outcome by_rules_of(std::int64_t as_of_us,
                                           const engine::Candidate& candidate,
                                           const model::Claim& claim, Asker& asker) const;
  void follow_rules();
  void ask_ledger(Ask& ask, const engine::Candidate& candidate, model::ClaimId id);
  // The batch has its answer, or an error.
  void end_times(Ask& ask);
  void finish(Ask& ask);
  void note_refused(std::size_t positions, const Error& why);
  void note_refused(Ask& ask, const Error& why);
  void finish_shed(model::Batch batch);
  void record_answer(const Ask& ask, std::int64_t now_ns);
  void begin_times(Ask& ask) const;
  void cut(Ask& ask, model::Stage stage) const;
  // What it waited for: verdicts, or until it gave up.
  void cut_wait(Ask& ask, bool decided) const;
  void on_invalidation(const model::Invalidation& invalidation);
  [[nodiscard]] boost::asio::awaitable<void> tick();

  const OrchestratorOptions options_;
  ports::Bus& bus_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  Shards shards_;
  LaneMetrics metrics_;
  RecentClaims recent_;
  engine::Reservoir answer_times_;
  engine::Reservoir claim_times_;
  engine::OpenClocks open_answers_;
  StarvedMeter starved_;
  StallMeter stalls_;
  model::RulesInForcePtr rules_;
  engine::L1 l1_;  // with those of them in force now
  engine::Roller roller_;
  engine::ClaimIds claim_ids_;
  Deadlines deadlines_;
  ChunkLoader loader_;
  SoldOut sold_out_;
  ClaimLookups lookups_;
  ClaimDesk desk_;
  LiveSampler sampler_;
  LaneReport report_;
  TaskGroup tasks_;
  std::vector<std::unique_ptr<engine::Turn>> idle_turns_;
  std::int64_t worlds_asked_ns_ = INT64_MIN;
  std::vector<SeenRelay> relays_;  // by shard: the last invalidation
  std::uint64_t batches_seen_ = 0;
  bool stopping_ = false;
};

}  // namespace hunt::service
