// RedisUrl: which servers a cache URL means, and as whom to enter them.
//
// Not a connection. A password is nowhere shown: neither by shown() nor in an error.
#pragma once
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hunt::redis {

struct Address {
  std::string host;  // without brackets
  std::uint16_t port = 6379;
  friend auto operator<=>(const Address&, const Address&) = default;
  [[nodiscard]] std::string shown() const;  // "host:port" or "[v6]:port"
};

struct RedisUrl {
  bool cluster = false;
  std::vector<Address> addresses;  // one, or where to begin in a cluster
  std::string user;                // empty: the default user
  std::string password;            // empty: none
  [[nodiscard]] std::string shown() const;
};

// "redis://[[USER]:PASSWORD@]HOST[:PORT]" or "redis-cluster://…HOST[:PORT][,HOST[:PORT]…]"; user
// and password may be percent-encoded. Errors: invalid_argument; unsupported (TLS). Field: `cache`.
[[nodiscard]] Result<RedisUrl> parse_redis_url(std::string_view url);

}  // namespace hunt::redis
