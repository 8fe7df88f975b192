// hunt up: everything in one process, with a demo world and a crowd that plays in it.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>

#include "adapters/profile/heap_sampler.h"
#include "adapters/sqlite/sqlite_store.h"
#include "adapters/system/stop_signals.h"
#include "apps/command.h"
#include "apps/serve_flags.h"
#include "apps/shared_flags.h"
#include "base/sha256.h"
#include "base/text.h"
#include "load/crowd.h"
#include "load/demo_world.h"
#include "model/limits.h"
#include "node/node.h"
#include "rush/driver.h"
#include "rush/report.h"
#include "rush/run_parts.h"

namespace hunt::apps {

namespace {

constexpr model::WorldId demo = 1;
constexpr std::int64_t second_ns = 1'000'000'000;

struct UpFlags {
  node::NodeOptions node;
  double seconds = 0;  // 0: until Ctrl-C
  std::uint32_t players = 28'000;
  std::string rate = "120000";
  std::string trace;
  std::string on_error = "abort";
  std::string slow_store;
  std::string slow_cache;
  std::string busy_cpu;
  bool fresh = false;
  bool json = false;
};

// Progress goes to stderr when stdout is for the JSON report.
FILE* talk(const UpFlags& flags) {
  return flags.json ? stderr : stdout;
}

Result<std::uint64_t> parse_rate(const std::string& text) {
  if (text == "max") return std::uint64_t{0};
  const auto rate = parse_u64(text);
  if (!rate || *rate < 1 || *rate > 1'000'000'000) {
    return fail(Errc::invalid_argument,
                fmt::format("\"{}\" is no rate; expected positions a second, 1 to 1000000000, "
                            "or \"max\"",
                            printable(text)),
                "rate");
  }
  return *rate;
}

// "300us", "495ms", "2s"; nothing is no delay. Bound: a minute.
Result<std::int64_t> parse_delay(const std::string& text, const char* flag) {
  if (text.empty()) return std::int64_t{0};
  const auto digits = text.find_first_not_of("0123456789");
  const std::string unit = digits == std::string::npos ? "" : text.substr(digits);
  const auto value = parse_i64(text.substr(0, digits));
  const std::int64_t factor = unit == "us"   ? 1'000
                              : unit == "ms" ? 1'000'000
                              : unit == "s"  ? second_ns
                                             : 0;
  if (!value || factor == 0 || *value > 60 * second_ns / factor) {
    return fail(Errc::invalid_argument,
                fmt::format("\"{}\" is no delay; expected such as 495ms or 2s, at most 60s",
                            printable(text)),
                flag);
  }
  return *value * factor;
}

// Removes the database and its side files; only one that this program made.
Result<void> start_over(const node::NodeOptions& options) {
  const node::StoreUrl& store = options.stores.front();
  if (store.sqlite_path() == nullptr) {
    return fail(
        Errc::invalid_argument,
        fmt::format("removes a file, and {} is none; expected --store sqlite:FILE", store.shown()),
        "fresh");
  }
  const std::string& path = *store.sqlite_path();
  if (!std::filesystem::exists(path)) return {};
  const system::SystemClock clock;
  sqlite::SqliteOptions look{path, clock, 0, true, {}};
  HUNT_TRY(ours, sqlite::SqliteStore::open(std::move(look)));
  ours->close();
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::error_code error;
    std::filesystem::remove(path + suffix, error);
    if (error) {
      return fail(Errc::io, fmt::format("cannot remove {}{}: {}", path, suffix, error.message()));
    }
  }
  return {};
}

// A table of the event of which the world has no loot left; empty: there is some of each.
Result<std::string> missing_table(node::Node& node, const model::WorldStats& stats) {
  const auto tables = rush::tables_of(*node.rules());
  std::set<std::string, std::less<>> missing(tables.begin(), tables.end());
  const std::int64_t now_us = node.clock().wall_us();
  model::TileId from;
  while (stats.tiles > 0 && !missing.empty()) {
    HUNT_TRY(page, node.lane(0).run(node.store().list_tiles(demo, model::everywhere, from,
                                                            limits::tiles_per_page_max)));
    for (const auto& row : page.rows) {
      if (!row.sold_out && row.closes_us > now_us) missing.erase(row.table);
    }
    if (!page.next) break;
    from = *page.next;
  }
  return missing.empty() ? std::string() : *missing.begin();
}

// A world without loot of a table of the event is buried, an exhausted one (under a tenth of its
// stock left) buried again.
// Returns how many grants the ledger holds: a later run sends other players, or all their finds
// would be repeats.
Result<std::uint64_t> prepare_world(node::Node& node, const load::DemoWorld& world, FILE* out) {
  HUNT_TRY(stats, node.lane(0).run(node.store().world_stats(demo)));
  HUNT_TRY(missing, missing_table(node, stats));
  const bool exhausted = stats.remaining * 10 < stats.budget;
  if (stats.tiles > 0 && !exhausted && missing.empty()) {
    std::fprintf(out, "world 1 (demo): %s of %s treasures left\n",
                 with_commas(stats.remaining).c_str(), with_commas(stats.budget).c_str());
    return stats.grants;
  }
  std::vector<model::ChunkKey> loot;
  for (const auto& burial : world.burials) {
    loot.push_back(model::chunk_of(demo, model::tile_id_of(burial.tile)));
  }
  HUNT_CHECK(node.split_evenly(std::move(loot)));
  const rush::Bury bury = [&node](std::vector<model::Burial> part) -> Result<void> {
    HUNT_CHECK(node.lane(0).run(node.store().bury(demo, std::move(part))));
    return {};
  };
  HUNT_CHECK(rush::bury_all(world.burials, bury, out));
  const std::string why = stats.tiles == 0 ? "buried"
                          : exhausted      ? "was exhausted: buried again"
                                      : fmt::format("had nothing of table {}: buried", missing);
  std::fprintf(out, "world 1 (demo): %s %s loot tiles\n", why.c_str(),
               with_commas(world.burials.size()).c_str());
  return stats.grants;
}

// With the loot of the event in force; says when nobody can find it.
load::DemoWorld event_world(const node::Node& node, std::uint64_t seed, FILE* out) {
  const auto rules = node.rules();
  for (const auto& sentence : rush::closed_events(*rules, node.clock().wall_us())) {
    std::fprintf(out, "%s\n", sentence.c_str());
  }
  return load::make_demo_world({.seed = seed, .tables = rush::tables_of(*rules)});
}

void print_address(const node::Node& node, FILE* out) {
  std::fprintf(out, "open %s  (admin token: %s)\n", node.address().c_str(),
               node.admin_token_is_fresh() ? node.admin_token().c_str() : "from the file");
  std::fflush(out);
}

Result<node::NodeWounds> parse_wounds(const UpFlags& flags) {
  node::NodeWounds wounds;
  HUNT_TRY(slow_store_ns, parse_delay(flags.slow_store, "slow-store"));
  HUNT_TRY(slow_cache_ns, parse_delay(flags.slow_cache, "slow-cache"));
  HUNT_TRY(busy_cpu_ns, parse_delay(flags.busy_cpu, "busy-cpu"));
  if (slow_cache_ns > 0 && !flags.node.cache) {
    return fail(Errc::invalid_argument,
                "there is no cache to slow down: name one with --cache redis://HOST:PORT",
                "slow-cache");
  }
  wounds.slow_store_ns = slow_store_ns;
  wounds.slow_cache_ns = slow_cache_ns;
  wounds.busy_cpu_ns = busy_cpu_ns;
  return wounds;
}

int run(const UpFlags& flags) {
  const auto rate = parse_rate(flags.rate);
  if (!rate) return report_usage(rate.error());
  if (const auto fine = check_flags(flags.node); !fine) return report_usage(fine.error());
  const auto wounds = parse_wounds(flags);
  if (!wounds) return report_usage(wounds.error());
  node::NodeOptions node_options = flags.node;
  node_options.wounds = *wounds;
  node_options.prewarm = false;  // below, when there is loot
  if (flags.node.heap_profile) profile::sample_heap();
  const system::StopSignals signals;
  FILE* out = talk(flags);
  auto walks = rush::read_walks(flags.trace, flags.on_error);
  if (!walks) return report(walks.error());
  if (flags.fresh) {
    if (const auto removed = start_over(flags.node); !removed) return report(removed.error());
  }
  auto opened = node::Node::open(std::move(node_options));
  if (!opened) return report(opened.error());
  node::Node& node = **opened;
  if (const auto started = node.start(); !started) return report(started.error());
  node.observer().set_not_ready("the demo world is being prepared");
  print_address(node, out);
  const load::DemoWorld world = event_world(node, flags.node.seed, out);
  const auto granted_before = prepare_world(node, world, out);
  if (!granted_before) return report(granted_before.error());
  if (const auto warm = node.prewarm(demo, load::demo_world_rect); !warm) {
    return report(warm.error());
  }
  node.observer().set_not_ready("");
  load::CrowdOptions crowd;
  crowd.seed = flags.node.seed + *granted_before;
  crowd.players = flags.players;
  crowd.attractions = world.centres;
  std::fprintf(out, "%s players %s\n", with_commas(flags.players).c_str(),
               flags.trace.empty() ? "walk" : "follow the walks of the trace");
  std::fflush(out);

  rush::DriverOptions options;
  const auto seconds_ns = static_cast<std::int64_t>(flags.seconds * 1e9);
  if (*rate > 0) {
    const std::int64_t run_ns = flags.seconds > 0 ? seconds_ns : load::Phase::flat_ns_max;
    const load::Phase phase{run_ns, flags.players, flags.players, *rate, *rate};
    options.schedule.emplace(std::vector<load::Phase>{phase});
  }
  const rush::MakeAsker make_asker = [&node](boost::asio::any_io_executor lane) {
    return node.hub().endpoint(std::move(lane));
  };
  rush::Driver driver(make_asker, node.clock(), load::Crowd(std::move(crowd), std::move(*walks)),
                      options);
  const std::int64_t cpu_before_ns = node::process_cpu_ns();
  const std::int64_t serve_before_ns = node.serve_cpu_ns();
  driver.start();
  watch(driver, signals, node.clock(),
        {out, options.schedule ? &*options.schedule : nullptr, seconds_ns, {}});
  const rush::Bottleneck bottleneck = rush::bottleneck_of(node.observer().why());
  driver.finish(10 * second_ns);

  rush::RunReport result = report_of(driver, options);
  result.serve_cpu_ns = node.serve_cpu_ns() - serve_before_ns;
  result.rest_cpu_ns =
      node::process_cpu_ns() - cpu_before_ns - result.driver_cpu_ns - *result.serve_cpu_ns;
  result.rate = *rate;
  result.players = flags.players;
  result.bottleneck = bottleneck;
  node.stop();
  result.stats = node.observer().stats();
  std::printf("%s\n", (flags.json ? report_json(result) : report_text(result)).c_str());
  return result.books.duplicate_grants == 0 ? 0 : 1;
}

}  // namespace

