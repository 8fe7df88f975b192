// What a process writes about why is what `hunt why` reads, and what others write harms nobody.
#include "codec/json_why.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "codec/why_reader.h"

namespace hunt::codec {
namespace {

const std::int64_t now_us = parse_time_us("2026-11-29T14:10:00Z").value();

model::Process process() {
  return {"00ff",
          "orchestrator",
          "pod-7:8080",
          "0.1.0",
          now_us - 600'000'000,
          now_us,
          {"322b02b91b90e48f", now_us - 60'000'000, "2026f", 0, now_us - 7'000'000,
           "gala.yaml:2:1: unknown key"}};
}

model::Why slow() {
  model::Why why;
  why.verdict = "the slowest 1 % take 503 ms";
  why.next = "Look at the network";
  why.warning = "no relay";
  why.confident = true;
  why.timeline = "claims";
  why.stage = model::Stage::store_grant;
  why.resource = "shard 1";
  why.cause = model::Cause::round_trip;
  why.share = 0.5;
  why.tail_ns = 503'000'000;
  why.tail_before_ns = 9'000'000;
  why.samples = 2'048;
  why.age_ns = 250'000'000;
  why.stages.push_back({model::Stage::store_grant, "shard 1", 0.5, 501'000'000, 0, 3, 8});
  why.lanes = {{0.25, 0}, {0.5, 0.125}};
  return why;
}

// What answer_why() is asked of.
struct Source {
  [[nodiscard]] model::Process process() const { return codec::process(); }
  [[nodiscard]] model::Why why() const { return slow(); }
  [[nodiscard]] model::WhyPast why_since(std::int64_t from_us) const {
    since_us = from_us;
    return past;
  }
  [[nodiscard]] model::WhyPast why_at(std::int64_t moment_us) const {
    at_us = moment_us;
    return past;
  }
  model::WhyPast past;
  mutable std::int64_t since_us = 0;
  mutable std::int64_t at_us = 0;
};

std::string error_of(const Source& source, const std::string& at) {
  const auto answer = answer_why(source, {at, {}});
  return answer ? "none" : answer.error().message;
}

TEST(JsonWhy, a_verdict_is_read_as_it_was_written) {
  const auto answer = read_why_answer(answer_why(Source(), {}).value());
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->has_why);
  EXPECT_EQ(answer->asked.absence, model::Absence::none);
  EXPECT_EQ(answer->asked.process.name, "pod-7:8080");
  EXPECT_EQ(answer->asked.process.now_us, now_us);
  EXPECT_EQ(answer->asked.process.started_us, now_us - 600'000'000);
  const model::RulesState& rules = answer->asked.process.rules;
  EXPECT_EQ(rules.version, "322b02b91b90e48f");
  EXPECT_EQ(rules.since_us, now_us - 60'000'000);
  EXPECT_EQ(rules.zone_data, "2026f");
  EXPECT_EQ(rules.differ_since_us, now_us - 7'000'000);
  EXPECT_EQ(rules.refused, "gala.yaml:2:1: unknown key");
  const model::Why& why = answer->asked.why;
  EXPECT_EQ(write_why(why), write_why(slow()));
}

TEST(JsonWhy, spells_are_read_as_they_were_written) {
  Source source;
  source.past.kept_from_us = now_us - 300'000'000;
  source.past.spells = {{now_us - 100'000'000, now_us - 50'000'000, 5, slow()},
                        {now_us - 50'000'000, now_us, 0, {}}};
  const auto answer = read_why_answer(answer_why(source, {{}, "20m"}).value());
  EXPECT_EQ(source.since_us, now_us - 1'200'000'000);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->has_why);
  const auto& past = answer->asked.past;
  EXPECT_EQ(past.kept_from_us, source.past.kept_from_us);
  ASSERT_EQ(past.spells.size(), 2U);
  EXPECT_EQ(past.spells[0].looks, 5U);
  EXPECT_EQ(past.spells[0].why.cause, model::Cause::round_trip);
  EXPECT_EQ(past.spells[0].to_us, now_us - 50'000'000);
  EXPECT_EQ(past.spells[1].looks, 0U);
}

TEST(JsonWhy, says_of_a_moment_what_was_said_then_or_why_nothing_is_kept) {
  Source source;
  source.past.kept_from_us = now_us - 300'000'000;
  source.past.spells = {{now_us - 100'000'000, now_us - 90'000'000, 1, slow()}};
  const auto text = answer_why(source, {"95s", {}}).value();
  EXPECT_EQ(source.at_us, now_us - 95'000'000);
  EXPECT_NE(text.find(R"("from":"2026-11-29T14:08:20.000000Z")"), std::string::npos) << text;
  EXPECT_EQ(read_why_answer(text)->asked.why.cause, model::Cause::round_trip);
  source.past.spells.clear();
  EXPECT_EQ(error_of(source, "13:59"),
            "this process started at 2026-11-29T14:00:00Z, after 2026-11-29T13:59:00Z");
  EXPECT_EQ(error_of(source, "14:08"),
            "this process did not look at 2026-11-29T14:08:00Z: it stood still");
  EXPECT_EQ(error_of(source, "14:02"),
            "2026-11-29T14:02:00Z is longer ago than the hour that is kept, from "
            "2026-11-29T14:05:00Z on");
  source.past.kept_from_us = 0;
  EXPECT_EQ(error_of(source, "1s"), "nothing is kept yet: this process looks every 10 s");
  EXPECT_NE(error_of(source, "2026-11-29T14:11Z").find("in the future"), std::string::npos);
  EXPECT_NE(error_of(source, "soon").find("is no time"), std::string::npos);
  EXPECT_EQ(answer_why(source, {"1m", "1m"}).error().field, "since");
}

TEST(JsonWhy, questions_on_the_bus_are_read_strictly) {
  EXPECT_FALSE(read_why_question("")->at);
  const auto both = read_why_question(write_why_question({"14:03", {}}));
  EXPECT_EQ(both->at, "14:03");
  EXPECT_EQ(write_why_question({}), "");
  for (const auto* wrong : {"{", "[]", R"({"at":7})", R"({"when":"14:03"})", "null"}) {
    EXPECT_EQ(read_why_question(wrong).error().code, Errc::invalid_argument) << wrong;
  }
  EXPECT_EQ(read_why_question(std::string(257, ' ')).error().code, Errc::too_large);
}

TEST(JsonWhy, reads_an_older_server_that_says_nothing_of_itself) {
  const auto answer = read_why_answer(write_why(slow()));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->asked.process.id, "");
  EXPECT_EQ(answer->asked.why.resource, "shard 1");
}

TEST(JsonWhy, what_a_newer_server_knows_is_left_out_and_never_sure) {
  const auto answer = read_why_answer(
      R"({"verdict":"x","cause":"gravity","confident":true,"stage":"warp","resource":"shard 1",
          "share":"much","tail_seconds":0.5,"stages":[{"stage":"warp"},7,{"stage":"l1",
          "resource":"lanes","share":1}]})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->asked.why.cause, model::Cause::unclear);
  EXPECT_FALSE(answer->asked.why.confident);
  ASSERT_EQ(answer->asked.why.stages.size(), 1U);
  EXPECT_EQ(answer->asked.why.stages[0].resource, "lanes");
}

