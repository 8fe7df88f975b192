// SlowStore: any store, with a round trip added to each call: the wound of a far-away database.
//
// Not a model of load: the delay is the same for every call, half before it and half after, so the
// store itself stays as fast as it is. In real time, on the caller's executor.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>

#include "ports/hunt_store.h"

namespace hunt::sim {

class SlowStore final : public ports::HuntStore {
 public:
  // Lifetime: `inner` outlives this.
  SlowStore(ports::HuntStore& inner, std::int64_t round_trip_ns)
      : inner_(inner), half_ns_(round_trip_ns / 2) {}

  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::ChunkRows>>> load_chunks(
      std::vector<model::ChunkKey> keys) override {
    return delayed(inner_.load_chunks(std::move(keys)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> grant_claims(
      std::vector<model::Claim> claims) override {
    return delayed(inner_.grant_claims(std::move(claims)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::optional<model::Grant>>> find_grant(
      model::ClaimId claim) override {
    return delayed(inner_.find_grant(claim));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantPage>> grants_after(
      std::uint64_t cursor, std::uint32_t limit) override {
    return delayed(inner_.grants_after(cursor, limit));
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::Buried>>> bury(
      model::WorldId world, std::vector<model::Burial> burials) override {
    return delayed(inner_.bury(world, std::move(burials)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::uint64_t>> close_tiles(
      model::WorldId world, std::vector<model::Tile> tiles) override {
    return delayed(inner_.close_tiles(world, std::move(tiles)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::TilePage>> list_tiles(
      model::WorldId world, model::TileRect rect, model::TileId from,
      std::uint32_t limit) override {
    return delayed(inner_.list_tiles(world, rect, from, limit));
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::World>>> worlds() override {
    return delayed(inner_.worlds());
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::World>> create_world(
      model::WorldId id, std::string name) override {
    return delayed(inner_.create_world(id, std::move(name)));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::WorldStats>> world_stats(
      model::WorldId world) override {
    return delayed(inner_.world_stats(world));
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> read_ledger(
      ports::LedgerVisitor& visitor) override {
    return delayed(inner_.read_ledger(visitor));
  }
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreInfo>> info() override {
    return delayed(inner_.info());
  }

 private:
  [[nodiscard]] boost::asio::awaitable<void> half() const;

  // The inner call is lazy: it begins after the first half of the way.
  template <class T>
  [[nodiscard]] boost::asio::awaitable<T> delayed(boost::asio::awaitable<T> call) {
    co_await half();
    auto result = co_await std::move(call);
    co_await half();
    co_return result;
  }

  ports::HuntStore& inner_;
  std::int64_t half_ns_;
};

}  // namespace hunt::sim
