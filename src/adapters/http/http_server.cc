#include "adapters/http/http_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>
#include <set>
#include <sstream>

#include "adapters/http/claim_feed.h"
#include "adapters/http/stream_session.h"
#include "base/text.h"

namespace hunt::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::awaitable;
using asio::ip::tcp;
using SteadyClock = std::chrono::steady_clock;
using Parser = bhttp::request_parser<bhttp::string_body>;

// Completion as (error, value): what the other side does to a connection is no exception.
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// After a refusal the rest of a request is read and dropped this long, so that the client reads the
// answer instead of a reset.
constexpr std::chrono::milliseconds linger_max{1'000};
constexpr std::size_t read_bytes = 16 * 1'024;

struct Connection {
  explicit Connection(tcp::socket accepted) : socket(std::move(accepted)) {}
  tcp::socket socket;
  beast::flat_buffer buffer{128 * 1'024};
  SteadyClock::time_point deadline = SteadyClock::time_point::max();
  bool idle = false;
};

// What a read error deserves: a response, or nothing when the other side has gone.
std::optional<Response> refusal_of(const beast::error_code& error, bool in_body,
                                   const HttpOptions& options) {
  if (error == asio::error::operation_aborted) {
    const auto limit = in_body ? options.body_timeout : options.header_timeout;
    return error_response(408, "deadline_exceeded",
                          fmt::format("the {} did not arrive within {} ms; send it again",
                                      in_body ? "body" : "header", limit.count()));
  }
  if (error == bhttp::error::partial_message) {
    return error_response(400, "invalid_argument",
                          fmt::format("the {} ended early: the connection was closed before all "
                                      "of it was sent; nothing was done",
                                      in_body ? "body" : "header"));
  }
  if (error == bhttp::error::header_limit || error == bhttp::error::buffer_overflow) {
    return error_response(
        431, "too_large",
        fmt::format("the header is larger than {} bytes", with_commas(options.header_bytes_max)));
  }
  if (error == bhttp::error::body_limit) {
    return error_response(413, "too_large",
                          fmt::format("the body is larger than {} bytes; send several requests",
                                      with_commas(options.body_bytes_max)));
  }
  if (error.category() == beast::error_code(bhttp::error::bad_method).category()) {
    return error_response(400, "invalid_argument",
                          fmt::format("the request is not valid HTTP/1.1: {}", error.message()));
  }
  return {};
}

// What Beast lets through and two parsers in a row could read differently (RFC 9112, 6.3).
std::optional<Response> framing_refusal(const Parser& parser) {
  const auto& header = parser.get();
  const auto count_lengths = header.count(bhttp::field::content_length);
  const bool listed = count_lengths == 1 &&
                      header[bhttp::field::content_length].find(',') != beast::string_view::npos;
  const auto encodings = header.count(bhttp::field::transfer_encoding);
  const char* wrong = nullptr;
  if (count_lengths > 1 || listed) {
    wrong = "Content-Length is given twice; send one";
  } else if (encodings != 0 && count_lengths != 0) {
    wrong = "Content-Length and Transfer-Encoding exclude each other; send one";
  } else if (encodings > 1 ||
             (encodings == 1 &&
              !beast::iequals(header[bhttp::field::transfer_encoding], "chunked"))) {
    wrong = "the only Transfer-Encoding taken is chunked";
  }
  if (wrong == nullptr) return {};
  return error_response(400, "invalid_argument", wrong);
}

template <class Text>
std::string to_string(const Text& text) {
  return std::string(text.data(), text.size());
}

Request to_request(Parser& parser) {
  auto& message = parser.get();
  Request request;
  request.method = to_string(message.method_string());
  request.target = to_string(message.target());
  request.authorization = to_string(message[bhttp::field::authorization]);
  request.accept = to_string(message[bhttp::field::accept]);
  request.host = to_string(message[bhttp::field::host]);
  request.origin = to_string(message[bhttp::field::origin]);
  request.user_agent = to_string(message[bhttp::field::user_agent]);
  request.has_length = message.has_content_length() || message.chunked();
  request.upgrade = beast::websocket::is_upgrade(message);
  request.body = std::move(message.body());
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

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& lane, Ports ports, HttpOptions options)
      : lane_(lane),
        ports_(std::move(ports)),
        options_(std::move(options)),
        acceptor_(lane),
        tick_(lane),
        feed_(ports_.ledgers.size()) {}

  Result<std::uint16_t> listen();
  void start();
  void stop();
  void on_claims(const std::vector<model::ClaimEvent>& events);
  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }
  [[nodiscard]] asio::io_context& lane() noexcept { return lane_; }

 private:
  void spawn(awaitable<void> work);
  awaitable<void> accept(std::shared_ptr<Impl> self);
  awaitable<void> sweep(std::shared_ptr<Impl> self);
  awaitable<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<Connection> connection);
  // One request and its response; false when the connection ends.
  awaitable<bool> serve_one(Connection& connection);
  awaitable<bool> wait_for_request(Connection& connection);
  awaitable<bool> stream(Connection& connection, Parser& parser, StreamStart start);
  awaitable<bool> send(Connection& connection, Response response, unsigned version, bool head_only,
                       bool keep_alive);
  awaitable<bool> refuse(Connection& connection, Response response);
  awaitable<Response> answer(Request request);
  void turn_away(tcp::socket socket);

  static void expire_after(Connection& connection, std::chrono::milliseconds limit) {
    connection.deadline = SteadyClock::now() + limit;
  }

  asio::io_context& lane_;
  Ports ports_;
  HttpOptions options_;
  tcp::acceptor acceptor_;
  asio::steady_timer tick_;
  std::unique_ptr<Api> api_;
  std::set<Connection*> connections_;  // those that serve() runs for; order does not matter
  std::set<StreamSession*> streams_;   // of them, those that became a WebSocket
  ClaimFeed feed_;
  bool stopping_ = false;
};

