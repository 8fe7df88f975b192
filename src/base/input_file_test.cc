#include "base/input_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace hunt {
namespace {

class InputFiles : public testing::Test {
 protected:
  InputFiles() {
    char name[] = "/tmp/hunt-input-XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~InputFiles() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  static std::string message_of(const std::string& path, std::size_t bytes_max = 100) {
    const auto text = read_whole_file(path, bytes_max);
    return text ? "no error" : text.error().message;
  }

  std::string folder_;
};

TEST_F(InputFiles, reads_a_file_and_bounds_it) {
  std::ofstream(path("f")) << std::string(100, 'x');
  EXPECT_EQ(read_whole_file(path("f"), 100)->size(), 100U);
  EXPECT_EQ(message_of(path("f"), 99), path("f") + " has more than 99 bytes");
  std::ofstream(path("empty")).flush();
  EXPECT_EQ(read_whole_file(path("empty"), 0).value(), "");
}

TEST_F(InputFiles, says_what_is_no_file) {
  EXPECT_EQ(message_of(folder_), folder_ + " is a directory, expected a file");
  EXPECT_EQ(message_of("/dev/zero"), "/dev/zero is a device, expected a file");
  EXPECT_EQ(message_of(path("none")), path("none") + ": no such file");
  EXPECT_EQ(message_of(""), ": no such file");
}

TEST_F(InputFiles, reads_a_pipe_to_its_end_also_one_without_a_byte) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  for (const std::string& text : {std::string(300'000, 'y'), std::string()}) {
    std::thread writer([this, &text] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      std::ofstream(path("pipe")) << text;
    });
    const auto read = read_whole_file(path("pipe"), 1'000'000);
    writer.join();
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(*read, text);
  }
}

TEST_F(InputFiles, does_not_wait_for_ever_for_a_writer) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(message_of(path("pipe")),
            path("pipe") + " is a pipe, and nobody wrote into it within 5 s");
}

}  // namespace
}  // namespace hunt
