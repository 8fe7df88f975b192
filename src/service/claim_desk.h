// ClaimDesk: takes the claims of one lane to the stores of their shards and brings back what they
// came to.
//
// Not the decision (the store's) and not the lookup. A claim that was taken is never dropped: it is
// repeated, with the same id, until the store gave a verdict, and the verdict is told until the bus
// has it (a new grant is told by the relay, from the ledger). Claims are collected per shard while
// a call is under way, for at most limits::claim_linger_ns or limits::claims_per_call_max. Thread:
// its lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/claim_memo.h"
#include "engine/l1.h"
#include "engine/roll.h"
#include "engine/timeline.h"
#include "model/rules_in_force.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "service/claim_lookups.h"
#include "service/claim_wait.h"
#include "service/lane_metrics.h"
#include "service/recent_claims.h"
#include "service/retry_budget.h"
#include "service/shards.h"
#include "service/sold_out.h"
#include "service/starved_meter.h"
#include "service/task_group.h"
#include "service/tellings.h"

namespace hunt::service {

// The most that an operator may allow at once to one shard. Guess: by then the store is the limit.
inline constexpr std::size_t grant_calls_allowed_max = 64;

struct ClaimDeskOptions {
  std::size_t calls_inflight_max = 8;  // per shard. Bound: grant_calls_allowed_max
};

class ClaimDesk {
 public:
  // `l1` knows which epoch each shard is in, and how far its feed is trusted. `rules`: those in
  // force, as the lane knows them; `rules_stale` is called when a store knows better.
  ClaimDesk(ClaimDeskOptions options, const Shards& shards, const engine::L1& l1,
            const model::RulesInForcePtr& rules, std::function<void()> rules_stale,
            engine::Roller& roller, ClaimLookups& lookups, SoldOut& sold_out, ports::Bus& bus,
            const ports::Clock& clock, ports::Timer& timer, boost::asio::any_io_executor lane,
            LaneMetrics& metrics, engine::Reservoir& times, StarvedMeter& starved,
            RecentClaims& recent, Tellings& tellings);

  [[nodiscard]] bool full() const noexcept;

  // What the lane remembers of a claim on a tile of `shard`: that it is on its way, or its verdict
  // where that still holds. Lifetime: until the next call of the desk.
  [[nodiscard]] const engine::Remembered* remembered(model::PlayerId player, model::SpawnId spawn,
                                                     model::ShardId shard);

  // Takes a claim (one already on its way is joined) and rolls what it would yield. Requires:
  // !full(), asker.rules. The asker is told the verdict. `before`: where the batch has been until
  // now.
  void submit(model::Claim claim, Asker asker, const engine::Timeline& before);
  // Joins a claim on its way; false when it is not (any more).
  [[nodiscard]] bool join(model::ClaimId claim, Asker asker);

  // Sends what may be sent now. Called after a batch, after a verdict, and every few milliseconds.
  void flush();

  // Gives up what cannot be told now: who asked asks again, what was stored comes again.
  void stop() noexcept { stopping_ = true; }

  [[nodiscard]] std::size_t waiting() const noexcept { return pending_.size(); }
  // To the shard with the most of them.
  [[nodiscard]] std::size_t calls_inflight() const noexcept;
  [[nodiscard]] std::size_t calls_inflight_max() const noexcept {
    return options_.calls_inflight_max;
  }
  // Tells those who wait at which shard the oldest of their claims is.
  void mark_waits() const;
  // Of claims without a verdict. Bound: engine::OpenClocks::samples_max.
  [[nodiscard]] std::vector<engine::Timeline> open_times(std::int64_t now_ns) const;
  [[nodiscard]] TaskGroup& tasks() noexcept { return tasks_; }

 private:
  struct Pending {
    model::Claim claim;
    model::RuleSetPtr rules;               // that it was rolled with
    std::uint32_t table = 0;               // into rules->tables
    model::Kind kind = model::Kind::step;  // dig: somebody who may have it did
    std::int64_t found_ns = 0;
    engine::Timeline before;                     // of the batch that found it, until then
    std::int64_t called_ns = INT64_MAX;          // when the call that it is in began
    model::ShardId shard = 0;                    // whose call that is
    std::uint64_t epoch = 0;                     // of the shard, as it was known then
    std::optional<model::ClaimVerdict> verdict;  // decided, but not told yet
    std::int64_t decided_ns = 0;
    std::int64_t stale_ns = INT64_MAX;  // when a store first wanted other rules for it
    std::vector<Asker> askers;
  };
  using Ids = std::vector<model::ClaimId>;
  // What waits for one shard's store.
  struct Queue {
    std::deque<model::ClaimId> ids;     // in no call; those whose call failed are last
    std::int64_t since_ns = 0;          // the oldest of them
    std::int64_t blocked_until_ns = 0;  // after an error
    std::int64_t backoff_ns = 0;
    std::int64_t stale_ns = INT64_MIN;  // when the store last said that its epoch is over
    std::int64_t call_ns_mean = 0;      // of the last few
    bool lingering = false;
    Ids parked;  // the store wants rules for them that this process does not get to know
    std::int64_t unpark_ns = 0;
    RetryBudget retries;
  };

