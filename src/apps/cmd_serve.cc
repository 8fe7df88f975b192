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

// Tells when warnings begin and end, once each.
class Warnings {
 public:
  void look(const ports::Monitor& monitor) {
    const std::string now = monitor.warning();
    if (now.empty() == !warned_) return;
    warned_ = !now.empty();
    std::fprintf(stderr, "hunt: %s\n", warned_ ? now.c_str() : "all is as it should be again");
  }

 private:
  bool warned_ = false;
};

int run(const NodeOptions& flags) {
  if (const auto fine = check_flags(flags); !fine) return report_usage(fine.error());
  const StopSignals signals;
  auto node = Node::open(flags);
  if (!node) return report(node.error());
  if (const auto started = (*node)->start(); !started) return report(started.error());
  std::printf("hunt serves %s on %s\n", shown_stores(flags.store_urls).c_str(),
              (*node)->address().c_str());
  if ((*node)->admin_token_is_fresh()) {
    std::printf("admin token: %s\n", (*node)->admin_token().c_str());
  }
  if (flags.bus_url != "inproc:") {
    std::printf(
        "hunt serves NATS, too; `hunt relay` with the same --store, --bus and --cache tells what "
        "changes\n");
  }
  std::fflush(stdout);
  Warnings warnings;
  while (!signals.wait(1'000'000'000)) warnings.look((*node)->observer());
  std::printf("hunt: draining\n");
  (*node)->stop();
  return 0;
}

}  // namespace

void add_serve(CommandLine& line) {
  auto flags = std::make_shared<NodeOptions>();
  flags->lanes = std::max(1U, std::thread::hardware_concurrency());
  CLI::App* serve = line.app.add_subcommand("serve", "The orchestrator, for game servers");
  serve
      ->add_option("--bus", flags->bus_url,
                   "Where positions come from beside HTTP: inproc: for nowhere, or "
                   "nats://[USER:PASSWORD@]HOST:PORT[,…]")
      ->capture_default_str();
  serve
      ->add_option("--shards", flags->shards,
                   "On NATS, serve these shards alone: 0,2; all, and who does not follow the "
                   "shard map, without it")
      ->delimiter(',');
  serve
      ->add_option("--cache", flags->cache_url,
                   "The shared tile cache: none:, redis://HOST:PORT or redis-cluster://HOST:PORT")
      ->capture_default_str();
  add_stores(*serve, flags->store_urls);
  serve->add_option("--rules", flags->rules_path,
                    "Rules file or directory; the built-in event `starlight` without it");
  serve->add_option("--listen", flags->listen, "HOST:PORT for HTTP")->capture_default_str();
  serve->add_option("--lanes", flags->lanes, "Threads that answer positions")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  serve->add_option("--event-seed-file", flags->event_seed_file,
                    "64 hexadecimal digits; the seed kept in the store without it");
  serve->add_option("--admin-token-file", flags->admin_token_file,
                    "The admin's token; a fresh one is printed without it");
  serve->add_option("--server-token-file", flags->server_token_file,
                    "The game servers' token, needed on any address but loopback");
  serve->add_flag("!--no-prewarm", flags->prewarm,
                  "Ready at once: without it all loot is read ahead, for at most ten seconds");
  serve->footer(
      "Examples:\n"
      "  hunt serve --store sqlite:hunt.db --rules rules/\n"
      "  hunt serve --store sqlite:hunt.db --bus nats://127.0.0.1:4222      with a `hunt relay`\n"
      "  hunt serve --store postgres://hunt@pg0/hunt --store postgres://hunt@pg1/hunt    two "
      "shards\n"
      "  hunt serve --listen 0.0.0.0:8080 --server-token-file /run/secrets/game-servers");
  serve->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
