// What the connections of a server have in common, and the life of one of them: its requests, one
// after the other, and their answers.
//
// Not who may connect and who leaves first (http_server.cc, connections.h), not the routes. Thread:
// the lane's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "adapters/http/api.h"
#include "adapters/http/byte_budget.h"
#include "adapters/http/claim_feed.h"
#include "adapters/http/connections.h"
#include "adapters/http/http_figures.h"
#include "adapters/http/http_options.h"
#include "adapters/http/lane_server.h"
#include "adapters/http/stream_session.h"

namespace hunt::http {

struct ServerState {
  ServerState(Ports of, HttpOptions with);
  // Brings the figures up to now.
  void show_figures();

  Ports ports;
  HttpOptions options;
  HttpFigures figures;
  std::unique_ptr<Api> api;  // once it listens
  ByteBudget bodies;
  ByteBudget answers;
  Connections connections;         // those that are served
  std::vector<LaneServer*> lanes;  // which may have connections that ask for positions
  std::size_t next_lane = 0;
  RecentOccupancy connections_lately;
  std::set<StreamSession*> streams;  // of them, those that became a WebSocket
  ClaimFeed feed;
  std::int64_t send_ns = 0;  // what the last answers took from here into their sockets
  bool stopping = false;
};

// Serves who has connected until that ends. Counts it at once, before the first suspension.
[[nodiscard]] boost::asio::awaitable<void> serve_connection(std::shared_ptr<ServerState> state,
                                                            boost::asio::ip::tcp::socket socket);

}  // namespace hunt::http
