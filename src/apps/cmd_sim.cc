// hunt sim: the whole system on virtual time from one seed, with faults, and what it broke.
//
// Exit codes of its own: 0 nothing, 2 usage, 3 something accepted was never told (liveness), 4 a
// promise was broken (correctness), 5 something that can happen never did (with --coverage).
#include <fmt/format.h>

#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/system/system_clock.h"
#include "apps/command.h"
#include "base/text.h"
#include "simulation/coverage.h"
#include "simulation/run.h"

namespace hunt::apps {
namespace {

namespace json = boost::json;

struct SimFlags {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t jobs = 1;
  std::int64_t seconds = 14;
  std::string scenario;
  bool json = false;
  bool no_shrink = false;
  bool coverage = false;
  bool seed_given = false;
};

int exit_code(simulation::Verdict verdict) {
  return verdict == simulation::Verdict::right ? 0 : verdict == simulation::Verdict::stuck ? 3 : 4;
}

json::object json_of(const simulation::Report& report) {
  json::object faults;
  for (std::size_t i = 0; i < sim::fault_kind_count; ++i) {
    const auto kind = static_cast<sim::FaultKind>(i);
    faults[sim::name_of(kind)] = report.faults.count(kind);
  }
  json::array violations;
  for (const auto& violation : report.violations) {
    json::object row;
    row["rule"] = name_of(violation.rule);
    row["message"] = violation.sentence;
    violations.push_back(std::move(row));
  }
  json::object out;
  out["seed"] = report.seed;
  out["trace_hash"] = fmt::format("{:016x}", report.trace_hash);
  out["simulated_seconds"] = report.simulated_seconds;
  out["positions"] = report.positions;
  out["claims"] = report.claims;
  out["steps"] = report.steps;
  out["counts"] = report.counts();
  out["faults"] = std::move(faults);
  json::array unmet;
  for (const auto& sentence : report.unmet) unmet.push_back(json::value(sentence));
  out["unmet"] = std::move(unmet);
  out["stuck_on"] = report.stuck_on;
  out["violations"] = std::move(violations);
  return out;
}

std::string text_of(const simulation::Report& report) {
  std::string out;
  for (const auto& violation : report.violations) {
    out += fmt::format("{}: {}\n", name_of(violation.rule), violation.sentence);
  }
  for (const auto& sentence : report.unmet) out += fmt::format("expected: {}\n", sentence);
  if (!report.stuck_on.empty()) out += fmt::format("stuck: {}\n", report.stuck_on);
  return out + fmt::format(
                   "seed {}: {:.1f} simulated seconds, {} positions, {} claims, {} faults, trace "
                   "{:016x}: {}\n",
                   report.seed, report.simulated_seconds, with_commas(report.positions),
                   with_commas(report.claims), with_commas(report.faults.total()),
                   report.trace_hash,
                   report.verdict() == simulation::Verdict::right ? "right" : "WRONG");
}

std::string explained(const SimFlags& flags, const simulation::Setup& setup,
                      simulation::Verdict verdict) {
  std::string out;
  if (flags.scenario.empty()) {
    out = fmt::format("again with: hunt sim --seed {} --seconds {}\n", setup.seed, setup.seconds);
  } else {
    out = fmt::format("again with: hunt sim --scenario {} --seed {}\n", flags.scenario, setup.seed);
  }
  if (flags.no_shrink) return out;
  const simulation::Setup small = simulation::shrink(setup, verdict);
  out += "it takes no more than this:\n";
  for (const auto& rate : small.rates) out += fmt::format("  {}\n", simulation::describe(rate));
  for (const auto& fault : small.faults) out += fmt::format("  {}\n", simulation::describe(fault));
  return out;
}

// Runs one seed after the other, on a few threads that share nothing else.
class SimRuns {
 public:
  SimRuns(const SimFlags& flags, simulation::Setup scenario)
      : flags_(flags), scenario_(std::move(scenario)) {}

  [[nodiscard]] int run() {
    const system::SystemClock clock;
    const std::int64_t begun_ns = clock.now_ns();
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 1; i < flags_.jobs; ++i) threads.emplace_back([this] { work(); });
    work();
    threads.clear();  // joins
    const int uncovered = flags_.coverage ? report_coverage() : 0;
    if (flags_.seeds > 1 && !flags_.json) {
      print_totals(static_cast<double>(clock.now_ns() - begun_ns) / 1e9);
    }
    return worst_ != simulation::Verdict::right ? exit_code(worst_) : uncovered;
  }

