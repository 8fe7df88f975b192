// hunt serve: the orchestrator, for game servers.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "adapters/system/memory.h"
#include "apps/command.h"
#include "apps/node.h"
#include "apps/open_store.h"
#include "apps/signals.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t look_every_ns = 250'000'000;
// Of the limit: what a leak of 22 MB/s, as there was one, leaves for draining 512 MiB in time.
constexpr std::uint64_t memory_percent_max = 85;

struct ServeFlags {
  NodeOptions node;
  std::uint64_t memory_limit_bytes = 0;  // 0: the control group's
};

// Why to leave before the kernel ends this process in the middle of everything; empty: no reason.
std::string memory_trouble(std::optional<std::uint64_t> limit_bytes) {
  if (!limit_bytes) return {};
  const std::uint64_t used_bytes = system::memory_used_bytes();
  if (used_bytes < *limit_bytes / 100 * memory_percent_max) return {};
  return fmt::format(
      "{} of at most {} MiB of memory are in use: this process drains and ends, so that another "
      "one can go on. If it always comes to that, raise the limit (of the control group, or "
      "--memory-limit) or use fewer --lanes; if it grows for hours, it is a leak: report it",
      used_bytes >> 20U, *limit_bytes >> 20U);
}

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

int run(const ServeFlags& all) {
  const NodeOptions& flags = all.node;
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
  const auto limit_bytes = all.memory_limit_bytes > 0 ? std::optional(all.memory_limit_bytes)
                                                      : system::memory_limit_bytes();
  Warnings warnings;
  std::string trouble;
  while (trouble.empty() && !signals.wait(look_every_ns)) {
    warnings.look((*node)->observer());
    trouble = memory_trouble(limit_bytes);
  }
  if (!trouble.empty()) std::fprintf(stderr, "hunt: %s\n", trouble.c_str());
  std::printf("hunt: draining\n");
  (*node)->stop();
  return trouble.empty() ? 0 : 1;
}

}  // namespace

void add_serve(CommandLine& line) {
  auto all = std::make_shared<ServeFlags>();
  NodeOptions* flags = &all->node;
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
  serve
      ->add_option("--memory-limit", all->memory_limit_bytes,
                   "Such as 512MiB: drain and end before more is used; the control group's limit "
                   "without it")
      ->transform(CLI::AsSizeValue(false));
  serve->add_flag("!--no-prewarm", flags->prewarm,
                  "Ready at once: without it all loot is read ahead, for at most ten seconds");
  serve->footer(
      "Examples:\n"
      "  hunt serve --store sqlite:hunt.db --rules rules/\n"
      "  hunt serve --store sqlite:hunt.db --bus nats://127.0.0.1:4222      with a `hunt relay`\n"
      "  hunt serve --store postgres://hunt@pg0/hunt --store postgres://hunt@pg1/hunt    two "
      "shards\n"
      "  hunt serve --listen 0.0.0.0:8080 --server-token-file /run/secrets/game-servers");
  serve->callback([&line, all] { line.run = [all] { return run(*all); }; });
}

}  // namespace hunt::apps
