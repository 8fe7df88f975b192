// Credentials: who signs, and for which region, as AWS's tools read them: from the environment, or
// from the file of ~/.aws/credentials.
//
// Not from a metadata service (roles of machines and containers): write those into the file, or
// into the environment, by the tool that has them. Holds secrets: nothing of it is shown but the
// key's id. Thread: plain values.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt::data_api {

struct Credentials {
  std::string key_id;
  std::string secret;
  std::string session_token;  // empty: a key for long use
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// The value of a variable; empty: it is not set.
using Environment = std::function<std::string(const std::string& name)>;
[[nodiscard]] Environment process_environment();

// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; without the first, the profile
// AWS_PROFILE ("default") of AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials). Errors:
// unauthorized, with what is missing where.
[[nodiscard]] Result<Credentials> read_credentials(const Environment& environment);
// AWS_REGION, else AWS_DEFAULT_REGION, else the one that the resource's ARN names. Errors:
// invalid_argument.
[[nodiscard]] Result<std::string> read_region(const Environment& environment,
                                              std::string_view resource_arn);

// One section of such a file. Errors: unauthorized (no such profile, or nothing to sign with).
[[nodiscard]] Result<Credentials> read_profile(std::string_view file, std::string_view profile);

}  // namespace hunt::data_api
