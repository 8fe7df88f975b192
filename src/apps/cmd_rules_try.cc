// hunt rules try: plays an event with generated players before it exists.
#include <cstdio>
#include <memory>
#include <optional>

#include "adapters/system/system_clock.h"
#include "apps/rules_commands.h"
#include "apps/world_parts.h"
#include "codec/output_file.h"
#include "rush/rehearsal.h"
#include "rush/rehearsal_report.h"

namespace hunt::apps {

namespace {

struct TryFlags {
  std::string path;
  rush::RehearsalOptions options;
  std::string html;
  bool json = false;
};

int run_try(const TryFlags& flags) {
  const auto loaded = rules::load_rules(flags.path, system::SystemClock().wall_us());
  if (!loaded) return refuse_rules(loaded.error(), flags.json);
  print_diagnostics(loaded->warnings);
  std::optional<codec::OutputFile> page;  // before the play, so that nothing is played in vain
  if (!flags.html.empty()) {
    auto opened = codec::OutputFile::open(flags.html);
    if (!opened) return report(opened.error());
    page.emplace(std::move(*opened));
  }
  rush::RehearsalOptions options = flags.options;
  Result<rush::Rehearsal> played = [&] {
    Progress progress("played", "seconds");
    options.tell = [&progress](std::uint64_t done, std::uint64_t all) { progress.tell(done, all); };
    return rush::rehearse(*loaded, options);
  }();
  if (!played) return report(played.error());
  if (flags.json) {
    print_line(rush::rehearsal_json(*played));
  } else if (flags.html != "-") {
    for (const auto& line : rush::rehearsal_text(*played)) print_line(line);
  }
  if (!page) return 0;
  Result<void> written = page->write(rush::rehearsal_html(*played));
  if (written) written = page->close();
  if (!written) return report(written.error());
  if (flags.html != "-") {
    std::fprintf(stderr, "the page with plots: %s\n", flags.html.c_str());
  }
  return 0;
}

}  // namespace

void add_rules_try(CommandLine& line, CLI::App& rules) {
  auto* command =
      rules.add_subcommand("try", "play an event with generated players before it exists");
  auto flags = std::make_shared<TryFlags>();
  command->add_option("path", flags->path, "an event file, or a directory of *.yaml files")
      ->required();
  command->add_option("--players", flags->options.players, "players, who play all the time")
      ->check(CLI::Range(1U, rush::RehearsalOptions::players_max))
      ->capture_default_str();
  command->add_option("--hours", flags->options.hours, "hours from the event's start on")
      ->check(CLI::Range(1U, rush::RehearsalOptions::hours_max))
      ->capture_default_str();
  command->add_option("--seed", flags->options.seed, "of the players, the places and the rolls")
      ->capture_default_str();
  command->add_option("--html", flags->html, "write a page with plots; - for standard output");
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(
      "Shows when loot sells out, what is found by hour, and how many players find nothing.\n"
      "Examples:\n"
      "  hunt rules try events/ --players 5000 --hours 8\n"
      "  hunt rules try events/ --players 28000 --hours 2 --html try.html");
  command->callback([&line, flags] { line.run = [flags] { return run_try(*flags); }; });
}

}  // namespace hunt::apps
