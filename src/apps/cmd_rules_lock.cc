// hunt rules lock: names the version that the files of a directory come to, beside them.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>

#include "adapters/system/system_clock.h"
#include "apps/rules_commands.h"
#include "base/text.h"
#include "base/utf8.h"
#include "codec/json_rules.h"
#include "model/limits.h"
#include "rules/lock_file.h"
#include "rules/zones.h"

namespace hunt::apps {

namespace {

namespace fs = std::filesystem;

struct LockFlags {
  std::string path;
  std::string note;
  std::uint64_t revision = 0;
  std::string activates;
};

// A whole file in place of the old one, or the old one.
Result<void> replace_file(const fs::path& path, const std::string& text) {
  const fs::path fresh = path.string() + ".new";
  std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  std::error_code error;
  if (file) fs::rename(fresh, path, error);
  if (file && !error) return {};
  std::error_code ignored;
  fs::remove(fresh, ignored);
  return fail(Errc::unavailable, fmt::format("cannot write {}{}{}", path.string(),
                                             error ? ": " : "", error ? error.message() : ""));
}

int run_lock(const LockFlags& flags) {
  if (!fs::is_directory(flags.path)) {
    return report({Errc::invalid_argument,
                   fmt::format("{} is no directory; a lock is for all files of one", flags.path),
                   "path"});
  }
  auto files = rules::read_rules_files(flags.path);
  if (!files) return refuse_rules(files.error(), false);
  std::erase_if(*files, [](const auto& file) { return rules::is_lock_file(file.name); });
  const auto loaded = rules::compile_rules(*files, system::SystemClock().wall_us());
  if (!loaded) return refuse_rules(loaded.error(), false);
  print_diagnostics(loaded->warnings);
  const fs::path path = fs::path(flags.path) / rules::lock_file_name;
  rules::Lock lock;
  lock.version = loaded->set.version;
  lock.zone_data = rules::zone_data_version();
  lock.note = flags.note;
  lock.revision = flags.revision;
  if (!flags.activates.empty()) {
    lock.activates_us = parse_time_us(flags.activates);
    if (!lock.activates_us) {
      return report({Errc::invalid_argument,
                     fmt::format("--activates: expected a time such as 2026-12-04T18:00:00Z, found "
                                 "\"{}\"",
                                 flags.activates),
                     "activates"});
    }
  }
  if (const auto written = replace_file(path, rules::lock_text(lock)); !written) {
    return report(written.error());
  }
  print_line(fmt::format("{}: version {}{}", path.string(), lock.version,
                         lock.revision == 0 ? "" : fmt::format(", revision {}", lock.revision)));
  return 0;
}

}  // namespace

void add_rules_lock(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("lock", "write which version the files of a directory are");
  auto flags = std::make_shared<LockFlags>();
  command->add_option("path", flags->path, "a directory of *.yaml files")->required();
  command->add_option("--note", flags->note, "what has changed, for whoever reads the lock")
      ->check([](const std::string& note) {
        return note.size() <= limits::rules_note_bytes_max && is_plain_line(note)
                   ? std::string()
                   : fmt::format(
                         "at most {} bytes of UTF-8 on one line, without control "
                         "characters",
                         limits::rules_note_bytes_max);
      });
  command
      ->add_option("--revision", flags->revision,
                   "a number that grows with each change, such as that of the pipeline's run; a "
                   "lower one never replaces a higher")
      ->check(CLI::Range(std::uint64_t{1}, codec::rules_revision_max));
  command->add_option("--activates", flags->activates,
                      "from when on they are in force (2026-12-04T18:00:00Z); at once without it");
  command->footer(
      "Examples:\n"
      "  hunt rules lock events/ --note 'crown 1/500 -> 1/200'\n"
      "  hunt rules lock events/ --revision 1287 --activates 2026-12-04T18:00:00Z\n"
      "With a rules.lock, files count only when they come to the version that it names.");
  command->callback([&line, flags] { line.run = [flags] { return run_lock(*flags); }; });
}

}  // namespace hunt::apps
