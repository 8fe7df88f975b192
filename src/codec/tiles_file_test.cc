#include "codec/tiles_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/testing/count_allocations.h"
#include "base/text.h"
#include "codec/temporary_file.h"

namespace hunt::codec {
namespace {

Result<TilesFile> read(const std::string& text, OnBad on_bad = OnBad::abort) {
  return read_tiles(LineReader::from_text("t", text), {.on_bad = on_bad});
}

std::string message_of(const std::string& text, OnBad on_bad = OnBad::abort) {
  const auto tiles = read(text, on_bad);
  return tiles ? "no error" : tiles.error().message;
}

std::vector<std::uint64_t> rows_of(const TilesFile& file) {
  std::vector<std::uint64_t> rows;
  for (std::size_t i = 0; i < file.size(); ++i) rows.push_back(file.row(i));
  return rows;
}

const std::string header = "x,y,table,budget\n";

TEST(TilesFile, reads_csv_and_json_lines_to_the_same_tiles) {
  const auto csv = read(
      "budget,x,y,table,key,opens,closes\n"
      "3,1,-2,starlight,\"a, \"\"b\"\"\",2026-01-01,2026-01-01T00:00:01Z\n"
      "1,5,6,starlight,,,\n");
  const auto json =
      read(R"({"x":1,"y":-2,"table":"starlight","budget":3,"key":"a, \"b\"","opens":"2026-01-01",)"
           R"("closes":"2026-01-01T00:00:01Z"})"
           "\n"
           R"({"x":5,"y":6,"table":"starlight","budget":1})");
  ASSERT_TRUE(csv.has_value()) << csv.error().message;
  ASSERT_TRUE(json.has_value()) << json.error().message;
  for (const auto* file : {&*csv, &*json}) {
    ASSERT_EQ(file->size(), 2U);
    const model::Burial first = file->burial(0);
    const model::Burial second = file->burial(1);
    EXPECT_EQ(first.tile, (model::Tile{1, -2}));
    EXPECT_EQ(first.table, "starlight");
    EXPECT_EQ(first.budget, 3U);
    EXPECT_EQ(first.key, "a, \"b\"");
    EXPECT_EQ(first.opens_us, parse_time_us("2026-01-01"));
    EXPECT_EQ(first.closes_us - first.opens_us, 1'000'000);
    EXPECT_EQ(second.opens_us, model::time_us_min);
    EXPECT_EQ(second.closes_us, model::time_us_max);
    EXPECT_EQ(second.key, "");
  }
  EXPECT_EQ(rows_of(*csv), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(rows_of(*json), (std::vector<std::uint64_t>{1, 2}));
}

TEST(TilesFile, names_the_row_and_the_field_of_what_is_wrong) {
  const std::string good = header + "0,0,starlight,1\n";
  EXPECT_EQ(message_of(good + "1.5,0,starlight,1\n"), "t row 3: x is 1.5, expected a whole number");
  EXPECT_EQ(message_of(good + "a,0,starlight,1\n"),
            "t row 3: x is \"a\", expected a decimal number");
  EXPECT_EQ(message_of(good + "1,3000000000,starlight,1\n"),
            "t row 3: y is 3000000000, outside -2147483648 to 2147483647");
  EXPECT_EQ(message_of(good + "1,0,Star light,1\n"),
            "t row 3: table is \"Star light\", expected 1 to 64 of a-z, 0-9, '_', '.' and '-'");
  for (const char* budget : {"0", "-1", "1000001", "1.0", "many"}) {
    EXPECT_EQ(message_of(good + "1,0,starlight," + budget + "\n"),
              std::string("t row 3: budget is \"") + budget +
                  "\", expected a whole number from 1 to 1000000");
  }
  EXPECT_EQ(message_of(good + "0,0,other,5\n"), "t row 3: tile (0, 0) stands in row 2 already");
  EXPECT_EQ(
      message_of("x,y,table,budget,opens\n1,1,s,1,tomorrow\n"),
      "t row 2: opens is \"tomorrow\", expected a time of the years 1970 to 9999 (UTC) such as "
      "2026-11-23T18:30:00Z");
  EXPECT_EQ(message_of("x,y,table,budget,opens,closes\n1,1,s,1,2026-01-02,2026-01-02\n"),
            "t row 2: closes is not later than opens");
  EXPECT_EQ(message_of("x,y,table,budget,key\n1,1,s,1," + std::string(129, 'k') + "\n"),
            "t row 2: key is longer than 128 bytes");
  EXPECT_EQ(message_of("x,y,table,budget,key\n1,1,s,1,a\x1b[2J\n"),
            "t row 2: key has control characters: \"a\\x1b[2J\"");
  EXPECT_EQ(message_of(R"({"x":1,"y":1,"table":"s","budget":1,"key":"a\u0000b"})"
                       "\n"),
            "t row 1: key has control characters: \"a\\x00b\"");
  EXPECT_EQ(message_of("x,y,tabel,budget\n"),
            "t row 1: column \"tabel\" is not known (did you mean \"table\"?); columns are x, y, "
            "table, budget, key (optional), opens (optional), closes (optional)");
  EXPECT_EQ(message_of(""), "t: the file has no rows; expected columns x, y, table, budget");
}

TEST(TilesFile, keeps_the_other_rows_when_asked_to) {
  const std::string text = header + "0,0,s,1\n0,1,s\n0,0,s,1\n0,2,s,1\n";
  EXPECT_EQ(message_of(text), "t row 3: 3 fields, but the header names 4 columns");
  const auto tiles = read(text, OnBad::skip);
  ASSERT_TRUE(tiles.has_value());
  EXPECT_EQ(rows_of(*tiles), (std::vector<std::uint64_t>{2, 5}));
  EXPECT_EQ(tiles->bad.count, 2U);
}

TEST(TilesFile, reads_what_it_wrote) {
  std::vector<model::TileRow> rows(3);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].tile = model::tile_id_of({static_cast<std::int32_t>(i) - 1, -7});
    rows[i].table = "starlight";
    rows[i].budget = static_cast<std::uint32_t>(i) + 1;
  }
  rows[1].opens_us = 1'700'000'000'123'456;
  rows[2].closes_us = 1'800'000'000'000'000;
  for (const FileFormat format : {FileFormat::csv, FileFormat::jsonl}) {
    std::string text;
    write_tiles_header(format, text);
    EXPECT_EQ(write_tiles(format, rows, text), 0U);
    const auto tiles = read(text);
    ASSERT_TRUE(tiles.has_value()) << tiles.error().message << text;
    ASSERT_EQ(tiles->size(), rows.size());
    std::sort(rows.begin(), rows.end(), [](auto& a, auto& b) { return a.tile < b.tile; });
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const model::Burial read_back = tiles->burial(i);
      EXPECT_EQ(tiles->tile(i), rows[i].tile);
      EXPECT_EQ(read_back.table, rows[i].table);
      EXPECT_EQ(read_back.budget, rows[i].budget);
      EXPECT_EQ(read_back.opens_us, rows[i].opens_us);
      EXPECT_EQ(read_back.closes_us, rows[i].closes_us);
    }
  }
}

