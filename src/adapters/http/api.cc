#include "adapters/http/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "adapters/http/metrics_text.h"
#include "adapters/http/page.h"
#include "adapters/http/target.h"
#include "adapters/http/token.h"
#include "adapters/http/world_names.h"
#include "base/text.h"
#include "codec/json_replies.h"
#include "codec/json_requests.h"
#include "codec/json_why.h"
#include "model/limits.h"

namespace hunt::http {

namespace {

using boost::asio::awaitable;

enum class Access : std::uint8_t { open, game, admin };

// What a handler sees: lives in the frame of Api::handle while the handler runs.
struct Call {
  Request request;
  Target target;
};

Response json(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

// A stream's message with the id it answers in front.
std::string with_id(std::optional<std::uint64_t> id, std::string text) {
  if (id) text.insert(1, fmt::format(R"("id":{},)", *id));
  return text;
}

bool matches(std::string_view pattern, const std::vector<std::string>& segments) {
  std::size_t index = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view part = pattern.substr(0, end);
    if (index == segments.size()) return false;
    const bool wildcard = !part.empty() && part.front() == '<';
    if (wildcard ? segments[index].empty() : part != segments[index]) return false;
    ++index;
    pattern.remove_prefix(end);
  }
  return index == segments.size();
}

}  // namespace

class Api::Routes {
 public:
  Routes(Ports ports, const HttpOptions& options, bool trusted_listener)
      : ports_(ports),
        gate_(options.admin_token, options.server_token),
        trusted_(trusted_listener),
        worlds_(ports.store) {}

  awaitable<Response> handle(Request request);
  awaitable<StreamAnswer> handle_message(std::string message);

 private:
  using Handler = awaitable<Result<Response>> (Routes::*)(const Call&);
  struct Route {
    std::string_view method;
    std::string_view pattern;
    Access access;
    Handler handler;
  };
  static std::span<const Route> table();

  // The route of the request, or the response that says there is none.
  Result<const Route*> find(const Call& call, Response& refusal) const;
  // Nothing when the caller may use the route.
  std::optional<Response> refuse(const Call& call, Access access) const;

  awaitable<Result<Response>> post_positions(const Call& call);
  awaitable<Result<model::BatchReply>> ask_bus(codec::PositionsRequest& request, bool wait);
  awaitable<Result<Response>> get_stream(const Call& call);
  awaitable<Result<Response>> get_claim(const Call& call);
  awaitable<Result<Response>> get_grants(const Call& call);
  awaitable<Result<Response>> put_tiles(const Call& call);
  awaitable<Result<Response>> delete_tiles(const Call& call);
  awaitable<Result<Response>> get_tiles(const Call& call);
  awaitable<Result<Response>> get_worlds(const Call& call);
  awaitable<Result<Response>> get_world(const Call& call);
  awaitable<Result<Response>> put_world(const Call& call);
  awaitable<Result<Response>> get_stats(const Call& call);
  awaitable<Result<Response>> get_live(const Call& call);
  awaitable<Result<Response>> get_why(const Call& call);
  awaitable<Result<Response>> get_map(const Call& call);
  awaitable<Result<Response>> get_livez(const Call& call);
  awaitable<Result<Response>> get_readyz(const Call& call);
  awaitable<Result<Response>> get_metrics(const Call& call);
  awaitable<Result<Response>> get_page(const Call& call);

  // Where a reader of the ledgers is.
  Result<ports::LedgerPlace> place_of(const Call& call) const;
  Result<void> check_tables(const std::vector<model::Burial>& burials) const;

