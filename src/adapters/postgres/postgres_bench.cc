// Grants and chunk loads of PostgresStore on a real server that commits durably, beside the least
// statement that does the same there: one INSERT and one UPDATE for a batch of claims, and a plain
// range scan, sent over the same kind of connection. One iteration is a fixed amount of work, kept
// in flight by several calls at once. Names are <contestant>/<case>.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "adapters/postgres/io_thread.h"
#include "adapters/postgres/postgres_store_test_support.h"
#include "adapters/postgres/session.h"
#include "model/limits.h"

namespace hunt::postgres {
namespace {

namespace asio = boost::asio;

// HUNT_BENCH_SMOKE makes the runs as short as they can be: for a check that this works at all.
const bool smoke = std::getenv("HUNT_BENCH_SMOKE") != nullptr;
const std::size_t grant_count = smoke ? 1'024 : 65'536;
const std::size_t single_count = smoke ? 64 : 4'096;
const std::size_t load_count = smoke ? 512 : 65'536;
constexpr std::size_t chunks_a_side = 128;  // with six tiles each, as in the reference world
constexpr std::size_t tiles_in_chunk = 6;
constexpr std::size_t chunks_per_call = 64;
constexpr std::size_t calls_per_connection = 4;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "postgres_bench: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Tile {
  model::TileId tile;
  model::SpawnId spawn = 0;
};

// A server with a buried world, and beside it the tables of the least statement.
class Place {
 public:
  Place() : url_(server_.make_database()) {
    auto store = open_store(url_);
    std::vector<model::Burial> burials;
    const std::size_t count = chunks_a_side * chunks_a_side * tiles_in_chunk;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t chunk = i / tiles_in_chunk;
      const auto x = static_cast<std::int32_t>(chunk % chunks_a_side * 32 + i % tiles_in_chunk);
      const auto y = static_cast<std::int32_t>(chunk / chunks_a_side * 32);
      burials.push_back(burial_of({x, y}, limits::budget_max));
      if (burials.size() < limits::tiles_per_request_max && i + 1 < count) continue;
      for (const auto& one : must(ports::contract::run(store->bury(1, std::move(burials))))) {
        tiles_.push_back({model::tile_id_of(one.tile), one.spawn});
      }
      burials.clear();
    }
    must(plain_sql(
        url_,
        "CREATE TABLE least_stock (spawn bigint PRIMARY KEY, remaining bigint NOT NULL)"
        " WITH (fillfactor = 50);"
        "INSERT INTO least_stock SELECT spawn, remaining FROM stock;"
        "CREATE TABLE least_grants (claim_id uuid PRIMARY KEY, world bigint, tile_id bigint,"
        " spawn bigint, player uuid, item text, rules text, seed_id bigint, at_us bigint)"));
    must(plain_sql(url_, "VACUUM (ANALYZE)"));
    must(plain_sql(url_, "CHECKPOINT"));
  }

  [[nodiscard]] const PostgresUrl& url() const { return url_; }
  // Claims of players nobody has seen, on any of the tiles or all on the first.
  [[nodiscard]] std::vector<std::vector<model::Claim>> claims(std::size_t count,
                                                              std::size_t per_call, bool hot) {
    std::vector<std::vector<model::Claim>> calls;
    for (std::size_t i = 0; i < count; ++i) {
      if (i % per_call == 0) calls.emplace_back();
      const Tile& at = tiles_[hot ? 0 : random_.below(tiles_.size())];
      model::Claim claim;
      claim.id = {random_.next(), random_.next()};
      claim.world = 1;
      claim.tile = at.tile;
      claim.spawn = at.spawn;
      claim.player = {random_.next(), random_.next()};
      claim.reward = "star_shard";
      claim.rules = "0123456789abcdef";
      calls.back().push_back(std::move(claim));
    }
    return calls;
  }
  [[nodiscard]] std::vector<std::vector<model::ChunkKey>> chunks(std::size_t count) {
    std::vector<std::vector<model::ChunkKey>> calls;
    for (std::size_t i = 0; i < count; ++i) {
      if (i % chunks_per_call == 0) calls.emplace_back();
      calls.back().push_back(model::chunk_of(1, tiles_[random_.below(tiles_.size())].tile));
    }
    return calls;
  }

 private:
  TestServer server_{{"shared_buffers = 512MB", "max_wal_size = 8GB", "checkpoint_timeout = 1h"}};
  PostgresUrl url_;
  std::vector<Tile> tiles_;
  Prng random_{17};
};

Place& place() {
  static Place one;
  return one;
}

