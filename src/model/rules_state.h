// RulesState: which rules are in force in one process, and whether its files are those.
//
// Not the rules (rule_set.h). A plain value. Times are microseconds since 1970 UTC, by the clock of
// the process.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace hunt::model {

struct RulesState {
  std::string version;         // in force; empty: this process has no rules, or does not tell
  std::int64_t since_us = 0;   // in force in this process
  std::string zone_data;       // the release of its machine's time zone data; empty: not known
  std::uint64_t rejected = 0;  // contents of the files that were refused so far
  std::int64_t differ_since_us = 0;       // 0: the files are what is in force
  std::string refused;                    // why they are not: one line
  std::uint64_t revision = 0;             // of what is in force; 0: it has none
  std::string next_version = {};          // announced; empty: nothing is
  std::int64_t next_from_us = 0;          // from when on
  std::vector<std::string> stopped = {};  // events
  std::uint64_t changes = 0;              // of the timeline, that this process knows

  [[nodiscard]] bool differs() const noexcept { return differ_since_us != 0; }
};

}  // namespace hunt::model
