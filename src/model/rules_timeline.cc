#include "model/rules_timeline.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/limits.h"
#include "model/rules_by.h"

namespace hunt::model {
namespace {

// Whether a later turn is in force whenever it would be.
bool is_called_off(const RulesTimeline& timeline, std::size_t index) {
  const auto& turns = timeline.turns;
  return index > 0 &&
         std::any_of(turns.begin() + static_cast<std::ptrdiff_t>(index) + 1, turns.end(),
                     [&](const RulesTurn& later) { return later.from_us <= turns[index].from_us; });
}

// Without harm: neither what is in force, nor the last with the highest revision, because older
// ones must not come back.
bool can_go(const RulesTimeline& timeline, std::size_t index, std::size_t in_force) {
  const auto& turns = timeline.turns;
  if (index == in_force) return false;
  const std::uint64_t highest = timeline.revision_max();
  if (highest == 0 || turns[index].revision != highest) return true;
  return std::any_of(turns.begin() + static_cast<std::ptrdiff_t>(index) + 1, turns.end(),
                     [&](const RulesTurn& later) { return later.revision == highest; });
}

// Those go first that are never in force, then the oldest. Never what is announced.
Result<void> make_room(RulesTimeline& timeline, std::int64_t now_us) {
  while (timeline.turns.size() > limits::rules_turns_max) {
    const std::size_t now = timeline.index_at(now_us);
    const std::size_t none = timeline.turns.size();
    std::size_t gone = none;
    for (std::size_t i = 0; i < none && gone == none; ++i) {
      if (is_called_off(timeline, i) && can_go(timeline, i, now)) gone = i;
    }
    for (std::size_t i = 0; i < now && gone == none; ++i) {
      if (can_go(timeline, i, now)) gone = i;
    }
    if (gone == none) {
      return fail(Errc::too_large,
                  fmt::format("{} rules are announced for later, as many as there may be; call "
                              "some off with: hunt rules rollback",
                              limits::rules_turns_max - 1));
    }
    timeline.turns.erase(timeline.turns.begin() + static_cast<std::ptrdiff_t>(gone));
  }
  return {};
}

// Whether the last of them is a way back: a second request, as after an answer that was lost, must
// not bring back what the first went away from. Files that come again are somebody's new will.
bool went_back(const std::vector<RulesTurn>& turns) {
  if (turns.back().by.starts_with(by_files)) return false;
  const auto is_last = [&](const RulesTurn& turn) { return turn.version == turns.back().version; };
  const auto other = std::find_if_not(turns.rbegin(), turns.rend(), is_last);
  return std::any_of(other, turns.rend(), [&](const RulesTurn& turn) {
    return is_last(turn) && turn.revision == turns.back().revision;
  });
}

Result<RulesTurn> turn_back(const RulesTimeline& before, const RulesChange& change,
                            std::int64_t now_us) {
  if (before.turns.empty()) return fail(Errc::not_found, "no rules were ever in force here");
  const std::size_t now = before.index_at(now_us);
  const RulesTurn* to = nullptr;
  if (change.version) {
    to = before.find(*change.version);
    if (to == nullptr) {
      return fail(
          Errc::not_found,
          fmt::format("there is no version {} in the timeline; see GET /v1/rules", *change.version),
          "version");
    }
    if (to->version == before.turns.back().version) {
      return fail(Errc::already_exists, fmt::format("version {} is in force", to->version));
    }
  } else {
    const RulesTurn& last = before.turns.back();
    if (went_back(before.turns)) {
      return fail(Errc::already_exists,
                  fmt::format("since {} it is version {} again, which was in force before; to go "
                              "on, say to which version: hunt rules rollback VERSION",
                              format_time_us(last.from_us), last.version));
    }
    // What is announced is called off first; else the last other version.
    std::size_t at = before.turns.size() - 1;
    if (at == now) {
      while (at > 0 && before.turns[at].version == before.turns[now].version) --at;
    } else {
      at = now;
    }
    if (before.turns[at].version == before.turns.back().version) {
      return fail(Errc::not_found, "no other rules were in force before: there is no way back");
    }
    to = &before.turns[at];
  }
  return *to;
}

Result<void> stop(RulesTimeline& timeline, const RulesChange& change, std::int64_t now_us) {
  auto& stopped = timeline.stopped;
  if (timeline.stop_of(change.event) != nullptr) {
    return fail(Errc::already_exists, fmt::format("the event \"{}\" is stopped", change.event));
  }
  if (stopped.size() == limits::rules_stopped_max) {
    return fail(Errc::too_large,
                fmt::format("{} events are stopped; start some, or take them out of the files",
                            limits::rules_stopped_max));
  }
  stopped.push_back({change.event, now_us, change.turn.by, change.turn.note});
  std::sort(stopped.begin(), stopped.end(),
            [](const auto& a, const auto& b) { return a.event < b.event; });
  return {};
}

}  // namespace

std::size_t RulesTimeline::index_at(std::int64_t as_of_us) const noexcept {
  for (std::size_t i = turns.size(); i-- > 1;) {
    if (turns[i].from_us <= as_of_us) return i;
  }
  return 0;
}

const RulesTurn* RulesTimeline::find(std::string_view version) const noexcept {
  const auto found = std::find_if(turns.rbegin(), turns.rend(),
                                  [&](const RulesTurn& turn) { return turn.version == version; });
  return found == turns.rend() ? nullptr : &*found;
}

const StoppedEvent* RulesTimeline::stop_of(std::string_view event) const noexcept {
  const auto found = std::find_if(stopped.begin(), stopped.end(),
                                  [&](const StoppedEvent& one) { return one.event == event; });
  return found == stopped.end() ? nullptr : &*found;
}

std::uint64_t RulesTimeline::revision_max() const noexcept {
  std::uint64_t highest = 0;
  for (const auto& turn : turns) highest = std::max(highest, turn.revision);
  return highest;
}

bool is_stale(const Claim& claim, const RulesTimeline& kept, std::int64_t now_us) {
  if (claim.rules_seq != kept.seq) return true;
  return !kept.turns.empty() && kept.at(claim.judged_at_us(now_us)).version != claim.rules;
}

OfferIs judge_offer(const RulesTimeline& timeline, std::string_view version,
                    std::uint64_t revision) noexcept {
  if (timeline.turns.empty()) return OfferIs::fresh;
  const std::uint64_t highest = timeline.revision_max();
  if (revision > highest) return OfferIs::fresh;
  if (timeline.turns.back().version == version) return OfferIs::in_force;
  if (revision < highest) return OfferIs::older;
  if (timeline.find(version) != nullptr) return OfferIs::superseded;
  return revision == 0 ? OfferIs::fresh : OfferIs::older;
}

Result<RulesTimeline> changed(const RulesTimeline& before, const RulesChange& change,
                              std::int64_t now_us, std::int64_t lead_us) {
  RulesTimeline after = before;
  ++after.seq;
  switch (change.kind) {
    case RulesChange::Kind::stop:
      HUNT_CHECK(stop(after, change, now_us));
      break;
    case RulesChange::Kind::start:
      if (std::erase_if(after.stopped,
                        [&](const auto& one) { return one.event == change.event; }) == 0) {
        return fail(Errc::already_exists,
                    fmt::format("the event \"{}\" is not stopped", change.event));
      }
      break;
    case RulesChange::Kind::turn: {
      if (!before.turns.empty() && before.turns.back().version == change.turn.version &&
          before.turns.back().revision >= change.turn.revision) {
        return fail(Errc::already_exists,
                    fmt::format("version {} is in force", change.turn.version));
      }
      RulesTurn turn = change.turn;
      turn.from_us = before.turns.empty() ? now_us : std::max(turn.from_us, now_us + lead_us);
      after.turns.push_back(std::move(turn));
      break;
    }
    case RulesChange::Kind::rollback: {
      HUNT_TRY(turn, turn_back(before, change, now_us));
      after.turns.push_back(
          {turn.version, turn.revision, now_us + lead_us, change.turn.by, change.turn.note});
      break;
    }
  }
  HUNT_CHECK(make_room(after, now_us));
  return after;
}

}  // namespace hunt::model
