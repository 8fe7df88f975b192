#include "adapters/postgres/checkup.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "adapters/postgres/blocking.h"
#include "adapters/postgres/data_api_checkup.h"
#include "adapters/postgres/data_api_database.h"
#include "adapters/postgres/ledger_reader.h"
#include "adapters/postgres/migrations.h"
#include "adapters/postgres/schema.h"
#include "adapters/postgres/schema_parts.h"
#include "base/text.h"

namespace hunt::postgres {
namespace {

using ports::Findings;
using Settings = std::map<std::string, std::string, std::less<>>;

constexpr std::int64_t version_min = 150'000;
constexpr std::int64_t round_trip_failure_ns = 100'000'000;
constexpr std::int64_t lag_warning_bytes = 64 << 20;  // a guess: some seconds of a busy event
// Two hunt serve and two hunt relay (docs/OPERATIONS.md).
constexpr std::int64_t free_connections_min = 16;
constexpr auto answer_within = std::chrono::milliseconds(3'000);
constexpr int connections_of_serve = 5;  // postgres_store.h
const PostgresUrl::Pairs connect_settings{{"connect_timeout", "3"},
                                          {"application_name", "hunt doctor"},
                                          {"options", "-c statement_timeout=3s"}};

Result<Settings> read_settings(Conversation& connection) {
  HUNT_TRY(rows, connection.query("SELECT name, setting FROM pg_settings"));
  Settings settings;
  for (int row = 0; row < rows.size(); ++row) {
    settings.emplace(rows.text(row, 0), rows.text(row, 1));
  }
  return settings;
}

std::int64_t number(const Settings& settings, std::string_view name) {
  const auto at = settings.find(name);
  return at == settings.end() ? 0 : parse_i64(at->second).value_or(0);
}

void note_version(Findings& findings, const Settings& settings) {
  const std::string found = "PostgreSQL " + settings.at("server_version");
  if (number(settings, "server_version_num") >= version_min) return findings.ok(found);
  findings.failure(found, "use PostgreSQL 15 or newer");
}

void note_durability(Findings& findings, const Settings& settings) {
  bool durable = true;
  for (const std::string_view name : {"fsync", "full_page_writes", "synchronous_commit"}) {
    const std::string& value = settings.find(name)->second;
    if (value != "off") continue;
    durable = false;
    findings.failure(
        fmt::format("{} is off", name),
        fmt::format("set {} = on: with it off, grants that were told are lost when the "
                    "server crashes",
                    name));
  }
  if (durable) {
    findings.ok("what is committed is on its disk (fsync, full_page_writes, synchronous_commit)");
  }
}

void note_replication(Findings& findings, const Settings& settings) {
  if (settings.at("wal_level") == "logical") {
    findings.ok("wal_level is logical");
  } else {
    findings.failure(
        fmt::format("wal_level is {}", settings.at("wal_level")),
        "set wal_level = logical and restart the server: no relay can follow the changes without");
  }
  const std::int64_t keep_mb = number(settings, "max_slot_wal_keep_size");
  if (keep_mb >= 0) {
    findings.ok(fmt::format("without a relay the log grows by at most {}",
                            ports::shown_bytes(static_cast<std::uint64_t>(keep_mb) << 20)));
  } else {
    findings.warning("max_slot_wal_keep_size is unlimited",
                     "set it to what the disk can spare, such as 10GB: without a relay the log "
                     "grows until the disk is full, and then nothing is granted");
  }
}

Result<void> note_standbys(Findings& findings, Conversation& connection, const Settings& settings) {
  const std::string& names = settings.at("synchronous_standby_names");
  if (names.empty()) {
    findings.warning("no standby is synchronous",
                     "name one of another zone in synchronous_standby_names: a failover may lose "
                     "grants that were told");
    return {};
  }
  HUNT_TRY(rows, connection.query("SELECT count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')),"
                                  " pg_has_role(current_user, 'pg_read_all_stats', 'usage')"
                                  " FROM pg_stat_replication"));
  const std::int64_t connected = rows.integer(0, 0);
  if (!rows.truth(0, 1)) {
    findings.ok(
        "commits wait for a standby; whether one is connected this user may not see (GRANT "
        "pg_read_all_stats)");
  } else if (connected == 0) {
    findings.failure("commits wait for a synchronous standby, and none is connected",
                     "connect one of synchronous_standby_names: nothing is granted until then");
  } else {
    const std::string& commit = settings.at("synchronous_commit");
    if (commit != "local") {
      findings.ok(fmt::format("synchronous standbys connected: {}", connected));
    } else {
      findings.warning("synchronous_commit is local: commits wait for no standby",
                       "set it to on: a failover may lose grants that were told");
    }
  }
  return {};
}

// What is left for this user in this database. -1 stands for no limit of its own.
Result<std::int64_t> free_connections(Conversation& connection, const Settings& settings) {
  HUNT_TRY(rows, connection.query(
                     "SELECT sum(d.numbackends)::bigint,"
                     " (SELECT datconnlimit::bigint FROM pg_database"
                     "  WHERE datname = current_database()),"
                     " sum(d.numbackends) FILTER (WHERE d.datname = current_database())::bigint,"
                     " (SELECT rolconnlimit::bigint FROM pg_roles WHERE rolname = current_user),"
                     " (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user)"
                     " FROM pg_stat_database d"));
  std::int64_t spare = number(settings, "max_connections") -
                       number(settings, "superuser_reserved_connections") - rows.integer(0, 0);
  if (rows.integer(0, 1) >= 0) spare = std::min(spare, rows.integer(0, 1) - rows.integer(0, 2));
  if (rows.integer(0, 3) >= 0) spare = std::min(spare, rows.integer(0, 3) - rows.integer(0, 4));
  return spare;
}

Result<void> note_connections(Findings& findings, Conversation& connection,
                              const Settings& settings) {
  HUNT_TRY(spare, free_connections(connection, settings));
  const std::string found = fmt::format("{} connections are free for this user", spare);
  const std::string advice =
      "raise max_connections (and a CONNECTION LIMIT of the role or database): each hunt serve "
      "takes 5, each hunt relay 3, and as many again while they are replaced";
  if (spare >= free_connections_min) {
    findings.ok(found);
  } else {
    findings.warning(found, advice);
  }
  return {};
}

// What `hunt serve` and `hunt relay` open, all at once: limits and poolers show when they are met.
void note_opening(Findings& findings, const PostgresUrl& url, bool relay) {
  std::vector<BlockingConnection> all;
  for (int i = 0; i < connections_of_serve; ++i) {
    auto one = BlockingConnection::open(url, connect_settings);
    if (one) one->set_patience(answer_within);
    const auto direct = one ? one->check_direct() : tl::unexpected<Error>(one.error());
    if (!direct) {
      return findings.failure(
          fmt::format("connection {} of the {} that `hunt serve` keeps cannot be opened: {}", i + 1,
                      connections_of_serve, direct.error().message),
          "see that so many are free before it starts");
    }
    all.push_back(std::move(*one));
  }
  if (!relay) {
    return findings.ok(
        fmt::format("{} connections open at once, to PostgreSQL itself", connections_of_serve));
  }
  auto more = connect_settings;
  more.emplace_back("replication", "database");
  const auto stream = BlockingConnection::open(url, more);
  if (stream) {
    findings.ok(
        fmt::format("{} connections and the stream of changes open at once, to PostgreSQL "
                    "itself",
                    connections_of_serve));
  } else {
    findings.failure(
        fmt::format("the stream of changes cannot be opened: {}", stream.error().message),
        "look at max_wal_senders, at pg_hba.conf, and at what stands between");
  }
}

// Functions, triggers, publication and groups, as the migrations made them.
Result<void> note_parts(Findings& findings, Conversation& connection) {
  HUNT_TRY(rows, connection.query(list_parts_sql));
  const auto missing = missing_parts(rows);
  if (missing.empty()) {
    findings.ok("its functions, triggers, publication and roles are as hunt made them");
    return {};
  }
  for (const SchemaPart* part : missing) {
    findings.failure(fmt::format("{} is missing or changed", shown(*part)),
                     part->sql.empty() ? "restore it from a backup"
                                       : "start `hunt serve` once as the owner of the tables: it "
                                         "makes it again");
  }
  return {};
}

Result<void> note_open_tables(Findings& findings, const Database& database,
                              const std::vector<std::string>& known) {
  if (known.empty()) return {};
  Interrupt nobody;
  HUNT_TRY(talk, database.converse(nobody));
  HUNT_TRY(counts, open_tables(*talk, {}));
  ports::note_tables(findings, counts, known);
  return {};
}

// Errors: those of the connection. Without our tables there is nothing more to look at.
Result<bool> note_schema(Findings& findings, Conversation& connection) {
  const auto fine = check_store(connection);
  if (fine) {
    findings.ok(fmt::format("it holds a store, schema {}", schema_version));
    return true;
  }
  if (fine.error().code != Errc::not_found) {
    findings.failure(fine.error());
    return false;
  }
  HUNT_TRY(may, connection.query("SELECT has_schema_privilege('public', 'CREATE')"));
  if (may.truth(0, 0)) {
    findings.warning("it is empty: it holds no store yet",
                     "if it is the right database: the tables are made by `hunt migrate`, or when "
                     "`hunt serve` opens it first, as this user");
  } else {
    findings.failure("it is empty, and this user may not make tables",
                     "let the owner of the database make them: hunt migrate");
  }
  return false;
}

struct Rights {
  bool read = false;
  bool relay = false;
};

Result<Rights> note_rights(Findings& findings, Conversation& connection) {
  HUNT_TRY(
      rows,
      connection.query(
          "SELECT rolname::text, has_table_privilege('seeds', 'SELECT'),"
          " has_table_privilege('feed', 'UPDATE'), rolreplication OR rolsuper,"
          " has_table_privilege('meta', 'SELECT') FROM pg_roles WHERE rolname = current_user"));
  const std::string user(rows.text(0, 0));
  const bool serve = rows.truth(0, 1);
  const bool feed = rows.truth(0, 2);
  const bool replicate = rows.truth(0, 3);
  if (feed && !replicate) {
    findings.warning(fmt::format("the user {} has not the attribute REPLICATION", user),
                     fmt::format("ALTER ROLE {} REPLICATION, if `hunt relay` is to use it", user));
  }
  const bool relay = feed && replicate;
  if (serve || relay) {
    findings.ok(fmt::format("the user {} has the rights of {}{}{}", user, serve ? "hunt serve" : "",
                            serve && relay ? " and " : "", relay ? "hunt relay" : ""));
  } else if (!feed) {
    findings.failure(fmt::format("the user {} can neither grant nor relay", user),
                     fmt::format("GRANT hunt_ingest TO {} for `hunt serve`, hunt_relay for `hunt "
                                 "relay`",
                                 user));
  }
  return Rights{rows.truth(0, 4), relay};
}

Result<void> note_place(Findings& findings, Conversation& connection, std::uint32_t shard,
                        std::uint32_t shard_count) {
  HUNT_TRY(rows, connection.query("SELECT shard::bigint, map_version, map_shards,"
                                  " timeline = server_timeline(), epoch FROM meta"));
  if (rows.size() != 1) return fail(Errc::corrupt, "the table meta is empty; restore a backup");
  const std::int64_t stored = rows.integer(0, 0);
  if (stored != shard) {
    findings.failure(
        fmt::format("it is shard {}, but stands at place {} of the --store flags", stored, shard),
        "give all shards, in order: places count from 0");
  }
  const std::int64_t map_shards = rows.integer(0, 2);
  if (map_shards < shard_count) {
    findings.warning(fmt::format("its shard map (version {}) is of {} shards, and there are {}",
                                 rows.integer(0, 1), map_shards, shard_count),
                     "start `hunt serve` with all of them once: it sets the map right");
  } else if (map_shards != shard_count) {
    findings.failure(fmt::format("shards in its shard map (version {}): {}; --store given: {}",
                                 rows.integer(0, 1), map_shards, shard_count),
                     "give every shard's --store, in order");
  } else if (stored == shard) {
    findings.ok(fmt::format("it is shard {} of {}", stored, map_shards));
  }
  if (rows.truth(0, 3)) {
    findings.ok(fmt::format("its epoch {} is of this server and timeline", rows.integer(0, 4)));
  } else {
    findings.failure("it was promoted or restored, and no relay has raised the epoch yet",
                     "start `hunt relay` on it: it grants nothing until then");
  }
  return {};
}

void note_spare_slots(Findings& findings, const Settings& settings, std::int64_t slots_taken,
                      std::int64_t senders_taken) {
  const std::int64_t slots = number(settings, "max_replication_slots");
  const std::int64_t senders = number(settings, "max_wal_senders");
  if (slots > slots_taken && senders > senders_taken) {
    return findings.ok(fmt::format("{} replication slots and {} WAL senders are free",
                                   slots - slots_taken, senders - senders_taken));
  }
  findings.warning(
      fmt::format("{} of {} replication slots and {} of {} WAL senders are taken", slots_taken,
                  slots, senders_taken, senders),
      "raise max_replication_slots and max_wal_senders: one for each database, and one to spare");
}

Result<void> note_slot(Findings& findings, Conversation& connection, const Settings& settings) {
  HUNT_TRY(rows, connection.query(
                     "WITH mine AS (SELECT 'hunt_' || oid AS slot FROM pg_database"
                     "              WHERE datname = current_database())"
                     " SELECT mine.slot, s.slot_name IS NOT NULL, coalesce(s.active, false),"
                     "   coalesce(s.wal_status, ''),"
                     "   pg_wal_lsn_diff(pg_current_wal_lsn(), s.confirmed_flush_lsn)::bigint,"
                     "   (SELECT count(*) FROM pg_replication_slots),"
                     "   (SELECT count(*) FROM pg_stat_replication)"
                     " FROM mine LEFT JOIN pg_replication_slots s ON s.slot_name = mine.slot"));
  note_spare_slots(findings, settings, rows.integer(0, 5), rows.integer(0, 6));
  const std::string slot(rows.text(0, 0));
  const std::int64_t behind = rows.integer(0, 4);
  const std::string lag =
      ports::shown_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, behind)));
  if (!rows.truth(0, 1)) {
    findings.warning(fmt::format("the replication slot {} is not there: no relay ever ran", slot),
                     "start `hunt relay` on it, which makes the slot");
  } else if (rows.text(0, 3) == "lost") {
    findings.warning(
        fmt::format("the replication slot {} is lost", slot),
        "start `hunt relay`, which makes a new one (all copies are read anew), and raise "
        "max_slot_wal_keep_size");
  } else if (!rows.truth(0, 2)) {
    findings.warning(fmt::format("no relay is connected; its slot {} is {} behind", slot, lag),
                     "start `hunt relay`: changes show late and grants are not told without");
  } else if (behind > lag_warning_bytes) {
    findings.warning(fmt::format("the relay is connected, and {} behind", lag),
                     "look at the relay: is it short of CPU, or is NATS or the cache slow?");
  } else {
    findings.ok(fmt::format("a relay is connected, {} behind", lag));
  }
  return {};
}

