// SimStream: stored positions on the simulated bus: a durable log per shard, delivered at least
// once.
//
// StreamServer is the log on the bus's node; it outlives crashes. NetStream is one host's way to
// it. A message that was stored stays until it is acknowledged or dead; what was delivered and not
// settled within the ack wait goes to somebody else. Thread: the world's.
#pragma once
#include <array>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ports/position_stream.h"
#include "sim/network.h"

namespace hunt::sim {

class NetStream;

class StreamServer {
 public:
  struct Message {
    model::Batch batch;
    std::string reply_to;
    std::uint32_t attempts = 0;
    std::int64_t due_ns = 0;  // world time: then it may be delivered
  };
  using Key = std::pair<model::ShardId, std::uint64_t>;  // shard and sequence

  StreamServer(World& world, Network& network, Faults& faults, NodeId node, std::uint64_t seed)
      : world_(world), network_(network), faults_(faults), node_(node), random_(seed) {}

  [[nodiscard]] NodeId node() const noexcept { return node_; }
  // Runs in every life of the node: delivers what is due.
  [[nodiscard]] boost::asio::awaitable<void> run(Host& host);

  // For checkers. Called in order: stored, then acknowledged or dead.
  enum class Fate : std::uint8_t { stored, acked, dead };
  void on_fate(std::function<void(Fate, Key, const Message&)> seen) { on_fate_ = std::move(seen); }
  // What somebody who names `reply_to` is answered, before it is sent.
  using Replied = std::function<void(const model::Batch&, const model::BatchReply&)>;
  void on_replied(Replied seen) { on_replied_ = std::move(seen); }
  [[nodiscard]] std::size_t waiting() const noexcept { return messages_.size(); }
  [[nodiscard]] const std::map<Key, Message>& messages() const noexcept { return messages_; }

 private:
  friend class NetStream;
  struct Consumer {
    std::vector<model::ShardId> shards;
    std::size_t inflight_max = 0;
    std::int64_t alive_until_ns = 0;  // world time: it says so every second
    std::set<Key> inflight;
  };
  using Where = std::pair<NodeId, std::uint64_t>;  // node and life

  [[nodiscard]] Result<void> store(Host& host, model::ShardId shard, const model::Batch& batch,
                                   const std::string& message_id, const std::string& reply_to);
  void consume(const Where& who, const std::vector<model::ShardId>& shards,
               std::size_t inflight_max);
  void settle(const Where& who, Key key, std::uint32_t attempt, ports::Settled how);
  void pump(Host& host);
  [[nodiscard]] const Where* pick(model::ShardId shard);

  World& world_;
  Network& network_;
  Faults& faults_;
  const NodeId node_;
  Prng random_;
  std::map<Key, Message> messages_;
  std::map<model::ShardId, std::uint64_t> last_sequence_;
  std::map<std::string, std::int64_t> ids_ns_;  // when each message id was stored
  std::map<Where, Consumer> consumers_;
  std::map<Where, NetStream*> endpoints_;
  std::function<void(Fate, Key, const Message&)> on_fate_;
  Replied on_replied_;
};

class NetStream final : public ports::PositionStream {
 public:
  // `reply_to` is "<node>.<anything>".
  using OnReply = std::function<void(const std::string& reply_to, const model::Batch&,
                                     const model::BatchReply&)>;

  NetStream(Network& network, StreamServer& server, Host& host);
  ~NetStream() override;

  [[nodiscard]] boost::asio::awaitable<Result<void>> publish(model::ShardId shard,
                                                             model::Batch batch,
                                                             std::string message_id,
                                                             std::string reply_to = {}) override;
  void serve(std::vector<model::ShardId> shards, ports::DeliveryHandler& handler,
             std::size_t inflight_max) override;
  void stop() override;
  [[nodiscard]] Result<void> reply(const std::string& reply_to, const model::Batch& batch,
                                   const model::BatchReply& outcomes) override;
  void on_reply(OnReply handler) { on_reply_ = std::move(handler); }

 private:
  friend class StreamServer;
  [[nodiscard]] boost::asio::awaitable<void> keep_consuming(std::uint64_t round);
  [[nodiscard]] boost::asio::awaitable<void> handle(ports::Delivery delivery);

  Network& network_;
  StreamServer& server_;
  Host& host_;
  ports::DeliveryHandler* handler_ = nullptr;
  std::vector<model::ShardId> shards_;
  std::size_t inflight_max_ = 0;
  std::uint64_t round_ = 0;  // of serve(): an earlier keep_consuming() ends
  OnReply on_reply_;
};

}  // namespace hunt::sim