Result<std::uint16_t> HttpServer::Impl::listen() {
  const std::string shown = fmt::format("{}:{}", options_.host, options_.port);
  boost::system::error_code error;
  const auto address =
      asio::ip::make_address(options_.host == "localhost" ? "127.0.0.1" : options_.host, error);
  if (error) {
    return fail(Errc::invalid_argument,
                fmt::format("cannot listen on {}: \"{}\" is not an IP address; use 127.0.0.1 for "
                            "this machine alone or 0.0.0.0 for every network",
                            shown, printable(options_.host)),
                "listen");
  }
  const auto give_up = [&]() -> tl::unexpected<Error> {
    std::string advice = "choose another with --listen HOST:PORT";
    if (error == asio::error::address_in_use) {
      advice = "another program (perhaps another hunt) holds the port: stop it, or " + advice +
               " (port 0 picks a free one)";
    } else if (error == asio::error::access_denied) {
      advice = "ports below 1024 need root: " + advice;
    } else if (error == boost::system::errc::address_not_available) {
      advice = "this machine does not have that address: " + advice;
    }
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    return fail(Errc::io,
                fmt::format("cannot listen on {}: {}; {}", shown, error.message(), advice),
                "listen");
  };
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (error) return give_up();
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return give_up();
  api_ = std::make_unique<Api>(ports_, options_, address.is_loopback());
  return acceptor_.local_endpoint().port();
}

void HttpServer::Impl::spawn(awaitable<void> work) {
  asio::co_spawn(lane_, std::move(work), [](std::exception_ptr failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "hunt: an HTTP connection ended with: %s\n", error.what());
    }
  });
}

void HttpServer::Impl::start() {
  HUNT_ASSERT(api_ != nullptr);
  spawn(accept(shared_from_this()));
  spawn(sweep(shared_from_this()));
}

void HttpServer::Impl::stop() {
  stopping_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (auto* connection : connections_) {
    if (connection->idle) connection->socket.cancel(ignored);
  }
  for (auto* session : streams_) session->stop();
  tick_.cancel();
}

void HttpServer::Impl::on_claims(const std::vector<model::ClaimEvent>& events) {
  feed_.add(events, SteadyClock::now().time_since_epoch() / std::chrono::nanoseconds(1));
  for (auto* session : streams_) session->on_claims(events);
}

