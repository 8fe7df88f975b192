#include "gateway/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <ctime>
#include <exception>
#include <list>
#include <utility>

#include "adapters/http/http_wire.h"
#include "base/log.h"
#include "base/random_bytes.h"
#include "base/text.h"
#include "base/url.h"
#include "gateway/metrics.h"

namespace hunt::gateway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::awaitable;
using asio::ip::tcp;
using data_api::Failure;
using SteadyClock = std::chrono::steady_clock;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t header_bytes_max = 16 * 1'024;
constexpr std::size_t buffer_bytes = 16 * 1'024;
// Bodies that are read or answered now; smaller ones than this are not counted.
constexpr std::uint64_t bodies_bytes_max = 64 * 1'024 * 1'024;
constexpr std::uint64_t uncounted_bytes = 16 * 1'024;
constexpr std::chrono::milliseconds tick(250);
constexpr std::chrono::milliseconds accept_pause(20);
constexpr std::chrono::seconds drain_max(10);
// An SDK that obeys waits so long before it sends what was refused again.
constexpr const char* retry_after_seconds = "2";

constexpr std::array<std::string_view, 3> once = {"x-amz-date", "x-amz-security-token",
                                                  "x-amz-content-sha256"};

struct Client {
  explicit Client(tcp::socket accepted) : socket(std::move(accepted)), buffer(buffer_bytes) {}
  tcp::socket socket;
  beast::flat_buffer buffer;
  SteadyClock::time_point deadline = SteadyClock::time_point::max();
  bool begun = false;            // a request has begun to come, or is answered
  std::uint64_t body_bytes = 0;  // counted for its body
};

template <class Text>
std::string_view view(const Text& text) {
  return {text.data(), text.size()};
}

std::string request_id() {
  const std::string hex = to_hex(random_bytes<16>());
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7).
std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text, length};
}

using Message = bhttp::response<bhttp::string_body>;

Message message_of(unsigned status, std::string body, std::string_view type) {
  Message message(static_cast<bhttp::status>(status), 11);
  message.set(bhttp::field::content_type, beast::string_view(type.data(), type.size()));
  message.set("x-amzn-RequestId", request_id());
  message.set(bhttp::field::date, http_date());  // SDKs set their clocks by it
  message.body() = std::move(body);
  return message;
}

Message message_of(unsigned status, std::string body, Failure failure) {
  auto message = message_of(status, std::move(body), "application/json");
  const auto name = data_api::kind_of(failure).name;
  message.set("x-amzn-ErrorType", beast::string_view(name.data(), name.size()));
  if (failure == Failure::service_unavailable || failure == Failure::database_unavailable) {
    message.set(bhttp::field::retry_after, retry_after_seconds);
  }
  return message;
}

Message refusal(Failure failure, std::string text) {
  const data_api::Refusal refused{failure, std::move(text)};
  return message_of(data_api::kind_of(failure).status, data_api::body_of(refused), failure);
}

// What adapters/http says of a request that is no proper HTTP, in the words of this wire.
Message refusal(const http::Response& response) {
  boost::system::error_code ignored;
  const auto said = boost::json::parse(response.body, ignored);
  const auto* text = ignored ? nullptr : said.find_pointer("/error/message", ignored);
  const std::string words = text == nullptr || !text->is_string()
                                ? "the request is not valid HTTP/1.1"
                                : std::string(view(text->get_string()));
  return message_of(response.status, data_api::body_of({Failure::bad_request, words}),
                    Failure::bad_request);
}

// The SDK says "attempt=2; max=3" when it sends something again.
bool is_repeat(const http::Parser& parser) {
  const auto said = view(parser.get()["amz-sdk-request"]);
  constexpr std::string_view word = "attempt=";
  const auto at = said.find(word);
  if (at == std::string_view::npos) return false;
  const auto number = said.substr(at + word.size());
  return !number.empty() && number != "1" && !number.starts_with("1;");
}

data_api::WireRequest request_of(const http::Parser& parser) {
  const auto& message = parser.get();
  data_api::WireRequest request;
  request.method = view(message.method_string());
  const auto target = view(message.target());
  const auto query = std::min(target.find('?'), target.size());
  request.path = target.substr(0, query);
  if (query < target.size()) request.query = target.substr(query + 1);
  for (const auto& field : message) {
    request.headers.emplace_back(view(field.name_string()), view(field.value()));
  }
  request.body = message.body();
  return request;
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, Gateway& gateway, const Options& options)
      : io_(io), gateway_(gateway), options_(options), acceptor_(io), timer_(io) {}

  Result<std::uint16_t> listen();
  void start();
  void stop();

 private:
  void spawn(awaitable<void> work);
  awaitable<void> accept(std::shared_ptr<Impl> self);
  awaitable<void> sweep(std::shared_ptr<Impl> self);
  awaitable<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<Client> client);
  awaitable<bool> serve_one(Client& client);
  awaitable<bool> read(Client& client, http::Parser& parser, std::optional<Message>& refused);
  awaitable<Message> answer(const http::Parser& parser);
  awaitable<bool> send(Client& client, Message message, bool keep_alive);
  std::optional<Message> refusal_of_header(const http::Parser& parser) const;
  bool names_a_key(const http::Parser& parser) const;
  Message probe(std::string_view path) const;

  asio::io_context& io_;
  Gateway& gateway_;
  const Options& options_;
  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  std::list<std::shared_ptr<Client>> clients_;
  std::uint64_t bodies_bytes_ = 0;
  bool stopping_ = false;
  SteadyClock::time_point stops_at_ = SteadyClock::time_point::max();
};

