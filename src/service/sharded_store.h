// ShardedStore: the worlds of all shards as one, for whoever buries, lists and asks: HTTP and
// `hunt world`.
//
// Not for lanes: they ask each shard for its chunks and grants themselves (shards.h). What goes to
// several shards is one transaction in each, in the order of the shards: after an error those
// before it have happened, and a repeat with the same keys changes nothing there. When a shard says
// that a tile is another one's by now, the map is read again, once. Thread: any, but set_map().
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "model/shard_map.h"
#include "ports/world_store.h"
#include "service/world_figures.h"

namespace hunt::service {

class ShardedStore final : public ports::WorldStore {
 public:
  // Stores by shard. Lifetime: they outlive this.
  explicit ShardedStore(std::vector<ports::WorldStore*> stores);
  // From here on recent_world_stats() keeps what it found for a while. Once, before it is used.
  // Lifetime: the clock outlives this.
  void keep_figures(const ports::Clock& clock);

  // Called with what came of each burial in a shard; nullptr: it lies there. Once, before it is
  // used. Thread: the caller's of bury().
  void tell_burials(std::function<void(model::ShardId, const Error*)> to) {
    on_burial_ = std::move(to);
  }

  void set_map(model::ShardMap map);

  // Asks one shard after the other: a claim id does not say whose it is.
  [[nodiscard]] boost::asio::awaitable<Result<std::optional<model::Grant>>> find_grant(
      model::ClaimId claim) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::Buried>>> bury(
      model::WorldId world, std::vector<model::Burial> burials) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::uint64_t>> close_tiles(
      model::WorldId world, std::vector<model::Tile> tiles) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::TilePage>> list_tiles(
      model::WorldId world, model::TileRect rect, model::TileId from, std::uint32_t limit) override;
  // Worlds are in every shard; shard 0 gives them their ids.
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::World>>> worlds() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::World>> create_world(
      model::WorldId id, std::string name) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::WorldStats>> world_stats(
      model::WorldId world) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::WorldStats>> recent_world_stats(
      model::WorldId world) override;
  // The map that is in force here.
  [[nodiscard]] boost::asio::awaitable<Result<model::ShardMap>> shard_map() override;

 private:
  [[nodiscard]] std::shared_ptr<const model::ShardMap> map() const;
  [[nodiscard]] boost::asio::awaitable<Result<void>> look_again();
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::Buried>>> bury_at(
      model::ShardId shard, model::WorldId world, std::vector<model::Burial> burials);
  [[nodiscard]] boost::asio::awaitable<Result<void>> bury_in(
      model::ShardId shard, model::WorldId world, const std::vector<model::Burial>& burials,
      const std::vector<std::size_t>& places, std::vector<model::Buried>& out);

  const std::vector<ports::WorldStore*> stores_;
  mutable std::mutex mutex_;
  std::shared_ptr<const model::ShardMap> map_;
  std::unique_ptr<WorldFigures> figures_;
  std::function<void(model::ShardId, const Error*)> on_burial_;
};

}  // namespace hunt::service
