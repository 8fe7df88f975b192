// hunt: the one binary. Parses the command line and runs the chosen command.
#include <fcntl.h>

#include <csignal>
#include <cstdio>

#include "adapters/profile/debug_servers.h"
#include "apps/command.h"
#include "apps/command_line.h"

// What jemalloc reads: memory of more bytes goes back to the system when it is freed, and not in
// ten seconds, or a burst of large bodies would count twice (docs/decisions/0039-jemalloc.md).
extern "C" const char* malloc_conf;
const char* malloc_conf = "oversize_threshold:131072";

namespace {

// Where one of the three was closed, the next file would take its number, and get what is printed.
void hold_standard_streams() {
  for (int number = 0; number <= 2; ++number) {
    if (fcntl(number, F_GETFD) == -1) (void)open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int main(int argc, char** argv) {
  hold_standard_streams();
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe or socket is an error of that write, not the end
  std::signal(SIGXFSZ, SIG_IGN);  // so is a file that may not grow any more
  (void)hunt::profile::debug_servers();  // reads the environment, before there are threads
  hunt::apps::CommandLine line;
  hunt::apps::add_up(line);
  hunt::apps::add_serve(line);
  hunt::apps::add_relay(line);
  hunt::apps::add_world(line);
  hunt::apps::add_rules(line);
  hunt::apps::add_migrate(line);
  hunt::apps::add_audit(line);
  hunt::apps::add_why(line);
  hunt::apps::add_flame(line);
  hunt::apps::add_explain(line);
  hunt::apps::add_doctor(line);
  hunt::apps::add_rush(line);
  hunt::apps::add_replay(line);
  hunt::apps::add_plan(line);
  hunt::apps::add_shards(line);
  hunt::apps::add_data_api(line);
  hunt::apps::add_sim(line);
  return hunt::apps::run_command_line(line, {argv + 1, argv + argc});
}