  Ports ports_;
  Gate gate_;
  bool trusted_;
  WorldNames worlds_;
  codec::PositionsReader positions_reader_;
};

std::span<const Api::Routes::Route> Api::Routes::table() {
  static constexpr std::array<Route, 18> routes = {{
      {"POST", "/v1/positions", Access::game, &Routes::post_positions},
      {"GET", "/v1/stream", Access::game, &Routes::get_stream},
      {"GET", "/v1/claims/<claim>", Access::game, &Routes::get_claim},
      {"GET", "/v1/grants", Access::game, &Routes::get_grants},
      {"PUT", "/v1/worlds/<world>/tiles", Access::admin, &Routes::put_tiles},
      {"DELETE", "/v1/worlds/<world>/tiles", Access::admin, &Routes::delete_tiles},
      {"GET", "/v1/worlds/<world>/tiles", Access::admin, &Routes::get_tiles},
      {"GET", "/v1/worlds", Access::game, &Routes::get_worlds},
      {"GET", "/v1/worlds/<world>", Access::game, &Routes::get_world},
      {"PUT", "/v1/worlds/<world>", Access::admin, &Routes::put_world},
      {"GET", "/v1/stats", Access::game, &Routes::get_stats},
      {"GET", "/v1/live", Access::game, &Routes::get_live},
      {"GET", "/v1/why", Access::game, &Routes::get_why},
      {"GET", "/v1/map", Access::game, &Routes::get_map},
      {"GET", "/livez", Access::open, &Routes::get_livez},
      {"GET", "/readyz", Access::open, &Routes::get_readyz},
      {"GET", "/metrics", Access::game, &Routes::get_metrics},
      {"GET", "/", Access::game, &Routes::get_page},
  }};
  return routes;
}

Result<const Api::Routes::Route*> Api::Routes::find(const Call& call, Response& refusal) const {
  const std::string_view method =
      call.request.method == "HEAD" ? std::string_view("GET") : call.request.method;
  std::string allowed;
  for (const auto& route : table()) {
    if (!matches(route.pattern, call.target.segments())) continue;
    if (route.method == method) return &route;
    allowed += fmt::format("{}{}{}", allowed.empty() ? "" : ", ", route.method,
                           route.method == "GET" ? ", HEAD" : "");
  }
  const std::string path = printable(call.target.path(), 128);
  if (!allowed.empty()) {
    refusal = error_response(405, "method_not_allowed",
                             fmt::format("{} does not take {}; it takes {}", path,
                                         printable(call.request.method), allowed));
    refusal.headers.emplace_back("Allow", allowed);
    return fail(Errc::not_found, {});
  }
  std::vector<std::string_view> known;
  for (const auto& route : table()) known.push_back(route.pattern);
  refusal = error_response(
      404, "not_found",
      fmt::format("there is no route {}{}", path, did_you_mean(call.target.path(), known)));
  return fail(Errc::not_found, {});
}

std::optional<Response> Api::Routes::refuse(const Call& call, Access access) const {
  const Request& request = call.request;
  const bool trusted = access == Access::game && trusted_;
  if (access == Access::open ||
      (trusted && !is_foreign(request.host, request.origin, request.user_agent)))
    return {};
  const bool admin = access == Access::admin;
  const Gate::Verdict verdict = gate_.check(request.authorization, admin);
  if (verdict == Gate::Verdict::open) return {};
  if (trusted) {
    return error_response(403, "forbidden",
                          fmt::format("without a token only this machine may ask, at 127.0.0.1 or "
                                      "localhost: found Host \"{}\" and Origin \"{}\"",
                                      printable(request.host), printable(request.origin)));
  }
  const std::string_view token = admin ? "the admin token" : "the game servers' token";
  auto response = error_response(
      401, "unauthorized",
      verdict == Gate::Verdict::missing
          ? fmt::format("this route needs \"Authorization: Bearer <token>\" with {}", token)
          : fmt::format("the token sent is not {}", token));
  // A browser shows the page, which then asks for the token: the page itself holds no data.
  if (call.target.path() == "/" && call.request.accept.find("text/html") != std::string::npos) {
    response.content_type = "text/html; charset=utf-8";
    response.body = page_html();
  }
  return response;
}

awaitable<Response> Api::Routes::handle(Request request) {
  auto target = Target::parse(request.target);
  if (!target) co_return error_response(target.error());
  const Call call(std::move(request), std::move(*target));
  Response refusal;
  const auto route = find(call, refusal);
  if (!route) co_return refusal;
  if (auto refused = refuse(call, (*route)->access)) co_return std::move(*refused);
  const Handler handler = (*route)->handler;
  auto response = co_await (this->*handler)(call);
  if (!response) co_return error_response(response.error());
  co_return std::move(*response);
}

awaitable<Result<Response>> Api::Routes::post_positions(const Call& call) {
  static constexpr std::array<std::string_view, 1> known = {"wait"};
  HUNT_CO_CHECK(call.target.check_known(known));
  const auto* wait = call.target.find("wait");
  if (wait != nullptr && *wait != "terminal") {
    co_return fail(
        Errc::invalid_argument,
        fmt::format("wait must be \"terminal\" or absent, found \"{}\"", printable(*wait)), "wait");
  }
  if (!call.request.has_length) {
    co_return error_response(411, "length_required",
                             "send the positions as the body, with Content-Length");
  }
  HUNT_CO_TRY(request, positions_reader_.parse(call.request.body));
  auto reply = co_await ask_bus(request, wait != nullptr);
  if (!reply) co_return tl::unexpected(std::move(reply).error());
  std::string body;
  codec::write_reply(request.batch, *reply, body);
  co_return json(std::move(body));
}

awaitable<Result<model::BatchReply>> Api::Routes::ask_bus(codec::PositionsRequest& request,
                                                          bool wait) {
  if (std::holds_alternative<std::string>(request.world)) {
    auto world = co_await worlds_.find(std::move(request.world));
    if (!world) co_return tl::unexpected(std::move(world).error());
    request.batch.world = world->id;
  }
  const auto mode = wait || request.wait_terminal ? ports::Wait::terminal : ports::Wait::no;
  co_return co_await ports_.bus.ask(request.batch, mode);
}

awaitable<Api::StreamAnswer> Api::Routes::handle_message(std::string message) {
  StreamAnswer answer;
  auto request = positions_reader_.parse(message, codec::Carrier::stream);
  const auto id = positions_reader_.last_id();
  if (!request) {
    answer.text = with_id(id, error_response(request.error()).body);
    co_return answer;
  }
  const auto reply = co_await ask_bus(*request, false);
  if (!reply) {
    answer.text = with_id(id, error_response(reply.error()).body);
    co_return answer;
  }
  codec::write_reply(request->batch, *reply, answer.text);
  answer.text = with_id(id, std::move(answer.text));
  for (const auto& outcome : reply->outcomes) {
    if (outcome.outcome != model::Outcome::found || outcome.claim_index < 0) continue;
    answer.found.push_back(reply->claims[static_cast<std::size_t>(outcome.claim_index)].claim);
  }
  co_return answer;
}

Result<ports::LedgerPlace> Api::Routes::place_of(const Call& call) const {
  const auto* after = call.target.find("after");
  return ports::LedgerPlace::parse(after == nullptr ? "0" : *after, ports_.ledgers.size());
}

awaitable<Result<Response>> Api::Routes::get_stream(const Call& call) {
  static constexpr std::array<std::string_view, 1> known = {"after"};
  HUNT_CO_CHECK(call.target.check_known(known));
  HUNT_CO_TRY(after, place_of(call));
  if (!call.request.upgrade) {
    auto refusal = error_response(426, "upgrade_required",
                                  "/v1/stream is a WebSocket: connect to it with ws://");
    refusal.headers.emplace_back("Upgrade", "websocket");
    refusal.headers.emplace_back("Connection", "Upgrade");
    co_return refusal;
  }
  Response response;
  response.stream.emplace();
  if (call.target.find("after") != nullptr) response.stream->after = std::move(after);
  co_return response;
}

awaitable<Result<Response>> Api::Routes::get_claim(const Call& call) {
  HUNT_CO_CHECK(call.target.check_known({}));
  const std::string& text = call.target.segments().back();
  const auto claim = model::parse_claim_id(text);
  if (!claim) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("a claim is 32 hexadecimal digits, found \"{}\"", printable(text)),
                   "claim");
  }
  auto grant = co_await ports_.store.find_grant(*claim);
  if (!grant) co_return tl::unexpected(std::move(grant).error());
  if (!grant->has_value()) {
    co_return fail(Errc::not_found,
                   fmt::format("claim {} is not in the ledger: it was refused, is still being "
                               "decided, or never was; send its position again to learn which",
                               text));
  }
  std::string body;
  codec::write_claim(**grant, body);
  co_return json(std::move(body));
}

