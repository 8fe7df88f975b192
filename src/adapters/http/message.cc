#include "adapters/http/message.h"

#include "base/json_string.h"

namespace hunt::http {

unsigned status_of(Errc code) noexcept {
  switch (code) {
    case Errc::invalid_argument:
      return 400;
    case Errc::unauthorized:
      return 401;
    case Errc::not_found:
      return 404;
    case Errc::already_exists:
      return 409;
    case Errc::too_large:
      return 413;
    case Errc::overloaded:
      return 429;
    case Errc::unsupported:
      return 501;
    case Errc::unavailable:
    case Errc::disk_full:
    case Errc::unknown_outcome:  // every request is idempotent, so the answer is: send it again
    case Errc::moved:
    case Errc::epoch_stale:
      return 503;
    case Errc::deadline_exceeded:
      return 504;
    case Errc::corrupt:
    case Errc::io:
    case Errc::internal:
      return 500;
  }
  return 500;
}

Response json_response(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

Response error_response(unsigned status, std::string_view code, std::string_view message,
                        std::string_view field) {
  Response response;
  response.status = status;
  response.body = R"({"error":{"code":)";
  append_json_string(response.body, code);
  response.body += R"(,"message":)";
  append_json_string(response.body, message);
  if (!field.empty()) {
    response.body += R"(,"field":)";
    append_json_string(response.body, field);
  }
  response.body += "}}";
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"hunt\"");
  return response;
}

Response error_response(const Error& error) {
  return error_response(status_of(error.code), name_of(error.code), error.message, error.field);
}

Response internal_error(std::string_view what) {
  return error_response(500, "internal",
                        std::string("this is a bug, please report it: ").append(what));
}

}  // namespace hunt::http
