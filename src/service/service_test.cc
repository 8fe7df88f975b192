// The service floor on virtual time: single flight, claims through errors, what is told.
#include <gtest/gtest.h>

#include <set>

#include "base/prng.h"
#include "engine/ledger_check.h"
#include "model/limits.h"
#include "service/service_test_support.h"

namespace hunt::service {
namespace {

using model::Outcome;

std::shared_ptr<const model::RuleSet> rules() {
  auto set = std::make_shared<model::RuleSet>();
  set->version = "00000000000000aa";
  set->events.push_back({"test", model::Trigger::step, 8, model::time_us_min, model::time_us_max});
  set->tables.push_back({"loot", 0, 0, 2, 4});
  set->entries = {{3, false, 0}, {1, false, 1}};
  set->items = {"common", "rare"};
  return set;
}

class Service : public ::testing::Test {
 protected:
  void bury(model::Tile tile, std::uint32_t budget) {
    model::Burial burial;
    burial.tile = tile;
    burial.table = "loot";
    burial.budget = budget;
    ASSERT_TRUE(lane.run(lane.store.bury(1, {burial})).has_value());
  }
  static model::Batch batch(model::Tile tile, std::uint64_t first_player, std::size_t players = 1) {
    model::Batch out;
    for (std::size_t i = 0; i < players; ++i) {
      out.positions.push_back({{5, first_player + i}, tile, model::Kind::step, 0, 0});
    }
    return out;
  }
  Result<model::BatchReply> ask(model::Batch what, ports::Wait wait) {
    return lane.run(lane.bus.ask(std::move(what), wait));
  }
  Outcome outcome(model::Tile tile, std::uint64_t player, ports::Wait wait) {
    const auto reply = ask(batch(tile, player), wait);
    EXPECT_TRUE(reply.has_value()) << (reply ? "" : reply.error().message);
    return reply ? reply->outcomes[0].outcome : Outcome::rejected;
  }

  VirtualLane lane{rules()};
};

TEST_F(Service, a_thousand_misses_of_one_chunk_cost_one_read) {
  bury({1, 1}, 1);
  lane.store.set_gate_open(sim::Call::load_chunks, false);
  std::size_t answered = 0;
  const auto count = [&answered](const std::exception_ptr&, Result<model::BatchReply> reply) {
    if (reply && reply->outcomes[0].outcome == Outcome::hint) ++answered;
  };
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    boost::asio::co_spawn(lane.loop, lane.bus.ask(batch({2, 2}, i), ports::Wait::no), count);
  }
  lane.pass(50'000'000);
  EXPECT_EQ(answered, 0U);
  lane.store.set_gate_open(sim::Call::load_chunks, true);
  lane.pass(50'000'000);
  EXPECT_EQ(answered, 1'000U);
  EXPECT_EQ(lane.store.calls(sim::Call::load_chunks), 1U);
}

TEST_F(Service, a_find_is_granted_once_and_told_from_the_ledger) {
  bury({3, 3}, 2);
  const auto first = ask(batch({3, 3}, 1), ports::Wait::no);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->outcomes[0].outcome, Outcome::found);
  lane.pass(200'000'000);
  ASSERT_EQ(lane.told.size(), 1U);
  EXPECT_EQ(lane.told[0].claim, first->claims[0].claim);
  EXPECT_EQ(lane.told[0].outcome, Outcome::granted);
  EXPECT_NE(lane.told[0].cursor, 0U);
  const auto again = ask(batch({3, 3}, 1), ports::Wait::terminal);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->outcomes[0].outcome, Outcome::granted);
  EXPECT_TRUE(again->claims[0].repeat);
  EXPECT_EQ(again->claims[0].reward, lane.told[0].reward);
}

TEST_F(Service, an_unknown_outcome_is_repeated_with_the_same_claim) {
  bury({3, 3}, 5);
  lane.store.inject({sim::Call::grant_claims, Errc::unknown_outcome, true});
  const auto first = ask(batch({3, 3}, 1), ports::Wait::terminal);
  ASSERT_FALSE(first.has_value());
  EXPECT_EQ(first.error().code, Errc::unknown_outcome);
  const auto again = ask(batch({3, 3}, 1), ports::Wait::terminal);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->outcomes[0].outcome, Outcome::granted);
  lane.pass(2'000'000'000);
  std::set<model::ClaimId> claims;
  for (const auto& event : lane.told) claims.insert(event.claim);
  EXPECT_EQ(claims.size(), 1U);
  EXPECT_EQ(lane.run(lane.store.world_stats(1))->remaining, 4U);
}

