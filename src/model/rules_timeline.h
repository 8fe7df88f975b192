// RulesTimeline: which rules are in force from when on, and which events are stopped: what every
// shard keeps, the same in all of them.
//
// Not the rules (rule_set.h) and not their files (RulesFiles goes beside it). A plain value; the
// functions below are pure. A later turn counts before an earlier one from its `from_us` on, so one
// that is announced for later is called off by a newer one. Times: microseconds since 1970 UTC.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/claim.h"

namespace hunt::model {

struct RulesFile {
  std::string name;  // for messages
  std::string text;
};
using RulesFiles = std::vector<RulesFile>;

// The files that come to a version.
struct RulesOf {
  std::string version;
  RulesFiles files;
};

// Rules that are in force from a moment on.
struct RulesTurn {
  std::string version;
  std::uint64_t revision = 0;  // of the files' lock; 0: they have none
  std::int64_t from_us = 0;
  std::string by;  // a process, or whoever did it; at most limits::rules_note_bytes_max
  std::string note;
  friend bool operator==(const RulesTurn&, const RulesTurn&) = default;
};

// Nothing of it is granted, whatever its as_of.
struct StoppedEvent {
  std::string event;
  std::int64_t since_us = 0;
  std::string by;
  std::string note;
  friend bool operator==(const StoppedEvent&, const StoppedEvent&) = default;
};

struct RulesTimeline {
  std::uint64_t seq = 0;              // one more with each change; 0: nothing was ever decided
  std::vector<RulesTurn> turns;       // in the order they were decided. limits::rules_turns_max
  std::vector<StoppedEvent> stopped;  // by name. limits::rules_stopped_max

  // The place of the turn in force as of then; the first where none is yet. Requires: has turns.
  [[nodiscard]] std::size_t index_at(std::int64_t as_of_us) const noexcept;
  [[nodiscard]] const RulesTurn& at(std::int64_t as_of_us) const noexcept {
    return turns[index_at(as_of_us)];
  }
  // The newest of that version; nullptr: none.
  [[nodiscard]] const RulesTurn* find(std::string_view version) const noexcept;
  [[nodiscard]] const StoppedEvent* stop_of(std::string_view event) const noexcept;
  [[nodiscard]] std::uint64_t revision_max() const noexcept;
  friend bool operator==(const RulesTimeline&, const RulesTimeline&) = default;
};

// False: a store that keeps `kept` may decide on this claim, which was rolled by somebody who knew
// just this, and with the rules in force as of the claim. Else it is to be rolled again.
[[nodiscard]] bool is_stale(const Claim& claim, const RulesTimeline& kept, std::int64_t now_us);

// What files that somebody offers are to a timeline.
enum class OfferIs : std::uint8_t {
  in_force,    // or announced
  fresh,       // to be taken
  older,       // another content has the same revision, or a higher one
  superseded,  // was in force before, and was replaced
};
[[nodiscard]] OfferIs judge_offer(const RulesTimeline& timeline, std::string_view version,
                                  std::uint64_t revision) noexcept;

// What somebody wants to change.
struct RulesChange {
  enum class Kind : std::uint8_t { stop, start, turn, rollback };
  Kind kind = Kind::stop;
  std::string event;                   // stop, start
  RulesTurn turn;                      // turn: all of it; else only `by` and `note` count
  std::optional<std::string> version;  // rollback: to it; nothing: to what was in force before
};

// The timeline after it, with the next seq. `now_us` and `lead_us`: a turn is in force no sooner.
// Errors: not_found (no such version to go back to), already_exists (nothing would change: the
// event is stopped, runs, or the version is in force), too_large (limits::rules_stopped_max).
[[nodiscard]] Result<RulesTimeline> changed(const RulesTimeline& before, const RulesChange& change,
                                            std::int64_t now_us, std::int64_t lead_us);

}  // namespace hunt::model
