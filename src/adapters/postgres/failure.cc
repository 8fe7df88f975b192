#include "adapters/postgres/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ports/store_trouble.h"

namespace hunt::postgres {
namespace {

struct Known {
  std::string_view state;  // the whole SQLSTATE, or its first two characters: a class
  Errc code;
  std::string_view advice;
};

constexpr std::array known_states = {
    Known{"HU001", Errc::epoch_stale, "start or wait for its relay (hunt relay)"},
    Known{"HU002", Errc::moved, ""},
    Known{"HU003", Errc::not_found, ""},
    Known{"HU004", Errc::already_exists, ""},
    Known{"HU005", Errc::too_large, ""},
    Known{"HU006", Errc::invalid_argument, "export it, and import it into empty shards"},
    Known{"40P01", Errc::unavailable, "call again"},
    Known{"55P03", Errc::unavailable, "another transaction holds the lock: call again"},
    Known{"40001", Errc::unavailable, "call again"},
    Known{"57014", Errc::deadline_exceeded,
          "look for what blocks it (pg_stat_activity), or raise statement_timeout"},
    Known{"57P", Errc::unavailable, "the server is stopping or starting; it is tried again"},
    Known{"53100", Errc::disk_full, "make space on the server's disk"},
    Known{"53300", Errc::unavailable, "raise max_connections or lower the number of lanes"},
    Known{"53", Errc::unavailable, "the server is out of a resource"},
    Known{"28", Errc::unauthorized, "check user and password of --store"},
    Known{"3D000", Errc::not_found, "create the database first (createdb)"},
    Known{"42501", Errc::unauthorized,
          "give the user of --store the role hunt_ingest or hunt_relay, or let the owner of the "
          "database make the tables first (hunt migrate)"},
    Known{"42P01", Errc::corrupt, "a part of the schema is missing: restore it from a backup"},
    Known{"25006", Errc::unavailable, "this server only reads: it is a standby"},
    Known{"58", Errc::io, "look at the server's log and disk"},
    Known{"XX", Errc::corrupt, "look at the server's log"},
    Known{"08", Errc::unavailable, "it is tried again"},
    Known{"23", Errc::invalid_argument, ""},
    Known{"22", Errc::invalid_argument, ""},
};

// SQLSTATE does not tell which right is missing; the server's words do. PostgreSQL 15 names the
// attribute otherwise than those after it.
constexpr std::string_view replication_advice =
    "give the user of --store the attribute REPLICATION (ALTER ROLE … REPLICATION), without which "
    "no process follows the changes of a database";

std::string_view missing_right(std::string_view said, std::string_view otherwise) {
  for (const std::string_view words :
       {"replication role", "to use replication slots", "to start WAL sender"}) {
    if (said.find(words) != std::string_view::npos) return replication_advice;
  }
  for (const std::string_view words : {"table feed", "function raise_epoch"}) {
    if (said.find(words) != std::string_view::npos) {
      return "give the user of --store the role hunt_relay (GRANT hunt_relay TO …)";
    }
  }
  return otherwise;
}

std::string without_line_breaks(std::string_view text) {
  std::string line(text);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::erase(line, '\t');  // libpq indents what it asks back
  return line;
}

// Words of PgBouncer, none of PostgreSQL.
bool says_pooler(std::string_view said) {
  constexpr std::array<std::string_view, 4> words{
      "unsupported startup parameter", "query_wait_timeout", "no more connections allowed",
      "client_login_timeout"};
  return std::any_of(words.begin(), words.end(), [said](std::string_view one) {
    return said.find(one) != std::string_view::npos;
  });
}

Error pooler_said(const std::string& said, const std::string& shown) {
  Error error = pooler_between(shown);
  error.message = fmt::format("{}; {}", said, error.message);
  return error;
}

}  // namespace

Error failure_by_state(std::string_view state, std::string_view said, const std::string& shown) {
  for (const auto& known : known_states) {
    if (!state.starts_with(known.state)) continue;
    Error error{known.code, fmt::format("{}: {}", shown, without_line_breaks(said)), {}};
    const auto advice = state == "42501" ? missing_right(said, known.advice) : known.advice;
    if (!advice.empty()) error.message += fmt::format("; {}", advice);
    if (state == "40P01" || state == "55P03") error.field = ports::lock_field;
    return error;
  }
  return {Errc::internal,
          fmt::format("{}: {} (SQLSTATE {}); please report this", shown, without_line_breaks(said),
                      state),
          {}};
}

Error failure_of(const PGresult* result, const std::string& shown) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr) return {Errc::unavailable, shown + ": the connection was lost", {}};
  if (said != nullptr && says_pooler(said)) return pooler_said(without_line_breaks(said), shown);
  return failure_by_state(state, said == nullptr ? "no message" : said, shown);
}

Error pooler_between(const std::string& shown) {
  return {
      Errc::unavailable,
      fmt::format(
          "what answers at {} is not PostgreSQL itself but something that shares its connections "
          "(a pooler, such as PgBouncer): prepared statements, the settings of a session and "
          "the change log need connections of their own, of which hunt opens few and keeps "
          "them; name the server itself in --store",
          shown),
      "store"};
}

Error lost_connection(const PGconn* connection, const std::string& shown) {
  const std::string said = without_line_breaks(PQerrorMessage(connection));
  if (says_pooler(said)) return pooler_said(said, shown);
  for (const std::string_view words : {"too many clients", "too many connections for",
                                       "remaining connection slots", "slots are reserved"}) {
    if (said.find(words) == std::string::npos) continue;
    return {Errc::unavailable,
            fmt::format("{}; raise max_connections of PostgreSQL (and a CONNECTION LIMIT of its "
                        "role or database), or end what holds the others: each hunt serve takes 5, "
                        "each hunt relay 3",
                        said),
            {}};
  }
  // libpq 15 keeps no SQLSTATE of a connection that failed, only the server's words.
  for (const std::string_view refusal : {"password authentication failed", "no password supplied",
                                         "no pg_hba.conf entry", "authentication failed"}) {
    if (said.find(refusal) != std::string::npos) {
      return {
          Errc::unauthorized,
          fmt::format("{}; check user and password of --store and the server's pg_hba.conf", said),
          {}};
    }
  }
  if (const auto advice = missing_right(said, {}); !advice.empty()) {
    return {Errc::unauthorized, fmt::format("{}; {}", said, advice), {}};
  }
  if (said.find("does not exist") != std::string::npos) {
    return {Errc::not_found, fmt::format("{}; create it first", said), {}};
  }
  return {Errc::unavailable,
          fmt::format("PostgreSQL at {} is not reachable: {}", shown,
                      said.empty() ? "the connection was lost" : said),
          {}};
}

bool in_the_way(const Error& error) noexcept {
  return ports::trouble_of(error) == ports::StoreTrouble::locked;
}

}  // namespace hunt::postgres
