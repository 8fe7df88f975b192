// The binary form of invalidations and failures: it comes back as it was, and anything broken is
// refused.
#include "codec/flat_change.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/text.h"
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

// As 0.1.0 wrote them: processes of two releases are on one bus while the one replaces the other.
constexpr std::string_view rows_of_before_hex =
    "1400000048554e540000000008000e000700080008000000000000041800000000001200340004000c001400"
    "1c00080024002c0012000000010000002c000000090000000000000002000000000000000500000000000000"
    "4d00000000000000070000000000000003000000e0000000780000001c000000000016004200040010001800"
    "2000280008000c00300038001600000001000000900000000300000002000000000000000200000000000000"
    "030000000000000002000000000000000000000000000080ffffffffffffff7f000016004000040010001800"
    "2000280008000c00300038001600000001000000380000000300000001000000000000000200000000000000"
    "030000000000000001000000000000000000000000000080ffffffffffffff7f09000000737461726c696768"
    "740016002c00040000000c0014000000000008001c0024001600000001000000030000000200000000000000"
    "03000000000000000000000000000080ffffffffffffff7f";
constexpr std::string_view failure_of_before_hex =
    "1000000048554e5408000e000700080008000000000000031000000000000a001000040008000c000a000000"
    "2c000000180000000400000009000000706f736974696f6e7300000008000000746f6f206d616e7900000000"
    "0a0000006f7665726c6f616465640000";

std::string bytes_of(std::string_view hex) {
  std::string bytes(hex.size() / 2, '\0');
  EXPECT_TRUE(from_hex(hex, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}));
  return bytes;
}

TEST(FlatChange, reads_what_release_0_1_0_wrote) {
  const auto got = read_flat_invalidation(bytes_of(rows_of_before_hex), 7);
  ASSERT_TRUE(got.has_value()) << got.error().message;
  EXPECT_EQ(got->shard, 1U);
  EXPECT_EQ(got->relay, 9U);
  EXPECT_EQ(got->epoch, 2U);
  EXPECT_EQ(got->seq, 5U);
  EXPECT_EQ(got->committed_ns, 77);
  ASSERT_EQ(got->tiles.size(), 3U);
  for (std::uint64_t i = 0; i < 3; ++i) {
    model::TileRow row;
    row.tile.value = i;
    row.version = 3;
    row.spawn = i;
    if (i != 0) row.table = "starlight";
    row.budget = 3;
    EXPECT_EQ(got->tiles[i].world, 1U);
    EXPECT_EQ(got->tiles[i].epoch, 2U);
    EXPECT_EQ(got->tiles[i].row, row);
  }
  const auto failure = read_flat_failure(bytes_of(failure_of_before_hex));
  ASSERT_TRUE(failure.has_value()) << failure.error().message;
  EXPECT_EQ(failure->code, Errc::overloaded);
  EXPECT_EQ(failure->message, "too many");
  EXPECT_EQ(failure->field, "positions");
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
