#include "rush/driver.h"

#include <algorithm>
#include <utility>

namespace hunt::rush {

namespace {

using model::Outcome;

constexpr std::int64_t publish_every_ns = 100'000'000;
constexpr std::int64_t recent_every_ns = 1'000'000'000;
constexpr std::int64_t late_ns = 1'000'000;
// When behind, answers are read between so many batches: else they would only pile up.
constexpr int batches_a_turn = 16;
// Grants remembered to find a claim granted twice; 4 million are about 200 MB.
constexpr std::size_t granted_max = 4'000'000;
// Told outcomes remembered for answers that come after them, in each of two generations.
constexpr std::size_t told_max = 65'536;
// Asking again: so many positions a batch and batches at a time, and how long to wait after an
// answer that settles nothing.
constexpr std::size_t repeat_positions_max = 100;
constexpr std::size_t repeat_batches_max = 4;
constexpr std::int64_t repeat_look_every_ns = 5'000'000;
constexpr std::int64_t repeat_pause_ns = 250'000'000;

std::size_t index_of(Outcome outcome) {
  return static_cast<std::size_t>(outcome);
}

}  // namespace

Driver::Driver(const MakeAsker& make_asker, const ports::Clock& clock, load::Crowd crowd,
               DriverOptions options)
    : clock_(clock),
      crowd_(std::move(crowd)),
      options_(std::move(options)),
      asker_(make_asker(lane_.executor())),
      asks_(lane_.executor(), options_.batches_inflight_max),
      repeats_(lane_.executor(), repeat_batches_max),
      tasks_(lane_.executor(), 2) {
  series_.cell_ns = options_.series_cell_ns;
  if (series_.cell_ns > 0) series_.cells.reserve(Series::cells_max);
  lane_.start("rush");
}

Driver::~Driver() {
  lane_.stop();
}

void Driver::start() {
  lane_.run(begin());
}

boost::asio::awaitable<void> Driver::begin() {
  asker_->on_claims([this](const std::vector<model::ClaimEvent>& events) { book(events); });
  started_ns_ = clock_.now_ns();
  bool spawned = tasks_.try_spawn(options_.schedule ? send_by_schedule() : send_at_max_rate());
  HUNT_ASSERT(spawned);
  if (options_.ask_again_ns > 0) {
    spawned = tasks_.try_spawn(ask_again_until_told());
    HUNT_ASSERT(spawned);
  }
  co_return;
}

boost::asio::awaitable<void> Driver::send_by_schedule() {
  const load::Schedule& schedule = *options_.schedule;
  while (!stopping_) {
    std::optional<std::int64_t> due_ns = schedule.due_ns(now_.sent);
    for (int i = 0; i < batches_a_turn && due_ns; due_ns = schedule.due_ns(now_.sent), ++i) {
      if (stopping_ || started_ns_ + *due_ns > clock_.now_ns()) break;
      crowd_.set_playing(schedule.players_at(*due_ns));
      send_batch(started_ns_ + *due_ns);
    }
    publish();
    // The run lasts until its end, also after the last batch.
    const std::int64_t next_ns = started_ns_ + due_ns.value_or(schedule.duration_ns());
    if (!due_ns && clock_.now_ns() >= next_ns) break;
    // Not until then where that is far away: the figures stay fresh.
    co_await lane_.timer().sleep_until(std::min(next_ns, clock_.now_ns() + publish_every_ns));
  }
  sending_ns_ = clock_.now_ns() - started_ns_;
  sent_all_ = true;
}

boost::asio::awaitable<void> Driver::send_at_max_rate() {
  for (std::size_t i = 0; i < options_.batches_inflight_at_max_rate; ++i) {
    const bool spawned = asks_.try_spawn(ask_on_and_on());
    HUNT_ASSERT(spawned);
  }
  while (!stopping_) {
    publish();
    co_await lane_.timer().sleep_until(clock_.now_ns() + publish_every_ns / 10);
  }
  sending_ns_ = clock_.now_ns() - started_ns_;
  sent_all_ = true;
}

boost::asio::awaitable<void> Driver::ask_on_and_on() {
  while (!stopping_) {
    model::Batch batch;
    const std::int64_t now_ns = clock_.now_ns();
    next_batch(batch, now_ns);
    co_await ask_one(std::move(batch), now_ns);
  }
}

void Driver::next_batch(model::Batch& batch, std::int64_t due_ns) {
  crowd_.next_batch(batch);
  ++now_.batches;
  now_.sent += batch.positions.size();
  now_ns_ = clock_.now_ns();
  if (auto* cell = cell_at(due_ns)) cell->sent += batch.positions.size();
}

void Driver::send_batch(std::int64_t due_ns) {
  model::Batch batch;
  next_batch(batch, due_ns);
  const std::size_t count = batch.positions.size();
  const std::int64_t behind_ns = now_ns_ - due_ns;
  now_.late_ns_max = std::max(now_.late_ns_max, behind_ns);
  if (behind_ns > late_ns) ++now_.late_batches;
  if (asks_.try_spawn(ask_one(std::move(batch), due_ns))) return;
  now_.answered += count;  // the generator's own bound is an answer, too: no silent loss
  now_.refused += count;
  ++now_.overfull_batches;
  book_outcome(Outcome::busy, count);
  now_.last_error = "the generator has too many batches in flight";
}

boost::asio::awaitable<void> Driver::ask_one(model::Batch batch, std::int64_t due_ns) {
  model::Batch asked = options_.ask_again_ns > 0 ? batch : model::Batch{};
  const std::size_t count = batch.positions.size();
  const auto reply = co_await asker_->ask(std::move(batch), ports::Wait::no);
  if (!reply) {
    book_failure(count, reply.error());
    co_return;
  }
  const std::int64_t now_ns = now_ns_ = clock_.now_ns();
  now_.answered += count;
  if (due_ns - started_ns_ >= options_.warmup_ns) {
    now_.latency.record(now_ns - due_ns, count);
    recent_.record(now_ns - due_ns, count);
  }
  if (now_ns - started_ns_ >= options_.warmup_ns && !sent_all_) now_.answered_in_time += count;
  if (auto* cell = cell_at(due_ns)) cell->latency.record(now_ns - due_ns, count);
  if (auto* cell = cell_at(now_ns)) cell->answered += count;
  book(asked, *reply, due_ns);
}

// Where no answer came, nothing is known of the positions; any other error is an answer.
void Driver::book_failure(std::size_t count, const Error& error) {
  now_.last_error = error.message;
  now_ns_ = clock_.now_ns();
  if (error.code == Errc::unavailable || error.code == Errc::deadline_exceeded ||
      error.code == Errc::unknown_outcome || error.code == Errc::corrupt) {
    now_.unanswered += count;
    if (auto* cell = cell_at(now_ns_)) cell->unanswered += count;
    return;
  }
  now_.answered += count;
  now_.refused += count;
  book_outcome(Outcome::busy, count);
}

void Driver::book_outcome(Outcome outcome, std::uint64_t count) {
  now_.outcomes[index_of(outcome)] += count;
  if (outcome == Outcome::found) return;
  // No look at the clock where no series is kept: this runs for each position.
  if (series_.cell_ns == 0) return;
  cell_at(now_ns_)->outcomes[index_of(outcome)] += count;
}

void Driver::book(const model::Batch& batch, const model::BatchReply& reply, std::int64_t due_ns) {
  for (std::size_t i = 0; i < reply.outcomes.size(); ++i) {
    const auto& outcome = reply.outcomes[i];
    if (outcome.claim_index < 0) {
      book_outcome(outcome.outcome, 1);
      continue;
    }
    const auto claim = reply.claims[static_cast<std::size_t>(outcome.claim_index)].claim;
    if (outcome.outcome != Outcome::found) {
      book_outcome(outcome.outcome, 1);
      if (options_.grants_from_answers && model::is_terminal(outcome.outcome)) {
        if (outcome.outcome == Outcome::granted) book_grant(claim, 0);
        book_told(claim, outcome.outcome);
      }
      continue;
    }
    const Outcome told = told_outcome(claim);
    book_outcome(told, 1);  // `found`, or what it was told before this answer came
    if (told != Outcome::found) {
      book_claim_latency(due_ns);
      continue;
    }
    Open& open = open_[claim];
    if (++open.positions > 1) continue;
    open.due_ns = due_ns;
    if (options_.ask_again_ns > 0) {
      unsettled_.push_back(
          {claim, batch.world, batch.positions[i], now_ns_ + options_.ask_again_ns});
    }
  }
}

Outcome Driver::told_outcome(model::ClaimId claim) const {
  for (const auto* generation : {&told_, &told_before_}) {
    const auto found = generation->find(claim);
    if (found != generation->end()) return found->second;
  }
  return Outcome::found;
}

void Driver::book_grant(model::ClaimId claim, std::uint64_t cursor) {
  if (granted_.size() >= granted_max) granted_.clear();
  const auto [known, first] = granted_.try_emplace(claim, cursor);
  if (first) {
    ++now_.grants;
  } else if (known->second == 0) {
    known->second = cursor;
  } else if (cursor != 0 && known->second != cursor) {
    ++now_.duplicate_grants;
  }
}

// From `found` to what the claim came to.
void Driver::book_told(model::ClaimId claim, Outcome outcome) {
  if (told_.size() >= told_max) told_before_ = std::exchange(told_, {});
  told_[claim] = outcome;
  const auto waiting = open_.find(claim);
  if (waiting == open_.end()) return;
  now_.outcomes[index_of(Outcome::found)] -= waiting->second.positions;
  book_outcome(outcome, waiting->second.positions);
  book_claim_latency(waiting->second.due_ns);
  open_.erase(waiting);
}

void Driver::book_claim_latency(std::int64_t due_ns) {
  if (due_ns - started_ns_ < options_.warmup_ns) return;
  now_.claim_latency.record(now_ns_ - due_ns);
}

void Driver::book(const std::vector<model::ClaimEvent>& events) {
  now_ns_ = clock_.now_ns();
  for (const auto& event : events) {
    if (event.outcome == Outcome::granted && event.cursor != 0) {
      book_grant(event.claim, event.cursor);
    }
    book_told(event.claim, event.outcome);
  }
}

boost::asio::awaitable<void> Driver::ask_again_until_told() {
  while (!settled_) {
    const std::int64_t now_ns = clock_.now_ns();
    while (!unsettled_.empty() && unsettled_.front().ask_at_ns <= now_ns &&
           repeats_.count() < repeat_batches_max) {
      std::vector<Unsettled> part;
      while (!unsettled_.empty() && unsettled_.front().ask_at_ns <= now_ns &&
             part.size() < repeat_positions_max) {
        if (open_.contains(unsettled_.front().claim)) part.push_back(unsettled_.front());
        unsettled_.pop_front();
      }
      if (part.empty()) break;
      const bool spawned = repeats_.try_spawn(ask_again(std::move(part)));
      HUNT_ASSERT(spawned);
    }
    co_await lane_.timer().sleep_until(now_ns + repeat_look_every_ns);
  }
}

boost::asio::awaitable<void> Driver::ask_again(std::vector<Unsettled> unsettled) {
  model::Batch batch;
  batch.world = unsettled.front().world;  // a crowd plays in one world
  for (const auto& one : unsettled) batch.positions.push_back(one.position);
  now_.redelivered += unsettled.size();
  const auto reply = co_await asker_->ask(std::move(batch), ports::Wait::terminal);
  now_ns_ = clock_.now_ns();
  if (reply) {
    book_again(unsettled, *reply);
  } else {
    now_.last_error = reply.error().message;
  }
  const std::int64_t ask_at_ns = now_ns_ + repeat_pause_ns;
  for (auto& one : unsettled) {
    if (!open_.contains(one.claim)) continue;
    one.ask_at_ns = ask_at_ns;
    unsettled_.push_back(one);
  }
}

void Driver::book_again(const std::vector<Unsettled>& unsettled, const model::BatchReply& reply) {
  const std::size_t count = std::min(unsettled.size(), reply.outcomes.size());
  for (std::size_t i = 0; i < count; ++i) {
    const auto& outcome = reply.outcomes[i];
    if (!model::is_terminal(outcome.outcome)) continue;
    if (outcome.claim_index >= 0) {
      const auto claim = reply.claims[static_cast<std::size_t>(outcome.claim_index)].claim;
      if (outcome.outcome == Outcome::granted) book_grant(claim, 0);
      book_told(claim, outcome.outcome);
    }
    // Still open: the tile was buried again since, so the claim's own spawn is gone. The ledger
    // alone knows whether it was granted before that.
    if (open_.contains(unsettled[i].claim)) {
      ++now_.overtaken;
      if (overtaken_.size() < overtaken_max) overtaken_.push_back(unsettled[i].claim);
      book_told(unsettled[i].claim, Outcome::nothing);
    }
  }
}

Series::Cell* Driver::cell_at(std::int64_t now_ns) {
  if (series_.cell_ns == 0) return nullptr;
  const auto index = std::min(static_cast<std::size_t>((now_ns - started_ns_) / series_.cell_ns),
                              Series::cells_max - 1);
  if (index >= series_.cells.size()) series_.cells.resize(index + 1);
  return &series_.cells[index];
}

void Driver::publish() {
  const std::int64_t now_ns = clock_.now_ns();
  if (now_ns - published_ns_ < publish_every_ns) return;
  published_ns_ = now_ns;
  if (now_ns - recent_ns_ >= recent_every_ns) {
    recent_ns_ = now_ns;
    now_.recent_p99_ns = recent_.quantile_ns(9'900);
    recent_.clear();
  }
  const std::lock_guard lock(mutex_);
  published_ = now_;
  published_.claims_open = now_.outcomes[index_of(Outcome::found)];
}

boost::asio::awaitable<void> Driver::settle(std::int64_t deadline_ns) {
  while (!sent_all_) co_await lane_.timer().sleep_until(clock_.now_ns() + 1'000'000);
  co_await asks_.join(clock_, lane_.timer());
  const auto& found = now_.outcomes[index_of(Outcome::found)];
  while (found > 0 && clock_.now_ns() < deadline_ns) {
    co_await lane_.timer().sleep_until(clock_.now_ns() + 1'000'000);
  }
  settled_ = true;
  co_await tasks_.join(clock_, lane_.timer());
  co_await repeats_.join(clock_, lane_.timer());
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

}  // namespace hunt::rush
