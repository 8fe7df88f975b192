#include "adapters/postgres/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/postgres/migrations.h"
#include "adapters/postgres/schema_parts.h"
#include "base/random_bytes.h"
#include "base/sha256.h"

namespace hunt::postgres {
namespace {

constexpr std::int64_t first_with_identity = 2;

struct Found {
  std::int64_t version = 0;  // 0: nothing of ours
  std::int64_t tables = 0;
};

Result<Found> look(Conversation& connection) {
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

// Of a new store, and of one from before stores had it.
Result<void> fill_identity(BlockingConnection& connection) {
  const auto key = random_bytes<32>();
  const std::string_view text(reinterpret_cast<const char*>(key.data()), key.size());
  HUNT_CHECK(connection.query("UPDATE meta SET hunt_id = $1, ledger_id = $2",
                              Params()
                                  .add(model::id_from_bytes(random_bytes<16>().data()))
                                  .add(model::id_from_bytes(random_bytes<16>().data()))));
  HUNT_CHECK(connection.query("INSERT INTO hunt_key (key) VALUES ($1)", Params().add(text)));
  return {};
}

// Groups belong to the server and not to the database: a copy on another one comes without them,
// and without the rights that they had. Whether one was missing.
Result<bool> make_groups(BlockingConnection& connection) {
  bool made = false;
  for (const SchemaPart& part : schema_parts()) {
    if (part.kind != SchemaPart::Kind::group) continue;
    HUNT_TRY(rows, connection.query("SELECT 1::bigint FROM pg_roles WHERE rolname = $1::text",
                                    Params().add(std::string_view(part.name))));
    if (rows.size() != 0) continue;
    HUNT_CHECK(connection.execute(part.sql));
    made = true;
  }
  return made;
}

Result<void> grant_again(BlockingConnection& connection) {
  for (const auto& grant : schema_grants()) HUNT_CHECK(connection.execute(grant));
  return {};
}

// Inside a transaction that holds the lock, so nobody migrates at the same time.
Result<void> migrate(BlockingConnection& connection, const NewStore& fresh) {
  HUNT_CHECK(connection.execute("SELECT pg_advisory_xact_lock(18432::bigint << 48)"));
  HUNT_TRY(found, look(connection));
  if (found.version == schema_version) return {};
  bool without_rights = false;
  if (found.version == 0) {
    HUNT_CHECK(connection.execute(
        "CREATE TABLE hunt_schema (version bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT "
        "now());"
        "REVOKE ALL ON hunt_schema FROM PUBLIC; GRANT SELECT ON hunt_schema TO PUBLIC"));
  } else {
    HUNT_TRY(made, make_groups(connection));
    without_rights = made;
  }
  for (std::int64_t version = found.version; version < schema_version; ++version) {
    HUNT_CHECK(connection.execute(migrations[static_cast<std::size_t>(version)]));
    HUNT_CHECK(connection.execute(
        fmt::format("INSERT INTO hunt_schema (version) VALUES ({})", version + 1)));
  }
  if (found.version == 0) HUNT_CHECK(fill_new_store(connection, fresh));
  if (without_rights) HUNT_CHECK(grant_again(connection));
  if (found.version < first_with_identity) HUNT_CHECK(fill_identity(connection));
  return {};
}

// Changes of tiles that the trigger did not see have the versions of before: every copy is void.
Result<void> make_again(BlockingConnection& connection,
                        const std::vector<const SchemaPart*>& parts) {
  bool versions = false;
  for (const SchemaPart* part : parts) {
    if (part->sql.empty()) continue;
    HUNT_CHECK(connection.execute(part->sql));
    versions = versions ||
               (part->kind == SchemaPart::Kind::trigger && part->table == "loot_tiles") ||
               part->name == "loot_tiles_rules";
  }
  HUNT_CHECK(grant_again(connection));
  if (versions) HUNT_CHECK(connection.execute("SELECT raise_epoch()"));
  return {};
}

}  // namespace

Result<void> remake_parts(const PostgresUrl& url, Interrupt& interrupt) {
  HUNT_TRY(connection, BlockingConnection::open(url, {}, &interrupt));
  HUNT_CHECK(connection.check_direct());
  HUNT_CHECK(connection.execute("BEGIN"));
  HUNT_CHECK(connection.execute("SELECT pg_advisory_xact_lock(18432::bigint << 48)"));
  HUNT_TRY(rows, connection.query(list_parts_sql));
  const auto missing = missing_parts(rows);
  if (missing.empty()) return {};  // another process has made it again
  const auto lost = std::find_if(missing.begin(), missing.end(),
                                 [](const SchemaPart* part) { return part->sql.empty(); });
  if (lost != missing.end()) {
    return fail(Errc::corrupt, fmt::format("{} is missing in {}: restore it from a backup",
                                           shown(**lost), connection.shown()));
  }
  auto made = make_again(connection, missing);
  if (made) made = connection.execute("COMMIT");
  if (!made) {
    Error error = std::move(made).error();
    error.message = fmt::format(
        "missing or changed in {}: {}; it was not made again ({}): start `hunt serve` once as the "
        "owner of its tables",
        connection.shown(), shown(missing), error.message);
    return tl::unexpected<Error>(std::move(error));
  }
  return fail(Errc::unavailable,
              fmt::format("missing or changed in {}, and made again just now: {}; somebody has "
                          "dropped or replaced it",
                          connection.shown(), shown(missing)));
}

Result<void> check_shard(Conversation& talk, std::uint32_t shard) {
  HUNT_TRY(rows, talk.query("SELECT shard::bigint FROM meta"));
  if (rows.size() == 1 && rows.natural(0, 0) == shard) return {};
  return fail(Errc::invalid_argument,
              fmt::format("{} is shard {}, but stands at place {} of the --store flags, which "
                          "count from 0: put them in order",
                          talk.shown(), rows.size() == 1 ? rows.integer(0, 0) : -1, shard),
              "store");
}

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
  return check_shard(connection, fresh.shard);
}

Result<void> check_store(Conversation& talk) {
  HUNT_TRY(found, look(talk));
  if (found.version == 0) {
    return fail(Errc::not_found,
                fmt::format("{} is empty: it holds no store yet; the owner of the database makes "
                            "the tables with: hunt migrate",
                            talk.shown()));
  }
  if (found.version < schema_version) {
    return fail(Errc::unsupported,
                fmt::format("{} has the older schema {} (this build: {}); the owner of its tables "
                            "brings it up to date with: hunt migrate",
                            talk.shown(), found.version, schema_version));
  }
  return {};
}

}  // namespace hunt::postgres
