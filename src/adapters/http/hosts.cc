#include "adapters/http/hosts.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <optional>

#include "base/text.h"
#include "base/url.h"

namespace hunt::http {

namespace {

namespace ip = boost::asio::ip;

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return out;
}

bool is_port(std::string_view text) {
  if (text.empty()) return true;  // "localhost:" is valid, and means the default
  const bool digits = text.find_first_not_of("0123456789") == std::string_view::npos;
  const auto value = parse_u64(text);
  return digits && value && *value <= 65'535;
}

// The four numbers of 127.0.0.1 and nothing that only some programs take for them, or the inside of
// brackets.
std::optional<ip::address> address_of(std::string_view text, bool v6) {
  boost::system::error_code error;
  if (!v6) {
    const auto v4 = ip::make_address_v4(std::string(text), error);
    if (error || v4.to_string() != text) return {};
    return v4;
  }
  if (text.find('%') != std::string_view::npos) return {};
  const auto whole = ip::make_address_v6(std::string(text), error);
  if (error) return {};
  if (whole.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, whole);
  return whole;
}

// An authority taken apart.
struct Name {
  std::string text;  // lower case, without a last dot and without brackets
  std::string_view port;
  std::optional<ip::address> address;
};

std::optional<Name> parse_authority(std::string_view host) {
  Name name;
  const bool v6 = !host.empty() && host.front() == '[';
  if (v6) {
    const auto end = host.find(']');
    if (end == std::string_view::npos) return {};
    name.text = lowered(host.substr(1, end - 1));
    name.address = address_of(name.text, true);
    if (!name.address) return {};
    host.remove_prefix(end + 1);
    if (!host.empty() && host.front() != ':') return {};
    name.port = host.empty() ? host : host.substr(1);
  } else {
    const auto colon = host.find(':');
    name.text = lowered(host.substr(0, colon));
    name.port = colon == std::string_view::npos ? std::string_view{} : host.substr(colon + 1);
    if (name.text.ends_with('.')) name.text.pop_back();
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789-._";
    if (name.text.empty() || name.text.find_first_not_of(letters) != std::string::npos) return {};
    name.address = address_of(name.text, false);
  }
  if (!is_port(name.port)) return {};
  return name;
}

}  // namespace

Hosts::Hosts(bool loopback, std::string machine, std::vector<std::string> allowed)
    : loopback_(loopback), machine_(lowered(machine)), allowed_(std::move(allowed)) {}

bool Hosts::is_allowed(std::string_view name) const {
  return std::find(allowed_.begin(), allowed_.end(), name) != allowed_.end();
}

Hosts::Verdict Hosts::check(std::string_view host) const {
  const auto name = parse_authority(host);
  if (!name) return Verdict::malformed;
  bool ours = name->text == "localhost" || is_allowed(name->text);
  if (name->address) ours = ours || !loopback_ || name->address->is_loopback();
  if (!loopback_) ours = ours || name->text == machine_;
  return ours ? Verdict::ours : Verdict::foreign;
}

bool Hosts::is_own_page(std::string_view origin, std::string_view host) const {
  const auto [scheme, authority] = split_url(origin);
  const bool is_secure = scheme == Scheme::https;
  if (!is_secure && scheme != Scheme::http) return false;  // "null" among them
  const auto page = parse_authority(authority);
  const auto asked = parse_authority(host);
  if (!page || !asked) return false;
  // Behind a proxy the page's port is the proxy's, and Host may be what the proxy makes it.
  if (is_allowed(page->text) && (page->port.empty() || page->port == asked->port)) return true;
  const auto port_of = [](std::string_view port) { return port.empty() ? "80" : port; };
  return !is_secure && page->text == asked->text && port_of(page->port) == port_of(asked->port);
}

Result<std::string> allowed_host(std::string_view text) {
  const bool bare_v6 = address_of(lowered(text), true).has_value();
  const auto name = parse_authority(bare_v6 ? fmt::format("[{}]", text) : std::string(text));
  const bool port = !bare_v6 && text.find(':', text.find(']') + 1) != std::string_view::npos;
  if (name && !port && name->text.size() <= 253) return name->text;
  return fail(
      Errc::invalid_argument,
      fmt::format("\"{}\" is no name to be called by; expected one without scheme and port, "
                  "such as hunt.example",
                  printable(text, 128)),
      "allow-host");
}

}  // namespace hunt::http