Result<void> note_time(Findings& findings, Conversation& connection, const ports::Clock& clock) {
  const std::int64_t before_us = clock.wall_us();
  HUNT_TRY(rows,
           connection.query("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"));
  ports::note_clock(findings, before_us, rows.integer(0, 0), clock.wall_us());
  const auto once = [&connection] { return connection.query("SELECT 1").has_value(); };
  ports::note_round_trips(findings, ports::time_round_trips(clock, once), round_trip_failure_ns);
  return {};
}

// --store means a server that writes; another one is told from none at all.
Result<BlockingConnection> connect(Findings& findings, const PostgresUrl& url) {
  auto connection = BlockingConnection::open(url, connect_settings);
  if (connection) return connection;
  const Error& error = connection.error();
  if (error.message.find("is read-only") != std::string::npos ||
      error.message.find("hot standby") != std::string::npos) {
    findings.failure("it is a standby, or only reads: nothing can be granted there",
                     "name the primary; or several hosts (HOST,HOST), of which the one that writes "
                     "is taken");
  } else if (error.code == Errc::unavailable && error.field.empty() &&
             error.message.find("; raise ") == std::string::npos) {
    findings.failure(error.message,
                     "start it, or look for what lies between (a firewall, another port)");
  } else {
    findings.failure(error);
  }
  return connection;
}

