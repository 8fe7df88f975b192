// Coverage: which faults struck what, and which errors reached whom, over many runs.
//
// Not a check of one run. A run that never had a crash during a grant says nothing about it: an
// empty cell that can be reached is a hole in the testing. What cannot be reached is said once, in
// the .cc file, with the reason. Thread: one.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/faults.h"

namespace hunt::simulation {

class Coverage {
 public:
  void add(const sim::Faults& faults);

  // A line per fault and per caller, with the counts of the cells that can be reached.
  [[nodiscard]] std::string table() const;
  // The cells among them that nothing reached, as "crash x grant".
  [[nodiscard]] std::vector<std::string> empty_cells() const;

 private:
  std::array<std::array<std::uint64_t, sim::place_count>, sim::fault_kind_count> struck_{};
  std::array<std::array<std::uint64_t, sim::errc_count>, sim::place_count> errors_{};
};

}  // namespace hunt::simulation
