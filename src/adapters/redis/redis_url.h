// RedisUrl: which servers a cache URL means, and as whom to enter them.
//
// Not a connection. A password is nowhere shown: neither by shown() nor in an error.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/url.h"

namespace hunt::redis {

struct RedisUrl {
  bool cluster = false;
  std::vector<HostPort> addresses;  // one, or where to begin in a cluster
  std::string user;                 // empty: the default user
  std::string password;             // empty: none
  std::uint16_t database = 0;       // of a server alone; a cluster has one only
  [[nodiscard]] std::string shown() const;
};

// "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]" or
// "redis-cluster://…HOST[:PORT][,HOST[:PORT]…]"; user and password may be percent-encoded. Errors:
// invalid_argument; unsupported (TLS). Field: `cache`.
[[nodiscard]] Result<RedisUrl> parse_redis_url(std::string_view url);

}  // namespace hunt::redis