// Others may have filled the store: in SQL, or before a bound was there.
TEST(TilesFile, writes_only_what_it_reads) {
  const auto row_of = [](std::int32_t x, std::int64_t opens_us, std::int64_t closes_us) {
    model::TileRow row;
    row.tile = model::tile_id_of({x, 0});
    row.table = "s";
    row.budget = 1;
    row.opens_us = opens_us;
    row.closes_us = closes_us;
    return row;
  };
  constexpr std::int64_t late_us = written_time_us_max + 1;
  std::vector<model::TileRow> rows{row_of(0, -1, late_us), row_of(1, 0, written_time_us_max),
                                   row_of(2, 5, 5), row_of(3, -9, -1),
                                   row_of(4, late_us, late_us + 1)};
  rows.push_back(row_of(5, -1, 7));
  rows.push_back(row_of(6, 5, 9));
  rows.back().table = "Not,\"one\"";
  std::string csv = header.substr(0, header.size() - 1) + ",opens,closes\n";
  EXPECT_EQ(write_tiles(FileFormat::csv, rows, csv), 4U);
  EXPECT_EQ(csv,
            "x,y,table,budget,opens,closes\n"
            "0,0,s,1,,\n"
            "1,0,s,1,1970-01-01T00:00:00.000000Z,9999-12-31T23:59:59.999999Z\n"
            "5,0,s,1,,1970-01-01T00:00:00.000007Z\n");
  EXPECT_EQ(read(csv)->size(), 3U);
}

TEST(TilesFile, refuses_times_that_a_zone_moves_out_of_the_years_it_writes) {
  for (const char* times : {"1970-01-01T00:00:00+02:00,", ",9999-12-31T23:59:59-14:00"}) {
    EXPECT_NE(message_of(std::string("x,y,table,budget,opens,closes\n1,2,s,3,") + times + "\n")
                  .find("expected a time of the years 1970 to 9999 (UTC)"),
              std::string::npos)
        << times;
  }
}

