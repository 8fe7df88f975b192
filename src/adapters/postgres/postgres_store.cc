#include "adapters/postgres/postgres_store.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>
#include <utility>

#include "adapters/postgres/blocking.h"
#include "adapters/postgres/grant_call.h"
#include "adapters/postgres/io_thread.h"
#include "adapters/postgres/ledger_reader.h"
#include "adapters/postgres/rows.h"
#include "adapters/postgres/session.h"
#include "model/limits.h"
#include "model/zorder.h"
#include "ports/store_checks.h"

namespace hunt::postgres {
namespace {

using boost::asio::awaitable;

constexpr std::uint32_t shard_max = 32'767;  // spawn ids are signed 64 bits in SQL
constexpr std::size_t grant_connections_max = 16;
constexpr std::uint32_t rows_per_look_max = 1'000;
// Rows outside of the rectangle in a row before a fresh seek is cheaper than reading on. A guess.
constexpr int misses_before_seek = 256;

constexpr Statement load_chunks_sql{
    "load_chunks",
    "SELECT k.place, r.owned, r.epoch, " HUNT_TILE_COLUMNS
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY"
    "   AS k(world, low, high, place)"
    " LEFT JOIN LATERAL range_of(k.world, k.low) r ON true"
    " LEFT JOIN loot_tiles t ON t.world = k.world AND t.tile_id BETWEEN k.low AND k.high"
    " ORDER BY k.place, t.tile_id"};
constexpr Statement find_grant_sql{
    "find_grant", "SELECT " HUNT_GRANT_COLUMNS " FROM grants g WHERE g.claim_id = $1"};
// The bound in a statement before the rows: see ledger_settled().
constexpr Statement settled_sql{"settled",
                                "SELECT set_config('hunt.settled', ledger_settled()::text, true)"};
constexpr Statement grants_sql{"grants", "SELECT " HUNT_GRANT_COLUMNS
                                         " FROM grants g WHERE g.cursor > $1 AND g.cursor <="
                                         " current_setting('hunt.settled')::bigint"
                                         " AND g.outcome = 'granted'"
                                         " ORDER BY g.cursor LIMIT $2"};
constexpr Statement bury_sql{"bury",
                             "SELECT place, tile, spawn, unchanged"
                             " FROM bury($1, $2, $3, $4, $5, $6, $7, $8) ORDER BY place"};
constexpr Statement close_sql{"close_tiles", "SELECT close_tiles($1, $2, $3)"};
constexpr Statement list_sql{"list_tiles", "SELECT " HUNT_TILE_COLUMNS
                                           " FROM loot_tiles t WHERE t.world = $1"
                                           " AND t.tile_id BETWEEN $2 AND $3"
                                           " ORDER BY t.tile_id LIMIT $4"};
constexpr Statement world_sql{"world", "SELECT id FROM worlds WHERE id = $1"};
constexpr Statement worlds_sql{"worlds", "SELECT id, name FROM worlds ORDER BY id"};
constexpr Statement create_world_sql{"create_world", "SELECT create_world($1, $2, $3)"};
constexpr Statement map_sql{
    "shard_map",
    "SELECT map_version, map_shards, first_world, first_tile_id, m.shard FROM shard_map m, meta"
    " ORDER BY first_world, first_tile_id"};
constexpr Statement set_map_sql{"set_map", "SELECT 1 FROM set_map($1, $2, $3, $4, $5)"};
constexpr Statement info_sql{
    "info",
    "SELECT m.shard::bigint, m.epoch, m.seed_id, s.seed, ledger_settled() FROM meta m"
    " JOIN seeds s USING (seed_id)"};

// Straight from the kernel: whoever knows the seed knows every roll of the event.
SeedBytes random_seed() {
  SeedBytes seed{};
  HUNT_ASSERT(getrandom(seed.data(), seed.size(), 0) == static_cast<ssize_t>(seed.size()));
  return seed;
}

std::optional<std::int64_t> unless(std::int64_t time_us, std::int64_t unbounded) {
  if (time_us == unbounded) return {};
  return time_us;
}

}  // namespace

struct PostgresStore::Parts {
  Parts(const PostgresUrl& url_in, PostgresOptions options_in) : url(url_in), options(options_in) {
    for (std::size_t i = 0; i < options.grant_connections; ++i) {
      grants.push_back(session("hunt grants", true, {}));
    }
    // A plan for any number of chunks: by the primary key, whatever the statistics say.
    chunks = session("hunt chunks", false,
                     "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
                     " -c plan_cache_mode=force_generic_plan");
    reads = session("hunt reads", false, {});
    admin = session("hunt admin", true, {});
  }