// Coroutines that take the next call until there is none left.
template <class Call, class Send>
struct Work {
  std::vector<Call> calls;
  Send send;  // a call, to an awaitable of how much it did
  std::size_t next = 0;
  std::size_t done = 0;

  asio::awaitable<void> take() {
    while (next < calls.size()) {
      Call call = std::move(calls[next++]);
      done += co_await send(std::move(call));
    }
  }
  void run(std::size_t in_flight) {
    asio::io_context loop;
    for (std::size_t i = 0; i < in_flight; ++i) {
      asio::co_spawn(loop, take(), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
      });
    }
    loop.run();
  }
};
template <class Call, class Send>
Work(std::vector<Call>, Send) -> Work<Call, Send>;

// ---- grants
// -----------------------------------------------------------------------------------------

asio::awaitable<std::size_t> grant(ports::LaneStore* store, std::vector<model::Claim> claims) {
  const auto call = must(co_await store->grant_claims(std::move(claims)));
  std::size_t granted = 0;
  for (const auto& verdict : call.verdicts) {
    if (verdict.outcome == model::Outcome::granted && !verdict.repeat) ++granted;
  }
  co_return granted;
}

// Which claims, and over how many connections.
struct Grants {
  std::size_t connections = 1;
  std::size_t per_call = limits::claims_per_call_max;
  bool hot = false;
};

template <class Send>
void measure_grants(benchmark::State& state, const Grants& what, Send send) {
  const std::size_t count = what.per_call == 1 ? single_count : grant_count;
  const std::size_t at_once = what.connections * calls_per_connection;
  // The first calls of a connection are slow: it connects and prepares its statements.
  Work warm{place().claims(what.per_call * what.connections * 8, what.per_call, what.hot), send};
  warm.run(at_once);
  Work work{place().claims(count, what.per_call, what.hot), send};
  for (auto _ : state) work.run(at_once);
  if (work.done != count) state.SkipWithError("a claim was not granted");
  state.SetItemsProcessed(static_cast<std::int64_t>(work.done));
}

void store_grants(benchmark::State& state, const Grants& what) {
  PostgresOptions options;
  options.grant_connections = what.connections;
  auto store = open_store(place().url(), options);
  measure_grants(state, what, [&store](std::vector<model::Claim> claims) {
    return grant(store.get(), std::move(claims));
  });
}

constexpr Statement least_grants{
    "least_grants",
    "WITH made AS (INSERT INTO least_grants SELECT a.claim, a.world, a.tile, a.spawn, a.player,"
    " a.item, a.rules, 0, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::uuid[], $5::uuid[], $6::text[],"
    " $7::text[]) AS a(world, tile, spawn, player, claim, item, rules)"
    " JOIN least_stock s ON s.spawn = a.spawn AND s.remaining > 0"
    " ON CONFLICT DO NOTHING RETURNING spawn),"
    " taken AS (UPDATE least_stock s SET remaining = s.remaining - m.count FROM"
    " (SELECT spawn, count(*) FROM made GROUP BY spawn ORDER BY spawn) m WHERE s.spawn = m.spawn"
    " RETURNING 1) SELECT (SELECT count(*) FROM made), (SELECT count(*) FROM taken)"};

asio::awaitable<std::size_t> grant_least(Session* session, std::vector<model::Claim> claims) {
  Params params;
  const auto array = [&](auto member) {
    params.array(claims.size(), [&](std::size_t i) { return member(claims[i]); });
  };
  array([](const model::Claim& claim) { return std::int64_t{claim.world}; });
  array([](const model::Claim& claim) { return claim.tile; });
  array([](const model::Claim& claim) { return static_cast<std::int64_t>(claim.spawn); });
  array([](const model::Claim& claim) { return claim.player; });
  array([](const model::Claim& claim) { return claim.id; });
  array([](const model::Claim& claim) { return std::string_view(claim.reward); });
  array([](const model::Claim& claim) { return std::string_view(claim.rules); });
  const auto rows = must(co_await session->call(least_grants, std::move(params)));
  co_return rows.natural(0, 0);
}

