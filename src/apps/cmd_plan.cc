// hunt plan: a rush on paper, before there is a cluster to try it on: its servers and what they
// cost, or Kubernetes' autoscaler against it.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "apps/command.h"
#include "base/text.h"
#include "codec/output_file.h"
#include "plan/autoscale.h"
#include "plan/autoscale_svg.h"
#include "plan/cost_data.h"
#include "plan/cost_report.h"

namespace hunt::apps {

namespace {

struct PlanFlags {
  bool autoscale = false;
  bool compare = false;
  bool json = false;
  std::vector<std::uint64_t> players{28'000, 1'000'000, 10'000'000};
  double rate = 0;          // of all players; 0: as many as they send
  double per_player = 4.3;  // 120,000 positions/s of 28,000 players
  double mean_percent = 100 * plan::cost_data().model.mean_load;
  double pod_capacity = 500'000;
  int pod_start_s = 10;
  int ramp_s = 120;
  int pods_min = 10;
  int pods_max = 50;
  int target_percent = 60;
  std::string svg;
};

constexpr double base_share = 3.0 / 28;  // of the players who are there before the rush

plan::Autoscaler autoscaler_of(const PlanFlags& flags, plan::Signal signal) {
  plan::Autoscaler made;
  made.signal = signal;
  made.target = flags.target_percent / 100.0;
  made.lag_per_pod = flags.pod_capacity;  // a second of its work
  made.pods_min = flags.pods_min;
  made.pods_max = flags.pods_max;
  return made;
}

double peak_of(const PlanFlags& flags, std::uint64_t players) {
  return flags.rate > 0 ? flags.rate : static_cast<double>(players) * flags.per_player;
}

plan::Rush rush_of(const PlanFlags& flags, std::uint64_t players) {
  const double peak = peak_of(flags, players);
  return {.base = peak * base_share, .peak = peak, .ramp_s = flags.ramp_s};
}

std::string whole(double value) {
  return with_commas(static_cast<std::uint64_t>(value + 0.5));
}

// One line of the table; what it draws is added to the chart.
void tell(const PlanFlags& flags, std::uint64_t players, plan::Signal signal, plan::Chart& chart) {
  const plan::Pod pod{.per_second = flags.pod_capacity, .start_s = flags.pod_start_s};
  const plan::Rush rush = rush_of(flags, players);
  const plan::Autoscaler scaler = autoscaler_of(flags, signal);
  plan::Course course = plan::rehearse(rush, pod, scaler);
  const std::string pods =
      fmt::format("{}{}", course.pods_most, course.is_capped ? " (wants more)" : "");
  std::printf("%s\n",
              fmt::format("{:>12}  {:>12}  {:>5}  {:<4}  {:>17}  {:>7}  {:>9.1f}  {:>15}  {:>10}",
                          with_commas(players), whole(rush.peak), plan::pods_for(rush.peak, pod),
                          signal == plan::Signal::cpu ? "CPU" : "lag", pods, course.behind_s,
                          course.wait_max_s, whole(course.waiting_max),
                          plan::pods_to_begin_with(rush, pod, scaler))
                  .c_str());
  chart.courses.emplace_back(signal == plan::Signal::cpu ? "pods by CPU" : "pods by lag",
                             std::move(course));
}

Result<void> check(const PlanFlags& flags) {
  if (flags.pods_min > flags.pods_max) {
    return tl::unexpected<Error>(
        {Errc::invalid_argument,
         fmt::format("{} pods at least and {} at most; expected no more at least than at most",
                     flags.pods_min, flags.pods_max),
         "pods-min"});
  }
  for (const std::uint64_t players : flags.players) {
    const double peak = rush_of(flags, players).peak;
    if (peak / flags.pod_capacity <= plan::pods_rehearsed_max) continue;
    return tl::unexpected<Error>(
        {Errc::invalid_argument,
         fmt::format("{} positions/s of {} players are more than {} pods take; expected fewer "
                     "players, or a pod that takes more",
                     whole(peak), with_commas(players), with_commas(plan::pods_rehearsed_max)),
         "players"});
  }
  return {};
}

int run_autoscale(const PlanFlags& flags) {
  if (const auto checked = check(flags); !checked) return report_usage(checked.error());
  std::printf(
      "%s\n\n%s\n",
      fmt::format("A pod takes {} positions/s with all of its CPU and is ready {} s after it is "
                  "wanted.\n{} to {} pods, looked at every 15 s; by CPU at {} %, by lag at one "
                  "second of a pod's work.\nThe crowd grows from {:.0f} % to all within {} s.",
                  whole(flags.pod_capacity), flags.pod_start_s, flags.pods_min, flags.pods_max,
                  flags.target_percent, 100 * base_share, flags.ramp_s)
          .c_str(),
      fmt::format("{:>12}  {:>12}  {:>5}  {:<4}  {:>17}  {:>7}  {:>9}  {:>15}  {:>10}", "players",
                  "positions/s", "needs", "by", "pods at most", "behind", "wait", "waiting",
                  "begin with")
          .c_str());
  std::vector<plan::Chart> charts;
  for (const std::uint64_t players : flags.players) {
    plan::Chart chart{fmt::format("{} players", with_commas(players)), {}};
    tell(flags, players, plan::Signal::cpu, chart);
    tell(flags, players, plan::Signal::lag, chart);
    charts.push_back(std::move(chart));
  }
  std::printf(
      "\nneeds: pods for the peak, all of their CPU used. behind: seconds in which positions wait, "
      "and wait:\nthe longest of them, in seconds. waiting: positions at most. begin with: the "
      "least number of pods\n(minReplicas) with which nothing waits, where there may be enough.\n");
  if (flags.svg.empty()) return 0;
  auto file = codec::OutputFile::open(flags.svg);
  if (!file) return report(file.error());
  if (const auto written = file->write(plan::autoscale_svg(charts)); !written)
    return report(written.error());
  if (const auto closed = file->close(); !closed) return report(closed.error());
  return 0;
}

// Game servers that send batches, in the binary form.
constexpr const char* usual_contender = "hunt-batches";

int run_cost(const PlanFlags& flags) {
  const plan::CostData& data = plan::cost_data();
  plan::CostModel model = data.model;
  model.mean_load = flags.mean_percent / 100;
  std::vector<plan::CostLine> lines;
  for (const std::uint64_t players : flags.players) {
    const plan::Crowd crowd{static_cast<double>(players), peak_of(flags, players)};
    for (const plan::UnitCost& unit : data.units) {
      if (!flags.compare && unit.name != usual_contender) continue;
      lines.push_back(plan::cost_line(crowd, unit, model));
    }
  }
  const std::string told =
      flags.json ? plan::cost_json(lines, model, data) + "\n" : plan::cost_text(lines, model, data);
  std::fputs(told.c_str(), stdout);
  return 0;
}

void add_autoscale_flags(CLI::App& app, PlanFlags& flags) {
  app.add_option("--pod-capacity", flags.pod_capacity,
                 "Positions a second that a pod takes with all of its CPU: measure yours")
      ->check(CLI::Range(1.0, 1e9))
      ->capture_default_str();
  app.add_option("--pod-start", flags.pod_start_s, "Seconds from wanted to ready")
      ->check(CLI::Range(0, 3'600))
      ->capture_default_str();
  app.add_option("--ramp", flags.ramp_s, "Seconds in which the crowd comes")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  app.add_option("--pods-min", flags.pods_min, "minReplicas")
      ->check(CLI::Range(1, 5'000))
      ->capture_default_str();
  app.add_option("--pods-max", flags.pods_max, "maxReplicas")
      ->check(CLI::Range(1, 5'000))
      ->capture_default_str();
  app.add_option("--cpu-target", flags.target_percent, "averageUtilization, in percent of the CPU")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--svg", flags.svg, "Also writes a picture: what comes, and what the pods take");
}

}  // namespace

void add_plan(CommandLine& line) {
  auto flags = std::make_shared<PlanFlags>();
  CLI::App* plan = line.app.add_subcommand(
      "plan",
      "The servers of a crowd and their cost on paper, or Kubernetes' autoscaler against a rush");
  auto* autoscale = plan->add_flag("--autoscale", flags->autoscale,
                                   "Rehearses the autoscaler: where does it fall behind?");
  plan->add_option("--players", flags->players, "At the peak; repeat it for several")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}))
      ->allow_extra_args(false)
      ->capture_default_str();
  auto* per_player =
      plan->add_option("--per-player", flags->per_player, "Positions a second of each")
          ->check(CLI::Range(0.01, 1'000.0))
          ->capture_default_str();
  plan->add_option("--rate", flags->rate, "Positions a second of all, instead of --per-player")
      ->check(CLI::Range(1.0, 1e12))
      ->excludes(per_player);
  plan->add_option("--mean-load", flags->mean_percent,
                   "What an hour of the month sends on average, in percent of the peak")
      ->check(CLI::Range(0.01, 100.0))
      ->capture_default_str();
  plan->add_flag("--compare", flags->compare,
                 "Also the systems of the story, as script/bench before-after measured them")
      ->excludes(autoscale);
  plan->add_flag("--json", flags->json, "For programs, with every assumption at half and at twice")
      ->excludes(autoscale);
  add_autoscale_flags(*plan, *flags);
  plan->footer(
      "Examples:\n"
      "  hunt plan\n"
      "  hunt plan --players 1000000 --rate 500000 --compare\n"
      "  hunt plan --autoscale\n"
      "  hunt plan --autoscale --players 2000000 --pod-capacity 300000 --pods-max 200 --svg "
      "plan.svg");
  plan->callback([&line, flags] {
    line.run = [flags] { return flags->autoscale ? run_autoscale(*flags) : run_cost(*flags); };
  });
}

}  // namespace hunt::apps
