#include "adapters/http/address.h"

#include <fmt/format.h>

#include <string>

#include "base/text.h"

namespace hunt::http {

Result<HostPort> parse_address(std::string_view url, Scheme scheme) {
  const std::string_view prefix = prefix_of(scheme);
  // Also where no scheme stands before a user and password.
  const bool bare = url.find("://") == std::string_view::npos;
  const std::string_view shown = bare ? url.substr(url.rfind('@') + 1) : url;
  const auto bad = [shown, prefix](std::string_view why) {
    return fail(Errc::invalid_argument,
                fmt::format("\"{}\" is no address of a server: {}; expected {}HOST:PORT",
                            printable(shown, 128), why, prefix),
                "url");
  };
  auto [found, rest] = split_url(url);
  if (found != scheme) return bad(fmt::format("it does not begin with {}", prefix));
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto address = parse_server(rest, 80);
  if (!address) return bad(address.error().message);
  return address;
}

}  // namespace hunt::http
