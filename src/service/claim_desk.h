// ClaimDesk: takes the claims of one lane to the store and brings back what they came to.
//
// Not the decision (the store's) and not the lookup. A claim that was taken is never dropped: it is
// repeated, with the same id, until the store gave a verdict. Claims are collected while a call is
// under way, for at most limits::claim_linger_ns or limits::claims_per_call_max. Thread: its
// lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "engine/claim_memo.h"
#include "engine/timeline.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"
#include "service/lane_metrics.h"
#include "service/signal.h"
#include "service/task_group.h"

namespace hunt::service {

// What a batch that waits for terminal outcomes is told. Owned by whoever still needs it.
struct ClaimWait {
  std::size_t open = 0;  // claims without a verdict yet
  Signal done;           // set at zero, or at the first error
  std::optional<Error> error;
  struct Told {
    std::uint32_t position;
    model::ClaimVerdict verdict;
  };
  std::vector<Told> told;
};
using ClaimWaitPtr = std::shared_ptr<ClaimWait>;

class ClaimDesk {
 public:
  ClaimDesk(ports::HuntStore& store, ports::Bus& bus, const ports::Clock& clock,
            ports::Timer& timer, boost::asio::any_io_executor lane, LaneMetrics& metrics,
            engine::Reservoir& times);

  [[nodiscard]] bool full() const noexcept;
  [[nodiscard]] engine::ClaimMemo& memo() noexcept { return memo_; }

  // Takes a claim (one already on its way is joined). Requires: !full(). `wait`, when given, is
  // told the verdict for `position`.
  void submit(model::Claim claim, const ClaimWaitPtr& wait, std::uint32_t position);
  // Joins a claim on its way; false when it is not (any more).
  [[nodiscard]] bool join(model::ClaimId claim, const ClaimWaitPtr& wait, std::uint32_t position);

  // Sends what may be sent now. Called after a batch, after a verdict, and every few milliseconds.
  void flush();

  [[nodiscard]] std::size_t waiting() const noexcept { return pending_.size(); }
  // The last grant call failed, and none has succeeded since.
  [[nodiscard]] bool failing() const noexcept { return backoff_ns_ != 0; }
  [[nodiscard]] std::size_t calls_inflight() const noexcept { return calls_inflight_; }
  [[nodiscard]] TaskGroup& tasks() noexcept { return tasks_; }

 private:
  struct Pending {
    model::Claim claim;
    std::int64_t found_ns = 0;
    std::vector<std::pair<ClaimWaitPtr, std::uint32_t>> waits;
  };
  using Ids = std::vector<model::ClaimId>;

  void attach(Pending& pending, const ClaimWaitPtr& wait, std::uint32_t position);
  void linger();
  [[nodiscard]] boost::asio::awaitable<void> flush_later();
  [[nodiscard]] boost::asio::awaitable<void> call(Ids ids);
  void settle(model::ClaimVerdict& verdict, std::vector<model::ClaimEvent>& events);
  void record(const Ids& ids, std::int64_t begun_ns, const model::GrantCall& call);
  void retry_later(const Ids& ids, const Error& error);

  ports::HuntStore& store_;
  ports::Bus& bus_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  LaneMetrics& metrics_;
  engine::Reservoir& times_;
  engine::ClaimMemo memo_;
  std::unordered_map<model::ClaimId, Pending, model::Id128Hash> pending_;
  std::deque<model::ClaimId> queue_;   // not in a call yet, oldest first
  std::int64_t queued_since_ns_ = 0;   // the oldest of the queue
  std::int64_t blocked_until_ns_ = 0;  // after an error
  std::int64_t backoff_ns_ = 0;
  std::size_t calls_inflight_ = 0;
  bool lingering_ = false;
  TaskGroup tasks_;
};

}  // namespace hunt::service
