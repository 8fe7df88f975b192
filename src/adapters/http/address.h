// parse_address(): where a server is, taken from a URL without path, query or user.
//
// Not a URL parser. A pure function.
#pragma once
#include <string_view>

#include "base/result.h"
#include "base/url.h"

namespace hunt::http {

// "http://HOST[:PORT][/]", or ws:// where that is `scheme`; port 80 when none is given. Errors:
// invalid_argument, saying what is expected; the error's field is `url`.
[[nodiscard]] Result<HostPort> parse_address(std::string_view url, Scheme scheme);

}  // namespace hunt::http
