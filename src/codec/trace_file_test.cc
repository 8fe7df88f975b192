#include "codec/trace_file.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "codec/temporary_file.h"

namespace hunt::codec {
namespace {

Result<TraceFile> read(const std::string& text, OnBad on_bad = OnBad::abort) {
  return read_trace(LineReader::from_text("t", text), {.on_bad = on_bad});
}

std::string message_of(const std::string& text, OnBad on_bad = OnBad::abort) {
  const auto trace = read(text, on_bad);
  return trace ? "no error" : trace.error().message;
}

const std::string header = "t_ms,player,world,x,y\n";

TEST(TraceFile, reads_csv_with_columns_in_any_order) {
  const auto trace =
      read("kind,y,x,world,player,t_ms\r\ndig,-4,3,nether,steve,10\r\n,1,2,w,alex,10");
  ASSERT_TRUE(trace.has_value()) << trace.error().message;
  ASSERT_EQ(trace->rows.size(), 2U);
  EXPECT_EQ(trace->rows[0].tile, (model::Tile{3, -4}));
  EXPECT_EQ(trace->rows[0].kind, model::Kind::dig);
  EXPECT_EQ(trace->rows[1].kind, model::Kind::step);
  EXPECT_EQ(trace->players, (std::vector<std::string>{"steve", "alex"}));
  EXPECT_EQ(trace->worlds[trace->rows[0].world], "nether");
}

TEST(TraceFile, reads_json_lines_to_the_same_rows_as_csv) {
  const auto csv = read(header + "1,a,1,2,-3\n2,b,1,-0.5,7.25\n3,a,2,5,6\n");
  const auto json = read(R"({"t_ms":1,"player":"a","world":1,"x":2,"y":-3}

 {"y":7.25,"x":-0.5, "kind":null,"world":"1","player":"b","t_ms":2}
{"t_ms":3,"player":"\u0061","world":2,"x":5,"y":6,"kind":"step"})");
  ASSERT_TRUE(csv.has_value());
  ASSERT_TRUE(json.has_value()) << json.error().message;
  ASSERT_EQ(csv->rows.size(), 3U);
  ASSERT_EQ(json->rows.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(csv->rows[i].t_ms, json->rows[i].t_ms);
    EXPECT_EQ(csv->rows[i].tile, json->rows[i].tile);
    EXPECT_EQ(csv->rows[i].player, json->rows[i].player);
    EXPECT_EQ(csv->rows[i].world, json->rows[i].world);
  }
  EXPECT_EQ(csv->players, json->players);
}

TEST(TraceFile, floors_fractions_on_both_sides_of_zero) {
  const auto trace = read(header +
                          "1,a,1,0.999,-0.001\n1,a,1,-1.0,-1.5\n1,a,1,-0.0,-2147483648\n"
                          "1,a,1,2147483647.99999999999999999999,-0.00000000000000000000001\n");
  ASSERT_TRUE(trace.has_value()) << trace.error().message;
  EXPECT_EQ(trace->rows[0].tile, (model::Tile{0, -1}));
  EXPECT_EQ(trace->rows[1].tile, (model::Tile{-1, -2}));
  EXPECT_EQ(trace->rows[2].tile, (model::Tile{0, -2147483647 - 1}));
  EXPECT_EQ(trace->rows[3].tile, (model::Tile{2147483647, -1}));
}

TEST(TraceFile, names_the_row_and_the_field_of_what_is_wrong) {
  const std::string good = header + "5,a,1,0,0\n";
  EXPECT_EQ(message_of(good + "6,a,1,x,0\n"), "t row 3: x is \"x\", expected a decimal number");
  EXPECT_EQ(message_of(good + "6,a,1,1e3,0\n"), "t row 3: x is \"1e3\", expected a decimal number");
  EXPECT_EQ(message_of(good + "6,a,1,0,2147483648\n"),
            "t row 3: y is 2147483648, outside -2147483648 to 2147483647");
  EXPECT_EQ(message_of(good + "6,a,1,0,-2147483648.5\n"),
            "t row 3: y is -2147483648.5, outside -2147483648 to 2147483647");
  EXPECT_EQ(message_of(good + "\n4,a,1,0,0\n"),
            "t row 4: t_ms goes back from 5 to 4; rows must be in time order");
  EXPECT_EQ(message_of(good + "soon,a,1,0,0\n"),
            "t row 3: t_ms is \"soon\", expected Unix milliseconds (0 to 253402300799999)");
  EXPECT_EQ(message_of(good + "6,a,1"), "t row 3: 3 fields, but the header names 5 columns");
  EXPECT_EQ(message_of(good + "6,a,1,0,\n"), "t row 3: y is missing");
  EXPECT_EQ(message_of(good + "6,\"a,1,0,0\n"), "t row 3: the quote of field 2 does not end");
  EXPECT_EQ(message_of(good + "6,\"a\"b,1,0,0\n"), "t row 3: text follows the quote of field 2");
  EXPECT_EQ(message_of("t_ms,player,world,x,y,kind\n6,a,1,0,0,jump\n"),
            "t row 2: kind is \"jump\", expected step or dig");
  EXPECT_EQ(message_of(good + "6," + std::string(65, 'p') + ",1,0,0\n"),
            "t row 3: player is longer than 64 bytes");
}

TEST(TraceFile, names_the_row_of_bad_json) {
  const std::string good = "{\"t_ms\":1,\"player\":\"a\",\"world\":1,\"x\":2,\"y\":3}\n";
  EXPECT_EQ(message_of(good + "{\"t_ms\":2,\"plyer\":1}"),
            "t row 2: field \"plyer\" is not known (did you mean \"player\"?)");
  EXPECT_EQ(message_of(good + "{\"t_ms\":2,\"t_ms\":3}"), "t row 2: field t_ms stands twice");
  EXPECT_EQ(message_of(good + "{\"t_ms\":2}"), "t row 2: player is missing");
  EXPECT_EQ(message_of(good + "{\"t_ms\":[2]}"), "t row 2: t_ms is an array");
  EXPECT_EQ(message_of(good + "{\"t_ms\":true}"), "t row 2: t_ms is a boolean");
  EXPECT_EQ(message_of(good + good.substr(0, good.size() - 1) + " {}"),
            "t row 2: text follows the JSON object");
  for (const char* bad : {"{\"t_ms\":2", "{\"t_ms\" 2}", "[]", "{\"t_ms\":2a}", "{\"t_ms\":nul}",
                          "{\"player\":\"\xff\"}", "t_ms,player"}) {
    EXPECT_EQ(message_of(good + bad).substr(0, 9), "t row 2: ") << bad;
  }
}

TEST(TraceFile, names_columns_that_are_unknown_missing_or_doubled) {
  EXPECT_EQ(message_of("t_ms,plaeyr,world,x,y\n"),
            "t row 1: column \"plaeyr\" is not known (did you mean \"player\"?); columns are t_ms, "
            "player, world, x, y, kind (optional)");
  EXPECT_EQ(message_of("t_ms,player,x,y\n"),
            "t row 1: column world is missing; columns are t_ms, player, world, x, y, kind "
            "(optional)");
  EXPECT_EQ(message_of("t_ms,player,world,x,x,y\n"), "t row 1: column x stands twice");
  // Skipping rows does not help against a wrong header.
  EXPECT_EQ(message_of("t_ms,player,x,y\n1,1,1,1\n", OnBad::skip),
            message_of("t_ms,player,x,y\n1,1,1,1\n"));
}

TEST(TraceFile, says_that_there_are_no_rows) {
  const std::string none = "t: the file has no rows; expected columns t_ms, player, world, x, y";
  EXPECT_EQ(message_of(""), none);
  EXPECT_EQ(message_of("\n\n"), none);
  EXPECT_EQ(message_of(header), none);
  EXPECT_EQ(message_of(header + "a,b\n", OnBad::skip),
            "t: none of the 1 rows can be used; the first: t row 2: 2 fields, but the header names "
            "5 columns");
}

TEST(TraceFile, keeps_the_other_rows_when_asked_to) {
  std::string text = header;
  for (int i = 0; i < 100; ++i) {
    text += std::to_string(i) + ",a,1," + (i % 5 == 3 ? "x" : "1") + ",1\n";
  }
  text += "50,a,1,1,1\n";                                     // back in time
  text += std::string(70'000, '7') + "\n" + "100,b,1,9,9\n";  // too long a line; a good row
  const auto trace = read(text, OnBad::skip);
  ASSERT_TRUE(trace.has_value()) << trace.error().message;
  EXPECT_EQ(trace->rows.size(), 81U);
  EXPECT_EQ(trace->rows.back().tile, (model::Tile{9, 9}));
  EXPECT_EQ(trace->bad.count, 22U);
  ASSERT_EQ(trace->bad.messages.size(), BadRows::messages_max);
  EXPECT_EQ(trace->bad.messages[0], "t row 5: x is \"x\", expected a decimal number");
}

TEST(TraceFile, keeps_none_or_the_rows_before_a_truncation) {
  std::string text = header;
  for (int i = 0; i < 20'000; ++i) {
    text += std::to_string(i) + ",a,1," + std::to_string(i * 7'919 % 9'973) + ",1\n";
  }
  const std::string packed = gzip(text);
  const TemporaryFile cut("trace.csv.gz", packed.substr(0, packed.size() * 2 / 3));
  const auto none = read_trace_file(cut.path(), {.on_bad = OnBad::abort});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, Errc::corrupt);
  EXPECT_NE(none.error().message.find("truncated"), std::string::npos) << none.error().message;
  const auto some = read_trace_file(cut.path(), {.on_bad = OnBad::skip});
  ASSERT_TRUE(some.has_value()) << some.error().message;
  EXPECT_EQ(some->bad.count, 1U);
  EXPECT_GT(some->rows.size(), 5'000U);
  EXPECT_EQ(some->bad.messages[0], none.error().message);
  const std::string row = " row " + std::to_string(some->rows.size() + 2) + ":";
  EXPECT_NE(none.error().message.find(row), std::string::npos) << none.error().message;
}

TEST(TraceFile, names_a_file_that_is_not_there) {
  const auto trace = read_trace_file("/no/such/trace.csv", {});
  ASSERT_FALSE(trace.has_value());
  EXPECT_EQ(trace.error().message, "/no/such/trace.csv: no such file");
}

// HUNT_TRACE names the recorded trace on machines that have it.
TEST(TraceFile, reads_the_recorded_trace) {
  const char* path = std::getenv("HUNT_TRACE");
  if (path == nullptr) GTEST_SKIP() << "HUNT_TRACE is not set";
  const auto trace = read_trace_file(path, {});
  ASSERT_TRUE(trace.has_value()) << trace.error().message;
  EXPECT_EQ(trace->rows.size(), 93'729U);
  EXPECT_EQ(trace->players.size(), 6U);
  EXPECT_EQ(trace->worlds.size(), 2U);
}

}  // namespace
}  // namespace hunt::codec
