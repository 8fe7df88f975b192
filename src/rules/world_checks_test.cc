#include "rules/world_checks.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace hunt::rules {
namespace {

LoadedRules loaded(const std::string& text) {
  const RulesFile file{"f.yaml", text};
  auto result = compile_rules({&file, 1}, 0);
  EXPECT_TRUE(result.has_value()) << (result ? "" : format(result.error().at(0)));
  return result ? std::move(*result) : LoadedRules{};
}

std::string with(const std::string& keys) {
  return "event: e\nhint_radius: 0\n" + keys + "\ntables: {t: [{item: a, weight: 1}]}\n";
}

TEST(Worlds, of_files_are_held_against_those_of_a_store) {
  const auto rules = loaded(with("worlds: [main, mian, 7, 9]") +
                            "placement:\n"
                            "  - {table: t, world: nroth, from: [0, 0], to: [9, 9], spawns: 1}\n"
                            "  - {table: t, world: main, from: [0, 0], to: [9, 9], spawns: 1}\n");
  const std::vector<model::World> known{{1, "main"}, {7, "north"}};
  std::vector<std::string> lines;
  for (const auto& one : unknown_worlds(rules.worlds, known)) lines.push_back(format(one));
  const std::vector<std::string> wanted{
      R"(f.yaml:3:16: worlds: there is no world "mian" in the store (did you mean "main"?))",
      R"(f.yaml:3:25: worlds: there is no world "9" in the store)",
      R"(f.yaml:6:23: world: there is no world "nroth" in the store (did you mean "north"?))"};
  EXPECT_EQ(lines, wanted);
}

TEST(Worlds, tables_that_lie_buried_are_held_against_the_files) {
  const auto rules = loaded(with(""));
  const std::vector<model::TableCount> open{{"t", 4}, {"tt", 1}, {"winter_chest", 1'204}};
  const auto found = buried_without_table(rules.set, open, "events/");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(format(found[0]),
            "events/: warning: the table \"tt\" is in no file, but 1 open spawn uses it; it would "
            "find nothing");
  EXPECT_EQ(format(found[1]),
            "events/: warning: the table \"winter_chest\" is in no file, but 1,204 open spawns use "
            "it; they would find nothing");
}

TEST(Reach, is_a_part_of_the_version_and_the_order_of_worlds_is_not) {
  std::vector<std::string> versions;
  for (const char* keys :
       {"", "worlds: [main]", "worlds: [north]", "worlds: [1]", "worlds: [main, 1]", "rollout: 99",
        "rollout: 98", "tiers: [a, b]\nitems: {a: {tier: b}}",
        "tiers: [a, b]\nitems: {a: {tier: b}}\nannounce: a",
        "tiers: [a, b]\nitems: {a: {tier: b}}\nannounce: b"}) {
    const std::string version = loaded(with(keys)).set.version;
    EXPECT_EQ(std::count(versions.begin(), versions.end(), version), 0) << keys;
    versions.push_back(version);
  }
  EXPECT_EQ(loaded(with("rollout: 100")).set.version, versions[0]) << "as if it were not there";
  EXPECT_EQ(loaded(with("worlds: [1, main]")).set.version,
            loaded(with("worlds: [main, 1]")).set.version);
}

TEST(Reach, is_compiled_as_it_is_written) {
  const auto set =
      loaded(with("worlds: [north, 12, main]\nrollout: 40\ntiers: [a, b]\nitems: {a: {tier: b}}\n"
                  "announce: b"))
          .set;
  const model::EventRules& event = set.events[0];
  EXPECT_EQ(event.rollout_percent, 40U);
  EXPECT_EQ(event.announce_from, 1U);
  EXPECT_TRUE(event.in_world({12, "any"}));
  EXPECT_TRUE(event.in_world({5, "north"}));
  EXPECT_FALSE(event.in_world({5, "12"}));
  EXPECT_FALSE(event.in_world({5, ""}));
}

}  // namespace
}  // namespace hunt::rules
