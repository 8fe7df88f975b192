#include "engine/fleet_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/moment.h"
#include "engine/cause_text.h"
#include "engine/fleet_why.h"

namespace hunt::engine {

namespace {

using model::Absence;
using model::Asked;
using model::Cause;
using model::FleetPlace;
using model::Why;

// Of a core; below it a lane is not the busy one.
constexpr double busy_lane_min = 0.5;

// Those that name the place, sure or not.
std::vector<std::string> all_at(const FleetPlace& place) {
  std::vector<std::string> names = place.hurt;
  names.insert(names.end(), place.perhaps.begin(), place.perhaps.end());
  return names;
}

std::string are(const std::vector<std::string>& names) {
  return names.size() == 1 ? "is" : "are";
}

// "unclear: the slowest …" without its first word, which the sentence has already.
std::string evidence_of(const std::string& verdict) {
  constexpr std::string_view prefix = "unclear: ";
  return verdict.starts_with(prefix) ? verdict.substr(prefix.size()) : verdict;
}

// What those say that it does not hold up.
std::string text_of_others(const FleetPlace& place, const FleetRoll& roll) {
  std::string text;
  std::vector<std::string> rest = roll.fine;
  if (!is_own(place.resource)) {
    std::vector<std::string> use_it;
    for (const auto& name : roll.fine) {
      if (std::count(place.fine.begin(), place.fine.end(), name) > 0) use_it.push_back(name);
    }
    if (!use_it.empty()) {
      text += fmt::format("; {} {} it, too, and {} fine", names_of(use_it),
                          use_it.size() == 1 ? "uses" : "use", are(use_it));
      std::erase_if(rest, [&use_it](const std::string& name) {
        return std::count(use_it.begin(), use_it.end(), name) > 0;
      });
    }
  }
  if (!rest.empty()) text += fmt::format("; {} {} fine", names_of(rest), are(rest));
  return text;
}

std::string text_of_absent(const FleetRoll& roll) {
  if (roll.absent.empty()) return "";
  return fmt::format("; nothing is known of {}, which {} not answer", names_of(roll.absent),
                     roll.absent.size() == 1 ? "does" : "do");
}

// Warnings count seconds: without them they are the same.
std::string without_numbers(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c < '0' || c > '9') out.push_back(c);
  }
  return out;
}

}  // namespace

bool is_own(const std::string& resource) {
  return resource == "lanes" || resource == "http";
}

std::string names_of(const std::vector<std::string>& names) {
  std::string text;
  const std::size_t told = names.size() <= names_told_max + 1 ? names.size() : names_told_max;
  for (std::size_t i = 0; i < told; ++i) {
    const bool last = i + 1 == names.size();
    text += (i == 0 ? "" : last ? " and " : ", ") + names[i];
  }
  if (told < names.size()) text += fmt::format(" and {} more", names.size() - told);
  return text;
}

std::string who(const std::vector<std::string>& names, const FleetRoll& roll) {
  const std::size_t total = roll.all.size();
  const std::string_view answering = roll.absent.empty() ? "" : " that answer";
  if (total == 1) {
    return roll.absent.empty() ? names_of(names)
                               : fmt::format("{}, the only one that answers", names_of(names));
  }
  if (names.size() == total) {
    return total == 2 ? fmt::format("both orchestrators{}", answering)
                      : fmt::format("all {} orchestrators{}", total, answering);
  }
  return fmt::format("{} of {} orchestrators{} ({})", names.size(), total, answering,
                     names_of(names));
}

