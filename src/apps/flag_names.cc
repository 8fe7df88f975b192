#include "apps/flag_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"

namespace hunt::apps {

namespace {

// Of this release alone.
struct OldName {
  std::string_view command;
  std::string_view old;
  std::string_view today;
};
constexpr OldName old_names[] = {
    {"hunt rush", "http", "url"},
    {"hunt why", "token-file", "server-token-file"},
    {"hunt world", "token", "admin-token"},
    {"hunt world", "token-file", "admin-token-file"},
};

}  // namespace

std::string env_name(std::string flag) {
  std::transform(flag.begin(), flag.end(), flag.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return "HUNT_" + flag;
}

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back(name);
  }
  return names;
}

void add_flags_of_all(CLI::App& command, std::vector<std::string>& flags) {
  for (auto& name : flags_of(command)) flags.push_back(std::move(name));
  for (CLI::App* sub : subcommands_of(command)) add_flags_of_all(*sub, flags);
}

std::vector<CLI::App*> subcommands_of(CLI::App& command) {
  // CLI11 keeps a group of flags as a subcommand without a name.
  return command.get_subcommands([](CLI::App* sub) { return !sub->get_name().empty(); });
}

CLI::App* subcommand(CLI::App& command, std::string_view name) {
  for (CLI::App* sub : subcommands_of(command)) {
    if (sub->get_name() == name) return sub;
  }
  return nullptr;
}

std::string nearest_flag(const std::string& name, const CLI::App& command) {
  const auto flags = flags_of(command);
  const std::vector<std::string_view> known(flags.begin(), flags.end());
  const auto nearest = nearest_word(name, known);
  return nearest ? fmt::format(" (did you mean \"--{}\"?)", *nearest) : std::string{};
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? "hunt" : full_name(*parent) + " " + command.get_name();
}

std::string see_help(const CLI::App& command) {
  return fmt::format("; see `{} --help`", full_name(command));
}

bool has_flag(const std::vector<std::string>& words, const CLI::Option& option) {
  return std::any_of(words.begin(), words.end(), [&option](const std::string& word) {
    if (!word.starts_with('-')) return false;
    if (!word.starts_with("--")) return option.check_sname(word.substr(1, 1));
    return option.check_lname(word.substr(2, word.find('=') - 2));
  });
}

bool is_old_name(std::string_view flag) {
  return std::any_of(std::begin(old_names), std::end(old_names),
                     [flag](const OldName& one) { return one.old == flag; });
}

std::string name_today(const std::string& flag, const std::string& command,
                       const std::string& shown) {
  for (const OldName& one : old_names) {
    if (one.old != flag || !command.starts_with(one.command)) continue;
    std::fprintf(stderr,
                 "hunt: warning: %s is an old name, which the next release does not know: "
                 "use --%s\n",
                 printable(shown, 256).c_str(), std::string(one.today).c_str());
    return std::string(one.today);
  }
  return flag;
}

void take_old_names(const std::string& command, std::vector<std::string>& typed) {
  for (std::string& word : typed) {
    if (word == "--") break;
    if (!word.starts_with("--")) continue;
    const auto end = std::min(word.size(), word.find('='));
    const std::string flag = word.substr(2, end - 2);
    word = "--" + name_today(flag, command, "--" + flag) + word.substr(end);
  }
  for (const OldName& one : old_names) {
    const std::string old(one.old);
    const char* value = std::getenv(env_name(old).c_str());
    if (value == nullptr || !command.starts_with(one.command)) continue;
    const std::string today = name_today(old, command, env_name(old));
    setenv(env_name(today).c_str(), value, 0);
  }
}

}  // namespace hunt::apps