awaitable<void> HttpServer::Impl::accept(std::shared_ptr<Impl> self) {
  while (!stopping_) {
    auto [error, socket] = co_await acceptor_.async_accept(as_result);
    if (stopping_) co_return;
    if (error) {
      // Out of descriptors, or the client gave up: neither is worth a busy loop.
      asio::steady_timer pause(lane_);
      pause.expires_after(std::chrono::milliseconds(20));
      co_await pause.async_wait(as_result);
      continue;
    }
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (connections_.size() >= options_.connections_max) {
      turn_away(std::move(socket));
      continue;
    }
    auto connection = std::make_shared<Connection>(std::move(socket));
    connections_.insert(connection.get());
    spawn(serve(self, std::move(connection)));
  }
}

// Says why without waiting: what does not fit into the socket's buffer is lost.
void HttpServer::Impl::turn_away(tcp::socket socket) {
  const auto refusal = error_response(
      503, "overloaded",
      fmt::format("{} connections are open, which is the limit; reuse them or try later",
                  with_commas(options_.connections_max)));
  const std::string text = fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      refusal.body.size(), refusal.body);
  boost::system::error_code ignored;
  std::array<char, 4'096> unread;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  socket.read_some(asio::buffer(unread), ignored);
}

// The only timer: cancels what waits past its deadline, again each tick until it gives in.
awaitable<void> HttpServer::Impl::sweep(std::shared_ptr<Impl> self) {
  const auto shortest =
      std::min({options_.header_timeout, options_.body_timeout, options_.idle_timeout});
  const auto period =
      std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
  while (!self->stopping_ || !connections_.empty()) {
    tick_.expires_after(period);
    co_await tick_.async_wait(as_result);
    const auto now = SteadyClock::now();
    for (auto* connection : connections_) {
      boost::system::error_code ignored;
      const bool leaving = stopping_ && connection->idle;
      if (leaving || connection->deadline <= now) connection->socket.cancel(ignored);
    }
  }
}

awaitable<void> HttpServer::Impl::serve(std::shared_ptr<Impl> self,
                                        std::shared_ptr<Connection> connection) {
  // Leaves the set however the coroutine ends.
  struct Membership {
    Impl& impl;
    Connection* connection;
    Membership(Impl& server, Connection* member) : impl(server), connection(member) {}
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;
    ~Membership() { impl.connections_.erase(connection); }
  };
  const Membership membership(*self, connection.get());
  bool open = true;
  while (open) open = co_await serve_one(*connection);
  boost::system::error_code ignored;
  connection->socket.shutdown(tcp::socket::shutdown_both, ignored);
}

awaitable<bool> HttpServer::Impl::wait_for_request(Connection& connection) {
  if (connection.buffer.size() != 0) co_return true;  // pipelined
  if (stopping_) co_return false;
  connection.idle = true;
  expire_after(connection, options_.idle_timeout);
  const auto space = connection.buffer.prepare(read_bytes);
  const auto [error, count] = co_await connection.socket.async_read_some(space, as_result);
  connection.idle = false;
  if (error) co_return false;
  connection.buffer.commit(count);
  co_return true;
}

awaitable<bool> HttpServer::Impl::serve_one(Connection& connection) {
  if (!co_await wait_for_request(connection)) co_return false;
  auto& socket = connection.socket;
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(options_.header_bytes_max));
  parser.body_limit(options_.body_bytes_max);
  expire_after(connection, options_.header_timeout);
  const auto [header_error, header_bytes] =
      co_await bhttp::async_read_header(socket, connection.buffer, parser, as_result);
  std::optional<Response> refusal;
  if (header_error) {
    refusal = refusal_of(header_error, false, options_);
    if (!refusal) co_return false;
  } else {
    refusal = framing_refusal(parser);
  }
  if (refusal) co_return co_await refuse(connection, std::move(*refusal));

  expire_after(connection, options_.body_timeout);
  if (beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto text = asio::buffer(go_on);
    const auto [error, count] = co_await asio::async_write(socket, text, as_result);
    if (error) co_return false;
  }
  const auto [body_error, body_bytes] =
      co_await bhttp::async_read(socket, connection.buffer, parser, as_result);
  if (body_error) {
    refusal = refusal_of(body_error, true, options_);
    if (!refusal) co_return false;
    co_return co_await refuse(connection, std::move(*refusal));
  }

  connection.deadline = SteadyClock::time_point::max();  // the ports have their own deadlines
  const unsigned version = parser.get().version();
  const bool head_only = parser.get().method() == bhttp::verb::head;
  const bool keep_alive = parser.get().keep_alive();
  auto response = co_await answer(to_request(parser));
  if (response.stream) co_return co_await stream(connection, parser, *response.stream);
  co_return co_await send(connection, std::move(response), version, head_only,
                          keep_alive && !stopping_);
}

