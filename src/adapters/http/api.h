// Api: the routes. A request in, a response out; who may ask, what is wrong, which port answers.
//
// Not HTTP framing (http_server.cc) and not a decision about loot. Lifecycle: made before the first
// request, outlives the last. Thread: the lane's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <vector>

#include "adapters/http/http_options.h"
#include "adapters/http/message.h"
#include "ports/bus.h"
#include "ports/hunt_store.h"
#include "ports/monitor.h"
#include "ports/rules_source.h"

namespace hunt::http {

struct Ports {
  ports::Bus& bus;
  ports::HuntStore& store;
  ports::Monitor& monitor;
  const ports::RulesSource& rules;
  std::vector<ports::HuntStore*> ledgers;  // of every shard, by its number
};

class Api {
 public:
  // `trusted_listener`: only this machine can connect, so the game servers' half needs no token.
  Api(Ports ports, const HttpOptions& options, bool trusted_listener);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  // Never fails: every error is a response. Suspends: yes. The response to HEAD has the body that
  // GET would have; whoever frames it leaves it out.
  [[nodiscard]] boost::asio::awaitable<Response> handle(Request request);

  // One message of a stream: the body of POST /v1/positions, and an "id" that comes back with the
  // answer. Never fails: an error is an answer.
  struct StreamAnswer {
    std::string text;
    std::vector<model::ClaimId> found;  // claims that are not decided yet
  };
  [[nodiscard]] boost::asio::awaitable<StreamAnswer> handle_message(std::string message);

 private:
  class Routes;
  std::unique_ptr<Routes> routes_;
};

}  // namespace hunt::http
