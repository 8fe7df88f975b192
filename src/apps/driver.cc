#include "apps/driver.h"

#include <algorithm>
#include <utility>

namespace hunt::apps {

namespace {

constexpr std::int64_t publish_every_ns = 100'000'000;
constexpr std::int64_t late_ns = 1'000'000;
// Grants remembered to find a claim granted twice; 4 million are about 200 MB.
constexpr std::size_t granted_max = 4'000'000;
// Told outcomes remembered for answers that come after them, in each of two generations.
constexpr std::size_t told_max = 65'536;

}  // namespace

Driver::Driver(inproc::InprocBus& hub, const ports::Clock& clock, load::Crowd crowd,
               DriverOptions options)
    : clock_(clock),
      crowd_(std::move(crowd)),
      options_(options),
      lane_(hub),
      asks_(lane_.executor(), options.batches_inflight_max),
      tasks_(lane_.executor(), 1) {}

Driver::~Driver() {
  lane_.stop();
}

void Driver::start() {
  lane_.bus().on_claims([this](const std::vector<model::ClaimEvent>& events) { book(events); });
  started_ns_ = clock_.now_ns();
  const bool spawned = tasks_.try_spawn(send_by_schedule());
  HUNT_ASSERT(spawned);
  lane_.start();
}

boost::asio::awaitable<void> Driver::send_by_schedule() {
  // Batch i is due at started + i * batch / rate, in integers, so that the schedule never drifts.
  const std::int64_t batch = static_cast<std::int64_t>(options_.batch_positions);
  const std::int64_t rate = static_cast<std::int64_t>(options_.rate);
  for (std::int64_t i = 0; !stopping_;) {
    const std::int64_t now_ns = clock_.now_ns();
    if (rate == 0) {
      while (asks_.count() < options_.batches_inflight_at_max_rate) send_batch(clock_.now_ns());
      publish();
      co_await lane_.timer().sleep_until(now_ns);  // lets the answers in
      continue;
    }
    std::int64_t due_ns = now_ns;
    for (; !stopping_; ++i) {
      const auto whole = i / rate;
      due_ns =
          started_ns_ + whole * batch * 1'000'000'000 + (i % rate) * batch * 1'000'000'000 / rate;
      if (due_ns > clock_.now_ns()) break;
      send_batch(due_ns);
    }
    publish();
    co_await lane_.timer().sleep_until(due_ns);
  }
  sending_ns_ = clock_.now_ns() - started_ns_;
}

void Driver::send_batch(std::int64_t due_ns) {
  model::Batch batch;
  crowd_.next_batch(batch);
  const std::size_t count = batch.positions.size();
  if (clock_.now_ns() - due_ns > late_ns) ++now_.late_batches;
  now_.sent += count;
  if (asks_.try_spawn(ask_one(std::move(batch), due_ns))) return;
  now_.answered += count;  // the generator's own bound is an answer, too: no silent loss
  now_.refused += count;
  now_.outcomes[static_cast<std::size_t>(model::Outcome::busy)] += count;
  now_.last_error = "the generator has too many batches in flight";
}

boost::asio::awaitable<void> Driver::ask_one(model::Batch batch, std::int64_t due_ns) {
  const std::size_t count = batch.positions.size();
  const auto reply = co_await lane_.bus().ask(std::move(batch), ports::Wait::no);
  now_.latency.record(clock_.now_ns() - due_ns, count);
  now_.answered += count;
  if (reply) {
    book(*reply);
  } else {
    now_.refused += count;
    now_.outcomes[static_cast<std::size_t>(model::Outcome::busy)] += count;
    now_.last_error = reply.error().message;
  }
}

void Driver::book(const model::BatchReply& reply) {
  for (const auto& outcome : reply.outcomes) {
    ++now_.outcomes[static_cast<std::size_t>(outcome.outcome)];
    if (outcome.outcome != model::Outcome::found || outcome.claim_index < 0) continue;
    const auto& claim = reply.claims[static_cast<std::size_t>(outcome.claim_index)];
    const model::Outcome told = told_outcome(claim.claim);
    if (told == model::Outcome::found) {
      ++open_[claim.claim];
    } else {
      move_positions(1, told);  // told before this answer came
    }
  }
}

model::Outcome Driver::told_outcome(model::ClaimId claim) const {
  for (const auto* generation : {&told_, &told_before_}) {
    const auto found = generation->find(claim);
    if (found != generation->end()) return found->second;
  }
  return model::Outcome::found;
}

void Driver::move_positions(std::uint64_t count, model::Outcome to) {
  now_.outcomes[static_cast<std::size_t>(model::Outcome::found)] -= count;
  now_.outcomes[static_cast<std::size_t>(to)] += count;
}

void Driver::book(const std::vector<model::ClaimEvent>& events) {
  for (const auto& event : events) {
    if (event.outcome == model::Outcome::granted && event.cursor != 0) {
      if (granted_.size() >= granted_max) granted_.clear();
      const auto [known, first] = granted_.try_emplace(event.claim, event.cursor);
      if (first) {
        ++now_.grants;
      } else if (known->second != event.cursor) {
        ++now_.duplicate_grants;
      }
    }
    if (told_.size() >= told_max) told_before_ = std::exchange(told_, {});
    told_[event.claim] = event.outcome;
    const auto waiting = open_.find(event.claim);
    if (waiting == open_.end()) continue;
    move_positions(waiting->second, event.outcome);
    open_.erase(waiting);
  }
}

void Driver::publish() {
  const std::int64_t now_ns = clock_.now_ns();
  if (now_ns - published_ns_ < publish_every_ns) return;
  published_ns_ = now_ns;
  const std::lock_guard lock(mutex_);
  published_ = now_;
  published_.claims_open = now_.outcomes[static_cast<std::size_t>(model::Outcome::found)];
}

boost::asio::awaitable<void> Driver::settle(std::int64_t deadline_ns) {
  co_await tasks_.join(clock_, lane_.timer());
  co_await asks_.join(clock_, lane_.timer());
  const auto& found = now_.outcomes[static_cast<std::size_t>(model::Outcome::found)];
  while (found > 0 && clock_.now_ns() < deadline_ns) {
    co_await lane_.timer().sleep_until(clock_.now_ns() + 1'000'000);
  }
  published_ns_ = 0;
  publish();
}

void Driver::finish(std::int64_t wait_ns) {
  stopping_ = true;
  lane_.run(settle(clock_.now_ns() + wait_ns));
}

DriverBooks Driver::books() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

}  // namespace hunt::apps
