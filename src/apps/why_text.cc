#include "apps/why_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/moment.h"
#include "engine/cause_text.h"
#include "engine/fleet_why.h"

namespace hunt::apps {

namespace {

using model::Cause;

constexpr std::size_t places_shown_max = 8;
constexpr std::size_t notes_shown_max = 12;
constexpr std::size_t spells_shown_max = 40;

std::string whom(const model::FleetPlace& place) {
  std::string text;
  if (!place.hurt.empty()) text = "hurts " + engine::names_of(place.hurt);
  if (!place.perhaps.empty()) {
    text += fmt::format("{}perhaps {}", text.empty() ? "" : ", ", engine::names_of(place.perhaps));
  }
  if (!place.fine.empty()) {
    text += fmt::format("{}fine for {}", text.empty() ? "" : ", ", engine::names_of(place.fine));
  }
  return text;
}

std::string p99_of(const model::FleetPlace& place) {
  if (place.p99_high_ns == 0) return "";
  if (place.p99_low_ns == place.p99_high_ns) return "p99 " + engine::ms(place.p99_high_ns);
  return fmt::format("p99 {} to {}", engine::ms(place.p99_low_ns), engine::ms(place.p99_high_ns));
}

// A store that answers nothing has no tail that would name it: a warning does.
bool is_warned_of(const model::FleetWhy& fleet, const model::FleetPlace& place) {
  const std::string words = fmt::format("the store of {} refuses ", place.resource);
  return fleet.why.warning.find(words) != std::string::npos;
}

std::string line_of(const model::FleetWhy& fleet, model::FleetPlace place) {
  const bool warned = is_warned_of(fleet, place);
  if (warned) place.fine.clear();
  if (warned && place.cause == Cause::none) {
    return fmt::format("  {:<10} {:<10} see the warning\n", place.resource, "refuses");
  }
  const std::string cause = place.cause == Cause::none ? "fine" : std::string(name_of(place.cause));
  const std::string p99 = p99_of(place);
  return fmt::format("  {:<10} {:<10} {}{}{}\n", place.resource, cause, whom(place),
                     p99.empty() ? "" : "; ", p99);
}

std::string counted(std::size_t count, const std::string& word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string lines_of(const std::vector<std::string>& notes) {
  std::string text;
  for (std::size_t i = 0; i < notes.size(); ++i) {
    if (i == notes_shown_max) {
      return text + fmt::format("  and {} more notes: --json has all\n", notes.size() - i);
    }
    text += fmt::format("  {}\n", notes[i]);
  }
  return text;
}

std::string what_was(const model::FleetSpell& spell) {
  if (!spell.kept) return "nothing was kept";
  const model::Why& why = spell.fleet.why;
  if (why.cause != Cause::none) return fmt::format("{}: {}", engine::ms(why.tail_ns), why.verdict);
  if (spell.fleet.absent > 0) return why.verdict;
  if (why.samples == 0) return "nothing was asked";
  return fmt::format("nothing wrong; the longest tail was {}", engine::ms(why.tail_ns));
}

// The first of those that are shown: all of them, or the worst ones where there are too many.
std::set<std::size_t> shown_of(const std::vector<model::FleetSpell>& spells) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < spells.size(); ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&spells](std::size_t a, std::size_t b) {
    const auto rank = [&spells](std::size_t i) {
      const bool bad = spells[i].fleet.why.cause != Cause::none;
      return std::pair(bad ? 1 : 0,
                       bad ? spells[i].fleet.why.tail_ns : spells[i].to_us - spells[i].from_us);
    };
    return rank(a) > rank(b);
  });
  if (order.size() > spells_shown_max) order.resize(spells_shown_max);
  return {order.begin(), order.end()};
}

}  // namespace

std::string text_of(const model::FleetWhy& fleet) {
  std::string text = fmt::format("{}\n  {}\n", fleet.why.verdict, fleet.why.next);
  for (std::size_t i = 0; i < std::min(fleet.places.size(), places_shown_max); ++i) {
    text += line_of(fleet, fleet.places[i]);
  }
  text += lines_of(fleet.notes);
  text += fmt::format("  {} and {} answered", counted(fleet.orchestrators, "orchestrator"),
                      counted(fleet.relays, "relay"));
  if (fleet.absent > 0) text += fmt::format(", {} did not", fleet.absent);
  return text + "\n";
}

std::string text_of(const model::FleetPast& past) {
  std::string text = past.verdict + "\n";
  const std::set<std::size_t> shown = shown_of(past.spells);
  for (const std::size_t i : shown) {
    const model::FleetSpell& spell = past.spells[i];
    const bool goes_on = spell.to_us == past.now_us;
    text += fmt::format("  {} to {:<8}  {:<12} {}\n", shown_time_of_day(spell.from_us),
                        goes_on ? "now" : shown_time_of_day(spell.to_us),
                        shown_span(spell.to_us - spell.from_us), what_was(spell));
  }
  if (shown.size() < past.spells.size()) {
    text +=
        fmt::format("  and {} more spells: --json has all\n", past.spells.size() - shown.size());
  }
  text += lines_of(past.notes);
  return text + "  times are UTC, by the clock of this machine\n";
}

}  // namespace hunt::apps
