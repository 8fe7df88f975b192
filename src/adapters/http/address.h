// Address: where a server is, taken from a URL without path, query or user.
//
// Not a URL parser. Thread: a plain value.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt::http {

struct Address {
  std::string host;  // without brackets
  std::string port;
};

// "<scheme>://HOST[:PORT][/]", port 80 when none is given. Errors: invalid_argument, saying what is
// expected; the error's field is `url`.
[[nodiscard]] Result<Address> parse_address(std::string_view url, std::string_view scheme);

}  // namespace hunt::http
