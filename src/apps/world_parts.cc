#include "apps/world_parts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "apps/shared_flags.h"
#include "base/text.h"

namespace hunt::apps {

Result<std::unique_ptr<rush::WorldTarget>> open_target(const WorldFlags& flags, bool read_only) {
  if (flags.url.empty()) return rush::open_store_target(flags.stores, read_only);
  if (!flags.admin_token.empty()) return rush::make_http_target(flags.url, flags.admin_token);
  HUNT_TRY(token, read_token(flags.admin_token_file));
  return rush::make_http_target(flags.url, std::move(token));
}

Result<model::World> find_world(rush::WorldTarget& target, const std::string& text) {
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

Progress::Progress(const char* verb, const char* things)
    : verb_(verb), things_(things), shown_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (told_) std::fprintf(stderr, "\r\033[K");
}

void Progress::tell(std::uint64_t done, std::uint64_t all) {
  if (!shown_) return;
  std::fprintf(stderr, "\r%s %s of %s %s", verb_, with_commas(done).c_str(),
               with_commas(all).c_str(), things_);
  std::fflush(stderr);
  told_ = true;
}

CLI::App* add_store_part(CommandLine& line, CLI::App& world,
                         const std::shared_ptr<WorldFlags>& flags, const char* name,
                         const char* text, int (*run)(const WorldFlags&)) {
  CLI::App* part = world.add_subcommand(name, text);
  add_stores(*part, flags->stores);
  part->callback([&line, flags, run] { line.run = [flags, run] { return run(*flags); }; });
  return part;
}

CLI::App* add_part(CommandLine& line, CLI::App& world, const std::shared_ptr<WorldFlags>& flags,
                   const char* name, const char* text, int (*run)(const WorldFlags&)) {
  CLI::App* part = add_store_part(line, world, flags, name, text, run);
  part->add_option("--url", flags->url, "A running server, http://HOST:PORT, instead of the store");
  part->add_option("--admin-token-file", flags->admin_token_file, "The server's admin token");
  part->add_option("--admin-token", flags->admin_token, "The token itself, instead of the file");
  return part;
}

void add_format(CLI::App& part, const std::shared_ptr<WorldFlags>& flags, const char* text) {
  part.add_option("--format", flags->format, text)->check(CLI::IsMember({"csv", "jsonl"}));
}

}  // namespace hunt::apps
