// SimBus: the bus of simulated runs: one loop, delivery by posting, in order.
//
// Not for threads and, so far, without faults of its own. One object is one lane's endpoint, as the
// port wants; all endpoints of a SimHub hear each other.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <vector>

#include "ports/bus.h"

namespace hunt::sim {

class SimBus;

struct SimHub {
  std::vector<SimBus*> endpoints;
  bool keeps_claims = true;  // false: telling fails
  model::ClaimsKept claims_kept;
  std::size_t message_bytes_max = limits::bus_message_bytes_usual;
};

class SimBus final : public ports::Bus {
 public:
  SimBus(SimHub& hub, boost::asio::any_io_executor loop) : hub_(hub), loop_(std::move(loop)) {
    hub_.endpoints.push_back(this);
  }
  ~SimBus() override { std::erase(hub_.endpoints, this); }

  boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                        ports::Wait wait) override {
    for (SimBus* endpoint : hub_.endpoints) {
      if (endpoint->handler_ == nullptr) continue;
      co_return co_await endpoint->handler_->handle(std::move(batch), wait);
    }
    co_return fail(Errc::unavailable, "no orchestrator is serving");
  }
  void serve(ports::BatchHandler& handler) override { handler_ = &handler; }
  void stop_serving() override { handler_ = nullptr; }

  void publish(model::Invalidation invalidation) override {
    const auto message = std::make_shared<const model::Invalidation>(std::move(invalidation));
    for (SimBus* to : hub_.endpoints) {
      boost::asio::post(loop_, [to, message] {
        if (to->on_invalidation_) to->on_invalidation_(*message);
      });
    }
  }
  boost::asio::awaitable<Result<void>> tell(std::vector<model::ClaimEvent> events) override {
    if (!hub_.keeps_claims) co_return fail(Errc::unavailable, "the bus keeps no claims now");
    const auto message = std::make_shared<const std::vector<model::ClaimEvent>>(std::move(events));
    for (SimBus* to : hub_.endpoints) {
      boost::asio::post(loop_, [to, message] {
        if (to->on_claims_ && !message->empty()) to->on_claims_(*message);
      });
    }
    co_return Result<void>{};
  }
  model::ClaimsKept claims_kept() const override { return hub_.claims_kept; }
  std::size_t message_bytes_max() const override { return hub_.message_bytes_max; }
  void on_invalidation(std::function<void(const model::Invalidation&)> handler) override {
    on_invalidation_ = std::move(handler);
  }
  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override {
    on_claims_ = std::move(handler);
  }

 private:
  SimHub& hub_;
  boost::asio::any_io_executor loop_;
  ports::BatchHandler* handler_ = nullptr;
  std::function<void(const model::Invalidation&)> on_invalidation_;
  std::function<void(const std::vector<model::ClaimEvent>&)> on_claims_;
};

}  // namespace hunt::sim
