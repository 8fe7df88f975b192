#include "base/url.h"

#include <fmt/format.h>

#include "base/text.h"

namespace hunt {

namespace {

struct Prefix {
  Scheme scheme;
  std::string_view text;
};
constexpr Prefix prefixes[] = {
    {Scheme::none, "none:"},
    {Scheme::inproc, "inproc:"},
    {Scheme::sqlite, "sqlite:"},
    {Scheme::postgres, "postgres://"},
    {Scheme::postgres, "postgresql://"},
    {Scheme::redis, "redis://"},
    {Scheme::redis_tls, "rediss://"},
    {Scheme::redis_cluster, "redis-cluster://"},
    {Scheme::redis_cluster_tls, "rediss-cluster://"},
    {Scheme::nats, "nats://"},
    {Scheme::nats_tls, "nats+tls://"},
    {Scheme::http, "http://"},
    {Scheme::https, "https://"},
    {Scheme::ws, "ws://"},
};

tl::unexpected<Error> wrong(std::string why) {
  return fail(Errc::invalid_argument, std::move(why));
}

// Without a usual port one has to stand there: then the last colon is its own, whatever is before.
Result<HostPort> parse(std::string_view text, std::optional<std::uint16_t> usual_port) {
  // What stands before it may be a password, and what is wrong with it would be quoted.
  if (text.find('@') != std::string_view::npos)
    return wrong("a user or password has no place here");
  std::string_view host = text;
  std::string_view after = text;
  const bool brackets = text.starts_with('[');
  if (brackets) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return wrong("a [ without its ]");
    host = text.substr(1, end - 1);
    after = text.substr(end + 1);
    if (!after.empty() && after.front() != ':') return wrong("after ] comes :PORT");
  }
  const auto colon = brackets && !after.empty() ? 0 : after.rfind(':');
  if (!brackets) host = text.substr(0, colon);
  if (!brackets && usual_port && host.find(':') != std::string_view::npos) {
    return wrong("an IPv6 address stands in brackets, as in [::1]:8080");
  }
  if (host.empty()) return wrong("a host is missing");
  if (host.find_first_of(" /?#") != std::string_view::npos) return wrong("it is no HOST:PORT");
  HostPort out{std::string(host), usual_port.value_or(0)};
  if (colon == std::string_view::npos) {
    return usual_port ? Result<HostPort>(std::move(out)) : wrong("a port is missing");
  }
  const std::string_view digits = after.substr(colon + 1);
  const auto port = parse_u64(digits);
  if (!port || *port > 65'535 || (*port == 0 && usual_port)) {
    // Not quoted: of "USER:PASSWORD" without its "@HOST" it is the password.
    return wrong("what follows the last colon is no port (1 to 65535)");
  }
  out.port = static_cast<std::uint16_t>(*port);
  return out;
}

}  // namespace

Url split_url(std::string_view url) noexcept {
  for (const Prefix& prefix : prefixes) {
    if (!url.starts_with(prefix.text)) continue;
    const std::string_view rest = url.substr(prefix.text.size());
    const bool alone = prefix.scheme == Scheme::none || prefix.scheme == Scheme::inproc;
    if (!alone || rest.empty()) return {prefix.scheme, rest};
  }
  return {Scheme::other, url};
}

std::string_view prefix_of(Scheme scheme) noexcept {
  for (const Prefix& prefix : prefixes) {
    if (prefix.scheme == scheme) return prefix.text;
  }
  return {};
}

std::string HostPort::shown() const {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

Result<HostPort> parse_server(std::string_view text, std::uint16_t usual_port) {
  return parse(text, usual_port);
}

Result<HostPort> parse_listen(std::string_view text) {
  return parse(text, {});
}

}  // namespace hunt
