// hunt rules …: a function for each subcommand, and what they share.
//
// Not a library: each function here registers flags, or prints.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/command.h"
#include "rules/load.h"

namespace hunt::apps {

void add_rules_check(CommandLine& line, CLI::App& rules);
void add_rules_odds(CommandLine& line, CLI::App& rules);
void add_rules_simulate(CommandLine& line, CLI::App& rules);
void add_rules_diff(CommandLine& line, CLI::App& rules);
void add_rules_lock(CommandLine& line, CLI::App& rules);
void add_rules_bury(CommandLine& line, CLI::App& rules);
void add_rules_try(CommandLine& line, CLI::App& rules);
void add_rules_import(CommandLine& line, CLI::App& rules);
void add_rules_status(CommandLine& line, CLI::App& rules);
void add_rules_disclose(CommandLine& line, CLI::App& rules);
void add_rules_stop(CommandLine& line, CLI::App& rules);  // and start
void add_rules_rollback(CommandLine& line, CLI::App& rules);
void add_rules_push(CommandLine& line, CLI::App& rules);

// Which rules a command is about.
struct RulesFrom {
  std::string path;
  bool builtin = false;

  // The positional `path` and --builtin, of which one is required.
  void add_to(CLI::App& command);
  // Prints the warnings, or all that is wrong; then nothing.
  [[nodiscard]] std::optional<model::RuleSet> load(bool as_json) const;
  [[nodiscard]] std::optional<rules::LoadedRules> load_all(bool as_json) const;
};

void print_line(const std::string& line);
void print_diagnostics(std::span<const rules::Diagnostic> diagnostics);
// Prints what is wrong with rules, and gives the exit code.
int refuse_rules(const std::vector<rules::Diagnostic>& diagnostics, bool as_json);
int report_unknown_table(const model::RuleSet& set, const std::string& name);

}  // namespace hunt::apps