Result<std::uint16_t> Server::Impl::listen() {
  const std::string shown = HostPort{options_.host, options_.port}.shown();
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
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) return acceptor_.local_endpoint().port();
  return fail(Errc::io,
              fmt::format("cannot listen on {}: {}; choose another with --listen HOST:PORT (port 0 "
                          "picks a free one)",
                          shown, error.message()),
              "listen");
}

void Server::Impl::spawn(awaitable<void> work) {
  asio::co_spawn(io_, std::move(work), [](std::exception_ptr failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log(LogLevel::error, "http", fmt::format("an HTTP connection ended with: {}", error.what()));
    }
  });
}

void Server::Impl::start() {
  gateway_.look(SteadyClock::now());  // is somebody there?
  spawn(accept(shared_from_this()));
  spawn(sweep(shared_from_this()));
}

void Server::Impl::stop() {
  stopping_ = true;
  stops_at_ = SteadyClock::now() + drain_max;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  for (const auto& client : clients_) {
    if (!client->begun) client->socket.cancel(ignored);
  }
  timer_.cancel();
}

awaitable<void> Server::Impl::accept(std::shared_ptr<Impl> self) {
  asio::steady_timer pause(io_);
  while (!self->stopping_) {
    if (clients_.size() >= options_.clients_max) {  // others stay in the backlog
      pause.expires_after(accept_pause);
      co_await pause.async_wait(as_result);
      continue;
    }
    auto [error, socket] = co_await acceptor_.async_accept(as_result);
    if (stopping_) co_return;
    if (error) {  // out of descriptors, or the client gave up: neither is worth a busy loop
      pause.expires_after(accept_pause);
      co_await pause.async_wait(as_result);
      continue;
    }
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    spawn(serve(self, std::make_shared<Client>(std::move(socket))));
  }
}

// The only timer of connections: cancels what waits past its deadline.
awaitable<void> Server::Impl::sweep(std::shared_ptr<Impl> self) {
  int ticks = 0;
  while (!self->stopping_ || !clients_.empty()) {
    timer_.expires_after(tick);
    co_await timer_.async_wait(as_result);
    const auto now = SteadyClock::now();
    const bool all = stops_at_ <= now;
    for (const auto& client : clients_) {
      boost::system::error_code ignored;
      const bool idle = stopping_ && !client->begun;
      if (client->deadline <= now || idle || all) client->socket.cancel(ignored);
    }
    if (++ticks % 4 == 0) gateway_.look(now);
    if (all) gateway_.close();
  }
  gateway_.close();
}

awaitable<void> Server::Impl::serve(std::shared_ptr<Impl> self, std::shared_ptr<Client> client) {
  const auto place = self->clients_.insert(self->clients_.end(), client);
  try {
    for (bool open = true; open;) {
      open = co_await serve_one(*client);
      bodies_bytes_ -= std::exchange(client->body_bytes, 0);
    }
  } catch (const std::exception& error) {
    log(LogLevel::error, "http", fmt::format("a request ended with: {}", error.what()));
  }
  bodies_bytes_ -= client->body_bytes;
  clients_.erase(place);
  boost::system::error_code ignored;
  client->socket.shutdown(tcp::socket::shutdown_both, ignored);
}

bool Server::Impl::names_a_key(const http::Parser& parser) const {
  const auto said = data_api::read_authorization(view(parser.get()[bhttp::field::authorization]));
  return said && options_.keys.access_keys.contains(said->access_key);
}

std::optional<Message> Server::Impl::refusal_of_header(const http::Parser& parser) const {
  if (const auto wrong = http::framing_refusal(parser)) return refusal(*wrong);
  const auto& header = parser.get();
  for (const auto name : once) {
    if (header.count(beast::string_view(name.data(), name.size())) > 1) {
      return refusal(Failure::incomplete_signature, fmt::format("{} is given twice", name));
    }
  }
  if (parser.chunked()) {
    return refusal(Failure::bad_request, "Transfer-Encoding is not taken; send Content-Length");
  }
  const auto length = parser.content_length();
  if (length && *length > data_api::request_bytes_max) {
    return refusal(Failure::request_too_large,
                   fmt::format("The request is larger than {} bytes",
                               with_commas(data_api::request_bytes_max)));
  }
  if (length && *length > uncounted_bytes && !names_a_key(parser)) {
    // Before there is room made for it; small ones are told exactly why.
    return refusal(Failure::unrecognized_client,
                   "The security token included in the request is invalid.");
  }
  if (length && *length > uncounted_bytes && bodies_bytes_ + *length > bodies_bytes_max) {
    return refusal(Failure::service_unavailable,
                   "The bodies of other requests fill the memory there is for them; try later");
  }
  return {};
}