awaitable<Result<Response>> Api::Routes::get_grants(const Call& call) {
  static constexpr std::array<std::string_view, 2> known = {"after", "limit"};
  HUNT_CO_CHECK(call.target.check_known(known));
  HUNT_CO_TRY(after, place_of(call));
  HUNT_CO_TRY(limit, call.target.number("limit", 100, 1, limits::grants_per_page_max));
  const auto count = static_cast<std::uint32_t>(limit);
  auto page = co_await ports::read_ledgers(ports_.ledgers, std::move(after), count);
  if (!page) co_return tl::unexpected(std::move(page).error());
  std::string body;
  codec::write_grants(page->grants, page->next.text(), body);
  co_return json(std::move(body));
}

Result<void> Api::Routes::check_tables(const std::vector<model::Burial>& burials) const {
  const auto rules = ports_.rules.current();
  for (std::size_t i = 0; i < burials.size(); ++i) {
    if (rules != nullptr && rules->find_table(burials[i].table)) continue;
    std::vector<std::string_view> known;
    if (rules != nullptr) {
      for (const auto& table : rules->tables) known.push_back(table.name);
    }
    const std::string field = fmt::format("tiles[{}].table", i);
    return fail(
        Errc::invalid_argument,
        fmt::format("{} names \"{}\", which no rule in force has{}; nothing was buried", field,
                    printable(burials[i].table), did_you_mean(burials[i].table, known)),
        field);
  }
  return {};
}

