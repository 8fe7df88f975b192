// hunt rush: an open-loop load test of a running server, or of a node of its own.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>

#include "apps/command.h"
#include "apps/shared_flags.h"
#include "base/hide_user.h"
#include "base/text.h"
#include "base/url.h"
#include "codec/output_file.h"
#include "load/demo_world.h"
#include "model/limits.h"
#include "rush/report_html.h"
#include "rush/run_parts.h"
#include "rush/scenario.h"
#include "rush/target.h"
#include "rush/tile_changes.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

struct RushFlags {
  rush::TargetOptions target{.url = "http://127.0.0.1:8080",
                             .http_url = {},
                             .hunt = {},
                             .stored = false,
                             .server_token = {},
                             .admin_token = {},
                             .rules_path = {},
                             .seed = 1};
  std::string server_token_file;
  std::string admin_token_file;
  std::string scenario;
  rush::ScenarioSize size;
  std::uint32_t batch = 0;
  std::string trace;
  std::string on_error = "abort";
  std::string html;
  bool demo = false;
  bool json = false;
};

// What a run needs besides its target.
struct Plan {
  rush::Scenario scenario;
  rush::DriverOptions driver;
  load::CrowdOptions crowd;
  load::DemoWorld world;
};

// Progress goes to stderr when stdout is for the JSON report.
FILE* talk(const RushFlags& flags) {
  return flags.json || flags.html == "-" ? stderr : stdout;
}

bool is_inproc(const RushFlags& flags) {
  return split_url(flags.target.url).scheme == Scheme::inproc;
}

Result<void> read_tokens(RushFlags& flags) {
  HUNT_TRY(server, read_token(flags.server_token_file));
  HUNT_TRY(admin, read_token(flags.admin_token_file));
  flags.target.server_token = std::move(server);
  flags.target.admin_token = std::move(admin);
  return {};
}

Result<rush::Scenario> scenario_of(const RushFlags& flags) {
  if (flags.scenario.empty()) return rush::Scenario{};
  return rush::read_scenario(flags.scenario);
}

// As many cells as fit, each a whole number of seconds.
std::int64_t cell_ns_of(const load::Schedule& schedule) {
  const auto cells = static_cast<std::int64_t>(rush::Series::cells_max) - 10;
  return (schedule.duration_ns() / cells / second_ns + 1) * second_ns;
}

// Where nobody can be asked what lies in world 1: the demo world. Its grants, unknown too, only
// have to differ from run to run.
model::WorldStats assumed_world(const RushFlags& flags) {
  std::fprintf(talk(flags),
               "world 1: taken for the demo world; --url http://HOST:PORT of a `hunt serve` on the "
               "same bus can tell\n");
  model::WorldStats stats;
  stats.bounds = load::demo_world_rect;
  stats.grants = static_cast<std::uint64_t>(system::SystemClock().wall_us());
  return stats;
}

// A world without loot, or with little left, is no world to measure.
Result<model::WorldStats> prepare_world(rush::RushTarget& target, const RushFlags& flags,
                                        const load::DemoWorld& world) {
  FILE* out = talk(flags);
  if (!target.knows_world() && !flags.demo) return assumed_world(flags);
  HUNT_TRY(stats, target.world_stats());
  const bool inproc = is_inproc(flags);
  const bool exhausted = stats.remaining * 10 < stats.budget;
  if (stats.tiles > 0 && !(exhausted && flags.demo)) {
    std::fprintf(
        out, "world 1: %s of %s treasures left%s\n", with_commas(stats.remaining).c_str(),
        with_commas(stats.budget).c_str(),
        exhausted ? ": most finds will be sold out; --demo buries the demo world again" : "");
    return stats;
  }
  if (!inproc && !flags.demo) {
    return fail(Errc::not_found,
                fmt::format("world 1 of {} holds no loot, so nobody could find any: bury the demo "
                            "world with --demo --admin-token-file FILE, or your own with `hunt "
                            "world import`",
                            rush::shown_url(flags.target.url)));
  }
  const rush::Bury bury = [&target](std::vector<model::Burial> part) {
    return target.bury(std::move(part));
  };
  HUNT_CHECK(rush::bury_all(world.burials, bury, out));
  std::fprintf(out, "world 1: buried the demo world, %s loot tiles\n",
               with_commas(world.burials.size()).c_str());
  HUNT_CHECK(target.warm(load::demo_world_rect));
  const std::uint64_t grants = stats.grants;
  HUNT_TRY(fresh, target.world_stats());
  fresh.grants = grants;
  return fresh;
}

