// What GET /v1/explain answers, as its readers see it.
#include "codec/json_explain.h"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace hunt::codec {
namespace {

TEST(JsonExplain, writes_what_is_known_and_leaves_out_what_is_not) {
  model::Explanation explanation;
  explanation.answer = "Granted: a \"star\"\n";
  explanation.complete = false;
  model::Story granted;
  granted.fate = model::Fate::granted;
  granted.claim = model::ClaimId{0xabc, 0xdef};
  granted.player = model::PlayerId{1, 2};
  granted.world = 7;
  granted.tile = {10, -3};
  granted.at_us = 1'800'000'000'000'000;
  granted.reward = "star";
  granted.rules = "00000000000000aa";
  granted.told = false;
  granted.sentence = explanation.answer;
  granted.lines = {"one", "two"};
  explanation.stories = {granted, {}};
  explanation.notes = {"back to then"};
  explanation.missing = {"shard 1"};
  const auto out = boost::json::parse(write_explanation(explanation)).as_object();
  EXPECT_EQ(out.at("answer").as_string(), explanation.answer);
  EXPECT_FALSE(out.at("complete").as_bool());
  EXPECT_EQ(out.at("notes").as_array().at(0).as_string(), "back to then");
  EXPECT_EQ(out.at("missing").as_array().at(0).as_string(), "shard 1");
  const auto& first = out.at("stories").as_array().at(0).as_object();
  EXPECT_EQ(boost::json::serialize(first),
            R"({"fate":"granted","certain":true,"sentence":"Granted: a \"star\"\n",)"
            R"("claim":"0000000000000abc0000000000000def",)"
            R"("player":"00000000-0000-0001-0000-000000000002","world":7,"x":10,"y":-3,)"
            R"("at":"2027-01-15T08:00:00.000000Z","item":"star",)"
            R"("items":[{"item":"star","count":1}],"rules":"00000000000000aa",)"
            R"("told":false,"lines":["one","two"]})");
  const auto& second = out.at("stories").as_array().at(1).as_object();
  EXPECT_EQ(boost::json::serialize(second),
            R"({"fate":"unseen","certain":true,"sentence":"","lines":[]})");
}

}  // namespace
}  // namespace hunt::codec
