// hunt world create | import | export | stats | prewarm: worlds and their loot, in a store or a
// server.
#include <cstdio>
#include <limits>
#include <memory>
#include <utility>

#include "apps/shared_flags.h"
#include "apps/world_parts.h"
#include "apps/world_prewarm.h"
#include "base/text.h"
#include "codec/json_replies.h"
#include "codec/json_requests.h"
#include "codec/output_file.h"
#include "codec/tiles_file.h"

namespace hunt::apps {

namespace {

int run_create(const WorldFlags& flags) {
  if (const auto good = codec::check_world_name(flags.name); !good) return report(good.error());
  auto target = open_target(flags, false);
  if (!target) return report(target.error());
  const auto world = (*target)->create(flags.id, flags.name);
  if (!world) return report(world.error());
  std::printf("world %u is \"%s\"\n", world->id, world->name.c_str());
  return 0;
}

struct Exported {
  std::uint64_t tiles = 0;
  std::uint64_t left_out = 0;
};

Result<Exported> export_tiles(rush::WorldTarget& target, model::WorldId world,
                              codec::FileFormat format, codec::OutputFile out) {
  Exported exported;
  model::TileId from;
  std::string text;
  codec::write_tiles_header(format, text);
  while (true) {
    HUNT_TRY(page, target.list(world, from));
    const std::size_t left_out = codec::write_tiles(format, page.rows, text);
    HUNT_CHECK(out.write(text));
    text.clear();
    exported.tiles += page.rows.size() - left_out;
    exported.left_out += left_out;
    if (!page.next) break;
    from = *page.next;
  }
  HUNT_CHECK(out.close());
  return exported;
}

int run_export(const WorldFlags& flags) {
  auto target = open_target(flags, true);
  if (!target) return report(target.error());
  const auto world = find_world(**target, flags.world);
  if (!world) return report(world.error());
  const bool lines = flags.file.ends_with(".jsonl") || flags.file.ends_with(".jsonl.gz");
  const auto by_name = lines ? codec::FileFormat::jsonl : codec::FileFormat::csv;
  const auto format = codec::parse_file_format(flags.format).value_or(by_name);
  auto out = codec::OutputFile::open(flags.file);
  if (!out) return report(out.error());
  const auto exported = export_tiles(**target, world->id, format, std::move(*out));
  if (!exported) return report(exported.error());
  std::fprintf(stderr, "hunt: %s tiles exported\n", with_commas(exported->tiles).c_str());
  if (exported->left_out > 0) {
    std::fprintf(stderr,
                 "hunt: %s tiles were left out, which no import takes: they close before they "
                 "open, or the name of their table is none that rules can have\n",
                 with_commas(exported->left_out).c_str());
  }
  return 0;
}

void print_stats(const model::World& world, const model::WorldStats& stats) {
  std::printf("world %u \"%s\"\n", world.id, world.name.c_str());
  std::printf("  loot tiles  %s: %s open, %s sold out\n", with_commas(stats.tiles).c_str(),
              with_commas(stats.open).c_str(), with_commas(stats.sold_out).c_str());
  std::printf("  budget      %s, of which %s are left\n", with_commas(stats.budget).c_str(),
              with_commas(stats.remaining).c_str());
  std::printf("  grants      %s\n", with_commas(stats.grants).c_str());
  if (stats.tiles == 0) return;
  std::printf("  bounds      (%d, %d) to (%d, %d)\n", stats.bounds.low.x, stats.bounds.low.y,
              stats.bounds.high.x, stats.bounds.high.y);
}

int run_stats(const WorldFlags& flags) {
  auto target = open_target(flags, true);
  if (!target) return report(target.error());
  std::vector<model::World> worlds;
  if (flags.world.empty()) {
    auto all = (*target)->worlds();
    if (!all) return report(all.error());
    worlds = std::move(*all);
  } else {
    const auto world = find_world(**target, flags.world);
    if (!world) return report(world.error());
    worlds.push_back(*world);
  }
  std::string text;
  for (const model::World& world : worlds) {
    const auto stats = (*target)->stats(world.id);
    if (!stats) return report(stats.error());
    if (flags.json) {
      text += text.empty() ? "" : ",";
      codec::write_world_stats(world, *stats, text);
    } else {
      print_stats(world, *stats);
    }
  }
  if (flags.json) {
    const bool one = !flags.world.empty();
    std::printf("%s%s%s\n", one ? "" : R"({"worlds":[)", text.c_str(), one ? "" : "]}");
  }
  return 0;
}

int run_prewarm(const WorldFlags& flags) {
  if (!flags.cache) {
    return report_usage(
        {Errc::invalid_argument,
         "there is no cache to fill: name one with --cache redis://HOST:PORT or "
         "redis-cluster://HOST:PORT; without one `hunt serve` reads the loot ahead itself",
         "cache"});
  }
  std::optional<model::WorldId> world;
  if (!flags.world.empty()) {
    auto target = rush::open_store_target(flags.stores, true);
    if (!target) return report(target.error());
    const auto found = find_world(**target, flags.world);
    if (!found) return report(found.error());
    world = found->id;
  }
  Progress progress("read", "chunks");
  const auto tell = [&progress](std::uint64_t done, std::uint64_t all) {
    progress.tell(done, all);
  };
  const auto done = prewarm_cache_of(flags.stores, *flags.cache, flags.hunt, world, tell);
  if (!done) return report(done.error());
  std::printf("%s chunks filled, %s were there\n", with_commas(done->filled).c_str(),
              with_commas(done->there).c_str());
  if (done->filled + done->there == 0) std::printf("there is no loot\n");
  return 0;
}

}  // namespace

void add_world(CommandLine& line) {
  auto flags = std::make_shared<WorldFlags>();
  CLI::App* world = line.app.add_subcommand("world", "Worlds and the loot buried in them");
  world->require_subcommand(1);
  world->footer(
      "Examples:\n"
      "  hunt world create nether\n"
      "  hunt world import loot.csv --world nether\n"
      "  hunt world stats\n"
      "  hunt world prewarm --cache redis://127.0.0.1:6379");

  auto* create = add_part(line, *world, flags, "create", "Makes a world", run_create);
  create->add_option("name", flags->name, "Letters, digits, '-', '_' and '.'")->required();
  create->add_option("--id", flags->id, "Its number; the next free one without it")
      ->check(CLI::Range(1U, std::numeric_limits<model::WorldId>::max()));
  create->footer(
      "Examples:\n"
      "  hunt world create nether\n"
      "  hunt world create nether --id 7 --url http://127.0.0.1:8080 --admin-token-file "
      "admin.token");

  add_world_import(line, *world, flags);

  auto* part = add_part(line, *world, flags, "export", "Writes a world's loot", run_export);
  part->add_option("--world", flags->world, "Id or name")->required();
  flags->file = "-";
  part->add_option("-o,--output", flags->file,
                   "The file to write, packed where it ends in .gz; - for standard output")
      ->capture_default_str();
  add_format(*part, flags, "csv or jsonl; jsonl for a file that ends so, else csv");
  part->footer(
      "Examples:\n"
      "  hunt world export --world demo -o loot.csv\n"
      "  hunt world export --world demo -o loot.jsonl.gz");

  auto* stats = add_part(line, *world, flags, "stats", "Loot, budgets and grants", run_stats);
  stats->add_option("--world", flags->world, "Id or name; all worlds without it");
  stats->add_flag("--json", flags->json, "As JSON");
  stats->footer(
      "Examples:\n"
      "  hunt world stats\n"
      "  hunt world stats --world demo --json");

  auto* prewarm = add_store_part(line, *world, flags, "prewarm",
                                 "Fills the shared cache, before an event", run_prewarm);
  add_cache(*prewarm, flags->cache)->default_str("")->required();
  add_hunt(*prewarm, flags->hunt);
  prewarm->add_option("--world", flags->world, "Id or name; all worlds without it");
  prewarm->footer(
      "Copies live for 30 seconds: fill the cache just before the players come. Whoever serves\n"
      "them refreshes what they ask for. `hunt serve` reads the loot ahead itself when it starts.\n"
      "Example:\n"
      "  hunt world prewarm --world demo --cache redis://127.0.0.1:6379 \\\n"
      "                     --store postgres://hunt@pg0/hunt --store postgres://hunt@pg1/hunt");
}

}  // namespace hunt::apps
