#include "service/delivery.h"

#include <algorithm>

#include "base/planted.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::int64_t look_ns = 1'000'000;

// Errors of the message itself. Those of a dependency never count as poison.
bool is_poison(Errc code) noexcept {
  return code == Errc::too_large || code == Errc::invalid_argument || code == Errc::not_found ||
         code == Errc::unsupported;
}

// Numbers one after the other, big-endian.
class Content {
 public:
  void add(std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      bytes_.push_back(static_cast<std::uint8_t>(number >> shift));
    }
  }
  [[nodiscard]] Bytes bytes() const noexcept { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

StoredPositions::StoredPositions(Orchestrator& orchestrator, ports::PositionStream& stream,
                                 const ports::Clock& clock, ports::Timer& timer, Bytes key)
    : orchestrator_(orchestrator), stream_(stream), clock_(clock), timer_(timer), ids_(key) {}

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
    // Accepted when the first stream took it.
    if (!planted(Planted::foreign_loses_as_of)) part.as_of_us = batch.as_of_us;
    part.positions.push_back(position);
    return true;
  });
  return parts;
}

std::string StoredPositions::id_of(const ports::Delivery& delivery, model::ShardId owner,
                                   const model::Batch& part) {
  Content content;
  content.add(delivery.shard);
  content.add(delivery.sequence);
  content.add(owner);
  content.add(part.world);
  content.add(static_cast<std::uint64_t>(part.as_of_us.value_or(0)));
  for (const auto& position : part.positions) {
    content.add(position.player.high);
    content.add(position.player.low);
    content.add(model::tile_id_of(position.tile).value);
    content.add(static_cast<std::uint64_t>(position.kind));
    content.add(position.seq);
    content.add(static_cast<std::uint64_t>(position.sent_at_us));
  }
  return to_hex(ids_.of(content.bytes()));
}

boost::asio::awaitable<bool> StoredPositions::pass_on(
    const ports::Delivery& delivery, std::map<model::ShardId, model::Batch> parts) {
  for (auto& [shard, part] : parts) {
    const std::size_t count = part.positions.size();
    std::string id = id_of(delivery, shard, part);
    const auto stored =
        co_await stream_.publish(shard, std::move(part), std::move(id), delivery.reply_to);
    if (!stored) co_return false;
    orchestrator_.count_cross_shard(count);
  }
  co_return true;
}

boost::asio::awaitable<ports::Settled> StoredPositions::work(ports::Delivery delivery) {
  if (delivery.unsigned_time) orchestrator_.count_distrusted_time();
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
  if (delivery.reply_to.empty()) co_return ports::Settled::ack;
  // What the bus does not take now is told with the next delivery: claims keep their answers.
  const auto told = stream_.reply(delivery.reply_to, delivery.batch, *reply);
  const bool later =
      !told && (told.error().code == Errc::overloaded || told.error().code == Errc::unavailable);
  co_return later ? ports::Settled::nak : ports::Settled::ack;
}

}  // namespace hunt::service
