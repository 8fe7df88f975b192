// Rules from disk: a file or a directory of event files; and the event that is built in.
//
// Not a watcher (apps/rules_watch.h): each call reads once. Blocks on the disk; any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "rules/compile.h"

namespace hunt::rules {

// `path` itself, or the *.yaml and *.yml files of the directory `path`, by name, not those of its
// directories and not hidden ones, and its rules.lock; "-" is standard input. Else only regular
// files (and links to them) are read. Bound: limits::rules_files_max files, rules_bytes_max each,
// rules_files_bytes_max together.
[[nodiscard]] tl::expected<std::vector<RulesFile>, std::vector<Diagnostic>> read_rules_files(
    const std::string& path);

[[nodiscard]] RulesResult load_rules(const std::string& path, std::int64_t now_us);

// The event `starlight`, in force where no rules are given. examples/rules/starlight.yaml is equal.
[[nodiscard]] std::string_view builtin_rules_text() noexcept;
[[nodiscard]] model::RuleSet builtin_rules();

}  // namespace hunt::rules
