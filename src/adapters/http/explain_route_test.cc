// GET /v1/explain: what it asks the explainer, and what it refuses.
#include <gtest/gtest.h>

#include "adapters/http/http_test_support.h"

namespace hunt::http {
namespace {

class ExplainRoute : public HttpTest {
 protected:
  HttpResponse ask(std::string_view query) {
    return send("GET", fmt::format("/v1/explain{}", query), {}, admin);
  }
};

TEST_F(ExplainRoute, asks_for_a_player_with_place_and_time) {
  explainer.explanation.answer = "Granted.";
  run();
  const auto response =
      ask(fmt::format("?player={}&world=north&x=10&y=-3&since=2026-11-23T14:03:00Z"
                      "&until=2026-11-23T14:04:00Z",
                      uuid));
  EXPECT_EQ(response.status, 200U) << response.body;
  EXPECT_NE(response.body.find(R"("answer":"Granted.")"), std::string::npos) << response.body;
  ASSERT_TRUE(explainer.asked.has_value());
  const model::Question& asked = *explainer.asked;
  EXPECT_EQ(asked.player, model::parse_uuid(uuid));
  EXPECT_FALSE(asked.claim.has_value());
  EXPECT_EQ(asked.world, model::WorldId{7}) << "by its name";
  EXPECT_EQ(asked.tile, (model::Tile{10, -3}));
  EXPECT_EQ(asked.until_us - asked.from_us, 60'000'000);
}

TEST_F(ExplainRoute, asks_for_a_claim) {
  run();
  EXPECT_EQ(ask("?claim=00000000000000010000000000000002&world=1").status, 200U);
  ASSERT_TRUE(explainer.asked.has_value());
  EXPECT_EQ(explainer.asked->claim, (model::ClaimId{1, 2}));
  EXPECT_EQ(explainer.asked->world, model::WorldId{1});
  EXPECT_EQ(explainer.asked->from_us, model::time_us_min);
}

TEST_F(ExplainRoute, is_for_admins_alone) {
  run();
  expect_error(send("GET", fmt::format("/v1/explain?player={}", uuid)), 401, "unauthorized", "");
  EXPECT_FALSE(explainer.asked.has_value());
}

TEST_F(ExplainRoute, names_what_is_wrong_with_a_question) {
  run();
  const auto refused = [this](std::string_view query, std::string_view says,
                              std::string_view field) {
    expect_error(ask(query), 400, "invalid_argument", says, field);
  };
  const std::string player = fmt::format("?player={}", uuid);
  refused("", "name whose claims are to be explained", "player");
  refused("?player=42", "player must be a UUID, found \"42\"", "player");
  refused("?claim=42", "claim must be 32 hexadecimal digits", "claim");
  refused(player + "&x=1&y=2", "world is missing", "world");
  refused(player + "&world=1&x=1", "y is missing", "y");
  refused(player + "&world=1&x=1&y=up", "y", "y");
  refused(player + "&since=yesterday", "since must be a time", "since");
  refused(player + "&since=2026-11-23&until=2026-11-22", "until must not be before", "until");
  refused(player + "&playr=1", "did you mean \"player\"", "playr");
  expect_error(ask(player + "&world=nort"), 404, "not_found", "north", "world");
  expect_error(ask(player + "&world=9"), 404, "not_found", "9", "world");
  EXPECT_FALSE(explainer.asked.has_value());
}

}  // namespace
}  // namespace hunt::http
