#include "codec/output_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "codec/line_reader.h"
#include "codec/temporary_file.h"

namespace hunt::codec {
namespace {

TEST(OutputFile, packs_what_ends_in_gz_and_nothing_else) {
  const std::string text(100'000, 'x');
  for (const bool packed : {false, true}) {
    const TemporaryFile folder("folder", "");
    const std::string path = folder.path() + (packed ? ".gz" : ".csv");
    auto file = OutputFile::open(path);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->write("first\n").has_value());
    ASSERT_TRUE(file->write("").has_value());
    ASSERT_TRUE(file->write("second\n").has_value());
    ASSERT_TRUE(file->close().has_value());
    EXPECT_EQ(std::filesystem::file_size(path) == 13, !packed);
    auto reader = LineReader::open_file(path);
    std::vector<std::string> lines;
    for (std::string_view line; reader->next(line).value_or(false);) lines.emplace_back(line);
    EXPECT_EQ(lines, (std::vector<std::string>{"first", "second"}));
    std::filesystem::remove(path);
  }
}

TEST(OutputFile, says_why_it_cannot_write) {
  const auto folder = OutputFile::open("/");
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().message, "cannot write to /: Is a directory; name a file in it");
  EXPECT_FALSE(OutputFile::open("/no/such/folder/file").has_value());
  auto full = OutputFile::open("/dev/full");
  ASSERT_TRUE(full.has_value());
  const auto written = full->write("x\n");
  const auto closed = full->close();
  ASSERT_FALSE(written && closed);
  EXPECT_EQ(closed.error().code, Errc::disk_full);
}

}  // namespace
}  // namespace hunt::codec
