// What the relay does when the stream that keeps told grants has lost some, and how it divides what
// is too large for one message.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "service/cluster_test_support.h"
#include "service/service_test_support.h"

namespace hunt::service {
namespace {

constexpr std::int64_t second = 1'000'000'000;

class RelayKept : public ::testing::Test {
 protected:
  RelayKept() { see({{1, 0}, 1, 0, 0, 0}); }

  // Looks of some time later.
  void see(model::ClaimsKept kept) {
    looks_ += 2;
    kept.look = looks_;
    lane_.hub.claims_kept = kept;
  }

  // So many grants, told and seen to be kept.
  void grant(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const model::Tile tile{static_cast<std::int32_t>(++tiles_), 5};
      model::Burial burial;
      burial.tile = tile;
      burial.table = "loot";
      burial.budget = 1;
      ASSERT_TRUE(lane_.run(lane_.store.bury(1, {burial})).has_value());
      lane_.pass(second);
      const auto reply =
          lane_.run(lane_.bus.ask(VirtualCluster::batch({tile}, 1), ports::Wait::terminal));
      ASSERT_TRUE(reply.has_value());
      ASSERT_EQ(reply->outcomes[0].outcome, model::Outcome::granted);
    }
    keep(count);
    lane_.pass(3 * second);
  }
  void keep(std::uint64_t count) {
    model::ClaimsKept kept = lane_.hub.claims_kept;
    kept.newest += count;
    kept.in.last = kept.newest;
    see(kept);
  }
  // Over the same feed.
  Relay another() {
    return Relay({}, lane_.store, lane_.bus, nullptr, lane_.time, lane_.time,
                 lane_.loop.get_executor());
  }
  // How many different claims are told from now on within five seconds.
  std::size_t told_now() {
    const std::size_t before = lane_.told.size();
    lane_.pass(5 * second);
    std::set<std::uint64_t> claims;
    for (std::size_t i = before; i < lane_.told.size(); ++i) {
      claims.insert(lane_.told[i].claim.low);
    }
    return claims.size();
  }

  VirtualLane lane_{test_rules()};
  std::uint64_t tiles_ = 0;
  std::uint64_t looks_ = 0;
};

TEST_F(RelayKept, tells_nothing_twice_while_nothing_is_lost) {
  grant(3);
  EXPECT_EQ(lane_.told.size(), 3U);
  EXPECT_EQ(told_now(), 0U);
  see({{1, 3}, 3, 3, 0, 0});  // the oldest may go
  EXPECT_EQ(told_now(), 0U);
  EXPECT_EQ(lane_.store.confirmed()->kept, (model::KeptIn{1, 3}));
}

TEST_F(RelayKept, tells_again_what_another_stream_has_not) {
  grant(3);
  see({{2, 0}, 1, 0, 0, 0});
  EXPECT_EQ(told_now(), 3U);
  EXPECT_EQ(lane_.relay.told_again(), 3U);
  keep(3);
  EXPECT_EQ(told_now(), 0U) << "once is enough";
  EXPECT_EQ(lane_.store.confirmed()->kept.stream, 2U);
  see({{3, 0}, 1, 0, 0, 0});
  grant(1);
  EXPECT_EQ(lane_.relay.told_again(), 6U) << "what was granted meanwhile is told as ever";
}

TEST_F(RelayKept, tells_again_what_an_older_copy_or_an_emptied_stream_lost) {
  grant(4);
  see({{1, 0}, 1, 2, 0, 0});
  EXPECT_EQ(told_now(), 4U);
  keep(4);
  EXPECT_EQ(told_now(), 0U);
  see({{1, 0}, 7, 6, 0, 0});
  EXPECT_EQ(told_now(), 4U);
  EXPECT_EQ(told_now(), 0U) << "emptied once, told again once";
}

TEST_F(RelayKept, goes_as_far_back_as_the_stream_would_keep) {
  grant(2);
  lane_.pass(900 * second);
  grant(2);
  see({{2, 0}, 1, 0, 60 * second, 0});
  EXPECT_EQ(told_now(), 2U);
}

TEST_F(RelayKept, a_relay_that_comes_later_sees_what_was_lost_meanwhile) {
  grant(3);
  lane_.run(lane_.relay.drain());
  see({{2, 0}, 1, 0, 0, 0});
  Relay next = another();
  ASSERT_TRUE(lane_.run(next.start()).has_value());
  see({{2, 0}, 1, 0, 0, 0});
  EXPECT_EQ(told_now(), 3U);
  lane_.run(next.drain());
}

TEST_F(RelayKept, does_not_take_for_lost_what_another_told_since_it_looked) {
  grant(3);
  lane_.run(lane_.relay.drain());
  see({{1, 0}, 1, 1, 0, 0});  // of the one that waited: two of them are newer than its look
  Relay next = another();
  ASSERT_TRUE(lane_.run(next.start()).has_value());
  EXPECT_EQ(told_now(), 0U);
  see({{1, 0}, 1, 3, 0, 0});
  EXPECT_EQ(told_now(), 0U);
  see({{1, 0}, 1, 1, 0, 0});
  EXPECT_EQ(told_now(), 3U) << "and now they are lost";
  lane_.run(next.drain());
}

TEST_F(RelayKept, begins_again_where_telling_again_was_interrupted) {
  grant(3);
  lane_.hub.keeps_claims = false;
  see({{2, 0}, 1, 0, 0, 0});
  EXPECT_EQ(told_now(), 0U);
  lane_.run(lane_.relay.drain());
  EXPECT_EQ(lane_.store.confirmed()->kept.stream, 1U);
  lane_.hub.keeps_claims = true;
  Relay next = another();
  ASSERT_TRUE(lane_.run(next.start()).has_value());
  see({{2, 0}, 1, 0, 0, 0});
  EXPECT_EQ(told_now(), 3U);
  lane_.run(next.drain());
}

TEST_F(RelayKept, divides_changes_that_are_too_many_for_one_message) {
  sim::SimBus listener(lane_.hub, lane_.loop.get_executor());
  std::size_t rows = 0;
  std::size_t most = 0;
  std::uint64_t seq = 0;
  bool follows = true;
  listener.on_invalidation([&](const model::Invalidation& one) {
    follows &= seq == 0 || one.seq == seq + 1;
    seq = one.seq;
    rows += one.tiles.size();
    most = std::max(most, one.tiles.size());
  });
  lane_.hub.message_bytes_max = 4'096;
  std::vector<model::Burial> burials(300);
  for (std::size_t i = 0; i < burials.size(); ++i) {
    burials[i].tile = {static_cast<std::int32_t>(i), 9};
    burials[i].table = "loot";
    burials[i].budget = 1;
  }
  ASSERT_TRUE(lane_.run(lane_.store.bury(1, burials)).has_value());
  lane_.pass(second);
  EXPECT_EQ(rows, 300U);
  EXPECT_LE(most, 32U);
  EXPECT_TRUE(follows) << "a gap would end the trust in what is in memory";
}

}  // namespace
}  // namespace hunt::service
