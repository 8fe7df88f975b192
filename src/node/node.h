// Node: a whole orchestrator process: store, rules, lanes, HTTP and, without NATS, the relay.
//
// Not a command: `up` and `serve` make one each. The only place where ports meet adapters.
// Lifecycle: open() checks and opens everything, start() begins to serve, stop() drains.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/hunt_name.h"
#include "model/limits.h"
#include "model/rule_set.h"
#include "node/lane.h"
#include "node/options.h"
#include "ports/change_feed.h"
#include "ports/world_store.h"
#include "service/observer.h"

namespace hunt::node {

class Node {
 public:
  // Opens the store, reads the rules, binds the address. Errors say which of them failed.
  [[nodiscard]] static Result<std::unique_ptr<Node>> open(NodeOptions options);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  [[nodiscard]] Result<void> start();
  // Loads the chunks of a world's loot into every lane. Call after start().
  [[nodiscard]] Result<void> prewarm(model::WorldId world, model::TileRect rect);
  // Stops taking requests, finishes what was accepted (claims for at most five seconds), closes.
  void stop();

  [[nodiscard]] inproc::InprocBus& hub() noexcept;
  // All shards as one.
  [[nodiscard]] ports::WorldStore& store() noexcept;
  // Before the first loot is buried: gives each shard about as much of it.
  [[nodiscard]] Result<void> split_evenly(std::vector<model::ChunkKey> loot);
  // In force now.
  [[nodiscard]] std::shared_ptr<const model::RuleSet> rules() const;
  [[nodiscard]] Lane& lane(std::size_t index) noexcept;
  [[nodiscard]] service::Observer& observer() noexcept;
  [[nodiscard]] const ports::Clock& clock() const noexcept;
  // "http://127.0.0.1:8080/"
  [[nodiscard]] std::string address() const;
  [[nodiscard]] const std::string& admin_token() const noexcept;
  [[nodiscard]] bool admin_token_is_fresh() const noexcept;
  // "at most 4,096 HTTP connections: 20,000 open files are allowed, 60 are for the rest"
  [[nodiscard]] const std::string& connections_told() const noexcept;
  [[nodiscard]] std::int64_t serve_cpu_ns();  // of the lanes and the HTTP thread

 private:
  struct Parts;
  explicit Node(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace hunt::node