std::string verdict_of(const FleetPlace& place, const Asked& worst, const FleetRoll& roll,
                       const std::string& disagreement) {
  const std::vector<std::string> names = all_at(place);
  const std::string stage(model::name_of(place.stage));
  const std::string evidence = evidence_of(worst.why.verdict);
  std::string text;
  if (!place.confident) text = place.cause == Cause::unclear ? "unclear: " : "perhaps: ";
  if (is_own(place.resource)) {
    text += fmt::format("{} {} slow by {} ({} at {} {}: {})", who(names, roll), are(names),
                        names.size() == 1 ? "itself" : "themselves", stage,
                        names.size() == 1 ? "its" : "their", place.resource,
                        model::name_of(place.cause));
  } else if (worst.why.share == 0 && place.confident) {
    text += fmt::format("calls to {} fail at {} ({})", place.resource, who(names, roll),
                        model::name_of(place.cause));
  } else {
    text += fmt::format("{} holds up {} ({}: {})", place.resource, who(names, roll), stage,
                        model::name_of(place.cause));
  }
  text += disagreement;
  text += roll.all.size() == 1 || names.size() == 1
              ? fmt::format(": {}", evidence)
              : fmt::format(": at {} {}", worst.process.name, evidence);
  if (!place.hurt.empty() && !place.perhaps.empty()) {
    text += fmt::format("; {} {} not sure", names_of(place.perhaps), are(place.perhaps));
  }
  return text + text_of_others(place, roll) + text_of_absent(roll);
}

std::string text_of_second(const FleetPlace& place, const FleetRoll& roll) {
  if (place.cause == Cause::none) return "";
  const std::vector<std::string> names = all_at(place);
  const std::string how = fmt::format("{}{}: {}", place.confident ? "" : "not sure, ",
                                      model::name_of(place.stage), model::name_of(place.cause));
  if (is_own(place.resource)) {
    return fmt::format("; also {} {} slow by {} ({})", who(names, roll), are(names),
                       names.size() == 1 ? "itself" : "themselves", how);
  }
  return fmt::format("; also {} holds up {} ({})", place.resource, who(names, roll), how);
}

std::string text_of_disagreement(const std::map<Cause, std::vector<std::string>>& by_cause) {
  std::string text;
  for (const auto& [cause, names] : by_cause) {
    text += fmt::format("{} {} {} {}", text.empty() ? ", but they contradict each other:" : ",",
                        names_of(names), names.size() == 1 ? "says" : "say", model::name_of(cause));
  }
  return text;
}

std::string next_of(const FleetPlace& place, const Asked& worst, const FleetRoll& roll) {
  const std::vector<std::string> names = all_at(place);
  std::string text = worst.why.next;
  const bool some = names.size() < roll.all.size();
  const bool others_fine = !roll.fine.empty();
  if (place.contradicted && !place.confident) {
    text = fmt::format("Look at {} itself, and ask {} by itself: each has its own evidence.",
                       place.resource, names_of(names));
  } else if (is_own(place.resource) && place.cause == Cause::cpu && some && others_fine) {
    text = fmt::format(
        "Look at the {} of {}, and whether the senders spread their load: {} {} fine, so the fleet "
        "is not too small.",
        names.size() == 1 ? "machine" : "machines", names_of(names), names_of(roll.fine),
        are(roll.fine));
  } else if (!is_own(place.resource) && place.cause == Cause::round_trip && some &&
             !place.fine.empty()) {
    text = fmt::format("Look first at the way from {} to {}, which others use without trouble. {}",
                       names_of(names), place.resource, text);
  }
  if (!roll.absent.empty()) {
    text += fmt::format(" Look whether {} {}: what {} took waits with {}.", names_of(roll.absent),
                        roll.absent.size() == 1 ? "lives" : "live",
                        roll.absent.size() == 1 ? "it" : "they",
                        roll.absent.size() == 1 ? "it" : "them");
  }
  return text;
}

