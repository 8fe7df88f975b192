// hunt relay: tells what is committed to a store: invalidations and grants over NATS, rows into the
// shared cache.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <random>

#include "adapters/nats/connection.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/redis/redis_cache.h"
#include "apps/command.h"
#include "apps/lane.h"
#include "apps/node.h"
#include "apps/node_bus.h"
#include "apps/open_store.h"
#include "apps/signals.h"
#include "service/relay.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t look_every_ns = 200'000'000;

struct RelayFlags {
  std::string store_url = "sqlite:hunt.db";
  std::string bus_url;
  std::string cache_url = "none:";
};

std::uint64_t random_identity() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1U;
}

Result<void> check_flags(const RelayFlags& flags) {
  HUNT_CHECK(check_store_url(flags.store_url));
  HUNT_CHECK(nats::parse_servers(flags.bus_url));
  if (flags.cache_url != "none:") HUNT_CHECK(redis::parse_redis_url(flags.cache_url));
  return {};
}

// The relay with all it stands on, on one lane. Everything blocks and is the main thread's.
class RelayProcess {
 public:
  [[nodiscard]] Result<void> open(const RelayFlags& flags) {
    OpenStoreOptions how;
    how.feed_for_all = true;
    HUNT_TRY(store, OpenStore::open(flags.store_url, clock_, how));
    store_ = std::move(store);
    nats::NatsOptions servers;
    servers.url = flags.bus_url;
    servers.client_name = "hunt relay";
    HUNT_TRY(connection, nats::Connection::make(lane_.executor(), servers));
    connection_ = std::move(connection);
    bus_ = std::make_unique<nats::NatsBus>(*connection_, nats::BusOptions());
    if (flags.cache_url == "none:") return {};
    HUNT_TRY(url, redis::parse_redis_url(flags.cache_url));
    cache_ = std::make_unique<redis::RedisCache>(std::move(url), redis::RedisOptions(),
                                                 lane_.executor());
    return {};
  }
  ~RelayProcess() {
    if (store_ != nullptr) store_->close();
    lane_.stop();
  }

  [[nodiscard]] Result<void> start() {
    lane_.start();
    HUNT_CHECK(lane_.run(connection_->connect()));
    HUNT_CHECK(lane_.run(connection_->prepare(nats::StreamSettings(), shard_names(1))));
    HUNT_CHECK(check_cache());
    const service::RelayOptions options{0, random_identity()};
    relay_ = std::make_unique<service::Relay>(options, store_->feed(), *bus_, cache_.get(), clock_,
                                              lane_.timer(), lane_.executor());
    const auto started = lane_.run(relay_->start());
    // Another relay holds the feed: this one waits until it is gone.
    if (started || started.error().code == Errc::unavailable) return {};
    return started;
  }
  [[nodiscard]] bool holds_feed() { return lane_.run(look()); }
  void stop() {
    lane_.run(relay_->drain());
    lane_.run(connection_->close());
  }

 private:
  // A cache that is down is no reason not to tell grants; one that does not let us in stays so.
  [[nodiscard]] Result<void> check_cache() {
    if (cache_ == nullptr) return {};
    const auto checked = lane_.run(cache_->check());
    if (checked || checked.error().code == Errc::unauthorized) return checked;
    std::fprintf(stderr, "hunt: %s; it gets no rows until it answers\n",
                 checked.error().message.c_str());
    return {};
  }
  [[nodiscard]] boost::asio::awaitable<bool> look() { co_return relay_->holds_feed(); }

  const system::SystemClock clock_;
  Lane lane_;
  std::unique_ptr<OpenStore> store_;
  std::unique_ptr<nats::Connection> connection_;
  std::unique_ptr<nats::NatsBus> bus_;
  std::unique_ptr<redis::RedisCache> cache_;
  std::unique_ptr<service::Relay> relay_;
};

void say(const RelayFlags& flags, bool holds) {
  if (holds) {
    std::printf("hunt relay tells the changes of %s\n", shown_store(flags.store_url).c_str());
  } else {
    std::printf("hunt relay waits: another process tells the changes of %s\n",
                shown_store(flags.store_url).c_str());
  }
  std::fflush(stdout);
}

int run(const RelayFlags& flags) {
  if (const auto fine = check_flags(flags); !fine) return report_usage(fine.error());
  const StopSignals signals;
  RelayProcess relay;
  if (const auto opened = relay.open(flags); !opened) return report(opened.error());
  if (const auto started = relay.start(); !started) return report(started.error());
  bool holds = relay.holds_feed();
  say(flags, holds);
  while (!signals.wait(look_every_ns)) {
    if (relay.holds_feed() == holds) continue;
    holds = !holds;
    say(flags, holds);
  }
  std::printf("hunt: draining\n");
  relay.stop();
  return 0;
}

}  // namespace

void add_relay(CommandLine& line) {
  auto flags = std::make_shared<RelayFlags>();
  CLI::App* relay = line.app.add_subcommand(
      "relay", "Tells what changes in a store to every `hunt serve` on the same bus");
  relay
      ->add_option("--store", flags->store_url,
                   "Whose changes: sqlite:FILE or postgres://HOST:PORT/DATABASE")
      ->capture_default_str();
  relay->add_option("--bus", flags->bus_url, "Where to: nats://[USER:PASSWORD@]HOST:PORT[,…]")
      ->required();
  relay
      ->add_option("--cache", flags->cache_url,
                   "The cache that gets the changed rows: none:, redis://HOST:PORT or "
                   "redis-cluster://HOST:PORT")
      ->capture_default_str();
  relay->footer(
      "One relay works for a store; start a second one and it takes over when the first is gone.\n"
      "Examples:\n"
      "  hunt relay --store sqlite:hunt.db --bus nats://127.0.0.1:4222\n"
      "  HUNT_BUS=nats://hunt:secret@nats:4222 hunt relay --store sqlite:hunt.db \\\n"
      "             --cache redis://127.0.0.1:6379");
  relay->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
