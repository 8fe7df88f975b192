// What a lane remembers for support, and since when it remembers all.
#include "service/recent_claims.h"

#include <gtest/gtest.h>

#include "model/limits.h"

namespace hunt::service {
namespace {

using model::Outcome;

constexpr std::int64_t started_us = 1'000;
constexpr model::Tile here{10, -3};

model::PlayerId player(std::uint64_t number) {
  return {1, number};
}

class RecentClaimsTest : public ::testing::Test {
 protected:
  void answer(std::uint64_t who, Outcome outcome, std::int64_t at_us, model::ClaimId claim = {},
              bool repeat = false) {
    model::Batch batch;
    batch.positions.push_back({player(who), here, model::Kind::dig});
    model::BatchReply reply;
    reply.outcomes.push_back({outcome, 0, -1});
    if (claim != model::ClaimId()) {
      reply.outcomes[0].claim_index = 0;
      reply.claims.push_back({claim, "", repeat});
    }
    recent.note(batch, reply, at_us);
  }
  void decide(std::uint64_t who, Outcome outcome, std::int64_t at_us, model::ClaimId id) {
    model::Claim claim;
    claim.id = id;
    claim.world = 1;
    claim.tile = model::tile_id_of(here);
    claim.player = player(who);
    model::ClaimVerdict verdict;
    verdict.id = id;
    verdict.outcome = outcome;
    recent.note(claim, verdict, at_us);
  }
  [[nodiscard]] model::Memory recall(std::uint64_t who) const {
    model::Question question;
    question.player = player(who);
    return recall(question);
  }
  [[nodiscard]] model::Memory recall(const model::Question& question) const {
    model::Memory memory;
    recent.recall(question, memory);
    return memory;
  }