awaitable<Result<Response>> Api::Routes::put_tiles(const Call& call) {
  HUNT_CO_CHECK(call.target.check_known({}));
  HUNT_CO_TRY(burials, codec::parse_burials(call.request.body));
  HUNT_CO_CHECK(check_tables(burials));
  auto named = world_ref(call.target.segments()[2]);
  auto world = co_await worlds_.find(std::move(named));
  if (!world) co_return tl::unexpected(std::move(world).error());
  auto buried = co_await ports_.store.bury(world->id, std::move(burials));
  if (!buried) co_return tl::unexpected(std::move(buried).error());
  std::string body;
  codec::write_buried(*buried, body);
  co_return json(std::move(body));
}

awaitable<Result<Response>> Api::Routes::delete_tiles(const Call& call) {
  HUNT_CO_CHECK(call.target.check_known({}));
  HUNT_CO_TRY(tiles, codec::parse_tiles(call.request.body));
  auto named = world_ref(call.target.segments()[2]);
  auto world = co_await worlds_.find(std::move(named));
  if (!world) co_return tl::unexpected(std::move(world).error());
  auto closed = co_await ports_.store.close_tiles(world->id, std::move(tiles));
  if (!closed) co_return tl::unexpected(std::move(closed).error());
  co_return json(fmt::format(R"({{"closed":{}}})", *closed));
}

awaitable<Result<Response>> Api::Routes::get_tiles(const Call& call) {
  static constexpr std::array<std::string_view, 6> known = {"x0", "y0",   "x1",
                                                            "y1", "from", "limit"};
  constexpr auto low = std::numeric_limits<std::int32_t>::min();
  constexpr auto high = std::numeric_limits<std::int32_t>::max();
  HUNT_CO_CHECK(call.target.check_known(known));
  HUNT_CO_TRY(x0, call.target.coordinate("x0", low));
  HUNT_CO_TRY(y0, call.target.coordinate("y0", low));
  HUNT_CO_TRY(x1, call.target.coordinate("x1", high));
  HUNT_CO_TRY(y1, call.target.coordinate("y1", high));
  HUNT_CO_TRY(from, call.target.number("from", 0, 0, UINT64_MAX));
  HUNT_CO_TRY(limit, call.target.number("limit", 1'000, 1, limits::tiles_per_page_max));
  if (x1 < x0 || y1 < y0) {
    co_return fail(Errc::invalid_argument,
                   "x1 and y1 must not be below x0 and y0: both corners belong to the rectangle",
                   x1 < x0 ? "x1" : "y1");
  }
  auto named = world_ref(call.target.segments()[2]);
  auto world = co_await worlds_.find(std::move(named));
  if (!world) co_return tl::unexpected(std::move(world).error());
  const model::TileRect rect{{x0, y0}, {x1, y1}};
  const model::TileId first{from};
  auto page =
      co_await ports_.store.list_tiles(world->id, rect, first, static_cast<std::uint32_t>(limit));
  if (!page) co_return tl::unexpected(std::move(page).error());
  std::string body;
  codec::write_tile_page(*page, body);
  co_return json(std::move(body));
}

awaitable<Result<Response>> Api::Routes::get_worlds(const Call& call) {
  HUNT_CO_CHECK(call.target.check_known({}));
  auto worlds = co_await ports_.store.worlds();
  if (!worlds) co_return tl::unexpected(std::move(worlds).error());
  std::string body;
  codec::write_worlds(*worlds, body);
  co_return json(std::move(body));
}

awaitable<Result<Response>> Api::Routes::get_world(const Call& call) {
  HUNT_CO_CHECK(call.target.check_known({}));
  auto named = world_ref(call.target.segments()[2]);
  auto world = co_await worlds_.find(std::move(named));
  if (!world) co_return tl::unexpected(std::move(world).error());
  auto stats = co_await ports_.store.world_stats(world->id);
  if (!stats) co_return tl::unexpected(std::move(stats).error());
  std::string body;
  codec::write_world_stats(*world, *stats, body);
  co_return json(std::move(body));
}

// PUT /v1/worlds/7 {"name":"north"} creates with that id; PUT /v1/worlds/north with the next one.
awaitable<Result<Response>> Api::Routes::put_world(const Call& call) {
  HUNT_CO_CHECK(call.target.check_known({}));
  const std::string& segment = call.target.segments()[2];
  const auto id = parse_u64(segment);
  if (id && (*id == 0 || *id > std::numeric_limits<model::WorldId>::max())) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("a world's id is from 1 to 4294967295, found {}", segment), "id");
  }
  std::string name = id ? std::string() : segment;
  if (id || !call.request.body.empty()) {
    HUNT_CO_TRY(given, codec::parse_world_name(call.request.body));
    if (!id && given != name) {
      co_return fail(
          Errc::invalid_argument,
          fmt::format("name is \"{}\", but the address says \"{}\"", given, printable(name)),
          "name");
    }
    name = std::move(given);
  }
  HUNT_CO_CHECK(codec::check_world_name(name));
  const auto wanted = static_cast<model::WorldId>(id.value_or(0));
  auto world = co_await ports_.store.create_world(wanted, std::move(name));
  if (!world) co_return tl::unexpected(std::move(world).error());
  std::string body;
  codec::write_world(*world, body);
  co_return json(std::move(body));
}

