// What a command was told, with where each value came from: for the log at the start of a server
// and for GET /v1/config.
//
// Not the flags' own types (those parse them). Secrets are left out of what is shown here.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apps/config_file.h"
#include "model/setting.h"

namespace hunt::apps {

// Of the command that was parsed. `typed`: the words of the command line; `config`: what the file
// added to them.
[[nodiscard]] model::Settings settings_of(const CLI::App& command,
                                          const std::vector<std::string>& typed,
                                          const ConfigWords& config);
// A line of the log for each; those that nobody has set at the level debug.
void log_settings(const model::Settings& settings);

// --log-format and --log-level, of servers.
struct LogFlags {
  std::string format = "text";
  std::string level = "info";
};
void add_log_flags(CLI::App& command, LogFlags& flags);
// In force from now on.
void use(const LogFlags& flags);

}  // namespace hunt::apps
