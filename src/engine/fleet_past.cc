#include "engine/fleet_past.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/moment.h"
#include "engine/cause_text.h"
#include "engine/fleet_why.h"
#include "engine/why_history.h"

namespace hunt::engine {

namespace {

using model::Absence;
using model::Asked;
using model::Cause;
using model::FleetPast;
using model::FleetSpell;
using model::FleetWhy;
using model::Spell;

constexpr std::int64_t hour_us = WhyHistory::looks_max * slot_us;

// What a process said of the slot that ends at `end_us` of our clock. Null: nothing is kept.
const Spell* spell_at(const Asked& asked, std::int64_t end_us) {
  const std::int64_t theirs_us = end_us - slot_us / 2 + asked.clock_ahead_us;
  const auto found = std::find_if(
      asked.past.spells.begin(), asked.past.spells.end(),
      [theirs_us](const Spell& one) { return one.from_us < theirs_us && theirs_us <= one.to_us; });
  return found == asked.past.spells.end() ? nullptr : &*found;
}

// Nothing: of nobody is anything kept.
std::optional<FleetWhy> slot_of(const std::vector<Asked>& asked, std::int64_t end_us) {
  std::vector<Asked> then;
  for (const auto& one : asked) {
    if (one.absence != Absence::none) continue;
    const Spell* spell = spell_at(one, end_us);
    if (spell == nullptr) continue;
    Asked at;
    at.process = one.process;
    at.why = spell->why;
    if (spell->looks == 0) {
      at.absence = Absence::silent;
      at.reason = "it stood still then";
    }
    then.push_back(std::move(at));
  }
  const bool any = std::any_of(then.begin(), then.end(),
                               [](const Asked& one) { return one.process.kind != "relay"; });
  if (!any) return {};
  return merge_fleet(then);
}

bool is_idle(const FleetWhy& fleet) {
  return fleet.why.cause == Cause::none && fleet.why.samples == 0;
}

// Who is not sure of a place agrees with who is.
bool is_same(const FleetSpell& spell, const FleetSpell& slot) {
  if (spell.kept != slot.kept) return false;
  if (!spell.kept) return true;
  const auto& one = spell.fleet.why;
  const auto& other = slot.fleet.why;
  const bool absent = spell.fleet.absent > 0;
  if (absent != (slot.fleet.absent > 0)) return false;
  if (one.cause == Cause::none || other.cause == Cause::none) {
    return one.cause == other.cause && is_idle(spell.fleet) == is_idle(slot.fleet);
  }
  if (one.resource != other.resource) return false;
  return one.cause == other.cause || !one.confident || !other.confident;
}

bool is_worse(const FleetWhy& one, const FleetWhy& other) {
  if (one.why.confident != other.why.confident) return one.why.confident;
  return one.why.tail_ns > other.why.tail_ns;
}

void append(std::vector<FleetSpell>& spells, FleetSpell slot) {
  if (spells.empty() || !is_same(spells.back(), slot)) {
    spells.push_back(std::move(slot));
    return;
  }
  FleetSpell& spell = spells.back();
  spell.to_us = slot.to_us;
  const std::int64_t tail_ns = std::max(spell.fleet.why.tail_ns, slot.fleet.why.tail_ns);
  if (is_worse(slot.fleet, spell.fleet)) spell.fleet = std::move(slot.fleet);
  spell.fleet.why.tail_ns = tail_ns;
}

// That somebody stood still is trouble, too.
bool is_trouble(const FleetSpell& spell) {
  return spell.kept && (spell.fleet.why.cause != Cause::none || spell.fleet.absent > 0);
}
bool is_short(const FleetSpell& spell) {
  return spell.kept && spell.fleet.absent == 0 && spell.to_us - spell.from_us <= pause_us_max;
}

// Trouble that pauses for a moment is one trouble.
std::vector<FleetSpell> without_pauses(std::vector<FleetSpell> spells) {
  std::vector<FleetSpell> out;
  for (std::size_t i = 0; i < spells.size(); ++i) {
    const bool between = !out.empty() && i + 1 < spells.size() && is_trouble(out.back()) &&
                         is_short(spells[i]) && is_trouble(spells[i + 1]) &&
                         is_same(out.back(), spells[i + 1]);
    if (between) continue;
    append(out, std::move(spells[i]));
  }
  return out;
}

std::string sentence(const FleetPast& past) {
  const FleetSpell* worst = nullptr;
  std::int64_t trouble_us = 0;
  std::int64_t kept_us = 0;
  std::size_t count = 0;
  for (const auto& spell : past.spells) {
    if (spell.kept) kept_us += spell.to_us - spell.from_us;
    if (!is_trouble(spell)) continue;
    ++count;
    trouble_us += spell.to_us - spell.from_us;
    if (worst == nullptr || is_worse(spell.fleet, worst->fleet)) worst = &spell;
  }
  const std::string since = fmt::format("since {} UTC", shown_time_of_day(past.from_us));
  if (kept_us == 0) return fmt::format("{} nothing was kept", since);
  // What is not known is not called fine.
  const std::int64_t lost_us = past.now_us - past.from_us - kept_us;
  const std::string lost = lost_us < slot_us ? ""
                                             : fmt::format(
                                                   "; of {} before or between nothing is "
                                                   "kept",
                                                   shown_span(lost_us));
  if (worst == nullptr) return fmt::format("{} nothing was wrong{}", since, lost);
  const std::string which = count == 1 ? "" : fmt::format("{} spells, the worst ", count);
  const auto& why = worst->fleet.why;
  const std::string tail =
      why.cause == Cause::none ? "" : fmt::format(", when the tail was {} long", ms(why.tail_ns));
  return fmt::format("{} something was wrong for {}: {}from {} to {}{}: {}{}", since,
                     shown_span(trouble_us), which, shown_time_of_day(worst->from_us),
                     worst->to_us == past.now_us ? "now" : shown_time_of_day(worst->to_us), tail,
                     why.verdict, lost);
}

}  // namespace

FleetPast merge_past(const std::vector<Asked>& asked, std::int64_t from_us, std::int64_t now_us) {
  FleetPast past;
  past.now_us = now_us;
  past.from_us = std::max(from_us, now_us - hour_us);
  std::vector<FleetSpell> spells;
  // Slots end now and every ten seconds before: the last of them is whole.
  const std::int64_t count = (now_us - past.from_us + slot_us - 1) / slot_us;
  for (std::int64_t i = count - 1; i >= 0; --i) {
    FleetSpell slot;
    slot.to_us = now_us - i * slot_us;
    slot.from_us = std::max(past.from_us, slot.to_us - slot_us);
    auto fleet = slot_of(asked, slot.to_us);
    // The look of the slot that goes on has not come yet: it is as the one before.
    if (!fleet && i == 0 && count > 1) fleet = slot_of(asked, slot.from_us);
    slot.kept = fleet.has_value();
    if (fleet) slot.fleet = std::move(*fleet);
    append(spells, std::move(slot));
  }
  past.spells = without_pauses(std::move(spells));
  past.verdict = sentence(past);
  past.notes = notes_on(asked);
  for (const auto& one : asked) {
    if (one.absence != Absence::none) continue;
    const std::int64_t kept_us = one.past.kept_from_us - one.clock_ahead_us;
    const std::string name = one.process.name;
    if (one.past.kept_from_us == 0) {
      past.notes.push_back(fmt::format("{} remembers nothing yet", name));
    } else if (kept_us > past.from_us + slot_us) {
      past.notes.push_back(fmt::format(
          "{} remembers from {} UTC on{}", name, shown_time_of_day(kept_us),
          one.process.started_us + 2 * slot_us >= one.past.kept_from_us ? ", when it started"
                                                                        : ""));
    }
  }
  return past;
}

}  // namespace hunt::engine
