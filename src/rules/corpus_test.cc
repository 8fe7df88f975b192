// The files of tests/rules: each bad one is refused with just the sentences that it says itself, at
// just those places; each of the others is taken, with those warnings. tests/e2e/schema_test.py
// holds the JSON Schema to the same files.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "rules/compile.h"
#include "rules/placement_checks.h"

namespace hunt::rules {
namespace {

constexpr std::int64_t now_us = 1'790'000'000'000'000;  // in September 2026

struct CorpusFile {
  std::string name;
  std::string text;
  std::vector<std::string> says;  // LINE:COLUMN: sentence
};

std::vector<CorpusFile> read_folder(const std::string& folder) {
  std::vector<CorpusFile> all;
  const auto path = std::filesystem::path(HUNT_SOURCE_DIR) / "tests/rules" / folder;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    CorpusFile file;
    file.name = entry.path().stem().string();
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    file.text = text.str();
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with("# says: ")) file.says.push_back(line.substr(8));
    }
    all.push_back(std::move(file));
  }
  return all;
}

std::vector<std::string> lines_of(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> lines;
  for (const auto& diagnostic : diagnostics) lines.push_back(format(diagnostic).substr(2));
  return lines;
}

TEST(Corpus, bad_files_are_refused_with_the_sentences_that_they_name) {
  const auto files = read_folder("bad");
  ASSERT_GT(files.size(), 80U);
  for (const auto& file : files) {
    const RulesFile rules{"f", file.text};
    const auto result = compile_rules({&rules, 1}, now_us);
    ASSERT_FALSE(result.has_value()) << file.name;
    EXPECT_EQ(lines_of(result.error()), file.says) << file.name;
  }
}

TEST(Corpus, files_to_be_warned_of_are_taken_with_those_warnings) {
  const auto files = read_folder("warned");
  ASSERT_GT(files.size(), 8U);
  for (const auto& file : files) {
    const RulesFile rules{"f", file.text};
    const auto result = compile_rules({&rules, 1}, now_us);
    ASSERT_TRUE(result.has_value()) << file.name << lines_of(result.error()).at(0);
    auto warnings = result->warnings;
    std::ranges::move(rare_items(result->set, result->placements), std::back_inserter(warnings));
    EXPECT_EQ(lines_of(warnings), file.says) << file.name;
  }
}

TEST(Corpus, good_files_are_taken_without_a_word) {
  const auto files = read_folder("good");
  ASSERT_GT(files.size(), 5U);
  for (const auto& file : files) {
    const RulesFile rules{"f", file.text};
    const auto result = compile_rules({&rules, 1}, now_us);
    ASSERT_TRUE(result.has_value()) << file.name << lines_of(result.error()).at(0);
    EXPECT_TRUE(result->warnings.empty()) << file.name << lines_of(result->warnings).at(0);
  }
}

// Each good file, cut at every byte: an answer, and when it is taken, a set that holds together
// (compile_rules() asserts it) and another version than the whole, unless only blanks were cut.
TEST(Corpus, a_file_cut_anywhere_is_refused_or_seen_by_its_version) {
  for (const auto& file : read_folder("good")) {
    const RulesFile whole{"f", file.text};
    const std::string version = compile_rules({&whole, 1}, now_us)->set.version;
    const std::size_t last = file.text.find_last_not_of("\n }]");
    for (std::size_t size = 0; size < file.text.size(); ++size) {
      const RulesFile cut{"f", file.text.substr(0, size)};
      const auto result = compile_rules({&cut, 1}, now_us);
      if (!result || size > last) continue;
      EXPECT_NE(result->set.version, version) << file.name << " cut at " << size;
    }
  }
}

}  // namespace
}  // namespace hunt::rules
