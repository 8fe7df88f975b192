// Request and Response as the routes see them: plain values, whole bodies.
//
// Not the wire (http_connection.cc frames them) and not a general HTTP model: only the fields that
// some route reads or sets.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/http/http_figures.h"
#include "base/result.h"
#include "ports/ledgers.h"

namespace hunt::http {

struct Request {
  std::string method;  // upper case, as sent
  std::string target;  // path and query, still escaped
  std::string authorization;
  std::string accept;
  std::string host;    // as sent, with its port
  std::string origin;  // set by browsers when a page asks
  std::string content_encoding;
  std::string websocket_version;  // Sec-WebSocket-Version
  std::string websocket_key;
  std::string body;              // comes last, and only where the header was taken
  std::uint64_t body_bytes = 0;  // as Content-Length says
  bool has_length = false;       // Content-Length or chunked was sent
  bool has_body = false;         // more than none is announced
  bool upgrade = false;          // asks to become a WebSocket
};

// How a connection goes on as a stream.
struct StreamStart {
  std::optional<ports::LedgerPlace> after;  // grants from there on, else from now on
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<StreamStart> stream;    // instead of all above: accept the WebSocket
  RouteGroup group = RouteGroup::none;  // whose answer it is
};

// 200 with that JSON.
[[nodiscard]] Response json_response(std::string body);

// The one place that maps an error to a status.
[[nodiscard]] unsigned status_of(Errc code) noexcept;

// {"error":{"code","message","field"?}} with the status of its code, and Retry-After where a later
// try can succeed.
[[nodiscard]] Response error_response(const Error& error);

// The same with a status of its own, for what HTTP knows and Errc does not (405, 408, 411, 431).
[[nodiscard]] Response error_response(unsigned status, std::string_view code,
                                      std::string_view message, std::string_view field = {});

// 500, for what should not have been thrown.
[[nodiscard]] Response internal_error(std::string_view what);

}  // namespace hunt::http