  [[nodiscard]] std::shared_ptr<Session> session(std::string application, bool writes,
                                                 std::string settings) {
    SessionOptions made{std::move(application), std::move(settings), writes, ++seed};
    return std::make_shared<Session>(io.executor(), url, std::move(made));
  }
  [[nodiscard]] std::vector<std::shared_ptr<Session>> sessions() const {
    auto all = grants;
    all.insert(all.end(), {chunks, reads, admin});
    return all;
  }
  [[nodiscard]] std::optional<std::int64_t> test_now_us() const {
    if (options.test_clock == nullptr) return {};
    return options.test_clock->wall_us();
  }
  [[nodiscard]] Session& least_busy() const {
    return **std::min_element(grants.begin(), grants.end(),
                              [](const auto& a, const auto& b) { return a->busy() < b->busy(); });
  }
  // Blocking work.
  template <class T, class Work>
  [[nodiscard]] awaitable<Result<T>> aside(Work work) {
    return ports::ask<T>([this,
                          work = std::move(work)](std::unique_ptr<ports::Reply<T>> reply) mutable {
      if (closed) {
        return reply->give(fail(Errc::unavailable, "the store is closed: the process shuts down"));
      }
      auto run = [work = std::move(work), reply = std::move(reply)]() mutable {
        reply->give(work());
      };
      boost::asio::post(slow, std::move(run));
    });
  }

  [[nodiscard]] awaitable<Result<std::vector<model::ChunkRows>>> load(
      std::vector<model::ChunkKey> keys);
  [[nodiscard]] awaitable<Result<model::GrantCall>> grant(std::vector<model::Claim> claims);
  [[nodiscard]] awaitable<Result<std::optional<model::Grant>>> find(model::ClaimId claim);
  [[nodiscard]] awaitable<Result<model::GrantPage>> page(std::uint64_t cursor, std::uint32_t limit);
  [[nodiscard]] awaitable<Result<std::vector<model::Buried>>> bury(
      model::WorldId world, std::vector<model::Burial> burials);
  [[nodiscard]] awaitable<Result<std::uint64_t>> close(model::WorldId world,
                                                       std::vector<model::Tile> tiles);
  [[nodiscard]] awaitable<Result<model::TilePage>> list(model::WorldId world, model::TileRect rect,
                                                        model::TileId from, std::uint32_t limit);
  [[nodiscard]] awaitable<Result<std::vector<model::World>>> worlds();
  [[nodiscard]] awaitable<Result<model::World>> create_world(model::WorldId id, std::string name);
  [[nodiscard]] awaitable<Result<ports::StoreInfo>> info();
  [[nodiscard]] awaitable<Result<model::ShardMap>> shard_map();
  [[nodiscard]] awaitable<Result<void>> set_shard_map(model::ShardMap map);

