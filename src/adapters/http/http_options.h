// What the HTTP server is told at start: where to listen, who may ask, how long and how much.
//
// Not read from anywhere here: the commands fill it. Thread: a plain value.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "model/limits.h"

namespace hunt::http {

struct HttpOptions {
  std::string host = "127.0.0.1";  // an IP address, or "localhost"
  std::uint16_t port = 8080;       // 0: any free one
  std::string admin_token;         // never empty: the admin half must not be open
  std::string server_token;  // the game servers'; empty: only the admin token opens their half
  // Guesses that hold for a browser on a bad line and still end a slow attack: a game server's
  // request takes milliseconds.
  std::chrono::milliseconds header_timeout{5'000};  // from its first byte
  std::chrono::milliseconds body_timeout{10'000};   // from the end of the header; also for writing
  std::chrono::milliseconds idle_timeout{60'000};   // between requests
  std::size_t connections_max = 4'096;
  std::size_t header_bytes_max = 8 * 1'024;
  std::size_t body_bytes_max = limits::body_bytes_max;
};

}  // namespace hunt::http
