// Whether what is rolled has the odds that are published: every residue of a pick counted, the edge
// of the rejection, and joint tables of the draws of one claim.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "base/prng.h"
#include "engine/roll.h"
#include "rules/chi_square.h"
#include "rules/compile.h"
#include "rules/load.h"
#include "rules/odds.h"

namespace hunt::rules {
namespace {

model::RuleSet compiled(const std::string& text) {
  const RulesFile file{"f.yaml", text};
  auto result = compile_rules({&file, 1}, 0);
  EXPECT_TRUE(result.has_value()) << format(result.error().at(0));
  return std::move(result->set);
}

// How often each item comes when each word below the total of a table of items comes once.
template <typename Word>
std::vector<std::uint64_t> count_residues(const model::RuleSet& set, std::uint32_t table,
                                          std::int64_t as_of_us, std::uint64_t total,
                                          const Word& word_of) {
  std::vector<std::uint64_t> counts(set.items.size());
  for (std::uint64_t residue = 0; residue < total; ++residue) {
    const auto stacks = engine::draw(set, table, as_of_us, [&] { return word_of(residue); });
    EXPECT_EQ(stacks.all().size(), 1U);
    ++counts[stacks.all()[0].item];
  }
  return counts;
}

// The same, but for what the published odds say there should be.
std::vector<std::uint64_t> expected_counts(const model::RuleSet& set, std::uint32_t table,
                                           const OpenTimes& open, std::uint64_t total) {
  std::vector<std::uint64_t> counts(set.items.size());
  const auto odds = table_odds(set, table, open);
  for (const auto& item : odds->items) {
    const std::uint64_t scale = total / std::stoull(item.denominator);
    EXPECT_EQ(scale * std::stoull(item.denominator), total);
    const auto index = std::find(set.items.begin(), set.items.end(), item.item);
    counts[static_cast<std::size_t>(index - set.items.begin())] =
        scale * std::stoull(item.numerator);
  }
  return counts;
}

TEST(SamplerGate, hits_each_entry_exactly_as_often_as_its_weight) {
  const auto set = builtin_rules();
  const auto published = expected_counts(set, 0, {}, 1'000);
  const auto plain = [](std::uint64_t residue) { return residue; };
  EXPECT_EQ(count_residues(set, 0, 0, 1'000, plain), published);
  // The words of the last whole turn through the residues that is still below the rejection.
  const auto high = [](std::uint64_t residue) {
    return (UINT64_MAX / 1'000 - 1) * 1'000 + residue;
  };
  EXPECT_EQ(count_residues(set, 0, 0, 1'000, high), published);
}

TEST(SamplerGate, sees_one_word_that_goes_elsewhere) {
  const auto set = builtin_rules();
  const auto biased = [](std::uint64_t residue) { return residue == 999 ? 0 : residue; };
  EXPECT_NE(count_residues(set, 0, 0, 1'000, biased), expected_counts(set, 0, {}, 1'000));
}

TEST(SamplerGate, holds_for_random_tables_in_each_case_of_the_time) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Prng prng(seed);
    std::string text =
        "event: e\nstarts: 2027-01-01\nends: 2027-01-02\n"
        "times: {x: [{from: \"06:00\", for: 6h}], y: [{from: \"09:00\", for: 6h}]}\n"
        "tables:\n  t:\n    - {item: i0, weight: 7}\n";
    for (std::uint64_t i = 1 + prng.below(12); i > 0; --i) {
      const char* const during[] = {"", ", during: x", ", during: y"};
      text += fmt::format("    - {{item: i{}, weight: {}{}}}\n", prng.below(6),
                          1 + prng.below(30'000), during[prng.below(3)]);
    }
    const auto set = compiled(text);
    for (const auto& [open, as_of_us] : time_cases(set, 0)) {
      std::uint64_t total = 0;
      for (const auto& entry : set.entries) {
        if (engine::takes_part(set, entry, as_of_us)) total += entry.weight;
      }
      const auto plain = [](std::uint64_t residue) { return residue; };
      ASSERT_EQ(count_residues(set, 0, as_of_us, total, plain),
                expected_counts(set, 0, open, total))
          << "seed " << seed;
    }
  }
}

TEST(SamplerGate, rejects_exactly_the_words_that_would_favour_some) {
  for (const std::uint64_t total : {1ULL, 2ULL, 3ULL, 10ULL, 1'000ULL, 999'983ULL, 4'294'967'296ULL,
                                    4'096'000'000'000ULL, 9'223'372'036'854'775'808ULL}) {
    SCOPED_TRACE(total);
    const std::uint64_t rest = (0 - total) % total;  // 2^64 mod total: so many are too many
    ASSERT_EQ((UINT64_MAX - rest) % total, total - 1) << "the last word taken ends a whole turn";
    EXPECT_EQ(engine::pick_below(UINT64_MAX - rest, total), total - 1);
    EXPECT_EQ(engine::pick_below(0, total), 0U);
    EXPECT_EQ(engine::pick_below(UINT64_MAX, total).has_value(), rest == 0);
    if (rest == 0) continue;
    EXPECT_FALSE(engine::pick_below(UINT64_MAX - rest + 1, total).has_value());
  }
}

TEST(SamplerGate, takes_the_next_word_after_one_that_is_rejected) {
  const auto set = builtin_rules();
  std::uint64_t words[] = {UINT64_MAX, UINT64_MAX, 999};
  std::size_t next = 0;
  const auto stacks = engine::draw(set, 0, 0, [&] { return words[next++]; });
  EXPECT_EQ(next, 3U);
  EXPECT_EQ(set.items[stacks.all()[0].item], "aurora_crown");
}

// Two levels of 4 x 4 items: a word that is used twice, or in the wrong order, shows only in the
// joint table of both draws. The seed is fixed, so that this cannot fail by chance.
TEST(SamplerJoint, both_draws_of_a_claim_and_those_of_the_next_claim_are_independent) {
  std::string text = "event: e\ntables:\n  t:\n";
  for (int t = 0; t < 4; ++t) text += fmt::format("    - {{table: t{}, weight: {}}}\n", t, t + 1);
  for (int t = 0; t < 4; ++t) {
    text += fmt::format("  t{}:\n", t);
    for (int i = 0; i < 4; ++i) {
      text += fmt::format("    - {{item: i{}{}, weight: {}}}\n", t, i, 7 - i);
    }
  }
  const auto set = compiled(text);
  const auto table = *set.find_table("t");
  const auto odds = table_odds(set, table);
  std::vector<double> single(set.items.size());
  for (const auto& item : odds->items) {
    const auto at = std::find(set.items.begin(), set.items.end(), item.item);
    single[static_cast<std::size_t>(at - set.items.begin())] = item.probability;
  }
  const std::vector<std::uint8_t> seed(32, 9);
  engine::Roller roller(seed);
  std::vector<std::uint64_t> counts(single.size());
  std::vector<std::uint64_t> pairs(single.size() * single.size());
  constexpr std::uint64_t rolls = 2'000'000;
  std::uint32_t before = 0;
  for (std::uint64_t i = 0; i < rolls; ++i) {
    // Neighbours differ in one bit.
    const std::uint32_t item = roller.roll(set, table, {0, i}, 0).all()[0].item;
    ++counts[item];
    if (i % 2 == 1) ++pairs[before * single.size() + item];
    before = item;
  }
  std::vector<double> joint;
  for (const double first : single) {
    for (const double second : single) joint.push_back(first * second);
  }
  EXPECT_GT(chi_square(counts, single).p, 1e-6);
  EXPECT_GT(chi_square(pairs, joint).p, 1e-6);
  // Planted: the second draw uses the word of the first.
  std::vector<std::uint64_t> reused(single.size());
  Prng prng(1);
  for (std::uint64_t i = 0; i < rolls / 10; ++i) {
    const std::uint64_t word = prng.next();
    ++reused[engine::draw(set, table, 0, [word] { return word; }).all()[0].item];
  }
  EXPECT_LT(chi_square(reused, single).p, 1e-6);
}

// Old ledgers have to stay checkable: versions and rolls of files from before are what they were.
// The items come from a program of its own, in Python.
TEST(Golden, versions_and_rolls_are_as_ever) {
  struct Old {
    const char* file;
    const char* table;
    const char* version;
    const char* items;
  };
  const Old all[] = {
      {"starlight", "starlight", "8618fbfc9aadf2af",
       "star_shard glow_lantern star_shard star_shard star_shard star_shard star_shard "
       "star_shard star_shard star_shard glow_lantern star_shard glow_lantern nebula_dye"
       " star_shard star_shard star_shard glow_lantern star_shard glow_lantern "
       "star_shard star_shard glow_lantern meteor_trail"},
      {"winter", "winter_chest", "3f58a1f9b46a1ea7",
       "snow_globe snow_globe snow_globe snow_globe candle snow_globe snow_globe "
       "snow_globe candle candle candle candle snow_globe candle snow_globe snow_globe "
       "snow_globe snow_globe snow_globe snow_globe candle candle candle candle"},
      {"harvest", "harvest_chest", "786d6365c3cdd4fb",
       "coin*8,apple*2,wheat coin*7,grapes,mushroom coin*10,apple*2,wheat*2 coin*7,apple*3 "
       "coin*9,pumpkin,wheat coin*10,pumpkin,wheat coin*8,apple,wheat*2 coin*12,apple*3 "
       "coin*5,pumpkin coin*10,apple*3,wheat coin*9,pumpkin,wheat*2 "
       "coin*10,grapes,acorn_crown,wheat*2 coin*5,apple*3,wheat coin*17,apple*2 "
       "coin*14,pumpkin,wheat coin*16,pumpkin,wheat coin*11,apple coin*13,mushroom,grapes,wheat "
       "coin*19,pumpkin,wheat*2 coin*7,pumpkin coin*13,apple*2 coin*5,apple*2 "
       "coin*7,pumpkin,wheat*2 coin*7,apple,wheat"},
  };
  const std::vector<std::uint8_t> seed(32, 7);
  engine::Roller roller(seed);
  for (const auto& old : all) {
    const auto path = fmt::format("{}/examples/rules/{}.yaml", HUNT_SOURCE_DIR, old.file);
    const auto loaded = load_rules(path, 0);
    ASSERT_TRUE(loaded.has_value());
    EXPECT_EQ(loaded->set.version, old.version);
    std::string items;
    for (std::uint64_t i = 0; i < 24; ++i) {
      const auto table = *loaded->set.find_table(old.table);
      items += (i == 0 ? "" : " ") + std::string(roller.reward(loaded->set, table, {0, i}, 5));
    }
    EXPECT_EQ(items, old.items);
  }
}

TEST(ChiSquare, has_the_tails_of_the_tables) {
  EXPECT_NEAR(chi_square_tail(3.841, 1), 0.05, 1e-4);
  EXPECT_NEAR(chi_square_tail(11.070, 5), 0.05, 1e-4);
  EXPECT_NEAR(chi_square_tail(35.888, 5), 1e-6, 1e-8);
  EXPECT_NEAR(chi_square_tail(124.342, 100), 0.05, 1e-4);
  EXPECT_NEAR(chi_square_tail(1.145, 5), 0.95, 1e-3);
  EXPECT_EQ(chi_square_tail(0, 3), 1);
  EXPECT_EQ(chi_square(std::vector<std::uint64_t>{10}, std::vector<double>{1.0}).p, 1);
}

}  // namespace
}  // namespace hunt::rules
