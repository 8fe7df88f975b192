// PositionStream: stored positions (hunt.pos): at least once, acknowledged after terminal outcomes.
//
// Not the ask path (ports/bus.h): nothing here is shed, only delayed, and what was accepted is
// delivered again until it is acknowledged, even across crashes of whoever handles it. One stream
// per shard. One object per lane; handlers run there. Implementations: sim::SimStream.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/batch.h"
#include "model/shard_map.h"

namespace hunt::ports {

struct Delivery {
  model::ShardId shard = 0;
  bool any =
      false;  // from somebody who does not follow the shard map: no position is foreign in it
  std::uint64_t sequence = 0;  // of the message in its stream
  std::uint32_t attempt = 1;   // counts deliveries of this message
  model::Batch batch;          // as_of_us is the message's stored timestamp
  std::string reply_to;        // empty: nobody waits for the outcomes
  bool unsigned_time = false;  // it told an earlier time of acceptance, which nobody vouches for
};

// What becomes of a delivery. `dead` is for what can never succeed (a decode error), never for an
// error of a dependency.
enum class Settled : std::uint8_t { ack, nak, dead };

class DeliveryHandler {
 public:
  virtual ~DeliveryHandler() = default;
  // Returns when every claim of the batch is terminal and told, or says `nak` to get it again.
  [[nodiscard]] virtual boost::asio::awaitable<Settled> handle(Delivery delivery) = 0;
};

class PositionStream {
 public:
  virtual ~PositionStream() = default;

  // Stores a batch in a shard's stream; returns when it is accepted. A repeat of `message_id`
  // within two minutes is accepted and stored once. An as_of that the batch has is kept (it was
  // accepted before, by another shard's stream). Errors: overloaded (the stream is full),
  // unavailable, unknown_outcome (repeat it with the same id).
  [[nodiscard]] virtual boost::asio::awaitable<Result<void>> publish(model::ShardId shard,
                                                                     model::Batch batch,
                                                                     std::string message_id,
                                                                     std::string reply_to = {}) = 0;

  // Pulls from these shards' streams, never more than `inflight_max` deliveries at once, until
  // stop(). Unacknowledged ones go to somebody else after the stream's ack wait, which goes on
  // anew while the handler is at work. A nak'ed one comes again after a delay.
  virtual void serve(std::vector<model::ShardId> shards, DeliveryHandler& handler,
                     std::size_t inflight_max) = 0;
  virtual void stop() = 0;

  // Outcomes of a delivery to whoever asked for them, with the positions they are of: a message
  // with positions of several shards is answered in several parts. Never blocks; a value says
  // nothing about its arrival. Errors: overloaded, unavailable (tell them again, with the next
  // delivery), invalid_argument and too_large (they cannot be told there).
  [[nodiscard]] virtual Result<void> reply(const std::string& reply_to, const model::Batch& batch,
                                           const model::BatchReply& outcomes) = 0;
};

}  // namespace hunt::ports
