// A small blocking HTTP client for commands that talk to a running server.
//
// Not for lanes (it blocks its thread) and not for TLS. One connection a call.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt::http {

struct HttpResponse {
  unsigned status = 0;
  std::string content_type;
  std::string body;  // Bound: 64 MiB
};

// Sends `method target` to the server at `url` ("http://host[:port]", 80 when no port is given)
// with `token` as the bearer, unless it is empty; `type` is the body's. Any status is a value.
// Errors: invalid_argument (the URL), unavailable (cannot be reached), deadline_exceeded,
// unknown_outcome (sent, but the answer did not come), too_large.
[[nodiscard]] Result<HttpResponse> http_request(std::string_view url, std::string_view method,
                                                std::string_view target, std::string body,
                                                std::string_view token,
                                                std::chrono::milliseconds timeout,
                                                std::string_view type = "application/json");

// The error that a response outside 2xx tells of, with the server's own sentence when it has one.
[[nodiscard]] Error error_of(const HttpResponse& response);

}  // namespace hunt::http
