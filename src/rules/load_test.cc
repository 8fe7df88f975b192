// Reading from disk, and that the examples and the built-in event are what they claim.
#include "rules/load.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "model/limits.h"

namespace hunt::rules {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

class LoadRules : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "hunt_load_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_ / name, std::ios::binary) << text;
  }
  void write_event(const std::string& name, const std::string& event) const {
    write(name, "event: " + event + "\ntables: {" + event + ": [{item: x, weight: 1}]}\n");
  }
  [[nodiscard]] static std::string refusal(const fs::path& path) {
    const auto loaded = load_rules(path.string(), 0);
    return loaded ? "accepted" : format(loaded.error().at(0));
  }

  fs::path dir_;
};

TEST_F(LoadRules, takes_a_file_or_the_yaml_files_of_a_directory) {
  write_event("b.yaml", "b");
  write_event("a.yml", "a");
  write("notes.txt", "not rules");
  write(".hidden.yaml", "not rules");
  fs::create_symlink("nowhere", dir_ / ".#a.yaml");
  fs::create_directory(dir_ / "sub");
  write_event("sub/c.yaml", "c");
  const auto all = load_rules(dir_.string(), 0);
  ASSERT_TRUE(all.has_value()) << format(all.error().at(0));
  EXPECT_EQ(all->set.events.size(), 2U);
  const auto one = load_rules((dir_ / "b.yaml").string(), 0);
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->set.events.size(), 1U);
  EXPECT_NE(one->set.version, all->set.version);
}

TEST_F(LoadRules, refuses_what_is_no_rules_file_and_says_why) {
  EXPECT_EQ(refusal(dir_ / "none.yaml"), (dir_ / "none.yaml").string() + ": no such file");
  EXPECT_NE(refusal(dir_).find("has no *.yaml file"), std::string::npos);
  EXPECT_NE(refusal("/dev/zero").find("not a regular file"), std::string::npos);
  ASSERT_EQ(mkfifo((dir_ / "pipe.yaml").c_str(), 0600), 0);
  EXPECT_NE(refusal(dir_ / "pipe.yaml").find("not a regular file"), std::string::npos);
  fs::remove(dir_ / "pipe.yaml");
  write("big.yaml", std::string(2 * limits::rules_bytes_max, '#'));
  EXPECT_NE(refusal(dir_).find("big.yaml: more than 1,048,576 bytes"), std::string::npos);
}

TEST_F(LoadRules, counts_and_bytes_of_a_directory_have_limits) {
  for (int i = 0; i < 17; ++i) {
    write("e" + std::to_string(i) + ".yaml", std::string(limits::rules_bytes_max, '#'));
  }
  EXPECT_NE(refusal(dir_).find("more than 16,777,216 bytes together"), std::string::npos);
  for (std::size_t i = 0; i <= limits::rules_files_max; ++i) {
    write_event("e" + std::to_string(i) + ".yaml", "e" + std::to_string(i));
  }
  EXPECT_NE(refusal(dir_).find("more than 256 rules files"), std::string::npos);
  fs::remove(dir_ / "e256.yaml");
  EXPECT_EQ(refusal(dir_), "accepted");
}

TEST(BuiltinRules, are_one_table_that_anyone_may_find) {
  const auto set = builtin_rules();
  ASSERT_EQ(set.events.size(), 1U);
  ASSERT_EQ(set.tables.size(), 1U);
  EXPECT_EQ(set.events[0].name, "starlight");
  EXPECT_EQ(set.tables[0].name, "starlight");
  EXPECT_EQ(set.events[0].trigger, model::Trigger::step);
  EXPECT_EQ(set.events[0].hint_radius_tiles, 8);
  EXPECT_TRUE(set.events[0].window().holds(0));
  EXPECT_EQ(set.tables[0].total_weight, 1'000U);
}

TEST(BuiltinRules, equal_the_example) {
  EXPECT_EQ(contents(fs::path(HUNT_SOURCE_DIR) / "examples/rules/starlight.yaml"),
            builtin_rules_text());
}

TEST(ExampleRules, compile_without_a_warning) {
  const auto loaded = load_rules(std::string(HUNT_SOURCE_DIR) + "/examples/rules", 0);
  ASSERT_TRUE(loaded.has_value()) << format(loaded.error().at(0));
  EXPECT_TRUE(loaded->warnings.empty());
  EXPECT_EQ(loaded->set.events.size(), 4U);
}

}  // namespace
}  // namespace hunt::rules
