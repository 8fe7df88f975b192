#include "apps/relay_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <future>
#include <random>
#include <utility>

#include "adapters/system/process.h"
#include "base/log.h"
#include "codec/json_why.h"
#include "model/limits.h"
#include "node/http_front.h"
#include "node/node_bus.h"
#include "node/secrets.h"

namespace hunt::apps {

namespace {

constexpr std::chrono::seconds drain_within(5);
// Probes, one Prometheus and a few people. A guess.
constexpr std::size_t connections_max = 128;

std::uint64_t random_identity() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) | 1U;
}

std::string part_of(std::size_t shard) {
  return fmt::format("relay of shard {}", shard);
}

// The second relay of a machine, standing by, must not fail for an address that nobody chose.
bool says_where(const node::NodeOptions& options) {
  const auto& all = options.settings.all;
  return std::any_of(all.begin(), all.end(), [](const model::Setting& one) {
    return one.name == "listen" && one.from != "default";
  });
}

class NoRules final : public ports::RulesSource {
  [[nodiscard]] std::shared_ptr<const model::RuleSet> current() const override { return nullptr; }
};

const NoRules no_rules;

}  // namespace

// What the observer knows of a process without lanes, and what only a relay has.
class RelayProcess::Monitor final : public ports::Monitor {
 public:
  explicit Monitor(const RelayProcess& all) : all_(all) {}
  [[nodiscard]] model::Stats stats() const override { return all_.observer_.stats(); }
  [[nodiscard]] model::LiveView live() override { return {}; }
  [[nodiscard]] model::Why why() const override { return all_.why_.why(); }
  [[nodiscard]] model::Process process() const override { return all_.why_.process(); }
  [[nodiscard]] model::WhyPast why_since(std::int64_t from_us) const override {
    return all_.why_.why_since(from_us);
  }
  [[nodiscard]] model::WhyPast why_at(std::int64_t at_us) const override {
    return all_.why_.why_at(at_us);
  }
  [[nodiscard]] std::string not_ready() const override { return all_.observer_.not_ready(); }
  [[nodiscard]] std::string not_alive() const override {
    const std::int64_t still_ns = all_.lane_watch_.still_ns();
    if (!not_ready().empty() || still_ns < limits::lane_still_ns_max) return {};
    return fmt::format("the relay's thread has not turned for {} s", still_ns / 1'000'000'000);
  }
  [[nodiscard]] std::string warning() const override { return all_.observer_.warning(); }
  [[nodiscard]] std::vector<Part> parts() const override { return all_.observer_.parts(); }

 private:
  const RelayProcess& all_;
};

RelayProcess::RelayProcess(const node::NodeOptions& options)
    : options_(options),
      observer_(clock_, 0, {HUNT_VERSION, node::shown_stores(options.stores)}),
      lane_watch_(lane_, clock_, [](node::LoopWatch::Load) {}),
      front_(hub_),
      front_watch_(front_, clock_, [this](node::LoopWatch::Load load) {
        observer_.set_front_load(load.busy, load.starved, load.stalled_ns);
      }) {
  std::vector<std::string> names{"bus"};
  for (std::size_t shard = 0; shard < options.stores.size(); ++shard) {
    names.push_back(part_of(shard));
  }
  observer_.set_parts(std::move(names));
}

const ports::Monitor& RelayProcess::monitor() const {
  return *monitor_;
}

RelayProcess::~RelayProcess() {
  // Also where the start failed: a profile under way answers on the front's loop, and relays of
  // which one may not begin try again.
  profiler_.close();
  profile_push_.reset();
  end_cache_watch();
  if (stores_) stores_->close();
  end_relays();
  lane_.stop();
  front_.stop();
}

void RelayProcess::end_cache_watch() {
  if (cache_watch_) lane_.run(cache_watch_->join());
  cache_watch_.reset();
}

void RelayProcess::end_relays() {
  std::vector<std::future<void>> drains;
  for (const auto& relay : relays_) drains.push_back(lane_.spawn(relay->drain()));
  for (auto& drained : drains) drained.get();
}

Result<void> RelayProcess::open_stores() {
  node::OpenStoreOptions how;
  how.feed_for_all = true;
  how.wait_for_shards = node::wait_for_shards;
  how.agree_on_map = false;  // an orchestrator's work, and a relay may not write there
  HUNT_TRY(stores, node::OpenStores::open(options_.stores, clock_, how));
  stores_.emplace(std::move(stores));
  node::print_remarks(options_.stores);
  whole_.emplace(stores_->stores<ports::WorldStore>());
  return {};
}

Result<void> RelayProcess::open_front() {
  HUNT_TRY(listen, node::listen_address(options_.listen));
  for (const auto* path : {&options_.admin_token_file, &options_.server_token_file}) {
    node::warn_of_others(*path);
  }
  HUNT_TRY(http_options, node::http_options_of(options_, listen));
  http_options.process_only = true;
  http_options.connections_max = connections_max;
  admin_token_ = http_options.admin_token;
  monitor_ = std::make_unique<Monitor>(*this);
  auto port = listen_as(http_options);
  if (!port && !says_where(options_)) {
    log(LogLevel::warning, "process",
        port.error().message + "; nobody said where to listen, so any free port is taken");
    http_options.port = 0;
    port = listen_as(http_options);
  }
  if (!port) return tl::unexpected<Error>(port.error());
  address_ = fmt::format("http://{}/", HostPort{listen.host, *port}.shown());
  if (!options_.profile_push.empty()) {
    profile_push_.emplace(options_.profile_push,
                          fmt::format("{}:{}", http_options.machine_name, *port), profiler_);
  }
  front_.start("front");
  boost::asio::post(front_.executor(), [this] {
    http_->start();
    front_watch_.start();
  });
  return {};
}

Result<std::uint16_t> RelayProcess::listen_as(const http::HttpOptions& options) {
  http::Ports ports{front_.bus(),
                    *whole_,
                    *monitor_,
                    no_rules,
                    stores_->stores<ports::Ledger>(),
                    system::process_figures,
                    [this] {
                      return http::LoopLag{front_watch_.late_ns(), front_watch_.lag_ns()};
                    },
                    &profiler_};
  ports.settings = options_.settings;
  http_ = std::make_unique<http::HttpServer>(front_.loop(), std::move(ports), options);
  return http_->listen();
}

Result<void> RelayProcess::open_bus() {
  nats::NatsOptions how;
  how.servers = *options_.bus;
  how.hunt = options_.hunt;
  how.owner = stores_->owner();
  HUNT_TRY(secrets, node::run_here(stores_->shard(0).store().secrets()));
  how.key.assign(secrets.hunt_key.begin(), secrets.hunt_key.end());
  how.client_name = "hunt relay";
  connection_ = nats::Connection::make(lane_.executor(), how);
  bus_ = std::make_unique<nats::NatsBus>(*connection_, nats::BusOptions());
  answers_ = std::make_unique<nats::WhyService>(
      *connection_, why_.process(), [this](std::string_view body) -> Result<std::string> {
        HUNT_TRY(question, codec::read_why_question(body));
        return codec::answer_why(*monitor_, question);
      });
  flames_ =
      std::make_unique<nats::FlameService>(*connection_, why_.process(), admin_token_, profiler_);
  if (!options_.cache) return {};
  redis::RedisOptions cache;
  cache.hunt = options_.hunt;
  cache.owner = stores_->owner();
  cache_ = std::make_unique<redis::RedisCache>(*options_.cache, cache, lane_.executor());
  return {};
}

Result<void> RelayProcess::start() {
  HUNT_CHECK(open_bus());
  lane_.start("relay");
  boost::asio::post(lane_.executor(), [this] { lane_watch_.start(); });
  HUNT_CHECK(lane_.run(connection_->connect()));
  const auto names = node::shard_names(stores_->count());
  HUNT_CHECK(lane_.run(connection_->prepare(nats::StreamSettings(), names)));
  lane_.run(watch(names));
  lane_.run(begin_answering());
  HUNT_CHECK(check_cache());
  const std::uint64_t identity = random_identity();
  for (std::size_t shard = 0; shard < stores_->count(); ++shard) {
    HUNT_CHECK(start_relay(shard, identity));
  }
  observer_.set_not_ready("");
  return {};
}

Result<void> RelayProcess::start_relay(std::size_t shard, std::uint64_t identity) {
  service::RelayOptions options{static_cast<model::ShardId>(shard), identity};
  options.on_trouble = [this, part = part_of(shard)](const std::string& what) {
    observer_.set_trouble(
        part, what.empty() ? what : fmt::format("the {} tells no grants now: {}", part, what));
  };
  options.on_gap = [this, shard] { observer_.count_gap(static_cast<model::ShardId>(shard)); };
  relays_.push_back(std::make_unique<service::Relay>(options, stores_->shard(shard).feed(), *bus_,
                                                     cache_.get(), clock_, lane_.timer(),
                                                     lane_.executor()));
  const auto started = lane_.run(relays_.back()->start());
  // Another relay holds the feed, or it cannot be had just now: this one tries again.
  if (!started && started.error().code != Errc::unavailable) return started;
  return {};
}

void RelayProcess::stop() {
  observer_.set_not_ready("shutting down");
  profiler_.close();  // who waits for a profile gets what there is
  profile_push_.reset();
  lane_.run(end_answering());
  end_cache_watch();
  {
    const node::CloseAfter last_call(*stores_, drain_within);
    end_relays();
  }
  lane_.run(bus_->stop_watching());
  lane_.run(connection_->close());
  http_->stop();
}

boost::asio::awaitable<void> RelayProcess::watch(std::vector<std::string> names) {
  connection_->watch([this](bool connected) {
    unreachable_ = connected ? std::string()
                             : fmt::format(
                                   "NATS at {} is not reachable: nothing is told, and all "
                                   "of it is when it answers again",
                                   connection_->shown());
    say_bus();
  });
  const auto on_streams = [this](std::string trouble) {
    streams_ = std::move(trouble);
    say_bus();
  };
  bus_->watch_streams(*connection_, nats::StreamSettings(), std::move(names), on_streams);
  co_return;
}

void RelayProcess::say_bus() {
  observer_.set_trouble("bus", unreachable_.empty() ? streams_ : unreachable_);
}

// A cache that is down is no reason not to tell grants; one that does not let us in stays so.
Result<void> RelayProcess::check_cache() {
  if (cache_ == nullptr) return {};
  const auto checked = lane_.run(cache_->check());
  if (!checked && (checked.error().code == Errc::unauthorized ||
                   checked.error().code == Errc::already_exists)) {
    return checked;
  }
  cache_watch_.emplace(*cache_, lane_, clock_, observer_, "it gets no rows until then");
  cache_watch_->start();
  if (checked) return {};
  log(LogLevel::warning, "cache", checked.error().message + "; it gets no rows until it answers");
  return {};
}

std::vector<RelayProcess::State> RelayProcess::states() {
  auto all = lane_.run(look_at_relays());
  const auto waits = stores_->waits_for();
  for (std::size_t shard = 0; shard < all.size(); ++shard) all[shard].waits_for = waits[shard];
  return all;
}

void RelayProcess::look(const std::vector<State>& states,
                        const std::vector<service::Warning>& warnings) {
  std::vector<RelayWhy::Does> does;
  for (const auto& state : states) {
    does.push_back(state.holds_feed             ? RelayWhy::Does::tells
                   : state.feed_trouble.empty() ? RelayWhy::Does::stands_by
                                                : RelayWhy::Does::cannot);
  }
  why_.look(does, warnings);
}

boost::asio::awaitable<void> RelayProcess::begin_answering() {
  answers_->start();
  flames_->start();
  co_return;
}

boost::asio::awaitable<void> RelayProcess::end_answering() {
  answers_->leave();
  flames_->leave();
  co_return;
}

boost::asio::awaitable<std::vector<RelayProcess::State>> RelayProcess::look_at_relays() {
  std::vector<State> states;
  for (const auto& relay : relays_) {
    states.push_back({relay->holds_feed(),
                      relay->tells_again(),
                      relay->told_again(),
                      {},
                      relay->feed_trouble()});
  }
  co_return states;
}

}  // namespace hunt::apps
