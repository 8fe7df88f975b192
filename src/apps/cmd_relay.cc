// hunt relay: tells what is committed to a store: invalidations and grants over NATS, rows into the
// shared cache.
#include <fmt/format.h>

#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "adapters/nats/connection.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/redis/redis_cache.h"
#include "adapters/sqlite/file_guard.h"
#include "adapters/system/stop_signals.h"
#include "apps/command.h"
#include "apps/shared_flags.h"
#include "node/lane.h"
#include "node/node.h"
#include "node/node_bus.h"
#include "node/open_store.h"
#include "node/warning_log.h"
#include "service/relay.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t look_every_ns = 200'000'000;
constexpr std::int64_t gap_shown_ns = 10'000'000'000;

struct RelayFlags {
  std::vector<node::StoreUrl> stores = {node::StoreUrl::sqlite("hunt.db")};
  std::optional<nats::ServerList> bus;
  std::optional<redis::RedisUrl> cache;
  model::HuntName hunt;
};

std::uint64_t random_identity() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1U;
}

Result<void> check_flags(const RelayFlags& flags) {
  if (flags.bus) return node::check_stores(flags.stores);
  return fail(Errc::invalid_argument,
              "inproc: reaches no other process; expected nats://[USER:PASSWORD@]HOST:PORT[,…]",
              "bus");
}

// The relay with all it stands on, on one lane. Everything blocks and is the main thread's.
class RelayProcess {
 public:
  // Errors: those of OpenStores::open(); also unavailable, with sqlite::other_name: waiting helps.
  [[nodiscard]] Result<void> open_stores(const RelayFlags& flags) {
    node::OpenStoreOptions how;
    how.feed_for_all = true;
    how.agree_on_map = false;  // an orchestrator's work, and a relay may not write there
    HUNT_TRY(stores, node::OpenStores::open(flags.stores, clock_, how));
    stores_.emplace(std::move(stores));
    node::print_remarks(flags.stores);
    return {};
  }
  [[nodiscard]] Result<void> open(const RelayFlags& flags) {
    nats::NatsOptions how;
    how.servers = *flags.bus;
    how.hunt = flags.hunt;
    how.owner = stores_->owner();
    HUNT_TRY(secrets, node::run_here(stores_->shard(0).store().secrets()));
    how.key.assign(secrets.hunt_key.begin(), secrets.hunt_key.end());
    how.client_name = "hunt relay";
    connection_ = nats::Connection::make(lane_.executor(), how);
    bus_ = std::make_unique<nats::NatsBus>(*connection_, nats::BusOptions());
    if (!flags.cache) return {};
    redis::RedisOptions cache;
    cache.hunt = flags.hunt;
    cache.owner = stores_->owner();
    cache_ = std::make_unique<redis::RedisCache>(*flags.cache, cache, lane_.executor());
    return {};
  }
  ~RelayProcess() {
    if (stores_) stores_->close();
    lane_.stop();
  }

  [[nodiscard]] Result<void> start() {
    lane_.start("relay");
    HUNT_CHECK(lane_.run(connection_->connect()));
    const auto names = node::shard_names(stores_->count());
    HUNT_CHECK(lane_.run(connection_->prepare(nats::StreamSettings(), names)));
    lane_.run(watch(names));
    HUNT_CHECK(check_cache());
    const std::uint64_t identity = random_identity();
    for (std::size_t shard = 0; shard < stores_->count(); ++shard) {
      service::RelayOptions options{static_cast<model::ShardId>(shard), identity};
      options.on_trouble = [this, shard](std::string what) {
        const std::lock_guard lock(troubles_mutex_);
        troubles_[fmt::format("relay of shard {}", shard)] = std::move(what);
      };
      options.on_gap = [this, shard] {
        const std::lock_guard lock(troubles_mutex_);
        gap_ns_[static_cast<model::ShardId>(shard)] = clock_.now_ns();
      };
      relays_.push_back(std::make_unique<service::Relay>(options, stores_->shard(shard).feed(),
                                                         *bus_, cache_.get(), clock_, lane_.timer(),
                                                         lane_.executor()));
      const auto started = lane_.run(relays_.back()->start());
      // Another relay holds the feed: this one waits until it is gone.
      if (!started && started.error().code != Errc::unavailable) return started;
    }
    return {};
  }
  // Of one shard's relay, for people.
  struct State {
    bool holds_feed = false;
    bool tells_again = false;
    std::uint64_t told_again = 0;
  };
  [[nodiscard]] std::vector<State> states() { return lane_.run(look()); }
  [[nodiscard]] std::vector<service::Warning> warnings() {
    const std::lock_guard lock(troubles_mutex_);
    std::vector<service::Warning> all;
    for (const auto& [part, what] : troubles_) {
      if (what.empty()) continue;
      all.push_back({part, fmt::format("the {} tells no grants now: {}", part, what)});
    }
    for (const auto& [shard, at_ns] : gap_ns_) {
      if (clock_.now_ns() - at_ns > gap_shown_ns) continue;
      all.push_back({fmt::format("change feed of shard {}", shard), service::gap_text(shard)});
    }
    return all;
  }
  [[nodiscard]] std::int64_t now_ns() const noexcept { return clock_.now_ns(); }
  void stop() {
    for (const auto& relay : relays_) lane_.run(relay->drain());
    lane_.run(bus_->stop_watching());
    lane_.run(connection_->close());
  }

