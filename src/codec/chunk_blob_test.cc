#include "codec/chunk_blob.h"

#include <gtest/gtest.h>

#include "base/prng.h"
#include "base/text.h"
#include "model/limits.h"
#include "model/outside.h"

namespace hunt::codec {
namespace {

constexpr std::uint64_t chunk = 13510798882111488;  // of tile (0, 0)

std::vector<model::TileRow> random_rows(Prng& random) {
  std::vector<model::TileRow> rows;
  const std::uint64_t one_in = 1 + random.below(8);
  for (std::uint64_t place = 0; place < 1'024; ++place) {
    if (random.below(one_in) != 0) continue;
    model::TileRow row;
    row.tile.value = chunk << model::chunk_id_shift | place;
    row.version = random.next() >> random.between(24, 63);
    row.spawn = random.next() >> random.below(64);
    row.table.assign(random.below(65), static_cast<char>('a' + random.below(26)));
    row.budget = static_cast<std::uint32_t>(random.below(limits::budget_max + 1));
    row.buried_at_us = random.between(INT64_MIN / 2, INT64_MAX / 2);
    if (random.below(2) == 0) row.opens_us = random.between(INT64_MIN / 2, INT64_MAX / 2);
    if (random.below(2) == 0) row.closes_us = random.between(INT64_MIN / 2, INT64_MAX / 2);
    row.sold_out = random.below(2) == 0;
    rows.push_back(std::move(row));
  }
  return rows;
}

TEST(ChunkBlob, gives_back_what_was_written_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Prng random(seed);
    const auto rows = random_rows(random);
    const auto read = read_rows(write_rows(rows), chunk);
    ASSERT_TRUE(read.has_value()) << "seed " << seed << ": " << read.error().message;
    EXPECT_EQ(*read, rows) << "seed " << seed;
  }
}

TEST(ChunkBlob, a_full_chunk_of_one_table_is_small) {
  std::vector<model::TileRow> rows;
  for (std::uint64_t place = 0; place < 1'024; ++place) {
    model::TileRow row;
    row.tile.value = chunk << model::chunk_id_shift | place;
    row.version = 3;
    row.spawn = std::uint64_t{2} << 48 | place;
    row.table = "starlight";
    row.budget = 50;
    row.buried_at_us = 1'800'000'000'000'000;
    rows.push_back(std::move(row));
  }
  EXPECT_LT(write_rows(rows).size(), 24'000U);
}

TEST(ChunkBlob, keeps_its_form) {
  model::TileRow row;
  row.tile.value = chunk << model::chunk_id_shift | 300;
  row.version = 7;
  row.spawn = std::uint64_t{1} << 48 | 5;
  row.table = "star";
  row.budget = 200;
  row.buried_at_us = -1;
  row.closes_us = 64;
  row.sold_out = true;
  const std::string blob = write_rows({&row, 1});
  EXPECT_EQ(to_hex({reinterpret_cast<const std::uint8_t*>(blob.data()), blob.size()}),
            "01"
            "0104"
            "73746172"
            "01"
            "ac02"
            "05"
            "07"
            "0500000000000100"
            "00"
            "c801"
            "01"
            "8001");
  EXPECT_EQ(write_rows({}), std::string("\x01\0\0", 3));
}

TEST(ChunkBlob, refuses_what_is_cut_short_or_goes_on) {
  Prng random(7);
  const std::string blob = write_rows(random_rows(random));
  for (std::size_t size = 0; size < blob.size(); size += 1 + size / 64) {
    const auto read = read_rows(std::string_view(blob).substr(0, size), chunk);
    ASSERT_FALSE(read.has_value()) << size;
    EXPECT_EQ(read.error().code, Errc::corrupt) << size;
  }
  EXPECT_FALSE(read_rows(blob + "x", chunk).has_value());
}

TEST(ChunkBlob, refuses_numbers_that_no_store_has) {
  model::TileRow row;
  row.tile.value = chunk << model::chunk_id_shift;
  row.version = limits::version_max;
  row.budget = limits::budget_max;
  const auto readable = [](const model::TileRow& one) {
    return read_rows(write_rows(std::span(&one, 1)), chunk).has_value();
  };
  EXPECT_TRUE(readable(row));
  auto newer = row;
  newer.version = limits::version_max + 1;
  EXPECT_FALSE(readable(newer));
  auto richer = row;
  richer.budget = limits::budget_max + 1;
  EXPECT_FALSE(readable(richer));
}

TEST(ChunkBlob, names_a_newer_form_as_such) {
  const auto read = read_rows("\x02whatever", chunk);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, Errc::unsupported);
}

}  // namespace
}  // namespace hunt::codec