void say_nothing_wrong(const std::vector<const Asked*>& all, const FleetRoll& roll, Why& why) {
  const Asked* worst = nullptr;
  for (const auto* one : all) {
    if (one->why.samples == 0) continue;
    if (worst == nullptr || one->why.tail_ns > worst->why.tail_ns) worst = one;
  }
  if (worst != nullptr) {
    why = worst->why;
    why.stages.clear();
  }
  why.cause = Cause::none;
  why.confident = roll.absent.empty() && !roll.all.empty();
  why.next = "Nothing to do.";
  if (roll.all.empty()) {
    why.verdict = "no orchestrator answered";
    why.next = "Look whether any `hunt serve` runs with this bus, hunt and URL.";
  } else if (worst == nullptr) {
    why.verdict = fmt::format("nothing was asked of {} in the last seconds", who(roll.idle, roll));
    why.next = "Send positions, then ask again.";
  } else {
    why.verdict = fmt::format(
        "nothing is wrong at {}: the slowest 1 % of {} take {}{}", who(roll.fine, roll),
        worst->why.timeline, ms(worst->why.tail_ns),
        roll.fine.size() == 1 ? "" : fmt::format(" at most, at {}", worst->process.name));
    if (!roll.idle.empty()) {
      why.verdict += fmt::format("; nothing was asked of {}", names_of(roll.idle));
    }
  }
  if (roll.absent.empty()) return;
  why.verdict = fmt::format("{} {} not answer, so nothing is known of {}; {}",
                            names_of(roll.absent), roll.absent.size() == 1 ? "does" : "do",
                            roll.absent.size() == 1 ? "it" : "them", why.verdict);
  why.next = fmt::format("Look whether {} {}, and what stopped {}.", names_of(roll.absent),
                         roll.absent.size() == 1 ? "lives" : "live",
                         roll.absent.size() == 1 ? "it" : "them");
}

void add_uneven_lanes(const std::vector<const Asked*>& all, model::FleetWhy& fleet) {
  for (const auto* one : all) {
    const auto& lanes = one->why.lanes;
    const auto wants = [](const model::LaneLoad& lane) { return lane.busy + lane.starved; };
    std::size_t most = 0;
    double next = 0;
    for (std::size_t i = 1; i < lanes.size(); ++i) {
      const bool more = wants(lanes[i]) > wants(lanes[most]);
      next = std::max(next, wants(more ? lanes[most] : lanes[i]));
      if (more) most = i;
    }
    if (lanes.size() < 2 || wants(lanes[most]) < busy_lane_min || next * 2 > wants(lanes[most])) {
      continue;
    }
    fleet.notes.push_back(fmt::format(
        "lane {} of {} wants {} of a core, the other {} at most {}: it is one lane, not all", most,
        one->process.name, percent(wants(lanes[most])), lanes.size() - 1, percent(next)));
  }
}

void add_warnings(const std::vector<Asked>& asked, model::FleetWhy& fleet) {
  struct Warned {
    std::string key;
    std::string text;
    std::vector<std::string> names;
  };
  std::vector<Warned> all;
  for (const auto& one : asked) {
    if (one.absence != Absence::none || one.why.warning.empty()) continue;
    const std::string key = without_numbers(one.why.warning);
    auto found = std::find_if(all.begin(), all.end(),
                              [&key](const Warned& known) { return known.key == key; });
    if (found == all.end()) found = all.insert(all.end(), {key, one.why.warning, {}});
    found->names.push_back(one.process.name);
  }
  std::string together;
  for (const auto& one : all) {
    const std::string line = fmt::format("{}: {}", names_of(one.names), one.text);
    together += (together.empty() ? "" : "; also ") + line;
    fleet.notes.push_back("warning of " + line);
  }
  fleet.why.warning = together;
}

std::vector<std::string> notes_on(const std::vector<Asked>& asked) {
  std::vector<std::string> notes;
  for (const auto& one : asked) {
    const std::string kind = one.process.kind.empty() ? "" : one.process.kind + " ";
    if (one.absence != Absence::none) {
      notes.push_back(fmt::format("no verdict of {}{}: {}", kind, one.process.name, one.reason));
      continue;
    }
    const std::int64_t off_us = std::abs(one.clock_ahead_us) - one.clock_unsure_us;
    if (off_us <= clock_told_us_min) continue;
    notes.push_back(fmt::format("the clock of {}{} is {} {} ours", kind, one.process.name,
                                shown_span(std::abs(one.clock_ahead_us)),
                                one.clock_ahead_us > 0 ? "ahead of" : "behind"));
  }
  return notes;
}

}  // namespace hunt::engine
