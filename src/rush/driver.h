// Driver: plays a crowd against a target, open loop, and keeps the books.
//
// Not the crowd and its schedule (load/) and not the report's text. Batches are sent by schedule,
// whatever the answers do; latency counts from the intended time, so a stall shows as what players
// felt. The books follow each claim from `found` to its told outcome; where nothing
// tells of claims, the driver asks again until it has one. Thread: one of its own.
#pragma once
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "load/crowd.h"
#include "load/schedule.h"
#include "model/batch.h"
#include "node/lane.h"
#include "ports/clock.h"
#include "rush/driver_books.h"
#include "service/task_group.h"

namespace hunt::rush {

struct DriverOptions {
  std::optional<load::Schedule> schedule;  // nothing: as fast as answers come, until finish()
  std::int64_t warmup_ns = 0;              // left out of the latencies and the rate
  std::int64_t series_cell_ns = 0;         // width of the figures over time; 0: none are kept
  // A claim answered `found` and not told for so long is asked again; 0: never.
  std::int64_t ask_again_ns = 0;
  // Grants are counted from answers too, because nothing tells of claims.
  bool grants_from_answers = false;
  std::size_t batches_inflight_max = 8'192;
  std::size_t batches_inflight_at_max_rate = 32;
};

// Makes what the driver asks through, on the driver's own loop.
using MakeAsker = std::function<std::unique_ptr<ports::Asker>(boost::asio::any_io_executor)>;

class Driver {
 public:
  Driver(const MakeAsker& make_asker, const ports::Clock& clock, load::Crowd crowd,
         DriverOptions options);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // The loop runs from the constructor on, so that the asker can connect before start().
  [[nodiscard]] node::Lane& lane() noexcept { return lane_; }
  void start();
  // Everything of the schedule was sent.
  [[nodiscard]] bool sent_all() const noexcept { return sent_all_; }
  // Sends no more, and waits until everything is answered and told, or `wait_ns` has passed.
  void finish(std::int64_t wait_ns);
  // A copy of the books, at most 100 ms old.
  [[nodiscard]] DriverBooks books() const;
  // What happened over time; call it after finish().
  [[nodiscard]] const Series& series() const noexcept { return series_; }
  // Claims whose tile was buried again before they were told; booked as `nothing`, though the
  // ledger may hold a grant. Bound: overtaken_max. Call it after finish().
  [[nodiscard]] const std::vector<model::ClaimId>& overtaken() const noexcept { return overtaken_; }
  static constexpr std::size_t overtaken_max = 10'000;
  [[nodiscard]] std::int64_t cpu_ns() { return lane_.cpu_ns(); }
  [[nodiscard]] std::int64_t sending_ns() const noexcept { return sending_ns_; }

 private:
  // A claim to be asked again, by its position.
  struct Unsettled {
    model::ClaimId claim;
    model::WorldId world = 0;
    model::Position position;
    std::int64_t ask_at_ns = 0;
  };

  struct Open {
    std::uint64_t positions = 0;  // answered so
    std::int64_t due_ns = 0;      // the first of them
  };

  [[nodiscard]] boost::asio::awaitable<void> begin();
  [[nodiscard]] boost::asio::awaitable<void> send_by_schedule();
  [[nodiscard]] boost::asio::awaitable<void> send_at_max_rate();
  // One batch after the other, each when the one before is answered.
  [[nodiscard]] boost::asio::awaitable<void> ask_on_and_on();
  [[nodiscard]] boost::asio::awaitable<void> ask_one(model::Batch batch, std::int64_t due_ns);
  [[nodiscard]] boost::asio::awaitable<void> ask_again_until_told();
  [[nodiscard]] boost::asio::awaitable<void> ask_again(std::vector<Unsettled> unsettled);
  [[nodiscard]] boost::asio::awaitable<void> settle(std::int64_t deadline_ns);
  void next_batch(model::Batch& batch, std::int64_t due_ns);
  void send_batch(std::int64_t due_ns);
  void book(const model::Batch& batch, const model::BatchReply& reply, std::int64_t due_ns);
  void book_again(const std::vector<Unsettled>& unsettled, const model::BatchReply& reply);
  void book_failure(std::size_t count, const Error& error);
  void book(const std::vector<model::ClaimEvent>& events);
  void book_grant(model::ClaimId claim, std::uint64_t cursor);
  void book_told(model::ClaimId claim, model::Outcome outcome);
  void book_claim_latency(std::int64_t due_ns);
  void book_outcome(model::Outcome outcome, std::uint64_t count);
  // What the claim was told not long ago; `found` when nothing.
  [[nodiscard]] model::Outcome told_outcome(model::ClaimId claim) const;
  [[nodiscard]] Series::Cell* cell_at(std::int64_t now_ns);
  void publish();

  const ports::Clock& clock_;
  load::Crowd crowd_;
  const DriverOptions options_;
  node::Lane lane_;
  std::unique_ptr<ports::Asker> asker_;
  service::TaskGroup asks_;
  service::TaskGroup repeats_;
  service::TaskGroup tasks_;
  DriverBooks now_;
  Series series_;
  Histogram recent_;  // since the last figure of the status line
  // Claims answered `found` and not told yet; and the newest told ones, because a claim may be told
  // before, and answered again after, its answer.
  boost::unordered_flat_map<model::ClaimId, Open, model::Id128Hash> open_;
  boost::unordered_flat_map<model::ClaimId, model::Outcome, model::Id128Hash> told_;
  boost::unordered_flat_map<model::ClaimId, model::Outcome, model::Id128Hash> told_before_;
  boost::unordered_flat_map<model::ClaimId, std::uint64_t, model::Id128Hash>
      granted_;                      // -> ledger cursor
  std::deque<Unsettled> unsettled_;  // by the time to ask again
  std::vector<model::ClaimId> overtaken_;
  std::int64_t now_ns_ = 0;  // when the batch or answer at hand was looked at
  std::int64_t published_ns_ = 0;
  std::int64_t recent_ns_ = 0;
  std::int64_t started_ns_ = 0;
  std::atomic<std::int64_t> sending_ns_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> sent_all_{false};
  std::atomic<bool> settled_{false};
  mutable std::mutex mutex_;
  DriverBooks published_;
};

}  // namespace hunt::rush
