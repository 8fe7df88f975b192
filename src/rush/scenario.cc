#include "rush/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/input_file.h"
#include "base/text.h"
#include "model/limits.h"
#include "rules/yaml_keys.h"

namespace hunt::rush {

namespace {

using rules::Mark;
using rules::YamlKeys;
using rules::YamlNode;
using Kind = YamlNode::Kind;

constexpr std::uint64_t changes_max = 100'000;
constexpr std::uint32_t hot_side_max = 4'096;

constexpr std::array<std::string_view, 8> scenario_keys{
    "scenario",           "phases",        "rate", "batch", "digs_percent", "hotspot",
    "changes_per_second", "warmup_seconds"};
constexpr std::array<std::string_view, 2> phase_keys{"seconds", "players"};
constexpr std::array<std::string_view, 2> hotspot_keys{"players_percent", "side_tiles"};

class ScenarioParser {
 public:
  explicit ScenarioParser(std::string_view file) : keys_(file, errors_) {}

  Result<Scenario> parse(const YamlNode& root) {
    if (root.kind != Kind::map) {
      error(root.at,
            fmt::format("expected a map with \"scenario\" and \"phases\", {}", found(root)));
      return finish();
    }
    keys_.refuse_unknown(root, scenario_keys);
    if (const auto* value = keys_.require(root, "scenario")) name(*value);
    if (const auto* value = keys_.require(root, "phases")) phases(*value);
    if (const auto* value = YamlKeys::find(root, "rate")) {
      out_.rate = keys_.whole(*value, "rate", 1, load::Phase::rate_max);
    }
    number(root, "batch", 1, limits::batch_positions_max, out_.batch);
    number(root, "digs_percent", 0, 100, out_.digs_percent);
    number(root, "changes_per_second", 0, changes_max, out_.changes_per_second);
    if (const auto* value = YamlKeys::find(root, "hotspot")) hotspot(*value);
    if (const auto* value = YamlKeys::find(root, "warmup_seconds")) {
      out_.warmup_seconds = seconds(*value, "warmup_seconds", 0);
    }
    return finish();
  }

 private:
  void error(Mark at, std::string message) { keys_.error(at, std::move(message)); }

  Result<Scenario> finish() {
    HUNT_CHECK(keys_.finish());
    return std::move(out_);
  }

  void name(const YamlNode& node) {
    if (node.kind == Kind::scalar && !node.text.empty() &&
        node.text.size() <= limits::name_bytes_max) {
      out_.name = node.text;
      return;
    }
    error(node.at, fmt::format("scenario: expected a name of 1 to {} bytes, {}",
                               limits::name_bytes_max, found(node)));
  }

  void number(const YamlNode& map, std::string_view key, std::uint64_t low, std::uint64_t high,
              std::uint32_t& out) {
    if (const auto* value = YamlKeys::find(map, key)) {
      out = static_cast<std::uint32_t>(keys_.whole(*value, key, low, high));
    }
  }

  double seconds(const YamlNode& node, std::string_view key, double low) {
    double value = -1;
    const char* end = node.text.data() + node.text.size();
    const auto [at, failure] = std::from_chars(node.text.data(), end, value);
    const bool fine = node.kind == Kind::scalar && failure == std::errc{} && at == end;
    if (fine && value >= low && value <= Scenario::seconds_max) return value;
    error(node.at, fmt::format("{}: expected seconds from {} to {}, {}", key, low,
                               Scenario::seconds_max, found(node)));
    return 1;
  }

  void phases(const YamlNode& node) {
    out_.phases.clear();
    if (node.kind != Kind::list || node.children.empty() ||
        node.children.size() > load::Schedule::phases_max) {
      error(node.at, fmt::format("phases: expected a list of 1 to {} phases, such as "
                                 "\"- {{seconds: 60, players: 28000}}\", {}",
                                 load::Schedule::phases_max, found(node)));
      return;
    }
    for (const YamlNode& item : node.children) phase(item);
    if (errors_.errors() == 0 && out_.seconds() > Scenario::seconds_max) {
      error(node.at, fmt::format("phases: all of them together last longer than {} seconds",
                                 Scenario::seconds_max));
    }
  }

  void phase(const YamlNode& node) {
    if (node.kind != Kind::map) {
      error(node.at, fmt::format("a phase: expected a map with \"seconds\" and \"players\", {}",
                                 found(node)));
      return;
    }
    keys_.refuse_unknown(node, phase_keys);
    Scenario::Phase phase;
    if (const auto* value = keys_.require(node, "seconds")) {
      phase.seconds = seconds(*value, "seconds", 0.001);
    }
    if (const auto* value = keys_.require(node, "players")) players(*value, phase);
    out_.phases.push_back(phase);
  }

