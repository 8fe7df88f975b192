// hunt relay: tells what is committed to a store: invalidations and grants over NATS, rows into the
// shared cache.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <vector>

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
  std::vector<std::string> store_urls = {"sqlite:hunt.db"};
  std::string bus_url;
  std::string cache_url = "none:";
};

std::uint64_t random_identity() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1U;
}

Result<void> check_flags(const RelayFlags& flags) {
  HUNT_CHECK(check_store_urls(flags.store_urls));
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
    how.agree_on_map = false;  // an orchestrator's work, and a relay may not write there
    HUNT_TRY(stores, OpenStores::open(flags.store_urls, clock_, how));
    stores_.emplace(std::move(stores));
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
    if (stores_) stores_->close();
    lane_.stop();
  }

  [[nodiscard]] Result<void> start() {
    lane_.start();
    HUNT_CHECK(lane_.run(connection_->connect()));
    const auto names = shard_names(stores_->count());
    HUNT_CHECK(lane_.run(connection_->prepare(nats::StreamSettings(), names)));
    HUNT_CHECK(check_cache());
    const std::uint64_t identity = random_identity();
    for (std::size_t shard = 0; shard < stores_->count(); ++shard) {
      const service::RelayOptions options{static_cast<model::ShardId>(shard), identity};
      relays_.push_back(std::make_unique<service::Relay>(options, stores_->shard(shard).feed(),
                                                         *bus_, cache_.get(), clock_, lane_.timer(),
                                                         lane_.executor()));
      const auto started = lane_.run(relays_.back()->start());
      // Another relay holds the feed: this one waits until it is gone.
      if (!started && started.error().code != Errc::unavailable) return started;
    }
    return {};
  }
  // By shard.
  [[nodiscard]] std::vector<bool> holds_feeds() { return lane_.run(look()); }
  void stop() {
    for (const auto& relay : relays_) lane_.run(relay->drain());
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
  [[nodiscard]] boost::asio::awaitable<std::vector<bool>> look() {
    std::vector<bool> holds;
    for (const auto& relay : relays_) holds.push_back(relay->holds_feed());
    co_return holds;
  }

  const system::SystemClock clock_;
  Lane lane_;
  std::optional<OpenStores> stores_;
  std::unique_ptr<nats::Connection> connection_;
  std::unique_ptr<nats::NatsBus> bus_;
  std::unique_ptr<redis::RedisCache> cache_;
  std::vector<std::unique_ptr<service::Relay>> relays_;  // by shard
};

// What has changed, a line for each store.
void say(const RelayFlags& flags, const std::vector<bool>& before, const std::vector<bool>& now) {
  for (std::size_t shard = 0; shard < now.size(); ++shard) {
    if (!before.empty() && before[shard] == now[shard]) continue;
    std::printf(now[shard] ? "hunt relay tells the changes of %s\n"
                           : "hunt relay waits: another process tells the changes of %s\n",
                shown_store(flags.store_urls[shard]).c_str());
  }
  std::fflush(stdout);
}

int run(const RelayFlags& flags) {
  if (const auto fine = check_flags(flags); !fine) return report_usage(fine.error());
  const StopSignals signals;
  RelayProcess relay;
  if (const auto opened = relay.open(flags); !opened) return report(opened.error());
  if (const auto started = relay.start(); !started) return report(started.error());
  std::vector<bool> said;
  do {
    std::vector<bool> holds = relay.holds_feeds();
    say(flags, said, holds);
    said = std::move(holds);
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
  add_stores(*relay, flags->store_urls);
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
