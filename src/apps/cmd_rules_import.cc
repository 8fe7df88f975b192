// hunt rules import: loot tables of another game or tool, as an event of ours on stdout.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <span>

#include "adapters/system/system_clock.h"
#include "apps/rules_commands.h"
#include "base/input_file.h"
#include "base/text.h"
#include "importers/importers.h"
#include "importers/tags.h"
#include "rules/compile.h"

namespace hunt::apps {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_max = 10'000;
constexpr std::size_t line_bytes_max = 400;

struct ImportFlags {
  std::string from;
  std::vector<std::string> paths;
  std::vector<std::string> assume;
  std::string tags;
  std::string event = "imported";
};

// A file, or all *.json below a directory, by name.
Result<std::vector<importers::Source>> read_sources(const std::string& path) {
  std::vector<fs::path> files;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    files.emplace_back(path);
  } else {
    for (fs::recursive_directory_iterator at(path, error), end; !error && at != end;
         at.increment(error)) {
      if (at->is_regular_file() && at->path().extension() == ".json") files.push_back(at->path());
      if (files.size() > files_max) {
        return fail(Errc::invalid_argument,
                    fmt::format("more than {} files below {}", files_max, path), "path");
      }
    }
    if (error) return fail(Errc::io, fmt::format("cannot read {}: {}", path, error.message()));
    std::sort(files.begin(), files.end());
    if (files.empty()) {
      return fail(Errc::invalid_argument, fmt::format("no *.json below {}", path), "path");
    }
  }
  std::vector<importers::Source> sources;
  for (const auto& file : files) {
    auto text = read_whole_file(file.string(), importers::source_bytes_max);
    if (!text) {
      text.error().message = "cannot read the tables: " + text.error().message;
      return tl::unexpected<Error>(std::move(text.error()));
    }
    sources.push_back({file.string(), std::move(*text)});
  }
  return sources;
}

std::string shown(const importers::Place& place) {
  if (place.file.empty()) return "";
  const std::string path = printable(place.path, line_bytes_max);
  return path.empty() ? place.file + ": " : fmt::format("{}: {}: ", place.file, path);
}

Result<importers::Options> options_of(const ImportFlags& flags) {
  importers::Options options;
  options.event = flags.event;
  for (const auto& one : flags.assume) {
    const auto at = one.find('=');
    if (at == std::string::npos || at == 0 || at + 1 == one.size()) {
      return fail(Errc::invalid_argument,
                  fmt::format("\"{}\": expected NAME=VALUE, such as killed_by_player=true", one),
                  "assume");
    }
    const std::string name = one.substr(0, at);
    const std::string value = one.substr(at + 1);
    const bool is_multiple = name == "multiple";  // Hytale's; all others are conditions
    if (is_multiple ? value != "repeat" : value != "true" && value != "false") {
      return fail(
          Errc::invalid_argument,
          fmt::format("\"{}\": expected {}", one,
                      is_multiple ? "multiple=repeat" : fmt::format("{0}=true or {0}=false", name)),
          "assume");
    }
    options.assume[name] = value;
  }
  if (flags.tags.empty()) return options;
  HUNT_TRY(files, read_sources(flags.tags));
  HUNT_TRY(tags, importers::read_tags(files));
  options.tags = std::move(tags);
  return options;
}

// A name that stands in no file is misspelt, or of other files: it changes nothing here.
void tell_unused(const importers::Options& options, std::span<const importers::Source> sources) {
  for (const auto& [name, value] : options.assume) {
    const bool used = name == "multiple" ||
                      std::any_of(sources.begin(), sources.end(), [&name = name](const auto& one) {
                        return one.text.find(name) != std::string::npos;
                      });
    if (used) continue;
    std::fprintf(stderr, "note: --assume %s=%s changes nothing: no file has a condition of it\n",
                 printable(name).c_str(), value.c_str());
  }
}

int run_import(const ImportFlags& flags) {
  const auto options = options_of(flags);
  if (!options) return report(options.error());
  std::vector<importers::Source> sources;
  for (const auto& path : flags.paths) {
    auto more = read_sources(path);
    if (!more) return report(more.error());
    std::move(more->begin(), more->end(), std::back_inserter(sources));
  }
  tell_unused(*options, sources);
  const auto* importer =
      std::find_if(std::begin(importers::importers), std::end(importers::importers),
                   [&flags](const auto& one) { return one.name == flags.from; });
  const auto imported = importer->run(sources, *options);
  if (!imported) {
    for (const auto& problem : imported.error()) {
      std::fprintf(stderr, "%serror: %s\n", shown(problem.place).c_str(),
                   printable(problem.text, line_bytes_max).c_str());
    }
    return 1;
  }
  bool changed = false;
  for (const auto& remark : imported->remarks) {
    changed = changed || remark.changes_odds;
    std::fprintf(stderr, "%s%s: %s\n", shown(remark.place).c_str(),
                 remark.changes_odds ? "changes odds" : "note",
                 printable(remark.text, line_bytes_max).c_str());
  }
  // What comes out has to be rules.
  const std::vector<rules::RulesFile> files{{flags.event + ".yaml", imported->yaml}};
  const auto compiled = rules::compile_rules(files, system::SystemClock().wall_us());
  if (!compiled) return refuse_rules(compiled.error(), false);
  std::fputs(imported->yaml.c_str(), stdout);
  if (std::fflush(stdout) != 0) return report({Errc::io, "cannot write the event", {}});
  return changed ? 1 : 0;
}

}  // namespace

void add_rules_import(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("import", "another game's loot tables as an event");
  auto flags = std::make_shared<ImportFlags>();
  std::vector<std::string> names;
  for (const auto& one : importers::importers) names.emplace_back(one.name);
  command
      ->add_option("--from", flags->from,
                   "Whose they are: " + fmt::format("{}", fmt::join(names, ", ")))
      ->required()
      ->check(CLI::IsMember(names));
  command->add_option("path", flags->paths, "JSON files, or directories of them")->required();
  command->add_option("--assume", flags->assume,
                      "What the engine cannot know, as NAME=VALUE; repeat it for several");
  command->add_option("--tags", flags->tags,
                      "Minecraft: the directory of item tags, for entries that expand one");
  command->add_option("--event", flags->event, "The name of the event")->capture_default_str();
  command->footer(
      "The event goes to stdout, what was not carried over as it is to stderr. Exit code 1: "
      "something that\nchanges odds was left out and not assumed, or a file cannot be had.\n"
      "Examples:\n"
      "  hunt rules import --from minecraft data/minecraft/loot_table/chests > chests.yaml\n"
      "  hunt rules import --from minecraft blaze.json --assume killed_by_player=true > b.yaml\n"
      "  hunt rules import --from playfab DropTables.json --event summer > summer.yaml");
  command->callback([&line, flags] { line.run = [flags] { return run_import(*flags); }; });
}

}  // namespace hunt::apps
