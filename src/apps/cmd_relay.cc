// hunt relay: tells what is committed to a store: invalidations and grants over NATS, rows into the
// shared cache.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "adapters/profile/heap_sampler.h"
#include "adapters/sqlite/file_guard.h"
#include "adapters/system/service_manager.h"
#include "adapters/system/stop_signals.h"
#include "apps/command.h"
#include "apps/relay_process.h"
#include "apps/serve_flags.h"
#include "apps/settings.h"
#include "apps/shared_flags.h"
#include "base/log.h"
#include "node/warning_log.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t look_every_ns = 200'000'000;

struct RelayFlags {
  RelayFlags() { node.listen = "127.0.0.1:8090"; }
  node::NodeOptions node;
  LogFlags log;
};

Result<void> check(const node::NodeOptions& flags) {
  HUNT_CHECK(node::check_followed(flags.stores));
  if (flags.bus) return check_flags(flags);
  return fail(Errc::invalid_argument,
              "inproc: reaches no other process; expected nats://[USER:PASSWORD@]HOST:PORT[,…]",
              "bus");
}

// What has changed, a line for each store.
void say(const node::NodeOptions& flags, const std::vector<RelayProcess::State>& before,
         const std::vector<RelayProcess::State>& now) {
  for (std::size_t shard = 0; shard < now.size(); ++shard) {
    const std::string store = flags.stores[shard].shown();
    const auto was = before.empty() ? RelayProcess::State() : before[shard];
    const auto tell = [shard](std::string what) {
      std::printf("%s\n", what.c_str());
      log(LogLevel::info, fmt::format("relay of shard {}", shard), std::move(what));
    };
    const bool news = before.empty() || was.holds_feed != now[shard].holds_feed ||
                      was.waits_for.empty() != now[shard].waits_for.empty() ||
                      was.feed_trouble.empty() != now[shard].feed_trouble.empty();
    if (news && now[shard].holds_feed) {
      tell(fmt::format("hunt relay tells the changes of {}", store));
    } else if (news && !now[shard].waits_for.empty()) {
      tell("hunt relay waits: " + now[shard].waits_for);
    } else if (news && !now[shard].feed_trouble.empty()) {
      tell(fmt::format("hunt relay cannot tell the changes of {}: {}", store,
                       now[shard].feed_trouble));
    } else if (news) {
      tell(fmt::format("hunt relay waits: another process tells the changes of {}", store));
    }
    if (!was.tells_again && now[shard].tells_again) {
      tell(fmt::format("hunt relay tells the grants of {} again: what kept them was lost", store));
    }
    const bool over = !now[shard].tells_again && now[shard].told_again != was.told_again;
    if (over || (was.tells_again && !now[shard].tells_again)) {
      tell(fmt::format("hunt relay has told grants of {} again, {} since it started", store,
                       now[shard].told_again));
    }
  }
  std::fflush(stdout);
}

// False: it was asked to stop while it waited.
Result<bool> open_when_free(RelayProcess& relay, const system::StopSignals& signals,
                            system::ServiceManager& manager) {
  for (bool waits = false;;) {
    const auto opened = relay.open_stores();
    if (opened) return true;
    if (opened.error().field != sqlite::other_name) return tl::unexpected<Error>(opened.error());
    if (!std::exchange(waits, true)) {
      std::printf("hunt relay waits: %s\n", opened.error().message.c_str());
      std::fflush(stdout);
      log(LogLevel::info, "store", "hunt relay waits: " + opened.error().message);
    }
    manager.tell_ready("waits: " + opened.error().message);
    if (signals.wait(look_every_ns)) return false;
  }
}

void watch(RelayProcess& relay, const node::NodeOptions& flags, const system::StopSignals& signals,
           system::ServiceManager& manager) {
  std::vector<RelayProcess::State> said;
  node::WarningLog warnings;
  do {
    const auto warned = relay.warnings();
    for (const auto& event : warnings.look(warned, relay.now_ns())) log(event);
    log_counted();
    std::vector<RelayProcess::State> states = relay.states();
    relay.look(states, warned);
    say(flags, said, states);
    manager.tell(relay.monitor());
    said = std::move(states);
  } while (!signals.wait(look_every_ns));
}

int run(const RelayFlags& all, const model::Settings& settings) {
  node::NodeOptions flags = all.node;
  flags.settings = settings;
  if (const auto fine = check(flags); !fine) return report_usage(fine.error());
  use(all.log);
  log_settings(settings);
  if (flags.heap_profile) profile::sample_heap();
  const system::StopSignals signals;
  system::ServiceManager manager;
  RelayProcess relay(flags);
  const auto opened = open_when_free(relay, signals, manager);
  if (!opened) return report(opened.error());
  if (!*opened) return 0;
  if (const auto front = relay.open_front(); !front) return report(front.error());
  std::printf("hunt relay of %s on %s\n", node::shown_stores(flags.stores).c_str(),
              relay.address().c_str());
  if (flags.admin_token_file.empty()) {
    std::printf("admin token: %s\n", relay.admin_token().c_str());
  }
  std::fflush(stdout);
  if (const auto started = relay.start(); !started) return report(started.error());
  watch(relay, flags, signals, manager);
  std::printf("hunt: draining\n");
  std::fflush(stdout);
  log(LogLevel::info, "process", "draining");
  manager.tell_stopping();
  relay.stop();
  log_counted(true);
  return 0;
}

}  // namespace

void add_relay(CommandLine& line) {
  auto flags = std::make_shared<RelayFlags>();
  CLI::App* relay = line.app.add_subcommand(
      "relay", "Tells what changes in a store to every `hunt serve` on the same bus");
  add_stores(*relay, flags->node.stores);
  add_bus(*relay, flags->node.bus)->default_str("")->required();
  add_cache(*relay, flags->node.cache);
  add_hunt(*relay, flags->node.hunt);
  add_http(*relay, flags->node);
  add_log_flags(*relay, flags->log);
  relay->footer(
      "One relay works for a store; start a second one and it takes over when the first is gone.\n"
      "On its address it answers probes, figures and profiles alone.\n"
      "Examples:\n"
      "  hunt relay --store sqlite:hunt.db --bus nats://127.0.0.1:4222\n"
      "  HUNT_BUS=nats://hunt:secret@nats:4222 hunt relay --store sqlite:hunt.db \\\n"
      "             --cache redis://127.0.0.1:6379 --listen 127.0.0.1:8091");
  relay->callback(
      [&line, flags] { line.run = [&line, flags] { return run(*flags, line.settings); }; });
}

}  // namespace hunt::apps
