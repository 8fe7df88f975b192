// Rehearsal: an event of rules files played on virtual time, before it exists.
//
// Not the engine under load (`hunt rush`) and not its faults (`hunt sim`): places, rolls, windows
// and budgets are those of the engine, and there is no network, store or latency. Generated
// players walk (load/crowd.h), a step a second, within the rectangle around all placements of their
// world; all of them play all the time. They do not follow hints, but who stands on loot that wants
// a dig and is told of it digs. Deterministic by its options; one thread.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "rules/compile.h"

namespace hunt::rush {

struct RehearsalOptions {
  static constexpr std::uint32_t players_max = 1'000'000;
  static constexpr std::uint32_t hours_max = 31 * 24;
  static constexpr std::uint64_t spawns_max = 10'000'000;  // that are put out in these hours
  std::uint64_t seed = 1;
  std::uint32_t players = 1'000;  // over all worlds
  std::uint32_t hours = 24;       // from the first `starts` on
  std::function<void(std::uint64_t done, std::uint64_t all)> tell = {};  // seconds played
};

// What became of the loot of one table, in finds.
struct KindOutcome {
  std::string table;
  std::uint64_t placed = 0;
  std::uint64_t found = 0;
  std::uint64_t expired = 0;   // its turn was over before anybody found it
  std::uint32_t turns = 0;     // of all its placements
  std::uint32_t sold_out = 0;  // of them
  // The median of these, since the turn began.
  std::optional<std::uint32_t> sold_out_s = {};
  [[nodiscard]] std::uint64_t left() const noexcept { return placed - found - expired; }
};

struct ItemOutcome {
  std::string item;
  std::string tier;         // empty: none
  std::uint64_t finds = 0;  // that gave at least one
  std::uint64_t count = 0;
};

// Whether the hours that were played are hours of the event.
struct EventOutcome {
  std::string event;
  std::int64_t starts_us = 0;
  bool placed = false;                           // some of its loot was put out
  std::uint32_t open_s = 0;                      // of the seconds played
  std::uint32_t rollout_percent = 100;           // of the players: for whom it is
  std::vector<std::string> worlds_without = {};  // has loot there, but is not there
};

struct WorldOutcome {
  std::string world;
  std::uint32_t players = 0;
  model::TileRect rect;  // where they walk
};

// What happened in one part of the time.
struct RehearsalBucket {
  std::vector<std::uint64_t> finds;  // by class: that gave at least one of it
  std::vector<std::uint64_t> left;   // by kind, at its end
  std::uint64_t with_none = 0;       // players without any find, at its end
};

struct Rehearsal {
  std::int64_t begin_us = 0;
  std::uint32_t players = 0;
  std::uint32_t hours = 0;
  std::uint64_t seed = 0;
  std::uint64_t positions = 0;
  std::uint32_t bucket_s = 3'600;    // an hour, or a part of one
  std::vector<EventOutcome> events;  // that place anything
  std::vector<WorldOutcome> worlds;
  std::vector<KindOutcome> kinds;    // of all tables that are placed
  std::vector<ItemOutcome> items;    // the most found first
  std::vector<std::string> classes;  // tiers from low to high, then "no tier"; or all items
  bool by_tier = false;
  std::vector<RehearsalBucket> buckets;
  std::vector<std::uint32_t> finds_of_players;  // from few to many

  [[nodiscard]] std::uint64_t finds() const noexcept;
};

// Errors: invalid_argument (no placements), too_large (one does not fit, or too many spawns).
[[nodiscard]] Result<Rehearsal> rehearse(const rules::LoadedRules& rules,
                                         const RehearsalOptions& options);

}  // namespace hunt::rush
