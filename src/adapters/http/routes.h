// The routes: what each is asked by, who may ask, what it takes, and the function that answers.
//
// Not the check of a request (api.cc), which goes by this table: unknown paths, methods and
// parameters, HEAD, tokens, bodies, and who is answered when connections run short. Thread: the
// lane's.
#pragma once
#include <array>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/http/api.h"
#include "adapters/http/target.h"
#include "codec/json_requests.h"
#include "ports/world_directory.h"

namespace hunt::http {

struct Route;

// What a handler is asked.
struct Call {
  Request request;
  Target target;
  const Route* route = nullptr;
  FrontTimes front;
};

// What all handlers of a lane work with.
struct Context {
  Ports ports;
  HttpFigures& figures;
  ports::WorldDirectory worlds;
  codec::PositionsReader positions_reader;
};

// An error becomes its response. Suspends: yes.
using Handler = boost::asio::awaitable<Result<Response>>(Context& context, const Call& call);

Handler post_positions;                                                        // position_routes.cc
Handler get_stream, get_claim, get_grants;                                     // ledger_routes.cc
Handler get_worlds, get_world, put_world, get_tiles, put_tiles, delete_tiles;  // world_routes.cc
Handler get_pprof, get_heap, get_flame;                                        // profile_routes.cc
Handler get_explain;                                                           // explain_route.cc
Handler get_rules, push_rules, roll_rules_back, stop_event, start_event;       // rules_routes.cc
Handler get_stats, get_live, get_why, get_why_evidence, get_map, get_livez, get_readyz, get_metrics,
    get_config, get_page;

enum class Access : std::uint8_t { open, game, admin };  // the token that it needs

// What comes is dropped (`none`), an error (`refused`), read (`taken`), or has to come with its
// length
// (`needed`). The bound of all is HttpOptions::body_bytes_max.
enum class Body : std::uint8_t { none, refused, taken, needed };

// `kept`: of the process itself: answered when all connections are in use, as every admin is, and
// by processes that serve no game (HttpOptions::process_only).
enum class Room : std::uint8_t { any, kept };

struct Route {
  std::string_view method;                     // GET answers HEAD, too
  std::string_view path;                       // "<world>" stands for whatever is not empty
  std::array<std::string_view, 7> parameters;  // of the query
  Access access;
  Body body;
  Room room;
  Handler* handler;
};

inline constexpr auto routes = std::to_array<Route>({
    {"POST", "/v1/positions", {"wait"}, Access::game, Body::needed, Room::any, post_positions},
    {"GET", "/v1/stream", {"after"}, Access::game, Body::refused, Room::any, get_stream},
    {"GET", "/v1/claims/<claim>", {}, Access::game, Body::none, Room::any, get_claim},
    {"GET", "/v1/grants", {"after", "limit"}, Access::game, Body::none, Room::any, get_grants},
    {"GET",
     "/v1/explain",
     {"claim", "player", "world", "x", "y", "since", "until"},
     Access::admin,
     Body::none,
     Room::any,
     get_explain},
    {"PUT", "/v1/worlds/<world>/tiles", {}, Access::admin, Body::taken, Room::any, put_tiles},
    {"DELETE", "/v1/worlds/<world>/tiles", {}, Access::admin, Body::taken, Room::any, delete_tiles},
    {"GET",
     "/v1/worlds/<world>/tiles",
     {"x0", "y0", "x1", "y1", "from", "limit"},
     Access::admin,
     Body::none,
     Room::any,
     get_tiles},
    {"GET", "/v1/worlds", {}, Access::game, Body::none, Room::any, get_worlds},
    {"GET", "/v1/worlds/<world>", {}, Access::game, Body::none, Room::any, get_world},
    {"PUT", "/v1/worlds/<world>", {}, Access::admin, Body::taken, Room::any, put_world},
    {"GET", "/v1/rules", {}, Access::admin, Body::none, Room::any, get_rules},
    {"POST",
     "/v1/rules",
     {"revision", "activates", "by", "note"},
     Access::admin,
     Body::needed,
     Room::any,
     push_rules},
    {"POST",
     "/v1/rules/rollback",
     {"version", "by", "note"},
     Access::admin,
     Body::none,
     Room::any,
     roll_rules_back},
    {"POST",
     "/v1/events/<event>/stop",
     {"by", "note"},
     Access::admin,
     Body::none,
     Room::any,
     stop_event},
    {"POST",
     "/v1/events/<event>/start",
     {"by", "note"},
     Access::admin,
     Body::none,
     Room::any,
     start_event},
    {"GET", "/v1/stats", {}, Access::game, Body::none, Room::kept, get_stats},
    {"GET", "/v1/live", {}, Access::game, Body::none, Room::any, get_live},
    {"GET", "/v1/why", {"at", "since"}, Access::game, Body::none, Room::kept, get_why},
    {"GET", "/v1/why/evidence", {}, Access::game, Body::none, Room::kept, get_why_evidence},
    {"GET", "/v1/map", {}, Access::game, Body::none, Room::any, get_map},
    {"GET", "/v1/config", {}, Access::admin, Body::none, Room::kept, get_config},
    {"GET", "/livez", {}, Access::open, Body::none, Room::kept, get_livez},
    {"GET", "/readyz", {}, Access::open, Body::none, Room::kept, get_readyz},
    {"GET", "/metrics", {}, Access::game, Body::none, Room::kept, get_metrics},
    {"GET", "/debug/pprof/profile", {"seconds"}, Access::admin, Body::none, Room::kept, get_pprof},
    {"GET", "/debug/pprof/heap", {}, Access::admin, Body::none, Room::kept, get_heap},
    {"GET",
     "/debug/flame",
     {"seconds", "format", "kind"},
     Access::admin,
     Body::none,
     Room::kept,
     get_flame},
    {"GET", "/", {}, Access::game, Body::none, Room::any, get_page},
});

// What `write` of codec/json_replies.h makes of the values.
template <class Write, class... Values>
[[nodiscard]] Response written(Write write, const Values&... values) {
  std::string body;
  write(values..., body);
  return json_response(std::move(body));
}

// One message of a stream, asked as POST /v1/positions is.
[[nodiscard]] boost::asio::awaitable<Api::StreamAnswer> answer_message(Context& context,
                                                                       std::string message,
                                                                       FrontTimes front);

}  // namespace hunt::http
