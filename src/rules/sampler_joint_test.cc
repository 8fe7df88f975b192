// Joint tables of the picks of one find: a word that is used twice, or in a wrong place, shows only
// there. HUNT_TEST_ROLLS says how many finds; the seed is fixed, so this cannot fail by chance.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "base/text.h"
#include "engine/roll.h"
#include "rules/chi_square.h"
#include "rules/rules_test_support.h"

namespace hunt::rules {
namespace {

// Two pools, a chance, two rolls of one pool, and a count behind each of their entries: whatever
// comes, a find makes these picks. What one pick and the next are made below has a common factor:
// by the Chinese remainders a word modulo 9 says nothing of the same word modulo 4.
constexpr const char* text =
    "  chest:\n    pools:\n"
    "      - draw: [{item: a, weight: 5, count: 1..4}, {item: b, weight: 3, count: 2..5}, "
    "{item: c, weight: 4, count: 1..4}]\n"
    "      - rolls: 2\n        draw: [{item: d, weight: 8, count: 1..3}, {item: e, weight: 2, "
    "count: 1..3}, {item: f, weight: 2, count: 5..7}]\n"
    "      - chance: 1/6\n        draw: [{item: g, weight: 1}]\n";

struct Kind {
  const char* name;
  std::vector<double> odds;
};

const std::vector<Kind> kinds = {
    {"entry of pool 1", {5.0 / 12, 3.0 / 12, 4.0 / 12}},
    {"its count", {0.25, 0.25, 0.25, 0.25}},
    {"first entry of pool 2", {8.0 / 12, 2.0 / 12, 2.0 / 12}},
    {"its count", {1.0 / 3, 1.0 / 3, 1.0 / 3}},
    {"second entry of pool 2", {8.0 / 12, 2.0 / 12, 2.0 / 12}},
    {"its count", {1.0 / 3, 1.0 / 3, 1.0 / 3}},
    {"chance of pool 3", {1.0 / 6, 5.0 / 6}},
};

// Notes what each pick came to, in their order.
struct Notes {
  const model::RuleSet& rules;
  std::vector<std::uint32_t>& all;

  void entry(const model::LootTable&, std::uint64_t, std::uint64_t, const model::LootEntry& entry) {
    const std::string& item = rules.items[entry.index];
    if (item != "g") all.push_back(static_cast<std::uint32_t>(item[0] - 'a') % 3);
  }
  void chance(const model::LootTable&, const model::LootPool& pool, std::uint64_t picked) {
    all.push_back(picked < pool.chance.numerator ? 0 : 1);
  }
  void rolls(const model::LootTable&, const model::LootPool&, std::uint64_t) {}
  void count(const model::LootTable&, const model::LootEntry&, std::uint64_t picked) {
    all.push_back(static_cast<std::uint32_t>(picked));
  }
};

// Counts of each pair of picks of a find, and of each pick and the same one of the find before.
class Joint {
 public:
  Joint() {
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      for (std::size_t k = i; k < kinds.size(); ++k) {
        Cells cells{i, k, {}, {}};
        for (const double first : kinds[i].odds) {
          for (const double second : kinds[k].odds) cells.odds.push_back(first * second);
        }
        cells.counts.resize(cells.odds.size());
        all_.push_back(std::move(cells));
      }
    }
  }

  void add(const std::vector<std::uint32_t>& picks) {
    ASSERT_EQ(picks.size(), kinds.size());
    for (Cells& one : all_) {
      if (one.first == one.second && before_.empty()) continue;
      const auto& first = one.first == one.second ? before_ : picks;
      ++one.counts[first[one.first] * kinds[one.second].odds.size() + picks[one.second]];
    }
    // Pairs of finds are each used once, so that they do not depend on each other.
    before_ = before_.empty() ? picks : std::vector<std::uint32_t>{};
  }

  // The least likely of all, times their number.
  [[nodiscard]] double p(std::string& which) const {
    double least = 1;
    for (const Cells& one : all_) {
      const double p = chi_square(one.counts, one.odds).p;
      if (p >= least) continue;
      least = p;
      which = fmt::format("{} and {}", kinds[one.first].name, kinds[one.second].name);
    }
    return least * static_cast<double>(all_.size());
  }

 private:
  struct Cells {
    std::size_t first = 0;
    std::size_t second = 0;
    std::vector<double> odds;
    std::vector<std::uint64_t> counts;
  };
  std::vector<Cells> all_;
  std::vector<std::uint32_t> before_;
};

// The words of claims: as engine::Roller makes them.
class Words {
 public:
  explicit Words(Bytes seed) : mac_(seed) {}
  void begin(std::uint64_t claim) {
    claim_ = claim;
    block_ = 0;
    left_ = 0;
  }
  std::uint64_t next() {
    if (left_ == 0) {
      std::array<std::uint8_t, 20> message{};
      for (std::size_t i = 0; i < 8; ++i) {
        message[8 + i] = static_cast<std::uint8_t>(claim_ >> (56 - 8 * i));
      }
      message[19] = static_cast<std::uint8_t>(block_++);
      digest_ = mac_.of(message);
      left_ = 4;
    }
    std::uint64_t word = 0;
    const std::size_t at = 8 * (4 - left_--);
    for (std::size_t i = 0; i < 8; ++i) word = word << 8 | digest_[at + i];
    return word;
  }

 private:
  HmacSha256 mac_;
  std::uint64_t claim_ = 0;
  std::uint32_t block_ = 0;
  std::size_t left_ = 0;
  Digest256 digest_{};
};

std::uint64_t rolls_asked() {
  const char* asked = std::getenv("HUNT_TEST_ROLLS");
  return asked == nullptr ? 100'000 : parse_u64(asked).value_or(100'000);
}

// `again`: the pick whose word is used a second time for the next one; 0: none.
double p_of(std::uint64_t rolls, std::size_t again, std::string& which) {
  const auto set = compiled(text);
  const std::array<std::uint8_t, 32> seed{42};
  Words words(seed);
  Joint joint;
  std::vector<std::uint32_t> picks;
  engine::Stacks stacks;
  engine::Roller roller(seed);
  for (std::uint64_t i = 0; i < rolls; ++i) {
    words.begin(i);
    picks.clear();
    std::uint64_t last = 0;
    std::size_t taken = 0;
    const auto next = [&] {
      if (again == 0 || ++taken != again + 1) last = words.next();
      return last;
    };
    engine::draw(set, 0, 0, next, Notes{set, picks}, stacks);
    if (again == 0 && i % 1'000 == 0) {  // these are the words of the engine
      const auto engines = roller.roll(set, 0, {0, i}, 0).all();
      EXPECT_TRUE(
          std::equal(engines.begin(), engines.end(), stacks.all().begin(), stacks.all().end()));
    }
    joint.add(picks);
  }
  return joint.p(which);
}

TEST(SamplerJointPicks, no_two_picks_of_a_find_know_of_each_other) {
  const std::uint64_t rolls = rolls_asked();
  std::string which;
  const double p = p_of(rolls, 0, which);
  std::printf("%s rolls: least p %.3g: %s\n", with_commas(rolls).c_str(), p, which.c_str());
  EXPECT_GT(p, 1e-6) << which;
}

TEST(SamplerJointPicks, a_word_that_is_used_twice_is_seen_wherever_it_is) {
  for (std::size_t pick = 1; pick < kinds.size(); ++pick) {
    std::string which;
    EXPECT_LT(p_of(20'000, pick, which), 1e-6) << pick;
  }
}

}  // namespace
}  // namespace hunt::rules
