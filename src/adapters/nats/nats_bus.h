// NatsBus: the bus over NATS: `hunt.ask.<s>`, `hunt.inval.<s>`, `hunt.claims.<world>`, `hunt.map`.
//
// Not stored positions (nats_stream.h). Asks are FlatBuffers; what is served may be JSON, too.
// Claims are stored in HUNT_CLAIMS (Connection::prepare()) and heard live: who must not miss any
// reads that stream or the ledger. Lifecycle: on a connection that outlives it; stop_serving() and
// drain() before the handler goes. Thread: its lane's.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/nats/connection.h"
#include "adapters/nats/payload.h"
#include "model/limits.h"
#include "model/shard_map.h"
#include "ports/bus.h"

namespace hunt::nats {

struct BusOptions {
  std::vector<model::ShardId> shards;       // whose asks and invalidations; none: `any`, and all
  std::optional<model::ShardId> ask_shard;  // whose orchestrators are asked; none: `any`
  // Of messages that name their world instead of its id; none: that is an error.
  FindWorld find_world;
  std::int64_t ask_ns_max = limits::answer_deadline_ns + 1'000'000'000;
  std::string service_version = "0.0.0";  // told with $SRV, which wants three numbers
  std::string service_process;            // told there, too: the id of the process
  // Called for each message of another process that is not read: nobody of the hunt signed it, or
  // its numbers are none of the protocol. May be empty.
  std::function<void()> on_distrust;
};

class NatsBus final : public ports::Bus {
 public:
  // Lifetime: the connection outlives the bus.
  NatsBus(Connection& connection, BusOptions options);
  ~NatsBus() override;
  NatsBus(const NatsBus&) = delete;
  NatsBus& operator=(const NatsBus&) = delete;

  [[nodiscard]] boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                                      ports::Wait wait) override;
  void serve(ports::BatchHandler& handler) override;
  void stop_serving() override;
  void publish(model::Invalidation invalidation) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> tell(
      std::vector<model::ClaimEvent> events) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> tell_again(
      std::vector<model::ClaimEvent> events, std::uint64_t occasion) override;
  void on_invalidation(std::function<void(const model::Invalidation&)> handler) override;
  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override;

  // Looks from now on whether the streams and consumers are there, and makes again what is gone:
  // those that Connection::prepare() was called for. `on_trouble` is told one sentence, or nothing
  // when it is over.
  void watch_streams(Connection& connection, StreamSettings settings,
                     std::vector<std::string> shards, std::function<void(std::string)> on_trouble);
  // Before the connection ends.
  [[nodiscard]] boost::asio::awaitable<void> stop_watching();
  [[nodiscard]] model::ClaimsKept claims_kept() const override;
  [[nodiscard]] std::size_t message_bytes_max() const override;

  // Answers `hunt.map` with this map from now on.
  void show_map(const model::ShardMap& map);
  // Returns when every ask that was taken is answered.
  [[nodiscard]] boost::asio::awaitable<void> drain();

 private:
  struct Core;
  [[nodiscard]] static boost::asio::awaitable<Result<void>> tell_all(
      std::shared_ptr<Core> core, std::vector<model::ClaimEvent> events, std::string id_ends_with);
  std::shared_ptr<Core> core_;  // shared with the coroutines that still run
};

}  // namespace hunt::nats
