// NatsStream: stored positions over JetStream: `hunt.pos.<s>` in HUNT_POS, dead ones in `hunt.dlq`.
//
// Not asks (nats_bus.h). The streams and consumers are Connection::prepare()'s. Positions are
// stored as FlatBuffers, JSON is read, too; outcomes are replied as JSON, which tells their
// positions. Headers: Hunt-Reply-To, the subject for the outcomes (or the batch's `reply_to`);
// Hunt-As-Of, microseconds at which another stream accepted the message, which counts with the
// hunt's signature only (signer.h). Lifecycle: on a connection
// that outlives it; stop() before the handler goes, and that not before its deliveries are settled.
// Thread: its lane's.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "adapters/nats/connection.h"
#include "adapters/nats/payload.h"
#include "ports/position_stream.h"

namespace hunt::nats {

struct StreamOptions {
  // Also pull `hunt.pos.any`: whoever serves it serves every shard, so nothing is foreign in it.
  bool any = true;
  std::int64_t ack_wait_ns = StreamSettings().ack_wait_ns;  // as the consumers have it
  std::int64_t publish_ns_max = 2'000'000'000;
  FindWorld find_world;  // of messages that name their world; none: those are dead letters
};

class NatsStream final : public ports::PositionStream {
 public:
  // Lifetime: the connection outlives the stream.
  NatsStream(Connection& connection, StreamOptions options);
  ~NatsStream() override;
  NatsStream(const NatsStream&) = delete;
  NatsStream& operator=(const NatsStream&) = delete;

  [[nodiscard]] boost::asio::awaitable<Result<void>> publish(model::ShardId shard,
                                                             model::Batch batch,
                                                             std::string message_id,
                                                             std::string reply_to = {}) override;
  void serve(std::vector<model::ShardId> shards, ports::DeliveryHandler& handler,
             std::size_t inflight_max) override;
  void stop() override;
  // In one message where the server takes it, else in as few as it takes.
  [[nodiscard]] Result<void> reply(const std::string& reply_to, const model::Batch& batch,
                                   const model::BatchReply& outcomes) override;

 private:
  struct Core;
  std::shared_ptr<Core> core_;  // shared with the coroutines that still run
};

}  // namespace hunt::nats
