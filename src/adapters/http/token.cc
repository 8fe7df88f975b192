#include "adapters/http/token.h"

#include <algorithm>

#include "base/result.h"

namespace hunt::http {

namespace {

// Equal lengths and no early exit: how long it takes says nothing about the secret.
bool same(const Digest256& a, const Digest256& b) noexcept {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[i]);
  return difference == 0;
}

Digest256 digest(std::string_view text) {
  Sha256 sha;
  return sha.of({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

bool is_bearer(std::string_view scheme) noexcept {
  constexpr std::string_view bearer = "bearer ";
  return std::equal(scheme.begin(), scheme.end(), bearer.begin(), bearer.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

}  // namespace

Gate::Gate(std::string_view admin_token, std::string_view server_token)
    : admin_(digest(admin_token)) {
  HUNT_ASSERT(!admin_token.empty());
  if (!server_token.empty()) server_ = digest(server_token);
}

Gate::Verdict Gate::check(std::string_view authorization) const {
  constexpr std::size_t scheme_bytes = 7;  // "Bearer "
  if (!is_bearer(authorization.substr(0, scheme_bytes))) return Verdict::missing;
  authorization.remove_prefix(scheme_bytes);
  const Digest256 sent = digest(authorization);
  const bool admin = same(sent, admin_);
  const bool game = server_ && same(sent, *server_);
  if (admin) return Verdict::admin;
  return game ? Verdict::game : Verdict::wrong;
}

}  // namespace hunt::http
