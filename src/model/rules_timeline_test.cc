#include "model/rules_timeline.h"

#include <gtest/gtest.h>

#include "model/limits.h"
#include "model/rules_by.h"

namespace hunt::model {
namespace {

using Kind = RulesChange::Kind;

constexpr std::int64_t now_us = 1'000'000'000;
constexpr std::int64_t lead_us = 3'000'000;

RulesChange turn(std::string version, std::uint64_t revision = 0, std::int64_t from_us = 0) {
  RulesChange change;
  change.kind = Kind::turn;
  change.turn = {std::move(version), revision, from_us, std::string(by_files) + "a", ""};
  return change;
}
RulesChange of_event(Kind kind, std::string event) {
  RulesChange change;
  change.kind = kind;
  change.event = std::move(event);
  return change;
}
RulesChange back(std::optional<std::string> version = {}) {
  RulesChange change;
  change.kind = Kind::rollback;
  change.version = std::move(version);
  return change;
}
RulesTimeline after(const RulesTimeline& before, const RulesChange& change,
                    std::int64_t at_us = now_us) {
  auto next = changed(before, change, at_us, lead_us);
  EXPECT_TRUE(next.has_value()) << next.error().message;
  return next.value_or(before);
}

TEST(RulesTimeline, the_first_rules_are_in_force_at_once_and_the_next_after_the_lead) {
  RulesTimeline timeline = after({}, turn("a", 0, now_us + 99'000'000));
  EXPECT_EQ(timeline.seq, 1U);
  EXPECT_EQ(timeline.turns.back().from_us, now_us) << "where there are none, nothing is waited for";
  timeline = after(timeline, turn("b"));
  EXPECT_EQ(timeline.turns.back().from_us, now_us + lead_us);
  EXPECT_EQ(timeline.at(now_us + lead_us - 1).version, "a");
  EXPECT_EQ(timeline.at(now_us + lead_us).version, "b");
  EXPECT_EQ(timeline.at(INT64_MIN).version, "a") << "before all of them";
}

TEST(RulesTimeline, what_is_announced_for_later_is_called_off_by_what_is_decided_after_it) {
  RulesTimeline timeline = after({}, turn("a"));
  timeline = after(timeline, turn("b", 5, now_us + 60'000'000));
  EXPECT_EQ(timeline.at(now_us + 59'999'999).version, "a");
  EXPECT_EQ(timeline.at(now_us + 60'000'000).version, "b");
  timeline = after(timeline, turn("c", 6));
  EXPECT_EQ(timeline.at(now_us + 60'000'000).version, "c");
}

TEST(RulesTimeline, without_a_version_it_goes_back_to_what_was_before) {
  RulesTimeline timeline = after({}, turn("a"));
  EXPECT_EQ(changed(timeline, back(), now_us, lead_us).error().code, Errc::not_found);
  timeline = after(timeline, turn("b"));
  // Still announced: called off.
  EXPECT_EQ(after(timeline, back()).turns.back().version, "a");
  // In force: what was before.
  const std::int64_t later_us = now_us + 60'000'000;
  const RulesTimeline gone_back = after(timeline, back(), later_us);
  EXPECT_EQ(gone_back.turns.back().version, "a");
  EXPECT_EQ(gone_back.turns.back().from_us, later_us + lead_us);
  // Again, with or without its having come into force: not to what was wrong.
  for (const std::int64_t again_us : {later_us + 1, later_us + 60'000'000}) {
    const auto again = changed(gone_back, back(), again_us, lead_us);
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().code, Errc::already_exists);
    EXPECT_NE(again.error().message.find("it is version a again"), std::string::npos);
  }
  EXPECT_EQ(after(gone_back, back("b"), later_us + 60'000'000).turns.back().version, "b");
  EXPECT_EQ(after(after(gone_back, turn("c")), back(), later_us + 90'000'000).turns.back().version,
            "a");
  EXPECT_EQ(after(timeline, back("a"), later_us).turns.back().version, "a");
  EXPECT_EQ(changed(timeline, back("b"), later_us, lead_us).error().code, Errc::already_exists);
  EXPECT_EQ(changed(timeline, back("x"), later_us, lead_us).error().code, Errc::not_found);
}

TEST(RulesTimeline, files_that_come_again_are_no_way_back) {
  RulesTimeline timeline = after({}, turn("a", 6));
  timeline = after(timeline, turn("b", 7));
  timeline = after(timeline, turn("a", 8), now_us + 60'000'000);  // a revert in git
  EXPECT_EQ(after(timeline, back(), now_us + 90'000'000).turns.back().version, "b");
}

TEST(RulesTimeline, events_are_stopped_and_started_once) {
  RulesTimeline timeline = after({}, turn("a"));
  EXPECT_EQ(changed(timeline, of_event(Kind::start, "gala"), now_us, lead_us).error().code,
            Errc::already_exists);
  timeline = after(timeline, of_event(Kind::stop, "gala"));
  timeline = after(timeline, of_event(Kind::stop, "ball"));
  ASSERT_NE(timeline.stop_of("gala"), nullptr);
  EXPECT_EQ(timeline.stop_of("gala")->since_us, now_us);
  EXPECT_EQ(timeline.stopped.front().event, "ball") << "by name";
  EXPECT_EQ(changed(timeline, of_event(Kind::stop, "gala"), now_us, lead_us).error().code,
            Errc::already_exists);
  timeline = after(timeline, of_event(Kind::start, "gala"));
  EXPECT_EQ(timeline.stop_of("gala"), nullptr);
  EXPECT_EQ(timeline.seq, 4U);
}

TEST(RulesTimeline, files_are_taken_when_they_are_new_or_have_a_higher_revision) {
  RulesTimeline timeline;
  EXPECT_EQ(judge_offer(timeline, "a", 0), OfferIs::fresh);
  timeline = after(timeline, turn("a"));
  EXPECT_EQ(judge_offer(timeline, "a", 0), OfferIs::in_force);
  EXPECT_EQ(judge_offer(timeline, "b", 0), OfferIs::fresh);
  timeline = after(timeline, turn("b"));
  EXPECT_EQ(judge_offer(timeline, "b", 0), OfferIs::in_force) << "announced";
  EXPECT_EQ(judge_offer(timeline, "a", 0), OfferIs::superseded);
  timeline = after(timeline, turn("c", 7));
  EXPECT_EQ(judge_offer(timeline, "d", 6), OfferIs::older);
  EXPECT_EQ(judge_offer(timeline, "d", 7), OfferIs::older) << "two contents of one revision";
  EXPECT_EQ(judge_offer(timeline, "d", 0), OfferIs::older) << "no revision is the lowest";
  EXPECT_EQ(judge_offer(timeline, "c", 7), OfferIs::in_force);
  EXPECT_EQ(judge_offer(timeline, "a", 8), OfferIs::fresh) << "a revert in git";
}

TEST(RulesTimeline, a_rollback_stays_until_a_higher_revision_comes) {
  RulesTimeline timeline = after({}, turn("a", 6));
  timeline = after(timeline, turn("b", 7));
  timeline = after(timeline, back("a"), now_us + 60'000'000);
  EXPECT_EQ(judge_offer(timeline, "b", 7), OfferIs::superseded);
  EXPECT_EQ(judge_offer(timeline, "a", 6), OfferIs::in_force);
  EXPECT_EQ(judge_offer(timeline, "c", 6), OfferIs::older);
  EXPECT_EQ(judge_offer(timeline, "b", 8), OfferIs::fresh);
}

TEST(RulesTimeline, only_so_many_turns_are_kept_and_the_highest_revision_among_them) {
  RulesTimeline timeline = after({}, turn("first", 9));
  for (std::size_t i = 0; i < 2 * limits::rules_turns_max; ++i) {
    RulesChange pushed = turn("v" + std::to_string(i));
    timeline = after(timeline, pushed);
    ASSERT_LE(timeline.turns.size(), limits::rules_turns_max);
  }
  EXPECT_EQ(timeline.revision_max(), 9U);
  EXPECT_EQ(judge_offer(timeline, "old", 8), OfferIs::older);
  EXPECT_EQ(timeline.turns.size(), limits::rules_turns_max);
}

TEST(RulesTimeline, what_is_in_force_stays_however_much_is_announced) {
  RulesTimeline timeline = after(after({}, turn("old")), turn("now", 1), now_us + 1);
  const std::int64_t later_us = now_us + 10 * lead_us;
  for (std::uint64_t i = 2; i < 66; ++i) {
    const std::string version = "v" + std::to_string(i);
    timeline = after(timeline, turn(version, i, later_us + 1'000'000), later_us);
    ASSERT_LE(timeline.turns.size(), limits::rules_turns_max);
    ASSERT_EQ(timeline.at(later_us).version, "now");
    ASSERT_EQ(timeline.at(now_us).version, "old");
    ASSERT_EQ(timeline.at(INT64_MAX).version, version);
  }
}

TEST(RulesTimeline, announcements_of_different_times_are_refused_rather_than_dropped) {
  RulesTimeline timeline = after({}, turn("now"));
  for (std::size_t i = 1; i < limits::rules_turns_max; ++i) {
    const auto from_us = now_us + lead_us + static_cast<std::int64_t>(i);
    timeline = after(timeline, turn("v" + std::to_string(i), 0, from_us));
  }
  const auto one_more = changed(timeline, turn("more", 0, now_us + 2 * lead_us), now_us, lead_us);
  ASSERT_FALSE(one_more.has_value());
  EXPECT_EQ(one_more.error().code, Errc::too_large);
  EXPECT_EQ(after(timeline, back()).at(INT64_MAX).version, "now") << "all of it is called off";
}

TEST(RulesTimeline, a_claim_is_stale_when_its_rules_are_others_than_those_of_its_time) {
  RulesTimeline timeline = after({}, turn("a"));
  timeline = after(timeline, turn("b"));
  const std::int64_t from_us = now_us + lead_us;
  Claim claim;
  claim.rules = "a";
  claim.rules_seq = 2;
  claim.as_of_us = from_us - 1;
  EXPECT_FALSE(is_stale(claim, timeline, from_us));
  claim.as_of_us = from_us;
  EXPECT_TRUE(is_stale(claim, timeline, from_us));
  claim.as_of_us.reset();
  EXPECT_FALSE(is_stale(claim, timeline, from_us - 1)) << "the store's clock";
  EXPECT_TRUE(is_stale(claim, timeline, from_us));
  claim.rules = "b";
  EXPECT_FALSE(is_stale(claim, timeline, from_us));
  claim.rules_seq = 1;
  EXPECT_TRUE(is_stale(claim, timeline, from_us)) << "rolled by who does not know all of it";
  claim.rules_seq = 3;
  EXPECT_TRUE(is_stale(claim, timeline, from_us)) << "by who knows more: this shard is behind";
  EXPECT_FALSE(is_stale(Claim{}, RulesTimeline{}, from_us)) << "a store without a timeline";
}

}  // namespace
}  // namespace hunt::model
