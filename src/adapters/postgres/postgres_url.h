// PostgresUrl: `postgres://…` of --store, checked and completed.
//
// Not a connection (session.h). libpq reads the URL, so all its parameters and PG* variables hold,
// also sslmode and a password file. Ours come on top: only a server that can write, time limits.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hunt::postgres {

class PostgresUrl {
 public:
  // Errors: invalid_argument with libpq's words; never with the password.
  [[nodiscard]] static Result<PostgresUrl> parse(const std::string& url);

  // Keywords and values for PQconnectStartParams, with `more` on top.
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  [[nodiscard]] Pairs pairs(const Pairs& more = {}) const;
  // For messages: host, port and database, without user and password.
  [[nodiscard]] const std::string& shown() const noexcept { return shown_; }

  // A name, an address, or the folder of a socket.
  [[nodiscard]] std::string host() const;

 private:
  Pairs pairs_;
  std::string shown_;
};

// The same as two arrays of C strings, ended by null. Lifetime: not longer than the pairs.
class ConnectParams {
 public:
  explicit ConnectParams(const PostgresUrl::Pairs& pairs) {
    for (const auto& [key, value] : pairs) {
      keys_.push_back(key.c_str());
      values_.push_back(value.c_str());
    }
    keys_.push_back(nullptr);
    values_.push_back(nullptr);
  }
  [[nodiscard]] const char* const* keys() const noexcept { return keys_.data(); }
  [[nodiscard]] const char* const* values() const noexcept { return values_.data(); }

 private:
  std::vector<const char*> keys_;
  std::vector<const char*> values_;
};

}  // namespace hunt::postgres
