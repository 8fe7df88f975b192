// The target that runs elsewhere: positions go over HTTP or WebSocket, all else over HTTP.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <chrono>
#include <cmath>
#include <utility>

#include "adapters/http/client.h"
#include "adapters/http/remote_bus.h"
#include "base/text.h"
#include "base/url.h"
#include "rush/target.h"
#include "rush/world_target.h"

namespace hunt::rush {

namespace {

namespace json = boost::json;

constexpr model::WorldId demo = 1;
// Figures are asked while the target may be stalled: then the report goes without them.
constexpr std::chrono::milliseconds figures_timeout{2'000};
constexpr std::chrono::milliseconds livez_timeout{5'000};
// HTTP tells no claims, so they are asked again soon; the stream tells them, so only lost ones are.
constexpr std::int64_t ask_again_http_ns = 20'000'000;
constexpr std::int64_t ask_again_stream_ns = 2'000'000'000;
// Some wait for terminal outcomes while the others carry the schedule.
constexpr std::size_t http_connections = 16;

// Where the same server answers HTTP.
std::string http_url_of(const std::string& url) {
  const auto [scheme, rest] = split_url(url);
  if (scheme != Scheme::ws) return url;
  return fmt::format("{}{}", prefix_of(Scheme::http), rest.substr(0, rest.find('/')));
}

std::int64_t ns_of(const json::value& seconds) {
  return std::llround(seconds.to_number<double>() * 1e9);
}

model::LatencySummary summary_of(const json::value& value) {
  model::LatencySummary summary;
  summary.count = value.at("count").to_number<std::uint64_t>();
  if (summary.count == 0) return summary;
  summary.p50_ns = ns_of(value.at("p50"));
  summary.p99_ns = ns_of(value.at("p99"));
  return summary;
}

model::Stats stats_of(const json::value& value) {
  model::Stats stats;
  stats.rules = json::value_to<std::string>(value.at("rules"));
  for (const auto& figure : model::count_figures) {
    std::string path = fmt::format("/{}", figure.name);
    std::replace(path.begin(), path.end(), '.', '/');
    stats.*figure.value = value.at_pointer(path).to_number<std::uint64_t>();
  }
  const json::value& latencies = value.at("latency_since_start_seconds");
  for (const auto& figure : model::latency_figures<model::LatencySummary>) {
    stats.since_start.*figure.value = summary_of(latencies.at(figure.name));
  }
  return stats;
}

Bottleneck bottleneck_in(const json::value& value) {
  const auto text = [&value](const char* key) {
    return json::value_to<std::string>(value.at(key));
  };
  Bottleneck out;
  out.verdict = text("verdict");
  out.next = text("next");
  out.stage = text("stage");
  out.resource = text("resource");
  out.cause = text("cause");
  out.share = value.at("share").to_number<double>();
  out.tail_seconds = value.at("tail_seconds").to_number<double>();
  return out;
}

class RemoteTarget final : public RushTarget {
 public:
  explicit RemoteTarget(const TargetOptions& options)
      : options_(options),
        http_url_(http_url_of(options.url)),
        game_token_(options.server_token.empty() ? options.admin_token : options.server_token),
        game_(make_http_target(http_url_, game_token_)),
        admin_(make_http_target(http_url_, options.admin_token)) {}

  [[nodiscard]] http::RemoteOptions remote_options() const {
    http::RemoteOptions remote;
    remote.url = options_.url;
    remote.token = game_token_;
    remote.connections = http_connections;
    return remote;
  }

  MakeAsker make_asker() override {
    return [this](boost::asio::any_io_executor lane) -> std::unique_ptr<ports::Asker> {
      auto made = http::RemoteBus::make(std::move(lane), remote_options());
      HUNT_ASSERT(made.has_value() && "open_target() made one");
      bus_ = made->get();
      return std::move(*made);
    };
  }
  Result<void> connect(node::Lane& lane) override { return advised(lane.run(bus_->connect())); }
  void close(node::Lane& lane) override { lane.run(bus_->close()); }
  void set_claims(DriverOptions& options) const override {
    const bool stream = split_url(options_.url).scheme == Scheme::ws;
    options.ask_again_ns = stream ? ask_again_stream_ns : ask_again_http_ns;
    options.grants_from_answers = !stream;
  }

  Result<model::WorldStats> world_stats() override {
    // A target that hangs is told soon; the request for the figures may take longer.
    HUNT_CHECK(http::http_request(http_url_, "GET", "/livez", {}, {}, livez_timeout));
    return advised(game_->stats(demo));
  }
  Result<void> bury(std::vector<model::Burial> burials) override {
    HUNT_CHECK(check_admin());
    BuryCount count;
    return advised(admin_->bury(demo, std::move(burials), count));
  }
  Result<std::vector<model::Burial>> loot() override {
    HUNT_CHECK(check_admin());
    std::vector<model::Burial> all;
    for (std::optional<model::TileId> from = model::TileId{}; from;) {
      HUNT_TRY(page, advised(admin_->list(demo, *from)));
      for (auto& row : page.rows) {
        model::Burial burial;
        burial.tile = model::tile_of(row.tile);
        burial.table = std::move(row.table);
        burial.budget = row.budget;
        all.push_back(std::move(burial));
      }
      from = page.next;
    }
    return all;
  }
  Result<void> warm(model::TileRect) override { return {}; }

  std::optional<bool> is_granted(model::ClaimId claim) override {
    const auto response =
        http::http_request(http_url_, "GET", "/v1/claims/" + model::format_claim_id(claim), {},
                           game_token_, figures_timeout);
    if (!response || (response->status != 200 && response->status != 404)) return {};
    return response->status == 200 &&
           response->body.find(R"("outcome":"granted")") != std::string::npos;
  }
  std::optional<model::Stats> stats() override { return figures("/v1/stats", stats_of); }
  std::optional<Bottleneck> bottleneck() override { return figures("/v1/why", bottleneck_in); }
  std::optional<Cpu> cpu() override { return {}; }

 private:
  [[nodiscard]] Result<void> check_admin() const {
    if (!options_.admin_token.empty()) return {};
    return fail(Errc::unauthorized,
                fmt::format("{} buries loot for its admin only: give the admin token with "
                            "--admin-token-file FILE (the server prints one at its start unless it "
                            "was told one)",
                            http_url_));
  }

  // A refused token is told with the flags of this command.
  template <class T>
  [[nodiscard]] Result<T> advised(Result<T> result) const {
    if (result || result.error().code != Errc::unauthorized) return result;
    return fail(Errc::unauthorized,
                fmt::format("{} refuses the token: give the game servers' with --server-token-file "
                            "FILE and the admin's with --admin-token-file FILE",
                            http_url_));
  }

  template <class Read>
  auto figures(std::string_view route, Read read) -> std::optional<decltype(read(json::value{}))> {
    const auto response =
        http::http_request(http_url_, "GET", route, {}, game_token_, figures_timeout);
    if (!response || response->status != 200) return {};
    try {
      return read(json::parse(response->body));
    } catch (const std::exception&) {
      return {};  // another version, which tells other figures
    }
  }

  const TargetOptions options_;
  const std::string http_url_;
  const std::string game_token_;
  std::unique_ptr<WorldTarget> game_;
  std::unique_ptr<WorldTarget> admin_;
  http::RemoteBus* bus_ = nullptr;  // the driver's
};

}  // namespace

Result<std::unique_ptr<RushTarget>> open_target(const TargetOptions& options) {
  const Scheme scheme = split_url(options.url).scheme;
  if (is_nats(scheme)) return open_nats_target(options);
  if (options.stored || !options.http_url.empty()) {
    return fail(Errc::invalid_argument, "is for --target nats://HOST:PORT alone",
                options.stored ? "stored" : "url");
  }
  if (scheme == Scheme::inproc) return open_inproc_target(options);
  if (scheme != Scheme::http && scheme != Scheme::ws) {
    return fail(Errc::invalid_argument,
                fmt::format("\"{}\" is no target; expected http://HOST:PORT, "
                            "ws://HOST:PORT/v1/stream, nats://HOST:PORT or inproc:",
                            printable(options.url, 128)),
                "target");
  }
  auto target = std::make_unique<RemoteTarget>(options);
  boost::asio::io_context loop;
  auto probe = http::RemoteBus::make(loop.get_executor(), target->remote_options());
  if (!probe) {
    probe.error().field = "target";
    return tl::unexpected<Error>(std::move(probe).error());
  }
  return target;
}

}  // namespace hunt::rush
