#include "rush/driver.h"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <thread>

namespace hunt::rush {
namespace {

constexpr std::int64_t millisecond_ns = 1'000'000;

// What the fake target does with the positions of digging players, the only ones it lets find.
struct Target {
  bool tells = false;            // claims are told by events
  bool buried_again = false;     // asked again, the tile has another spawn, and so another claim
  int asks_until_terminal = 1;   // answers to asking again that are still `found`
  std::uint64_t fail_every = 0;  // every so manyth batch gets an error
  Errc failure = Errc::unavailable;
  std::uint64_t batches = 0;
  std::map<model::ClaimId, int> asked;  // how often each claim was asked again
};

model::ClaimId claim_of(const model::Position& position, std::uint64_t spawn) {
  std::uint64_t state = position.player.low ^ (spawn << 1);
  return {splitmix64(state), static_cast<std::uint64_t>(position.tile.x) << 32 ^
                                 static_cast<std::uint32_t>(position.tile.y)};
}

class FakeAsker final : public ports::Asker {
 public:
  explicit FakeAsker(Target& target) : target_(target) {}

  boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                        ports::Wait wait) override {
    ++target_.batches;
    if (target_.fail_every > 0 && target_.batches % target_.fail_every == 0) {
      co_return fail(target_.failure, "the test says no");
    }
    model::BatchReply reply;
    std::vector<model::ClaimEvent> events;
    for (const auto& position : batch.positions) {
      model::PositionOutcome outcome;
      if (position.kind == model::Kind::dig) {
        const bool again = wait == ports::Wait::terminal;
        model::ClaimAnswer answer;
        answer.claim = claim_of(position, again && target_.buried_again ? 2 : 1);
        outcome.claim_index = static_cast<std::int32_t>(reply.claims.size());
        outcome.outcome = again && ++target_.asked[answer.claim] >= target_.asks_until_terminal
                              ? verdict_of(answer.claim)
                              : model::Outcome::found;
        model::ClaimEvent event;
        event.claim = answer.claim;
        event.outcome = verdict_of(answer.claim);
        event.cursor = answer.claim.high | 1U;
        if (target_.tells) events.push_back(event);
        reply.claims.push_back(std::move(answer));
      }
      reply.outcomes.push_back(outcome);
    }
    if (handler_ && !events.empty()) handler_(events);  // before the answer: the harder order
    co_return reply;
  }

  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override {
    handler_ = std::move(handler);
  }

  static model::Outcome verdict_of(model::ClaimId claim) {
    return claim.high % 3 == 0 ? model::Outcome::sold_out : model::Outcome::granted;
  }

