// --config FILE: YAML whose keys are names of flags.
//
// Not the flags themselves: what is written comes out as words, as if it had been typed. One file
// serves all processes of a hunt: a key that only another of their commands knows says nothing
// here.
#pragma once
#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace hunt::apps {

// Values as words, and where each flag stands in it.
struct ConfigWords {
  std::vector<std::string> words;
  std::map<std::string, std::string> places;  // "lanes" -> "hunt.yaml:3"
};

// Nothing where no file is named. What was typed, or stands in the environment, is left out.
// Errors: invalid_argument, with file and line, and those of reading.
[[nodiscard]] Result<ConfigWords> read_config(CLI::App& root, const CLI::App& command,
                                              const std::vector<std::string>& typed);

}  // namespace hunt::apps
