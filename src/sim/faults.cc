#include "sim/faults.h"

namespace hunt::sim {

std::string_view name_of(FaultKind kind) noexcept {
  constexpr std::string_view names[fault_kind_count] = {
      "message_lost",    "message_twice",  "message_late",    "partition",   "one_way",
      "crash",           "pause",          "rolling_restart", "store_error", "deadlock",
      "unknown_outcome", "store_failover", "slot_lost",       "range_move",  "cache_error",
      "cache_flush",     "cache_eviction", "cache_failover",  "cache_late",  "redelivery",
      "poison",          "clock_jump",     "rules_push",      "reburial",    "closing",
      "memory_pressure", "overload",       "bus_error",       "rules_older", "rules_rollback",
      "rules_stop",      "rules_rivals"};
  return names[static_cast<std::size_t>(kind)];
}

std::string_view name_of(Place place) noexcept {
  constexpr std::string_view names[place_count] = {
      "ask",    "load",    "grant",      "look",       "edit",         "feed",
      "secure", "confirm", "cache_read", "cache_fill", "cache_update", "invalidation",
      "tell",   "publish", "deliver",    "ack",        "idle"};
  return names[static_cast<std::size_t>(place)];
}

Faults::Faults(std::uint64_t seed) {
  std::uint64_t state = seed ^ 0xfa017ULL;
  for (Kind& kind : kinds_) kind.random = Prng(splitmix64(state));
}

bool Faults::strikes(FaultKind kind, Place place) noexcept {
  Kind& of = kinds_[at(kind)];
  if (quiet_ || of.rate.numerator == 0 || !of.random.chance(of.rate)) return false;
  note(kind, place);
  return true;
}

void Faults::note(FaultKind kind, const std::vector<Place>& places) noexcept {
  ++kinds_[at(kind)].count;
  for (const Place place : places) ++struck_[at(kind)][at(place)];
}

std::uint64_t Faults::total() const noexcept {
  std::uint64_t sum = 0;
  for (const Kind& kind : kinds_) sum += kind.count;
  return sum;
}

}  // namespace hunt::sim