  PostgresUrl url;
  PostgresOptions options;
  std::uint64_t seed = 0;
  std::atomic<bool> closed = false;
  IoThread io;
  std::vector<std::shared_ptr<Session>> grants;
  std::shared_ptr<Session> chunks;
  std::shared_ptr<Session> reads;
  std::shared_ptr<Session> admin;
  boost::asio::thread_pool slow{1};
};

PostgresStore::PostgresStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {
  if (!parts_->options.connect_ahead) return;
  boost::asio::post(parts_->io.executor(), [parts = parts_.get()] {
    for (const auto& session : parts->sessions()) session->connect_ahead();
  });
}

PostgresStore::~PostgresStore() {
  close();
}

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(const PostgresUrl& url,
                                                           PostgresOptions options) {
  if (options.shard > shard_max) {
    return fail(Errc::invalid_argument,
                fmt::format("shard {} is out of range: at most {}", options.shard, shard_max));
  }
  if (options.grant_connections < 1 || options.grant_connections > grant_connections_max) {
    return fail(Errc::invalid_argument,
                fmt::format("{} connections for grants: it must be between 1 and {}",
                            options.grant_connections, grant_connections_max));
  }
  HUNT_TRY(connection, BlockingConnection::open(url));
  if (options.read_only) {
    HUNT_CHECK(check_store(connection));
  } else {
    HUNT_CHECK(
        prepare_store(connection, {options.shard, options.seed ? *options.seed : random_seed()}));
  }
  return std::unique_ptr<PostgresStore>(new PostgresStore(std::make_unique<Parts>(url, options)));
}

void PostgresStore::close() {
  parts_->closed = true;
  parts_->io.close([parts = parts_.get()] {
    for (const auto& session : parts->sessions()) session->close();
  });
  parts_->slow.join();
}

PostgresFigures PostgresStore::figures() {
  std::promise<PostgresFigures> answer;
  auto future = answer.get_future();
  boost::asio::post(parts_->io.executor(), [parts = parts_.get(), &answer] {
    PostgresFigures figures;
    const auto sessions = parts->sessions();
    for (const auto& session : sessions) figures.connects += session->figures().connects;
    figures.connections = sessions.size();
    answer.set_value(figures);
  });
  return future.get();
}

awaitable<Result<std::vector<model::ChunkRows>>> PostgresStore::load_chunks(
    std::vector<model::ChunkKey> keys) {
  return parts_->io.run(parts_->load(std::move(keys)));
}

awaitable<Result<std::vector<model::ChunkRows>>> PostgresStore::Parts::load(
    std::vector<model::ChunkKey> keys) {
  HUNT_CO_CHECK(ports::check_count("chunks", keys.size(), limits::chunks_per_load_max));
  const auto first = [&keys](std::size_t i) {
    return model::TileId{keys[i].chunk << model::chunk_id_shift};
  };
  Params params;
  params.array(keys.size(), [&keys](std::size_t i) { return std::int64_t{keys[i].world}; });
  params.array(keys.size(), first);
  params.array(keys.size(), [&first](std::size_t i) {
    return model::TileId{first(i).value | ((std::uint64_t{1} << model::chunk_id_shift) - 1)};
  });
  HUNT_CO_TRY(rows, co_await chunks->call(load_chunks_sql, std::move(params)));
  std::vector<model::ChunkRows> loaded(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) loaded[i].key = keys[i];
  for (int row = 0; row < rows.size(); ++row) {
    model::ChunkRows& chunk = loaded.at(rows.natural(row, 0) - 1);
    const bool owned = !rows.is_null(row, 1) && rows.truth(row, 1);
    chunk.epoch = owned ? rows.natural(row, 2) : 0;
    if (!rows.is_null(row, 3)) chunk.rows.push_back(tile_row(rows, row, 3));
  }
  co_return loaded;
}

awaitable<Result<model::GrantCall>> PostgresStore::grant_claims(std::vector<model::Claim> claims) {
  return parts_->io.run(parts_->grant(std::move(claims)));
}

awaitable<Result<model::GrantCall>> PostgresStore::Parts::grant(std::vector<model::Claim> claims) {
  HUNT_CO_CHECK(ports::check_count("claims", claims.size(), limits::claims_per_call_max));
  co_return co_await postgres::grant(least_busy(), std::move(claims), test_now_us());
}

awaitable<Result<std::optional<model::Grant>>> PostgresStore::find_grant(model::ClaimId claim) {
  return parts_->io.run(parts_->find(claim));
}

awaitable<Result<std::optional<model::Grant>>> PostgresStore::Parts::find(model::ClaimId claim) {
  HUNT_CO_TRY(rows, co_await reads->call(find_grant_sql, Params().add(claim)));
  if (rows.size() == 0) co_return std::optional<model::Grant>{};
  co_return std::optional<model::Grant>{grant_row(rows, 0)};
}

awaitable<Result<model::GrantPage>> PostgresStore::grants_after(std::uint64_t cursor,
                                                                std::uint32_t limit) {
  return parts_->io.run(parts_->page(cursor, limit));
}

awaitable<Result<model::GrantPage>> PostgresStore::Parts::page(std::uint64_t cursor,
                                                               std::uint32_t limit) {
  const auto count_max = std::min<std::uint64_t>(limit, limits::grants_per_page_max);
  std::vector<Step> steps(2);
  steps[0].statement = &settled_sql;
  steps[1].statement = &grants_sql;
  steps[1].params.add(cursor).add(count_max);
  HUNT_CO_TRY(results, co_await reads->call(std::move(steps)));
  model::GrantPage page;
  page.next = cursor;
  for (int row = 0; row < results[1].size(); ++row) {
    page.grants.push_back(grant_row(results[1], row));
    page.next = page.grants.back().cursor;
  }
  co_return page;
}

awaitable<Result<std::vector<model::Buried>>> PostgresStore::bury(
    model::WorldId world, std::vector<model::Burial> burials) {
  return parts_->io.run(parts_->bury(world, std::move(burials)));
}

awaitable<Result<std::vector<model::Buried>>> PostgresStore::Parts::bury(
    model::WorldId world, std::vector<model::Burial> burials) {
  const std::size_t count = burials.size();
  HUNT_CO_CHECK(ports::check_count("burials", count, limits::tiles_per_request_max));
  for (const auto& burial : burials) HUNT_CO_CHECK(ports::check(burial));
  if (burials.empty()) co_return std::vector<model::Buried>{};
  Params params;
  params.add(world);
  const auto array = [&](auto member) {
    params.array(count, [&](std::size_t i) { return member(burials[i]); });
  };
  array([](const model::Burial& burial) { return model::tile_id_of(burial.tile); });
  array([](const model::Burial& burial) { return std::string_view(burial.table); });
  array([](const model::Burial& burial) { return std::int64_t{burial.budget}; });
  array([](const model::Burial& burial) { return unless(burial.opens_us, model::time_us_min); });
  array([](const model::Burial& burial) { return unless(burial.closes_us, model::time_us_max); });
  array([](const model::Burial& burial) {
    return burial.key.empty() ? std::nullopt : std::optional<std::string_view>(burial.key);
  });
  params.add(test_now_us());
  HUNT_CO_TRY(rows, co_await admin->call(bury_sql, std::move(params)));
  std::vector<model::Buried> buried;
  for (int row = 0; row < rows.size(); ++row) {
    buried.push_back({model::tile_of(rows.tile(row, 1)), rows.natural(row, 2), rows.truth(row, 3)});
  }
  co_return buried;
}

awaitable<Result<std::uint64_t>> PostgresStore::close_tiles(model::WorldId world,
                                                            std::vector<model::Tile> tiles) {
  return parts_->io.run(parts_->close(world, std::move(tiles)));
}

awaitable<Result<std::uint64_t>> PostgresStore::Parts::close(model::WorldId world,
                                                             std::vector<model::Tile> tiles) {
  HUNT_CO_CHECK(ports::check_count("tiles", tiles.size(), limits::tiles_per_request_max));
  Params params;
  params.add(world);
  params.array(tiles.size(), [&tiles](std::size_t i) { return model::tile_id_of(tiles[i]); });
  params.add(test_now_us());
  HUNT_CO_TRY(rows, co_await admin->call(close_sql, std::move(params)));
  co_return rows.natural(0, 0);
}

awaitable<Result<model::TilePage>> PostgresStore::list_tiles(model::WorldId world,
                                                             model::TileRect rect,
                                                             model::TileId from,
                                                             std::uint32_t limit) {
  return parts_->io.run(parts_->list(world, rect, from, limit));
}

awaitable<Result<model::TilePage>> PostgresStore::Parts::list(model::WorldId world,
                                                              model::TileRect rect,
                                                              model::TileId from,
                                                              std::uint32_t limit) {
  HUNT_CO_TRY(known, co_await reads->call(world_sql, Params().add(world)));
  if (known.size() == 0) {
    co_return fail(Errc::not_found, fmt::format("there is no world {}", world), "world");
  }
  const std::size_t count_max = std::clamp<std::size_t>(limit, 1, limits::tiles_per_page_max);
  const model::TileId last = model::tile_id_of(rect.high);
  model::TilePage page;
  std::optional<model::TileId> seek = model::next_in_rect(from, rect);
  while (seek) {
    HUNT_CO_TRY(rows, co_await reads->call(list_sql, Params().add(world).add(*seek).add(last).add(
                                                         rows_per_look_max)));
    const bool full = rows.size() == static_cast<int>(rows_per_look_max);
    seek.reset();
    int misses = 0;
    for (int row = 0; row < rows.size() && !seek; ++row) {
      const model::TileId tile = rows.tile(row, 0);
      const bool at_end = full && row + 1 == rows.size();
      if (!rect.contains(model::tile_of(tile))) {
        if (++misses < misses_before_seek && !at_end) continue;
        seek = model::next_in_rect(tile, rect);
        if (!seek) co_return page;
        continue;
      }
      misses = 0;
      if (rows.natural(row, 2) != 0) {
        if (page.rows.size() == count_max) {
          page.next = tile;
          co_return page;
        }
        page.rows.push_back(tile_row(rows, row, 0));
      }
      if (at_end && tile < last) seek = model::next_in_rect({tile.value + 1}, rect);
    }
  }
  co_return page;
}

awaitable<Result<std::vector<model::World>>> PostgresStore::worlds() {
  return parts_->io.run(parts_->worlds());
}

awaitable<Result<std::vector<model::World>>> PostgresStore::Parts::worlds() {
  HUNT_CO_TRY(rows, co_await reads->call(worlds_sql));
  std::vector<model::World> all;
  for (int row = 0; row < rows.size(); ++row) {
    all.push_back(
        {static_cast<model::WorldId>(rows.integer(row, 0)), std::string(rows.text(row, 1))});
  }
  co_return all;
}

awaitable<Result<model::World>> PostgresStore::create_world(model::WorldId id, std::string name) {
  return parts_->io.run(parts_->create_world(id, std::move(name)));
}

awaitable<Result<model::World>> PostgresStore::Parts::create_world(model::WorldId id,
                                                                   std::string name) {
  HUNT_CO_CHECK(ports::check_world_name(name));
  HUNT_CO_TRY(
      rows, co_await admin->call(create_world_sql,
                                 Params().add(id).add(std::string_view(name)).add(test_now_us())));
  co_return model::World{static_cast<model::WorldId>(rows.integer(0, 0)), name};
}

awaitable<Result<model::WorldStats>> PostgresStore::world_stats(model::WorldId world) {
  return parts_->aside<model::WorldStats>([parts = parts_.get(), world] {
    return postgres::world_stats(parts->url, world, parts->test_now_us());
  });
}

awaitable<Result<void>> PostgresStore::read_ledger(ports::LedgerVisitor& visitor) {
  return parts_->aside<void>(
      [parts = parts_.get(), &visitor] { return postgres::read_ledger(parts->url, visitor); });
}

awaitable<Result<model::ShardMap>> PostgresStore::shard_map() {
  return parts_->io.run(parts_->shard_map());
}

awaitable<Result<model::ShardMap>> PostgresStore::Parts::shard_map() {
  HUNT_CO_TRY(rows, co_await reads->call(map_sql));
  model::ShardMap map;
  map.ranges.clear();
  for (int row = 0; row < rows.size(); ++row) {
    map.version = static_cast<std::uint32_t>(rows.integer(row, 0));
    map.shards = static_cast<std::uint32_t>(rows.integer(row, 1));
    const auto world = static_cast<model::WorldId>(rows.integer(row, 2));
    map.ranges.push_back({model::chunk_of(world, rows.tile(row, 3)),
                          static_cast<model::ShardId>(rows.integer(row, 4))});
  }
  co_return map;
}

awaitable<Result<void>> PostgresStore::set_shard_map(model::ShardMap map) {
  return parts_->io.run(parts_->set_shard_map(std::move(map)));
}

awaitable<Result<void>> PostgresStore::Parts::set_shard_map(model::ShardMap map) {
  Params params;
  params.add(map.version).add(map.shards);
  const auto& ranges = map.ranges;
  params.array(ranges.size(),
               [&ranges](std::size_t i) { return std::int64_t{ranges[i].first.world}; });
  params.array(ranges.size(), [&ranges](std::size_t i) {
    return model::TileId{ranges[i].first.chunk << model::chunk_id_shift};
  });
  params.array(ranges.size(), [&ranges](std::size_t i) { return std::int64_t{ranges[i].shard}; });
  HUNT_CO_CHECK(co_await admin->call(set_map_sql, std::move(params)));
  co_return Result<void>{};
}

awaitable<Result<ports::StoreInfo>> PostgresStore::info() {
  return parts_->io.run(parts_->info());
}

awaitable<Result<ports::StoreInfo>> PostgresStore::Parts::info() {
  HUNT_CO_TRY(rows, co_await reads->call(info_sql));
  if (rows.size() != 1) {
    co_return fail(Errc::corrupt,
                   fmt::format("{} has lost its identity (table meta); restore it from a backup",
                               url.shown()));
  }
  ports::StoreInfo info;
  info.shard = static_cast<std::uint32_t>(rows.integer(0, 0));
  info.epoch = rows.natural(0, 1);
  info.seed = rows.natural(0, 2);
  const std::string_view bytes = rows.text(0, 3);
  info.seed_bytes.assign(bytes.begin(), bytes.end());
  info.ledger_end = rows.natural(0, 4);
  co_return info;
}

}  // namespace hunt::postgres
