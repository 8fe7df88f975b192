// Bugs that a test plants in the program itself: which one is on, asked at a handful of places.
//
// Only `simulation_test` compiles them in: it has its own objects of the files that ask, and says
// what planted() answers. In the program that ships the answer is `false` at compile time, and
// nothing of them is left. What each bug is stands where it is asked for.
#pragma once
#include <cstdint>

namespace hunt {

enum class Planted : std::uint8_t {
  none,
  remembers_refusals,   // service/claim_desk.cc
  tells_no_refusals,    // service/claim_desk.cc
  refuses_on_error,     // service/claim_desk.cc
  rolls_for_outsiders,  // service/claim_desk.cc
  moved_is_nothing,     // service/claim_desk.cc
  drops_as_of,          // service/orchestrator.cc
  winner_hears_copy,    // service/orchestrator.cc
  life_from_read_end,   // service/chunk_loader.cc
  foreign_loses_as_of,  // service/delivery.cc
  confirms_untold,      // service/relay.cc
  takes_older,          // service/rules_book.cc
  rolled_by_newest,     // service/claim_desk.cc
  few_bits_of_claims,   // service/sold_out.cc
  no_grant_too_early,   // service/claim_lookups.cc
};

#ifdef HUNT_PLANTED
[[nodiscard]] bool planted(Planted bug) noexcept;
#else
[[nodiscard]] constexpr bool planted(Planted) noexcept {
  return false;
}
#endif

}  // namespace hunt
