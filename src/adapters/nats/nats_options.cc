#include "adapters/nats/nats_options.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <optional>

#include "base/text.h"

namespace hunt::nats {

namespace {

constexpr std::uint16_t default_port = 4222;
constexpr std::size_t servers_max = 64;

tl::unexpected<Error> wrong(std::string_view why) {
  return fail(Errc::invalid_argument,
              fmt::format("the bus must be nats://[USER:PASSWORD@]HOST[:PORT][,…] or nats+tls://…: "
                          "{}",
                          why),
              "bus");
}

// %XX in a user or password.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    std::array<std::uint8_t, 1> byte{};
    if (i + 2 >= text.size() || !from_hex(text.substr(i + 1, 2), byte)) return {};
    out.push_back(static_cast<char>(byte[0]));
    i += 2;
  }
  return out;
}

Result<void> add_server(std::string_view entry, ServerList& list) {
  for (const std::string_view scheme : {"nats://", "nats+tls://"}) {
    if (entry.starts_with(scheme)) entry.remove_prefix(scheme.size());
  }
  if (entry.find('@') != std::string_view::npos) {
    return wrong("user and password stand once, before the first server");
  }
  std::string_view host = entry;
  std::uint64_t port = default_port;
  const auto bracket = entry.rfind(']');
  const auto colon = entry.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const auto number = parse_u64(entry.substr(colon + 1));
    if (!number || *number == 0 || *number > 65'535) {
      return wrong(fmt::format("\"{}\" has no port between 1 and 65535", printable(entry)));
    }
    port = *number;
    host = entry.substr(0, colon);
  }
  if (host.empty() || host.find_first_of(" /?#") != std::string_view::npos) {
    return wrong(fmt::format("\"{}\" is no HOST[:PORT]", printable(entry)));
  }
  list.urls.push_back(fmt::format("nats://{}:{}", host, port));
  if (!list.shown.empty()) list.shown.push_back(',');
  list.shown += fmt::format("{}:{}", host, port);
  return {};
}

}  // namespace

Result<ServerList> parse_servers(std::string_view url) {
  ServerList list;
  if (url.starts_with("nats+tls://")) {
    list.tls = true;
    url.remove_prefix(11);
  } else if (url.starts_with("nats://")) {
    url.remove_prefix(7);
  } else {
    return wrong("it begins with another scheme");
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  const auto comma = url.find(',');
  const auto at = url.substr(0, comma).rfind('@');
  if (at != std::string_view::npos) {
    const std::string_view who = url.substr(0, at);
    const auto colon = who.find(':');
    auto user = unescape(who.substr(0, colon));
    auto password =
        unescape(colon == std::string_view::npos ? std::string_view() : who.substr(colon + 1));
    if (!user || !password) return wrong("a % in the user or password needs two digits after it");
    list.user = std::move(*user);
    list.password = std::move(*password);
    url.remove_prefix(at + 1);
  }
  while (true) {
    const auto end = url.find(',');
    HUNT_CHECK(add_server(url.substr(0, end), list));
    if (list.urls.size() > servers_max) return wrong("more than 64 servers");
    if (end == std::string_view::npos) return list;
    url.remove_prefix(end + 1);
  }
}

}  // namespace hunt::nats
