#include "sim/sim_stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace hunt::sim {

namespace {

constexpr std::int64_t ack_wait_ns = 5'000'000'000;
constexpr std::int64_t nak_delay_ns = 300'000'000;
constexpr std::int64_t pump_ns = 100'000'000;
constexpr std::int64_t consume_ns = 1'000'000'000;
constexpr std::int64_t dedupe_ns = 120'000'000'000;
constexpr std::int64_t publish_timeout_ns = 1'000'000'000;
constexpr std::size_t messages_max = 20'000;  // a full stream refuses
constexpr std::int64_t batch_ns = 20'000;
constexpr std::int64_t position_ns = 300;

}  // namespace

Result<void> StreamServer::store(Host& host, model::ShardId shard, const model::Batch& batch,
                                 const std::string& message_id, const std::string& reply_to) {
  const auto known = ids_ns_.find(message_id);
  if (known != ids_ns_.end() && world_.now_ns() - known->second < dedupe_ns) return {};
  if (messages_.size() >= messages_max) return fail(Errc::overloaded, "the stream is full");
  ids_ns_[message_id] = world_.now_ns();
  const Key key{shard, ++last_sequence_[shard]};
  Message& message = messages_[key];
  message.batch = batch;
  // A foreign position keeps the time at which it was accepted first.
  if (!message.batch.as_of_us) message.batch.as_of_us = host.wall_us();
  message.reply_to = reply_to;
  message.due_ns = world_.now_ns();
  if (on_fate_) on_fate_(Fate::stored, key, message);
  pump(host);
  return {};
}

void StreamServer::consume(const Where& who, const std::vector<model::ShardId>& shards,
                           std::size_t inflight_max) {
  Consumer& consumer = consumers_[who];
  consumer.shards = shards;
  consumer.inflight_max = inflight_max;
  consumer.alive_until_ns = world_.now_ns() + 2 * consume_ns;
}

void StreamServer::settle(const Where& who, Key key, std::uint32_t attempt, ports::Settled how) {
  if (const auto found = consumers_.find(who); found != consumers_.end()) {
    found->second.inflight.erase(key);
  }
  const auto found = messages_.find(key);
  if (found == messages_.end()) return;
  if (how == ports::Settled::nak) {
    // A late nak of an earlier delivery must not hurry the present one.
    if (found->second.attempts == attempt) found->second.due_ns = world_.now_ns() + nak_delay_ns;
    return;
  }
  if (on_fate_) {
    on_fate_(how == ports::Settled::ack ? Fate::acked : Fate::dead, key, found->second);
  }
  messages_.erase(found);
}

const StreamServer::Where* StreamServer::pick(model::ShardId shard) {
  std::vector<const Where*> able;
  for (const auto& [where, consumer] : consumers_) {
    const bool wants =
        std::find(consumer.shards.begin(), consumer.shards.end(), shard) != consumer.shards.end();
    if (wants && consumer.inflight.size() < consumer.inflight_max) able.push_back(&where);
  }
  return able.empty() ? nullptr : able[random_.below(able.size())];
}

void StreamServer::pump(Host& host) {
  const std::int64_t now_ns = world_.now_ns();
  std::erase_if(consumers_,
                [now_ns](const auto& entry) { return entry.second.alive_until_ns < now_ns; });
  for (auto& [key, message] : messages_) {
    if (message.due_ns > now_ns) continue;
    const Where* where = pick(key.first);
    if (where == nullptr) continue;
    for (auto& [other, consumer] : consumers_) consumer.inflight.erase(key);
    consumers_[*where].inflight.insert(key);
    message.due_ns = now_ns + ack_wait_ns;
    if (++message.attempts > 1) faults_.note(FaultKind::redelivery, Place::deliver);
    ports::Delivery delivery;
    delivery.shard = key.first;
    delivery.sequence = key.second;
    delivery.attempt = message.attempts;
    delivery.batch = message.batch;
    delivery.reply_to = message.reply_to;
    network_.send(host, where->first, Place::deliver, [this, delivery](Host& to) {
      const auto found = endpoints_.find({to.node(), to.life()});
      if (found == endpoints_.end() || found->second->handler_ == nullptr) return;
      to.charge(batch_ns +
                position_ns * static_cast<std::int64_t>(delivery.batch.positions.size()));
      to.spawn(found->second->handle(delivery));
    });
  }
}

