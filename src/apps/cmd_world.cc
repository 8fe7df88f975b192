// hunt world create | import | export | stats | prewarm: worlds and their loot, in a store or a
// server.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <utility>

#include "apps/command.h"
#include "apps/open_store.h"
#include "apps/skipped_rows.h"
#include "apps/world_prewarm.h"
#include "apps/world_target.h"
#include "base/text.h"
#include "codec/json_replies.h"
#include "codec/json_requests.h"
#include "codec/tiles_file.h"
#include "model/limits.h"

namespace hunt::apps {

namespace {

struct WorldFlags {
  std::vector<std::string> stores = {"sqlite:hunt.db"};
  std::string cache = "none:";
  std::string url;
  std::string token;
  std::string token_file;
  std::string world;
  std::string file;
  std::string format;
  std::string on_error = "abort";
  std::string name;
  model::WorldId id = 0;
  bool json = false;
};

Result<std::string> read_token(const WorldFlags& flags) {
  if (flags.token_file.empty()) return flags.token;
  std::ifstream file(flags.token_file);
  std::string token;
  if (!(file >> token)) {
    return fail(Errc::io, fmt::format("{} holds no token, or cannot be read", flags.token_file),
                "token-file");
  }
  return token;
}

Result<std::unique_ptr<WorldTarget>> open_target(const WorldFlags& flags, bool read_only) {
  if (flags.url.empty()) return open_store_target(flags.stores, read_only);
  HUNT_TRY(token, read_token(flags));
  return make_http_target(flags.url, std::move(token));
}

// `text` is an id or a name.
Result<model::World> find_world(WorldTarget& target, const std::string& text) {
  HUNT_TRY(worlds, target.worlds());
  const auto id = parse_u64(text);
  std::vector<std::string_view> names;
  std::string known;
  for (const model::World& world : worlds) {
    if (id ? world.id == *id : world.name == text) return world;
    names.push_back(world.name);
    if (names.size() <= 20) {
      known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", world.name, world.id);
    }
  }
  if (names.size() > 20) known += fmt::format(" and {} more", names.size() - 20);
  return fail(Errc::not_found,
              fmt::format("there is no world \"{}\"{}; the worlds are {}", printable(text),
                          did_you_mean(text, names), known),
              "world");
}

// How far a long command is, on one line of a terminal; nothing elsewhere.
class Progress {
 public:
  Progress(const char* verb, const char* things)
      : verb_(verb), things_(things), shown_(isatty(STDERR_FILENO) == 1) {}
  ~Progress() {
    if (told_) std::fprintf(stderr, "\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void tell(std::uint64_t done, std::uint64_t all) {
    if (!shown_) return;
    std::fprintf(stderr, "\r%s %s of %s %s", verb_, with_commas(done).c_str(),
                 with_commas(all).c_str(), things_);
    std::fflush(stderr);
    told_ = true;
  }

 private:
  const char* verb_;
  const char* things_;
  bool shown_;
  bool told_ = false;
};

int run_create(const WorldFlags& flags) {
  if (const auto good = codec::check_world_name(flags.name); !good) return report(good.error());
  auto target = open_target(flags, false);
  if (!target) return report(target.error());
  const auto world = (*target)->create(flags.id, flags.name);
  if (!world) return report(world.error());
  std::printf("world %u is \"%s\"\n", world->id, world->name.c_str());
  return 0;
}

// The row of the file that a refused request means, when it names one of its tiles.
std::string row_text(const codec::TilesFile& file, std::size_t first, std::size_t count,
                     const Error& error) {
  constexpr std::string_view tiles = "tiles[";
  const std::string_view field = error.field;
  if (field.starts_with(tiles)) {
    const auto index = parse_u64(field.substr(tiles.size(), field.find(']') - tiles.size()));
    if (index && *index < count) return fmt::format("row {}", file.rows[first + *index]);
  }
  return fmt::format("rows {} to {}", file.rows[first], file.rows[first + count - 1]);
}

Result<BuryCount> bury_all(WorldTarget& target, const model::World& world, const std::string& path,
                           const codec::TilesFile& file) {
  HUNT_CHECK(target.expect(world.id, file.tiles));
  BuryCount count;
  Progress progress("imported", "tiles");
  for (std::size_t at = 0; at < file.tiles.size();) {
    const std::size_t part = std::min(limits::tiles_per_request_max, file.tiles.size() - at);
    const auto first = file.tiles.begin() + static_cast<std::ptrdiff_t>(at);
    const std::uint64_t before = count.buried + count.unchanged;
    const auto done =
        target.bury(world.id, {first, first + static_cast<std::ptrdiff_t>(part)}, count);
    if (!done) {
      // A request may have been split: what it counted has happened.
      const auto kept = static_cast<std::size_t>(count.buried + count.unchanged - before);
      Error error = done.error();
      error.message = fmt::format("{} {}: {}; the {} tiles before are imported", path,
                                  row_text(file, at + kept, part - kept, error), error.message,
                                  with_commas(at + kept));
      error.field.clear();
      return tl::unexpected<Error>(std::move(error));
    }
    at += part;
    progress.tell(at, file.tiles.size());
  }
  return count;
}

int run_import(const WorldFlags& flags) {
  // Before the store, so that a mistake in the file's name does not make a new store.
  auto lines = codec::LineReader::open_file(flags.file);
  if (!lines) return report(lines.error());
  auto target = open_target(flags, false);
  if (!target) return report(target.error());
  const auto world = find_world(**target, flags.world);
  if (!world) return report(world.error());
  codec::TilesOptions options;
  if (flags.on_error == "skip") options.on_bad = codec::OnBad::skip;
  options.format = codec::parse_file_format(flags.format).value_or(codec::FileFormat::detect);
  auto file = codec::read_tiles(std::move(*lines), options);
  if (!file) {
    file.error().field.clear();  // the message names it, with its row
    return report(file.error());
  }
  print_skipped(file->bad);
  const auto count = bury_all(**target, *world, flags.file, *file);
  if (!count) return report(count.error());
  std::printf("%s imported, %s unchanged, %s bad rows\n", with_commas(count->buried).c_str(),
              with_commas(count->unchanged).c_str(), with_commas(file->bad.count).c_str());
  return 0;
}

Error write_error(const std::string& path, int error) {
  return {error == ENOSPC ? Errc::disk_full : Errc::io,
          fmt::format("cannot write {}: {}", path.empty() ? "to the standard output" : path,
                      std::strerror(error)),
          {}};
}

Result<std::uint64_t> export_tiles(WorldTarget& target, model::WorldId world,
                                   codec::FileFormat format, std::FILE* out,
                                   const std::string& path) {
  std::uint64_t tiles = 0;
  model::TileId from;
  std::string text;
  codec::write_tiles_header(format, text);
  while (true) {
    HUNT_TRY(page, target.list(world, from));
    codec::write_tiles(format, page.rows, text);
    if (std::fwrite(text.data(), 1, text.size(), out) != text.size() || std::fflush(out) != 0) {
      return tl::unexpected<Error>(write_error(path, errno));
    }
    text.clear();
    tiles += page.rows.size();
    if (!page.next) return tiles;
    from = *page.next;
  }
}

int run_export(const WorldFlags& flags) {
  auto target = open_target(flags, true);
  if (!target) return report(target.error());
  const auto world = find_world(**target, flags.world);
  if (!world) return report(world.error());
  const auto by_name =
      flags.file.ends_with(".jsonl") ? codec::FileFormat::jsonl : codec::FileFormat::csv;
  const auto format = codec::parse_file_format(flags.format).value_or(by_name);
  std::FILE* out = flags.file.empty() ? stdout : std::fopen(flags.file.c_str(), "wb");
  if (out == nullptr) return report(write_error(flags.file, errno));
  auto tiles = export_tiles(**target, world->id, format, out, flags.file);
  if (out != stdout && std::fclose(out) != 0 && tiles) {
    tiles = tl::unexpected<Error>(write_error(flags.file, errno));
  }
  if (!tiles) return report(tiles.error());
  std::fprintf(stderr, "hunt: %s tiles exported\n", with_commas(*tiles).c_str());
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
  if (const auto good = check_prewarm(flags.cache); !good) return report_usage(good.error());
  std::optional<model::WorldId> world;
  if (!flags.world.empty()) {
    auto target = open_store_target(flags.stores, true);
    if (!target) return report(target.error());
    const auto found = find_world(**target, flags.world);
    if (!found) return report(found.error());
    world = found->id;
  }
  Progress progress("read", "chunks");
  const auto tell = [&progress](std::uint64_t done, std::uint64_t all) {
    progress.tell(done, all);
  };
  const auto done = prewarm_cache_of(flags.stores, flags.cache, world, tell);
  if (!done) return report(done.error());
  std::printf("%s chunks filled, %s were there\n", with_commas(done->filled).c_str(),
              with_commas(done->there).c_str());
  if (done->filled + done->there == 0) std::printf("there is no loot\n");
  return 0;
}

CLI::App* add_store_part(CommandLine& line, CLI::App& world,
                         const std::shared_ptr<WorldFlags>& flags, const char* name,
                         const char* text, int (*run)(const WorldFlags&)) {
  CLI::App* part = world.add_subcommand(name, text);
  add_stores(*part, flags->stores);
  part->callback([&line, flags, run] { line.run = [flags, run] { return run(*flags); }; });
  return part;
}

// A store, or a running server instead.
CLI::App* add_part(CommandLine& line, CLI::App& world, const std::shared_ptr<WorldFlags>& flags,
                   const char* name, const char* text, int (*run)(const WorldFlags&)) {
  CLI::App* part = add_store_part(line, world, flags, name, text, run);
  part->add_option("--url", flags->url, "A running server, http://HOST:PORT, instead of the store");
  auto* token = part->add_option("--token", flags->token, "The server's admin token");
  part->add_option("--token-file", flags->token_file, "A file that holds it")->excludes(token);
  return part;
}

void add_format(CLI::App& part, const std::shared_ptr<WorldFlags>& flags, const char* text) {
  part.add_option("--format", flags->format, text)->check(CLI::IsMember({"csv", "jsonl"}));
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
      "  hunt world create nether --id 7 --url http://127.0.0.1:8080 --token-file admin.token");

