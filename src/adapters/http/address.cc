#include "adapters/http/address.h"

#include <fmt/format.h>

#include "base/text.h"

namespace hunt::http {

Result<Address> parse_address(std::string_view url, std::string_view scheme) {
  const auto bad = [&url, scheme](std::string_view why) {
    return fail(Errc::invalid_argument,
                fmt::format("\"{}\" {}; expected {}://HOST:PORT", printable(url, 128), why, scheme),
                "url");
  };
  const std::string prefix = fmt::format("{}://", scheme);
  if (!url.starts_with(prefix)) return bad("does not begin with " + prefix);
  std::string_view rest = url.substr(prefix.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@ ") != std::string_view::npos)
    return bad("holds more than an address");
  std::size_t host_end = rest.find(':');
  Address address{std::string(rest.substr(0, host_end)), "80"};
  if (rest.starts_with('[')) {
    const std::size_t bracket = rest.find(']');
    if (bracket == std::string_view::npos) return bad("has no closing \"]\"");
    address.host = rest.substr(1, bracket - 1);
    host_end = bracket + 1 < rest.size() ? bracket + 1 : std::string_view::npos;
    if (host_end != std::string_view::npos && rest[host_end] != ':')
      return bad("has no valid port");
  }
  if (address.host.empty()) return bad("names no host");
  if (host_end != std::string_view::npos) {
    address.port = rest.substr(host_end + 1);
    const auto port = parse_u64(address.port);
    if (!port || *port == 0 || *port > 65'535) return bad("has no valid port");
  }
  return address;
}

}  // namespace hunt::http
