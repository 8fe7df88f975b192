#include "codec/tiles_file.h"

#include <gtest/gtest.h>

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
    ASSERT_EQ(file->tiles.size(), 2U);
    const auto& first = file->tiles[0];
    EXPECT_EQ(first.tile, (model::Tile{1, -2}));
    EXPECT_EQ(first.table, "starlight");
    EXPECT_EQ(first.budget, 3U);
    EXPECT_EQ(first.key, "a, \"b\"");
    EXPECT_EQ(first.opens_us, parse_time_us("2026-01-01"));
    EXPECT_EQ(first.closes_us - first.opens_us, 1'000'000);
    EXPECT_EQ(file->tiles[1].opens_us, model::time_us_min);
    EXPECT_EQ(file->tiles[1].closes_us, model::time_us_max);
    EXPECT_EQ(file->tiles[1].key, "");
  }
  EXPECT_EQ(csv->rows, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(json->rows, (std::vector<std::uint64_t>{1, 2}));
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
  EXPECT_EQ(message_of("x,y,table,budget,opens\n1,1,s,1,tomorrow\n"),
            "t row 2: opens is \"tomorrow\", expected a time such as 2026-11-23T18:30:00Z");
  EXPECT_EQ(message_of("x,y,table,budget,opens,closes\n1,1,s,1,2026-01-02,2026-01-02\n"),
            "t row 2: closes is not later than opens");
  EXPECT_EQ(message_of("x,y,table,budget,key\n1,1,s,1," + std::string(129, 'k') + "\n"),
            "t row 2: key is longer than 128 bytes");
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
  EXPECT_EQ(tiles->rows, (std::vector<std::uint64_t>{2, 5}));
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
    write_tiles(format, rows, text);
    const auto tiles = read(text);
    ASSERT_TRUE(tiles.has_value()) << tiles.error().message << text;
    ASSERT_EQ(tiles->tiles.size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(model::tile_id_of(tiles->tiles[i].tile), rows[i].tile);
      EXPECT_EQ(tiles->tiles[i].table, rows[i].table);
      EXPECT_EQ(tiles->tiles[i].budget, rows[i].budget);
      EXPECT_EQ(tiles->tiles[i].opens_us, rows[i].opens_us);
      EXPECT_EQ(tiles->tiles[i].closes_us, rows[i].closes_us);
    }
  }
}

TEST(TilesFile, quotes_table_names_that_need_it) {
  std::vector<model::TileRow> rows(1);
  rows[0].tile = model::tile_id_of({0, 0});
  rows[0].table = "a,\"b\"\n";
  rows[0].budget = 1;
  std::string csv;
  write_tiles(FileFormat::csv, rows, csv);
  EXPECT_EQ(csv, "0,0,\"a,\"\"b\"\" \",1,,\n");
  std::string json;
  write_tiles(FileFormat::jsonl, rows, json);
  EXPECT_EQ(json, "{\"x\":0,\"y\":0,\"table\":\"a,\\\"b\\\"\\u000a\",\"budget\":1}\n");
}

TEST(TilesFile, reads_gzip_files) {
  const TemporaryFile packed("tiles.csv.gz", gzip(header + "4,5,starlight,6\r\n"));
  const auto tiles = read_tiles_file(packed.path(), {});
  ASSERT_TRUE(tiles.has_value()) << tiles.error().message;
  EXPECT_EQ(tiles->tiles[0].budget, 6U);
}

}  // namespace
}  // namespace hunt::codec