 private:
  void work() {
    for (std::uint64_t index = next_++; index < flags_.seeds; index = next_++) {
      const simulation::Setup setup = setup_of(index);
      const simulation::Report report = simulation::simulate(setup);
      std::string text = flags_.json ? json::serialize(json_of(report)) + "\n" : text_of(report);
      const bool right = report.verdict() == simulation::Verdict::right;
      if (!right && !flags_.json) text += explained(flags_, setup, report.verdict());
      const std::lock_guard lock(mutex_);
      std::fputs(text.c_str(), stdout);
      std::fflush(stdout);
      coverage_.add(report.faults);
      simulated_seconds_ += report.simulated_seconds;
      if (!report.counts()) ++too_little_;
      ++(right ? passed_ : failed_);
      worst_ = std::max(worst_, report.verdict());
    }
  }

  [[nodiscard]] simulation::Setup setup_of(std::uint64_t index) const {
    if (flags_.scenario.empty()) return simulation::draw_setup(flags_.seed + index, flags_.seconds);
    simulation::Setup setup = scenario_;
    setup.seed = (flags_.seed_given ? flags_.seed : setup.seed) + index;
    return setup;
  }

  [[nodiscard]] int report_coverage() const {
    const auto empty = coverage_.empty_cells();
    if (flags_.json) {
      json::object out;
      out["coverage"] = coverage_.table();
      json::array cells;
      for (const auto& cell : empty) cells.push_back(json::value(cell));
      out["never_reached"] = std::move(cells);
      std::printf("%s\n", json::serialize(out).c_str());
    } else {
      std::printf("%s", coverage_.table().c_str());
      for (const auto& cell : empty) std::printf("never reached: %s\n", cell.c_str());
    }
    return empty.empty() ? 0 : 5;
  }

  void print_totals(double real_seconds) const {
    std::printf("%.0f simulated seconds in %.1f s (%.0f in each)", simulated_seconds_, real_seconds,
                simulated_seconds_ / real_seconds);
    if (too_little_ > 0) {
      std::printf("; in %s runs too little happened for them to count",
                  with_commas(too_little_).c_str());
    }
    std::printf("\n%llu passed, %llu failed\n", static_cast<unsigned long long>(passed_),
                static_cast<unsigned long long>(failed_));
  }

  const SimFlags& flags_;
  const simulation::Setup scenario_;
  std::atomic<std::uint64_t> next_ = 0;
  std::mutex mutex_;  // all below, and the output
  simulation::Coverage coverage_;
  double simulated_seconds_ = 0;
  std::uint64_t passed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t too_little_ = 0;
  simulation::Verdict worst_ = simulation::Verdict::right;
};

int run_sim(const SimFlags& flags) {
  simulation::Setup scenario;
  if (!flags.scenario.empty()) {
    auto loaded = simulation::load_scenario(flags.scenario);
    if (!loaded) return report_usage(loaded.error());
    scenario = std::move(*loaded);
  }
  SimRuns runs(flags, std::move(scenario));
  return runs.run();
}

}  // namespace

void add_sim(CommandLine& line) {
  auto flags = std::make_shared<SimFlags>();
  CLI::App* command = line.app.add_subcommand(
      "sim", "Run the whole system on virtual time from one seed, with faults, and check it");
  auto* seed =
      command->add_option("--seed", flags->seed, "Which run; the same seed does the same again");
  command->add_option("--seeds", flags->seeds, "So many runs, from --seed on")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}));
  command->add_option("--jobs", flags->jobs, "So many of them at the same time")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{256}));
  command->add_option("--seconds", flags->seconds, "Simulated seconds of faults, before healing")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000}));
  command->add_option("--scenario", flags->scenario, "A scenario file instead of a drawn run");
  command->add_flag("--json", flags->json, "One JSON object per run");
  command->add_flag("--no-shrink", flags->no_shrink,
                    "Do not look for fewer faults after a failure");
  command->add_flag("--coverage", flags->coverage,
                    "Print which faults struck what; exit code 5 when one never did");
  command->footer(
      "Orchestrators, relays, stores, caches, bus and clients in one process, each on a simulated\n"
      "machine. Exit code 0: every promise held; 3: something accepted was never told; 4: a "
      "promise\n"
      "was broken.\n"
      "Examples:\n"
      "  hunt sim --seed 7\n"
      "  hunt sim --seed 1 --seeds 500 --jobs 2");
  command->callback([&line, flags, seed] {
    flags->seed_given = seed->count() > 0;
    line.run = [flags] { return run_sim(*flags); };
  });
}

}  // namespace hunt::apps
