// hunt serve: the orchestrator, for game servers.
#include <cstdio>
#include <memory>
#include <thread>

#include "apps/command.h"
#include "apps/node.h"
#include "apps/open_store.h"
#include "apps/signals.h"

namespace hunt::apps {

namespace {

struct ServeFlags {
  NodeOptions node;
  std::string bus = "inproc:";
};

int run(const ServeFlags& flags) {
  if (const auto fine = check_flags(flags.node); !fine) return report_usage(fine.error());
  const StopSignals signals;
  auto node = Node::open(flags.node);
  if (!node) return report(node.error());
  if (const auto started = (*node)->start(); !started) return report(started.error());
  std::printf("hunt serves %s on %s\n", shown_store(flags.node.store_url).c_str(),
              (*node)->address().c_str());
  if ((*node)->admin_token_is_fresh()) {
    std::printf("admin token: %s\n", (*node)->admin_token().c_str());
  }
  std::fflush(stdout);
  while (!signals.wait(1'000'000'000)) {
  }
  std::printf("hunt: draining\n");
  (*node)->stop();
  return 0;
}

// "inproc:" is what this version has; anything else is named with what there is.
CLI::Validator only(const std::string& scheme) {
  return CLI::Validator(
      [scheme](std::string& value) {
        return value == scheme ? std::string{} : "this version has " + scheme + " only";
      },
      scheme);
}

}  // namespace

void add_serve(CommandLine& line) {
  auto flags = std::make_shared<ServeFlags>();
  flags->node.lanes = std::max(1U, std::thread::hardware_concurrency());
  CLI::App* serve = line.app.add_subcommand("serve", "The orchestrator, for game servers");
  serve->add_option("--bus", flags->bus, "Where positions come from")
      ->check(only("inproc:"))
      ->capture_default_str();
  serve
      ->add_option("--cache", flags->node.cache_url,
                   "The shared tile cache: none:, redis://HOST:PORT or redis-cluster://HOST:PORT")
      ->capture_default_str();
  serve->add_option("--store", flags->node.store_url, store_help)->capture_default_str();
  serve->add_option("--rules", flags->node.rules_path,
                    "Rules file or directory; the built-in event `starlight` without it");
  serve->add_option("--listen", flags->node.listen, "HOST:PORT for HTTP")->capture_default_str();
  serve->add_option("--lanes", flags->node.lanes, "Threads that answer positions")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  serve->add_option("--event-seed-file", flags->node.event_seed_file,
                    "64 hexadecimal digits; the seed kept in the store without it");
  serve->add_option("--admin-token-file", flags->node.admin_token_file,
                    "The admin's token; a fresh one is printed without it");
  serve->add_option("--server-token-file", flags->node.server_token_file,
                    "The game servers' token, needed on any address but loopback");
  serve->footer(
      "Examples:\n"
      "  hunt serve --store sqlite:hunt.db --rules rules/\n"
      "  hunt serve --listen 0.0.0.0:8080 --server-token-file /run/secrets/game-servers");
  serve->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
