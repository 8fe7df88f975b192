// How requests and responses stand on the wire: between Beast's messages and ours.
//
// Not a connection's life (http_connection.cc) and not the routes (routes.h). Thread: any.
#pragma once
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/http_options.h"
#include "adapters/http/message.h"

namespace hunt::http {

using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// What a read error deserves: a response, or nothing when the other side has gone.
[[nodiscard]] std::optional<Response> refusal_of(const boost::beast::error_code& error,
                                                 bool in_body, const HttpOptions& options);
[[nodiscard]] Response header_too_large(const HttpOptions& options);
[[nodiscard]] Response not_http(std::string_view why);
[[nodiscard]] Response body_too_large(const HttpOptions& options);

// What Beast lets through and two programs in a row could read differently (RFC 9112, 3.2 and 6.3).
// Requires: the header is read.
[[nodiscard]] std::optional<Response> framing_refusal(const Parser& parser);

// What the header says; without a body. Trailers come after it and say nothing.
[[nodiscard]] Request head_of(const Parser& parser);

void set_fields(boost::beast::http::fields& fields, const Response& response);
// The same by hand, for HTTP/1.1: appends the whole response, as Beast writes it.
void append_response(std::string& out, const Response& response, bool keep_alive);

// A whole response as text, for who is told without waiting.
[[nodiscard]] std::string closing_text(const Response& response);

}  // namespace hunt::http
