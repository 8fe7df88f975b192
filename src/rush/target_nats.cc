// The target on NATS: positions are asked on hunt.ask.any or stored in hunt.pos.any. What NATS has
// no subject for, a `hunt serve` on the same bus tells over HTTP, where one is named.
#include <fmt/format.h>

#include <utility>

#include "adapters/nats/nats_bus.h"
#include "adapters/nats/stored_asker.h"
#include "base/hide_user.h"
#include "base/url.h"
#include "load/demo_world.h"
#include "rush/target.h"

namespace hunt::rush {

namespace {

// Claims are told, so only those whose telling was lost are asked again.
constexpr std::int64_t ask_again_ns = 2'000'000'000;

// Owns its connection. Thread: the driver's.
class NatsAsker final : public ports::Asker {
 public:
  NatsAsker(std::unique_ptr<nats::Connection> connection, bool stored)
      : connection_(std::move(connection)), bus_(*connection_, nats::BusOptions()) {
    if (stored) stored_ = std::make_unique<nats::StoredAsker>(*connection_, bus_);
  }
  boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                        ports::Wait wait) override {
    return stored_ != nullptr ? stored_->ask(std::move(batch), wait)
                              : bus_.ask(std::move(batch), wait);
  }
  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override {
    bus_.on_claims(std::move(handler));
  }
  // Nobody there is better known before the run.
  boost::asio::awaitable<Result<void>> connect() {
    HUNT_CO_CHECK(co_await connection_->connect());
    model::Batch nothing;
    nothing.world = 1;
    const auto answered = co_await bus_.ask(std::move(nothing), ports::Wait::no);
    if (!answered && answered.error().code == Errc::unavailable) {
      co_return tl::unexpected<Error>(answered.error());
    }
    co_return Result<void>{};
  }
  boost::asio::awaitable<void> close() { return connection_->close(); }

 private:
  std::unique_ptr<nats::Connection> connection_;
  nats::NatsBus bus_;
  std::unique_ptr<nats::StoredAsker> stored_;
};

class NatsTarget final : public RushTarget {
 public:
  // `http` may be null: nobody tells the rest.
  NatsTarget(TargetOptions options, nats::ServerList servers, std::unique_ptr<RushTarget> http)
      : options_(std::move(options)), servers_(std::move(servers)), http_(std::move(http)) {}

  MakeAsker make_asker() override {
    return [this](boost::asio::any_io_executor lane) -> std::unique_ptr<ports::Asker> {
      auto connection = nats::Connection::make(std::move(lane), how());
      auto asker = std::make_unique<NatsAsker>(std::move(connection), options_.stored);
      asker_ = asker.get();
      return asker;
    };
  }
  Result<void> connect(node::Lane& lane) override { return lane.run(asker_->connect()); }
  void close(node::Lane& lane) override { lane.run(asker_->close()); }
  void set_claims(DriverOptions& options) const override {
    options.ask_again_ns = ask_again_ns;
    options.grants_from_answers = options_.stored;  // its answers are terminal
  }

  bool knows_world() const override { return http_ != nullptr; }
  Result<model::WorldStats> world_stats() override {
    if (http_ != nullptr) return http_->world_stats();
    return untold("what lies in world 1");
  }
  Result<void> bury(std::vector<model::Burial> burials) override {
    if (http_ != nullptr) return http_->bury(std::move(burials));
    return untold("how to bury loot");
  }
  Result<std::vector<model::Burial>> loot() override {
    if (http_ != nullptr) return http_->loot();
    return untold("what lies in world 1");
  }
  Result<void> warm(model::TileRect rect) override {
    return http_ != nullptr ? http_->warm(rect) : Result<void>();
  }
  std::optional<bool> is_granted(model::ClaimId claim) override {
    if (http_ == nullptr) return {};
    return http_->is_granted(claim);
  }
  std::optional<model::Stats> stats() override {
    if (http_ == nullptr) return {};
    return http_->stats();
  }
  std::optional<Bottleneck> bottleneck() override {
    if (http_ == nullptr) return {};
    return http_->bottleneck();
  }
  std::optional<Cpu> cpu() override { return {}; }

 private:
  [[nodiscard]] nats::NatsOptions how() const {
    nats::NatsOptions options;
    options.servers = servers_;
    options.client_name = "hunt rush";
    options.hunt = options_.hunt;
    return options;
  }
  [[nodiscard]] static tl::unexpected<Error> untold(std::string_view what) {
    return fail(Errc::unsupported,
                fmt::format("nobody tells {} over NATS; name a `hunt serve` of the same bus with "
                            "--url http://HOST:PORT",
                            what));
  }

  const TargetOptions options_;
  const nats::ServerList servers_;
  std::unique_ptr<RushTarget> http_;
  NatsAsker* asker_ = nullptr;  // the driver's
};

}  // namespace

std::string shown_url(const std::string& url) {
  const Scheme scheme = split_url(url).scheme;
  if (!is_nats(scheme)) return hide_user(url);
  const auto servers = nats::parse_servers(url);
  return servers ? servers->shown_url() : fmt::format("{}…", prefix_of(scheme));
}

Result<std::unique_ptr<RushTarget>> open_nats_target(const TargetOptions& options) {
  auto servers = nats::parse_servers(options.url);
  if (!servers) {
    servers.error().field = "target";
    return tl::unexpected<Error>(std::move(servers).error());
  }
  std::unique_ptr<RushTarget> http;
  if (!options.http_url.empty()) {
    TargetOptions there = options;
    there.url = options.http_url;
    there.http_url.clear();
    there.stored = false;
    HUNT_TRY(opened, open_target(there));
    http = std::move(opened);
  }
  return std::make_unique<NatsTarget>(options, std::move(*servers), std::move(http));
}

}  // namespace hunt::rush
