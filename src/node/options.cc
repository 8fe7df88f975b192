#include "node/options.h"

#include <fmt/format.h>

#include "adapters/http/hosts.h"
#include "base/text.h"
#include "node/profile_push.h"

namespace hunt::node {

Result<HostPort> listen_address(const std::string& text) {
  auto address = parse_listen(text);
  if (address) return address;
  const auto user = text.rfind('@');  // may have a password, also without "://" before it
  return fail(
      Errc::invalid_argument,
      fmt::format("\"{}\" is no address to listen on: {}; expected HOST:PORT, such as "
                  "127.0.0.1:8080 or [::1]:8080",
                  user == text.npos ? printable(text) : "...@" + printable(text.substr(user + 1)),
                  address.error().message),
      "listen");
}

Result<void> check_flags(const NodeOptions& options) {
  if (!options.bus) HUNT_CHECK(check_followed(options.stores));
  for (const auto& text : options.allowed_hosts) HUNT_CHECK(http::allowed_host(text));
  HUNT_CHECK(listen_address(options.listen));
  if (!options.profile_push.empty()) HUNT_CHECK(check_push_url(options.profile_push));
  HUNT_CHECK(check_stores(options.stores));
  for (const auto shard : options.shards) {
    if (shard < options.stores.size()) continue;
    return fail(Errc::invalid_argument,
                fmt::format("there is no shard {}: the stores given are 0 to {}", shard,
                            options.stores.size() - 1),
                "shards");
  }
  return {};
}

}  // namespace hunt::node
