// What a rehearsal came to: for the terminal, as JSON, and as one self-contained page with plots.
//
// Not the play (rehearsal.h). Pure functions: the same rehearsal gives the same bytes.
#pragma once
#include <string>
#include <vector>

#include "rush/rehearsal.h"

namespace hunt::rush {

// Lines without their ends.
[[nodiscard]] std::vector<std::string> rehearsal_text(const Rehearsal& rehearsal);
[[nodiscard]] std::string rehearsal_json(const Rehearsal& rehearsal);
[[nodiscard]] std::string rehearsal_html(const Rehearsal& rehearsal);

// "28,000 players for 1 hour from 2026-12-04T17:00 UTC, seed 1"
[[nodiscard]] std::string conditions_text(const Rehearsal& rehearsal);

// "3 h 20 min"; whole minutes, seconds below one.
[[nodiscard]] std::string span_text(std::uint32_t seconds);

// "after 5 min", "3 of 4 turns, after 5 min", "no"
[[nodiscard]] std::string sold_out_text(const KindOutcome& kind);

// Where players walk, and what was not played or not all the time; a sentence each.
[[nodiscard]] std::vector<std::string> notes(const Rehearsal& rehearsal);

// Of players without any find, 0 to 1.
[[nodiscard]] double share_with_none(const Rehearsal& rehearsal);

// The classes that a table or a plot has room for: the index of each, the most found last, and
// whether there are others.
struct ShownClasses {
  std::vector<std::size_t> shown;  // in the order of the classes
  bool others = false;
};
[[nodiscard]] ShownClasses shown_classes(const Rehearsal& rehearsal, std::size_t count_max);

}  // namespace hunt::rush
