// LateStore: the place of a store that may not be open yet: a shard that was lost or slow when the
// process began. LateFeed: the same for its change feed.
//
// Not a retry (open_later.h): until there is a store, every call answers `unavailable`, as that of
// a store whose server is gone. What waits for it is asked again, so nothing is lost. Thread: any.
#pragma once
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "ports/change_feed.h"
#include "ports/hunt_store.h"

namespace hunt::node {

// What both say until then.
class NotOpen {
 public:
  explicit NotOpen(std::string shown) : shown_(std::move(shown)) {}
  void set_why(const Error& why);
  [[nodiscard]] std::string why() const;
  // "db:5432/hunt is not open yet: …".
  [[nodiscard]] Error error() const;

 private:
  const std::string shown_;
  mutable std::mutex mutex_;
  std::string why_ = "it is being opened";
};

class LateStore final : public ports::HuntStore {
 public:
  // Lifetime: `not_open` outlives this.
  explicit LateStore(const NotOpen& not_open) : not_open_(not_open) {}
  // From now on every call goes there. Lifetime: `store` outlives this.
  void set(ports::HuntStore& store) noexcept { store_ = &store; }

  [[nodiscard]] boost::asio::awaitable<Result<model::LoadCall>> load_chunks(
      std::vector<model::ChunkKey> keys) override {
    return call(&HuntStore::load_chunks, std::move(keys));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> grant_claims(
      std::vector<model::Claim> claims) override {
    return call(&HuntStore::grant_claims, std::move(claims));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> look_up_claims(
      std::vector<model::Claim> claims) override {
    return call(&HuntStore::look_up_claims, std::move(claims));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::StoreDoing>> doing() override {
    return call(&HuntStore::doing);
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::optional<model::Grant>>> find_grant(
      model::ClaimId claim) override {
    return call(&HuntStore::find_grant, claim);
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantPage>> grants_after(
      std::uint64_t cursor, std::uint32_t limit) override {
    return call(&HuntStore::grants_after, cursor, limit);
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::Buried>>> bury(
      model::WorldId world, std::vector<model::Burial> burials) override {
    return call(&HuntStore::bury, world, std::move(burials));
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::uint64_t>> close_tiles(
      model::WorldId world, std::vector<model::Tile> tiles) override {
    return call(&HuntStore::close_tiles, world, std::move(tiles));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::TilePage>> list_tiles(
      model::WorldId world, model::TileRect rect, model::TileId from,
      std::uint32_t limit) override {
    return call(&HuntStore::list_tiles, world, rect, from, limit);
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::World>>> worlds() override {
    return call(&HuntStore::worlds);
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::World>> create_world(
      model::WorldId id, std::string name) override {
    return call(&HuntStore::create_world, id, std::move(name));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::WorldStats>> world_stats(
      model::WorldId world) override {
    return call(&HuntStore::world_stats, world);
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::WorldStats>> recent_world_stats(
      model::WorldId world) override {
    return call(&HuntStore::recent_world_stats, world);
  }
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::TableCount>>> open_tables()
      override {
    return call(&HuntStore::open_tables);
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> verify() override {
    return call(&HuntStore::verify);
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantsFound>> find_grants(
      model::GrantSearch search) override {
    return call(&HuntStore::find_grants, std::move(search));
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> read_ledger(
      ports::LedgerVisitor& visitor) override {
    return call(&HuntStore::read_ledger, std::ref(visitor));
  }
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreInfo>> info() override {
    return call(&HuntStore::info);
  }
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreSecrets>> secrets() override {
    return call(&HuntStore::secrets);
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> join_hunt(model::Hunt hunt,
                                                               model::HuntKey key) override {
    return call(&HuntStore::join_hunt, std::move(hunt), key);
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesTimeline>> rules_timeline() override {
    return call(&HuntStore::rules_timeline);
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesFiles>> rules_files(
      std::string version) override {
    return call(&HuntStore::rules_files, std::move(version));
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> set_rules_timeline(
      model::RulesTimeline timeline, std::vector<model::RulesOf> sets) override {
    return call(&HuntStore::set_rules_timeline, std::move(timeline), std::move(sets));
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::ShardMap>> shard_map() override {
    return call(&HuntStore::shard_map);
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> set_shard_map(model::ShardMap map) override {
    return call(&HuntStore::set_shard_map, std::move(map));
  }

 private:
  using HuntStore = ports::HuntStore;

  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> refuse() const {
    co_return tl::unexpected<Error>(not_open_.error());
  }
  template <class T, class Part, class... Parameters, class... Values>
  [[nodiscard]] boost::asio::awaitable<Result<T>> call(
      boost::asio::awaitable<Result<T>> (Part::*method)(Parameters...), Values... values) {
    ports::HuntStore* store = store_;
    if (store == nullptr) return refuse<T>();
    return (static_cast<Part*>(store)->*method)(std::move(values)...);
  }

  const NotOpen& not_open_;
  std::atomic<ports::HuntStore*> store_{nullptr};
};

class LateFeed final : public ports::ChangeFeed {
 public:
  // Lifetime: `not_open` outlives this.
  explicit LateFeed(const NotOpen& not_open) : not_open_(not_open) {}
  // Lifetime: `feed` outlives this.
  void set(ports::ChangeFeed& feed) noexcept { feed_ = &feed; }

  [[nodiscard]] boost::asio::awaitable<Result<model::FeedStart>> resume() override {
    return call(&ChangeFeed::resume);
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::FeedCursor>> now() override {
    return call(&ChangeFeed::now);
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::ChangeBatch>> next(
      model::FeedCursor after, std::int64_t wait_ns) override {
    return call(&ChangeFeed::next, after, wait_ns);
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> secure(model::FeedCursor cursor) override {
    return call(&ChangeFeed::secure, cursor);
  }
  [[nodiscard]] boost::asio::awaitable<Result<void>> confirm(model::FeedCursor cursor) override {
    return call(&ChangeFeed::confirm, cursor);
  }
  [[nodiscard]] boost::asio::awaitable<Result<model::FeedStart>> repair() override {
    return call(&ChangeFeed::repair);
  }

 private:
  using ChangeFeed = ports::ChangeFeed;

  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> refuse() const {
    co_return tl::unexpected<Error>(not_open_.error());
  }
  template <class T, class... Parameters, class... Values>
  [[nodiscard]] boost::asio::awaitable<Result<T>> call(
      boost::asio::awaitable<Result<T>> (ChangeFeed::*method)(Parameters...), Values... values) {
    ports::ChangeFeed* feed = feed_;
    return feed == nullptr ? refuse<T>() : (feed->*method)(std::move(values)...);
  }

  const NotOpen& not_open_;
  std::atomic<ports::ChangeFeed*> feed_{nullptr};
};

}  // namespace hunt::node
