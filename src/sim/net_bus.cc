#include "sim/net_bus.h"

#include <memory>

#include "model/limits.h"

namespace hunt::sim {

namespace {

constexpr std::int64_t dedupe_ns = 120'000'000'000;  // PROTOCOLS 8
constexpr std::int64_t ask_timeout_ns = limits::answer_deadline_ns + 1'000'000'000;
constexpr std::int64_t tell_timeout_ns = 1'000'000'000;
// What a lane's work costs: guesses of the size that was measured, rounded up.
constexpr std::int64_t batch_ns = 20'000;
constexpr std::int64_t position_ns = 300;

using Reply = model::BatchReply;

}  // namespace

std::vector<model::ClaimEvent> BusServer::keep(const std::vector<model::ClaimEvent>& events) {
  std::vector<model::ClaimEvent> fresh;
  for (const auto& event : events) {
    const auto [at, inserted] = kept_ns_.try_emplace({event.claim, event.outcome}, 0);
    const bool known = !inserted && world_.now_ns() - at->second < dedupe_ns;
    if (known) continue;
    at->second = world_.now_ns();
    told_.push_back(event);
    fresh.push_back(event);
    if (on_told_) on_told_(event);
  }
  return fresh;
}

NetBus::NetBus(Network& network, BusServer& server, Host& host)
    : network_(network), server_(server), host_(host) {
  server_.endpoints_[{host_.node(), host_.life()}] = this;
}

NetBus::~NetBus() {
  server_.endpoints_.erase({host_.node(), host_.life()});
}

NodeId NetBus::pick_serving() {
  std::vector<NodeId> serving;
  for (const auto& [where, endpoint] : server_.endpoints_) {
    if (endpoint->handler_ != nullptr) serving.push_back(where.first);
  }
  if (serving.empty()) return server_.node_;
  return serving[server_.random_.below(serving.size())];
}

boost::asio::awaitable<Result<Reply>> NetBus::ask(model::Batch batch, ports::Wait wait) {
  CallRules rules;
  rules.place = Place::ask;
  rules.timeout_ns = ask_timeout_ns;
  rules.on_timeout = Errc::deadline_exceeded;
  BusServer* server = &server_;
  std::function<boost::asio::awaitable<Result<Reply>>(Host&)> serve =
      [server, batch, wait](Host& host) -> boost::asio::awaitable<Result<Reply>> {
    const auto found = server->endpoints_.find({host.node(), host.life()});
    if (found == server->endpoints_.end() || found->second->handler_ == nullptr) {
      co_return fail(Errc::unavailable, "no orchestrator is serving");
    }
    host.charge(batch_ns + position_ns * static_cast<std::int64_t>(batch.positions.size()));
    co_return co_await found->second->handler_->handle(batch, wait);
  };
  const NodeId to = pick_serving();
  co_return co_await network_.call<Reply>(host_, to, rules, std::move(serve));
}

void NetBus::publish(model::Invalidation invalidation) {
  const auto message = std::make_shared<const model::Invalidation>(std::move(invalidation));
  BusServer* server = &server_;
  for (const auto& [where, endpoint] : server_.endpoints_) {
    if (!endpoint->on_invalidation_) continue;
    network_.send(host_, where.first, Place::invalidation, [server, message](Host& host) {
      const auto found = server->endpoints_.find({host.node(), host.life()});
      if (found == server->endpoints_.end() || !found->second->on_invalidation_) return;
      found->second->on_invalidation_(*message);
    });
  }
}

boost::asio::awaitable<Result<void>> NetBus::tell(std::vector<model::ClaimEvent> events) {
  if (events.empty()) co_return Result<void>{};
  CallRules rules;
  rules.place = Place::tell;
  rules.timeout_ns = tell_timeout_ns;
  rules.on_timeout = Errc::unknown_outcome;
  BusServer* server = &server_;
  Network* network = &network_;
  Faults& faults = server_.faults();
  const bool refused = faults.strikes(FaultKind::bus_error, Place::tell);
  const bool full = refused && faults.random(FaultKind::bus_error).chance({1, 2});
  std::function<boost::asio::awaitable<Result<void>>(Host&)> serve =
      [server, network, events, refused, full](Host& host) -> boost::asio::awaitable<Result<void>> {
    if (full) co_return fail(Errc::overloaded, "an injected fault: the log is full");
    if (refused) co_return fail(Errc::unavailable, "an injected fault of the bus");
    const auto fresh = std::make_shared<const std::vector<model::ClaimEvent>>(server->keep(events));
    if (fresh->empty()) co_return Result<void>{};
    for (const auto& [where, endpoint] : server->endpoints_) {
      if (!endpoint->on_claims_) continue;
      network->send(host, where.first, Place::tell, [server, fresh](Host& to) {
        const auto found = server->endpoints_.find({to.node(), to.life()});
        if (found == server->endpoints_.end() || !found->second->on_claims_) return;
        found->second->on_claims_(*fresh);
      });
    }
    co_return Result<void>{};
  };
  co_return co_await network_.call<void>(host_, server_.node(), rules, std::move(serve));
}

}  // namespace hunt::sim