// False: the other side has gone. A refusal ends the connection, as its body was not read.
awaitable<bool> Server::Impl::read(Client& client, http::Parser& parser,
                                   std::optional<Message>& refused) {
  parser.header_limit(header_bytes_max);
  parser.body_limit(boost::none);
  auto [error, count] =
      co_await bhttp::async_read_header(client.socket, client.buffer, parser, as_result);
  if (!error) {
    refused = refusal_of_header(parser);
    if (refused || parser.is_done()) co_return true;
    const std::uint64_t length = parser.content_length().value_or(0);
    client.body_bytes = length > uncounted_bytes ? length : 0;
    bodies_bytes_ += client.body_bytes;
    if (beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(client.socket, asio::buffer(go_on), as_result);
    }
    std::tie(error, count) =
        co_await bhttp::async_read(client.socket, client.buffer, parser, as_result);
  }
  if (!error) co_return true;
  if (stopping_ || !parser.got_some()) co_return false;
  http::HttpOptions limits;
  limits.header_bytes_max = header_bytes_max;
  limits.header_timeout = limits.body_timeout = options_.client_slow_max;
  if (const auto wrong = http::refusal_of(error, parser.is_header_done(), limits)) {
    refused = refusal(*wrong);
  }
  co_return refused.has_value();
}

Message Server::Impl::probe(std::string_view path) const {
  constexpr std::string_view text = "text/plain; charset=utf-8";
  if (path == "/livez") return message_of(200, "alive\n", text);
  if (path == "/metrics") {
    return message_of(200, metrics_text(gateway_, clients_.size()), "text/plain; version=0.0.4");
  }
  const std::string why = stopping_ ? "it is stopping" : gateway_.not_ready();
  return why.empty() ? message_of(200, "ready\n", text) : message_of(503, why + "\n", text);
}

awaitable<Message> Server::Impl::answer(const http::Parser& parser) {
  auto request = request_of(parser);
  const bool looks = request.method == "GET";
  if (looks &&
      (request.path == "/livez" || request.path == "/readyz" || request.path == "/metrics")) {
    co_return probe(request.path);
  }
  auto reply = co_await gateway_.answer(std::move(request), is_repeat(parser));
  if (!reply.failure) co_return message_of(200, std::move(reply.body), "application/json");
  const unsigned status = data_api::kind_of(*reply.failure).status;
  co_return message_of(status, std::move(reply.body), *reply.failure);
}

awaitable<bool> Server::Impl::send(Client& client, Message message, bool keep_alive) {
  message.keep_alive(keep_alive);
  message.prepare_payload();
  client.deadline = SteadyClock::now() + options_.client_slow_max;
  const auto [error, count] = co_await bhttp::async_write(client.socket, message, as_result);
  co_return !error && keep_alive;
}

awaitable<bool> Server::Impl::serve_one(Client& client) {
  if (client.buffer.size() == 0) {
    client.begun = false;
    client.deadline = SteadyClock::now() + options_.client_idle_max;
    if (stopping_) co_return false;
    const auto [error] = co_await client.socket.async_wait(tcp::socket::wait_read, as_result);
    if (error) co_return false;
  }
  client.begun = true;
  client.deadline = SteadyClock::now() + options_.client_slow_max;
  http::Parser parser;
  std::optional<Message> refused;
  if (!co_await read(client, parser, refused)) co_return false;
  if (refused) {
    co_await send(client, std::move(*refused), false);
    // What is still under way would make a reset of the answer: it is read for a moment.
    boost::system::error_code ignored;
    client.socket.shutdown(tcp::socket::shutdown_send, ignored);
    client.deadline = SteadyClock::now() + std::chrono::seconds(1);
    for (boost::system::error_code error; !error && client.deadline > SteadyClock::now();) {
      client.buffer.clear();
      const auto space = client.buffer.prepare(buffer_bytes);
      const auto [failed, count] = co_await client.socket.async_read_some(space, as_result);
      error = failed;
    }
    co_return false;
  }
  client.deadline = SteadyClock::time_point::max();  // the gateway has its own
  auto message = co_await answer(parser);
  message.version(parser.get().version());  // HTTP/1.0 is told of keep-alive in other words
  const bool is_head = parser.get().method() == bhttp::verb::head;
  if (is_head) message.body().clear();  // what follows a HEAD would be taken for the next answer
  const bool keep_alive = parser.get().keep_alive() && !stopping_;
  co_return co_await send(client, std::move(message), keep_alive);
}

Server::Server(asio::io_context& io, Gateway& gateway, const Options& options)
    : impl_(std::make_shared<Impl>(io, gateway, options)) {}
Server::~Server() = default;

Result<std::uint16_t> Server::listen() {
  return impl_->listen();
}
void Server::start() {
  impl_->start();
}
void Server::stop() {
  impl_->stop();
}

}  // namespace hunt::gateway
