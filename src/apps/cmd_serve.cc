// hunt serve: the orchestrator, for game servers.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <thread>

#include "adapters/postgres/postgres_store.h"
#include "adapters/profile/heap_sampler.h"
#include "adapters/system/memory.h"
#include "adapters/system/service_manager.h"
#include "adapters/system/stop_signals.h"
#include "apps/command.h"
#include "apps/serve_flags.h"
#include "apps/shared_flags.h"
#include "base/log.h"
#include "node/node.h"
#include "node/warning_log.h"
#include "service/claim_desk.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t look_every_ns = 250'000'000;
// Of the limit: what a leak of 22 MB/s, as there was one, leaves for draining 512 MiB in time.
constexpr std::uint64_t memory_percent_max = 85;

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

int run(const ServeFlags& all, const model::Settings& settings) {
  node::NodeOptions flags = all.node;
  flags.settings = settings;
  if (const auto fine = check_flags(flags); !fine) return report_usage(fine.error());
  use(all.log);
  log_settings(settings);
  if (flags.heap_profile) profile::sample_heap();
  const system::StopSignals signals;
  auto node = node::Node::open(flags);
  if (!node) return report(node.error());
  if (const auto started = (*node)->start(); !started) return report(started.error());
  std::printf("hunt serves %s on %s\n", node::shown_stores(flags.stores).c_str(),
              (*node)->address().c_str());
  if ((*node)->admin_token_is_fresh()) {
    std::printf("admin token: %s\n", (*node)->admin_token().c_str());
  }
  if (flags.bus) {
    std::printf(
        "hunt serves NATS, too; `hunt relay` with the same --store, --bus and --cache tells what "
        "changes\n");
  }
  std::printf("%s\n", (*node)->connections_told().c_str());
  std::fflush(stdout);
  log(LogLevel::info, "process", "serving", {{"address", (*node)->address()}});
  const auto limit_bytes = all.memory_limit_bytes > 0 ? std::optional(all.memory_limit_bytes)
                                                      : system::memory_limit_bytes();
  (*node)->observer().set_memory_limit(limit_bytes.value_or(0));
  node::WarningLog warnings;
  system::ServiceManager manager;
  std::string trouble;
  while (trouble.empty() && !signals.wait(look_every_ns)) {
    const auto now_ns = (*node)->clock().now_ns();
    for (const auto& event : warnings.look((*node)->observer().warnings(), now_ns)) {
      log(event);
    }
    log_counted();
    manager.tell((*node)->observer());
    trouble = memory_trouble(limit_bytes);
  }
  if (!trouble.empty()) log(LogLevel::error, "memory", trouble);
  std::printf("hunt: draining\n");
  std::fflush(stdout);
  log(LogLevel::info, "process", "draining");
  manager.tell_stopping();
  (*node)->stop();
  log_counted(true);
  return trouble.empty() ? 0 : 1;
}

}  // namespace

ServeFlags::ServeFlags() {
  node.lanes = std::max(1U, std::thread::hardware_concurrency());
}

void add_front(CLI::App& command, node::NodeOptions& flags) {
  command.add_option("--rules", flags.rules_path,
                     "Rules file or directory; the built-in event `starlight` without it");
  add_http(command, flags);
}

void add_http(CLI::App& command, node::NodeOptions& flags) {
  command.add_option("--listen", flags.listen, "HOST:PORT for HTTP and the page")
      ->capture_default_str();
  command.add_option("--admin-token-file", flags.admin_token_file,
                     "The admin's token; a fresh one is printed without it");
  command.add_option("--server-token-file", flags.server_token_file,
                     "The game servers' token; needed on any address but loopback, and asked for "
                     "on loopback, too, where it is given");
  command
      .add_option("--allow-host", flags.allowed_hosts,
                  "Another name that requests may call this server by, such as that of a proxy or "
                  "a Kubernetes service; repeatable, or with commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--profile-push", flags.profile_push,
                     "Sends what the CPU does to the Pyroscope server at http://HOST:PORT, always");
  command.add_flag("!--no-heap-profile", flags.heap_profile,
                   "Without the sample of allocations behind `hunt flame --kind heap`");
}

void add_grant_calls(CLI::App& command, node::NodeOptions& flags) {
  command
      .add_option("--grant-calls", flags.grant_calls_max,
                  "Grant calls at a time for each lane and shard; more where `hunt why` says so")
      ->check(CLI::Range(std::size_t{1}, service::grant_calls_allowed_max))
      ->capture_default_str();
}

void add_serve_flags(CLI::App& command, ServeFlags& all) {
  CLI::App* serve = &command;
  node::NodeOptions* flags = &all.node;
  add_bus(*serve, flags->bus);
  serve
      ->add_option("--shards", flags->shards,
                   "On NATS, serve these shards alone: 0,2; all, and who does not follow the "
                   "shard map, without it")
      ->delimiter(',');
  add_cache(*serve, flags->cache);
  add_hunt(*serve, flags->hunt);
  add_stores(*serve, flags->stores);
  add_front(*serve, *flags);
  serve->add_option("--lanes", flags->lanes, "Threads that answer positions")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  add_grant_calls(*serve, *flags);
  serve
      ->add_option("--grant-connections", flags->grant_connections,
                   "Connections for grants to each PostgreSQL shard, shared by all lanes")
      ->check(CLI::Range(std::size_t{1}, postgres::grant_connections_max))
      ->capture_default_str();
  serve->add_option("--event-seed-file", flags->event_seed_file,
                    "64 hexadecimal digits; the seed kept in the store without it");
  serve
      ->add_option("--memory-limit", all.memory_limit_bytes,
                   "Such as 512MiB: drain and end before more is used; the control group's limit "
                   "without it")
      ->transform(CLI::AsSizeValue(false));
  add_log_flags(*serve, all.log);
  serve->add_flag("!--no-prewarm", flags->prewarm,
                  "Ready at once: without it all loot is read ahead, for at most ten seconds");
}

void add_serve(CommandLine& line) {
  auto all = std::make_shared<ServeFlags>();
  CLI::App* serve = line.app.add_subcommand("serve", "The orchestrator, for game servers");
  add_serve_flags(*serve, *all);
  serve->footer(
      "Examples:\n"
      "  hunt serve --store sqlite:hunt.db --rules rules/\n"
      "  hunt serve --store sqlite:hunt.db --bus nats://127.0.0.1:4222      with a `hunt relay`\n"
      "  hunt serve --store postgres://hunt@pg0/hunt --store postgres://hunt@pg1/hunt    two "
      "shards\n"
      "  hunt serve --listen 0.0.0.0:8080 --server-token-file /run/secrets/game-servers");
  serve->callback([&line, all] { line.run = [&line, all] { return run(*all, line.settings); }; });
}

}  // namespace hunt::apps
