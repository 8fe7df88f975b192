// "Where is my reward?" for planted histories: what support is told of each, and nothing more than
// is known.
#include "service/explainer.h"

#include <gtest/gtest.h>

#include "model/limits.h"
#include "service/cluster_test_support.h"

namespace hunt::service {
namespace {

using model::Fate;
using model::Outcome;
using ports::Wait;

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t second = 1'000 * ms;
constexpr model::Tile here{100, 0};     // shard 0's
constexpr model::Tile there{1'124, 0};  // shard 1's

model::PlayerId player(std::uint64_t number) {
  return {5, number};
}

class TestRules final : public ports::RulesSource {
 public:
  [[nodiscard]] std::shared_ptr<const model::RuleSet> current() const override { return now; }
  [[nodiscard]] std::shared_ptr<const model::RuleSet> of_version(
      std::string_view version) const override {
    for (const auto& one : {now, before}) {
      if (one != nullptr && one->version == version) return one;
    }
    return nullptr;
  }

  std::shared_ptr<const model::RuleSet> now = test_rules();
  std::shared_ptr<const model::RuleSet> before;
};

class ExplainerTest : public ::testing::Test {
 protected:
  ExplainerTest() : all(two_shards(), test_rules()) {}
  static ClusterShape two_shards() {
    ClusterShape shape;
    shape.shards = 2;
    return shape;
  }

  [[nodiscard]] std::vector<ExplainedShard> shards() {
    std::vector<ExplainedShard> out;
    for (const auto& store : all.stores) out.push_back({store.get()});
    return out;
  }
  model::Explanation explain(const model::Question& question) {
    return explain(question, shards());
  }
  model::Explanation explain(const model::Question& question, std::vector<ExplainedShard> of) {
    Explainer explainer(std::move(of), rules, all.time);
    const std::vector<std::uint8_t> seed(32, 7);
    if (knows_seed) explainer.set_seed(seed);
    if (asks_lanes) explainer.remember(all.lanes[0]->orchestrator->recent());
    auto answer = all.run(explainer.explain(question));
    HUNT_ASSERT(answer.has_value());
    expect_bounds(*answer);
    return *answer;
  }
  static void expect_bounds(const model::Explanation& answer) {
    ASSERT_FALSE(answer.stories.empty());
    EXPECT_EQ(answer.answer, answer.stories[0].sentence);
    EXPECT_EQ(answer.complete, answer.missing.empty());
  }
  static model::Question of_player(std::uint64_t number) {
    model::Question question;
    question.player = player(number);
    return question;
  }
  static model::Question at(std::uint64_t number, model::Tile tile) {
    model::Question question = of_player(number);
    question.world = 1;
    question.tile = tile;
    return question;
  }
  static model::Question of_claim(model::ClaimId claim) {
    model::Question question;
    question.claim = claim;
    return question;
  }
  model::ClaimId grant(model::Tile tile, std::uint64_t number) {
    const auto reply = all.ask(tile, number, Wait::terminal);
    HUNT_ASSERT(reply.has_value() && reply->outcomes[0].outcome == Outcome::granted);
    return reply->claims.at(0).claim;
  }
  void close_gate(bool open = false) {
    for (const auto& store : all.stores) store->set_gate_open(sim::Call::grant_claims, open);
  }
  // The sentence and the lines.
  static std::string text(const model::Story& story) {
    std::string out = story.sentence;
    for (const auto& line : story.lines) out += "\n" + line;
    return out;
  }
  static void expect_says(const model::Story& story, std::initializer_list<std::string> parts) {
    for (const auto& part : parts) {
      EXPECT_NE(text(story).find(part), std::string::npos) << part << "\nin\n" << text(story);
    }
  }

  VirtualCluster all;
  TestRules rules;
  bool knows_seed = true;
  bool asks_lanes = true;
};

TEST_F(ExplainerTest, granted_and_told) {
  all.bury(there, 3, 1);
  all.pass(100 * ms);
  const auto first = grant(there, 1);
  all.pass(3 * second);
  const auto claim = grant(there, 2);
  all.pass(3 * second);
  for (const auto& question : {of_player(2), at(2, there), of_claim(claim)}) {
    const auto answer = explain(question);
    ASSERT_EQ(answer.stories.size(), 1U);
    const auto& story = answer.stories[0];
    EXPECT_EQ(story.fate, Fate::granted);
    EXPECT_TRUE(story.certain);
    EXPECT_EQ(story.claim, claim);
    EXPECT_EQ(story.told, true);
    EXPECT_TRUE(answer.complete);
    expect_says(story, {"Granted: ", "and told", "number 2 of at most 3",
                        "the first was player " + model::format_uuid(player(1)), "table loot drew ",
                        " of 4, which is " + story.reward, "tile 1124,0 of world 1 (demo)",
                        "ledger of shard 1"});
  }
  expect_says(explain(of_claim(first)).stories[0], {"number 1 of at most 3", "it was the first"});
}

TEST_F(ExplainerTest, granted_and_not_told_yet) {
  all.bury(here, 3);
  all.run(all.relays[0]->drain());
  all.pass(100 * ms);
  grant(here, 1);
  const auto answer = explain(of_player(1));
  EXPECT_EQ(answer.stories[0].fate, Fate::granted);
  EXPECT_EQ(answer.stories[0].told, false);
  expect_says(answer.stories[0], {"but not told to it yet", "the relay of shard 0 has told rows"});
}

TEST_F(ExplainerTest, sold_out_before) {
  all.bury(here, 1);
  all.pass(100 * ms);
  grant(here, 1);
  EXPECT_EQ(all.outcome(here, 2, Wait::terminal), Outcome::sold_out);
  const auto answer = explain(of_player(2));
  EXPECT_EQ(answer.stories[0].fate, Fate::sold_out);
  EXPECT_TRUE(answer.stories[0].certain);
  expect_says(answer.stories[0], {"Sold out: ", "1 of 1 were granted",
                                  "the last went to player " + model::format_uuid(player(1))});
  // Nobody remembers: what lies there says what was likely.
  asks_lanes = false;
  const auto later = explain(at(2, here));
  EXPECT_EQ(later.stories[0].fate, Fate::sold_out);
  EXPECT_FALSE(later.stories[0].certain);
  expect_says(later.stories[0], {"Probably sold out"});
  EXPECT_NE(later.notes.at(0).find("no running process was asked"), std::string::npos);
}

TEST_F(ExplainerTest, closed) {
  all.bury(here, 5);
  all.pass(100 * ms);
  ASSERT_TRUE(all.run(all.stores[0]->close_tiles(1, {here})).has_value());
  all.pass(100 * ms);
  EXPECT_EQ(all.outcome(here, 1), Outcome::closed);
  const auto answer = explain(of_player(1));
  EXPECT_EQ(answer.stories[0].fate, Fate::closed);
  EXPECT_TRUE(answer.stories[0].certain);
  expect_says(answer.stories[0], {"Closed: ", "the loot is open from ", " until "});
  asks_lanes = false;
  const auto later = explain(at(1, here));
  EXPECT_EQ(later.stories[0].fate, Fate::closed);
  EXPECT_FALSE(later.stories[0].certain);
}

TEST_F(ExplainerTest, capped_at_one_grant_of_each_spawn) {
  all.bury(here, 5);
  all.pass(100 * ms);
  const auto claim = grant(here, 1);
  all.pass(second);
  EXPECT_EQ(grant(here, 1), claim);
  const auto answer = explain(of_player(1));
  ASSERT_EQ(answer.stories.size(), 1U) << "one grant, however often";
  expect_says(answer.stories[0], {"the player came again", "each player gets a spawn once"});
}

TEST_F(ExplainerTest, never_arrived) {
  all.bury(here, 5);
  all.pass(100 * ms);
  grant(here, 1);
  const auto answer = explain(of_player(2));
  ASSERT_EQ(answer.stories.size(), 1U);
  EXPECT_EQ(answer.stories[0].fate, Fate::unseen);
  EXPECT_FALSE(answer.stories[0].certain);
  expect_says(answer.stories[0], {"Nothing is known of player", "look the same"});
  EXPECT_NE(answer.notes.at(0).find("remembers what the store decided since 2027-01-15"),
            std::string::npos)
      << answer.notes.at(0);
  expect_says(explain(at(2, here)).stories[0], {"loot lies open there since"});
  expect_says(explain(at(2, {7, 7})).stories[0], {"no loot lies there now"});
  expect_says(explain(of_claim({1, 1})).stories[0], {"Nothing is known of claim", "restored"});
}

TEST_F(ExplainerTest, shed) {
  all.bury(here, 100'000);
  all.pass(100 * ms);
  close_gate();
  std::uint64_t number = 1'000;
  const auto crowd = [&number](std::size_t count) {
    auto batch = VirtualCluster::batch({}, 0);
    for (std::size_t i = 0; i < count; ++i) {
      batch.positions.push_back({player(number++), here, model::Kind::step, 0, 0});
    }
    return batch;
  };
  for (std::size_t i = 0; i < limits::claims_waiting_max / limits::batch_positions_max; ++i) {
    ASSERT_TRUE(
        all.run(all.lanes[0]->orchestrator->handle(crowd(limits::batch_positions_max), Wait::no))
            .has_value());
  }
  EXPECT_EQ(all.outcome(here, 1), Outcome::busy);
  const auto answer = explain(of_player(1));
  EXPECT_EQ(answer.stories[0].fate, Fate::shed);
  EXPECT_TRUE(answer.stories[0].certain);
  expect_says(answer.stories[0], {"overloaded", "`busy` 1 time,", "nothing was decided"});
  const auto waiting = explain(of_player(1'000));
  EXPECT_EQ(waiting.stories[0].fate, Fate::waiting);
  close_gate(true);
  all.pass(5 * second);
  EXPECT_EQ(explain(of_player(1'000)).stories[0].fate, Fate::granted);
}

TEST_F(ExplainerTest, batches_that_were_refused_unread_are_said_to_be_possible) {
  all.bury(here, 5);
  all.pass(100 * ms);
  auto late = VirtualCluster::batch({here}, 1);
  late.received_ns = all.time.now_ns() - limits::answer_deadline_ns - 1;
  if (late.received_ns <= 0) {
    all.pass(limits::answer_deadline_ns + second);
    late.received_ns = 1;
  }
  EXPECT_FALSE(all.run(all.lanes[0]->orchestrator->handle(late, Wait::no)).has_value());
  const auto answer = explain(of_player(1));
  EXPECT_EQ(answer.stories[0].fate, Fate::unseen);
  expect_says(answer.stories[0], {"refused 1 positions unread between"});
}

TEST_F(ExplainerTest, buried_anew_under_the_player) {
  all.bury(here, 5);
  all.pass(100 * ms);
  close_gate();
  EXPECT_EQ(all.outcome(here, 1), Outcome::found);
  all.pass(100 * ms);
  all.bury(here, 5);
  close_gate(true);
  all.pass(second);
  const auto answer = explain(of_player(1));
  EXPECT_EQ(answer.stories[0].fate, Fate::gone);
  EXPECT_TRUE(answer.stories[0].certain);
  expect_says(answer.stories[0], {"Gone: ", "buried anew at"});
}

TEST_F(ExplainerTest, lost_with_a_restored_store) {
  all.bury(here, 5);
  all.pass(100 * ms);
  const sim::SimDisk copy = all.stores[0]->disk();
  const auto claim = grant(here, 1);
  all.pass(3 * second);
  EXPECT_EQ(explain(of_player(1)).stories[0].fate, Fate::granted);
  all.stores[0]->restore(copy);
  for (const auto& question : {of_player(1), of_claim(claim)}) {
    const auto answer = explain(question);
    EXPECT_EQ(answer.stories[0].fate, Fate::lost);
    EXPECT_TRUE(answer.stories[0].certain);
    EXPECT_EQ(answer.stories[0].claim, claim);
    expect_says(answer.stories[0], {"Lost: ", "restored from an older copy"});
  }
}

TEST_F(ExplainerTest, another_players_claim) {
  all.bury(here, 5);
  all.pass(100 * ms);
  const auto claim = grant(here, 1);
  auto question = of_claim(claim);
  question.player = player(2);
  const auto answer = explain(question);
  EXPECT_EQ(answer.stories[0].player, player(1));
  expect_says(answer.stories[0],
              {"This is the claim of another player, " + model::format_uuid(player(1)) +
               ", and not of " + model::format_uuid(player(2)) + ". Granted: "});
  question.player = player(1);
  question.world = 9;
  expect_says(explain(question).stories[0],
              {"This is a claim of world 1 (demo), and not of world 9"});
}

TEST_F(ExplainerTest, a_shard_that_cannot_be_read_is_missing_from_the_answer) {
  all.bury(here, 5);
  all.bury(there, 5, 1);
  all.pass(100 * ms);
  const auto claim = grant(here, 1);
  grant(there, 1);
  auto some = shards();
  some[1] = {nullptr, "it is down"};
  const auto answer = explain(of_player(1), some);
  EXPECT_FALSE(answer.complete);
  ASSERT_EQ(answer.missing.size(), 1U);
  EXPECT_EQ(answer.missing[0],
            "shard 1 cannot be read, and what it has of this is not in the answer: it is down");
  // It remembers the other grant, and cannot say that it was lost.
  ASSERT_EQ(answer.stories.size(), 2U);
  for (const auto& story : answer.stories) {
    if (story.claim == claim) {
      EXPECT_EQ(story.fate, Fate::granted);
    } else {
      EXPECT_EQ(story.fate, Fate::lost);
      EXPECT_FALSE(story.certain);
      expect_says(story, {"no ledger that can be read has it"});
    }
  }
  expect_says(explain(of_player(9), some).stories[0], {"not all could be read"});
}

TEST_F(ExplainerTest, a_shard_that_fails_on_the_way_is_missing_once) {
  all.bury(here, 5);
  all.pass(100 * ms);
  grant(here, 1);
  for (int i = 0; i < 4; ++i) {
    all.stores[1]->inject({sim::Call::other, Errc::unavailable, false});
  }
  const auto answer = explain(at(1, here));
  EXPECT_EQ(answer.stories[0].fate, Fate::granted);
  EXPECT_EQ(answer.missing.size(), 1U);
}

TEST_F(ExplainerTest, the_roll_is_shown_by_the_rules_of_then_or_it_is_said_why_not) {
  all.bury(here, 5);
  all.pass(100 * ms);
  const auto claim = grant(here, 1);
  const auto then = rules.now;
  auto other = std::make_shared<model::RuleSet>(*then);
  other->version = "00000000000000bb";
  rules.now = other;
  expect_says(explain(of_claim(claim)).stories[0], {"those rules are not in force here any more"});
  rules.before = then;
  expect_says(explain(of_claim(claim)).stories[0], {"rules 00000000000000aa", "table loot drew"});
  knows_seed = false;
  expect_says(explain(of_claim(claim)).stories[0], {"the event seed cannot be read here"});
  knows_seed = true;
  all.bury(here, 5);
  expect_says(explain(of_claim(claim)).stories[0],
              {"its table is not known", "who was first is not known"});
}

TEST_F(ExplainerTest, what_is_asked_of_a_time_is_answered_of_it) {
  all.bury(here, 5);
  all.bury({101, 0}, 5);
  all.pass(100 * ms);
  const auto early = grant(here, 1);
  all.pass(300 * second);
  const std::int64_t later_us = all.time.wall_us();
  const auto late = grant({101, 0}, 1);
  EXPECT_EQ(explain(of_player(1)).stories.size(), 2U);
  EXPECT_EQ(explain(of_player(1)).stories[0].claim, late) << "the newest first";
  auto question = of_player(1);
  question.from_us = later_us;
  ASSERT_EQ(explain(question).stories.size(), 1U);
  EXPECT_EQ(explain(question).stories[0].claim, late);
  question.from_us = 0;
  question.until_us = later_us - 1;
  ASSERT_EQ(explain(question).stories.size(), 1U);
  EXPECT_EQ(explain(question).stories[0].claim, early);
}

TEST_F(ExplainerTest, an_aborted_row_is_told_as_given_up) {
  all.bury(here, 5);
  all.pass(100 * ms);
  model::Claim claim;
  claim.id = {3, 3};
  claim.world = 1;
  claim.tile = model::tile_id_of(here);
  claim.player = player(1);
  all.stores[0]->write_aborted(claim);
  const auto answer = explain(of_claim({3, 3}));
  EXPECT_EQ(answer.stories[0].fate, Fate::given_up);
  EXPECT_FALSE(answer.stories[0].told.has_value());
}

TEST_F(ExplainerTest, no_claim_is_all_zeros) {
  Explainer explainer(shards(), rules, all.time);
  const auto answer = all.run(explainer.explain(of_claim({})));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::invalid_argument);
  EXPECT_EQ(answer.error().field, "claim");
}

}  // namespace
}  // namespace hunt::service
