// hunt: the one binary. Parses the command line and runs the chosen command.
#include <csignal>
#include <cstdio>

#include "apps/command.h"
#include "apps/command_line.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe or socket is an error of that write, not the end
  hunt::apps::CommandLine line;
  hunt::apps::add_up(line);
  hunt::apps::add_serve(line);
  hunt::apps::add_relay(line);
  hunt::apps::add_world(line);
  hunt::apps::add_rules(line);
  hunt::apps::add_audit(line);
  hunt::apps::add_why(line);
  hunt::apps::add_doctor(line);
  hunt::apps::add_rush(line);
  hunt::apps::add_sim(line);
  return hunt::apps::run_command_line(line, {argv + 1, argv + argc});
}
