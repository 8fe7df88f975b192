#include "engine/rollout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>

#include "base/prng.h"

namespace hunt::engine {
namespace {

struct Vector {
  const char* event;
  const char* player;
  std::uint32_t number;
};

// Computed independently (Python's hashlib); the same vectors stand in the header.
constexpr Vector vectors[] = {
    {"lantern_night", "00000000-0000-0000-0000-000000000000", 2'092'967'182U},
    {"lantern_night", "01234567-89ab-cdef-0123-456789abcdef", 891'100'375U},
    {"a", "ffffffff-ffff-4fff-bfff-ffffffffffff", 1'566'462'796U},
};

model::EventRules event_for(std::string name, std::uint32_t percent) {
  model::EventRules event;
  event.name = std::move(name);
  event.rollout_percent = percent;
  return event;
}

TEST(Rollout, matches_the_published_vectors) {
  Rollout rollout;
  for (const Vector& v : vectors) {
    EXPECT_EQ(rollout.number_of(v.event, model::parse_uuid(v.player).value()), v.number);
  }
  EXPECT_EQ(rollout.number_of("lantern_night", {0, 0}) * std::uint64_t{100} >> 32, 48U);
  EXPECT_FALSE(rollout.has(event_for("lantern_night", 48), {0, 0}));
  EXPECT_TRUE(rollout.has(event_for("lantern_night", 49), {0, 0}));
}

TEST(Rollout, a_higher_percent_only_adds_players_for_any_seed) {
  Rollout rollout;
  Prng prng(11);
  for (int i = 0; i < 2'000; ++i) {
    const model::PlayerId player{prng.next(), prng.next()};
    const std::string name(1 + prng.below(64), static_cast<char>('a' + prng.below(26)));
    bool was_in = false;
    for (std::uint32_t percent = 1; percent <= 100; ++percent) {
      const bool is_in = rollout.has(event_for(name, percent), player);
      ASSERT_TRUE(is_in || !was_in) << name << " " << percent;
      was_in = is_in;
    }
    ASSERT_TRUE(was_in) << "at 100 everybody is";
  }
}

// Players who follow each other in number, as a game may make them. Five standard deviations of
// 100,000 fair coins; nothing is drawn here, so it cannot flake.
TEST(Rollout, has_about_the_share_that_it_says) {
  Rollout rollout;
  constexpr std::uint64_t players = 100'000;
  for (const std::uint32_t percent : {1U, 10U, 50U, 99U}) {
    const auto event = event_for("lantern_night", percent);
    std::uint64_t in = 0;
    for (std::uint64_t i = 0; i < players; ++i) in += rollout.has(event, {7, i}) ? 1 : 0;
    const double share = percent / 100.0;
    const double bound = 5 * std::sqrt(share * (1 - share) * players);
    EXPECT_NEAR(static_cast<double>(in), share * players, bound) << percent;
  }
}

// Who is in the first tenth of one event is in that of another one by chance alone.
TEST(Rollout, of_two_events_are_independent) {
  Rollout rollout;
  std::uint64_t both = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    const model::PlayerId player{7, i};
    both += rollout.has(event_for("a", 10), player) && rollout.has(event_for("b", 10), player);
  }
  EXPECT_NEAR(static_cast<double>(both), 1'000, 160);
}

}  // namespace
}  // namespace hunt::engine
