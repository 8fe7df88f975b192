// Scenario: a load profile as a file says it, and the schedule and crowd that it comes to.
//
// Not how it is played (driver.h). A scenario has phases of players; the rate follows the players.
// Flags change its size, never its form: players, rate and length are scaled as a whole.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "load/crowd.h"
#include "load/schedule.h"

namespace hunt::rush {

struct Scenario {
  // The reference load: 28,000 players send 120,000 positions a second.
  static constexpr std::uint32_t reference_players = 28'000;
  static constexpr std::uint64_t reference_rate = 120'000;
  static constexpr double seconds_max = 86'400;

  struct Phase {
    double seconds = 60;
    std::uint32_t players_begin = reference_players;
    std::uint32_t players_end = reference_players;
  };
  std::string name = "flat";
  std::vector<Phase> phases{Phase{}};
  std::optional<std::uint64_t> rate;  // with the most players; else as in the reference load
  std::uint32_t batch = 100;
  std::uint32_t digs_percent = 5;
  std::uint32_t hot_players_percent = 0;  // of the players stay on the hottest tiles
  std::uint32_t hot_side_tiles = 32;
  std::uint32_t changes_per_second = 0;  // tiles buried again
  std::optional<double> warmup_seconds;

  [[nodiscard]] double seconds() const noexcept;
  [[nodiscard]] std::uint32_t players_max() const noexcept;
};

// `file` names the text in errors, which are all that is wrong with it, a line each.
// Errors: invalid_argument.
[[nodiscard]] Result<Scenario> parse_scenario(std::string_view file, std::string_view text);
// The same from a file. Errors: io too.
[[nodiscard]] Result<Scenario> read_scenario(const std::string& path);

// What flags say instead of the scenario; 0: as the scenario has it.
struct ScenarioSize {
  std::uint32_t players = 0;  // at the peak: every phase in proportion
  std::uint64_t rate = 0;     // at the peak
  double seconds = 0;         // of the whole: every phase in proportion
};
// Players, rate and length as one. Bound: the phases stay within load::Phase's.
[[nodiscard]] load::Schedule schedule_of(const Scenario& scenario, const ScenarioSize& size);
// A tenth of the run, at most five seconds, unless the scenario says it; at most half of the run.
[[nodiscard]] std::int64_t warmup_ns_of(const Scenario& scenario, const load::Schedule& schedule);

}  // namespace hunt::rush
