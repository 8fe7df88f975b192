// Any bytes as a rules file: an answer in bounded time, with places, and sound tables when
// accepted.
//
// compile_rules() asserts the compiled set's invariants itself; here stands what it cannot see.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/prng.h"
#include "base/result.h"
#include "engine/draw.h"
#include "model/limits.h"
#include "model/reward.h"
#include "rules/compile.h"
#include "rules/odds.h"
#include "rules/placement.h"

namespace {

// Whatever the words are, a find stays within its bounds: the number of stacks is asserted there.
void roll_some(const hunt::model::RuleSet& set, std::int64_t as_of_us) {
  hunt::Prng prng(set.tables.size());
  for (int i = 0; i < 8; ++i) {
    const auto stacks = hunt::engine::draw(set, 0, as_of_us, [&prng] { return prng.next(); });
    std::string text;
    for (const auto& stack : stacks.all()) {
      hunt::model::append_stack(text, set.items[stack.item], stack.count);
    }
    HUNT_ASSERT(text.size() <= hunt::limits::reward_bytes_max);
  }
}

// Whatever the area is, what is placed lies in it.
void place_some(const hunt::rules::LoadedRules& loaded) {
  constexpr std::uint8_t seed[32] = {1};
  for (const auto& placement : loaded.placements) {
    if (placement.spawns > 16) continue;
    hunt::rules::TakenTiles taken;
    const auto placed = hunt::rules::place(seed, "e", placement, 1, taken);
    for (const auto tile : placed.tiles) HUNT_ASSERT(placement.area.contains(tile));
    const auto& event = loaded.set.events[placement.event];
    const std::int64_t start_us = std::max<std::int64_t>(event.starts_us, 0);
    const auto due = hunt::rules::occurrences_due(event, placement, start_us, start_us);
    HUNT_ASSERT(due.size() <= 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hunt;
  const rules::RulesFile file{"f.yaml", std::string(reinterpret_cast<const char*>(data), size)};
  const auto first = rules::compile_rules({&file, 1}, 0);
  if (!first) {
    HUNT_ASSERT(!first.error().empty());
    HUNT_ASSERT(first.error().size() <= 2 * rules::Diagnostics::diagnostics_max + 2);
    for (const auto& diagnostic : first.error()) {
      HUNT_ASSERT(!diagnostic.message.empty());
      HUNT_ASSERT(diagnostic.file.empty() ||
                  (diagnostic.at.line >= 1 && diagnostic.at.column >= 1));
    }
    return 0;
  }
  HUNT_ASSERT(first->set.events.size() == 1);
  const auto second = rules::compile_rules({&file, 1}, 0);
  HUNT_ASSERT(second && second->set.version == first->set.version);
  for (const auto& [open, as_of_us] : rules::time_cases(first->set, 0)) {
    const auto odds = rules::table_odds(first->set, 0, open, 100'000);
    HUNT_ASSERT(!odds || odds->stacked || !odds->items.empty());
    roll_some(first->set, as_of_us);
  }
  place_some(*first);
  return 0;
}
