// Driver: plays a crowd against the bus, open loop, and keeps the books.
//
// Not the crowd (load/) and not the report's text. Batches are sent by schedule, whatever the
// answers do; latency counts from the intended time, so a stall shows as what players felt. The
// books follow each claim from `found` to its told outcome. Thread: one of its own.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "apps/lane.h"
#include "base/histogram.h"
#include "load/crowd.h"
#include "model/batch.h"
#include "ports/clock.h"
#include "service/task_group.h"

namespace hunt::apps {

struct DriverOptions {
  std::uint64_t rate = 120'000;  // positions a second; 0: as fast as answers come
  std::size_t batch_positions = 100;
  std::size_t batches_inflight_max = 8'192;
  std::size_t batches_inflight_at_max_rate = 32;
};

struct DriverBooks {
  std::uint64_t sent = 0;          // positions
  std::uint64_t answered = 0;      // positions with an answer, `busy` too
  std::uint64_t refused = 0;       // of them: the whole batch was answered by an error
  std::uint64_t late_batches = 0;  // sent more than 1 ms after their time: generator too slow
  std::array<std::uint64_t, model::outcome_count> outcomes{};  // last known, per position
  std::uint64_t grants = 0;            // claims told granted for the first time
  std::uint64_t duplicate_grants = 0;  // a claim granted by two rows of the ledger
  std::uint64_t claims_open = 0;       // found, and no terminal outcome told yet
  Histogram latency;                   // per position
  std::string last_error;
};

class Driver {
 public:
  Driver(inproc::InprocBus& hub, const ports::Clock& clock, load::Crowd crowd,
         DriverOptions options);
  ~Driver();
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  void start();
  // Sends no more, and waits until everything is answered and told, or `wait_ns` has passed.
  void finish(std::int64_t wait_ns);
  // A copy of the books, at most 100 ms old.
  [[nodiscard]] DriverBooks books() const;
  [[nodiscard]] std::int64_t cpu_ns() { return lane_.cpu_ns(); }
  [[nodiscard]] std::int64_t sending_ns() const noexcept { return sending_ns_; }

 private:
  [[nodiscard]] boost::asio::awaitable<void> send_by_schedule();
  [[nodiscard]] boost::asio::awaitable<void> ask_one(model::Batch batch, std::int64_t due_ns);
  [[nodiscard]] boost::asio::awaitable<void> settle(std::int64_t deadline_ns);
  void send_batch(std::int64_t due_ns);
  void book(const model::BatchReply& reply);
  void book(const std::vector<model::ClaimEvent>& events);
  // What the claim was told not long ago; `found` when nothing.
  [[nodiscard]] model::Outcome told_outcome(model::ClaimId claim) const;
  // From `found` to what their claim came to.
  void move_positions(std::uint64_t count, model::Outcome to);
  void publish();

  const ports::Clock& clock_;
  load::Crowd crowd_;
  const DriverOptions options_;
  Lane lane_;
  service::TaskGroup asks_;
  service::TaskGroup tasks_;
  DriverBooks now_;
  // Claims answered `found` and not told yet, with how many positions were answered so; and the
  // newest told ones, because a claim may be told before, and answered again after, its answer.
  std::unordered_map<model::ClaimId, std::uint64_t, model::Id128Hash> open_;
  std::unordered_map<model::ClaimId, model::Outcome, model::Id128Hash> told_;
  std::unordered_map<model::ClaimId, model::Outcome, model::Id128Hash> told_before_;
  std::unordered_map<model::ClaimId, std::uint64_t, model::Id128Hash> granted_;  // -> ledger cursor
  std::int64_t published_ns_ = 0;
  std::int64_t started_ns_ = 0;
  std::atomic<std::int64_t> sending_ns_{0};
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  DriverBooks published_;
};

}  // namespace hunt::apps