struct Place {
  std::uint32_t shard = 0;
  std::uint32_t shard_count = 1;
};

Result<void> look(Findings& findings, BlockingConnection& connection, const PostgresUrl& url,
                  Place place, const ports::Clock& clock, const std::vector<std::string>& tables) {
  HUNT_CHECK(connection.check_direct());
  HUNT_TRY(settings, read_settings(connection));
  note_version(findings, settings);
  HUNT_CHECK(note_time(findings, connection, clock));
  note_durability(findings, settings);
  HUNT_CHECK(note_standbys(findings, connection, settings));
  HUNT_CHECK(note_connections(findings, connection, settings));
  note_replication(findings, settings);
  HUNT_TRY(ours, note_schema(findings, connection));
  if (!ours) return {};
  HUNT_TRY(rights, note_rights(findings, connection));
  note_opening(findings, url, rights.relay);
  if (!rights.read) return {};
  HUNT_CHECK(note_parts(findings, connection));
  HUNT_CHECK(note_place(findings, connection, place.shard, place.shard_count));
  HUNT_CHECK(note_slot(findings, connection, settings));
  return note_open_tables(findings, *database_at(url), tables);
}

// Compiling a statement takes longer than ours do; over libpq each session says so itself.
void note_jit(Findings& findings, const Settings& settings) {
  if (settings.at("jit") == "off") return findings.ok("jit is off");
  findings.warning("jit is on: a look-up of many chunks may take a fifth of a second more",
                   "ALTER ROLE … SET jit = off, for the role of secret=");
}