// A crowd on a tile whose row somebody holds: its calls fail again and again. Others take turns.
TEST_F(Service, claims_whose_call_failed_do_not_go_before_those_that_were_not_tried) {
  bury({3, 3}, 1'000'000);
  bury({5, 3}, 5);
  lane.store.set_gate_open(sim::Call::grant_claims, false);
  constexpr std::size_t calls = limits::claim_calls_inflight_max;
  const auto crowd = ask(batch({3, 3}, 1, calls * limits::claims_per_call_max), ports::Wait::no);
  ASSERT_TRUE(crowd.has_value());
  const auto other = ask(batch({5, 3}, 9'999), ports::Wait::no);
  ASSERT_TRUE(other.has_value());
  for (std::size_t i = 0; i < calls; ++i) {
    lane.store.inject({sim::Call::grant_claims, Errc::unavailable, false});
  }
  lane.store.set_gate_open(sim::Call::grant_claims, true);
  lane.pass(5'000'000'000);
  ASSERT_EQ(lane.told.size(), crowd->claims.size() + 1);
  EXPECT_EQ(lane.told[0].claim, other->claims[0].claim);
}

TEST_F(Service, a_store_error_is_told_at_once_and_the_claim_is_kept) {
  bury({3, 3}, 5);
  lane.store.inject({sim::Call::grant_claims, Errc::disk_full, false});
  const std::int64_t begun_ns = lane.time.now_ns();
  const auto refused = ask(batch({3, 3}, 1), ports::Wait::terminal);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::disk_full);
  EXPECT_LT(lane.time.now_ns() - begun_ns, 100'000'000);
  lane.pass(1'000'000'000);
  EXPECT_EQ(lane.told.size(), 1U) << "granted in the background when there was space again";
}

TEST_F(Service, a_winner_is_owed_granted_after_the_spawn_sold_out) {
  bury({3, 3}, 1);
  EXPECT_EQ(outcome({3, 3}, 1, ports::Wait::terminal), Outcome::granted);
  EXPECT_EQ(outcome({3, 3}, 2, ports::Wait::terminal), Outcome::sold_out);
  lane.pass(200'000'000);
  EXPECT_EQ(outcome({3, 3}, 3, ports::Wait::no), Outcome::sold_out);
  // Push the winner out of the memo, as a restart would.
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto many = ask(batch({3, 3}, 1'000 + 4'000 * i, 4'000), ports::Wait::terminal);
    ASSERT_TRUE(many.has_value());
  }
  const auto again = ask(batch({3, 3}, 1), ports::Wait::terminal);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->outcomes[0].outcome, Outcome::granted);
  EXPECT_TRUE(again->claims[0].repeat);
}

TEST_F(Service, full_is_busy_and_what_was_taken_is_told) {
  bury({3, 3}, 1'000'000);
  lane.store.set_gate_open(sim::Call::grant_claims, false);
  std::size_t found = 0;
  std::size_t busy = 0;
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto reply = ask(batch({3, 3}, 4'000 * i, 4'000), ports::Wait::no);
    ASSERT_TRUE(reply.has_value());
    for (const auto& one : reply->outcomes) {
      (one.outcome == Outcome::found ? found : busy) += 1;
      ASSERT_TRUE(one.outcome == Outcome::found || one.outcome == Outcome::busy);
    }
  }
  EXPECT_EQ(found, limits::claims_waiting_max);
  EXPECT_EQ(busy, 20'000 - limits::claims_waiting_max);
  lane.store.set_gate_open(sim::Call::grant_claims, true);
  lane.pass(5'000'000'000);
  EXPECT_EQ(lane.told.size(), found);
}

TEST_F(Service, a_change_that_overtakes_a_load_is_not_lost) {
  lane.store.set_load_answer_delay_ns(500'000'000);
  bool answered = false;
  const auto done = [&answered](const std::exception_ptr&, Result<model::BatchReply>) {
    answered = true;
  };
  boost::asio::co_spawn(lane.loop, lane.bus.ask(batch({3, 3}, 1), ports::Wait::no), done);
  lane.pass(10'000'000);
  ASSERT_FALSE(answered);
  bury({3, 3}, 1);
  lane.pass(200'000'000);  // the invalidation arrives first
  ASSERT_FALSE(answered);
  lane.pass(400'000'000);
  EXPECT_TRUE(answered);
  EXPECT_EQ(outcome({3, 3}, 2, ports::Wait::no), Outcome::found);
}

TEST_F(Service, a_slow_store_meets_the_deadline_with_an_error) {
  lane.store.set_gate_open(sim::Call::load_chunks, false);
  const std::int64_t begun_ns = lane.time.now_ns();
  const auto reply = ask(batch({3, 3}, 1), ports::Wait::no);
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::deadline_exceeded);
  EXPECT_LT(lane.time.now_ns() - begun_ns, limits::answer_deadline_ns + 50'000'000);
  lane.store.set_gate_open(sim::Call::load_chunks, true);
}

TEST_F(Service, bounds_and_unknown_worlds_are_errors_that_name_the_field) {
  auto unknown = batch({0, 0}, 1);
  unknown.world = 42;
  const auto reply = ask(unknown, ports::Wait::no);
  ASSERT_FALSE(reply.has_value());
  EXPECT_EQ(reply.error().code, Errc::not_found);
  EXPECT_EQ(reply.error().field, "world");
  const auto large = ask(batch({0, 0}, 1, limits::batch_positions_max + 1), ports::Wait::no);
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, Errc::too_large);
}

TEST_F(Service, a_store_error_is_shown_while_it_lasts) {
  const auto shown = [&] {
    lane.pass(200'000'000);
    return lane.observer.stats().store_error;
  };
  bury({3, 3}, 9);
  lane.store.inject({sim::Call::load_chunks, Errc::unavailable});
  EXPECT_FALSE(ask(batch({3, 3}, 1), ports::Wait::no).has_value());
  EXPECT_FALSE(shown().empty());
  EXPECT_TRUE(ask(batch({400, 400}, 1), ports::Wait::no).has_value());
  EXPECT_TRUE(shown().empty()) << "a load that works ends a load's error";
  for (int i = 0; i < 60; ++i) lane.store.inject({sim::Call::grant_claims, Errc::disk_full});
  EXPECT_FALSE(ask(batch({3, 3}, 1), ports::Wait::terminal).has_value());
  EXPECT_TRUE(ask(batch({900, 900}, 1), ports::Wait::no).has_value());
  EXPECT_FALSE(shown().empty()) << "but not that of the grants";
}

TEST_F(Service, a_reburied_tile_is_seen_within_a_heartbeat) {
  bury({3, 3}, 1);
  EXPECT_EQ(outcome({3, 3}, 1, ports::Wait::terminal), Outcome::granted);
  lane.pass(200'000'000);
  EXPECT_EQ(outcome({3, 3}, 2, ports::Wait::no), Outcome::sold_out);
  bury({3, 3}, 1);
  lane.pass(150'000'000);
  EXPECT_EQ(outcome({3, 3}, 2, ports::Wait::terminal), Outcome::granted);
}

class Checker final : public ports::LedgerVisitor {
 public:
  void on_spawn(const Spawn& spawn) override {
    check.on_spawn({spawn.spawn, spawn.budget, spawn.remaining, spawn.done, spawn.sold_out});
  }
  void on_grant(const model::Grant& grant) override { check.on_grant(grant); }
  engine::LedgerCheck check;
};

// Crowds on a few tiles, errors before and after the effect, re-burials: whatever happens, each
// accepted claim is told a terminal outcome, told grants are in the ledger, and stock is conserved.
TEST(ServiceStorm, every_claim_is_told_and_stock_is_conserved_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Prng prng(seed);
    VirtualLane lane(rules());
    std::set<model::ClaimId> accepted;
    const auto note = [&accepted](const std::exception_ptr&, Result<model::BatchReply> reply) {
      if (!reply) return;
      for (const auto& one : reply->outcomes) {
        if (one.outcome != Outcome::found) continue;
        accepted.insert(reply->claims[static_cast<std::size_t>(one.claim_index)].claim);
      }
    };
    for (int round = 0; round < 200; ++round) {
      const model::Tile tile{static_cast<std::int32_t>(prng.below(6)), 0};
      if (round < 6 || prng.chance({1, 20})) {
        model::Burial burial;
        burial.tile = tile;
        burial.table = "loot";
        burial.budget = static_cast<std::uint32_t>(1 + prng.below(5));
        ASSERT_TRUE(lane.run(lane.store.bury(1, {burial})).has_value());
      }
      if (prng.chance({1, 5})) {
        const Errc codes[] = {Errc::unavailable, Errc::unknown_outcome, Errc::disk_full};
        lane.store.inject({sim::Call::grant_claims, codes[prng.below(3)], prng.chance({1, 2})});
      }
      if (prng.chance({1, 30})) lane.store.inject({sim::Call::load_chunks, Errc::unavailable});
      model::Batch batch;
      for (std::uint64_t i = 0; i < 1 + prng.below(8); ++i) {
        batch.positions.push_back({{1, prng.below(30)}, tile, model::Kind::step, 0, 0});
      }
      const auto wait = prng.chance({1, 3}) ? ports::Wait::terminal : ports::Wait::no;
      boost::asio::co_spawn(lane.loop, lane.bus.ask(std::move(batch), wait), note);
      if (prng.chance({1, 2})) lane.pass(static_cast<std::int64_t>(prng.below(20'000'000)));
    }
    // Injected errors are used up by one grant call each, and calls repeat once a second at most;
    // who digs where it is sold out makes none.
    lane.pass(120'000'000'000);
    std::map<model::ClaimId, std::set<Outcome>> told;
    for (const auto& event : lane.told) told[event.claim].insert(event.outcome);
    for (const auto& claim : accepted) ASSERT_TRUE(told.contains(claim)) << "seed " << seed;
    Checker checker;
    ASSERT_TRUE(lane.run(lane.store.read_ledger(checker)).has_value());
    const auto report = checker.check.finish();
    ASSERT_TRUE(report.clean()) << "seed " << seed << ": " << report.violations[0].sentence;
    for (const auto& [claim, outcomes] : told) {
      const auto row = lane.run(lane.store.find_grant(claim));
      ASSERT_EQ(row.value().has_value(), outcomes.contains(Outcome::granted)) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace hunt::service