  void players(const YamlNode& node, Scenario::Phase& phase) {
    constexpr std::uint64_t most = load::CrowdOptions::players_max;
    const auto one = [this](const YamlNode& value) {
      return static_cast<std::uint32_t>(keys_.whole(value, "players", 1, most));
    };
    if (node.kind == Kind::scalar) {
      phase.players_begin = phase.players_end = one(node);
    } else if (node.kind == Kind::list && node.children.size() == 2) {
      phase.players_begin = one(node.children[0]);
      phase.players_end = one(node.children[1]);
    } else {
      error(node.at, fmt::format("players: expected a number, or [from, to] for a phase in which "
                                 "they change, {}",
                                 found(node)));
    }
  }

  void hotspot(const YamlNode& node) {
    if (node.kind != Kind::map) {
      error(node.at, fmt::format("hotspot: expected a map with \"players_percent\" and "
                                 "\"side_tiles\", {}",
                                 found(node)));
      return;
    }
    keys_.refuse_unknown(node, hotspot_keys);
    number(node, "players_percent", 0, 100, out_.hot_players_percent);
    number(node, "side_tiles", 1, hot_side_max, out_.hot_side_tiles);
  }

  rules::Diagnostics errors_;
  YamlKeys keys_;
  Scenario out_;
};

// a * b / c, rounded to the nearest. Bounds: a and c up to 10^7, b up to 10^9.
std::uint64_t in_proportion(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  return (a * b + c / 2) / c;
}

}  // namespace

double Scenario::seconds() const noexcept {
  double sum = 0;
  for (const Phase& phase : phases) sum += phase.seconds;
  return sum;
}

std::uint32_t Scenario::players_max() const noexcept {
  std::uint32_t most = 1;
  for (const Phase& phase : phases) {
    most = std::max({most, phase.players_begin, phase.players_end});
  }
  return most;
}

Result<Scenario> parse_scenario(std::string_view file, std::string_view text) {
  const auto tree = rules::read_yaml(file, text);
  if (!tree) return fail(Errc::invalid_argument, rules::format(tree.error()));
  return ScenarioParser(file).parse(*tree);
}

Result<Scenario> read_scenario(const std::string& path) {
  HUNT_TRY(text, read_whole_file(path, limits::rules_bytes_max));
  return parse_scenario(path, text);
}

load::Schedule schedule_of(const Scenario& scenario, const ScenarioSize& size) {
  const std::uint32_t peak = scenario.players_max();
  const std::uint32_t players = size.players > 0 ? size.players : peak;
  const std::uint64_t own_rate = scenario.rate.value_or(
      in_proportion(peak, Scenario::reference_rate, Scenario::reference_players));
  const std::uint64_t rate_at_peak =
      size.rate > 0 ? size.rate
                    : std::max<std::uint64_t>(1, in_proportion(players, own_rate, peak));
  const double stretch = size.seconds > 0 ? size.seconds / scenario.seconds() : 1.0;
  std::vector<load::Phase> phases;
  for (const Scenario::Phase& from : scenario.phases) {
    const auto scaled = [peak, players](std::uint32_t count) {
      return std::max(1U, static_cast<std::uint32_t>(in_proportion(count, players, peak)));
    };
    load::Phase phase;
    phase.duration_ns = std::max<std::int64_t>(1, std::llround(from.seconds * stretch * 1e9));
    phase.players_begin = scaled(from.players_begin);
    phase.players_end = scaled(from.players_end);
    phase.rate_begin = in_proportion(from.players_begin, rate_at_peak, peak);
    phase.rate_end = in_proportion(from.players_end, rate_at_peak, peak);
    phases.push_back(phase);
  }
  return load::Schedule(std::move(phases));
}

std::int64_t warmup_ns_of(const Scenario& scenario, const load::Schedule& schedule) {
  constexpr std::int64_t most_ns = 5'000'000'000;
  if (!scenario.warmup_seconds) return std::min(most_ns, schedule.duration_ns() / 10);
  const auto wanted_ns = static_cast<std::int64_t>(*scenario.warmup_seconds * 1e9);
  return std::min(wanted_ns, schedule.duration_ns() / 2);
}

}  // namespace hunt::rush
