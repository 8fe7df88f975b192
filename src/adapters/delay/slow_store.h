// SlowStore: any store, with a round trip added to each call: the wound of a far-away database.
//
// Not a model of load (adapters/delay/round_trip.h). In real time, on the caller's executor.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>

#include "adapters/delay/round_trip.h"
#include "ports/hunt_store.h"

namespace hunt::delay {

class SlowStore final : public ports::HuntStore {
 public:
  // Lifetime: `inner` outlives this.
  SlowStore(ports::HuntStore& inner, std::int64_t round_trip_ns)
      : inner_(inner), way_(round_trip_ns) {}

  [[nodiscard]] boost::asio::awaitable<Result<model::LoadCall>> load_chunks(
      std::vector<model::ChunkKey> keys) override {
    return way_.add(inner_.load_chunks(std::move(keys)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> grant_claims(
      std::vector<model::Claim> claims) override {
    return way_.add(inner_.grant_claims(std::move(claims)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> look_up_claims(
      std::vector<model::Claim> claims) override {
    return way_.add(inner_.look_up_claims(std::move(claims)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::optional<model::Grant>>> find_grant(
      model::ClaimId claim) override {
    return way_.add(inner_.find_grant(claim));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantPage>> grants_after(
      std::uint64_t cursor, std::uint32_t limit) override {
    return way_.add(inner_.grants_after(cursor, limit));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantsFound>> find_grants(
      model::GrantSearch search) override {
    return way_.add(inner_.find_grants(search));
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::Buried>>> bury(
      model::WorldId world, std::vector<model::Burial> burials) override {
    return way_.add(inner_.bury(world, std::move(burials)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::uint64_t>> close_tiles(
      model::WorldId world, std::vector<model::Tile> tiles) override {
    return way_.add(inner_.close_tiles(world, std::move(tiles)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::TilePage>> list_tiles(
      model::WorldId world, model::TileRect rect, model::TileId from,
      std::uint32_t limit) override {
    return way_.add(inner_.list_tiles(world, rect, from, limit));
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::World>>> worlds() override {
    return way_.add(inner_.worlds());
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::World>> create_world(
      model::WorldId id, std::string name) override {
    return way_.add(inner_.create_world(id, std::move(name)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::WorldStats>> world_stats(
      model::WorldId world) override {
    return way_.add(inner_.world_stats(world));
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> read_ledger(
      ports::LedgerVisitor& visitor) override {
    return way_.add(inner_.read_ledger(visitor));
  }
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreInfo>> info() override {
    return way_.add(inner_.info());
  }
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreSecrets>> secrets() override {
    return way_.add(inner_.secrets());
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> join_hunt(model::Hunt hunt,
                                                               model::HuntKey key) override {
    return way_.add(inner_.join_hunt(std::move(hunt), key));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesTimeline>> rules_timeline() override {
    return way_.add(inner_.rules_timeline());
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesFiles>> rules_files(
      std::string version) override {
    return way_.add(inner_.rules_files(std::move(version)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> set_rules_timeline(
      model::RulesTimeline timeline, std::vector<model::RulesOf> sets) override {
    return way_.add(inner_.set_rules_timeline(std::move(timeline), std::move(sets)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::ShardMap>> shard_map() override {
    return way_.add(inner_.shard_map());
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> set_shard_map(model::ShardMap map) override {
    return way_.add(inner_.set_shard_map(std::move(map)));
  }

 private:
  ports::HuntStore& inner_;
  RoundTrip way_;
};

}  // namespace hunt::delay
