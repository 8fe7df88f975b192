// ClaimLookups: asks the ledger for the claims of positions that are refused: by the rules, or
// since their spawn is sold out.
//
// A win is for ever: whoever insists on a terminal answer may hold a grant that today's rules would
// not make, so a refusal is told only after the ledger was asked. Not a claim (claim_desk.h):
// nothing is granted, and an error is the asker's at once. Remembered is only what it says of
// spawns that are sold out. What comes while a call to a shard is under way goes together into the
// next one. Thread: its lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "ports/clock.h"
#include "service/claim_wait.h"
#include "service/lane_metrics.h"
#include "service/shards.h"
#include "service/sold_out.h"
#include "service/task_group.h"

namespace hunt::service {

class ClaimLookups {
 public:
  ClaimLookups(const Shards& shards, SoldOut& sold_out, const ports::Clock& clock,
               boost::asio::any_io_executor lane, LaneMetrics& metrics);

  // Called with each grant of a spawn that is sold out. Set before the first submit.
  using Granted =
      std::function<void(const model::Claim&, const model::ClaimVerdict&, const StoreAsked&)>;
  void on_granted(Granted granted) { granted_ = std::move(granted); }

  // Bound: limits::claims_waiting_max.
  [[nodiscard]] bool full() const noexcept;

  // `wait` is told a row of the ledger for `position`; where there is none, the answer stands that
  // the position has. Sent by flush(). An error when full. Requires: `wait` is given. `sold_out`:
  // the spawn is known to be: then the answer is remembered.
  void submit(model::Claim claim, const ClaimWaitPtr& wait, std::uint32_t position,
              bool sold_out = false);
  void flush();

  [[nodiscard]] TaskGroup& tasks() noexcept { return tasks_; }

 private:
  struct Lookup {
    model::Claim claim;
    ClaimWaitPtr wait;
    std::uint32_t position = 0;
    std::int64_t since_ns = 0;           // it waits
    std::optional<StoreAsked> sold_out;  // as the spawn was known to be then
  };
  struct Queue {
    std::deque<Lookup> waiting;
    std::size_t calls_inflight = 0;  // Bound: limits::claim_calls_inflight_max
  };
  void flush(model::ShardId shard);
  [[nodiscard]] boost::asio::awaitable<void> call(model::ShardId shard,
                                                  std::vector<Lookup> lookups);
  void settle(Lookup& lookup, model::ClaimVerdict verdict);

  const Shards& shards_;
  SoldOut& sold_out_;
  const ports::Clock& clock_;
  LaneMetrics& metrics_;
  std::vector<Queue> queues_;  // by shard
  std::size_t waiting_ = 0;
  Granted granted_;
  TaskGroup tasks_;
};

}  // namespace hunt::service
