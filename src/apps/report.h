// The report of a run: the figures of `hunt up` as text for people and as JSON for scripts.
//
// Not a measurement: it says what the driver's books and the node's stats hold. Field names are the
// contract's.
#pragma once
#include <cstdint>
#include <string>

#include "apps/driver.h"
#include "model/stats.h"

namespace hunt::apps {

struct RunReport {
  DriverBooks books;
  model::Stats stats;
  std::int64_t sending_ns = 0;      // how long batches were sent
  std::int64_t serve_cpu_ns = 0;    // the lanes' threads
  std::int64_t driver_cpu_ns = 0;   // the generator's thread
  std::int64_t process_cpu_ns = 0;  // everything, the store's threads too
  std::uint64_t rate = 0;           // asked for; 0: as fast as possible
  std::uint64_t players = 0;
};

[[nodiscard]] std::string report_json(const RunReport& report);
[[nodiscard]] std::string report_text(const RunReport& report);
// Positions that were never answered and claims that were never told.
[[nodiscard]] std::uint64_t lost(const RunReport& report);

}  // namespace hunt::apps