boost::asio::awaitable<void> StreamServer::run(Host& host) {
  for (;;) {
    pump(host);
    co_await host.sleep_until(host.now_ns() + pump_ns);
  }
}

NetStream::NetStream(Network& network, StreamServer& server, Host& host)
    : network_(network), server_(server), host_(host) {
  server_.endpoints_[{host_.node(), host_.life()}] = this;
}

NetStream::~NetStream() {
  server_.endpoints_.erase({host_.node(), host_.life()});
}

boost::asio::awaitable<Result<void>> NetStream::publish(model::ShardId shard, model::Batch batch,
                                                        std::string message_id,
                                                        std::string reply_to) {
  CallRules rules;
  rules.place = Place::publish;
  rules.timeout_ns = publish_timeout_ns;
  rules.on_timeout = Errc::unknown_outcome;
  StreamServer* server = &server_;
  Faults& faults = server_.faults_;
  const bool refused = faults.strikes(FaultKind::bus_error, Place::publish);
  const bool full = refused && faults.random(FaultKind::bus_error).chance({1, 2});
  std::function<boost::asio::awaitable<Result<void>>(Host&)> serve =
      [server, shard, batch, message_id, reply_to, refused,
       full](Host& host) -> boost::asio::awaitable<Result<void>> {
    if (full) co_return fail(Errc::overloaded, "an injected fault: the stream is full");
    if (refused) co_return fail(Errc::unavailable, "an injected fault of the stream");
    co_return server->store(host, shard, batch, message_id, reply_to);
  };
  co_return co_await network_.call<void>(host_, server_.node(), rules, std::move(serve));
}

void NetStream::serve(std::vector<model::ShardId> shards, ports::DeliveryHandler& handler,
                      std::size_t inflight_max) {
  handler_ = &handler;
  shards_ = std::move(shards);
  inflight_max_ = inflight_max;
  host_.spawn(keep_consuming(++round_));
}

void NetStream::stop() {
  handler_ = nullptr;
  ++round_;
}

boost::asio::awaitable<void> NetStream::keep_consuming(std::uint64_t round) {
  const StreamServer::Where me{host_.node(), host_.life()};
  while (round == round_) {
    StreamServer* server = &server_;
    auto shards = shards_;
    const auto inflight_max = inflight_max_;
    network_.send(host_, server_.node(), Place::deliver,
                  [server, me, shards, inflight_max](Host& host) {
                    server->consume(me, shards, inflight_max);
                    server->pump(host);
                  });
    co_await host_.sleep_until(host_.now_ns() + consume_ns);
  }
}

boost::asio::awaitable<void> NetStream::handle(ports::Delivery delivery) {
  const StreamServer::Key key{delivery.shard, delivery.sequence};
  const std::uint32_t attempt = delivery.attempt;
  ports::DeliveryHandler& handler = *handler_;
  network_.begin(host_.node(), Place::deliver);
  const ports::Settled how = co_await handler.handle(std::move(delivery));
  network_.end(host_.node(), Place::deliver);
  StreamServer* server = &server_;
  const StreamServer::Where me{host_.node(), host_.life()};
  network_.send(host_, server_.node(), Place::ack, [server, me, key, attempt, how](Host& host) {
    server->settle(me, key, attempt, how);
    server->pump(host);
  });
}

Result<void> NetStream::reply(const std::string& reply_to, const model::Batch& batch,
                              const model::BatchReply& outcomes) {
  if (server_.on_replied_) server_.on_replied_(batch, outcomes);
  const auto node = parse_u64(reply_to.substr(0, reply_to.find('.')));
  if (!node || *node >= host_.world().node_count()) return {};
  StreamServer* server = &server_;
  network_.send(host_, static_cast<NodeId>(*node), Place::deliver,
                [server, reply_to, batch, outcomes](Host& to) {
                  const auto found = server->endpoints_.find({to.node(), to.life()});
                  if (found == server->endpoints_.end() || !found->second->on_reply_) return;
                  found->second->on_reply_(reply_to, batch, outcomes);
                });
  return {};
}

}  // namespace hunt::sim