Result<void> look(Findings& findings, const Database& database, Place place,
                  const ports::Clock& clock, const std::vector<std::string>& tables) {
  Interrupt nobody;
  HUNT_TRY(talk, database.converse(nobody));
  HUNT_TRY(settings, read_settings(*talk));
  note_version(findings, settings);
  HUNT_CHECK(note_time(findings, *talk, clock));
  note_durability(findings, settings);
  note_jit(findings, settings);
  HUNT_CHECK(database.prepare(nullptr, nullptr));
  findings.ok(fmt::format("it holds a store, schema {}", schema_version));
  HUNT_TRY(rights, note_rights(findings, *talk));
  if (!rights.read) return {};
  HUNT_CHECK(note_parts(findings, *talk));
  HUNT_CHECK(note_place(findings, *talk, place.shard, place.shard_count));
  HUNT_CHECK(note_slot(findings, *talk, settings));
  findings.ok(
      "`hunt serve` can grant over it; `hunt relay` needs the same database as postgres://");
  return note_open_tables(findings, database, tables);
}

}  // namespace

std::vector<ports::Finding> check_up(const PostgresUrl& url, std::uint32_t shard,
                                     std::uint32_t shard_count, const ports::Clock& clock,
                                     const std::vector<std::string>& tables) {
  Findings findings("postgres://" + url.shown());
  auto connection = connect(findings, url);
  if (!connection) return findings.all();
  connection->set_patience(answer_within);
  const auto done = look(findings, *connection, url, {shard, shard_count}, clock, tables);
  if (!done) findings.failure(done.error());
  return findings.all();
}

std::vector<ports::Finding> check_up(const DataApiUrl& url, std::uint32_t shard,
                                     std::uint32_t shard_count, const ports::Clock& clock,
                                     const std::vector<std::string>& tables) {
  Findings findings(url.shown());
  const auto database = database_at(url);
  if (!database) {
    findings.failure(database.error());
    return findings.all();
  }
  auto done = look_at_access(findings, url, clock);
  if (done) done = look(findings, **database, {shard, shard_count}, clock, tables);
  if (!done) findings.failure(done.error());
  return findings.all();
}

}  // namespace hunt::postgres