TEST(JsonWhy, an_error_is_a_refusal_with_its_sentence) {
  const auto answer = read_why_answer(
      R"({"error":{"code":"not_found","message":"this process started at noon"},
          "process":{"id":"7","kind":"relay","name":"r"},
          "peers":[{"id":"8","name":"p"}],"left":["9",7]})");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->asked.absence, model::Absence::refused);
  EXPECT_EQ(answer->asked.reason, "this process started at noon");
  EXPECT_EQ(answer->asked.process.kind, "relay");
  ASSERT_EQ(answer->heard.peers.size(), 1U);
  EXPECT_EQ(answer->heard.left, std::vector<std::string>{"9"});
}

TEST(JsonWhy, refuses_what_is_no_answer_and_shows_no_control_bytes) {
  for (const auto* wrong : {"", "{}", "[]", "7", R"({"verdict":"x"})", "<html>"}) {
    EXPECT_EQ(read_why_answer(wrong).error().code, Errc::corrupt) << wrong;
  }
  EXPECT_EQ(read_why_answer(std::string(why_answer_bytes_max + 1, ' ')).error().code,
            Errc::corrupt);
  const auto answer = read_why_answer("{\"verdict\":\"a\\u001b[31mred\",\"cause\":\"none\"}");
  EXPECT_EQ(answer->asked.why.verdict.find('\x1b'), std::string::npos);
}

TEST(JsonWhy, beats_pings_and_peers) {
  const auto beat = read_beat(write_beat({process(), true}));
  ASSERT_TRUE(beat);
  EXPECT_TRUE(beat->leaves);
  EXPECT_EQ(beat->process.kind, "orchestrator");
  EXPECT_FALSE(read_beat("{}"));
  EXPECT_FALSE(read_beat(write_beat({process(), false}))->leaves);
  const auto ping = read_ping(R"({"id":"lane","version":"0.1.0","metadata":{"process":"00ff"}})");
  EXPECT_EQ(ping->id, "00ff");
  EXPECT_EQ(read_ping(R"({"id":"lane","version":"0.1.0","metadata":{}})")->id, "");
  const model::Heard heard{{{process(), now_us - 5'000'000}}, {"gone"}};
  const auto answer = read_why_answer(with_heard(write_why(slow(), process()), heard));
  ASSERT_EQ(answer->heard.peers.size(), 1U);
  EXPECT_EQ(answer->heard.peers[0].heard_us, now_us - 5'000'000);
  EXPECT_EQ(answer->heard.left, heard.left);
}

}  // namespace
}  // namespace hunt::codec
