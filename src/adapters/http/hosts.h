// Hosts: by which names a request may call this server, and which pages may ask it.
//
// Why: a page on a foreign site can make a browser connect here under a name that the site's owner
// points to this address (DNS rebinding). The request then carries that name in Host, and no name
// but ours is answered. Who listens on loopback is called localhost, 127.x.x.x or [::1]; others by
// any IP address (no name server can point that elsewhere), localhost or the machine's name; and
// everybody by what --allow-host adds. Ports do not matter: a tunnel has its own. Thread: any.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hunt::http {

class Hosts {
 public:
  enum class Verdict : std::uint8_t { ours, foreign, malformed };

  // `allowed` as allowed_host() returns them.
  Hosts(bool loopback, std::string machine, std::vector<std::string> allowed);

  // `host` is the header's value.
  [[nodiscard]] Verdict check(std::string_view host) const;

  // Whether a page of `origin` is one that was loaded from here: of the host asked, or of a name
  // that --allow-host gave. An empty origin is no page.
  [[nodiscard]] bool is_own_page(std::string_view origin, std::string_view host) const;

 private:
  [[nodiscard]] bool is_allowed(std::string_view name) const;

  bool loopback_;
  std::string machine_;
  std::vector<std::string> allowed_;
};

// One --allow-host: a name or an IP address, in lower case and without a last dot. Errors:
// invalid_argument (`allow-host`) for a port, a scheme or anything else.
[[nodiscard]] Result<std::string> allowed_host(std::string_view text);

}  // namespace hunt::http
