// Gate: who may ask. Compares bearer tokens in constant time.
//
// Not sessions and not users: two shared secrets, the admin's and the game servers'. Keeps only
// their digests. Thread: any.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/sha256.h"

namespace hunt::http {

class Gate {
 public:
  enum class Verdict : std::uint8_t { open, missing, wrong };

  // An empty server token opens nothing; the admin token must not be empty (asserted).
  Gate(std::string_view admin_token, std::string_view server_token);

  // `authorization` is the header's value, or empty. The admin token opens both halves.
  [[nodiscard]] Verdict check(std::string_view authorization, bool admin_only) const;

 private:
  Digest256 admin_{};
  std::optional<Digest256> server_;
};

// Whether a request that needs no token because only this machine can connect may come from another
// site's page in a browser here: its origin is not the host asked, or the host is a name that is
// not this machine's (a foreign name made to point here). Programs that are no browsers send no
// origin and may call the host what they like. Each may be empty.
[[nodiscard]] bool is_foreign(std::string_view host, std::string_view origin,
                              std::string_view user_agent) noexcept;

}  // namespace hunt::http