 private:
  [[nodiscard]] boost::asio::awaitable<void> watch(std::vector<std::string> names) {
    bus_->watch_streams(
        *connection_, nats::StreamSettings(), std::move(names), [](const std::string& trouble) {
          std::fprintf(stderr, "hunt: %s\n",
                       trouble.empty() ? "the streams are as they should be" : trouble.c_str());
        });
    co_return;
  }
  // A cache that is down is no reason not to tell grants; one that does not let us in stays so.
  [[nodiscard]] Result<void> check_cache() {
    if (cache_ == nullptr) return {};
    const auto checked = lane_.run(cache_->check());
    if (checked || checked.error().code == Errc::unauthorized ||
        checked.error().code == Errc::already_exists) {
      return checked;
    }
    std::fprintf(stderr, "hunt: %s; it gets no rows until it answers\n",
                 checked.error().message.c_str());
    return {};
  }
  [[nodiscard]] boost::asio::awaitable<std::vector<State>> look() {
    std::vector<State> states;
    for (const auto& relay : relays_) {
      states.push_back({relay->holds_feed(), relay->tells_again(), relay->told_again()});
    }
    co_return states;
  }

  const system::SystemClock clock_;
  std::mutex troubles_mutex_;
  std::map<std::string, std::string> troubles_;    // by part
  std::map<model::ShardId, std::int64_t> gap_ns_;  // the last one of each shard
  node::Lane lane_;
  std::optional<node::OpenStores> stores_;
  std::unique_ptr<nats::Connection> connection_;
  std::unique_ptr<nats::NatsBus> bus_;
  std::unique_ptr<redis::RedisCache> cache_;
  std::vector<std::unique_ptr<service::Relay>> relays_;  // by shard
};

// What has changed, a line for each store.
void say(const RelayFlags& flags, const std::vector<RelayProcess::State>& before,
         const std::vector<RelayProcess::State>& now) {
  for (std::size_t shard = 0; shard < now.size(); ++shard) {
    const std::string store = flags.stores[shard].shown();
    const auto was = before.empty() ? RelayProcess::State() : before[shard];
    if (before.empty() || was.holds_feed != now[shard].holds_feed) {
      std::printf(now[shard].holds_feed
                      ? "hunt relay tells the changes of %s\n"
                      : "hunt relay waits: another process tells the changes of %s\n",
                  store.c_str());
    }
    if (!was.tells_again && now[shard].tells_again) {
      std::printf("hunt relay tells the grants of %s again: what kept them was lost\n",
                  store.c_str());
    }
    const bool over = !now[shard].tells_again && now[shard].told_again != was.told_again;
    if (over || (was.tells_again && !now[shard].tells_again)) {
      std::printf("hunt relay has told grants of %s again, %llu since it started\n", store.c_str(),
                  static_cast<unsigned long long>(now[shard].told_again));
    }
  }
  std::fflush(stdout);
}

int run(const RelayFlags& flags) {
  if (const auto fine = check_flags(flags); !fine) return report_usage(fine.error());
  const system::StopSignals signals;
  RelayProcess relay;
  bool waits = false;
  for (;;) {
    const auto opened = relay.open_stores(flags);
    if (opened) break;
    if (opened.error().field != sqlite::other_name) return report(opened.error());
    if (!std::exchange(waits, true)) {
      std::printf("hunt relay waits: %s\n", opened.error().message.c_str());
      std::fflush(stdout);
    }
    if (signals.wait(look_every_ns)) return 0;
  }
  if (const auto opened = relay.open(flags); !opened) return report(opened.error());
  if (const auto started = relay.start(); !started) return report(started.error());
  std::vector<RelayProcess::State> said;
  node::WarningLog warnings;
  do {
    for (const auto& line : warnings.look(relay.warnings(), relay.now_ns())) {
      std::fprintf(stderr, "hunt: %s\n", line.c_str());
    }
    std::vector<RelayProcess::State> states = relay.states();
    say(flags, said, states);
    said = std::move(states);
  } while (!signals.wait(look_every_ns));
  std::printf("hunt: draining\n");
  relay.stop();
  return 0;
}

}  // namespace

void add_relay(CommandLine& line) {
  auto flags = std::make_shared<RelayFlags>();
  CLI::App* relay = line.app.add_subcommand(
      "relay", "Tells what changes in a store to every `hunt serve` on the same bus");
  add_stores(*relay, flags->stores);
  add_bus(*relay, flags->bus)->default_str("")->required();
  add_cache(*relay, flags->cache);
  add_hunt(*relay, flags->hunt);
  relay->footer(
      "One relay works for a store; start a second one and it takes over when the first is gone.\n"
      "Examples:\n"
      "  hunt relay --store sqlite:hunt.db --bus nats://127.0.0.1:4222\n"
      "  HUNT_BUS=nats://hunt:secret@nats:4222 hunt relay --store sqlite:hunt.db \\\n"
      "             --cache redis://127.0.0.1:6379");
  relay->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