 private:
  Target& target_;
  std::function<void(const std::vector<model::ClaimEvent>&)> handler_;
};

struct Played {
  DriverBooks books;
  std::vector<Series::Cell> cells;
  std::size_t overtaken = 0;
};

Played play(Target& target, DriverOptions options) {
  load::CrowdOptions crowd;
  crowd.players = 250;
  options.schedule.emplace(
      std::vector<load::Phase>{{200 * millisecond_ns, 50, 250, 5'000, 25'000}});
  options.series_cell_ns = 50 * millisecond_ns;
  const system::SystemClock clock;
  const MakeAsker make = [&target](const boost::asio::any_io_executor&) {
    return std::make_unique<FakeAsker>(target);
  };
  Driver driver(make, clock, load::Crowd(std::move(crowd)), std::move(options));
  driver.start();
  while (!driver.sent_all()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  driver.finish(5'000 * millisecond_ns);
  return {driver.books(), driver.series().cells, driver.overtaken().size()};
}

std::uint64_t sum(const OutcomeCounts& outcomes) {
  std::uint64_t all = 0;
  for (const auto count : outcomes) all += count;
  return all;
}

std::uint64_t count_of(const DriverBooks& books, model::Outcome outcome) {
  return books.outcomes[static_cast<std::size_t>(outcome)];
}

// What holds for every run, whatever the target does.
void expect_balanced(const Played& run) {
  const DriverBooks& books = run.books;
  EXPECT_GE(books.sent, 3'000U);  // the integral of the rate
  EXPECT_LT(books.sent, 3'000U + 100);
  EXPECT_EQ(books.sent, books.answered + books.unanswered);
  EXPECT_EQ(sum(books.outcomes), books.answered);
  EXPECT_EQ(books.duplicate_grants, 0U);
  std::uint64_t sent = 0;
  std::uint64_t settled = 0;
  for (const auto& cell : run.cells) {
    sent += cell.sent;
    settled += sum(cell.outcomes);
    EXPECT_EQ(cell.outcomes[static_cast<std::size_t>(model::Outcome::found)], 0U);
  }
  EXPECT_EQ(sent, books.sent);
  EXPECT_EQ(settled, books.answered - count_of(books, model::Outcome::found));
}

TEST(Driver, follows_claims_that_are_told_before_their_answer) {
  Target target;
  target.tells = true;
  const Played run = play(target, {});
  expect_balanced(run);
  EXPECT_EQ(count_of(run.books, model::Outcome::found), 0U);
  EXPECT_GT(run.books.grants, 0U);
  EXPECT_EQ(run.books.redelivered, 0U);
  EXPECT_GE(run.books.claim_latency.count(), run.books.grants);
}

TEST(Driver, asks_again_until_a_claim_has_its_outcome) {
  Target target;
  target.asks_until_terminal = 2;
  constexpr std::int64_t ask_again_ns = 10 * millisecond_ns;
  DriverOptions options;
  options.ask_again_ns = ask_again_ns;
  options.grants_from_answers = true;
  const Played run = play(target, std::move(options));
  expect_balanced(run);
  EXPECT_EQ(count_of(run.books, model::Outcome::found), 0U);
  EXPECT_EQ(run.books.redelivered, 2 * target.asked.size());
  std::uint64_t granted = 0;
  for (const auto& [claim, times] : target.asked) {
    granted += FakeAsker::verdict_of(claim) == model::Outcome::granted ? 1 : 0;
  }
  EXPECT_EQ(run.books.grants, granted);
  EXPECT_GT(granted, 0U);
  EXPECT_EQ(run.books.claim_latency.count(), target.asked.size());
  EXPECT_GE(run.books.claim_latency.quantile_ns(1), ask_again_ns);
}

TEST(Driver, leaves_the_claims_of_the_warm_up_out_of_their_latency) {
  Target target;
  target.tells = true;
  DriverOptions options;
  options.warmup_ns = 100 * millisecond_ns;
  const Played run = play(target, std::move(options));
  const std::uint64_t told =
      count_of(run.books, model::Outcome::granted) + count_of(run.books, model::Outcome::sold_out);
  EXPECT_GT(run.books.claim_latency.count(), 0U);
  EXPECT_LT(run.books.claim_latency.count(), told);
}

TEST(Driver, leaves_claims_open_that_nobody_tells) {
  Target target;
  const Played run = play(target, {});
  EXPECT_GT(count_of(run.books, model::Outcome::found), 0U);
  EXPECT_EQ(run.books.claims_open, count_of(run.books, model::Outcome::found));
  EXPECT_EQ(run.books.claim_latency.count(), 0U);
}

TEST(Driver, names_claims_whose_tile_was_buried_again) {
  Target target;
  target.buried_again = true;
  DriverOptions options;
  options.ask_again_ns = millisecond_ns;
  options.grants_from_answers = true;
  const Played run = play(target, std::move(options));
  expect_balanced(run);
  EXPECT_EQ(count_of(run.books, model::Outcome::found), 0U);
  EXPECT_GT(run.overtaken, 0U);
  EXPECT_EQ(run.books.overtaken, run.overtaken);
}

TEST(Driver, counts_what_got_no_answer_and_what_was_refused_apart) {
  for (const auto failure : {Errc::unavailable, Errc::corrupt, Errc::overloaded}) {
    Target target;
    target.tells = true;
    target.fail_every = 4;
    target.failure = failure;
    const Played run = play(target, {});
    expect_balanced(run);
    EXPECT_EQ(run.books.unanswered > 0, failure != Errc::overloaded);
    EXPECT_EQ(run.books.refused > 0, failure == Errc::overloaded);
    EXPECT_EQ(run.books.last_error, "the test says no");
  }
}

}  // namespace
}  // namespace hunt::rush
