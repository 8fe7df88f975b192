// Ports that pass everything on: what a planted bug is made of, by changing one method.
//
// For tests only: nothing of the program includes it. Lifetime: what is inside outlives the object.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ports/bus.h"
#include "ports/change_feed.h"
#include "ports/hunt_store.h"
#include "ports/position_stream.h"
#include "ports/tile_cache.h"

namespace hunt::simulation::planted {

template <class T>
using Awaited = boost::asio::awaitable<Result<T>>;

class Store : public ports::HuntStore {
 public:
  explicit Store(ports::HuntStore& inside) : inside_(inside) {}
  Awaited<model::LoadCall> load_chunks(std::vector<model::ChunkKey> keys) override {
    return inside_.load_chunks(std::move(keys));
  }
  Awaited<model::GrantCall> grant_claims(std::vector<model::Claim> claims) override {
    return inside_.grant_claims(std::move(claims));
  }
  Awaited<model::GrantCall> look_up_claims(std::vector<model::Claim> claims) override {
    return inside_.look_up_claims(std::move(claims));
  }
  Awaited<std::optional<model::Grant>> find_grant(model::ClaimId claim) override {
    return inside_.find_grant(claim);
  }
  Awaited<model::GrantPage> grants_after(std::uint64_t cursor, std::uint32_t limit) override {
    return inside_.grants_after(cursor, limit);
  }
  Awaited<model::GrantsFound> find_grants(model::GrantSearch search) override {
    return inside_.find_grants(search);
  }
  Awaited<std::vector<model::Buried>> bury(model::WorldId world,
                                           std::vector<model::Burial> burials) override {
    return inside_.bury(world, std::move(burials));
  }
  Awaited<std::uint64_t> close_tiles(model::WorldId world,
                                     std::vector<model::Tile> tiles) override {
    return inside_.close_tiles(world, std::move(tiles));
  }
  Awaited<model::TilePage> list_tiles(model::WorldId world, model::TileRect rect,
                                      model::TileId from, std::uint32_t limit) override {
    return inside_.list_tiles(world, rect, from, limit);
  }
  Awaited<std::vector<model::World>> worlds() override { return inside_.worlds(); }
  Awaited<model::World> create_world(model::WorldId id, std::string name) override {
    return inside_.create_world(id, std::move(name));
  }
  Awaited<model::WorldStats> world_stats(model::WorldId world) override {
    return inside_.world_stats(world);
  }
  Awaited<void> read_ledger(ports::LedgerVisitor& visitor) override {
    return inside_.read_ledger(visitor);
  }
  Awaited<ports::StoreInfo> info() override { return inside_.info(); }
  Awaited<ports::StoreSecrets> secrets() override { return inside_.secrets(); }
  Awaited<void> join_hunt(model::Hunt hunt, model::HuntKey key) override {
    return inside_.join_hunt(std::move(hunt), key);
  }
  Awaited<model::RulesTimeline> rules_timeline() override { return inside_.rules_timeline(); }
  Awaited<model::RulesFiles> rules_files(std::string version) override {
    return inside_.rules_files(std::move(version));
  }
  Awaited<void> set_rules_timeline(model::RulesTimeline timeline,
                                   std::vector<model::RulesOf> sets) override {
    return inside_.set_rules_timeline(std::move(timeline), std::move(sets));
  }

 protected:
  ports::HuntStore& inside_;
};

class Feed : public ports::ChangeFeed {
 public:
  explicit Feed(ports::ChangeFeed& inside) : inside_(inside) {}
  Awaited<model::FeedStart> resume() override { return inside_.resume(); }
  Awaited<model::FeedCursor> now() override { return inside_.now(); }
  Awaited<model::ChangeBatch> next(model::FeedCursor after, std::int64_t wait_ns) override {
    return inside_.next(after, wait_ns);
  }
  Awaited<void> secure(model::FeedCursor cursor) override { return inside_.secure(cursor); }
  Awaited<void> confirm(model::FeedCursor cursor) override { return inside_.confirm(cursor); }
  Awaited<model::FeedStart> repair() override { return inside_.repair(); }

 protected:
  ports::ChangeFeed& inside_;
};

class Cache : public ports::TileCache {
 public:
  explicit Cache(ports::TileCache& inside) : inside_(inside) {}
  Awaited<std::vector<ports::CachedChunk>> read(std::vector<ports::CacheAsk> asks,
                                                std::int64_t lease_ns) override {
    return inside_.read(std::move(asks), lease_ns);
  }
  Awaited<void> fill(std::vector<ports::ChunkFill> fills) override {
    return inside_.fill(std::move(fills));
  }
  Awaited<void> update(std::vector<model::TileChange> changes) override {
    return inside_.update(std::move(changes));
  }

 protected:
  ports::TileCache& inside_;
};

class Bus : public ports::Bus {
 public:
  explicit Bus(ports::Bus& inside) : inside_(inside) {}
  Awaited<model::BatchReply> ask(model::Batch batch, ports::Wait wait) override {
    return inside_.ask(std::move(batch), wait);
  }
  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)> handler) override {
    inside_.on_claims(std::move(handler));
  }
  void serve(ports::BatchHandler& handler) override { inside_.serve(handler); }
  void stop_serving() override { inside_.stop_serving(); }
  void publish(model::Invalidation invalidation) override {
    inside_.publish(std::move(invalidation));
  }
  Awaited<void> tell(std::vector<model::ClaimEvent> events) override {
    return inside_.tell(std::move(events));
  }
  void on_invalidation(std::function<void(const model::Invalidation&)> handler) override {
    inside_.on_invalidation(std::move(handler));
  }

 protected:
  ports::Bus& inside_;
};

// Settles deliveries its own way: `settle` says how, of what the handler came to.
class Stream : public ports::PositionStream, public ports::DeliveryHandler {
 public:
  explicit Stream(ports::PositionStream& inside) : inside_(inside) {}
  Awaited<void> publish(model::ShardId shard, model::Batch batch, std::string message_id,
                        std::string reply_to) override {
    return inside_.publish(shard, std::move(batch), std::move(message_id), std::move(reply_to));
  }
  void serve(std::vector<model::ShardId> shards, ports::DeliveryHandler& handler,
             std::size_t inflight_max) override {
    handler_ = &handler;
    inside_.serve(std::move(shards), *this, inflight_max);
  }
  void stop() override { inside_.stop(); }
  Result<void> reply(const std::string& reply_to, const model::Batch& batch,
                     const model::BatchReply& outcomes) override {
    return inside_.reply(reply_to, batch, outcomes);
  }
  boost::asio::awaitable<ports::Settled> handle(ports::Delivery delivery) override {
    return handler_->handle(std::move(delivery));
  }

 protected:
  ports::PositionStream& inside_;
  ports::DeliveryHandler* handler_ = nullptr;
};

}  // namespace hunt::simulation::planted
