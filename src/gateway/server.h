// Server: HTTP/1.1 in front of a Gateway, with probes and figures, on one event loop.
//
// Not TLS (a proxy's work) and not the hunt's own HTTP server (adapters/http): its clients are AWS
// SDKs, and what they are told has their form. Lifecycle: listen(), start(), stop(), then the owner
// lets the loop run until it is empty. Thread: the loop's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "gateway/gateway.h"
#include "gateway/options.h"

namespace boost::asio {
class io_context;
}

namespace hunt::gateway {

class Server {
 public:
  // Lifetime: `gateway` and `options` outlive the loop's run.
  Server(boost::asio::io_context& io, Gateway& gateway, const Options& options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and returns the port. Errors: invalid_argument (no IP address), io (in use, no
  // permission).
  [[nodiscard]] Result<std::uint16_t> listen();
  void start();
  // Accepts no more and closes connections between requests; ten seconds later all the others.
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with the coroutines that still run
};

}  // namespace hunt::gateway
