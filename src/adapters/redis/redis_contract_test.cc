// The contract of the cache over Redis, a Redis Cluster and the simulator's model; and the same
// random schedules on Redis and on the model, which never runs the Lua (PROTOCOLS 13).
#include <gtest/gtest.h>

#include <map>

#include "adapters/redis/entry.h"
#include "adapters/redis/redis_test_support.h"
#include "base/prng.h"
#include "ports/contract/tile_cache_contract.h"
#include "sim/sim_cache.h"

namespace hunt::ports::contract {
namespace {

// The model alone, without a network.
class ModelCache final : public TileCache {
 public:
  explicit ModelCache(const std::int64_t& now_ms) : now_ms_(now_ms) {}
  boost::asio::awaitable<Result<std::vector<CachedChunk>>> read(std::vector<CacheAsk> asks,
                                                                std::int64_t lease_ns) override {
    std::vector<CachedChunk> out;
    for (const auto& ask : asks) out.push_back(node_.read(ask, lease_ns, now_ms_));
    co_return out;
  }
  boost::asio::awaitable<Result<void>> fill(std::vector<ChunkFill> fills) override {
    for (const auto& one : fills) node_.fill(one, now_ms_);
    co_return Result<void>{};
  }
  boost::asio::awaitable<Result<void>> update(std::vector<model::TileChange> changes) override {
    for (const auto& change : changes) node_.update(change, now_ms_);
    co_return Result<void>{};
  }
  void flush() { node_.flush(); }

 private:
  const std::int64_t& now_ms_;
  sim::CacheNode node_;
};

class ModelUnderTest final : public CacheUnderTest {
 public:
  [[nodiscard]] TileCache& cache() override { return cache_; }
  [[nodiscard]] boost::asio::io_context& context() override { return context_; }
  [[nodiscard]] std::int64_t now_ms() const override { return now_ms_; }
  void advance_ms(std::int64_t by_ms) override { now_ms_ += by_ms; }
  void lose_everything() override { cache_.flush(); }

 private:
  std::int64_t now_ms_ = 1'800'000'000'000;
  boost::asio::io_context context_;
  ModelCache cache_{now_ms_};
};

redis::RedisServer& shared_server() {
  static redis::RedisServer server;
  return server;
}
redis::RedisCluster& shared_cluster() {
  static redis::RedisCluster cluster(3);
  return cluster;
}

std::unique_ptr<CacheUnderTest> make_model() {
  return std::make_unique<ModelUnderTest>();
}
std::unique_ptr<CacheUnderTest> make_redis() {
  const auto flush = [] { shared_server().shell({"FLUSHALL"}); };
  flush();
  return std::make_unique<redis::RedisUnderTest>(shared_server().url(), flush);
}
std::unique_ptr<CacheUnderTest> make_cluster() {
  const auto flush = [] { shared_cluster().flush_all(); };
  flush();
  return std::make_unique<redis::RedisUnderTest>(shared_cluster().url(), flush);
}

INSTANTIATE_TEST_SUITE_P(Caches, TileCacheContract,
                         ::testing::Values(CacheFactory{"model", make_model},
                                           CacheFactory{"redis", make_redis},
                                           CacheFactory{"cluster", make_cluster}),
                         name_of_cache);

// One random schedule over a few chunks and tiles, so that everything meets everything.
class Schedule {
 public:
  Schedule(std::uint64_t seed, CacheUnderTest& redis, CacheUnderTest& model)
      : random_(seed), redis_(redis), model_(model) {}

  void step() {
    switch (random_.below(8)) {
      case 0:
        return advance();
      case 1:
      case 2:
        return fill();
      case 3:
      case 4:
      case 5:
        return update();
      default:
        return read();
    }
  }

 private:
  static constexpr std::int64_t lease_ns = 2'000'000'000;

  model::Tile tile() {
    const auto chunk = static_cast<std::int32_t>(random_.below(3));
    return {chunk * 32 - 32 + static_cast<std::int32_t>(random_.below(3)), -1};
  }
  model::ChunkKey touched(model::Tile at) {
    const auto key = model::chunk_of(1, model::tile_id_of(at));
    touched_ms_[key] = model_.now_ms();
    return key;
  }
  std::uint64_t epoch() { return 1 + random_.below(2) + (random_.below(20) == 0 ? 1 : 0); }
  model::TileRow row(model::TileId id) {
    model::TileRow made;
    made.tile = id;
    made.version = 1 + random_.below(12);
    made.spawn = made.version * 1'000 + 7;
    made.table = random_.below(2) == 0 ? "starlight" : "moon";
    made.sold_out = random_.below(4) == 0;
    return made;
  }

