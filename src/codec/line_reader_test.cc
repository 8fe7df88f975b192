#include "codec/line_reader.h"

#include <gtest/gtest.h>

#include <vector>

#include "codec/temporary_file.h"

namespace hunt::codec {
namespace {

std::vector<std::string> lines_of(LineReader& reader) {
  std::vector<std::string> lines;
  std::string_view line;
  while (true) {
    const auto more = reader.next(line);
    if (!more) {
      lines.push_back("error: " + more.error().message);
      if (reader.broken()) break;
      continue;
    }
    if (!*more) break;
    lines.emplace_back(line);
  }
  return lines;
}

std::vector<std::string> lines_of(const std::string& text) {
  LineReader reader = LineReader::from_text("text", text);
  return lines_of(reader);
}

using Lines = std::vector<std::string>;

TEST(LineReader, takes_lf_and_crlf_and_a_last_line_without_end) {
  EXPECT_EQ(lines_of("a\nb\r\n\nc"), (Lines{"a", "b", "", "c"}));
  EXPECT_EQ(lines_of("a\n"), (Lines{"a"}));
  EXPECT_EQ(lines_of(""), Lines{});
  EXPECT_EQ(lines_of("\xef\xbb\xbfx,y\n1,2"), (Lines{"x,y", "1,2"}));
}

TEST(LineReader, reads_gzip_and_plain_files_alike_whatever_their_names) {
  std::string text;
  Lines wanted;
  for (int i = 0; i < 100'000; ++i) {
    wanted.push_back("line " + std::to_string(i));
    text += wanted.back() + (i % 3 == 0 ? "\r\n" : "\n");
  }
  const TemporaryFile plain("lines.gz", text);
  const TemporaryFile packed("lines.txt", gzip(text));
  for (const std::string& path : {plain.path(), packed.path()}) {
    auto reader = LineReader::open_file(path);
    ASSERT_TRUE(reader.has_value());
    EXPECT_EQ(lines_of(*reader), wanted);
  }
}

TEST(LineReader, counts_rows_and_skips_a_line_that_is_too_long) {
  const std::string longest(LineReader::line_bytes_max, 'x');
  const auto lines = lines_of("a\n" + longest + "\r\n" + longest + "y\nb\n");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[1], longest);
  EXPECT_EQ(lines[2], "error: text row 3: the line is longer than 65536 bytes");
  EXPECT_EQ(lines[3], "b");
}

TEST(LineReader, bounds_a_line_that_never_ends) {
  const TemporaryFile packed("long.gz", gzip(std::string(20'000'000, 'x')));
  auto reader = LineReader::open_file(packed.path());
  const auto lines = lines_of(*reader);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], "error: " + packed.path() + " row 1: the line is longer than 65536 bytes");
}

TEST(LineReader, names_the_row_where_gzip_data_is_cut_off) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i * 7'919LL % 100'003) + "\n";
  const std::string packed = gzip(text);
  const TemporaryFile cut("cut.gz", packed.substr(0, packed.size() / 2));
  auto reader = LineReader::open_file(cut.path());
  const auto lines = lines_of(*reader);
  EXPECT_TRUE(reader->broken());
  EXPECT_GT(lines.size(), 1'000U);
  EXPECT_EQ(lines.back(), "error: " + cut.path() + " row " + std::to_string(lines.size()) +
                              ": the gzip data stops in the middle: the file is truncated");
  // Only whole lines were told before it.
  EXPECT_EQ(lines[lines.size() - 2],
            std::to_string(static_cast<long long>(lines.size() - 2) * 7'919 % 100'003));
}

TEST(LineReader, notices_damaged_gzip_data) {
  std::string packed = gzip(std::string(100'000, 'a') + "\n");
  packed[packed.size() - 6] ^= 1;  // the checksum
  const TemporaryFile damaged("damaged.gz", packed);
  auto reader = LineReader::open_file(damaged.path());
  const auto lines = lines_of(*reader);
  EXPECT_TRUE(reader->broken());
  EXPECT_NE(lines.back().find("cannot be read further"), std::string::npos) << lines.back();
}

TEST(LineReader, says_why_a_file_cannot_be_opened) {
  const auto missing = LineReader::open_file("/no/such/file.csv");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_EQ(missing.error().message, "/no/such/file.csv: no such file");
  const auto folder = LineReader::open_file("/tmp");
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().message, "/tmp is a directory, expected a file");
}

// gzip(1) itself warns of them, and keeps the good part: rows would be lost in silence.
TEST(LineReader, names_bytes_after_the_last_gzip_member) {
  const std::string two = gzip("a\nb\n") + gzip("c\n");
  for (const auto& [rest, wanted] : std::vector<std::pair<std::string, Lines>>{
           {"", {"a", "b", "c"}},
           {std::string(600'000, '\0'), {"a", "b", "c"}},
           {"d\n", {"a", "b", "c", "bytes follow"}},
           {"\x1f", {"a", "b", "c", "bytes follow"}},
           {std::string(300'000, '\0') + "d", {"a", "b", "c", "bytes follow"}}}) {
    const TemporaryFile file("rest.gz", two + rest);
    auto reader = LineReader::open_file(file.path());
    ASSERT_TRUE(reader.has_value());
    Lines lines = lines_of(*reader);
    if (wanted.back() == "bytes follow") {
      EXPECT_NE(lines.back().find(" row 4: bytes follow the end of the gzip data"),
                std::string::npos)
          << lines.back();
      lines.back() = "bytes follow";
    }
    EXPECT_EQ(lines, wanted);
    EXPECT_EQ(reader->broken(), wanted.back() == "bytes follow");
  }
}

TEST(LineReader, names_files_that_are_no_text) {
  for (const auto& [bytes, name] : std::vector<std::pair<std::string, std::string>>{
           {"PK\x03\x04 and so on", "a zip file"},
           {std::string("\xff\xfex\0,\0", 6), "UTF-16"},
           {std::string("\xfe\xff\0x\0,", 6), "UTF-16"},
           {std::string("x\0,\0y\0", 6), "UTF-16"},
           {std::string("\0x\0,\0y", 6), "UTF-16"},
           {std::string("x\0\0\0\1", 5), "no text"},
           {"BZh91AY", "bzip2"},
           {std::string("SQLite format 3\0", 16), "an SQLite database"}}) {
    const TemporaryFile plain("plain", bytes);
    const TemporaryFile packed("packed", gzip(bytes));
    for (const std::string& path : {plain.path(), packed.path()}) {
      auto reader = LineReader::open_file(path);
      const Lines lines = lines_of(*reader);
      ASSERT_EQ(lines.size(), 1U) << name;
      EXPECT_NE(lines[0].find("row 1: it is "), std::string::npos) << lines[0];
      EXPECT_NE(lines[0].find(name), std::string::npos) << lines[0];
      EXPECT_TRUE(reader->broken());
    }
  }
}

}  // namespace
}  // namespace hunt::codec
