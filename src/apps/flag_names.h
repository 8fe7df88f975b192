// Names of commands and flags: as typed, as variables, and those that they had before.
//
// Not their values. A name is without dashes here.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace hunt::apps {

// "memory-limit" to "HUNT_MEMORY_LIMIT".
[[nodiscard]] std::string env_name(std::string flag);
[[nodiscard]] std::vector<std::string> flags_of(const CLI::App& command);
// Those of the command's own commands, too.
void add_flags_of_all(CLI::App& command, std::vector<std::string>& flags);
[[nodiscard]] std::vector<CLI::App*> subcommands_of(CLI::App& command);
[[nodiscard]] CLI::App* subcommand(CLI::App& command, std::string_view name);
// "hunt world import".
[[nodiscard]] std::string full_name(const CLI::App& command);
// "; see `hunt world import --help`".
[[nodiscard]] std::string see_help(const CLI::App& command);
// " (did you mean \"--store\"?)", or nothing.
[[nodiscard]] std::string nearest_flag(const std::string& name, const CLI::App& command);
// Whether the flag is among the words, by any of its names.
[[nodiscard]] bool has_flag(const std::vector<std::string>& words, const CLI::Option& option);

// What flags were called before. `command`: its full name.
[[nodiscard]] bool is_old_name(std::string_view flag);
// Today's name of a flag or key; says on stderr that `shown` is an old one.
[[nodiscard]] std::string name_today(const std::string& flag, const std::string& command,
                                     const std::string& shown);
// The same in typed words and in the environment.
void take_old_names(const std::string& command, std::vector<std::string>& typed);

}  // namespace hunt::apps
