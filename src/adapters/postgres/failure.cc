#include "adapters/postgres/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

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
          "database open it first"},
    Known{"42P01", Errc::corrupt, "a part of the schema is missing: restore it from a backup"},
    Known{"25006", Errc::unavailable, "this server only reads: it is a standby"},
    Known{"58", Errc::io, "look at the server's log and disk"},
    Known{"XX", Errc::corrupt, "look at the server's log"},
    Known{"08", Errc::unavailable, "it is tried again"},
    Known{"23", Errc::invalid_argument, ""},
    Known{"22", Errc::invalid_argument, ""},
};

std::string without_line_breaks(std::string_view text) {
  std::string line(text);
  while (!line.empty() && line.back() == '\n') line.pop_back();
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::erase(line, '\t');  // libpq indents what it asks back
  return line;
}

Error known_failure(std::string_view state, std::string_view said, const std::string& shown) {
  for (const auto& known : known_states) {
    if (!state.starts_with(known.state)) continue;
    Error error{known.code, fmt::format("{}: {}", shown, without_line_breaks(said)), {}};
    if (!known.advice.empty()) error.message += fmt::format("; {}", known.advice);
    if (state == "40P01" || state == "55P03") error.field = lock_field;
    return error;
  }
  return {Errc::internal,
          fmt::format("{}: {} (SQLSTATE {}); please report this", shown, without_line_breaks(said),
                      state),
          {}};
}

}  // namespace

Error failure_of(const PGresult* result, const std::string& shown) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (state == nullptr) return {Errc::unavailable, shown + ": the connection was lost", {}};
  return known_failure(state, said == nullptr ? "no message" : said, shown);
}

Error lost_connection(const PGconn* connection, const std::string& shown) {
  const std::string said = without_line_breaks(PQerrorMessage(connection));
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
  if (said.find("does not exist") != std::string::npos) {
    return {Errc::not_found, fmt::format("{}; create it first", said), {}};
  }
  return {Errc::unavailable,
          fmt::format("PostgreSQL at {} is not reachable: {}", shown,
                      said.empty() ? "the connection was lost" : said),
          {}};
}

bool in_the_way(const Error& error) noexcept {
  return error.code == Errc::unavailable && error.field == lock_field;
}

}  // namespace hunt::postgres
