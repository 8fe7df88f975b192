// NodeBus: a node's place on NATS: a connection for each lane, and one for the whole process.
//
// Not the relay: that is a process of its own. Each lane answers its asks, pulls stored positions
// and tells terminal outcomes over its own connection. Invalidations and told claims come once, to
// the front, which hands the former on to the lanes: every process sees each of them, and parsing
// them once a lane would cost each lane the same again. Asks of this process (HTTP) stay in it.
// Lifecycle: make() before the lanes run, connect(), serve() each lane, stop_taking(), drain() each
// lane, close(); destroyed after the lanes have ended. Thread: the main one, but for serve().
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/nats/nats_options.h"
#include "adapters/nats/why_service.h"
#include "base/result.h"
#include "model/hunt_name.h"
#include "model/hunt_owner.h"
#include "model/stats.h"
#include "model/why_past.h"
#include "node/lane.h"
#include "ports/bus.h"
#include "ports/profiler.h"
#include "ports/world_store.h"
#include "service/orchestrator.h"

namespace hunt::node {

struct NodeBusOptions {
  nats::ServerList servers;
  model::HuntName hunt;
  model::HuntOwner owner;
  std::vector<std::uint8_t> key;
  std::vector<model::ShardId> served;  // empty: all, and those who do not follow the map
  std::size_t shard_count = 1;
  std::string process_id;  // told with $SRV, so that lanes of one process are known as such
};

class NodeBus {
 public:
  // What the process is told, on the front.
  struct Ears {
    std::function<void(const std::vector<model::ClaimEvent>&)> on_claims;
    std::function<void(std::string)> on_trouble;  // one sentence, or empty: it is over
    std::function<void()> on_distrust;            // a message that nobody of the hunt signed
    model::Process self;                          // who answers `hunt why` over the bus, and what
    nats::WhyService::Answer on_why;
    std::string admin_token;    // who may have profiles over the bus,
    ports::Profiler& profiler;  // and of whom
  };

  // `worlds` knows the worlds' names. Lifetime: the store outlives the bus.
  [[nodiscard]] static std::unique_ptr<NodeBus> make(
      NodeBusOptions options, const std::vector<std::unique_ptr<Lane>>& lanes, Lane& front,
      ports::WorldStore& worlds);
  ~NodeBus();
  NodeBus(const NodeBus&) = delete;
  NodeBus& operator=(const NodeBus&) = delete;

  // Connects every lane once, makes or verifies the streams, and listens from then on. Errors:
  // those of nats::Connection: connect() and prepare().
  [[nodiscard]] Result<void> connect(Ears ears);
  // What the connections could not do, and what the server told. Thread: any.
  void add_to(model::Stats& stats) const;
  // The map that `hunt.map` answers from now on. Thread: the front.
  void show_map(const model::ShardMap& map);
  // What the orchestrator of a lane stands on.
  [[nodiscard]] ports::Bus& bus(std::size_t lane) noexcept;
  // Asks and stored positions go to these from now on. Thread: the lane's.
  void serve(std::size_t lane, ports::BatchHandler& handler, service::Orchestrator& orchestrator,
             const ports::Clock& clock);

  // Nothing new is taken from NATS, by any lane.
  void stop_taking();
  // Returns when what the lane took is answered and settled: within limits::answer_deadline_ns.
  void drain(std::size_t lane);
  // Sends what is to be sent and ends every connection.
  void close();

 private:
  class LaneBus;
  struct Part;
  struct Front;
  struct Counted;
  NodeBus();

  std::unique_ptr<Counted> counted_;  // by all connections
  std::vector<std::string> shard_names_;
  std::vector<std::uint8_t> key_;
  std::vector<std::unique_ptr<Part>> parts_;  // by lane
  std::unique_ptr<Front> front_;
};

// "0", "1", …, and "any": every shard of so many has its subject, served here or not.
[[nodiscard]] std::vector<std::string> shard_names(std::size_t shard_count);

}  // namespace hunt::node
