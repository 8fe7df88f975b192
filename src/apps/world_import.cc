// hunt world import: buries the loot of a file.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <utility>

#include "adapters/system/stop_signals.h"
#include "adapters/system/system_clock.h"
#include "apps/shared_flags.h"
#include "apps/world_parts.h"
#include "base/text.h"
#include "codec/tiles_file.h"
#include "ports/findings.h"
#include "rules/load.h"
#include "rush/skipped_rows.h"

namespace hunt::apps {

namespace {

// The row of the file that a refused request means, when it names one of its tiles; else those it
// had.
std::string row_text(const codec::TilesFile& file, std::size_t first, std::size_t count,
                     const Error& error) {
  constexpr std::string_view tiles = "tiles[";
  const std::string_view field = error.field;
  if (field.starts_with(tiles)) {
    const auto index = parse_u64(field.substr(tiles.size(), field.find(']') - tiles.size()));
    if (index && *index < count) return fmt::format("row {}", file.row(first + *index));
  }
  const model::Tile low = model::tile_of(file.tile(first));
  const model::Tile high = model::tile_of(file.tile(first + count - 1));
  return fmt::format("tiles ({}, {}) to ({}, {})", low.x, low.y, high.x, high.y);
}

constexpr int exit_interrupted = 130;

struct Imported {
  rush::BuryCount count;
  bool interrupted = false;  // by Ctrl-C, between two requests
};

Result<Imported> bury_all(rush::WorldTarget& target, const model::World& world,
                          const std::string& path, const codec::TilesFile& file,
                          const system::StopSignals& signals) {
  std::vector<model::TileId> tiles;
  tiles.reserve(file.size());
  for (std::size_t i = 0; i < file.size(); ++i) tiles.push_back(file.tile(i));
  HUNT_CHECK(target.expect(world.id, std::move(tiles)));
  Imported imported;
  rush::BuryCount& count = imported.count;
  Progress progress("imported", "tiles");
  for (std::size_t at = 0; at < file.size();) {
    if (signals.wait(0)) {
      imported.interrupted = true;
      break;
    }
    const std::size_t size = std::min(target.burials_max(), file.size() - at);
    std::vector<model::Burial> part;
    part.reserve(size);
    for (std::size_t i = 0; i < size; ++i) part.push_back(file.burial(at + i));
    const auto done = target.bury(world.id, std::move(part), count);
    if (!done) {
      Error error = done.error();
      error.message = fmt::format("{} {}: {}; {} tiles of the file are imported", path,
                                  row_text(file, at, size, error), error.message,
                                  with_commas(count.buried + count.unchanged));
      error.field.clear();
      return tl::unexpected<Error>(std::move(error));
    }
    at += size;
    progress.tell(at, file.size());
  }
  return imported;
}

// What is no fault of a row and surprises later: loot that nobody can find, or that is found twice.
void tell_surprises(const codec::TilesFile& file, const std::string& path) {
  std::uint64_t without_key = 0;
  std::uint64_t over = 0;
  std::uint64_t first_over = 0;
  const std::int64_t now_us = system::SystemClock().wall_us();
  for (std::size_t i = 0; i < file.size(); ++i) {
    const model::Burial burial = file.burial(i);
    if (burial.key.empty()) ++without_key;
    if (burial.closes_us > now_us) continue;
    if (over++ == 0 || file.row(i) < first_over) first_over = file.row(i);
  }
  if (over > 0) {
    std::fprintf(stderr,
                 "hunt: warning: %s rows close in the past, so that nobody can ever take their "
                 "loot; the first is %s row %s\n",
                 with_commas(over).c_str(), path.c_str(), with_commas(first_over).c_str());
  }
  if (without_key > 0) {
    std::fprintf(stderr,
                 "hunt: %s rows have no key: to import them again would bury all of it anew, also "
                 "what was taken; with a key for each a repeat changes nothing\n",
                 with_commas(without_key).c_str());
  }
}

// What is wrong with a table by the rules of a path, as codec::TilesOptions asks.
Result<std::function<std::string(std::string_view)>> table_check(const std::string& path) {
  const auto loaded = rules::load_rules(path, system::SystemClock().wall_us());
  if (!loaded) {
    std::string message = "the rules are not valid; nothing is imported";
    for (const auto& diagnostic : loaded.error()) message += "\n" + rules::format(diagnostic);
    return fail(Errc::invalid_argument, std::move(message));
  }
  std::vector<std::string> tables;
  for (const auto& table : loaded->set.tables) tables.push_back(table.name);
  return [path, tables = std::move(tables)](std::string_view name) -> std::string {
    if (std::find(tables.begin(), tables.end(), name) != tables.end()) return {};
    return fmt::format("the rules {} have no table \"{}\"{}", path, printable(name),
                       ports::near_tables(name, tables));
  };
}

int run_import(const WorldFlags& flags) {
  codec::TilesOptions options;
  if (flags.on_error == "skip") options.on_bad = codec::OnBad::skip;
  options.format = codec::parse_file_format(flags.format).value_or(codec::FileFormat::detect);
  if (!flags.rules.empty()) {
    auto check = table_check(flags.rules);
    if (!check) return report(check.error());
    options.check_table = std::move(*check);
  }
  // Before the store, so that a mistake in the file does not make a new store.
  auto file = codec::read_tiles_file(flags.file, options);
  if (!file) {
    file.error().field.clear();  // the message names it, with its row
    return report(file.error());
  }
  const system::StopSignals signals;  // after standard input was read, before there are threads
  auto target = open_target(flags, false);
  if (!target) return report(target.error());
  const auto world = find_world(**target, flags.world);
  if (!world) return report(world.error());
  rush::print_skipped(file->bad);
  tell_surprises(*file, flags.file);
  const auto imported = bury_all(**target, *world, flags.file, *file, signals);
  if (!imported) return report(imported.error());
  const rush::BuryCount& count = imported->count;
  if (imported->interrupted) {
    std::fprintf(stderr, "hunt: interrupted: %s of the %s tiles of %s lie now, the others do not\n",
                 with_commas(count.buried + count.unchanged).c_str(),
                 with_commas(file->size()).c_str(), flags.file.c_str());
    return exit_interrupted;
  }
  std::printf("%s imported, %s unchanged, %s bad rows\n", with_commas(count.buried).c_str(),
              with_commas(count.unchanged).c_str(), with_commas(file->bad.count).c_str());
  if (flags.rules.empty() && flags.url.empty()) {
    std::fprintf(stderr,
                 "hunt: whether the event has these tables was not checked: name its rules with "
                 "--rules, or a running server with --url\n");
  }
  return 0;
}

}  // namespace

void add_world_import(CommandLine& line, CLI::App& world,
                      const std::shared_ptr<WorldFlags>& flags) {
  auto* import = add_part(line, world, flags, "import", "Buries the loot of a file", run_import);
  import->add_option("file", flags->file, "CSV or JSON Lines, plain or gzip; - for standard input")
      ->required();
  import->add_option("--world", flags->world, "Id or name")->required();
  add_on_error(*import, flags->on_error,
               "What a bad row does: abort imports nothing, skip the others");
  import->add_option("--rules", flags->rules,
                     "Rules file or directory: loot of a table that they do not have is a bad row");
  add_format(*import, flags, "csv or jsonl; the file's own look decides without it");
  import->footer(
      "Columns: x, y, table, budget and optionally key, opens, closes. Loot on a tile that has\n"
      "some replaces it, unless its key was imported before. A running server checks the tables.\n"
      "Examples:\n"
      "  hunt world import loot.csv --world demo --rules rules/\n"
      "  hunt world import loot.csv.gz --world demo --on-error skip\n"
      "  hunt world import loot.jsonl --world 1 --url http://127.0.0.1:8080 --admin-token-file t");
}

}  // namespace hunt::apps
