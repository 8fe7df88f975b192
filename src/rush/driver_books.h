// DriverBooks and Series: what a driver counted, in all and over time.
//
// Not how it is counted (driver.h) and not how it is shown (report.h). Plain values.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "model/batch.h"

namespace hunt::rush {

using OutcomeCounts = std::array<std::uint64_t, model::outcome_count>;

struct DriverBooks {
  std::uint64_t sent = 0;          // positions
  std::uint64_t answered = 0;      // positions with an answer, `busy` too
  std::uint64_t refused = 0;       // of them: the whole batch was answered by an error
  std::uint64_t unanswered = 0;    // positions given up: no answer came, or none can come
  std::uint64_t redelivered = 0;   // positions sent again, to learn what their claim came to
  std::uint64_t batches = 0;       // sent
  std::uint64_t late_batches = 0;  // of them more than 1 ms after their time
  std::int64_t late_ns_max = 0;
  std::uint64_t overfull_batches = 0;  // answered `busy` by the generator: too many in flight
  OutcomeCounts outcomes{};            // last known, per position
  std::uint64_t grants = 0;            // claims told granted for the first time
  std::uint64_t duplicate_grants = 0;  // a claim granted by two rows of the ledger
  std::uint64_t overtaken = 0;         // claims whose tile was buried again before they were told
  std::uint64_t claims_open = 0;       // found, and no terminal outcome told yet
  Histogram latency;                   // per position, after the warm-up
  Histogram claim_latency;             // of them the claims: until what they came to was told
  std::uint64_t answered_in_time = 0;  // after the warm-up and before the last batch was sent
  std::int64_t recent_p99_ns = 0;      // of the last second
  std::string last_error;
};

// Figures over time, a cell after the other since the run's beginning.
struct Series {
  static constexpr std::size_t cells_max = 600;
  struct Cell {
    Histogram latency;             // of positions due in it
    std::uint64_t sent = 0;        // positions due in it
    std::uint64_t answered = 0;    // positions answered in it
    OutcomeCounts outcomes{};      // positions whose outcome became known in it; never `found`
    std::uint64_t unanswered = 0;  // positions given up in it
  };
  std::int64_t cell_ns = 0;
  std::vector<Cell> cells;  // Bound: cells_max; what comes later counts in the last one
};

}  // namespace hunt::rush
