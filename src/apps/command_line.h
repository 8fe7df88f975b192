// From words to a command: flags, HUNT_<FLAG> in the environment, keys of --config FILE (YAML).
//
// Not a command itself. A flag wins over the environment, which wins over the file. Whatever is
// unknown is an error that names the nearest known word; exit code 2.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"

namespace hunt::apps {

// Returns the process's exit code. Prints help, version and usage errors itself.
int run_command_line(CommandLine& line, std::vector<std::string> typed);

}  // namespace hunt::apps
