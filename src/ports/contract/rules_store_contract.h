// The contract of RulesStore, and of the fence that grant_claims keeps for it.
//
// Not for production code: test binaries of adapters include it, in one file each. Instantiate
// RulesStoreContract with a StoreFactory.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "ports/contract/hunt_store_contract_fixture.h"

namespace hunt::ports::contract {

class RulesStoreContract : public StoreContract {
 protected:
  static model::RulesOf files_of(const std::string& version) {
    return {version, {{"a.yaml", "event: " + version}, {"b.yaml", "two: 'lines'\n# ä\n"}}};
  }
  static model::RulesTimeline first() {
    model::RulesTimeline timeline;
    timeline.seq = 1;
    timeline.turns.push_back({"00000000000000aa", 12, 1'000, "somebody", "why: \"so\""});
    return timeline;
  }
  // In force from `from_us` on, after the first.
  static model::RulesTimeline second(std::int64_t from_us) {
    model::RulesTimeline timeline = first();
    timeline.seq = 2;
    timeline.turns.push_back({"00000000000000bb", 0, from_us, "files", ""});
    return timeline;
  }
  void set(model::RulesTimeline timeline, std::vector<model::RulesOf> sets = {}) {
    const auto done = run(store().set_rules_timeline(std::move(timeline), std::move(sets)));
    EXPECT_TRUE(done.has_value()) << done.error().message;
  }
  static model::Claim by(model::Claim claim, std::uint64_t seq, std::string version) {
    claim.rules_seq = seq;
    claim.rules = std::move(version);
    return claim;
  }
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(RulesStoreContract);

TEST_P(RulesStoreContract, a_new_store_has_no_rules) {
  EXPECT_EQ(ok(store().rules_timeline()), model::RulesTimeline{});
  EXPECT_EQ(error_of(store().rules_files("00000000000000aa")), Errc::not_found);
}

TEST_P(RulesStoreContract, what_is_set_is_read_again_also_after_a_restart) {
  model::RulesTimeline timeline = first();
  // In the order of bytes, which few collations have for "_" and digits.
  timeline.stopped = {{"a1", 3, "", ""},
                      {"a_b", 4, "", ""},
                      {"ball", 5, "", ""},
                      {"gala", -7, "x", "it's \"off\""}};
  set(timeline, {files_of("00000000000000aa")});
  EXPECT_EQ(ok(store().rules_timeline()), timeline);
  under_test_->reopen();
  EXPECT_EQ(ok(store().rules_timeline()), timeline);
  const auto files = ok(store().rules_files("00000000000000aa"));
  ASSERT_EQ(files.size(), 2U);
  EXPECT_EQ(files[0].name, "a.yaml");
  EXPECT_EQ(files[1].text, "two: 'lines'\n# ä\n");
}

TEST_P(RulesStoreContract, only_a_newer_one_takes_its_place) {
  set(first(), {files_of("00000000000000aa")});
  model::RulesTimeline same = first();
  same.turns[0].note = "another";
  EXPECT_EQ(error_of(store().set_rules_timeline(same, {})), Errc::already_exists);
  same.seq = 0;
  EXPECT_EQ(error_of(store().set_rules_timeline(same, {})), Errc::already_exists);
  EXPECT_EQ(ok(store().rules_timeline()), first());
  same.seq = 9;
  set(same);
  EXPECT_EQ(ok(store().rules_timeline()), same) << "a shard that was away gets the newest";
}

TEST_P(RulesStoreContract, a_version_needs_its_files_and_nothing_is_written_without_them) {
  set(first(), {files_of("00000000000000aa")});
  EXPECT_EQ(error_of(store().set_rules_timeline(second(2'000), {})), Errc::not_found);
  EXPECT_EQ(ok(store().rules_timeline()), first());
  set(second(2'000), {files_of("00000000000000bb")});
  EXPECT_EQ(ok(store().rules_files("00000000000000aa")).size(), 2U) << "it has them still";
}

TEST_P(RulesStoreContract, files_of_versions_that_are_not_named_go) {
  set(second(2'000), {files_of("00000000000000aa"), files_of("00000000000000bb")});
  model::RulesTimeline next = second(2'000);
  next.seq = 3;
  next.turns.erase(next.turns.begin());
  set(next);
  EXPECT_EQ(error_of(store().rules_files("00000000000000aa")), Errc::not_found);
  EXPECT_EQ(ok(store().rules_files("00000000000000bb")).size(), 2U);
}

TEST_P(RulesStoreContract, who_knows_another_timeline_grants_nothing) {
  const auto spawn = bury(here, 3);
  EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, model::Outcome::granted) << "without one";
  EXPECT_TRUE(grant_one(by(claim(here, spawn, 2), 1, "00000000000000aa")).stale)
      << "this store lost its timeline";
  set(first(), {files_of("00000000000000aa")});
  const auto late = grant_one(by(claim(here, spawn, 2), 0, "00000000000000aa"));
  EXPECT_TRUE(late.stale);
  EXPECT_FALSE(late.is_new());
  EXPECT_EQ(grant_one(by(claim(here, spawn, 2), 1, "00000000000000aa")).outcome,
            model::Outcome::granted);
  model::RulesTimeline stopped = first();
  stopped.seq = 2;
  stopped.stopped.push_back({"gala", 5, "", ""});
  set(stopped);
  EXPECT_TRUE(grant_one(by(claim(here, spawn, 3), 1, "00000000000000aa")).stale);
  EXPECT_TRUE(grant_one(by(claim(here, spawn, 3), 7, "00000000000000aa")).stale)
      << "this shard is behind: what it keeps may be over";
  EXPECT_EQ(grant_one(by(claim(here, spawn, 3), 2, "00000000000000aa")).outcome,
            model::Outcome::granted);
  EXPECT_EQ(row_of(here).sold_out, true);
  books().expect_conserved();
}

TEST_P(RulesStoreContract, what_is_in_the_ledger_is_told_to_everybody) {
  const auto spawn = bury(here, 3);
  set(first(), {files_of("00000000000000aa")});
  EXPECT_TRUE(grant_one(by(claim(here, spawn, 1), 1, "00000000000000aa")).is_new());
  set(second(clock_.wall_us() - 1), {files_of("00000000000000bb")});
  const auto again = grant_one(by(claim(here, spawn, 1), 1, "00000000000000aa"));
  EXPECT_FALSE(again.stale);
  EXPECT_TRUE(again.repeat);
  EXPECT_EQ(again.outcome, model::Outcome::granted);
}

TEST_P(RulesStoreContract, a_version_is_granted_within_its_time_only) {
  const auto spawn = bury(here, 100);
  clock_.advance_us(10'000'000);
  const std::int64_t from_us = clock_.wall_us() - 1'000'000;
  set(second(from_us), {files_of("00000000000000aa"), files_of("00000000000000bb")});
  const auto stale = [&](std::uint64_t player, const char* version,
                         std::optional<std::int64_t> as_of_us) {
    auto one = by(claim(here, spawn, player), 2, version);
    one.as_of_us = as_of_us;
    const auto verdict = grant_one(std::move(one));
    EXPECT_NE(verdict.stale, verdict.is_new());
    EXPECT_EQ(verdict.rules, as_of_us == from_us - 1 ? "00000000000000aa" : "00000000000000bb")
        << "a stale one is told what is in force";
    return verdict.stale;
  };
  EXPECT_TRUE(stale(1, "00000000000000aa", from_us));
  EXPECT_TRUE(stale(2, "00000000000000aa", {})) << "by the store's clock";
  EXPECT_TRUE(stale(3, "00000000000000bb", from_us - 1));
  EXPECT_TRUE(stale(4, "00000000000000cc", {}));
  EXPECT_FALSE(stale(1, "00000000000000bb", from_us));
  EXPECT_FALSE(stale(2, "00000000000000bb", {}));
  EXPECT_FALSE(stale(3, "00000000000000aa", from_us - 1));
  books().expect_conserved();
}

TEST_P(RulesStoreContract, the_others_of_a_call_are_granted) {
  const auto spawn = bury(here, 2);
  set(second(clock_.wall_us()), {files_of("00000000000000aa"), files_of("00000000000000bb")});
  const auto verdicts = grant({by(claim(here, spawn, 1), 2, "00000000000000aa"),
                               by(claim(here, spawn, 2), 2, "00000000000000bb"),
                               by(claim(here, spawn, 3), 1, "00000000000000bb"),
                               by(claim(here, spawn, 4), 2, "00000000000000bb"),
                               by(claim(here, spawn, 5), 2, "00000000000000bb")});
  EXPECT_TRUE(verdicts[0].stale);
  EXPECT_TRUE(verdicts[1].is_new());
  EXPECT_TRUE(verdicts[2].stale) << "a stale one has no part in the stock";
  EXPECT_TRUE(verdicts[3].is_new());
  EXPECT_EQ(verdicts[4].outcome, model::Outcome::sold_out);
  books().expect_conserved();
}

}  // namespace hunt::ports::contract
