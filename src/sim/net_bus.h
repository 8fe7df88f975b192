// NetBus: the bus over the simulated network: asks, invalidations, and the log of told claims.
//
// Not NATS, but its promises. Asks go to any host that serves; invalidations may be lost or
// overtake each other, as the sequence in them allows; told claims are kept in a log that outlives
// crashes, each (claim, outcome) once within two minutes. Thread: the world's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "ports/bus.h"
#include "sim/network.h"

namespace hunt::sim {

class NetBus;

// What the bus's server knows. It lives at `node`; the log is its disk.
class BusServer {
 public:
  BusServer(World& world, Faults& faults, NodeId node, std::uint64_t seed)
      : world_(world), faults_(faults), node_(node), random_(seed) {}

  [[nodiscard]] NodeId node() const noexcept { return node_; }
  [[nodiscard]] Faults& faults() noexcept { return faults_; }
  [[nodiscard]] World& world() noexcept { return world_; }
  // Every told event that was kept, in order.
  [[nodiscard]] const std::vector<model::ClaimEvent>& told() const noexcept { return told_; }
  // Called with each event as it is kept.
  void on_told(std::function<void(const model::ClaimEvent&)> seen) { on_told_ = std::move(seen); }

  // Keeps what is new of these.
  [[nodiscard]] std::vector<model::ClaimEvent> keep(const std::vector<model::ClaimEvent>& events);

 private:
  friend class NetBus;
  World& world_;
  Faults& faults_;
  const NodeId node_;
  Prng random_;
  std::map<std::pair<NodeId, std::uint64_t>, NetBus*> endpoints_;  // by node and life
  std::vector<model::ClaimEvent> told_;
  std::map<std::pair<model::ClaimId, model::Outcome>, std::int64_t> kept_ns_;
  std::function<void(const model::ClaimEvent&)> on_told_;
};

class NetBus final : public ports::Bus {
 public:
  NetBus(Network& network, BusServer& server, Host& host);
  ~NetBus() override;

  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                                      ports::Wait wait) override;
  void serve(ports::BatchHandler& handler) override { handler_ = &handler; }
  void stop_serving() override { handler_ = nullptr; }
  void publish(model::Invalidation invalidation) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> tell(
      std::vector<model::ClaimEvent> events) override;
  void on_invalidation(std::function<void(const model::Invalidation&)> handler) override {
    on_invalidation_ = std::move(handler);
  }
  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override {
    on_claims_ = std::move(handler);
  }

 private:
  // Who serves, as the server believes: a dead host is found out by asking it.
  [[nodiscard]] NodeId pick_serving();

  Network& network_;
  BusServer& server_;
  Host& host_;
  ports::BatchHandler* handler_ = nullptr;
  std::function<void(const model::Invalidation&)> on_invalidation_;
  std::function<void(const std::vector<model::ClaimEvent>&)> on_claims_;
};

}  // namespace hunt::sim