bool is_demo_world(const model::TileRect& bounds) {
  const model::TileRect& demo = load::demo_world_rect;
  return bounds.low.x >= demo.low.x && bounds.low.y >= demo.low.y && bounds.high.x <= demo.high.x &&
         bounds.high.y <= demo.high.y;
}

// A square around `centre`, within `rect`.
model::TileRect square_at(model::Tile centre, std::uint32_t side, const model::TileRect& rect) {
  const auto edge = [side](std::int32_t at, std::int32_t low, std::int32_t high) {
    const std::int64_t first = std::clamp<std::int64_t>(std::int64_t{at} - side / 2, low, high);
    const std::int64_t last = std::min<std::int64_t>(first + side - 1, high);
    return std::pair(static_cast<std::int32_t>(first), static_cast<std::int32_t>(last));
  };
  const auto [x0, x1] = edge(centre.x, rect.low.x, rect.high.x);
  const auto [y0, y1] = edge(centre.y, rect.low.y, rect.high.y);
  return {{x0, y0}, {x1, y1}};
}

// Who plays where. A later run sends other players: else all its finds would be repeats.
load::CrowdOptions crowd_of(const RushFlags& flags, const rush::Scenario& scenario,
                            const load::Schedule& schedule, const load::DemoWorld& world,
                            const model::WorldStats& stats) {
  load::CrowdOptions crowd;
  crowd.seed = flags.target.seed + stats.grants;
  crowd.players = schedule.players_max();
  crowd.batch_players = scenario.batch;
  crowd.digs = {scenario.digs_percent, 100};
  if (is_demo_world(stats.bounds)) {
    crowd.attractions = world.centres;
  } else {
    crowd.rect = stats.bounds;
  }
  const model::Tile middle{crowd.rect.low.x + (crowd.rect.high.x - crowd.rect.low.x) / 2,
                           crowd.rect.low.y + (crowd.rect.high.y - crowd.rect.low.y) / 2};
  crowd.hot = {scenario.hot_players_percent, 100};
  crowd.hot_rect = square_at(crowd.attractions.empty() ? middle : crowd.attractions.front(),
                             scenario.hot_side_tiles, crowd.rect);
  return crowd;
}

Result<std::unique_ptr<rush::TileChanges>> changes_of(rush::RushTarget& target,
                                                      const RushFlags& flags, const Plan& plan) {
  if (plan.scenario.changes_per_second == 0) return std::unique_ptr<rush::TileChanges>{};
  HUNT_TRY(tiles, target.loot());
  if (tiles.empty()) tiles = plan.world.burials;
  const rush::Bury bury = [&target](std::vector<model::Burial> part) {
    return target.bury(std::move(part));
  };
  return std::make_unique<rush::TileChanges>(std::move(tiles), plan.scenario.changes_per_second,
                                             flags.target.seed, bury);
}

// Asks the ledger for claims that the answers could not tell.
void settle_overtaken(rush::RushTarget& target, const rush::Driver& driver,
                      rush::DriverBooks& books) {
  const auto count = [&books](model::Outcome outcome) -> std::uint64_t& {
    return books.outcomes[static_cast<std::size_t>(outcome)];
  };
  for (const auto claim : driver.overtaken()) {
    if (!target.is_granted(claim).value_or(false)) continue;
    ++books.grants;
    --count(model::Outcome::nothing);
    ++count(model::Outcome::granted);
  }
}

// The command as it was typed, but for users and passwords; other secrets come from files.
std::string command_line(const std::string& target) {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  while (!text.empty() && text.back() == '\0') text.pop_back();
  std::replace(text.begin(), text.end(), '\0', ' ');
  if (const auto at = text.find(target); at != std::string::npos) {
    text.replace(at, target.size(), rush::shown_url(target));
  }
  const auto slash = text.substr(0, text.find(' ')).rfind('/');
  return hide_user(slash == std::string::npos ? text : text.substr(slash + 1));
}

std::string machine() {
  std::string model = "unknown CPU";
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    model = line.substr(std::min(line.size(), line.find(':') + 2));
    break;
  }
  return fmt::format("{}, {} hardware threads", model, std::thread::hardware_concurrency());
}

