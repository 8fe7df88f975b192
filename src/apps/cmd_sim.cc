// hunt sim: the whole system on virtual time from one seed, with faults, and what it broke.
//
// Exit codes of its own: 0 nothing, 2 usage, 3 something accepted was never told (liveness), 4 a
// promise was broken (correctness).
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "apps/command.h"
#include "apps/sim_run.h"
#include "base/text.h"

namespace hunt::apps {
namespace {

namespace json = boost::json;

struct SimFlags {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::int64_t seconds = 14;
  std::string scenario;
  bool json = false;
  bool no_shrink = false;
};

int exit_code(SimVerdict verdict) {
  return verdict == SimVerdict::right ? 0 : verdict == SimVerdict::stuck ? 3 : 4;
}

json::object json_of(const SimReport& report) {
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
  out["stuck_on"] = report.stuck_on;
  out["violations"] = std::move(violations);
  return out;
}

void print(const SimReport& report) {
  for (const auto& violation : report.violations) {
    std::printf("%s: %s\n", std::string(name_of(violation.rule)).c_str(),
                violation.sentence.c_str());
  }
  if (!report.stuck_on.empty()) std::printf("stuck: %s\n", report.stuck_on.c_str());
  std::printf(
      "seed %llu: %.1f simulated seconds, %s positions, %s claims, %s faults, trace %016llx: %s\n",
      static_cast<unsigned long long>(report.seed), report.simulated_seconds,
      with_commas(report.positions).c_str(), with_commas(report.claims).c_str(),
      with_commas(report.faults.total()).c_str(),
      static_cast<unsigned long long>(report.trace_hash),
      report.verdict() == SimVerdict::right ? "right" : "WRONG");
}

void explain(const SimFlags& flags, const SimSetup& setup, SimVerdict verdict) {
  if (flags.scenario.empty()) {
    std::printf("again with: hunt sim --seed %llu --seconds %lld\n",
                static_cast<unsigned long long>(setup.seed), static_cast<long long>(setup.seconds));
  } else {
    std::printf("again with: hunt sim --scenario %s\n", flags.scenario.c_str());
  }
  if (flags.no_shrink) return;
  const SimSetup small = shrink(setup, verdict);
  std::printf("it takes no more than this:\n");
  for (const auto& rate : small.rates) std::printf("  %s\n", describe(rate).c_str());
  for (const auto& fault : small.faults) std::printf("  %s\n", describe(fault).c_str());
}

int run_sim(const SimFlags& flags) {
  SimVerdict worst = SimVerdict::right;
  for (std::uint64_t seed = flags.seed; seed < flags.seed + flags.seeds; ++seed) {
    SimSetup setup = draw_setup(seed, flags.seconds);
    if (!flags.scenario.empty()) {
      auto loaded = load_scenario(flags.scenario);
      if (!loaded) return report_usage(loaded.error());
      setup = std::move(*loaded);
    }
    const SimReport report = simulate(setup);
    if (flags.json) {
      std::printf("%s\n", json::serialize(json_of(report)).c_str());
    } else {
      print(report);
    }
    std::fflush(stdout);
    worst = std::max(worst, report.verdict());
    if (report.verdict() != SimVerdict::right && !flags.json) {
      explain(flags, setup, report.verdict());
    }
  }
  return exit_code(worst);
}

}  // namespace

void add_sim(CommandLine& line) {
  auto flags = std::make_shared<SimFlags>();
  CLI::App* command = line.app.add_subcommand(
      "sim", "Run the whole system on virtual time from one seed, with faults, and check it");
  command->add_option("--seed", flags->seed, "Which run; the same seed does the same again");
  command->add_option("--seeds", flags->seeds, "So many runs, from --seed on")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}));
  command->add_option("--seconds", flags->seconds, "Simulated seconds of faults, before healing")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000}));
  command->add_option("--scenario", flags->scenario, "A scenario file instead of a drawn run");
  command->add_flag("--json", flags->json, "One JSON object per run");
  command->add_flag("--no-shrink", flags->no_shrink,
                    "Do not look for fewer faults after a failure");
  command->footer(
      "Orchestrators, relays, stores, caches, bus and clients in one process, each on a simulated\n"
      "machine. Exit code 0: every promise held; 3: something accepted was never told; 4: a "
      "promise\n"
      "was broken.\n"
      "Examples:\n"
      "  hunt sim --seed 7\n"
      "  hunt sim --seed 1 --seeds 500 --json");
  command->callback([&line, flags] { line.run = [flags] { return run_sim(*flags); }; });
}

}  // namespace hunt::apps
