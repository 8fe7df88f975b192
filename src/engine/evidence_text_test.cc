// What is written is read again, and the same is said of it.
#include "engine/evidence_text.h"

#include <gtest/gtest.h>

#include "engine/attribution_test_support.h"

namespace hunt::engine {
namespace {

Evidence full() {
  Timeline reads = answer(3, 1, 200, 2);
  reads.load.shard = 1;
  reads.load.thread_ns = 5;
  reads.starved_ns = 7;
  reads.add(Stage::bus, 11);
  reads.bus_way_ns = 4;
  Timeline waits = answer(0, 1, 0);
  waits.add(Stage::l2, 40 * ms_ns);
  waits.add_fill_wait(39 * ms_ns, 1);
  Timeline grants = claim(5, 65, 1, 2, 60);
  grants.telling_ns = 90 * ms_ns;
  Evidence evidence;
  evidence.answers = {reads, waits};
  evidence.claims = {grants};
  evidence.probes = {{}, {2 * ms_ns, 3, 4, true, false, true, true}};
  evidence.failures = {{}, {12, "it was reset: 50 % of\nall", model::Cause::round_trip, 3}};
  evidence.not_told = {{"no relay is heard", "relay of shard 0"}, {}};
  evidence.stores_here = {true, false};
  evidence.cache_here = true;
  evidence.slow_node = {"10.0.0.7:6379", 60 * ms_ns, 3, 400'000};
  evidence.lane_busy = 0.1;
  evidence.cpu_pressure = 1.0 / 3;
  evidence.lane_count = 2;
  evidence.loads_max = 8;
  evidence.store_error_cause = model::Cause::lock;
  evidence.claims_before_ns = 9 * ms_ns;
  return evidence;
}

TEST(EvidenceText, is_read_as_it_was_written) {
  const std::string text = write_evidence(full());
  const auto read = read_evidence(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(write_evidence(*read), text);
  EXPECT_EQ(read->answers[0].total_ns, full().answers[0].total_ns);
  EXPECT_EQ(read->answers[1].fill_shard, 1U);
  EXPECT_EQ(read->claims[0].telling_ns, 90 * ms_ns);
  EXPECT_TRUE(read->probes[1].locked);
  EXPECT_EQ(read->failures[1].error, "it was reset: 50 % of\nall");
  EXPECT_EQ(read->store_error_cause, model::Cause::lock);
  EXPECT_EQ(read->cpu_pressure, 1.0 / 3);
  EXPECT_EQ(attribute(*read).verdict, attribute(full()).verdict);
}

TEST(EvidenceText, of_many_the_slowest_are_all_there_and_others_stand_for_some) {
  Evidence evidence;
  evidence.answers.assign(50'000, answer(1, 1, 0));
  evidence.answers.insert(evidence.answers.begin() + 70, 500, answer(1, 1, 300));
  const std::string text = write_evidence(evidence);
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 4'200);
  const auto read = read_evidence(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->answers.size(), 50'500U);
  EXPECT_EQ(attribute(*read).tail_ns, attribute(evidence).tail_ns);
}

TEST(EvidenceText, says_where_it_is_no_evidence) {
  EXPECT_EQ(read_evidence("{}").error().code, Errc::corrupt);
  EXPECT_EQ(read_evidence("").error().code, Errc::corrupt);
  const auto bad = read_evidence("hunt evidence 1\nprobe newest=12x\n");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message, "line 2 of the evidence: \"newest\" has no such value");
  // A newer release may tell more.
  EXPECT_TRUE(read_evidence("hunt evidence 1\nweather sun=1\nprobe newest=12 moon=full\n"));
}

}  // namespace
}  // namespace hunt::engine
