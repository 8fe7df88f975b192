#include "engine/ledger_check_refusals.h"

#include <gtest/gtest.h>

#include "model/limits.h"

namespace hunt::engine {
namespace {

using model::Outcome;

constexpr model::TileId tile{77};
constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t life_ns = limits::chunk_life_ns;

class RefusalCheckTest : public testing::Test {
 protected:
  void row(std::int64_t at_s, model::SpawnId spawn, bool sold_out = false,
           std::int64_t closes_us = model::time_us_max,
           std::int64_t opens_us = model::time_us_min) {
    model::TileRow row;
    row.tile = tile;
    row.version = ++version_;
    row.spawn = spawn;
    row.sold_out = sold_out;
    row.closes_us = closes_us;
    row.opens_us = opens_us;
    tiles_.on_row(at_s * second_ns, 1, row, 1);
  }
  Question asked(std::int64_t from_s, std::int64_t to_s, bool insists) {
    Question question;
    question.world = 1;
    question.tile = tile;
    question.asked_ns = from_s * second_ns;
    question.answered_ns = to_s * second_ns;
    question.insists = insists;
    return question;
  }
  bool wrong(const Question& question, Outcome outcome) {
    return check_.wrong(question, outcome).has_value();
  }

  TileHistory tiles_;
  RefusalCheck check_{tiles_};

 private:
  model::Version version_ = 0;
};

TEST_F(RefusalCheckTest, sold_out_is_true_for_as_long_as_a_copy_names_the_spawn) {
  row(0, 5);
  row(10, 5, true);
  row(20, 6);
  for (const bool insists : {false, true}) {
    EXPECT_TRUE(wrong(asked(5, 9, insists), Outcome::sold_out)) << "not yet";
    EXPECT_FALSE(wrong(asked(9, 10, insists), Outcome::sold_out));
    EXPECT_FALSE(wrong(asked(49, 50, insists), Outcome::sold_out)) << "the oldest copy there is";
    EXPECT_TRUE(wrong(asked(50, 51, insists), Outcome::sold_out)) << "no copy is so old";
  }
}

TEST_F(RefusalCheckTest, who_insists_is_told_closed_by_the_ledger_of_that_time_only) {
  row(0, 5, false, 10'000'000);
  row(20, 6);
  EXPECT_FALSE(wrong(asked(19, 21, true), Outcome::closed));
  EXPECT_TRUE(wrong(asked(21, 22, true), Outcome::closed)) << "buried anew before he asked";
  EXPECT_FALSE(wrong(asked(21, 22, false), Outcome::closed)) << "from a copy";
  EXPECT_TRUE(wrong(asked(51, 52, false), Outcome::closed)) << "no copy is so old";
}

TEST_F(RefusalCheckTest, nothing_is_true_for_exactly_as_long_as_a_copy_lives) {
  row(10, 5);
  Question question = asked(0, 41, true);
  question.asked_ns = 10 * second_ns + life_ns - 1;
  EXPECT_FALSE(wrong(question, Outcome::nothing));
  question.asked_ns += 1;
  EXPECT_TRUE(wrong(question, Outcome::nothing));
  EXPECT_TRUE(wrong(question, Outcome::hint));
}

TEST_F(RefusalCheckTest, closed_is_judged_as_of_the_question) {
  row(0, 5, false, 20'000'000, 10'000'000);
  EXPECT_FALSE(wrong(asked(8, 9, true), Outcome::closed)) << "not open yet";
  EXPECT_TRUE(wrong(asked(11, 12, true), Outcome::closed));
  EXPECT_FALSE(wrong(asked(19, 20, true), Outcome::closed));
  Question stored = asked(19, 40, true);
  stored.as_of_us = 19'000'000;
  EXPECT_TRUE(wrong(stored, Outcome::closed)) << "it was accepted in time";
  Question copy = asked(18, 19, false);
  EXPECT_TRUE(wrong(copy, Outcome::closed));
  copy.clock_high_us = 1'000'000;
  EXPECT_FALSE(wrong(copy, Outcome::closed)) << "by a clock that is ahead";
}

TEST_F(RefusalCheckTest, no_rule_caps_or_rejects) {
  row(0, 5);
  for (const auto outcome :
       {Outcome::capped, Outcome::cooldown, Outcome::rejected, Outcome::expired}) {
    EXPECT_TRUE(wrong(asked(1, 2, false), outcome));
  }
  for (const auto outcome : {Outcome::granted, Outcome::found, Outcome::busy}) {
    EXPECT_FALSE(wrong(asked(1, 2, true), outcome));
  }
}

TEST_F(RefusalCheckTest, a_win_counts_where_no_copy_knows_of_another_spawn) {
  row(0, 5);
  row(60, 6);
  EXPECT_EQ(check_.only_spawn(asked(40, 50, true)), 5U);
  EXPECT_FALSE(check_.only_spawn(asked(20, 50, true))) << "a copy may be from before it";
  EXPECT_FALSE(check_.only_spawn(asked(50, 61, true)));
  EXPECT_EQ(check_.only_spawn(asked(90, 99, true)), 6U);
}

TEST_F(RefusalCheckTest, the_log_says_of_a_claim_what_its_spawn_came_to) {
  row(0, 5, false, 15'000'000);
  row(10, 5, true, 15'000'000);
  row(20, 6);
  const auto wrong_in_log = [&](std::int64_t to_s, model::SpawnId spawn, Outcome outcome) {
    return check_.wrong_in_log(asked(5, to_s, true), spawn, outcome, {}).has_value();
  };
  EXPECT_TRUE(wrong_in_log(9, 5, Outcome::sold_out));
  EXPECT_FALSE(wrong_in_log(10, 5, Outcome::sold_out));
  EXPECT_TRUE(wrong_in_log(19, 5, Outcome::nothing));
  EXPECT_FALSE(wrong_in_log(20, 5, Outcome::nothing));
  EXPECT_TRUE(wrong_in_log(14, 5, Outcome::closed));
  EXPECT_FALSE(wrong_in_log(15, 5, Outcome::closed));
  EXPECT_TRUE(wrong_in_log(30, 6, Outcome::sold_out));
  EXPECT_TRUE(wrong_in_log(30, 6, Outcome::capped));
}

}  // namespace
}  // namespace hunt::engine
