#include "adapters/redis/redis_url.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/text.h"

namespace hunt::redis {

namespace {

constexpr std::string_view single_scheme = "redis://";
constexpr std::string_view cluster_scheme = "redis-cluster://";
constexpr std::size_t addresses_max = 64;

tl::unexpected<Error> wrong(std::string_view why) {
  return fail(Errc::invalid_argument,
              fmt::format("--cache: {}; expected redis://[USER:PASSWORD@]HOST:PORT or "
                          "redis-cluster://HOST:PORT,HOST:PORT",
                          why),
              "cache");
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    std::array<std::uint8_t, 1> byte{};
    if (i + 2 >= text.size() || !from_hex(text.substr(i + 1, 2), byte)) return std::nullopt;
    out.push_back(static_cast<char>(byte[0]));
    i += 2;
  }
  return out;
}

Result<void> read_user(std::string_view info, RedisUrl& url) {
  const std::size_t colon = info.find(':');
  if (colon == std::string_view::npos)
    return wrong("a user needs a password, as in user:password@");
  const auto user = percent_decoded(info.substr(0, colon));
  const auto password = percent_decoded(info.substr(colon + 1));
  if (!user || !password) return wrong("a % in the user or password is not followed by two digits");
  if (password->empty()) return wrong("the password is empty");
  url.user = *user;
  url.password = *password;
  return {};
}

Result<Address> read_address(std::string_view text) {
  Address address;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong("a [ without its ]");
    address.host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    has_port = rest.starts_with(':');
    if (!has_port && !rest.empty()) return wrong("after ] comes :PORT");
    if (has_port) port = rest.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    has_port = colon != std::string_view::npos;
    address.host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
    if (port.find(':') != std::string_view::npos) {
      return wrong("an IPv6 address stands in brackets, as in [::1]:6379");
    }
  }
  if (address.host.empty()) return wrong("a host is missing");
  if (!has_port) return address;
  const auto number = parse_u64(port);
  if (!number || *number == 0 || *number > 65'535) {
    return wrong(fmt::format("\"{}\" is no port (1 to 65535)", printable(port)));
  }
  address.port = static_cast<std::uint16_t>(*number);
  return address;
}

}  // namespace

std::string Address::shown() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string RedisUrl::shown() const {
  std::string out(cluster ? cluster_scheme : single_scheme);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    out += (i == 0 ? "" : ",") + addresses[i].shown();
  }
  return out;
}

Result<RedisUrl> parse_redis_url(std::string_view url) {
  RedisUrl out;
  if (url.starts_with("rediss://") || url.starts_with("rediss-cluster://")) {
    return fail(Errc::unsupported,
                "--cache: this version has no TLS to Redis; use redis:// or redis-cluster:// in a "
                "network that you trust, or through a proxy that adds TLS",
                "cache");
  }
  if (url.starts_with(cluster_scheme)) {
    out.cluster = true;
    url.remove_prefix(cluster_scheme.size());
  } else if (url.starts_with(single_scheme)) {
    url.remove_prefix(single_scheme.size());
  } else {
    return wrong("an unknown scheme");
  }
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    HUNT_CHECK(read_user(url.substr(0, at), out));
    url.remove_prefix(at + 1);
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  if (url.find_first_of("/?#") != std::string_view::npos) {
    return wrong("nothing follows the port: no database number, no options");
  }
  for (;;) {
    const std::size_t comma = url.find(',');
    HUNT_TRY(address, read_address(url.substr(0, comma)));
    out.addresses.push_back(std::move(address));
    if (comma == std::string_view::npos) break;
    url.remove_prefix(comma + 1);
  }
  if (out.addresses.size() > addresses_max) return wrong("more than 64 addresses");
  if (!out.cluster && out.addresses.size() > 1) {
    return wrong("several addresses are a cluster, redis-cluster://");
  }
  return out;
}

}  // namespace hunt::redis
