#include "adapters/http/http_wire.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <iterator>

#include "base/text.h"

namespace hunt::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;

template <class Text>
std::string to_string(const Text& text) {
  return std::string(text.data(), text.size());
}

constexpr unsigned http_1_0 = 10;
constexpr unsigned http_1_1 = 11;

// What a request may say once only: which of two counts would be anybody's guess.
constexpr std::array singular = {bhttp::field::host, bhttp::field::authorization,
                                 bhttp::field::origin, bhttp::field::content_type,
                                 bhttp::field::expect};

std::string wrong_with_length(const bhttp::request_header<>& header) {
  const auto count_lengths = header.count(bhttp::field::content_length);
  const bool listed = count_lengths == 1 &&
                      header[bhttp::field::content_length].find(',') != beast::string_view::npos;
  const auto encodings = header.count(bhttp::field::transfer_encoding);
  if (count_lengths > 1 || listed) return "Content-Length is given twice; send one";
  if (encodings == 0) return {};
  if (count_lengths != 0) {
    return "Content-Length and Transfer-Encoding exclude each other; send one";
  }
  if (encodings > 1 || !beast::iequals(header[bhttp::field::transfer_encoding], "chunked")) {
    return "the only Transfer-Encoding taken is chunked";
  }
  return header.version() < http_1_1 ? "HTTP/1.0 has no Transfer-Encoding; send Content-Length"
                                     : "";
}

}  // namespace

Response header_too_large(const HttpOptions& options) {
  return error_response(
      431, "too_large",
      fmt::format("the header is larger than {} bytes", with_commas(options.header_bytes_max)));
}

Response body_too_large(const HttpOptions& options) {
  return error_response(413, "too_large",
                        fmt::format("the body is larger than {} bytes; send several requests",
                                    with_commas(options.body_bytes_max)));
}

Response not_http(std::string_view why) {
  return error_response(400, "invalid_argument",
                        fmt::format("the request is not valid HTTP/1.1: {}", why));
}

Response wrong_version() {
  return error_response(505, "unsupported", "this server speaks HTTP/1.1 and HTTP/1.0");
}

std::optional<Response> refusal_of(const beast::error_code& error, bool in_body,
                                   const HttpOptions& options) {
  if (error == asio::error::operation_aborted) {
    const auto limit = in_body ? options.body_timeout : options.header_timeout;
    return error_response(408, "deadline_exceeded",
                          fmt::format("the {} did not arrive within {} ms; send it again",
                                      in_body ? "body" : "header", limit.count()));
  }
  if (error == bhttp::error::partial_message || error == bhttp::error::end_of_stream) {
    return error_response(400, "invalid_argument",
                          fmt::format("the {} ended early: the connection was closed before all "
                                      "of it was sent; nothing was done",
                                      in_body ? "body" : "header"));
  }
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return header_too_large(options);
  }
  if (error == bhttp::error::body_limit) return body_too_large(options);
  if (error == bhttp::error::bad_version) return wrong_version();
  if (error.category() == beast::error_code(bhttp::error::bad_method).category()) {
    return not_http(error.message());
  }
  return {};
}

std::optional<Response> framing_refusal(const Parser& parser) {
  const auto& header = parser.get();
  if (header.version() != http_1_0 && header.version() != http_1_1) {
    return wrong_version();
  }
  std::string wrong = wrong_with_length(header);
  for (const auto field : singular) {
    if (wrong.empty() && header.count(field) > 1) {
      wrong = fmt::format("{} is given twice; send one", to_string(bhttp::to_string(field)));
    }
  }
  if (wrong.empty() && header.version() == http_1_1 && header[bhttp::field::host].empty()) {
    wrong = "there is no Host; send the name that the address has";
  }
  if (wrong.empty()) return {};
  return error_response(400, "invalid_argument", wrong);
}

Request head_of(const Parser& parser) {
  const auto& message = parser.get();
  Request request;
  request.method = to_string(message.method_string());
  request.target = to_string(message.target());
  request.authorization = to_string(message[bhttp::field::authorization]);
  request.accept = to_string(message[bhttp::field::accept]);
  request.host = to_string(message[bhttp::field::host]);
  request.origin = to_string(message[bhttp::field::origin]);
  request.content_encoding = to_string(message[bhttp::field::content_encoding]);
  request.websocket_version = to_string(message[bhttp::field::sec_websocket_version]);
  request.websocket_key = to_string(message[bhttp::field::sec_websocket_key]);
  request.has_length = message.has_content_length() || message.chunked();
  const auto length = parser.content_length();
  request.has_body = message.chunked() || (length && *length > 0);
  if (length) request.body_bytes = *length;
  request.upgrade = message.version() == http_1_1 &&
                    bhttp::token_list(message[bhttp::field::connection]).exists("upgrade") &&
                    bhttp::token_list(message[bhttp::field::upgrade]).exists("websocket");
  return request;
}

void set_fields(bhttp::fields& fields, const Response& response) {
  fields.set(bhttp::field::server, "hunt");
  fields.set(bhttp::field::content_type, response.content_type);
  fields.set(bhttp::field::cache_control, "no-store");
  fields.set("X-Content-Type-Options", "nosniff");
  if (response.content_type.starts_with("text/html")) {
    fields.set("Content-Security-Policy",
               "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
               "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
               "frame-ancestors 'none'");
    fields.set("Referrer-Policy", "no-referrer");
  }
  for (const auto& [name, value] : response.headers) fields.set(name, value);
}

void append_response(std::string& out, const Response& response, bool keep_alive) {
  const auto reason = bhttp::obsolete_reason(static_cast<bhttp::status>(response.status));
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nServer: hunt\r\nContent-Type: {}\r\n",
                 response.status, std::string_view(reason.data(), reason.size()),
                 response.content_type);
  out += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
  for (const auto& [name, value] : response.headers) {
    fmt::format_to(std::back_inserter(out), "{}: {}\r\n", name, value);
  }
  if (!keep_alive) out += "Connection: close\r\n";
  fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n\r\n", response.body.size());
  out += response.body;
}

std::string closing_text(const Response& response) {
  const auto reason = bhttp::obsolete_reason(static_cast<bhttp::status>(response.status));
  return fmt::format(
      "HTTP/1.1 {} {}\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      response.status, to_string(reason), response.body.size(), response.body);
}

}  // namespace hunt::http
