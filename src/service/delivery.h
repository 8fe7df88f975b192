// StoredPositions: handles stored messages (hunt.pos) with an orchestrator (PROTOCOLS 5).
//
// Not the stream and not the decision. A message is acknowledged when the positions of its shard
// are terminal and told, and those of other shards are stored in their streams; whatever stands in
// the way now, it comes again and is judged as of the same moment. Only what can never succeed is
// given up. Lifecycle: construct, start(), drain() before the orchestrator's, destroy. Thread: its
// lane's.
#pragma once
#include <array>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/sha256.h"
#include "ports/clock.h"
#include "ports/position_stream.h"
#include "service/orchestrator.h"

namespace hunt::service {

class StoredPositions final : public ports::DeliveryHandler {
 public:
  // `key`: the hunt's, from which the ids of what is passed on are made.
  StoredPositions(Orchestrator& orchestrator, ports::PositionStream& stream,
                  const ports::Clock& clock, ports::Timer& timer, Bytes key = no_key);

  // Pulls from the streams of the shards that the orchestrator serves.
  void start();
  // Pulls no more and waits for what is under way: it ends within limits::answer_deadline_ns,
  // acknowledged or to come again elsewhere.
  [[nodiscard]] boost::asio::awaitable<void> drain();

  [[nodiscard]] boost::asio::awaitable<ports::Settled> handle(ports::Delivery delivery) override;

 private:
  [[nodiscard]] boost::asio::awaitable<ports::Settled> work(ports::Delivery delivery);
  // Takes the positions of other shards out of the batch.
  [[nodiscard]] std::map<model::ShardId, model::Batch> take_foreign(model::ShardId shard,
                                                                    model::Batch& batch) const;
  [[nodiscard]] boost::asio::awaitable<bool> pass_on(const ports::Delivery& delivery,
                                                     std::map<model::ShardId, model::Batch> parts);

  // Of what is passed on: nobody else can tell it before, and other content has another one, since
  // the map, and so what is foreign, may have changed since the last delivery of the message.
  [[nodiscard]] std::string id_of(const ports::Delivery& delivery, model::ShardId owner,
                                  const model::Batch& part);

  static constexpr std::array<std::uint8_t, 32> no_key{};

  Orchestrator& orchestrator_;
  ports::PositionStream& stream_;
  const ports::Clock& clock_;
  ports::Timer& timer_;
  HmacSha256 ids_;
  std::size_t inflight_ = 0;
};

}  // namespace hunt::service
