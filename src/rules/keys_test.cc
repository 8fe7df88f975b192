// The table of keys against the files that are made from it.
#include "rules/keys.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace hunt::rules {
namespace {

std::string read_doc(const std::string& name) {
  std::ifstream in(std::filesystem::path(HUNT_SOURCE_DIR) / "docs" / name);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Keys, make_the_schema_in_docs) {
  EXPECT_EQ(read_doc("rules.schema.json"), schema_text()) << "hunt rules schema > docs/…";
}

TEST(Keys, make_the_reference_in_docs) {
  EXPECT_NE(read_doc("RULES.md").find(reference_text()), std::string::npos)
      << "put what `hunt rules keys` prints into docs/RULES.md";
}

TEST(Keys, are_there_once_each_and_either_now_or_later) {
  std::set<std::pair<In, std::string_view>> seen;
  for (const auto& key : all_keys()) EXPECT_TRUE(seen.emplace(key.in, key.name).second) << key.name;
  for (const auto& key : later_keys()) {
    EXPECT_TRUE(seen.emplace(key.in, key.name).second) << key.name;
  }
}

}  // namespace
}  // namespace hunt::rules
