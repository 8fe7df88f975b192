#include "service/delivery.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::int64_t look_ns = 1'000'000;

// Errors of the message itself. Those of a dependency never count as poison.
bool is_poison(Errc code) noexcept {
  return code == Errc::too_large || code == Errc::invalid_argument || code == Errc::not_found ||
         code == Errc::unsupported;
}

}  // namespace

void StoredPositions::start() {
  std::vector<model::ShardId> shards;
  for (model::ShardId shard = 0; shard < orchestrator_.shards().count(); ++shard) {
    if (orchestrator_.shards().serves(shard)) shards.push_back(shard);
  }
  stream_.serve(std::move(shards), *this, limits::deliveries_inflight_max);
}

boost::asio::awaitable<void> StoredPositions::drain() {
  stream_.stop();
  while (inflight_ > 0) co_await timer_.sleep_until(clock_.now_ns() + look_ns);
}

boost::asio::awaitable<ports::Settled> StoredPositions::handle(ports::Delivery delivery) {
  ++inflight_;
  const ports::Settled settled = co_await work(std::move(delivery));
  --inflight_;
  co_return settled;
}

std::map<model::ShardId, model::Batch> StoredPositions::take_foreign(model::ShardId shard,
                                                                     model::Batch& batch) const {
  std::map<model::ShardId, model::Batch> parts;
  const Shards& shards = orchestrator_.shards();
  std::erase_if(batch.positions, [&](const model::Position& position) {
    const model::ShardId owner = shards.of(batch.world, model::tile_id_of(position.tile));
    if (owner == shard) return false;
    model::Batch& part = parts[owner];
    part.world = batch.world;
    part.as_of_us = batch.as_of_us;  // accepted when the first stream took it
    part.positions.push_back(position);
    return true;
  });
  return parts;
}

boost::asio::awaitable<bool> StoredPositions::pass_on(
    const ports::Delivery& delivery, std::map<model::ShardId, model::Batch> parts) {
  for (auto& [shard, part] : parts) {
    const std::size_t count = part.positions.size();
    std::string id = fmt::format("{}:{}:{}", delivery.shard, delivery.sequence, shard);
    const auto stored =
        co_await stream_.publish(shard, std::move(part), std::move(id), delivery.reply_to);
    if (!stored) co_return false;
    orchestrator_.count_cross_shard(count);
  }
  co_return true;
}

boost::asio::awaitable<ports::Settled> StoredPositions::work(ports::Delivery delivery) {
  if (delivery.batch.positions.size() > limits::batch_positions_max || !delivery.batch.as_of_us) {
    co_return ports::Settled::dead;
  }
  if (!delivery.any) {
    auto foreign = take_foreign(delivery.shard, delivery.batch);
    const bool passed_on = co_await pass_on(delivery, std::move(foreign));
    if (!passed_on) co_return ports::Settled::nak;
  }
  if (delivery.batch.positions.empty()) co_return ports::Settled::ack;
  const auto reply = co_await orchestrator_.handle(delivery.batch, ports::Wait::terminal);
  if (!reply) {
    co_return is_poison(reply.error().code) ? ports::Settled::dead : ports::Settled::nak;
  }
  const bool terminal =
      std::all_of(reply->outcomes.begin(), reply->outcomes.end(),
                  [](const auto& one) { return model::is_terminal(one.outcome); });
  if (!terminal) co_return ports::Settled::nak;
  if (!delivery.reply_to.empty()) stream_.reply(delivery.reply_to, delivery.batch, *reply);
  co_return ports::Settled::ack;
}

}  // namespace hunt::service
