// What a command file of this folder provides: one add_<command>() each, called by main.cc.
//
// Not a framework: a command registers its flags on a CLI11 subcommand and says what to run. Exit
// codes: 0 done, 1 failed (the message is on stderr), 2 usage. This folder alone names concrete
// adapters. Every flag is also HUNT_<FLAG> in the environment and a key of --config; main.cc does
// it.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "base/result.h"
#include "model/setting.h"

namespace hunt::apps {

struct CommandLine {
  CLI::App app{"hunt: a live treasure-hunt engine for games"};
  std::function<int()> run;  // set by the parsed subcommand's callback
  model::Settings settings;  // what it was told; set before it runs
};

// Prints "hunt: <message>" (and the field, when known) on stderr; returns the exit code 1.
int report(const Error& error);
// The same for a flag's value; returns the exit code 2.
int report_usage(const Error& error);

void add_up(CommandLine& line);
void add_serve(CommandLine& line);
void add_relay(CommandLine& line);
void add_world(CommandLine& line);
void add_rules(CommandLine& line);
void add_migrate(CommandLine& line);
void add_audit(CommandLine& line);
void add_why(CommandLine& line);
void add_flame(CommandLine& line);
void add_explain(CommandLine& line);
void add_doctor(CommandLine& line);
void add_rush(CommandLine& line);
void add_replay(CommandLine& line);
void add_data_api(CommandLine& line);
void add_plan(CommandLine& line);
void add_shards(CommandLine& line);
void add_sim(CommandLine& line);

}  // namespace hunt::apps
