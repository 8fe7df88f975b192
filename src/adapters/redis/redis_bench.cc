// Reading the cache in a real Redis beside the least that any client does there, in one run; and
// the layouts: a fill as one blob with the changes since, against a field per tile. One iteration
// is one round: `depth` chunks asked for together, until all have been answered.
//
// Names are <contestant>/<case>/<depth>; the last one is at a steady rate instead.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "adapters/redis/entry.h"
#include "adapters/redis/redis_test_support.h"
#include "base/prng.h"

namespace hunt::redis {
namespace {

constexpr std::uint64_t chunk_count = 4'000;
constexpr int few_rows = 6;  // of a chunk of the reference world
constexpr int many_rows = 256;

const RedisServer& server() {
  static const RedisServer one;
  return one;
}

class Latencies {
 public:
  explicit Latencies(benchmark::State& state) : state_(state) {}
  ~Latencies() {
    if (us_.empty()) return;
    std::sort(us_.begin(), us_.end());
    state_.counters["p50_us"] = us_[us_.size() / 2];
    state_.counters["p99_us"] = us_[us_.size() * 99 / 100];
    state_.SetItemsProcessed(state_.iterations() * state_.range(0));
  }
  void begin() { begun_ = std::chrono::steady_clock::now(); }
  void end() {
    const std::chrono::duration<double, std::micro> took =
        std::chrono::steady_clock::now() - begun_;
    us_.push_back(took.count());
  }

