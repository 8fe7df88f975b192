#include "adapters/sqlite/schema.h"

#include <fmt/format.h>

#include <chrono>
#include <random>
#include <string>
#include <thread>

#include "adapters/sqlite/migrations.h"
#include "base/random_bytes.h"
#include "base/sha256.h"

namespace hunt::sqlite {
namespace {

struct Identity {
  std::int64_t application = 0;
  std::int64_t version = 0;
  std::int64_t tables = 0;
  [[nodiscard]] bool blank() const noexcept { return application == 0 && tables == 0; }
};

Result<Identity> identify(Connection& connection) {
  Identity identity;
  HUNT_TRY(application, connection.integer("PRAGMA application_id"));
  HUNT_TRY(version, connection.integer("PRAGMA user_version"));
  HUNT_TRY(tables, connection.integer("SELECT count(*) FROM sqlite_schema"));
  identity.application = application;
  identity.version = version;
  identity.tables = tables;
  if (identity.blank()) return identity;
  if (application != application_id) {
    return fail(Errc::invalid_argument,
                fmt::format("{} is a database of another program; choose another path for the "
                            "store (nothing was changed)",
                            connection.path()));
  }
  if (version > schema_version) {
    return fail(Errc::unsupported,
                fmt::format("{} was written by a newer version of hunt (schema {}, this build "
                            "knows {}); use that version or newer, or choose another path",
                            connection.path(), version, schema_version));
  }
  if (version < 1) {
    return fail(Errc::corrupt, fmt::format("{} says it is a store but has no schema version; "
                                           "restore it from a backup",
                                           connection.path()));
  }
  return identity;
}

// Two processes that open a new file at once collide here, and SQLite does not wait by itself.
Result<void> use_wal(Connection& connection) {
  constexpr int attempts_max = 40;
  for (int attempt = 1;; ++attempt) {
    auto done = connection.execute("PRAGMA journal_mode = WAL");
    if (done || done.error().code != Errc::unavailable || attempt == attempts_max) return done;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

Result<void> fill_new_store(Connection& connection, const NewStore& fresh) {
  const Digest256 digest = Sha256().of(fresh.seed);
  const auto seed_id = model::id_from_bytes(digest.data()).high;
  std::random_device random;
  const std::string timeline = fmt::format("{:08x}{:08x}", random(), random());

  Statement seed(connection, "INSERT INTO seeds (seed_id, seed) VALUES (?1, ?2)");
  HUNT_CHECK(seed.bind(seed_id, Bytes(fresh.seed)).run());
  Statement meta(connection,
                 "INSERT INTO meta (one, shard, epoch, timeline, seed_id, created_us)"
                 " VALUES (1, ?1, 1, ?2, ?3, ?4)");
  HUNT_CHECK(meta.bind(fresh.shard, timeline, seed_id, fresh.now_us).run());
  Statement world(connection, "INSERT INTO worlds (id, name, created_us) VALUES (1, 'demo', ?1)");
  HUNT_CHECK(world.bind(fresh.now_us).run());
  // The first spawn of a shard is shard << 48 | 1.
  Statement sequence(connection, "INSERT INTO sqlite_sequence (name, seq) VALUES ('stock', ?1)");
  HUNT_CHECK(sequence.bind(std::uint64_t{fresh.shard} << 48).run());
  return {};
}

// Of a new store, and of one from before stores had it.
Result<void> fill_identity(Connection& connection) {
  Statement fill(connection,
                 "UPDATE meta SET hunt_id = ?1, hunt_key = ?2, ledger_id = ?3"
                 " WHERE hunt_id IS NULL");
  return fill.bind(Bytes(random_bytes<16>()), Bytes(random_bytes<32>()), Bytes(random_bytes<16>()))
      .run();
}

// Inside a transaction that holds the write lock, so nobody migrates at the same time.
Result<void> migrate(Connection& connection, const NewStore& fresh) {
  HUNT_TRY(identity, identify(connection));
  for (std::int64_t version = identity.version; version < schema_version; ++version) {
    HUNT_CHECK(connection.execute(migrations[static_cast<std::size_t>(version)]));
  }
  if (identity.blank()) HUNT_CHECK(fill_new_store(connection, fresh));
  HUNT_CHECK(fill_identity(connection));
  if (identity.blank()) {
    HUNT_CHECK(
        connection.execute(fmt::format("PRAGMA application_id = {}", application_id).c_str()));
  }
  return connection.execute(fmt::format("PRAGMA user_version = {}", schema_version).c_str());
}

}  // namespace

Result<void> prepare_store(Connection& connection, const NewStore& fresh) {
  // The check comes before WAL, which would be a lasting change to somebody else's file.
  HUNT_TRY(identity, identify(connection));
  HUNT_CHECK(use_wal(connection));
  if (!identity.blank() && identity.version == schema_version) return {};
  HUNT_CHECK(connection.execute("BEGIN IMMEDIATE"));
  auto done = migrate(connection, fresh);
  if (done) done = connection.execute("COMMIT");
  if (!done && connection.in_transaction()) (void)connection.execute("ROLLBACK");
  return done;
}

Result<void> check_store(Connection& connection) {
  HUNT_TRY(identity, identify(connection));
  if (identity.blank()) {
    return fail(Errc::not_found,
                fmt::format("{} is empty: it holds no store yet", connection.path()));
  }
  if (identity.version < schema_version) {
    return fail(Errc::unsupported,
                fmt::format("{} has the older schema {} (this build: {}); bring it up to "
                            "date with: hunt migrate",
                            connection.path(), identity.version, schema_version));
  }
  return {};
}

}  // namespace hunt::sqlite
