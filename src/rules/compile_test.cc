// Several files as one set: references, cycles, nesting, versions and warnings.
#include "rules/compile.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/prng.h"
#include "base/text.h"
#include "model/limits.h"
#include "rules/nesting.h"

namespace hunt::rules {
namespace {

std::string all_of(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const auto& diagnostic : diagnostics) out += format(diagnostic) + "\n";
  return out;
}

std::string refusals(const std::vector<RulesFile>& files) {
  const auto result = compile_rules(files, 0);
  return result ? "accepted" : all_of(result.error());
}

std::string warnings(const std::string& text, std::int64_t now_us = 0) {
  const RulesFile file{"f.yaml", text};
  const auto result = compile_rules({&file, 1}, now_us);
  return result ? all_of(result->warnings) : "refused: " + all_of(result.error());
}

model::RuleSet compiled(const std::vector<RulesFile>& files) {
  auto result = compile_rules(files, 0);
  EXPECT_TRUE(result.has_value()) << all_of(result.error());
  return result ? std::move(result->set) : model::RuleSet{};
}

RulesFile event(std::string name, std::string tables) {
  return {name + ".yaml", "event: " + name + "\ntables: {" + tables + "}\n"};
}

// Tables t0 → t1 → ... of `length` tables; the last has an item.
std::string chain(std::size_t length) {
  std::string out;
  for (std::size_t i = 0; i + 1 < length; ++i) {
    out += fmt::format("t{}: [{{table: t{}, weight: 1}}], ", i, i + 1);
  }
  return out + fmt::format("t{}: [{{item: x, weight: 1}}]", length - 1);
}

TEST(Compile, makes_flat_tables_over_all_files) {
  const auto set = compiled({event("b", "bt: [{item: x, weight: 2}, {table: shared, weight: 3}]"),
                             event("a", "shared: [{item: y, weight: 1}, {item: x, weight: 9}]")});
  ASSERT_EQ(set.events.size(), 2U);
  EXPECT_EQ(set.events[0].name, "a");
  ASSERT_EQ(set.tables.size(), 2U);
  const auto& bt = set.tables[*set.find_table("bt")];
  const auto& shared = set.tables[*set.find_table("shared")];
  EXPECT_EQ(set.events[bt.event].name, "b");
  EXPECT_EQ(set.events[shared.event].name, "a");
  EXPECT_EQ(bt.total_weight, 5U);
  EXPECT_EQ(shared.total_weight, 10U);
  EXPECT_EQ(set.items.size(), 2U);
  const auto& nested = set.entries[bt.first_entry + 1];
  EXPECT_TRUE(nested.is_table);
  EXPECT_EQ(nested.index, *set.find_table("shared"));
  EXPECT_EQ(set.items[set.entries[shared.first_entry].index], "y");
}

TEST(Compile, unknown_tables_name_the_nearest_one) {
  const auto answer = refusals({event("e",
                                      "rare: [{item: x, weight: 1}], "
                                      "t: [{table: rar, weight: 1}]")});
  EXPECT_EQ(answer, "e.yaml:2:52: there is no table \"rar\" (did you mean \"rare\"?)\n");
}

TEST(Compile, cycles_are_printed_as_a_path) {
  const auto answer = refusals({event("e",
                                      "a: [{table: b, weight: 1}], b: [{item: x, weight: 1}, "
                                      "{table: c, weight: 1}], c: [{table: a, weight: 1}]")});
  EXPECT_EQ(answer.find("e.yaml:2:100: "), 0U) << answer;
  EXPECT_NE(answer.find(": a → b → c → a;"), std::string::npos) << answer;
  const auto across = refusals(
      {event("e", "a: [{table: b, weight: 1}]"), event("f", "b: [{table: a, weight: 1}]")});
  EXPECT_NE(across.find("f.yaml:2:22: "), std::string::npos) << across;
}

TEST(Compile, a_cycle_of_thousands_of_tables_gives_a_short_path) {
  std::string tables;
  for (int i = 0; i < 4'000; ++i) {
    tables += fmt::format("t{}: [{{table: t{}, weight: 1}}], ", i, (i + 1) % 4'000);
  }
  const auto answer = refusals({event("e", tables)});
  EXPECT_NE(answer.find("t0 → t1 → "), std::string::npos) << answer.substr(0, 400);
  EXPECT_NE(answer.find("more) → "), std::string::npos) << answer.substr(0, 400);
  EXPECT_LT(answer.size(), 600U);
}

TEST(Compile, nesting_has_a_limit) {
  EXPECT_EQ(refusals({event("e", chain(limits::table_nesting_max))}), "accepted");
  const auto answer = refusals({event("e", chain(limits::table_nesting_max + 1))});
  EXPECT_EQ(answer,
            "e.yaml:2:10: more than 8 tables nested: "
            "t0 → t1 → t2 → t3 → t4 → t5 → t6 → t7 → t8\n");
  const auto deeper = refusals({event("e", chain(4'000))});
  EXPECT_EQ(std::count(deeper.begin(), deeper.end(), '\n'), 1) << deeper.substr(0, 400);
}

TEST(Compile, names_are_unique_over_files) {
  const auto answer = refusals({event("e", "t: [{item: x, weight: 1}]"),
                                {"g.yaml", "event: e\ntables: {t: [{item: y, weight: 1}]}\n"}});
  EXPECT_NE(answer.find("g.yaml:1:8: the event \"e\" is already at e.yaml:1:8"), std::string::npos)
      << answer;
  EXPECT_NE(answer.find("g.yaml:2:10: the table \"t\" is already at e.yaml:2:10"),
            std::string::npos)
      << answer;
}

TEST(Compile, counts_of_tables_entries_and_files_have_limits) {
  std::string tables;
  for (std::size_t i = 0; i <= limits::tables_max / 2; ++i) {
    tables += fmt::format("{{0}}{}: [{{{{item: x, weight: 1}}}}], ", i);
  }
  const auto answer = refusals({event("a", fmt::format(fmt::runtime(tables), "a")),
                                event("b", fmt::format(fmt::runtime(tables), "b"))});
  EXPECT_NE(answer.find("4098 tables in all files together, more than 4096"), std::string::npos)
      << answer;
  std::string entries;
  for (std::size_t i = 0; i <= limits::entries_per_table_max; ++i) {
    entries += fmt::format("{{item: x{}, weight: 1000000000}}, ", i);
  }
  const auto wide = refusals({event("a", "t: [" + entries + "]")});
  EXPECT_NE(wide.find("a.yaml:2:13: table \"t\" has 4097 entries"), std::string::npos) << wide;
  EXPECT_NE(refusals({}).find("0 rules files"), std::string::npos);
  EXPECT_NE(refusals(std::vector<RulesFile>(257)).find("257 rules files"), std::string::npos);
}

TEST(Compile, a_file_that_is_no_yaml_silences_references_into_it) {
  const auto answer = refusals({event("e", "t: [{table: u, weight: 1}]"), {"f.yaml", "a: [\n"}});
  EXPECT_EQ(answer.find("f.yaml:"), 0U) << answer;
  EXPECT_EQ(std::count(answer.begin(), answer.end(), '\n'), 1) << answer;
}

TEST(CompileVersion, depends_on_the_meaning_only) {
  const auto a = event("a", "t: [{item: x, weight: 1}, {item: y, weight: 2}]");
  const auto b = event("b", "u: [{table: t, weight: 1}]");
  auto renamed = b;
  renamed.name = "0.yaml";
  renamed.text = "# a comment\n" + b.text + "hint_radius: 8\ntrigger: step\n";
  const std::string version = compiled({a, b}).version;
  EXPECT_EQ(version.size(), 16U);
  EXPECT_EQ(version.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(compiled({renamed, a}).version, version);
}

TEST(CompileVersion, changes_with_every_part_of_the_meaning) {
  const std::string head = "event: e\n";
  const std::string tail = "tables: {t: [{item: x, weight: 1}, {item: y, weight: 2}]}\n";
  std::vector<std::string> versions;
  for (const std::string& text :
       {head + tail, "event: f\n" + tail, head + "trigger: dig\n" + tail,
        head + "hint_radius: 7\n" + tail, head + "starts: 2026-01-01\n" + tail,
        head + "ends: 2026-01-01\n" + tail,
        head + "tables: {u: [{item: x, weight: 1}, {item: y, weight: 2}]}\n",
        head + "tables: {t: [{item: x, weight: 1}, {item: y, weight: 3}]}\n",
        head + "tables: {t: [{item: x, weight: 1}, {item: z, weight: 2}]}\n",
        head + "tables: {t: [{item: y, weight: 2}, {item: x, weight: 1}]}\n",
        head + "tables: {t: [{item: x, weight: 1}, {table: y, weight: 2}], "
               "y: [{item: y, weight: 1}]}\n"}) {
    versions.push_back(compiled({{"f.yaml", text}}).version);
  }
  std::sort(versions.begin(), versions.end());
  EXPECT_EQ(std::adjacent_find(versions.begin(), versions.end()), versions.end());
}

TEST(CompileWarnings, come_without_refusing) {
  const std::string head = "event: e\n";
  EXPECT_NE(warnings(head + "tables: {t: [{item: x, weight: 60}, {item: y, weight: 35}]}\n")
                .find("f.yaml:2:10: warning: the weights of \"t\" add up to 95"),
            std::string::npos);
  EXPECT_NE(warnings(head + "tables: {t: [{item: x, weight: 60}, {item: y, weight: 45}]}\n")
                .find("5 are too many"),
            std::string::npos);
  for (const int other : {29, 40, 51}) {  // sums of 89, 100 and 111
    EXPECT_EQ(warnings(fmt::format(
                  "event: e\ntables: {{t: [{{item: x, weight: 60}}, {{item: y, weight: {}}}]}}\n",
                  other)),
              "");
  }
  EXPECT_NE(warnings(head + "tables: {t: [{item: x, weight: 1}, {item: x, weight: 2}]}\n")
                .find("f.yaml:2:43: warning: the item \"x\" is twice in the table \"t\""),
            std::string::npos);
  // An item and a table may share a name.
  EXPECT_EQ(warnings(head + "tables: {t: [{item: u, weight: 1}, {table: u, weight: 2}], "
                            "u: [{item: x, weight: 1}]}\n"),
            "");
}

TEST(CompileWarnings, an_event_that_is_over_is_told) {
  const std::string text = "event: e\nends: 2026-11-01\ntables: {t: [{item: x, weight: 1}]}\n";
  const std::int64_t end_us = *parse_time_us("2026-11-01");
  EXPECT_EQ(warnings(text, end_us - 1), "");
  EXPECT_NE(warnings(text, end_us).find("f.yaml:2:7: warning: the event \"e\" was over at 2026"),
            std::string::npos);
}

// Against a plain recursive search: random graphs, with and without cycles.
bool reaches(const References& graph, std::uint32_t from, std::uint32_t to,
             std::vector<bool>& seen) {
  for (const auto child : graph[from]) {
    if (child == to) return true;
    if (seen[child]) continue;
    seen[child] = true;
    if (reaches(graph, child, to, seen)) return true;
  }
  return false;
}

std::uint32_t depth(const References& graph, std::uint32_t table) {
  std::uint32_t deepest = 0;
  for (const auto child : graph[table]) deepest = std::max(deepest, depth(graph, child));
  return deepest + 1;
}

TEST(FindNesting, agrees_with_a_plain_search_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    Prng prng(seed);
    const auto size = static_cast<std::uint32_t>(1 + prng.below(8));
    References graph(size);
    for (std::uint64_t i = prng.below(2 * size); i > 0; --i) {
      graph[prng.below(size)].push_back(static_cast<std::uint32_t>(prng.below(size)));
    }
    bool cyclic = false;
    for (std::uint32_t i = 0; i < size; ++i) {
      std::vector<bool> seen(size, false);
      cyclic = cyclic || reaches(graph, i, i, seen);
    }
    const Nesting nesting = find_nesting(graph, 50);
    ASSERT_EQ(!nesting.cycles.empty(), cyclic) << "seed " << seed;
    for (const auto& cycle : nesting.cycles) {
      ASSERT_GE(cycle.path.size(), 2U);
      ASSERT_EQ(cycle.path.front(), cycle.path.back());
      for (std::size_t i = 0; i + 1 < cycle.path.size(); ++i) {
        const auto& children = graph[cycle.path[i]];
        ASSERT_NE(std::find(children.begin(), children.end(), cycle.path[i + 1]), children.end());
      }
      ASSERT_EQ(graph[cycle.path[cycle.path.size() - 2]][cycle.reference], cycle.path.back());
    }
    for (std::uint32_t i = 0; i < size && !cyclic; ++i) {
      ASSERT_EQ(nesting.levels[i], depth(graph, i)) << "seed " << seed;
      ASSERT_EQ(longest_chain(graph, nesting.levels, i).size(), nesting.levels[i]);
    }
  }
}

}  // namespace
}  // namespace hunt::rules
