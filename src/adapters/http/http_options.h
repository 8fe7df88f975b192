// What the HTTP server is told at start: where to listen, who may ask, how long and how much.
//
// Not read from anywhere here: the commands fill it. Thread: a plain value.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "adapters/http/http_limits.h"
#include "model/limits.h"

namespace hunt::http {

struct HttpOptions {
  std::string host = "127.0.0.1";  // an IP address, or "localhost"
  std::uint16_t port = 8080;       // 0: any free one
  std::string admin_token;         // never empty: the admin half must not be open
  std::string server_token;  // the game servers'; empty: only the admin token opens their half
  // Names that requests may call this server by, beside its own, as allowed_host() gives them.
  std::vector<std::string> allowed_hosts;
  bool process_only = false;  // of a process that serves no game: the routes of Room::kept alone
  std::string machine_name;   // of this machine; a name of ours on any address but loopback
  // Guesses that hold for a browser on a bad line and still end a slow attack: a game server's
  // request takes milliseconds.
  std::chrono::milliseconds first_byte_timeout{4'000};  // of a new connection
  std::chrono::milliseconds header_timeout{4'000};      // from its first byte
  std::chrono::milliseconds body_timeout{10'000};       // from the end of the header; also to write
  std::chrono::milliseconds idle_timeout{60'000};       // between requests
  std::chrono::milliseconds idle_timeout_crowded{5'000};  // with three quarters in use
  std::size_t connections_max = limits::http_connections_max;
  std::size_t connections_kept = limits::http_connections_kept;
  std::size_t bodies_bytes_max = limits::http_bodies_bytes_max;
  std::size_t answers_bytes_max = limits::http_answers_bytes_max;
  std::size_t header_bytes_max = limits::http_header_bytes_max;
  std::size_t body_bytes_max = limits::body_bytes_max;
};

}  // namespace hunt::http