 private:
  benchmark::State& state_;
  std::vector<double> us_;
  TimePoint begun_;
};

std::vector<std::uint64_t> some_chunks(Prng& random, std::size_t depth) {
  std::vector<std::uint64_t> chunks(depth);
  for (auto& chunk : chunks) chunk = random.below(chunk_count);
  return chunks;
}

// ---- a plain pipeline of hiredis
// -----------------------------------------------------------------

void pipeline(benchmark::State& state, const std::vector<std::string>& words) {
  const std::unique_ptr<redisContext, void (*)(redisContext*)> context(
      redisConnect("127.0.0.1", server().port()), redisFree);
  Prng random(7);
  Latencies latencies(state);
  for (auto _ : state) {
    const auto chunks = some_chunks(random, static_cast<std::size_t>(state.range(0)));
    latencies.begin();
    for (const auto chunk : chunks) {
      CommandWriter command(words.size() + 1);
      command.add(words[0]).add("bench:" + std::to_string(chunk));
      for (std::size_t i = 1; i < words.size(); ++i) command.add(words[i]);
      const std::string bytes = command.take();
      redisAppendFormattedCommand(context.get(), bytes.data(), bytes.size());
    }
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      void* reply = nullptr;
      if (redisGetReply(context.get(), &reply) != REDIS_OK) return state.SkipWithError("no reply");
      benchmark::DoNotOptimize(reply);
      freeReplyObject(reply);
    }
    latencies.end();
  }
}

// A hash per chunk with a field of 48 bytes per tile.
void fill_fields(int rows) {
  server().shell({"FLUSHALL"});
  Shell shell(server().port());
  for (std::uint64_t chunk = 0; chunk < chunk_count; ++chunk) {
    std::vector<std::string> words{"HSET", "bench:" + std::to_string(chunk)};
    for (int i = 0; i < rows; ++i) {
      words.push_back(std::to_string(i * 3) + ",-" + std::to_string(i));
      words.emplace_back(48, 'v');
    }
    shell(words);
  }
}

void raw_hmget(benchmark::State& state) {
  fill_fields(few_rows);
  pipeline(state, {"HMGET", "0,-0", "3,-1", "6,-2", "9,-3"});
}
void fields_hgetall(benchmark::State& state, int rows) {
  fill_fields(rows);
  pipeline(state, {"HGETALL"});
}

// ---- the cache
// -----------------------------------------------------------------------------------

void fill_cache(RedisUnderTest& lane, int rows, int changes) {
  for (std::uint64_t chunk = 0; chunk < chunk_count; ++chunk) {
    ports::ChunkFill fill;
    fill.rows.key = {1, chunk};
    fill.expires_ms = lane.now_ms() + 30'000;
    std::vector<model::TileChange> later;
    for (int i = 0; i < rows; ++i) {
      model::TileRow row;
      row.tile.value = chunk << model::chunk_id_shift | static_cast<std::uint64_t>(i * 4);
      row.version = 1;
      row.spawn = chunk * 1'024 + static_cast<std::uint64_t>(i);
      row.table = "starlight";
      row.budget = 20;
      row.buried_at_us = 1'800'000'000'000'000;
      fill.rows.rows.push_back(row);
      row.version = 2;
      if (i < changes) later.push_back({1, row, 1});
    }
    std::vector<ports::ChunkFill> fills{std::move(fill)};
    HUNT_ASSERT(lane.run(lane.cache().fill(std::move(fills))).has_value());
    HUNT_ASSERT(lane.run(lane.cache().update(std::move(later))).has_value());
  }
}

void cache_read(benchmark::State& state, int rows, int changes) {
  server().shell({"FLUSHALL"});
  RedisUnderTest lane(server().url());
  fill_cache(lane, rows, changes);
  Prng random(7);
  Latencies latencies(state);
  for (auto _ : state) {
    const auto chunks = some_chunks(random, static_cast<std::size_t>(state.range(0)));
    latencies.begin();
    std::vector<ports::CacheAsk> asks;
    for (const auto chunk : chunks) asks.push_back({{1, chunk}, 0});
    const auto read = lane.run(lane.cache().read(std::move(asks), 1'000'000'000));
    latencies.end();
    if (!read || !read->front().complete) return state.SkipWithError("not complete");
  }
}

// ---- many nodes at a steady rate
// -----------------------------------------------------------------

// Asks for one chunk each 1/rate, however long the answers take: latency from the intended time.
class OpenLoop {
 public:
  OpenLoop(RedisUnderTest& lane, std::int64_t per_second, std::size_t count)
      : lane_(lane), step_(1'000'000'000 / per_second), count_(count) {}

  // Sorted, in microseconds.
  std::vector<double> run() {
    auto ended = [](const std::exception_ptr&) {};
    boost::asio::co_spawn(lane_.context(), pace(), std::move(ended));
    lane_.context().restart();
    while (us_.size() < count_) lane_.context().run_one();
    std::sort(us_.begin(), us_.end());
    return std::move(us_);
  }

 private:
  boost::asio::awaitable<void> pace() {
    boost::asio::steady_timer timer(lane_.context());
    const TimePoint start = std::chrono::steady_clock::now();
    Prng random(7);
    for (std::size_t i = 0; i < count_; ++i) {
      const TimePoint due = start + step_ * static_cast<std::int64_t>(i);
      timer.expires_at(due);
      if (due > std::chrono::steady_clock::now()) {
        co_await timer.async_wait(boost::asio::use_awaitable);
      }
      auto answered = [this, due](const std::exception_ptr&,
                                  Result<std::vector<ports::CachedChunk>> chunks) {
        HUNT_ASSERT(chunks.has_value());
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - due;
        us_.push_back(took.count());
      };
      std::vector<ports::CacheAsk> asks(1);
      asks[0].key = {1, random.below(chunk_count)};
      boost::asio::co_spawn(lane_.context(), lane_.cache().read(std::move(asks), 1'000'000'000),
                            std::move(answered));
    }
  }

  RedisUnderTest& lane_;
  std::chrono::nanoseconds step_;
  std::size_t count_;
  std::vector<double> us_;
};

void steady_rate(benchmark::State& state) {
  const RedisCluster cluster(7);
  RedisUnderTest lane(cluster.url());
  fill_cache(lane, few_rows, 1);
  for (auto _ : state) {
    OpenLoop loop(lane, state.range(0), static_cast<std::size_t>(state.range(0)) * 5);
    const auto us = loop.run();
    state.counters["p50_us"] = us[us.size() / 2];
    state.counters["p99_us"] = us[us.size() * 99 / 100];
    state.counters["p999_us"] = us[us.size() * 999 / 1'000];
  }
}

void depths(benchmark::internal::Benchmark* bench) {
  bench->Arg(1)->Arg(16)->Arg(64)->UseRealTime();
}
BENCHMARK(raw_hmget)->Name("raw/hmget_4")->Apply(depths);
BENCHMARK_CAPTURE(cache_read, few, few_rows, 0)->Name("cache/6_rows")->Apply(depths);
BENCHMARK_CAPTURE(cache_read, changed, few_rows, 2)->Name("cache/6_rows_2_changed")->Apply(depths);
BENCHMARK_CAPTURE(fields_hgetall, few, few_rows)->Name("fields/6_rows")->Apply(depths);
BENCHMARK_CAPTURE(cache_read, many, many_rows, 0)->Name("cache/256_rows")->Apply(depths);
BENCHMARK_CAPTURE(cache_read, worn, many_rows, 64)
    ->Name("cache/256_rows_64_changed")
    ->Apply(depths);
BENCHMARK_CAPTURE(fields_hgetall, many, many_rows)->Name("fields/256_rows")->Apply(depths);
BENCHMARK(steady_rate)->Name("cluster_of_7/steady")->Arg(5'000)->Iterations(1)->UseRealTime();

}  // namespace
}  // namespace hunt::redis

BENCHMARK_MAIN();
