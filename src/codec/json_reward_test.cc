// A reward in JSON: all of it in `items`, and `item` only where that is all of it.
#include "codec/json_reward.h"

#include <gtest/gtest.h>

#include "codec/json_replies.h"
#include "codec/reward_test_support.h"

namespace hunt::codec {
namespace {

std::string shown(std::string_view reward) {
  std::string out;
  append_reward(out, reward);
  return out;
}

TEST(JsonReward, tells_every_stack_and_the_item_where_it_is_one_of_count_1) {
  EXPECT_EQ(shown("bell"), R"(,"item":"bell","items":[{"item":"bell","count":1}])");
  EXPECT_EQ(shown("bell*2"), R"(,"items":[{"item":"bell","count":2}])");
  EXPECT_EQ(shown("star_shard*12,bell,candle"),
            R"(,"items":[{"item":"star_shard","count":12},{"item":"bell","count":1},)"
            R"({"item":"candle","count":1}])");
  EXPECT_EQ(shown(""), R"(,"items":[])");
  EXPECT_EQ(shown("a \"b\""), R"(,"item":"a \"b\"","items":[{"item":"a \"b\"","count":1}])");
}

TEST(JsonReward, tells_what_is_to_be_announced_behind_all_else) {
  EXPECT_EQ(shown("bell!legendary"), R"(,"item":"bell","items":[{"item":"bell","count":1}])"
                                     R"(,"announce":true,"tier":"legendary")");
  EXPECT_EQ(shown("bell*2,a!rare"), R"(,"items":[{"item":"bell","count":2},{"item":"a","count":1}])"
                                    R"(,"announce":true,"tier":"rare")");
}

TEST(JsonReward, is_told_of_grants_alone) {
  model::LiveView view;
  view.finds.resize(1);
  view.finds[0].reward = "bell*2";
  std::string granted;
  write_live(view, granted);
  EXPECT_NE(granted.find(shown("bell*2")), std::string::npos) << granted;
  view.finds[0].outcome = model::Outcome::sold_out;
  std::string refused;
  write_live(view, refused);
  write_claim_event(view.finds[0], refused);
  EXPECT_EQ(refused.find("item"), std::string::npos) << refused;
}

// What limits.h says of messages holds for the longest reward.
TEST(JsonReward, the_longest_fits_into_the_smallest_message_of_a_bus) {
  model::ClaimEvent event;
  event.world = UINT32_MAX;
  event.tile = {INT32_MIN, INT32_MIN};
  event.rules = "0011223344556677";
  event.cursor = UINT64_MAX;
  event.at_us = 1'764'000'000'123'456;
  for (const std::uint64_t count : {std::uint64_t{1}, UINT64_MAX}) {
    event.reward = longest_reward(count);
    EXPECT_EQ(event.reward.size(), limits::reward_bytes_max);
    model::announce(event.reward, std::string(limits::name_bytes_max, 't'));
    std::string text;
    write_grant_event(event, text);
    EXPECT_LT(text.size(), limits::bus_message_bytes_min / 2);
  }
}

TEST(JsonReward, the_longest_reply_is_one_that_clients_read) {
  model::Batch batch;
  batch.positions.resize(limits::batch_positions_max);
  for (auto& position : batch.positions) position.tile = {INT32_MIN, INT32_MIN};
  model::BatchReply reply;
  reply.claims.resize(limits::batch_positions_max);
  for (std::size_t i = 0; i < limits::batch_positions_max; ++i) {
    reply.outcomes.push_back({model::Outcome::granted, 0, static_cast<std::int32_t>(i)});
    reply.claims[i].reward = longest_reward();
    reply.claims[i].repeat = true;
  }
  std::string text;
  write_reply(batch, reply, text);
  EXPECT_LE(text.size(), limits::reply_bytes_max);
  EXPECT_GT(text.size(), limits::reply_bytes_max / 2) << "it is no larger than it has to be";
}

}  // namespace
}  // namespace hunt::codec
