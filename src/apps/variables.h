// HUNT_… variables that are a mistake: set to nothing, or so spelt that nothing reads them.
//
// Not their values, which CLI11 reads.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hunt::apps {

// Tells on stderr of variables that look like ours and are not.
void warn_of_variables(CLI::App& root);
// What is wrong with a variable without a value that `typed` does not overrule; empty: nothing.
[[nodiscard]] std::string empty_variable(const CLI::App& command,
                                         const std::vector<std::string>& typed);

}  // namespace hunt::apps
