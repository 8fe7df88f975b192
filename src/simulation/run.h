// simulate(): one seed from boot to verdict, and the smallest set of faults that still breaks it.
//
// Not the command (cmd_sim.cc). Two phases: under all faults nothing wrong may happen; then all is
// mended and everything accepted must be told, and every copy right, within a minute. A pure
// function of its arguments.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/ledger_check.h"
#include "simulation/cluster.h"
#include "simulation/setup.h"

namespace hunt::simulation {

enum class Verdict : std::uint8_t { right, stuck, wrong };  // stuck: liveness; wrong: safety

struct Report {
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
  [[nodiscard]] Verdict verdict() const noexcept;
};

[[nodiscard]] Report simulate(const Setup& setup, const Hooks& hooks = {});

// Leaves out kinds and single faults for as long as the run still ends with the same verdict.
// Bound: as many runs as there are faults and rates.
[[nodiscard]] Setup shrink(Setup setup, Verdict verdict, const Hooks& hooks = {});

}  // namespace hunt::simulation
