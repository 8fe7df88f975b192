// TemporaryFile: a file with given bytes for one test, gone with the object. Only tests include it.
//
// Not unique by itself: the name holds the process id, so a name is used once at a time per
// program.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace hunt::codec {

class TemporaryFile {
 public:
  TemporaryFile(const std::string& name, const std::string& bytes)
      : path_(std::filesystem::temp_directory_path() /
              ("hunt_test_" + std::to_string(getpid()) + "_" + name)) {
    std::ofstream file(path_, std::ios::binary);
    file << bytes;
    EXPECT_TRUE(file.good());
  }
  ~TemporaryFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

[[nodiscard]] std::string gzip(std::string text);

}  // namespace hunt::codec