void add_up(CommandLine& line) {
  auto flags = std::make_shared<UpFlags>();
  CLI::App* up = line.app.add_subcommand("up", "Everything in one process: see the hunt");
  up->add_option("--seconds", flags->seconds, "Stop after so many seconds with the report")
      ->check(CLI::Range(0.1, 1e7));
  up->add_option("--players", flags->players, "Simulated players")
      ->check(CLI::Range(1U, load::CrowdOptions::players_max))
      ->capture_default_str();
  up->add_option("--rate", flags->rate, "Positions a second, or max")->capture_default_str();
  add_trace(*up, flags->trace, flags->on_error);
  add_front(*up, flags->node);
  add_stores(*up, flags->node.stores);
  add_cache(*up, flags->node.cache);
  add_hunt(*up, flags->node.hunt);
  up->add_flag("--fresh", flags->fresh, "Start over: remove the database first");
  up->add_option("--seed", flags->node.seed, "Of the world, the players and a new event seed")
      ->capture_default_str();
  up->add_option("--slow-store", flags->slow_store,
                 "Adds a round trip to each call of the store, such as 495ms: `hunt why` finds it");
  up->add_option("--slow-cache", flags->slow_cache, "The same for each call of the cache");
  up->add_option("--busy-cpu", flags->busy_cpu,
                 "Burns CPU for each batch, such as 2ms: `hunt why` finds that, too");
  add_grant_calls(*up, flags->node);
  up->add_flag("!--no-stage-clock", flags->node.stage_clock,
               "Without the clock behind `hunt why`: only to measure what it costs");
  up->add_flag("--json", flags->json, "The report as JSON on stdout");
  up->footer(
      "Examples:\n"
      "  hunt up                                   watch it at http://127.0.0.1:8080/\n"
      "  hunt up --seconds 60 --json               a report for scripts\n"
      "  hunt up --trace walks.csv.gz --fresh      real walks in a new world");
  up->callback([&line, flags] {
    // The same seed gives the same loot for the same claims, in a store made now.
    Sha256 hash;
    const std::string words = fmt::format("hunt up {}", flags->node.seed);
    const auto seed = hash.of({reinterpret_cast<const std::uint8_t*>(words.data()), words.size()});
    flags->node.new_store_seed.assign(seed.begin(), seed.end());
    line.run = [flags] { return run(*flags); };
  });
}

}  // namespace hunt::apps
