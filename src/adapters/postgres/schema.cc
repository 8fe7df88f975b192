#include "adapters/postgres/schema.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "adapters/postgres/migrations.h"
#include "base/sha256.h"

namespace hunt::postgres {
namespace {

struct Found {
  std::int64_t version = 0;  // 0: nothing of ours
  std::int64_t tables = 0;
};

Result<Found> look(BlockingConnection& connection) {
  HUNT_TRY(rows,
           connection.query(
               "SELECT count(*), coalesce(bool_or(relname = 'hunt_schema'), false)"
               " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"));
  Found found;
  found.tables = rows.integer(0, 0);
  if (rows.truth(0, 1)) {
    HUNT_TRY(version, connection.query("SELECT max(version) FROM hunt_schema"));
    found.version = version.integer(0, 0);
  }
  if (found.version == 0 && found.tables > 0) {
    return fail(Errc::invalid_argument,
                fmt::format("{} holds tables of another program; give the store a database of its "
                            "own (nothing was changed)",
                            connection.shown()));
  }
  if (found.version > schema_version) {
    return fail(Errc::unsupported,
                fmt::format("{} was written by a newer version of hunt (schema {}, this build "
                            "knows {}); use that version or newer",
                            connection.shown(), found.version, schema_version));
  }
  return found;
}

Result<void> fill_new_store(BlockingConnection& connection, const NewStore& fresh) {
  const Digest256 digest = Sha256().of(fresh.seed);
  const std::uint64_t seed_id = model::id_from_bytes(digest.data()).high;
  const std::string_view seed(reinterpret_cast<const char*>(fresh.seed.data()), fresh.seed.size());
  HUNT_CHECK(connection.query("INSERT INTO seeds (seed_id, seed) VALUES ($1::bigint, $2::bytea)",
                              Params().add(seed_id).add(seed)));
  HUNT_CHECK(
      connection.query("INSERT INTO meta (shard, epoch, timeline, seed_id, created_us)"
                       " VALUES ($1::bigint, 1, server_timeline(), $2::bigint, now_us())",
                       Params().add(fresh.shard).add(seed_id)));
  // A map of one shard: all is this one's. The first cursor says whose it is.
  HUNT_CHECK(
      connection.query("INSERT INTO shard_map SELECT first_world, first_tile_id, $1::bigint"
                       " FROM ranges",
                       Params().add(fresh.shard)));
  HUNT_CHECK(connection.query("SELECT setval('ledger_cursor', ($1::bigint << 48) + 1, false)",
                              Params().add(fresh.shard)));
  return connection.execute(
      "INSERT INTO worlds (id, name, created_us) VALUES (1, 'demo', now_us())");
}

// Inside a transaction that holds the lock, so nobody migrates at the same time.
Result<void> migrate(BlockingConnection& connection, const NewStore& fresh) {
  HUNT_CHECK(connection.execute("SELECT pg_advisory_xact_lock(18432::bigint << 48)"));
  HUNT_TRY(found, look(connection));
  if (found.version == schema_version) return {};
  if (found.version == 0) {
    HUNT_CHECK(connection.execute(
        "CREATE TABLE hunt_schema (version bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT "
        "now());"
        "REVOKE ALL ON hunt_schema FROM PUBLIC; GRANT SELECT ON hunt_schema TO PUBLIC"));
  }
  for (std::int64_t version = found.version; version < schema_version; ++version) {
    HUNT_CHECK(connection.execute(migrations[static_cast<std::size_t>(version)]));
    HUNT_CHECK(connection.execute(
        fmt::format("INSERT INTO hunt_schema (version) VALUES ({})", version + 1)));
  }
  if (found.version == 0) HUNT_CHECK(fill_new_store(connection, fresh));
  return {};
}

Result<void> check_shard(BlockingConnection& connection, const NewStore& fresh) {
  HUNT_TRY(rows, connection.query("SELECT shard::bigint FROM meta"));
  if (rows.size() == 1 && rows.natural(0, 0) == fresh.shard) return {};
  return fail(
      Errc::invalid_argument,
      fmt::format("{} is shard {}, but stands at place {} of the --store flags, which "
                  "count from 0: put them in order",
                  connection.shown(), rows.size() == 1 ? rows.integer(0, 0) : -1, fresh.shard),
      "store");
}

}  // namespace

Result<void> prepare_store(BlockingConnection& connection, const NewStore& fresh) {
  HUNT_TRY(found, look(connection));
  if (found.version < schema_version) {
    HUNT_CHECK(connection.execute("BEGIN"));
    auto done = migrate(connection, fresh);
    if (done) done = connection.execute("COMMIT");
    if (!done) {
      (void)connection.execute("ROLLBACK");
      return done;
    }
  }
  return check_shard(connection, fresh);
}

Result<void> check_store(BlockingConnection& connection) {
  HUNT_TRY(found, look(connection));
  if (found.version == 0) {
    return fail(Errc::not_found,
                fmt::format("{} is empty: it holds no store yet", connection.shown()));
  }
  if (found.version < schema_version) {
    return fail(Errc::unsupported,
                fmt::format("{} has the older schema {} (this build: {}); open it once for "
                            "writing, for example with hunt serve, to bring it up to date",
                            connection.shown(), found.version, schema_version));
  }
  return {};
}

}  // namespace hunt::postgres
