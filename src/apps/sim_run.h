// simulate(): one seed from boot to verdict, and the smallest set of faults that still breaks it.
//
// Not the command (cmd_sim.cc). Two phases: under all faults nothing wrong may happen; then all is
// mended and everything accepted must be told, and every copy right, within a minute. A pure
// function of its arguments.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "apps/sim_cluster.h"
#include "apps/sim_setup.h"
#include "engine/ledger_check.h"

namespace hunt::apps {

enum class SimVerdict : std::uint8_t { right, stuck, wrong };  // stuck: liveness; wrong: safety

struct SimReport {
  std::uint64_t seed = 0;
  std::uint64_t trace_hash = 0;
  std::uint64_t steps = 0;
  double simulated_seconds = 0;
  std::uint64_t positions = 0;
  std::uint64_t claims = 0;  // told
  sim::Faults faults{0};
  std::vector<engine::LedgerViolation> violations;
  std::vector<std::string> unmet;  // of what a scenario expects
  std::string stuck_on;            // what was left to do after a minute; empty: nothing
  // Enough happened for the run to say something.
  [[nodiscard]] bool counts() const noexcept;
  [[nodiscard]] SimVerdict verdict() const noexcept;
};

[[nodiscard]] SimReport simulate(const SimSetup& setup, const SimHooks& hooks = {});

// Leaves out kinds and single faults for as long as the run still ends with the same verdict.
// Bound: as many runs as there are faults and rates.
[[nodiscard]] SimSetup shrink(SimSetup setup, SimVerdict verdict, const SimHooks& hooks = {});

}  // namespace hunt::apps