TEST(TilesFile, keeps_everything_of_many_rows_in_any_order) {
  std::string text = "x,y,table,budget,opens,key\n";
  constexpr int count = 50'000;
  for (int i = 0; i < count; ++i) {
    const int at = static_cast<int>((i * 7'919LL) % count);
    text += fmt::format("{},{},t{},{},{},{}\n", at, -at, at % 300, at + 1,
                        at % 2 == 0 ? "2026-01-01" : "",
                        at % 3 == 0 ? fmt::format("{:k>128}", at) : "");
  }
  const auto tiles = read(text);
  ASSERT_TRUE(tiles.has_value()) << tiles.error().message;
  ASSERT_EQ(tiles->size(), static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < tiles->size(); ++i) {
    const model::Burial burial = tiles->burial(i);
    const auto at = static_cast<std::uint32_t>(burial.tile.x);
    ASSERT_EQ(burial.tile.y, -burial.tile.x);
    ASSERT_EQ(burial.table, fmt::format("t{}", at % 300));
    ASSERT_EQ(burial.budget, at + 1);
    ASSERT_EQ(burial.opens_us == model::time_us_min, at % 2 != 0);
    ASSERT_EQ(burial.key.size(), at % 3 == 0 ? 128U : 0U);
    ASSERT_EQ((tiles->row(i) - 2) * 7'919 % count, at);
    ASSERT_TRUE(i == 0 || tiles->tile(i - 1) < tiles->tile(i));
  }
}

// Of five million, a few bytes each are the whole import's memory.
TEST(TilesFile, allocates_nothing_for_each_row) {
  std::string text = header;
  for (int i = 0; i < 100'000; ++i) text += fmt::format("{},{},starlight,{}\n", i, -i, i % 9 + 1);
  auto lines = LineReader::from_text("t", std::move(text));
  const std::uint64_t before = allocation_count();
  const auto tiles = read_tiles(std::move(lines), {});
  const std::uint64_t allocated = allocation_count() - before;
  ASSERT_TRUE(tiles.has_value());
  EXPECT_LT(allocated, 1'000U);
}

TEST(TilesFile, asks_once_whether_a_table_exists_and_names_the_row) {
  int asked = 0;
  const auto check = [&asked](std::string_view table) {
    ++asked;
    return table == "s" ? std::string() : fmt::format("no rule has \"{}\"", table);
  };
  const std::string text = header + "0,0,s,1\n1,0,z,1\n2,0,s,1\n3,0,z,1\n";
  auto refused = read_tiles(LineReader::from_text("t", text), {.check_table = check});
  EXPECT_EQ(refused.error().message, "t row 3: no rule has \"z\"");
  asked = 0;
  const auto kept =
      read_tiles(LineReader::from_text("t", text), {.on_bad = OnBad::skip, .check_table = check});
  EXPECT_EQ(kept->bad.count, 2U);
  EXPECT_EQ(asked, 2);
}

TEST(TilesFile, a_key_stands_once) {
  const std::string keyed = "x,y,table,budget,key\n9,9,s,1,k\n1,1,s,1,\n2,2,s,1,\n0,0,s,1,k\n";
  EXPECT_EQ(message_of(keyed), "t row 5: the key \"k\" stands in row 2 already");
  const auto tiles = read(keyed + "3,3,s,1,other\n", OnBad::skip);
  ASSERT_TRUE(tiles.has_value());
  EXPECT_EQ(tiles->bad.count, 1U);
  ASSERT_EQ(tiles->size(), 4U);
  EXPECT_EQ(tiles->burial(3).key, "k") << "of row 2, where it stood first";
}

TEST(TilesFile, tells_of_the_first_bad_row_of_the_file) {
  EXPECT_EQ(message_of(header + "0,0,s,1\n5,5,s,1\n5,5,s,1\n0,0,s,1\n7,7,s,0\n"),
            "t row 4: tile (5, 5) stands in row 3 already");
  const auto tiles = read(header + "5,5,s,1\n7,7,s,0\n5,5,s,1\n0,0,s,x\n", OnBad::skip);
  ASSERT_TRUE(tiles.has_value());
  ASSERT_EQ(tiles->bad.messages.size(), 3U);
  EXPECT_TRUE(tiles->bad.messages[1].starts_with("t row 4: tile (5, 5)"));
}

TEST(TilesFile, reads_gzip_files) {
  const TemporaryFile packed("tiles.csv.gz", gzip(header + "4,5,starlight,6\r\n"));
  const auto tiles = read_tiles_file(packed.path(), {});
  ASSERT_TRUE(tiles.has_value()) << tiles.error().message;
  EXPECT_EQ(tiles->burial(0).budget, 6U);
}

}  // namespace
}  // namespace hunt::codec
