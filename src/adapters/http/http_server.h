// HttpServer: HTTP/1.1 on one lane's event loop, in front of the routes of api.h.
//
// Not TLS (a proxy's work) and not the routes. Every size, count and wait is bounded by
// HttpOptions. Lifecycle: listen(), start(), stop(), then the owner lets the lane's loop run until
// nothing is left to do; the ports outlive that. Thread: the lane's; stop() from any.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "adapters/http/api.h"
#include "adapters/http/http_options.h"
#include "adapters/http/lane_server.h"
#include "base/result.h"

namespace boost::asio {
class io_context;
}

namespace hunt::http {

// A token that is given counts everywhere, and a hunt that others can reach has one. Errors:
// invalid_argument, with the flag. An address that is none is listen()'s matter.
[[nodiscard]] Result<void> check_tokens(const HttpOptions& options);

class HttpServer {
 public:
  HttpServer(boost::asio::io_context& lane, Ports ports, HttpOptions options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Binds and returns the port. Errors: those of check_tokens(), invalid_argument (no IP address),
  // io (in use, no
  // permission, not an address of this machine), each with the address and what to do.
  [[nodiscard]] Result<std::uint16_t> listen();
  // Lanes that may answer positions on their own threads, over connections that they are lent in
  // turn. Only before start(). Lifetime: they outlive the last connection.
  void lend_to(std::vector<LaneServer*> lanes);
  // Begins to accept. Only after listen().
  void start();
  // Accepts no more, closes idle connections, lets running requests finish. Returns at once; every
  // wait that is left has a bound of HttpOptions.
  void stop();

  // Claim events for the streams, in the order they were told. Thread: the lane's.
  void on_claims(const std::vector<model::ClaimEvent>& events);

  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with the coroutines that still run
};

}  // namespace hunt::http