  // Keys go 40 s after they were used last; Redis goes by its own clock there, so the test does it.
  void advance() {
    const std::int64_t by_ms = random_.between(1, random_.below(3) == 0 ? 25'000 : 3'000);
    redis_.advance_ms(by_ms);
    model_.advance_ms(by_ms);
    for (auto& [key, at_ms] : touched_ms_) {
      if (at_ms + 40'000 > model_.now_ms()) continue;
      shared_server().shell({"DEL", model::HuntName().chunk_key(key)});
      at_ms = INT64_MAX / 2;
    }
  }
  void fill() {
    const model::Tile at = tile();
    ChunkFill fill;
    fill.rows.key = touched(at);
    fill.rows.epoch = random_.below(30) == 0 ? 0 : epoch();
    // From the last lease, or from a moment that is anywhere in the last minute.
    fill.expires_ms = model_.now_ms() + random_.between(-30'000, 30'000);
    const model::Tile first = model::first_tile(fill.rows.key.chunk);
    std::vector<model::TileId> ids;
    for (std::int32_t x = 0; x < 3; ++x) {
      if (random_.below(3) != 0) ids.push_back(model::tile_id_of({first.x + x, -1}));
    }
    std::sort(ids.begin(), ids.end());
    for (const auto id : ids) fill.rows.rows.push_back(row(id));
    for (CacheUnderTest* one : {&redis_, &model_}) {
      ASSERT_TRUE(one->run(one->cache().fill({fill})).has_value());
    }
  }
  void update() {
    std::vector<model::TileChange> changes;
    for (std::uint64_t i = 0; i <= random_.below(3); ++i) {
      const model::Tile at = tile();
      touched(at);
      changes.push_back({1, row(model::tile_id_of(at)), epoch()});
    }
    for (CacheUnderTest* one : {&redis_, &model_}) {
      ASSERT_TRUE(one->run(one->cache().update(changes)).has_value());
    }
  }
  void read() {
    std::vector<CacheAsk> asks;
    for (std::int32_t chunk = 0; chunk < 3; ++chunk) {
      if (random_.below(2) == 0) asks.push_back({touched({chunk * 32 - 32, -1}), random_.below(3)});
    }
    const auto said = redis_.run(redis_.cache().read(asks, lease_ns));
    const auto expected = model_.run(model_.cache().read(asks, lease_ns));
    ASSERT_TRUE(said.has_value()) << said.error().message;
    for (std::size_t i = 0; i < asks.size(); ++i) {
      const CachedChunk& a = (*said)[i];
      const CachedChunk& b = (*expected)[i];
      ASSERT_EQ(a.complete, b.complete);
      ASSERT_EQ(a.leased, b.leased);
      ASSERT_EQ(a.cache_ms, b.cache_ms);
      ASSERT_EQ(a.life_ns, b.life_ns);
      ASSERT_EQ(a.rows.rows, b.rows.rows);
      ASSERT_EQ(a.rows.epoch, a.complete ? b.rows.epoch : a.rows.epoch);
    }
  }

  Prng random_;
  CacheUnderTest& redis_;
  CacheUnderTest& model_;
  std::map<model::ChunkKey, std::int64_t> touched_ms_;
};

TEST(RedisScripts, do_what_the_model_does_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const auto redis = make_redis();
    const auto model = make_model();
    Schedule schedule(seed, *redis, *model);
    for (int step = 0; step < 250; ++step) {
      schedule.step();
      ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << ", step " << step;
    }
  }
}

// What one tile's look-up says is what its chunk says, whatever was done to it.
TEST(RedisScripts, say_of_one_tile_what_they_say_of_its_chunk_for_any_seed) {
  for (std::uint64_t seed = 100; seed <= 110; ++seed) {
    const auto redis = make_redis();
    const auto model = make_model();
    Schedule schedule(seed, *redis, *model);
    auto& cache = dynamic_cast<redis::RedisCache&>(redis->cache());
    const model::Tile at{1, -1};
    for (int step = 0; step < 100; ++step) {
      schedule.step();
      const auto tile = redis->run(cache.read_tile(1, at, 1));
      std::vector<CacheAsk> asks{{model::chunk_of(1, model::tile_id_of(at)), 1}};
      const auto chunk = redis->run(cache.read(asks, 0));
      ASSERT_TRUE(tile.has_value() && chunk.has_value());
      ASSERT_EQ(tile->complete, chunk->front().complete) << "seed " << seed << ", step " << step;
      if (!tile->complete) continue;
      std::optional<model::TileRow> row;
      for (const auto& one : chunk->front().rows.rows) {
        if (one.tile == model::tile_id_of(at)) row = one;
      }
      ASSERT_EQ(tile->row, row) << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace hunt::ports::contract
