// Api: a request in, a response out. Who may ask, what is wrong, which route answers (routes.h).
//
// Not HTTP framing (http_connection.cc) and not a decision about loot. Lifecycle: made before the
// first request, outlives the last. Thread: the lane's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "adapters/http/http_figures.h"
#include "adapters/http/http_options.h"
#include "adapters/http/message.h"
#include "model/setting.h"
#include "ports/bus.h"
#include "ports/explainer.h"
#include "ports/ledger.h"
#include "ports/monitor.h"
#include "ports/profiler.h"
#include "ports/rules_desk.h"
#include "ports/rules_source.h"
#include "ports/world_store.h"

namespace hunt::http {

// How long what is ready waits for the server's thread.
struct LoopLag {
  std::int64_t late_ns = 0;  // what is handled now has waited so long
  std::int64_t next_ns = 0;  // what becomes ready now will
};

struct Ports {
  ports::Bus& bus;
  ports::WorldStore& store;  // all shards as one
  ports::Monitor& monitor;
  const ports::RulesSource& rules;
  std::vector<ports::Ledger*> ledgers;  // of every shard, by its number
  model::ProcessFigures (*process)() = [] { return model::ProcessFigures{}; };
  std::function<LoopLag()> lag = [] { return LoopLag{}; };
  ports::Profiler* profiler = nullptr;     // nullptr: there are no profiles
  ports::Explainer* explainer = nullptr;   // of whoever answers positions
  model::Settings settings = {};           // what the process was told
  ports::RulesDesk* rules_desk = nullptr;  // of whoever has rules
};

// What a request's way through this thread takes besides being answered.
struct FrontTimes {
  std::int64_t came_ns = 0;  // when it came, by std::chrono::steady_clock
  std::int64_t back_ns = 0;  // what its answer will take to leave, as those before it did
  [[nodiscard]] static std::int64_t now_ns() {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

// A request that may be answered, as its header says; its body has not been read yet.
struct Call;
struct Admitted {
  explicit Admitted(std::unique_ptr<Call> of);
  ~Admitted();
  Admitted(Admitted&&) noexcept;
  Admitted& operator=(Admitted&&) = delete;

  std::unique_ptr<Call> call;
  FrontTimes front;
  bool proven = false;  // asks for what not everybody may ask
  bool kept = false;    // of a probe or an admin: answered when all connections are in use
};
using Admission = std::variant<Response, Admitted>;

class Api {
 public:
  // `loopback`: only this machine can connect, so the game servers' half needs no token unless one
  // is given. The figures outlive the Api.
  Api(Ports ports, const HttpOptions& options, bool loopback, HttpFigures& figures);
  ~Api();
  Api(const Api&) = delete;
  Api& operator=(const Api&) = delete;

  // All that the header decides: by which name, for what, by whom, with how long a body.
  [[nodiscard]] Admission admit(Request head);

  // Never fails: every error is a response. Suspends: yes. The response to HEAD has the body that
  // GET would have; whoever frames it leaves it out.
  [[nodiscard]] boost::asio::awaitable<Response> handle(Admitted admitted, std::string body);

  // One message of a stream: the body of POST /v1/positions, and an "id" that comes back with the
  // answer. Never fails: an error is an answer.
  struct StreamAnswer {
    std::string text;
    std::vector<model::ClaimId> found;  // claims that are not decided yet
    std::optional<std::uint64_t> id;    // of the message
  };
  [[nodiscard]] boost::asio::awaitable<StreamAnswer> handle_message(std::string message,
                                                                    FrontTimes front);
  // What a stream tells instead of an answer of so many bytes that it has no room for.
  [[nodiscard]] static std::string too_long(std::optional<std::uint64_t> id, std::size_t bytes);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hunt::http
