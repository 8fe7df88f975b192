// The binary form of invalidations and failures: it comes back as it was, and anything broken is
// refused.
#include "codec/flat_change.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/flat_batch.h"
#include "model/limits.h"
#include "model/outside.h"

namespace hunt::codec {
namespace {

model::Invalidation an_invalidation(std::size_t rows) {
  model::Invalidation invalidation;
  invalidation.shard = 3;
  invalidation.relay = 0xfeedULL << 32;
  invalidation.epoch = 5;
  invalidation.seq = 77;
  invalidation.committed_ns = 123'456;
  for (std::size_t i = 0; i < rows; ++i) {
    model::TileChange change;
    change.world = 9;
    change.epoch = 4;
    change.row.tile = {~std::uint64_t{0} - i};
    change.row.version = i + 1;
    change.row.spawn = i % 3;
    if (change.row.spawn != 0) change.row.table = "starlight";
    change.row.budget = 3;
    change.row.opens_us = i % 2 == 0 ? model::time_us_min : 17;
    change.row.buried_at_us = 15;
    change.row.sold_out = i % 2 == 1;
    invalidation.tiles.push_back(change);
  }
  return invalidation;
}

TEST(FlatChange, an_invalidation_comes_back_as_it_was) {
  FlatChangeWriter writer;
  for (const std::size_t rows : {std::size_t{0}, std::size_t{5}, limits::invalidation_rows_max}) {
    const auto want = an_invalidation(rows);
    const auto got = read_flat_invalidation(writer.write(want, 1), 1);
    ASSERT_TRUE(got.has_value()) << got.error().message;
    EXPECT_EQ(got->shard, want.shard);
    EXPECT_EQ(got->relay, want.relay);
    EXPECT_EQ(got->epoch, want.epoch);
    EXPECT_EQ(got->seq, want.seq);
    EXPECT_EQ(got->committed_ns, want.committed_ns);
    ASSERT_EQ(got->tiles.size(), rows);
    for (std::size_t i = 0; i < rows; ++i) {
      EXPECT_EQ(got->tiles[i].world, want.tiles[i].world);
      EXPECT_EQ(got->tiles[i].epoch, want.tiles[i].epoch);
      EXPECT_EQ(got->tiles[i].row, want.tiles[i].row);
    }
  }
}

TEST(FlatChange, the_clock_of_another_machine_means_nothing) {
  FlatChangeWriter writer;
  const auto got = read_flat_invalidation(writer.write(an_invalidation(1), 1), 2);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->committed_ns, 0);
}

TEST(FlatChange, numbers_that_the_protocol_does_not_have_are_refused) {
  FlatChangeWriter writer;
  const auto refused = [&writer](const model::Invalidation& one) {
    const auto got = read_flat_invalidation(writer.write(one, 1), 1);
    return !got && got.error().code == Errc::invalid_argument && !got.error().field.empty();
  };
  const auto with = [](auto change) {
    auto one = an_invalidation(1);
    change(one);
    return one;
  };
  EXPECT_FALSE(refused(with([](auto& one) { one.epoch = limits::epoch_max; })));
  EXPECT_FALSE(refused(with([](auto& one) { one.tiles[0].row.version = limits::version_max; })));
  EXPECT_TRUE(refused(with([](auto& one) { one.epoch = 9'000'000; })));
  EXPECT_TRUE(refused(with([](auto& one) { one.epoch = UINT64_MAX; })));
  EXPECT_TRUE(refused(with([](auto& one) { one.shard = limits::shards_max; })));
  EXPECT_TRUE(refused(with([](auto& one) { one.committed_ns = -1; })));
  EXPECT_TRUE(refused(with([](auto& one) { one.committed_ns = INT64_MIN; })));
  EXPECT_TRUE(refused(with([](auto& one) { one.tiles[0].epoch = limits::epoch_max + 1; })));
  EXPECT_TRUE(refused(with([](auto& one) { one.tiles[0].row.version = limits::version_max + 1; })));
  EXPECT_TRUE(refused(with([](auto& one) { one.tiles[0].row.budget = UINT32_MAX; })));
}

TEST(FlatChange, a_failure_comes_back_with_its_code) {
  FlatChangeWriter writer;
  const Error want{Errc::overloaded, "too many", "positions"};
  const auto got = read_flat_failure(writer.write(want));
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->code, Errc::overloaded);
  EXPECT_EQ(got->message, "too many");
  EXPECT_EQ(got->field, "positions");
  EXPECT_FALSE(read_flat_reply(writer.write(want)).has_value());
}

TEST(FlatChange, every_truncation_and_every_other_message_is_refused) {
  FlatChangeWriter writer;
  const std::string whole(writer.write(an_invalidation(3), 1));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto got = read_flat_invalidation(whole.substr(0, size), 1);
    EXPECT_TRUE(got.has_value() || got.error().code == Errc::invalid_argument);
    EXPECT_FALSE(got.has_value() && size < whole.size() / 2) << size;
  }
  const std::string failure(writer.write(Error{Errc::io, "no", {}}));
  EXPECT_EQ(read_flat_invalidation(failure, 1).error().field, "body");
  EXPECT_EQ(read_flat_failure(whole).error().field, "body");
  EXPECT_FALSE(read_flat_failure("{\"error\":{}}").has_value());
  EXPECT_EQ(read_flat_failure(std::string(limits::reply_bytes_max + 1, 'x')).error().code,
            Errc::too_large);
}

TEST(FlatChange, more_rows_than_the_bound_are_refused) {
  FlatChangeWriter writer;
  EXPECT_FALSE(
      read_flat_invalidation(writer.write(an_invalidation(limits::invalidation_rows_max + 1), 1), 1)
          .has_value());
}

}  // namespace
}  // namespace hunt::codec
