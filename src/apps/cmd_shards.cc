// hunt shards advise | set: which shard should have what, and telling the stores so.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "adapters/system/system_clock.h"
#include "apps/shards_commands.h"
#include "apps/shared_flags.h"
#include "base/input_file.h"
#include "base/text.h"
#include "codec/json_shard_map.h"
#include "codec/output_file.h"
#include "model/limits.h"
#include "node/open_store.h"
#include "service/shard_maps.h"
#include "shards/advice_svg.h"

namespace hunt::apps {

namespace {

struct AdviseFlags {
  TrafficFlags traffic;
  std::uint32_t shards = 0;
  std::vector<node::StoreUrl> stores;
  std::string svg;
  std::string output;
  bool json = false;
};

Result<void> write_file(const std::string& path, std::string_view text) {
  if (path.empty()) return {};
  HUNT_TRY(file, codec::OutputFile::open(path));
  HUNT_CHECK(file.write(text));
  return file.close();
}

Result<void> advise_by(const AdviseFlags& flags) {
  HUNT_TRY(counted, count_traffic(flags.traffic, flags.shards));
  HUNT_TRY(rows, find_rows(flags.traffic, flags.stores, counted));
  const shards::Advice advice = shards::advise(counted, rows, !flags.stores.empty());
  const model::ShardMap& map = *advice.candidates[advice.recommended].map;
  std::string file;
  codec::write_shard_map(map, file);
  file.push_back('\n');
  HUNT_CHECK(write_file(flags.output, file));
  if (!flags.svg.empty()) HUNT_CHECK(write_file(flags.svg, shards::advice_svg(counted, map)));
  const bool to_stdout = flags.output == "-" || flags.svg == "-";
  const std::string told = flags.json ? json_of(advice, counted, rows, flags.traffic) + "\n"
                                      : text_of(advice, counted, rows, flags.traffic);
  std::fputs(told.c_str(), to_stdout ? stderr : stdout);
  if (!flags.json && !flags.output.empty() && flags.output != "-") {
    std::printf("%s holds its map: load it with `hunt shards set --map %s --store …`\n",
                flags.output.c_str(), flags.output.c_str());
  }
  return {};
}

int run_advise(const AdviseFlags& flags) {
  const auto done = advise_by(flags);
  return done ? 0 : report(done.error());
}

struct SetFlags {
  std::vector<node::StoreUrl> stores;
  std::string map;
};

constexpr std::size_t map_bytes_max = limits::body_bytes_max;

Result<model::ShardMap> set_map(const SetFlags& flags) {
  HUNT_TRY(text, read_whole_file(flags.map, map_bytes_max));
  auto map = codec::parse_shard_map(text);
  if (!map) {
    map.error().message = fmt::format("{}: {}", flags.map, map.error().message);
    return tl::unexpected<Error>(std::move(map).error());
  }
  const system::SystemClock clock;
  HUNT_TRY(open, node::OpenStores::open(flags.stores, clock, {}));
  return node::run_here(service::replace_map(open.stores<ports::WorldStore>(), std::move(*map)));
}

int run_set(const SetFlags& flags) {
  const auto map = set_map(flags);
  if (!map) return report(map.error());
  std::printf("version %u of the shard map is in force: %zu ranges on %u shards\n", map->version,
              map->ranges.size(), map->shards);
  return 0;
}

}  // namespace

void add_shards_advise(CommandLine& line, CLI::App& shards) {
  auto flags = std::make_shared<AdviseFlags>();
  CLI::App* advise = shards.add_subcommand(
      "advise", "Which cut of the worlds into shards fits the traffic of a trace");
  flags->traffic.add_to(*advise);
  advise->get_option("--trace")->required();
  advise->add_option("--shards", flags->shards, "How many there are to be")
      ->check(CLI::Range(1U, static_cast<std::uint32_t>(limits::shards_max)))
      ->required();
  add_stores(*advise, flags->stores)->default_str("");
  advise->add_option("-o,--output", flags->output,
                     "Writes the recommended map, for `hunt shards set`; - for standard output");
  advise->add_option("--svg", flags->svg, "Also writes a picture of it");
  advise->add_flag("--json", flags->json, "As JSON");
  advise->footer(
      "Each way is judged by a part of the trace that no choice has seen. With --store (once for\n"
      "each shard of today) the loot is theirs, and their map is judged, too.\n"
      "Examples:\n"
      "  hunt shards advise --trace yesterday.rec --shards 4 -o map.json --svg map.svg\n"
      "  hunt shards advise --trace walks.csv.gz --crowd 28000 --shards 4");
  advise->callback([&line, flags] { line.run = [flags] { return run_advise(*flags); }; });
}

void add_shards_set(CommandLine& line, CLI::App& shards) {
  auto flags = std::make_shared<SetFlags>();
  CLI::App* set = shards.add_subcommand(
      "set", "Gives stores a shard map, where no loot lies in what changes hands");
  add_stores(*set, flags->stores)->required();
  set->add_option("--map", flags->map, "The file of `hunt shards advise`, or of GET /v1/map")
      ->required();
  set->footer(
      "Name all shards, in order. New stores take any map; in others, loot stays where it is: "
      "what\n"
      "holds some cannot change hands. Running processes follow within a second.\n"
      "Example:\n"
      "  hunt shards set --map map.json --store postgres://hunt@pg0/hunt \\\n"
      "                  --store postgres://hunt@pg1/hunt");
  set->callback([&line, flags] { line.run = [flags] { return run_set(*flags); }; });
}

void add_shards(CommandLine& line) {
  CLI::App* shards =
      line.app.add_subcommand("shards", "Shards chosen by evidence: advice, the map, how it does");
  shards->require_subcommand(1);
  shards->footer(
      "Examples:\n"
      "  hunt shards advise --trace yesterday.rec --shards 4 -o map.json\n"
      "  hunt shards set --map map.json --store postgres://hunt@pg0/hunt --store "
      "postgres://hunt@pg1/hunt");
  add_shards_advise(line, *shards);
  add_shards_set(line, *shards);
  add_shards_status(line, *shards);
}

}  // namespace hunt::apps