Result<Plan> make_plan(rush::RushTarget& target, const RushFlags& flags) {
  Plan plan;
  HUNT_TRY(scenario, scenario_of(flags));
  if (flags.batch > 0) scenario.batch = flags.batch;
  HUNT_TRY(tables, rush::read_tables(is_inproc(flags) ? flags.target.rules_path : ""));
  plan.world = load::make_demo_world({.seed = flags.target.seed, .tables = std::move(tables)});
  HUNT_TRY(stats, prepare_world(target, flags, plan.world));
  load::Schedule schedule = schedule_of(scenario, flags.size);
  plan.crowd = crowd_of(flags, scenario, schedule, plan.world, stats);
  plan.driver.warmup_ns = warmup_ns_of(scenario, schedule);
  plan.driver.series_cell_ns = cell_ns_of(schedule);
  plan.driver.schedule = std::move(schedule);
  target.set_claims(plan.driver);
  plan.scenario = std::move(scenario);
  return plan;
}

// Plays the plan; the series go into `series`.
Result<rush::RunReport> play(rush::RushTarget& target, const RushFlags& flags, Plan& plan,
                             load::Walks walks, const system::StopSignals& signals,
                             rush::Series& series) {
  HUNT_TRY(changes, changes_of(target, flags, plan));
  const system::SystemClock clock;
  rush::Driver driver(target.make_asker(), clock, load::Crowd(plan.crowd, std::move(walks)),
                      plan.driver);
  HUNT_CHECK(target.connect(driver.lane()));
  std::fprintf(talk(flags), "%s: %s players, %s, warm-up %.1f s\n", plan.scenario.name.c_str(),
               with_commas(plan.crowd.players).c_str(), rush::shown_url(flags.target.url).c_str(),
               static_cast<double>(plan.driver.warmup_ns) / 1e9);
  const auto cpu_before = target.cpu();
  const std::int64_t driver_before_ns = driver.cpu_ns();
  const std::int64_t started_us = clock.wall_us();
  driver.start();
  if (changes != nullptr) changes->start();
  std::optional<rush::Bottleneck> worst;
  const auto look = [&target, &worst] {
    auto now = target.bottleneck();
    if (now && (!worst || now->tail_seconds >= worst->tail_seconds)) worst = std::move(now);
  };
  watch(driver, signals, clock, {talk(flags), &*plan.driver.schedule, 0, look});
  if (changes != nullptr) changes->stop();
  driver.finish(10 * second_ns);

  rush::RunReport report = report_of(driver, plan.driver);
  settle_overtaken(target, driver, report.books);
  report.driver_cpu_ns -= driver_before_ns;
  if (const auto cpu = target.cpu(); cpu && cpu_before) {
    report.serve_cpu_ns = cpu->serve_ns - cpu_before->serve_ns;
    report.rest_cpu_ns = cpu->rest_ns - cpu_before->rest_ns - report.driver_cpu_ns;
  }
  report.stats = target.stats();
  report.bottleneck = std::move(worst);
  target.close(driver.lane());
  series = driver.series();
  report.started_us = started_us;
  if (changes != nullptr) {
    report.changes = changes->done();
    if (const auto error = changes->last_error(); !error.empty()) report.books.last_error = error;
  }
  return report;
}

// None without a path. Before the run: a mistake in it should not cost one.
Result<std::optional<codec::OutputFile>> open_html(const std::string& path) {
  if (path.empty()) return std::optional<codec::OutputFile>{};
  HUNT_TRY(file, codec::OutputFile::open(path));
  return std::optional(std::move(file));
}

