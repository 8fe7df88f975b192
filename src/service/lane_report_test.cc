// What failed calls of a shard are due to.
#include "service/lane_report.h"

#include <gtest/gtest.h>

namespace hunt::service {
namespace {

using model::Cause;

const Error reset{Errc::unavailable, "the connection was reset", {}};
const Error lost{Errc::unknown_outcome, "the connection ended in a commit",
                 std::string(ports::connection_field)};
// Some tiles of a call were free.
const Error locked_partly{Errc::unknown_outcome, "somebody holds it",
                          std::string(ports::lock_field)};
const Error refused{Errc::unknown_outcome, "committed, but no standby has confirmed it", {}};
const Error locked{Errc::unavailable, "somebody holds it", std::string(ports::lock_field)};
const Error late{Errc::deadline_exceeded, "no answer", {}};

TEST(Failures, one_that_broke_off_among_others_says_nothing_of_the_way) {
  StoreHealth health;
  health.failed(health.grants, locked, 1);
  health.failed(health.grants, locked, 2);
  health.failed(health.probes, reset, 3);
  health.failed(health.loads, late, 4);
  const engine::Failures all = failures_since(health, {});
  EXPECT_EQ(all.count, 3U) << "who gave up waiting knows nothing";
  EXPECT_EQ(all.breaks, 1U);
  EXPECT_EQ(all.cause, Cause::lock);
  EXPECT_EQ(all.error, locked.message);
}

// Planted: connections are reset under calls that write. Nothing else has failed just now.
TEST(Failures, a_call_whose_connection_ended_is_of_the_way) {
  StoreHealth health;
  health.failed(health.grants, lost, 1);
  EXPECT_EQ(cause_of(health), Cause::round_trip);
  EXPECT_EQ(health.breaks, 1U);
  health.failed(health.grants, locked_partly, 2);
  EXPECT_EQ(cause_of(health), Cause::lock);
  health.failed(health.grants, refused, 3);
  EXPECT_EQ(cause_of(health), Cause::server);
  EXPECT_EQ(health.breaks, 1U);
}

TEST(Failures, those_that_broke_off_are_counted_apart) {
  StoreHealth health;
  health.failed(health.grants, locked, 1);
  const FailureCounts before{health.failures, health.breaks};
  EXPECT_EQ(failures_since(health, before).count, 0U);
  health.failed(health.grants, reset, 2);
  health.failed(health.grants, lost, 3);
  health.failed(health.grants, locked, 4);
  const engine::Failures since = failures_since(health, before);
  EXPECT_EQ(since.count, 3U);
  EXPECT_EQ(since.breaks, 2U);
  EXPECT_EQ(since.cause, Cause::round_trip);
  EXPECT_EQ(since.error, lost.message) << "the last that broke off";
}

}  // namespace
}  // namespace hunt::service
