#include "adapters/http/client.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <exception>
#include <optional>

#include "adapters/http/address.h"
#include "adapters/http/event.h"
#include "base/text.h"

namespace hunt::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;

constexpr std::uint64_t response_bytes_max = 64 * 1'024 * 1'024;

struct Exchange {
  std::string url;
  HostPort address;
  bhttp::request<bhttp::string_body> request;
  std::chrono::milliseconds timeout;
  std::optional<Result<HttpResponse>> result;
};

tl::unexpected<Error> failed(const Exchange& exchange, std::string_view what,
                             const beast::error_code& error, Errc code) {
  if (error == beast::error::timeout) {
    return fail(
        code == Errc::unknown_outcome ? code : Errc::deadline_exceeded,
        fmt::format("{} did not {} within {} ms", exchange.url, what, exchange.timeout.count()));
  }
  if (error == bhttp::error::body_limit) {
    return fail(Errc::too_large, fmt::format("{} answered with more than {} bytes", exchange.url,
                                             with_commas(response_bytes_max)));
  }
  return fail(code, fmt::format("{} did not {}: {}; is the server running there?", exchange.url,
                                what, error.message()));
}

asio::awaitable<Result<HttpResponse>> run(Exchange& exchange) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  const auto [resolve_error, endpoints] = co_await resolver.async_resolve(
      exchange.address.host, std::to_string(exchange.address.port), as_result);
  if (resolve_error) {
    co_return failed(exchange, "resolve", resolve_error, Errc::unavailable);
  }
  beast::tcp_stream stream(executor);
  stream.expires_after(exchange.timeout);
  const auto [connect_error, endpoint] = co_await stream.async_connect(endpoints, as_result);
  if (connect_error) co_return failed(exchange, "connect", connect_error, Errc::unavailable);
  // A server may answer and close before it has read everything, so a failed write still reads.
  const auto [write_error, written] =
      co_await bhttp::async_write(stream, exchange.request, as_result);
  beast::flat_buffer buffer;
  bhttp::response_parser<bhttp::string_body> parser;
  parser.body_limit(response_bytes_max);
  parser.skip(exchange.request.method() == bhttp::verb::head);
  const auto [read_error, read] = co_await bhttp::async_read(stream, buffer, parser, as_result);
  if (read_error) {
    co_return failed(exchange, "answer", write_error ? write_error : read_error,
                     Errc::unknown_outcome);
  }
  HttpResponse response;
  response.status = parser.get().result_int();
  const auto type = parser.get()[bhttp::field::content_type];
  response.content_type.assign(type.data(), type.size());
  response.body = std::move(parser.get().body());
  co_return response;
}

}  // namespace

Result<HttpResponse> http_request(std::string_view url, std::string_view method,
                                  std::string_view target, std::string body, std::string_view token,
                                  std::chrono::milliseconds timeout, std::string_view type) {
  HUNT_TRY(address, parse_address(url, Scheme::http));
  constexpr unsigned http_1_1 = 11;
  Exchange exchange{std::string(url), std::move(address), {}, timeout, {}};
  auto& request = exchange.request;
  request.version(http_1_1);
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.set(bhttp::field::host, exchange.address.shown());
  request.set(bhttp::field::user_agent, "hunt");
  if (!token.empty()) request.set(bhttp::field::authorization, fmt::format("Bearer {}", token));
  if (!body.empty()) request.set(bhttp::field::content_type, {type.data(), type.size()});
  request.body() = std::move(body);
  request.prepare_payload();
  request.keep_alive(false);
  try {
    asio::io_context loop;
    std::exception_ptr failure;
    asio::co_spawn(
        loop, [&exchange]() -> asio::awaitable<void> { exchange.result = co_await run(exchange); },
        [&failure](std::exception_ptr thrown) { failure = thrown; });
    loop.run();
    if (failure) std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    return fail(Errc::unavailable, fmt::format("{}: {}", exchange.url, error.what()));
  }
  HUNT_ASSERT(exchange.result.has_value());
  return std::move(*exchange.result);
}

Error error_of(const HttpResponse& response) {
  Error error;
  switch (response.status) {
    case 400:
    case 403:  // the server is not called so: --allow-host is told, and no token helps
      error.code = Errc::invalid_argument;
      break;
    case 401:
      error.code = Errc::unauthorized;
      break;
    case 404:
      error.code = Errc::not_found;
      break;
    case 409:
      error.code = Errc::already_exists;
      break;
    case 413:
      error.code = Errc::too_large;
      break;
    case 429:
      error.code = Errc::overloaded;
      break;
    case 503:
      error.code = Errc::unavailable;
      break;
    default:
      error.code = Errc::internal;
  }
  error.message = fmt::format("the server answered with status {}", response.status);
  boost::json::error_code failure;
  const auto document = boost::json::parse(response.body, failure);
  if (failure || !document.is_object()) return error;
  const auto* told = document.as_object().if_contains("error");
  if (told == nullptr || !told->is_object()) return error;
  const auto text = [&told](std::string_view name) -> std::string {
    const auto* value = told->as_object().if_contains({name.data(), name.size()});
    if (value == nullptr || !value->is_string()) return {};
    return {value->as_string().data(), value->as_string().size()};
  };
  if (auto message = text("message"); !message.empty()) error.message = std::move(message);
  error.field = text("field");
  return error;
}

}  // namespace hunt::http