  auto* import = add_part(line, *world, flags, "import", "Buries the loot of a file", run_import);
  import->add_option("file", flags->file, "CSV or JSON Lines, plain or gzip")->required();
  import->add_option("--world", flags->world, "Id or name")->required();
  import
      ->add_option("--on-error", flags->on_error,
                   "What a bad row does: abort imports nothing, skip the others")
      ->check(CLI::IsMember({"abort", "skip"}))
      ->capture_default_str();
  add_format(*import, flags, "csv or jsonl; the file's own look decides without it");
  import->footer(
      "Columns: x, y, table, budget and optionally key, opens, closes. Loot on a tile that has\n"
      "some replaces it, unless its key was imported before.\n"
      "Examples:\n"
      "  hunt world import loot.csv.gz --world demo --on-error skip\n"
      "  hunt world import loot.jsonl --world 1 --url http://127.0.0.1:8080 --token-file t");

  auto* part = add_part(line, *world, flags, "export", "Writes a world's loot", run_export);
  part->add_option("--world", flags->world, "Id or name")->required();
  part->add_option("-o,--output", flags->file, "The file to write; standard output without it");
  add_format(*part, flags, "csv or jsonl; jsonl for a file that ends so, else csv");
  part->footer(
      "Examples:\n"
      "  hunt world export --world demo -o loot.csv\n"
      "  hunt world export --world demo --format jsonl | gzip > loot.jsonl.gz");

  auto* stats = add_part(line, *world, flags, "stats", "Loot, budgets and grants", run_stats);
  stats->add_option("--world", flags->world, "Id or name; all worlds without it");
  stats->add_flag("--json", flags->json, "As JSON");
  stats->footer(
      "Examples:\n"
      "  hunt world stats\n"
      "  hunt world stats --world demo --json");

  auto* prewarm = add_store_part(line, *world, flags, "prewarm",
                                 "Fills the shared cache, before an event", run_prewarm);
  prewarm
      ->add_option("--cache", flags->cache,
                   "The cache to fill: redis://HOST:PORT or redis-cluster://HOST:PORT[,…]")
      ->required();
  prewarm->add_option("--world", flags->world, "Id or name; all worlds without it");
  prewarm->footer(
      "Copies live for 30 seconds: fill the cache just before the players come. Whoever serves\n"
      "them refreshes what they ask for. `hunt serve` reads the loot ahead itself when it starts.\n"
      "Example:\n"
      "  hunt world prewarm --world demo --cache redis://127.0.0.1:6379 \\\n"
      "                     --store postgres://hunt@pg0/hunt --store postgres://hunt@pg1/hunt");
}

}  // namespace hunt::apps
