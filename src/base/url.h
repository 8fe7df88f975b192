// The schemes of all URLs that choose a part, and HOST:PORT: each read here and nowhere else.
//
// Not what else stands in a URL: users, databases and options are their adapter's, in its own
// struct. Pure functions; nothing that could be a password is in an error.
#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt {

enum class Scheme : std::uint8_t {
  other,  // none of these
  none,
  inproc,
  sqlite,
  postgres,
  redis,
  redis_tls,
  redis_cluster,
  redis_cluster_tls,
  nats,
  nats_tls,
  http,
  https,
  ws,
};

struct Url {
  Scheme scheme = Scheme::other;
  std::string_view rest;  // behind "nats://" or "sqlite:"; of other: all of it
};

// "none:" and "inproc:" only with nothing behind.
[[nodiscard]] Url split_url(std::string_view url) noexcept;
// "nats://"; empty for other.
[[nodiscard]] std::string_view prefix_of(Scheme scheme) noexcept;

[[nodiscard]] constexpr bool is_nats(Scheme scheme) noexcept {
  return scheme == Scheme::nats || scheme == Scheme::nats_tls;
}

struct HostPort {
  std::string host;  // without brackets
  std::uint16_t port = 0;
  friend auto operator<=>(const HostPort&, const HostPort&) = default;
  [[nodiscard]] std::string shown() const;  // "host:port" or "[v6]:port"
};

// "HOST[:PORT]" of a server, an IPv6 address in brackets. Errors: invalid_argument, with what is
// wrong and nothing else: who asks says what was expected, and by which flag.
[[nodiscard]] Result<HostPort> parse_server(std::string_view text, std::uint16_t usual_port);
// "HOST:PORT" to listen on; port 0 is any free one. Errors: as above.
[[nodiscard]] Result<HostPort> parse_listen(std::string_view text);

}  // namespace hunt
