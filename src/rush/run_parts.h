// What `hunt up` and `hunt rush` share: the walks of a trace, the demo world into a store, the line
// that tells how a run goes, and the figures that a report takes from a driver.
//
// Not a command and not the driver. Everything here blocks and belongs to the main thread.
#pragma once
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/system/stop_signals.h"
#include "base/result.h"
#include "load/walks.h"
#include "model/rule_set.h"
#include "model/spawn.h"
#include "rush/driver.h"
#include "rush/report.h"

namespace hunt::rush {

// No walks when `path` is empty. `on_error`: "abort" or "skip".
[[nodiscard]] Result<load::Walks> read_walks(const std::string& path, const std::string& on_error);

// The tables of rules, to bury loot of; those of the built-in event when `rules_path` is empty.
[[nodiscard]] Result<std::vector<std::string>> read_tables(const std::string& rules_path);
[[nodiscard]] std::vector<std::string> tables_of(const model::RuleSet& rules);

// Of events that are not open at a time: "event \"x\" opens in 6 d (…)"; a sentence each.
[[nodiscard]] std::vector<std::string> closed_events(const model::RuleSet& rules,
                                                     std::int64_t now_us);

// Buries in parts of limits::tiles_per_request_max, with a counter on a terminal.
using Bury = std::function<Result<void>(std::vector<model::Burial>)>;
[[nodiscard]] Result<void> bury_all(const std::vector<model::Burial>& burials, const Bury& bury,
                                    FILE* out);

struct WatchOptions {
  FILE* out = stdout;
  const load::Schedule* schedule = nullptr;  // the driver's, to show how far it is
  std::int64_t run_ns_max = 0;               // without a schedule; 0: until a signal comes
  std::function<void()> each_look = {};      // called about once a second
};
// Shows how it goes until everything was sent, the time is over or a signal came. A driver that is
// behind its schedule gets one more second: what it has not sent then stays unsent.
void watch(const Driver& driver, const system::StopSignals& signals, const ports::Clock& clock,
           const WatchOptions& options);

// Books, times and rates of a finished driver.
[[nodiscard]] RunReport report_of(Driver& driver, const DriverOptions& options);

}  // namespace hunt::rush
