#include "adapters/postgres/postgres_store.h"

#include <fmt/format.h>

#include <future>

#include "adapters/postgres/blocking.h"
#include "adapters/postgres/grant_call.h"
#include "adapters/postgres/postgres_parts.h"
#include "adapters/postgres/rows.h"
#include "base/random_bytes.h"
#include "model/limits.h"
#include "ports/store_checks.h"

namespace hunt::postgres {
namespace {

using boost::asio::awaitable;

constexpr std::uint32_t shard_max = 32'767;  // spawn ids are signed 64 bits in SQL

constexpr Statement load_chunks_sql{
    "load_chunks",
    "SELECT k.place, r.owned, r.epoch, " HUNT_TILE_COLUMNS
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY"
    "   AS k(world, low, high, place)"
    " LEFT JOIN LATERAL range_of(k.world, k.low) r ON true"
    " LEFT JOIN loot_tiles t ON t.world = k.world AND t.tile_id BETWEEN k.low AND k.high"
    " ORDER BY k.place, t.tile_id"};
// The bound in a statement before the rows: see ledger_settled(). The row right after the cursor is
// no matter of it: nothing can come between the two.
constexpr Statement settled_sql{"settled",
                                "SELECT set_config('hunt.settled', ledger_settled()::text, true)"};
constexpr Statement grants_sql{"grants", "SELECT " HUNT_GRANT_COLUMNS
                                         " FROM grants g WHERE g.cursor > $1 AND g.cursor <="
                                         " greatest(current_setting('hunt.settled')::bigint,"
                                         " least($1, 9223372036854775806) + 1)"
                                         " AND g.outcome = 'granted'"
                                         " ORDER BY g.cursor LIMIT $2"};
constexpr Statement info_sql{
    "info",
    "SELECT shard::bigint, epoch, seed_id, ledger_settled(), hunt_id, coalesce(hunt_name, ''),"
    " ledger_id, (SELECT told_grant FROM feed) FROM meta"};

}  // namespace

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
  HUNT_TRY(connection, BlockingConnection::open(url, {}, options.interrupt));
  HUNT_CHECK(connection.check_direct());
  if (options.read_only) {
    HUNT_CHECK(check_store(connection));
  } else {
    HUNT_CHECK(prepare_store(connection,
                             {options.shard, options.seed ? *options.seed : random_bytes<32>()}));
  }
  return std::unique_ptr<PostgresStore>(new PostgresStore(std::make_unique<Parts>(url, options)));
}

void PostgresStore::close() {
  parts_->closed = true;
  parts_->io.close([parts = parts_.get()] {
    for (const auto& session : parts->sessions()) session->close();
  });
  parts_->interrupt.end();
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

awaitable<Result<model::LoadCall>> PostgresStore::load_chunks(std::vector<model::ChunkKey> keys) {
  return parts_->timed(parts_->load(std::move(keys)));
}

awaitable<Result<model::LoadCall>> PostgresStore::Parts::load(std::vector<model::ChunkKey> keys) {
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
  std::vector<Step> steps;
  steps.push_back({&load_chunks_sql, std::move(params)});
  auto done = co_await chunks->call_timed(std::move(steps));
  if (!done.rows) co_return tl::unexpected<Error>(std::move(done.rows.error()));
  const Rows& rows = done.rows->front();
  model::LoadCall loaded{std::vector<model::ChunkRows>(keys.size()), done.times};
  loaded.times.commit_us = 0;  // there was nothing to make durable
  for (std::size_t i = 0; i < keys.size(); ++i) loaded.chunks[i].key = keys[i];
  for (int row = 0; row < rows.size(); ++row) {
    model::ChunkRows& chunk = loaded.chunks.at(rows.natural(row, 0) - 1);
    const bool owned = !rows.is_null(row, 1) && rows.truth(row, 1);
    chunk.epoch = owned ? rows.natural(row, 2) : 0;
    if (!rows.is_null(row, 3)) chunk.rows.push_back(tile_row(rows, row, 3));
  }
  co_return loaded;
}

awaitable<Result<model::GrantCall>> PostgresStore::grant_claims(std::vector<model::Claim> claims) {
  return parts_->timed(parts_->grant(std::move(claims)));
}

awaitable<Result<model::GrantCall>> PostgresStore::Parts::grant(std::vector<model::Claim> claims) {
  HUNT_CO_CHECK(ports::check_count("claims", claims.size(), limits::claims_per_call_max));
  co_return co_await postgres::grant(least_busy(), std::move(claims), test_now_us());
}

awaitable<Result<model::GrantCall>> PostgresStore::look_up_claims(
    std::vector<model::Claim> claims) {
  return parts_->timed(parts_->look_up(std::move(claims)));
}

// On the connection of the chunks: its plans hold whatever the statistics say, and no long read of
// an admin is in the way there.
awaitable<Result<model::GrantCall>> PostgresStore::Parts::look_up(
    std::vector<model::Claim> claims) {
  HUNT_CO_CHECK(ports::check_count("claims", claims.size(), limits::claims_per_call_max));
  co_return co_await postgres::look_up(*chunks, std::move(claims));
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

awaitable<Result<model::GrantsFound>> PostgresStore::find_grants(model::GrantSearch search) {
  return parts_->aside<model::GrantsFound>([parts = parts_.get(), search] {
    return postgres::find_grants(parts->url, search, parts->interrupt);
  });
}

awaitable<Result<void>> PostgresStore::read_ledger(ports::LedgerVisitor& visitor) {
  return parts_->aside<void>([parts = parts_.get(), &visitor] {
    return postgres::read_ledger(parts->url, visitor, parts->interrupt);
  });
}

awaitable<Result<ports::StoreInfo>> PostgresStore::info() {
  return parts_->io.run(parts_->info());
}

awaitable<Result<ports::StoreInfo>> PostgresStore::Parts::info() {
  HUNT_CO_TRY(rows, co_await reads->call(info_sql));
  if (rows.size() != 1) co_return tl::unexpected<Error>(lost_identity());
  ports::StoreInfo info;
  info.shard = static_cast<std::uint32_t>(rows.integer(0, 0));
  info.epoch = rows.natural(0, 1);
  info.seed = rows.natural(0, 2);
  info.ledger_end = rows.natural(0, 3);
  info.hunt = {rows.id(0, 4), std::string(rows.text(0, 5))};
  info.ledger = rows.id(0, 6);
  if (!rows.is_null(0, 7)) info.told = rows.natural(0, 7);
  co_return info;
}

Error PostgresStore::Parts::lost_identity() const {
  return {
      Errc::corrupt,
      fmt::format("{} has lost its identity (table meta); restore it from a backup", url.shown()),
      {}};
}

}  // namespace hunt::postgres
