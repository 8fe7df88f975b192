// What the observer says of relays: nothing while they are heard.
#include "service/observer.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "model/limits.h"

namespace hunt::service {
namespace {

class ManualClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return now_ns_; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return now_ns_ / 1'000; }
  std::int64_t now_ns_ = 5'000'000'000;
};

TEST(Observer, warns_of_a_silent_relay_until_it_is_heard) {
  ManualClock clock;
  Observer observer(clock, 1, {"0.1.0", "sqlite:x", 2, false});
  EXPECT_EQ(observer.warning(), "");
  clock.now_ns_ += limits::feed_silence_ns;
  EXPECT_EQ(observer.warning(), "") << "it may still come";
  observer.heard_relay(0);
  clock.now_ns_ += 1'000'000'000;
  EXPECT_NE(observer.warning().find("no relay of shard 1 is heard for 4 s"), std::string::npos)
      << observer.warning();
  EXPECT_NE(observer.warning().find("hunt relay"), std::string::npos);
  EXPECT_EQ(observer.stats().warning, observer.warning());
  EXPECT_EQ(observer.why().warning, observer.warning());
  EXPECT_EQ(observer.stats().relay_silence_ns, limits::feed_silence_ns + 1'000'000'000);
  const std::vector<std::int64_t> silences{1'000'000'000, limits::feed_silence_ns + 1'000'000'000};
  EXPECT_EQ(observer.stats().relay_silences_ns, silences);
  observer.set_trouble("bus", "the bus is gone");
  EXPECT_EQ(observer.warning(), "the bus is gone");
  observer.set_trouble("bus", "");
  observer.heard_relay(1);
  observer.heard_relay(7);  // of a shard that has no store here
  EXPECT_EQ(observer.warning(), "");
}

// Planted: one of two relays is stopped, and a grant of its shard waits to be told.
TEST(Observer, names_the_relay_that_tells_nothing) {
  constexpr std::int64_t second = 1'000'000'000;
  ManualClock clock;
  Observer observer(clock, 1, {"0.1.0", "sqlite:x", 2, false});
  const model::ClaimId claim{0, 1};
  engine::Timeline timeline;
  timeline.add(model::Stage::store_grant, 9'000'000);
  timeline.grant.shard = 1;
  observer.tellings().expect({claim});
  ASSERT_TRUE(observer.tellings().granted(claim, timeline));
  clock.now_ns_ += 6 * second;
  observer.heard_relay(0);
  const model::Why early = observer.why();
  EXPECT_EQ(early.cause, model::Cause::unclear) << early.verdict;
  EXPECT_FALSE(early.confident) << "the bus may be what is silent";
  clock.now_ns_ += 2 * second;
  observer.heard_relay(0);
  const model::Why why = observer.why();
  EXPECT_TRUE(why.confident) << why.verdict;
  EXPECT_EQ(why.cause, model::Cause::bus);
  EXPECT_EQ(why.resource, "relay of shard 1");
  EXPECT_NE(why.verdict.find("no relay of shard 1 is heard for 8 s"), std::string::npos)
      << why.verdict;
  EXPECT_NE(why.next.find("hunt relay"), std::string::npos) << why.next;
  observer.set_trouble("bus", "NATS is not reachable");
  EXPECT_EQ(observer.why().resource, "bus");
  EXPECT_NE(observer.why().verdict.find("NATS is not reachable"), std::string::npos);
  observer.set_trouble("relay of shard 1", "the relay of shard 1 tells no grants now: no slot");
  EXPECT_NE(observer.why().verdict.find("no slot"), std::string::npos) << observer.why().verdict;
  // It is heard: that something else is wrong with the bus, too, is no reason.
  observer.set_trouble("relay of shard 1", "");
  observer.heard_relay(1);
  EXPECT_FALSE(observer.why().confident) << observer.why().verdict;
}

TEST(Observer, says_of_each_part_what_it_waits_for) {
  ManualClock clock;
  Observer observer(clock, 1, {"0.1.0", "sqlite:x", 1, false, 2});
  observer.set_parts({"store of shard 0", "store of shard 1", "bus", "relays"});
  const auto waits = [&observer] {
    std::map<std::string, std::string> all;
    for (const auto& part : observer.parts()) all[part.name] = part.waits_for;
    return all;
  };
  EXPECT_EQ(waits().at("process"), "starting");
  observer.set_not_ready("");
  for (const auto& [name, what] : waits()) EXPECT_EQ(what, "") << name;
  EXPECT_EQ(waits().size(), 5U);
  observer.set_without_rules("its time zone data differ");
  EXPECT_EQ(observer.not_ready(), "its time zone data differ");
  observer.set_without_rules("");
  observer.set_trouble("bus", "the bus is gone");
  observer.set_store_trouble(1, "it is not open yet");
  observer.set_trouble("clock", "it goes wrong");
  EXPECT_EQ(waits().at("bus"), "the bus is gone");
  EXPECT_EQ(waits().at("store of shard 0"), "");
  EXPECT_NE(waits().at("store of shard 1").find("it is not open yet"), std::string::npos);
  EXPECT_EQ(waits().at("clock"), "it goes wrong") << "also what nobody named before";
}

TEST(Observer, keeps_what_it_said_every_ten_seconds) {
  ManualClock clock;
  Observer observer(clock, 1, {});
  observer.set_name("pod-7:8080");
  const std::int64_t started_ns = clock.now_ns_;
  EXPECT_EQ(observer.process().name, "pod-7:8080");
  EXPECT_EQ(observer.process().kind, "orchestrator");
  EXPECT_EQ(observer.process().started_us, started_ns / 1'000);
  EXPECT_TRUE(observer.why_since(0).spells.empty());
  for (int second = 0; second < 60; ++second) {
    // Calls fail in the middle of it.
    if (second == 20 || second == 40) {
      engine::Evidence evidence;
      if (second == 20) evidence.store_error = "the disk is full";
      observer.publish(0, std::move(evidence));
    }
    observer.remember_why();
    clock.now_ns_ += 1'000'000'000;
  }
  const auto past = observer.why_since(0);
  ASSERT_EQ(past.spells.size(), 3U);
  EXPECT_EQ(past.spells[0].why.cause, model::Cause::none);
  EXPECT_EQ(past.spells[1].looks, 2U);
  EXPECT_NE(past.spells[1].why.verdict.find("the disk is full"), std::string::npos);
  EXPECT_EQ(past.spells[1].why.resource, "shard 0");
  EXPECT_EQ(past.spells[2].why.cause, model::Cause::none);
  const std::int64_t then_us = started_ns / 1'000 + 25'000'000;
  EXPECT_EQ(observer.why_at(then_us).spells.at(0).why.cause, model::Cause::server);
}

TEST(Observer, says_how_old_the_oldest_of_its_evidence_is) {
  ManualClock clock;
  Observer observer(clock, 3, {});
  EXPECT_EQ(observer.why().age_ns, 0) << "there is none";
  observer.publish(0, engine::Evidence());
  clock.now_ns_ += 700'000'000;
  observer.publish(1, engine::Evidence());
  clock.now_ns_ += 200'000'000;
  EXPECT_EQ(observer.why().age_ns, 900'000'000);
  observer.publish(0, engine::Evidence());
  EXPECT_EQ(observer.why().age_ns, 200'000'000);
}

// Planted: trouble for four minutes of five, after two looks at next to no load.
TEST(Observer, what_was_usual_is_of_its_quiet_looks) {
  const auto before_of = [](const std::vector<std::int64_t>& looks_ms) {
    ManualClock clock;
    Observer observer(clock, 1, {});
    for (const std::int64_t ms : looks_ms) {
      engine::Timeline timeline;
      timeline.add(model::Stage::queue, ms * 1'000'000);
      engine::Evidence evidence;
      evidence.answers.assign(50, timeline);
      observer.publish(0, std::move(evidence));
      clock.now_ns_ += 10'000'000'000;
    }
    clock.now_ns_ += 30'000'000'000;
    return observer.why().tail_before_ns / 1'000'000;
  };
  EXPECT_EQ(before_of({12, 10, 14, 13, 11, 12, 16, 18}), 12);
  std::vector<std::int64_t> troubled = {1, 2};
  for (int i = 0; i < 50; ++i) troubled.push_back(i % 5 == 2 ? 10 + i % 7 : 300 + i);
  EXPECT_GE(before_of(troubled), 10);
  EXPECT_LE(before_of(troubled), 14);
  EXPECT_EQ(before_of(std::vector<std::int64_t>(40, 300)), 300) << "nobody knows it otherwise";
  EXPECT_EQ(before_of({}), 0);
}

TEST(Observer, has_nothing_to_say_of_relays_that_nobody_listens_to) {
  ManualClock clock;
  const Observer observer(clock, 1, {});
  clock.now_ns_ += 60'000'000'000;
  EXPECT_EQ(observer.warning(), "");
  EXPECT_EQ(observer.stats().relay_silence_ns, 0);
}

TEST(Observer, shows_latencies_of_the_last_ten_seconds_and_since_the_start) {
  ManualClock clock;
  Observer observer(clock, 2, {});
  LaneMetrics metrics;
  metrics.latencies.store_load.record(500'000'000, 100);
  observer.publish(1, metrics);
  observer.publish(0, LaneMetrics{});
  EXPECT_EQ(observer.stats().since_start.store_load.count, 100U);
  // The slow ones leave the picture within eleven seconds; a few quick ones a second are left.
  for (int second = 0; second < 11; ++second) {
    metrics.latencies.store_load.record(1'000'000, 10);
    clock.now_ns_ += 1'000'000'000;
    observer.publish(1, metrics);
    observer.publish(0, LaneMetrics{});
  }
  const auto stats = observer.stats();
  EXPECT_EQ(stats.lately.store_load.count, 100U);
  EXPECT_NEAR(static_cast<double>(stats.lately.store_load.p999_ns), 1e6, 5e4);
  EXPECT_NEAR(static_cast<double>(stats.lately.store_load.max_ns), 1e6, 5e4);
  EXPECT_EQ(stats.lately.store_load.sum_ns, 100'000'000);
  EXPECT_EQ(stats.since_start.store_load.count, 210U);
  EXPECT_EQ(stats.since_start.store_load.max_ns, 500'000'000);
  clock.now_ns_ += 30'000'000'000;
  observer.publish(0, LaneMetrics{});
  EXPECT_EQ(observer.stats().lately.store_load.count, 0U);
  EXPECT_EQ(observer.stats().lately.store_load.p99_ns, 0);
}

TEST(Observer, adds_up_every_figure_of_the_table) {
  ManualClock clock;
  Observer observer(clock, 2, {});
  LaneMetrics metrics;
  std::uint64_t value = 1;
  for (const auto& figure : model::count_figures) metrics.*figure.value = value++;
  observer.publish(0, metrics);
  observer.publish(1, metrics);
  observer.set_bus([](model::Stats& all) { all.bus_unsent += 1'000; });
  const auto stats = observer.stats();
  value = 1;
  for (const auto& figure : model::count_figures) {
    std::uint64_t more = figure.name == "bus.unsent" ? 1'000 : 0;
    if (figure.name == "rules_last_reload_success") more = 1;  // no file differs
    EXPECT_EQ(stats.*figure.value, 2 * value++ + more) << figure.name;
  }
}

TEST(Observer, tells_how_much_of_each_bound_was_used_of_late) {
  ManualClock clock;
  Observer observer(clock, 2, {});
  LaneMetrics lane;
  lane.bounds.batches.limit = 10;
  lane.bounds.claims.limit = 100;
  lane.bounds.load_calls.assign(2, {8, {}});
  lane.bounds.grant_calls.assign(2, {4, {}});
  observer.publish(1, lane);
  observer.publish(0, lane);
  // Three of one shard's eight calls at both lanes, for five seconds of ten.
  lane.bounds.grant_calls[1].use.set(3, clock.now_ns_);
  observer.publish(1, lane);
  observer.publish(0, lane);
  clock.now_ns_ += 5'000'000'000;
  const auto bounds = observer.stats().bounds;
  ASSERT_EQ(bounds.size(), 6U);
  EXPECT_EQ(bounds[0].resource, "lanes");
  EXPECT_EQ(bounds[1].limit, 200U);
  EXPECT_EQ(bounds[5].stage, model::Stage::store_grant);
  EXPECT_EQ(bounds[5].resource, "shard 1");
  EXPECT_EQ(bounds[5].inflight, 6U);
  EXPECT_EQ(bounds[5].limit, 8U);
  EXPECT_EQ(bounds[5].inflight_ns, 30'000'000'000) << "what hangs counts before it ends";
  EXPECT_DOUBLE_EQ(bounds[5].used, 0.75);
  EXPECT_DOUBLE_EQ(bounds[3].used, 0) << "the other shard's calls";
  lane.bounds.grant_calls[1].use.set(0, clock.now_ns_);
  observer.publish(1, lane);
  observer.publish(0, lane);
  clock.now_ns_ += 5'000'000'000;
  EXPECT_DOUBLE_EQ(observer.stats().bounds[5].used, 0.375);
}

TEST(Observer, adds_up_buckets_of_lanes_and_keeps_the_newest_example) {
  ManualClock clock;
  Observer observer(clock, 2, {});
  LaneMetrics one;
  LaneMetrics other;
  one.latencies.claim.record(1'500'000'000);
  one.examples.claim.put(1'500'000'000, {7, 7}, 1);
  other.latencies.claim.record(1'400'000'000);
  other.examples.claim.put(1'400'000'000, {8, 8}, 2);
  other.latencies.claim.record(6'000'000'000);
  other.latencies.claim.record(60'000'000'000);
  observer.publish(0, one);
  observer.publish(1, other);
  const auto claims = observer.stats().buckets.claim;
  const std::size_t edge = model::LatencyEdges::index_of(1'400'000'000);
  EXPECT_EQ(claims.at_or_below[edge - 1], 0U);
  EXPECT_EQ(claims.at_or_below[edge], 2U);
  EXPECT_EQ(claims.at_or_below.back(), 3U);
  EXPECT_EQ(claims.examples.newest[edge].claim, (model::ClaimId{8, 8}));
  EXPECT_EQ(claims.examples.newest[edge + 1].at_us, 0);
}

TEST(Observer, adds_up_the_nodes_of_the_cache_by_address) {
  ManualClock clock;
  Observer observer(clock, 2, {});
  LaneMetrics lane;
  lane.cache_nodes = {{"b:1", true, 1, 10, 100, 0, 0, 0}, {"a:1", true, 0, 1, 5, 0, 0, 0}};
  observer.publish(0, lane);
  lane.cache_nodes[0].answers = false;
  observer.publish(1, lane);
  const auto nodes = observer.stats().cache_nodes;
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[0].address, "a:1");
  EXPECT_TRUE(nodes[0].answers);
  EXPECT_EQ(nodes[1].replies, 20U);
  EXPECT_FALSE(nodes[1].answers) << "one lane cannot reach it";
  lane.cache_nodes.clear();
  for (int i = 0; i < 200; ++i) lane.cache_nodes.push_back({std::to_string(i), true});
  observer.publish(0, lane);
  EXPECT_EQ(observer.stats().cache_nodes.size(), limits::cache_nodes_shown_max);
}

TEST(Observer, warns_of_a_store_that_refuses_with_its_reason) {
  ManualClock clock;
  Observer observer(clock, 2, {"0.1.0", "sqlite:x", 0, true, 2});
  LaneMetrics metrics;
  metrics.stores.resize(2);
  metrics.stores[1].grants.failed({Errc::disk_full, "the disk is full", {}}, clock.now_ns_);
  observer.publish(1, metrics);
  clock.now_ns_ += 7'000'000'000;
  EXPECT_EQ(observer.warning(), "the store of shard 1 refuses for 7 s: the disk is full");
  ASSERT_EQ(observer.stats().stores_failing.size(), 1U);
  EXPECT_EQ(observer.stats().stores_failing[0].shard, 1U);
  EXPECT_EQ(observer.stats().store_error, "the disk is full");
  EXPECT_EQ(observer.why().warning, observer.warning());
  observer.set_store_trouble(0, "the trigger is gone");
  EXPECT_EQ(observer.warnings().size(), 2U);
  EXPECT_EQ(observer.warnings()[0].key, "store of shard 0");
  metrics.stores[1].grants.work();
  observer.publish(1, metrics);
  observer.set_store_trouble(0, "");
  EXPECT_EQ(observer.warning(), "");
  EXPECT_EQ(observer.stats().store_error, "");
}

TEST(Observer, warns_for_a_minute_of_loot_that_a_full_disk_did_not_take) {
  ManualClock clock;
  Observer observer(clock, 1, {"0.1.0", "sqlite:x", 0, true, 2});
  const Error full{Errc::disk_full, "the disk is full", {}};
  const Error wrong{Errc::not_found, "there is no such world", {}};
  observer.note_burial(1, &wrong);
  EXPECT_EQ(observer.warning(), "") << "the caller's own mistake";
  observer.note_burial(1, &full);
  EXPECT_EQ(observer.warning(),
            "loot could not be buried in the store of shard 1: the disk is full");
  observer.note_burial(0, nullptr);
  EXPECT_NE(observer.warning(), "") << "another shard has room";
  observer.note_burial(1, nullptr);
  EXPECT_EQ(observer.warning(), "");
  observer.note_burial(1, &full);
  clock.now_ns_ += 61'000'000'000;
  for (const model::ShardId shard : {0U, 1U}) observer.heard_relay(shard);
  EXPECT_EQ(observer.warning(), "");
}

TEST(Observer, warns_of_loot_whose_table_no_rule_has_until_a_rule_has_it) {
  ManualClock clock;
  Observer observer(clock, 1, {"0.1.0", "sqlite:x", 0, true, 2});
  model::RuleSet rules;
  rules.tables.resize(1);
  rules.tables[0].name = "starlight";
  observer.set_rules(rules);
  observer.set_open_tables(0, {{"starlight", 5}, {"starlite", 2}});
  observer.set_open_tables(1, {{"starlite", 1}});
  EXPECT_NE(observer.warning().find("3 open spawns have no table in the rules: \"starlite\" (the "
                                    "rules have \"starlight\")"),
            std::string::npos)
      << observer.warning();
  EXPECT_EQ(observer.stats().spawns_without_table, 3U);
  observer.set_open_tables(0, {{"starligt", 1}});
  observer.set_open_tables(1, {});
  EXPECT_NE(observer.warning().find("1 open spawn has no table in the rules: \"starligt\" (did you "
                                    "mean \"starlight\"?)"),
            std::string::npos)
      << observer.warning();
  observer.set_open_tables(0, {{"starlight", 5}, {"starlite", 2}});
  observer.set_open_tables(1, {{"starlite", 1}});
  rules.tables[0].name = "starlite";
  observer.set_rules(rules);
  EXPECT_EQ(observer.stats().spawns_without_table, 5U) << "a reload of the rules counts at once";
  rules.tables.resize(2);
  rules.tables[1].name = "starlight";
  observer.set_rules(rules);
  EXPECT_EQ(observer.warning(), "");
}

TEST(Observer, tells_of_a_gap_of_the_feed_for_a_while) {
  ManualClock clock;
  Observer observer(clock, 1, {});
  observer.count_gap(3);
  EXPECT_NE(observer.warning().find("shard 3 had a gap"), std::string::npos);
  EXPECT_EQ(observer.stats().feed_gaps, 1U);
  clock.now_ns_ += 20'000'000'000;
  EXPECT_EQ(observer.warning(), "");
}

}  // namespace
}  // namespace hunt::service