// Connections of their own on one thread.
class Sessions {
 public:
  explicit Sessions(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      SessionOptions options;
      options.application = "bench";
      options.settings = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off";
      options.seed = i + 1;
      sessions_.push_back(std::make_shared<Session>(io_.executor(), place().url(), options));
    }
  }
  ~Sessions() {
    io_.close([this] {
      for (const auto& session : sessions_) session->close();
    });
  }
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  // `ask(session, call)`, by the session with the fewest calls, to how much it did.
  template <class Call, class Ask>
  asio::awaitable<std::size_t> call(Call call, Ask ask) {
    auto answer = co_await io_.run(least_busy(std::move(call), ask));
    co_return must(std::move(answer));
  }

 private:
  template <class Call, class Ask>
  asio::awaitable<Result<std::size_t>> least_busy(Call call, Ask ask) {
    const auto chosen =
        std::min_element(sessions_.begin(), sessions_.end(),
                         [](const auto& a, const auto& b) { return a->busy() < b->busy(); });
    co_return co_await ask(chosen->get(), std::move(call));
  }

  IoThread io_;
  std::vector<std::shared_ptr<Session>> sessions_;
};

void least_statement(benchmark::State& state, const Grants& what) {
  Sessions sessions(what.connections);
  measure_grants(state, what, [&sessions](std::vector<model::Claim> claims) {
    return sessions.call(std::move(claims), grant_least);
  });
}

// ---- chunks
// -----------------------------------------------------------------------------------------

asio::awaitable<std::size_t> load(ports::LaneStore* store, std::vector<model::ChunkKey> keys) {
  const auto loaded = must(co_await store->load_chunks(std::move(keys)));
  std::size_t rows = 0;
  for (const auto& chunk : loaded.chunks) rows += chunk.rows.size();
  co_return rows;
}

template <class Send>
void measure_loads(benchmark::State& state, Send send) {
  Work warm{place().chunks(chunks_per_call * 8), send};
  warm.run(calls_per_connection);
  Work work{place().chunks(load_count), send};
  for (auto _ : state) work.run(calls_per_connection);
  if (work.done != load_count * tiles_in_chunk) state.SkipWithError("a tile is missing");
  state.SetItemsProcessed(static_cast<std::int64_t>(load_count));
}

void store_loads(benchmark::State& state) {
  auto store = open_store(place().url());
  measure_loads(state, [&store](std::vector<model::ChunkKey> keys) {
    return load(store.get(), std::move(keys));
  });
}

constexpr Statement range_scan{
    "range_scan",
    "SELECT k.place, t.tile_id, t.version, t.spawn, t.loot_table, t.budget, t.opens_us,"
    " t.closes_us, t.buried_at_us, t.sold_out"
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY"
    " AS k(world, low, high, place)"
    " JOIN loot_tiles t ON t.world = k.world AND t.tile_id BETWEEN k.low AND k.high"};

asio::awaitable<std::size_t> scan(Session* session, std::vector<model::ChunkKey> keys) {
  const auto first = [&keys](std::size_t i) {
    return model::TileId{keys[i].chunk << model::chunk_id_shift};
  };
  Params params;
  params.array(keys.size(), [&keys](std::size_t i) { return std::int64_t{keys[i].world}; });
  params.array(keys.size(), first);
  params.array(keys.size(), [&first](std::size_t i) {
    return model::TileId{first(i).value | ((std::uint64_t{1} << model::chunk_id_shift) - 1)};
  });
  const auto rows = must(co_await session->call(range_scan, std::move(params)));
  co_return static_cast<std::size_t>(rows.size());
}

void range_scans(benchmark::State& state) {
  Sessions sessions(1);
  measure_loads(state, [&sessions](std::vector<model::ChunkKey> keys) {
    return sessions.call(std::move(keys), scan);
  });
}

#define HUNT_RUN_ONCE Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond)
constexpr Grants one{1};
constexpr Grants two{2};
constexpr Grants two_on_one_tile{2, limits::claims_per_call_max, true};
constexpr Grants two_singly{2, 1};

BENCHMARK_CAPTURE(store_grants, 1_connection, one)->HUNT_RUN_ONCE;
BENCHMARK_CAPTURE(least_statement, 1_connection, one)->HUNT_RUN_ONCE;
BENCHMARK_CAPTURE(store_grants, 2_connections, two)->HUNT_RUN_ONCE;
BENCHMARK_CAPTURE(least_statement, 2_connections, two)->HUNT_RUN_ONCE;
BENCHMARK_CAPTURE(store_grants, 2_connections_one_tile, two_on_one_tile)->HUNT_RUN_ONCE;
BENCHMARK_CAPTURE(store_grants, 2_connections_single_claims, two_singly)->HUNT_RUN_ONCE;
BENCHMARK(store_loads)->HUNT_RUN_ONCE;
BENCHMARK(range_scans)->HUNT_RUN_ONCE;

}  // namespace
}  // namespace hunt::postgres

BENCHMARK_MAIN();