// The connection goes on as a WebSocket until that ends.
awaitable<bool> HttpServer::Impl::stream(Connection& connection, Parser& parser,
                                         StreamStart start) {
  if (stopping_) co_return false;
  std::ostringstream received;
  received << parser.get().base() << beast::buffers_to_string(connection.buffer.data());
  const StreamPorts ports{*api_, ports_.ledgers, feed_, options_};
  const auto session =
      make_stream_session(std::move(connection.socket), ports, start, std::move(received).str());
  struct Membership {
    std::set<StreamSession*>& streams;
    StreamSession* session;
    Membership(std::set<StreamSession*>& all, StreamSession* member)
        : streams(all), session(member) {
      streams.insert(session);
    }
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;
    ~Membership() { streams.erase(session); }
  };
  const Membership membership(streams_, session.get());
  co_await session->run();
  co_return false;
}

awaitable<Response> HttpServer::Impl::answer(Request request) {
  std::string failure;
  try {
    co_return co_await api_->handle(std::move(request));
  } catch (const std::exception& error) {
    failure = error.what();
  }
  co_return error_response(500, "internal", "this is a bug, please report it: " + failure);
}

awaitable<bool> HttpServer::Impl::send(Connection& connection, Response response, unsigned version,
                                       bool head_only, bool keep_alive) {
  expire_after(connection, options_.body_timeout);
  const auto status = static_cast<bhttp::status>(response.status);
  boost::system::error_code error;
  if (head_only) {
    bhttp::response<bhttp::empty_body> message(status, version);
    set_fields(message, response);
    message.keep_alive(keep_alive);
    message.content_length(response.body.size());
    bhttp::response_serializer<bhttp::empty_body> serializer(message);
    const auto [failure, count] =
        co_await bhttp::async_write_header(connection.socket, serializer, as_result);
    error = failure;
  } else {
    bhttp::response<bhttp::string_body> message(status, version);
    set_fields(message, response);
    message.keep_alive(keep_alive);
    message.body() = std::move(response.body);
    message.prepare_payload();
    const auto [failure, count] =
        co_await bhttp::async_write(connection.socket, message, as_result);
    error = failure;
  }
  co_return !error && keep_alive;
}

// Answers a request that was not read to its end, then reads the rest away for a moment.
awaitable<bool> HttpServer::Impl::refuse(Connection& connection, Response response) {
  constexpr unsigned http_1_1 = 11;
  co_await send(connection, std::move(response), http_1_1, false, false);
  boost::system::error_code ignored;
  connection.socket.shutdown(tcp::socket::shutdown_send, ignored);
  expire_after(connection, linger_max);
  while (SteadyClock::now() < connection.deadline) {
    connection.buffer.clear();
    const auto space = connection.buffer.prepare(read_bytes);
    const auto [error, count] = co_await connection.socket.async_read_some(space, as_result);
    if (error) break;
  }
  co_return false;
}

HttpServer::HttpServer(asio::io_context& lane, Ports ports, HttpOptions options)
    : impl_(std::make_shared<Impl>(lane, ports, std::move(options))) {}
HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::listen() {
  return impl_->listen();
}
void HttpServer::start() {
  impl_->start();
}

void HttpServer::stop() {
  asio::io_context& lane = impl_->lane();
  asio::post(lane, [impl = impl_] { impl->stop(); });
}

void HttpServer::on_claims(const std::vector<model::ClaimEvent>& events) {
  impl_->on_claims(events);
}

std::size_t HttpServer::connections() const noexcept {
  return impl_->connections();
}

}  // namespace hunt::http
