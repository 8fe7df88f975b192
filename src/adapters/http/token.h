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
  enum class Verdict : std::uint8_t { game, admin, missing, wrong };

  // An empty server token opens nothing; the admin token must not be empty (asserted).
  Gate(std::string_view admin_token, std::string_view server_token);

  // Whose token this is. `authorization` is the header's value, or empty.
  [[nodiscard]] Verdict check(std::string_view authorization) const;

 private:
  Digest256 admin_{};
  std::optional<Digest256> server_;
};

}  // namespace hunt::http
