#include "adapters/nats/nats_options.h"

#include <fmt/format.h>

#include <cstddef>

#include "base/text.h"
#include "base/url.h"

namespace hunt::nats {

namespace {

constexpr std::uint16_t usual_port = 4222;
constexpr std::size_t servers_max = 64;

tl::unexpected<Error> wrong(std::string_view why) {
  return fail(
      Errc::invalid_argument,
      fmt::format("{}; expected nats://[USER:PASSWORD@]HOST[:PORT][,…] or nats+tls://…", why),
      "bus");
}

Result<void> add_server(std::string_view entry, ServerList& list) {
  const Url url = split_url(entry);
  if (is_nats(url.scheme)) entry = url.rest;
  if (entry.find('@') != std::string_view::npos) {
    return wrong("user and password stand once, before the first server");
  }
  auto server = parse_server(entry, usual_port);
  if (!server) return wrong(server.error().message);
  const std::string shown = server->shown();
  list.urls.push_back(fmt::format("{}{}", prefix_of(Scheme::nats), shown));
  if (!list.shown.empty()) list.shown.push_back(',');
  list.shown += shown;
  return {};
}

}  // namespace

std::string ServerList::shown_url() const {
  return fmt::format("{}{}", prefix_of(tls ? Scheme::nats_tls : Scheme::nats), shown);
}

std::string ServerList::inbox_prefix() const {
  if (user.empty()) return "_INBOX";
  std::string prefix = "_INBOX_" + user;
  for (char& c : prefix) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && c != '-') c = '_';
  }
  return prefix;
}

Result<ServerList> parse_servers(std::string_view text) {
  auto [scheme, url] = split_url(text);
  ServerList list;
  list.tls = scheme == Scheme::nats_tls;
  if (!is_nats(scheme)) return wrong("it begins with another scheme");
  if (url.ends_with('/')) url.remove_suffix(1);
  const auto comma = url.find(',');
  const auto at = url.substr(0, comma).rfind('@');
  if (at != std::string_view::npos) {
    const std::string_view who = url.substr(0, at);
    const auto colon = who.find(':');
    const auto secret =
        colon == std::string_view::npos ? std::string_view() : who.substr(colon + 1);
    if (percent_decode(who.substr(0, colon), list.user) != std::string_view::npos ||
        percent_decode(secret, list.password) != std::string_view::npos) {
      return wrong("a % in the user or password needs two digits after it");
    }
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
