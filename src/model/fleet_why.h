// FleetWhy: what the verdicts of many processes come to, in one sentence with its evidence.
//
// Not how it is found (engine/fleet_why.h). Plain values.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/why_past.h"

namespace hunt::model {

// One resource, as those orchestrators that use it see it.
struct FleetPlace {
  std::string resource;        // "shard 1", "cache", "bus"; "lanes" and "http" are each one's own
  Stage stage = Stage::queue;  // of the worst verdict
  Cause cause = Cause::none;   // none: it hurts nobody; unclear: nobody is sure, or they disagree
  bool confident = false;
  bool contradicted = false;         // those that are sure of a cause are not sure of the same one
  std::vector<std::string> hurt;     // names of those that are sure of it, the worst first
  std::vector<std::string> perhaps;  // of those that name it and are not sure
  std::vector<std::string> fine;     // of those that use it and are not held up by it
  std::int64_t tail_ns = 0;          // the longest of those that name it
  std::int64_t p99_low_ns = 0;       // of a stage at it: over all that use it
  std::int64_t p99_high_ns = 0;
};

struct FleetWhy {
  Why why;  // of the whole fleet; its stages are those of all, shares by the time of their tails
  std::vector<FleetPlace> places;  // the worst first; those that hurt nobody last
  std::vector<std::string> notes;  // who differs, says nothing, or has another time: a line each
  std::size_t orchestrators = 0;   // that answered
  std::size_t relays = 0;
  std::size_t absent = 0;
};

// Slots of ten seconds in a row that came to the same.
struct FleetSpell {
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;
  bool kept = true;  // false: of nobody is anything known
  FleetWhy fleet;    // of the slot with the longest tail
};

struct FleetPast {
  std::int64_t from_us = 0;  // by our clock, as all here
  std::int64_t now_us = 0;
  std::string verdict;  // one sentence
  std::vector<FleetSpell> spells;
  std::vector<std::string> notes;
};

}  // namespace hunt::model
