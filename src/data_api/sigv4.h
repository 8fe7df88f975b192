// AWS Signature Version 4: the canonical form of a request, its signature, and whether one holds.
//
// Not AWS's signature for chunks (S3) and not version 4A. Paths are encoded once more, as every
// service but S3 has it; dots in them stay as they are. Pure but for `now_us`; thread: a Signer
// belongs to one.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "data_api/refusal.h"

namespace hunt::data_api {

// As it stands on the wire; header names in any case. Lifetime: not longer than what it names.
struct WireRequest {
  std::string_view method;
  std::string_view path;   // still escaped
  std::string_view query;  // without its ?, still escaped
  std::vector<std::pair<std::string_view, std::string_view>> headers;
  std::string_view body;
};

struct Scope {
  std::string date;  // "20150830"
  std::string region;
  std::string service;
  [[nodiscard]] std::string text() const;  // "20150830/us-east-1/iam/aws4_request"
};

// What an Authorization header says.
struct Authorization {
  std::string access_key;
  Scope scope;
  std::vector<std::string> signed_headers;  // lower case, sorted
  std::string signature;                    // 64 hexadecimal digits
};
[[nodiscard]] Answer<Authorization> read_authorization(std::string_view header);

[[nodiscard]] std::string hex_sha256(std::string_view text);
// Requires: `signed_headers` as an Authorization has them.
[[nodiscard]] std::string canonical_request(const WireRequest& request,
                                            const std::vector<std::string>& signed_headers);
// `time` as "20150830T123600Z".
[[nodiscard]] std::string string_to_sign(std::string_view time, const Scope& scope,
                                         std::string_view canonical);
[[nodiscard]] Digest256 signing_key(std::string_view secret, const Scope& scope);

// Signs quickly: keeps the signing keys of the day, which are four HMACs each. Thread: one at a
// time.
class Signer {
 public:
  [[nodiscard]] std::string signature_of(std::string_view time, const Scope& scope,
                                         std::string_view canonical, std::string_view secret);

 private:
  static constexpr std::size_t kept_max = 256;
  std::map<std::string, HmacSha256> kept_;  // by secret and scope
};

// The Authorization header of a request that has all other headers already, all of them signed.
[[nodiscard]] std::string authorization_for(const WireRequest& request, std::string_view time,
                                            const Scope& scope, std::string_view access_key,
                                            std::string_view secret, Signer& signer);
[[nodiscard]] std::string authorization_for(const WireRequest& request, std::string_view time,
                                            const Scope& scope, std::string_view access_key,
                                            std::string_view secret);

// "20150830T123600Z" as microseconds since 1970; nothing where it is no such time.
[[nodiscard]] std::optional<std::int64_t> read_amz_time(std::string_view text);
[[nodiscard]] std::string write_amz_time(std::int64_t time_us);

// Whether two texts are the same, in a time that depends on their lengths alone.
[[nodiscard]] bool same_secret(std::string_view a, std::string_view b) noexcept;

struct AccessKey {
  std::string id;
  std::string secret;
  std::string session_token;         // empty: a key for long use
  std::vector<std::string> secrets;  // ARNs it may use; empty: all
};

// Looks at signatures of one service. Lifetime: `keys` outlives it.
class Verifier {
 public:
  Verifier(const std::map<std::string, AccessKey, std::less<>>& keys, std::string service,
           std::string region)
      : keys_(keys), service_(std::move(service)), region_(std::move(region)) {}

  // Whose request it is. An empty region takes any.
  [[nodiscard]] Answer<const AccessKey*> verify(const WireRequest& request, std::int64_t now_us);

 private:
  const std::map<std::string, AccessKey, std::less<>>& keys_;
  std::string service_;
  std::string region_;
  Signer signer_;
};

}  // namespace hunt::data_api
