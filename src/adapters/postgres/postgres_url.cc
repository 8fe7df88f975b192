#include "adapters/postgres/postgres_url.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <memory>

#include "base/hide_user.h"
#include "base/url.h"

namespace hunt::postgres {
namespace {

constexpr const char* expected = "expected postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE";

void put(PostgresUrl::Pairs& pairs, const std::string& key, const std::string& value) {
  const auto at = std::find_if(pairs.begin(), pairs.end(),
                               [&key](const auto& pair) { return pair.first == key; });
  if (at == pairs.end()) {
    pairs.emplace_back(key, value);
  } else {
    at->second = value;
  }
}

// A password with an @ or a / in it ends up, in parts, as host or database, and these are shown.
bool has_bare_password(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  url = url.substr(0, url.find('?'));
  const auto first = url.find('@');
  if (first == std::string_view::npos) return false;
  return url.find('@', first + 1) != std::string_view::npos || url.find('/') < first;
}

// libpq's own words, which it owns no more.
tl::unexpected<Error> unreadable(char* why, std::string_view url) {
  std::string said = why == nullptr ? "out of memory" : why;
  PQfreemem(why);
  // libpq quotes what it cannot read, and that may be a password, or what follows its "&". The name
  // of a parameter that it does not know is none where there is no secret among the others.
  const std::string_view query = url.substr(std::min(url.find('?'), url.size()));
  const bool names = said.find("invalid URI query parameter") != std::string::npos;
  if (!names || hide_user(query) != query) said = said.substr(0, said.find('"'));
  while (!said.empty() && std::string_view(" :\n").find(said.back()) != std::string_view::npos) {
    said.pop_back();
  }
  return fail(Errc::invalid_argument, fmt::format("{}; {}", said, expected), "store");
}

}  // namespace

Result<PostgresUrl> PostgresUrl::parse(const std::string& url) {
  if (split_url(url).scheme != Scheme::postgres) {
    return fail(Errc::invalid_argument, fmt::format("no PostgreSQL URL; {}", expected), "store");
  }
  if (has_bare_password(url)) {
    return fail(Errc::invalid_argument,
                fmt::format("the URL holds an @ too many; write the @ of a user or password "
                            "as %40, its / as %2F and its : as %3A; {}",
                            expected),
                "store");
  }
  char* why = nullptr;
  PQconninfoOption* options = PQconninfoParse(url.c_str(), &why);
  if (options == nullptr) return unreadable(why, url);
  PostgresUrl parsed;
  std::string host = "localhost";
  std::string port = "5432";
  std::string database;
  std::string asked_options;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    const std::string key = option->keyword;
    const std::string value = option->val;
    if (key == "host") host = value;
    if (key == "port") port = value;
    if (key == "dbname") database = value;
    if (key == "options") asked_options = " " + value;
    parsed.pairs_.emplace_back(key, value);
  }
  PQconninfoFree(options);
  // Who forgets "@host" has the password for a port.
  if (port.find_first_not_of("0123456789,") != std::string::npos) {
    return fail(Errc::invalid_argument,
                fmt::format("the port of the URL is no number; {}", expected), "store");
  }
  if (database.empty()) {
    return fail(Errc::invalid_argument,
                fmt::format("the URL of {}:{} names no database; {}", host, port, expected),
                "store");
  }
  parsed.shown_ = fmt::format("{}:{}/{}", host, port, database);
  // A statement that takes longer than any caller waits is ended by the server itself. jit: our
  // statements take microseconds, compiling one takes a fifth of a second. The URL's own come last:
  // they win.
  put(parsed.pairs_, "options",
      "-c statement_timeout=10s -c lock_timeout=2s -c jit=off"
      " -c idle_in_transaction_session_timeout=30s" +
          asked_options + " -c client_encoding=UTF8");
  for (const auto& [key, value] : Pairs{{"application_name", "hunt"},
                                        {"connect_timeout", "5"},
                                        {"keepalives_idle", "10"},
                                        {"keepalives_interval", "5"},
                                        {"keepalives_count", "3"},
                                        {"target_session_attrs", "read-write"},
                                        {"tcp_user_timeout", "15000"}}) {
    const bool given = std::any_of(parsed.pairs_.begin(), parsed.pairs_.end(),
                                   [&key = key](const auto& pair) { return pair.first == key; });
    if (!given) parsed.pairs_.emplace_back(key, value);
  }
  return parsed;
}

std::string PostgresUrl::host() const {
  return shown_.substr(0, shown_.find_last_of(':'));
}

PostgresUrl::Pairs PostgresUrl::pairs(const Pairs& more) const {
  Pairs all = pairs_;
  for (const auto& [key, value] : more) {
    if (key == "options") {
      const auto own = std::find_if(all.begin(), all.end(),
                                    [](const auto& pair) { return pair.first == "options"; });
      own->second += " " + value;
    } else {
      put(all, key, value);
    }
  }
  return all;
}

}  // namespace hunt::postgres
