#include "adapters/inproc/inproc_bus.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>

namespace hunt::inproc {

namespace asio = boost::asio;

namespace {

struct Server {
  asio::any_io_executor lane;
  ports::BatchHandler* handler = nullptr;
  std::atomic<std::size_t> asks_inflight{0};
};

// Touched on its lane only, but for `waiting` and `alive`.
struct Subscriber {
  asio::any_io_executor lane;
  std::atomic<std::size_t> waiting{0};
  std::atomic<bool> alive{true};
  std::function<void(const model::Invalidation&)> on_invalidation;
  std::function<void(const std::vector<model::ClaimEvent>&)> on_claims;
};

asio::awaitable<Result<model::BatchReply>> run_there(std::shared_ptr<Server> server,
                                                     model::Batch batch, ports::Wait wait) {
  co_return co_await server->handler->handle(std::move(batch), wait);
}

}  // namespace

struct InprocBus::Hub {
  Hub(const ports::Clock& clock_in, BusLimits bounds) : clock(clock_in), limits(bounds) {}
  const ports::Clock& clock;
  const BusLimits limits;
  std::mutex mutex;
  std::vector<std::shared_ptr<Server>> servers;
  std::vector<std::shared_ptr<Subscriber>> subscribers;
  std::size_t next_server = 0;

  std::shared_ptr<Server> pick(const asio::any_io_executor& lane) {
    const std::lock_guard lock(mutex);
    for (const auto& server : servers) {
      if (server->lane == lane) return server;
    }
    if (servers.empty()) return nullptr;
    return servers[next_server++ % servers.size()];
  }
  std::vector<std::shared_ptr<Subscriber>> listeners() {
    const std::lock_guard lock(mutex);
    return subscribers;
  }
};

namespace {

class InprocEndpoint final : public ports::Bus {
 public:
  InprocEndpoint(std::shared_ptr<InprocBus::Hub> hub, asio::any_io_executor lane)
      : hub_(std::move(hub)), subscriber_(std::make_shared<Subscriber>()) {
    subscriber_->lane = std::move(lane);
    const std::lock_guard lock(hub_->mutex);
    hub_->subscribers.push_back(subscriber_);
  }

  ~InprocEndpoint() override {
    stop_serving();
    subscriber_->alive = false;
    const std::lock_guard lock(hub_->mutex);
    std::erase(hub_->subscribers, subscriber_);
  }

  asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch, ports::Wait wait) override {
    const std::shared_ptr<Server> server = hub_->pick(subscriber_->lane);
    if (server == nullptr) co_return fail(Errc::unavailable, "no orchestrator is serving");
    if (server->lane == subscriber_->lane) {
      co_return co_await server->handler->handle(std::move(batch), wait);
    }
    if (server->asks_inflight.fetch_add(1) >= hub_->limits.asks_inflight_max) {
      server->asks_inflight.fetch_sub(1);
      co_return fail(Errc::overloaded, "too many batches in flight to one lane; try again later");
    }
    batch.received_ns = hub_->clock.now_ns();
    auto there = run_there(server, std::move(batch), wait);
    auto reply = co_await asio::co_spawn(server->lane, std::move(there), asio::use_awaitable);
    server->asks_inflight.fetch_sub(1);
    co_return reply;
  }

  void serve(ports::BatchHandler& handler) override {
    stop_serving();
    server_ = std::make_shared<Server>();
    server_->lane = subscriber_->lane;
    server_->handler = &handler;
    const std::lock_guard lock(hub_->mutex);
    hub_->servers.push_back(server_);
  }

  void stop_serving() override {
    const std::lock_guard lock(hub_->mutex);
    std::erase(hub_->servers, server_);
  }

  void publish(model::Invalidation invalidation) override {
    const auto message = std::make_shared<const model::Invalidation>(std::move(invalidation));
    post(message, [](const Subscriber& to, const model::Invalidation& what) {
      if (to.on_invalidation) to.on_invalidation(what);
    });
  }

  // Nothing is kept: who listens in this process dies with it, and catches up from the ledger.
  asio::awaitable<Result<void>> tell(std::vector<model::ClaimEvent> events) override {
    if (events.empty()) co_return Result<void>{};
    const auto message = std::make_shared<const std::vector<model::ClaimEvent>>(std::move(events));
    post(message, [](const Subscriber& to, const std::vector<model::ClaimEvent>& what) {
      if (to.on_claims) to.on_claims(what);
    });
    co_return Result<void>{};
  }

  void on_invalidation(std::function<void(const model::Invalidation&)> handler) override {
    subscriber_->on_invalidation = std::move(handler);
  }

  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override {
    subscriber_->on_claims = std::move(handler);
  }

 private:
  template <class Message, class Deliver>
  void post(const std::shared_ptr<const Message>& message, Deliver deliver) {
    for (const auto& to : hub_->listeners()) {
      if (to->waiting.fetch_add(1) >= hub_->limits.messages_waiting_max) {
        to->waiting.fetch_sub(1);
        continue;
      }
      asio::post(to->lane, [to, message, deliver] {
        to->waiting.fetch_sub(1);
        if (to->alive) deliver(*to, *message);
      });
    }
  }

  std::shared_ptr<InprocBus::Hub> hub_;
  std::shared_ptr<Subscriber> subscriber_;
  std::shared_ptr<Server> server_;
};

}  // namespace

InprocBus::InprocBus(const ports::Clock& clock, BusLimits limits)
    : hub_(std::make_shared<Hub>(clock, limits)) {}
InprocBus::~InprocBus() = default;

std::unique_ptr<ports::Bus> InprocBus::endpoint(asio::any_io_executor lane) {
  return std::make_unique<InprocEndpoint>(hub_, std::move(lane));
}

}  // namespace hunt::inproc
