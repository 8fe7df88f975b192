// WhyPast and Asked: what verdicts came to before, and what one process of a fleet said.
//
// Not the verdict (why.h), not how it is kept (engine/why_history.h), not how those of many are
// merged (engine/fleet_why.h). Plain values. Wall times are microseconds since 1970 UTC, by the
// clock of the process that tells them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/rules_state.h"
#include "model/why.h"

namespace hunt::model {

// Who answers.
struct Process {
  std::string id;    // random, anew at each start
  std::string kind;  // "orchestrator" or "relay"
  std::string name;  // "pod-7:8080": the machine and the port of HTTP, or the process's number
  std::string version;
  std::int64_t started_us = 0;  // 0: not told
  std::int64_t now_us = 0;      // when it answered
  RulesState rules = {};
};

// Looks in a row that came to the same.
struct Spell {
  std::int64_t from_us = 0;
  std::int64_t to_us = 0;
  std::uint32_t looks = 0;  // 0: nothing looked then, so the process stood still
  Why why;                  // of the look with the longest tail; without its stages
};

struct WhyPast {
  std::int64_t kept_from_us = 0;  // the oldest look that is kept covers from here; 0: none is yet
  std::vector<Spell> spells;      // in order
};

// A process of the same hunt, as another one heard of it.
struct Peer {
  Process process;  // without its times
  std::int64_t heard_us = 0;
};

struct Heard {
  std::vector<Peer> peers;
  std::vector<std::string> left;  // ids of those that said goodbye, or were replaced
};

enum class Absence : std::uint8_t {
  none,     // it answered
  silent,   // nothing came in time
  older,    // it answers, but knows nothing of this
  refused,  // it answered with an error
};

// What one process of a fleet was asked and said.
struct Asked {
  Process process;
  Absence absence = Absence::none;
  std::string reason;  // one clause, where it is absent
  // How far its clock is ahead of ours; by `clock_unsure_us` it may be less.
  std::int64_t clock_ahead_us = 0;
  std::int64_t clock_unsure_us = 0;
  Why why;       // of now, or of the time that was asked for
  WhyPast past;  // where spells were asked for

  // When we asked and when we heard, by our clock, are the bounds of when it answered.
  void compare_clocks(std::int64_t asked_us, std::int64_t heard_us) noexcept {
    if (process.now_us <= 0) return;
    clock_unsure_us = (heard_us - asked_us) / 2;
    clock_ahead_us = process.now_us - (asked_us + clock_unsure_us);
  }
};

}  // namespace hunt::model