int run(RushFlags flags) {
  // What needs no target comes first: mistakes are told before anything happens.
  if (const auto read = read_tokens(flags); !read) return report(read.error());
  if (const auto scenario = scenario_of(flags); !scenario) return report(scenario.error());
  const system::StopSignals signals;
  auto walks = rush::read_walks(flags.trace, flags.on_error);
  if (!walks) return report(walks.error());
  auto html = open_html(flags.html);
  if (!html) return report(html.error());
  // The variable is other commands', too: there it names the server that is this one's target.
  const char* everybodys = std::getenv("HUNT_URL");
  const bool for_all = everybodys != nullptr && flags.target.http_url == everybodys;
  if (for_all && !is_nats(split_url(flags.target.url).scheme)) flags.target.http_url.clear();
  auto target = open_target(flags.target);
  if (!target) {
    return target.error().code == Errc::invalid_argument ? report_usage(target.error())
                                                         : report(target.error());
  }
  auto plan = make_plan(**target, flags);
  if (!plan) return report(plan.error());
  rush::Series series;
  auto result = play(**target, flags, *plan, std::move(*walks), signals, series);
  if (!result) return report(result.error());
  const load::Schedule& schedule = *plan->driver.schedule;
  result->scenario = plan->scenario.name;
  result->target = rush::shown_url(flags.target.url);
  result->command = command_line(flags.target.url);
  result->machine = machine();
  for (const auto& phase : schedule.phases()) {
    result->rate = std::max({result->rate, phase.rate_begin, phase.rate_end});
  }
  std::fprintf(flags.html == "-" ? stderr : stdout, "%s\n",
               (flags.json ? report_json(*result) : report_text(*result)).c_str());
  if (*html) {
    Result<void> written = (*html)->write(report_html(*result, series, schedule));
    if (written) written = (*html)->close();
    if (!written) return report(written.error());
    std::fprintf(talk(flags), "the report with plots: %s\n", flags.html.c_str());
  }
  return result->books.duplicate_grants == 0 && lost(*result) == 0 ? 0 : 1;
}

void add_flags(CLI::App& rush, RushFlags& flags) {
  rush.add_option("--scenario", flags.scenario,
                  "YAML file of phases; without it the reference load for 60 seconds");
  rush.add_option(
          "--target", flags.target.url,
          "http://HOST:PORT, ws://HOST:PORT/v1/stream, nats://[USER:PASSWORD@]HOST:PORT[,…], "
          "or inproc: for a node of its own")
      ->capture_default_str();
  rush.add_option("--url", flags.target.http_url,
                  "With --target nats://…: http://HOST:PORT of a `hunt serve` on the same bus, for "
                  "the figures and for --demo");
  add_hunt(rush, flags.target.hunt);
  rush.add_flag("--stored", flags.target.stored,
                "With --target nats://…: positions are stored (hunt.pos), not asked (hunt.ask)");
  rush.add_option("--rate", flags.size.rate,
                  "Positions a second when the most players play; else it follows the players")
      ->check(CLI::Range(std::uint64_t{1}, load::Phase::rate_max));
  rush.add_option("--players", flags.size.players, "Players at the peak")
      ->check(CLI::Range(1U, load::CrowdOptions::players_max));
  rush.add_option("--seconds", flags.size.seconds, "Length: the whole scenario in this time")
      ->check(CLI::Range(0.1, rush::Scenario::seconds_max));
  rush.add_option("--batch", flags.batch, "Positions a batch: the players of one game server")
      ->check(CLI::Range(1U, static_cast<unsigned>(limits::batch_positions_max)));
  add_trace(rush, flags.trace, flags.on_error);
  rush.add_option("--seed", flags.target.seed, "Of the demo world and the players")
      ->capture_default_str();
  rush.add_flag("--demo", flags.demo,
                "Buries the demo world where there is no loot, or little left (admin token)");
  rush.add_option("--rules", flags.target.rules_path, "Rules of the node of --target inproc:");
  add_tokens(rush, flags.admin_token_file, flags.server_token_file);
  rush.add_flag("--json", flags.json, "The report as JSON on stdout");
  rush.add_option("--html", flags.html,
                  "The report with plots into this file; - for standard output");
}

}  // namespace

void add_rush(CommandLine& line) {
  auto flags = std::make_shared<RushFlags>();
  CLI::App* rush = line.app.add_subcommand("rush", "An open-loop load test with a report");
  add_flags(*rush, *flags);
  rush->footer(
      "Examples:\n"
      "  hunt rush --target inproc: --seconds 20         a node of its own, nothing else needed\n"
      "  hunt rush --demo --admin-token-file admin.token --rate 20000 --html report.html\n"
      "  hunt rush --target nats://127.0.0.1:4222 --url http://127.0.0.1:8080 --stored\n"
      "  hunt rush --target ws://10.0.0.7:8080/v1/stream --server-token-file game.token \\\n"
      "            --scenario examples/scenarios/ramp.yaml --trace walks.csv.gz");
  rush->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