  [[nodiscard]] std::size_t calls_inflight(model::ShardId shard) const noexcept {
    return metrics_.bounds.grant_calls[shard].use.inside();
  }
  void attach(Pending& pending, Asker asker);
  void roll(Pending& pending, const Asker& asker);
  void roll(Pending& pending, const model::RuleSetPtr& rules, std::uint64_t rules_seq,
            std::uint32_t table);
  // Whether what a shard's store was asked at `asked_ns`, in `epoch`, and said at `said_ns` is true
  // still: the shard has not begun another epoch, as far as anybody could have told us.
  [[nodiscard]] bool holds(model::ShardId shard, std::uint64_t epoch, std::int64_t asked_ns,
                           std::int64_t said_ns) const;
  [[nodiscard]] bool holds(const Pending& pending) const {
    return holds(pending.shard, pending.epoch, pending.called_ns, pending.decided_ns);
  }
  void enqueue(model::ClaimId id, const model::Claim& claim, std::int64_t now_ns);
  [[nodiscard]] static std::int64_t linger_ns(const Queue& queue) noexcept;
  void flush(model::ShardId shard, std::int64_t now_ns);
  [[nodiscard]] boost::asio::awaitable<void> flush_later(model::ShardId shard);
  [[nodiscard]] boost::asio::awaitable<void> call(model::ShardId shard, Ids ids);
  void decide(model::ClaimVerdict& verdict);
  void finish(model::ClaimId id, const model::ClaimVerdict& verdict);
  static void answer(const Asker& asker, const model::ClaimVerdict& verdict);
  void remember(const Pending& pending, const model::ClaimVerdict& verdict);
  void remember(engine::Remembered& known, const model::ClaimVerdict& verdict,
                const StoreAsked& asked);
  [[nodiscard]] static bool answers(const Pending& pending, const model::ClaimVerdict& verdict,
                                    const Asker& asker);
  void ask_again(const Ids& ids);
  [[nodiscard]] Ids take_untold();
  [[nodiscard]] boost::asio::awaitable<void> tell();
  void could_not_tell(const Ids& ids, const Error& error);
  void record(model::ShardId shard, std::int64_t begun_ns, const model::GrantCall& call);
  // The timeline of a claim is over with its verdict, or when it was told.
  void record(const Pending& pending, const model::ClaimVerdict& verdict,
              const engine::Timeline& timeline, std::int64_t now_ns);
  void retry_later(model::ShardId shard, const Ids& ids, const Error& error);
  void moved(const Ids& ids);
  void roll_again(model::ShardId shard, const std::vector<model::ClaimVerdict>& stale);
  [[nodiscard]] model::Outcome roll_again(Pending& pending, const std::string& wanted);
  [[nodiscard]] bool park(model::ShardId shard, model::ClaimId id);
  void unpark(model::ShardId shard, std::int64_t now_ns);
  void give_up_waits(Pending& pending, const Error& error) const;
  [[nodiscard]] engine::ClaimPlace place_of(const Pending& pending) const;

  const ClaimDeskOptions options_;
  const Shards& shards_;
  const engine::L1& l1_;
  const model::RulesInForcePtr& rules_;
  const std::function<void()> rules_stale_;
  engine::Roller& roller_;
  ClaimLookups& lookups_;
  SoldOut& sold_out_;
  ports::Bus& bus_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  LaneMetrics& metrics_;
  engine::Reservoir& times_;
  StarvedMeter& starved_;
  RecentClaims& recent_;
  Tellings& tellings_;
  engine::ClaimMemo memo_;
  std::unordered_map<model::ClaimId, Pending, model::Id128Hash> pending_;
  std::vector<Queue> queues_;  // by shard
  std::deque<model::ClaimId> untold_;
  bool telling_ = false;
  bool stopping_ = false;
  TaskGroup tasks_;
};

}  // namespace hunt::service
