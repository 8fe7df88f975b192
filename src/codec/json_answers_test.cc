// What the server writes is what a client reads, and nothing else is taken for an answer.
#include "codec/json_answers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "base/prng.h"
#include "codec/json_replies.h"
#include "codec/reward_test_support.h"

namespace hunt::codec {
namespace {

TEST(JsonAnswers, reads_what_write_reply_writes_for_any_seed) {
  AnswersReader reader;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    model::Batch batch;
    model::BatchReply reply;
    const auto count = prng.below(300);
    for (std::uint64_t i = 0; i < count; ++i) {
      batch.positions.push_back({{prng.next(), prng.next()}, {}, {}, 0, 0});
      model::PositionOutcome outcome;
      outcome.outcome = static_cast<model::Outcome>(prng.below(model::outcome_count));
      if (outcome.outcome == model::Outcome::hint) outcome.distance = 16;
      if (outcome.outcome == model::Outcome::found || outcome.outcome == model::Outcome::granted) {
        outcome.claim_index = static_cast<std::int32_t>(reply.claims.size());
        model::ClaimAnswer claim{{prng.next(), prng.next()}, {}, false};
        if (outcome.outcome == model::Outcome::granted) claim.reward = any_reward(prng);
        claim.repeat = prng.below(2) == 0;
        reply.claims.push_back(claim);
      }
      reply.outcomes.push_back(outcome);
    }
    std::string text;
    write_reply(batch, reply, text);
    const auto answer = reader.parse(text);
    ASSERT_TRUE(answer.has_value()) << "seed " << seed << ": " << answer.error().message;
    const auto* read = std::get_if<model::BatchReply>(&answer->content);
    ASSERT_NE(read, nullptr);
    ASSERT_EQ(read->outcomes.size(), reply.outcomes.size());
    for (std::size_t i = 0; i < reply.outcomes.size(); ++i) {
      EXPECT_EQ(read->outcomes[i].outcome, reply.outcomes[i].outcome);
      EXPECT_EQ(read->outcomes[i].distance, reply.outcomes[i].distance);
      EXPECT_EQ(read->outcomes[i].claim_index, reply.outcomes[i].claim_index);
    }
    ASSERT_EQ(read->claims.size(), reply.claims.size());
    for (std::size_t i = 0; i < reply.claims.size(); ++i) {
      EXPECT_EQ(read->claims[i].claim, reply.claims[i].claim);
      EXPECT_EQ(read->claims[i].reward, reply.claims[i].reward);
      EXPECT_EQ(read->claims[i].repeat, reply.claims[i].repeat);
    }
  }
}

TEST(JsonAnswers, reads_events_and_errors_with_their_ids) {
  model::ClaimEvent event;
  event.claim = {1, 2};
  event.world = 7;
  event.tile = {10, -3};
  event.player = {3, 4};
  event.reward = "a \"quoted\" lamp*7,bell";
  event.rules = "0011223344556677";
  event.cursor = 1ULL << 60;
  event.at_us = 1'000'000;
  AnswersReader reader;
  std::string text;
  write_grant_event(event, text);
  auto answer = reader.parse(text);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  const auto& read = std::get<model::ClaimEvent>(answer->content);
  EXPECT_EQ(read.claim, event.claim);
  EXPECT_EQ(read.tile, event.tile);
  EXPECT_EQ(read.cursor, event.cursor);
  EXPECT_EQ(read.at_us, event.at_us);
  EXPECT_EQ(read.reward, event.reward);
  EXPECT_EQ(read.outcome, model::Outcome::granted);

  answer = reader.parse(
      R"({"id":18446744073709551615,"error":{"code":"overloaded","message":"full","field":"x"}})");
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->id, UINT64_MAX);
  const auto& error = std::get<Error>(answer->content);
  EXPECT_EQ(error.code, Errc::overloaded);
  EXPECT_EQ(error.message, "full");
  EXPECT_EQ(error.field, "x");
}

TEST(JsonAnswers, skips_what_a_newer_server_adds) {
  AnswersReader reader;
  const auto answer = reader.parse(
      R"({"new":[1,{"a":2}],"outcomes":[{"outcome":"nothing","colour":{"r":1}}],"more":null})");
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(std::get<model::BatchReply>(answer->content).outcomes.size(), 1U);
}

// The reward that a client reads from an answer's fields.
Result<std::string> reward_of(AnswersReader& reader, std::string_view fields) {
  const auto answer = reader.parse(
      fmt::format(R"({{"outcomes":[{{"outcome":"granted","claim":"{:032}",{}}}]}})", 7, fields));
  if (!answer) return tl::unexpected(answer.error());
  return std::get<model::BatchReply>(answer->content).claims.at(0).reward;
}

TEST(JsonAnswers, reads_the_item_of_an_older_server_and_goes_by_items_where_both_are) {
  AnswersReader reader;
  EXPECT_EQ(reward_of(reader, R"("item":"bell")").value(), "bell");
  const std::string both = R"("items":[{"item":"bell","count":1}])";
  EXPECT_EQ(reward_of(reader, R"("item":"bell",)" + both).value(), "bell");
  EXPECT_EQ(reward_of(reader, both + R"(,"item":"bell")").value(), "bell");
  EXPECT_EQ(reward_of(reader, R"("items":[])").value(), "");
  EXPECT_EQ(reward_of(reader,
                      R"("items":[{"count":2,"tier":"rare","item":"a b"},{"item":"c","count":1}])")
                .value(),
            "a b*2,c")
      << "what a newer server adds to a stack is skipped";
}

TEST(JsonAnswers, refuses_a_stack_that_is_none) {
  AnswersReader reader;
  for (const char* stack :
       {R"({"item":"bell"})", R"({"count":1})", R"({"item":"bell","count":0})",
        R"({"item":"","count":1})", R"({"item":"bell*2","count":1})",
        R"({"item":"bell,lamp","count":1})", R"({"item":"bell","count":-1})",
        R"({"item":"bell","count":1.5})", R"({"item":"bell","count":"2"})", R"("bell")"}) {
    const auto reward = reward_of(reader, fmt::format(R"("items":[{}])", stack));
    ASSERT_FALSE(reward.has_value()) << stack;
    EXPECT_EQ(reward.error().code, Errc::corrupt);
  }
  EXPECT_FALSE(reward_of(reader, R"("item":"bell*2")").has_value());
  EXPECT_FALSE(reward_of(reader, R"("items":"bell")").has_value());
}

TEST(JsonAnswers, refuses_what_is_no_answer_with_an_excerpt) {
  AnswersReader reader;
  for (const char* text :
       {"", "<html>no</html>", "[]", "{}", R"({"outcomes":[{"x":1}]})",
        R"({"outcomes":[{"outcome":"won"}]})", R"({"outcomes":[{"outcome":"found","claim":"7"}]})",
        R"({"outcomes":[]}{"outcomes":[]})", R"({"outcomes":[)"}) {
    const auto answer = reader.parse(text);
    ASSERT_FALSE(answer.has_value()) << text;
    EXPECT_EQ(answer.error().code, Errc::corrupt);
    EXPECT_NE(answer.error().message.find("not a hunt server's"), std::string::npos);
  }
}

}  // namespace
}  // namespace hunt::codec
