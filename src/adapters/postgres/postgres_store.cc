#include "adapters/postgres/postgres_store.h"

#include <fmt/format.h>

#include <future>

#include "adapters/postgres/database.h"
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

// OFFSET 0: chunk by chunk, by the primary key, whatever statistics and settings say.
constexpr Statement load_chunks_sql{
    "load_chunks",
    "SELECT k.place, r.owned, r.epoch, " HUNT_TILE_COLUMNS
    " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) WITH ORDINALITY"
    "   AS k(world, low, high, place)"
    " LEFT JOIN LATERAL range_of(k.world, k.low) r ON true"
    " LEFT JOIN LATERAL (SELECT * FROM loot_tiles l"
    "   WHERE l.world = k.world AND l.tile_id BETWEEN k.low AND k.high OFFSET 0) t ON true"
    " ORDER BY k.place, t.tile_id",
    true};
// The bound in a statement before the rows: see ledger_settled(). The row right after the cursor is
// no matter of it: nothing can come between the two.
constexpr Statement settled_sql{"settled",
                                "SELECT set_config('hunt.settled', ledger_settled()::text, true)"};
constexpr Statement grants_sql{"grants",
                               "SELECT " HUNT_GRANT_COLUMNS
                               " FROM grants g WHERE g.cursor > $1 AND g.cursor <="
                               " greatest(current_setting('hunt.settled')::bigint,"
                               " least($1, 9223372036854775806) + 1)"
                               " AND g.outcome = 'granted'"
                               " ORDER BY g.cursor LIMIT $2",
                               true};
constexpr Statement one_snapshot_sql{"one_snapshot",
                                     "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"};
constexpr Statement info_sql{
    "info",
    "SELECT shard::bigint, epoch, seed_id, ledger_settled(), hunt_id, coalesce(hunt_name, ''),"
    " ledger_id, (SELECT told_grant FROM feed) FROM meta"};

// Where that part of `count` begins among the keys.
std::size_t part_begin(const std::vector<model::ChunkKey>& keys, std::size_t part,
                       std::size_t count) {
  return keys.size() * part / count;
}

std::vector<Step> load_steps(const std::vector<model::ChunkKey>& keys, std::size_t count) {
  std::vector<Step> steps;
  if (count > 1) steps.push_back({&one_snapshot_sql, {}});
  for (std::size_t part = 0; part < count; ++part) {
    const std::size_t begin = part_begin(keys, part, count);
    const std::size_t size = part_begin(keys, part + 1, count) - begin;
    const auto first = [&keys, begin](std::size_t i) {
      return model::TileId{keys[begin + i].chunk << model::chunk_id_shift};
    };
    Params params;
    params.array(size, [&](std::size_t i) { return std::int64_t{keys[begin + i].world}; });
    params.array(size, first);
    params.array(size, [&first](std::size_t i) {
      return model::TileId{first(i).value | ((std::uint64_t{1} << model::chunk_id_shift) - 1)};
    });
    steps.push_back({&load_chunks_sql, std::move(params)});
  }
  return steps;
}

// The rows of the chunks from `begin` on.
void take_chunks(const Rows& rows, std::size_t begin, model::LoadCall& loaded) {
  for (int row = 0; row < rows.size(); ++row) {
    model::ChunkRows& chunk = loaded.chunks.at(begin + rows.natural(row, 0) - 1);
    const bool owned = !rows.is_null(row, 1) && rows.truth(row, 1);
    chunk.epoch = owned ? rows.natural(row, 2) : 0;
    if (!rows.is_null(row, 3)) chunk.rows.push_back(tile_row(rows, row, 3));
  }
}

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
  return open(database_at(url), options);
}

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(std::shared_ptr<const Database> database,
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
  const NewStore fresh{options.shard, options.seed ? *options.seed : random_bytes<32>()};
  HUNT_CHECK(database->prepare(options.read_only ? nullptr : &fresh, options.interrupt));
  return std::unique_ptr<PostgresStore>(
      new PostgresStore(std::make_unique<Parts>(std::move(database), options)));
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

// Over a Data API the answer may be too large for one statement: then in parts, of one snapshot.
awaitable<Result<model::LoadCall>> PostgresStore::Parts::load(std::vector<model::ChunkKey> keys) {
  HUNT_CO_CHECK(ports::check_count("chunks", keys.size(), limits::chunks_per_load_max));
  for (std::size_t count = 1;; count *= 2) {
    auto done = co_await chunks->call_timed(load_steps(keys, count));
    const bool too_large = !done.rows && done.rows.error().code == Errc::too_large;
    if (too_large && count < keys.size()) continue;
    if (!done.rows) co_return tl::unexpected<Error>(std::move(done.rows.error()));
    model::LoadCall loaded{std::vector<model::ChunkRows>(keys.size()), done.times};
    loaded.times.commit_us = 0;  // there was nothing to make durable
    for (std::size_t i = 0; i < keys.size(); ++i) loaded.chunks[i].key = keys[i];
    const std::size_t before = done.rows->size() - count;
    for (std::size_t part = 0; part < count; ++part) {
      take_chunks((*done.rows)[before + part], part_begin(keys, part, count), loaded);
    }
    co_return loaded;
  }
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
  auto read = [search](Conversation& talk) { return postgres::find_grants(talk, search); };
  return parts_->read_aside<model::GrantsFound>(std::move(read));
}

awaitable<Result<void>> PostgresStore::read_ledger(ports::LedgerVisitor& visitor) {
  auto read = [&visitor](Conversation& talk) { return postgres::read_ledger(talk, visitor); };
  return parts_->read_aside<void>(std::move(read));
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
  return {Errc::corrupt,
          fmt::format("{} has lost its identity (table meta); restore it from a backup",
                      database->shown()),
          {}};
}

}  // namespace hunt::postgres