  RecentClaims recent{started_us};
};

TEST_F(RecentClaimsTest, what_a_claim_came_to_replaces_that_it_was_found) {
  answer(1, Outcome::found, 2'000, {7, 7});
  EXPECT_EQ(recall(1).claims.at(0).outcome, Outcome::found);
  decide(1, Outcome::granted, 3'000, {7, 7});
  const auto memory = recall(1);
  ASSERT_EQ(memory.claims.size(), 1U);
  EXPECT_EQ(memory.claims[0].outcome, Outcome::granted);
  EXPECT_EQ(memory.claims[0].first_us, 2'000);
  EXPECT_EQ(memory.claims[0].last_us, 3'000);
  EXPECT_EQ(memory.claims[0].times, 1U);
  EXPECT_FALSE(memory.claims[0].repeat);
}

TEST_F(RecentClaimsTest, one_who_waited_asked_once_and_one_who_came_again_twice) {
  decide(1, Outcome::granted, 2'000, {7, 7});
  answer(1, Outcome::granted, 2'000, {7, 7});
  EXPECT_EQ(recall(1).claims.at(0).times, 1U);
  answer(1, Outcome::granted, 9'000, {7, 7}, true);
  const auto memory = recall(1);
  ASSERT_EQ(memory.claims.size(), 1U);
  EXPECT_EQ(memory.claims[0].times, 2U);
  EXPECT_TRUE(memory.claims[0].repeat);
  EXPECT_EQ(memory.claims[0].last_us, 9'000);
}

TEST_F(RecentClaimsTest, an_answer_that_is_told_late_does_not_undo_the_verdict) {
  decide(1, Outcome::granted, 2'000, {7, 7});
  answer(1, Outcome::found, 2'000, {7, 7});
  ASSERT_EQ(recall(1).claims.size(), 1U);
  EXPECT_EQ(recall(1).claims[0].outcome, Outcome::granted);
}

TEST_F(RecentClaimsTest, a_refusal_of_one_moment_is_not_what_the_next_try_comes_to) {
  decide(1, Outcome::closed, 2'000, {7, 7});
  answer(1, Outcome::found, 3'000, {7, 7});
  decide(1, Outcome::granted, 4'000, {7, 7});
  const auto memory = recall(1);
  ASSERT_EQ(memory.claims.size(), 2U);
  EXPECT_EQ(memory.claims[0].outcome, Outcome::granted) << "the newest first";
  EXPECT_EQ(memory.claims[1].outcome, Outcome::closed);
}

TEST_F(RecentClaimsTest, keeps_nothing_of_a_look_that_found_nothing) {
  answer(1, Outcome::nothing, 2'000);
  answer(1, Outcome::hint, 2'000);
  EXPECT_TRUE(recall(1).claims.empty());
}

TEST_F(RecentClaimsTest, is_asked_by_player_place_time_and_claim) {
  answer(1, Outcome::sold_out, 2'000);
  answer(2, Outcome::granted, 3'000, {7, 7});
  model::Question question;
  question.player = player(1);
  question.world = 1;
  question.tile = here;
  EXPECT_EQ(recall(question).claims.size(), 1U);
  question.tile = model::Tile{11, -3};
  EXPECT_TRUE(recall(question).claims.empty()) << "another tile";
  question.tile = here;
  question.world = 2;
  EXPECT_TRUE(recall(question).claims.empty()) << "another world";
  question.world = 1;
  question.from_us = 2'001;
  EXPECT_TRUE(recall(question).claims.empty()) << "later";
  question.from_us = 0;
  question.until_us = 1'999;
  EXPECT_TRUE(recall(question).claims.empty()) << "before";
  model::Question of_claim;
  of_claim.claim = model::ClaimId{7, 7};
  ASSERT_EQ(recall(of_claim).claims.size(), 1U);
  EXPECT_EQ(recall(of_claim).claims[0].player, player(2));
}

TEST_F(RecentClaimsTest, says_since_when_it_remembers_all) {
  EXPECT_EQ(recall(1).refusals_since_us, started_us);
  EXPECT_TRUE(recall(1).asked);
  for (std::uint64_t i = 0; i < limits::recent_claims_max; ++i) {
    answer(i, Outcome::sold_out, 2'000 + static_cast<std::int64_t>(i));
  }
  EXPECT_EQ(recall(0).claims.size(), 1U) << "as many as there is room for";
  EXPECT_EQ(recall(0).refusals_since_us, started_us);
  answer(999'999, Outcome::sold_out, 100'000);
  EXPECT_TRUE(recall(0).claims.empty()) << "the oldest makes room";
  EXPECT_EQ(recall(0).refusals_since_us, 2'001) << "of the moment that was forgotten it knows less";
  EXPECT_EQ(recall(0).verdicts_since_us, started_us) << "refusals push out no verdict";
  EXPECT_EQ(recall(0).shed_since_us, started_us);
}

TEST_F(RecentClaimsTest, what_still_happens_is_not_forgotten_with_its_beginning) {
  answer(0, Outcome::sold_out, 2'000);
  const std::size_t most = limits::recent_claims_max * 3 / 4;
  for (std::size_t i = 1; i < most; ++i) answer(i, Outcome::sold_out, 3'000);
  answer(0, Outcome::sold_out, 4'000);  // old by now: kept anew
  for (std::size_t i = 0; i < most; ++i) answer(1'000'000 + i, Outcome::sold_out, 5'000);
  const auto memory = recall(0);
  ASSERT_EQ(memory.claims.size(), 1U);
  EXPECT_EQ(memory.claims[0].last_us, 4'000);
  EXPECT_LE(memory.refusals_since_us, 3'001);
}

TEST_F(RecentClaimsTest, batches_that_were_refused_unread_are_spans) {
  recent.note_refused(100, 10'000'000);
  recent.note_refused(50, 12'000'000);
  recent.note_refused(1, 60'000'000);
  auto memory = recall(1);
  ASSERT_EQ(memory.shed_unread.size(), 2U);
  EXPECT_EQ(memory.shed_unread[0].positions, 150U);
  EXPECT_EQ(memory.shed_unread[0].from_us, 10'000'000);
  EXPECT_EQ(memory.shed_unread[0].until_us, 12'000'000);
  for (std::size_t i = 0; i < limits::shed_spans_max; ++i) {
    recent.note_refused(1, 100'000'000 + static_cast<std::int64_t>(i) * 10'000'000);
  }
  memory = recall(1);
  EXPECT_EQ(memory.shed_unread.size(), limits::shed_spans_max);
  EXPECT_EQ(memory.shed_since_us, 60'000'001);
}

TEST_F(RecentClaimsTest, a_step_that_was_too_late_is_remembered) {
  recent.note_busy(1, {player(5), here}, 2'000);
  ASSERT_EQ(recall(5).claims.size(), 1U);
  EXPECT_EQ(recall(5).claims[0].outcome, Outcome::busy);
}

}  // namespace
}  // namespace hunt::service