awaitable<Result<Response>> Api::Routes::get_stats(const Call& call) {
  HUNT_CO_CHECK(call.target.check_known({}));
  std::string body;
  codec::write_stats(ports_.monitor.stats(), ports_.monitor.not_ready(), body);
  co_return json(std::move(body));
}

awaitable<Result<Response>> Api::Routes::get_live(const Call& call) {
  HUNT_CO_CHECK(call.target.check_known({}));
  std::string body;
  codec::write_live(ports_.monitor.live(), body);
  co_return json(std::move(body));
}

awaitable<Result<Response>> Api::Routes::get_map(const Call& call) {
  HUNT_CO_CHECK(call.target.check_known({}));
  HUNT_CO_TRY(map, co_await ports_.store.shard_map());
  std::vector<std::uint64_t> epochs;
  for (ports::HuntStore* shard : ports_.ledgers) {
    HUNT_CO_TRY(info, co_await shard->info());
    epochs.push_back(info.epoch);
  }
  std::string body;
  codec::write_map(map, epochs, body);
  co_return json(std::move(body));
}

awaitable<Result<Response>> Api::Routes::get_why(const Call&) {
  co_return json(codec::write_why(ports_.monitor.why()));
}

awaitable<Result<Response>> Api::Routes::get_livez(const Call&) {
  co_return json(R"({"alive":true})");
}

awaitable<Result<Response>> Api::Routes::get_readyz(const Call&) {
  const std::string reason = ports_.monitor.not_ready();
  if (!reason.empty()) co_return fail(Errc::unavailable, "not ready: " + reason);
  const std::string warning = ports_.monitor.warning();
  if (warning.empty()) co_return json(R"({"ready":true})");
  std::string body = R"({"ready":true,"warning":)";
  codec::append_json_string(body, warning);
  body.push_back('}');
  co_return json(std::move(body));
}

awaitable<Result<Response>> Api::Routes::get_metrics(const Call& call) {
  const auto format = metrics_format(call.request.accept);
  Response response;
  response.content_type = content_type(format);
  const bool ready = ports_.monitor.not_ready().empty();
  response.body = metrics_text(ports_.monitor.stats(), ports_.monitor.why(), ready, format);
  co_return response;
}

awaitable<Result<Response>> Api::Routes::get_page(const Call&) {
  Response response;
  response.content_type = "text/html; charset=utf-8";
  response.body = page_html();
  co_return response;
}

Api::Api(Ports ports, const HttpOptions& options, bool trusted_listener)
    : routes_(std::make_unique<Routes>(ports, options, trusted_listener)) {}
Api::~Api() = default;

awaitable<Response> Api::handle(Request request) {
  return routes_->handle(std::move(request));
}

awaitable<Api::StreamAnswer> Api::handle_message(std::string message) {
  return routes_->handle_message(std::move(message));
}

}  // namespace hunt::http
