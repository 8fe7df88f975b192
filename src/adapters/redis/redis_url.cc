#include "adapters/redis/redis_url.h"

#include <fmt/format.h>

#include "base/text.h"

namespace hunt::redis {

namespace {

constexpr std::uint16_t usual_port = 6379;
constexpr std::size_t addresses_max = 64;
constexpr std::uint16_t database_max = 65'535;  // a server has 16 unless it is told otherwise

tl::unexpected<Error> wrong(std::string_view why) {
  return fail(Errc::invalid_argument,
              fmt::format("{}; expected redis://[USER:PASSWORD@]HOST:PORT[/DATABASE] "
                          "or redis-cluster://HOST:PORT,HOST:PORT",
                          why),
              "cache");
}

Result<void> read_user(std::string_view info, RedisUrl& url) {
  const std::size_t colon = info.find(':');
  if (colon == std::string_view::npos)
    return wrong("a user needs a password, as in user:password@");
  if (percent_decode(info.substr(0, colon), url.user) != std::string_view::npos ||
      percent_decode(info.substr(colon + 1), url.password) != std::string_view::npos) {
    return wrong("a % in the user or password is not followed by two digits");
  }
  if (url.password.empty()) return wrong("the password is empty");
  return {};
}

Result<HostPort> read_address(std::string_view text) {
  auto address = parse_server(text, usual_port);
  if (!address) return wrong(address.error().message);
  return address;
}

// Takes "/2" off the end.
Result<void> take_database(std::string_view& url, RedisUrl& out) {
  if (url.find_first_of("?#") != std::string_view::npos) {
    return wrong("nothing but a database number follows the port: no options");
  }
  const std::size_t slash = url.find('/');
  if (slash == std::string_view::npos) return {};
  const std::string_view text = url.substr(slash + 1);
  url.remove_suffix(url.size() - slash);
  if (text.empty()) return {};
  const auto number = parse_u64(text);
  if (!number || *number > database_max) {
    return wrong(fmt::format("\"{}\" is no number of a database (0 to {})", printable(text, 64),
                             database_max));
  }
  if (out.cluster && *number != 0) {
    return wrong(
        "a Redis Cluster has no database but 0; give each hunt its name with --hunt instead");
  }
  out.database = static_cast<std::uint16_t>(*number);
  return {};
}

}  // namespace

std::string RedisUrl::shown() const {
  std::string out(prefix_of(cluster ? Scheme::redis_cluster : Scheme::redis));
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    out += (i == 0 ? "" : ",") + addresses[i].shown();
  }
  if (database != 0) out += fmt::format("/{}", database);
  return out;
}

Result<RedisUrl> parse_redis_url(std::string_view text) {
  RedisUrl out;
  auto [scheme, url] = split_url(text);
  if (scheme == Scheme::redis_tls || scheme == Scheme::redis_cluster_tls) {
    return fail(Errc::unsupported,
                "this version has no TLS to Redis; use redis:// or redis-cluster:// in a network "
                "that you trust, or through a proxy that adds TLS",
                "cache");
  }
  out.cluster = scheme == Scheme::redis_cluster;
  if (!out.cluster && scheme != Scheme::redis) return wrong("an unknown scheme");
  if (const std::size_t at = url.rfind('@'); at != std::string_view::npos) {
    HUNT_CHECK(read_user(url.substr(0, at), out));
    url.remove_prefix(at + 1);
  }
  HUNT_CHECK(take_database(url, out));
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
