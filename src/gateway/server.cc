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
#include <chrono>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>

#include "adapters/http/connections.h"
#include "adapters/http/http_wire.h"
#include "base/log.h"
#include "base/text.h"
#include "base/url.h"
#include "gateway/messages.h"
#include "gateway/metrics.h"
#include "gateway/why.h"

namespace hunt::gateway {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::awaitable;
using asio::ip::tcp;
using data_api::Failure;
using http::Wait;
using SteadyClock = std::chrono::steady_clock;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t header_bytes_max = 16 * 1'024;
constexpr std::size_t buffer_bytes = 16 * 1'024;
// A body or an answer up to this is not counted: every connection may hold as much.
constexpr std::size_t uncounted_bytes = 4 * 1'024;
// Bytes run short: who has been waited for this long gives way. As long as Connections waits.
constexpr std::chrono::milliseconds patience(1'000);
constexpr std::chrono::milliseconds tick(250);
constexpr std::chrono::milliseconds accept_pause(20);
constexpr std::chrono::milliseconds room_pause(5);
constexpr int room_looks_max = 100;  // half a second: a probe has to be answered within one
constexpr std::chrono::seconds linger_max(1);
constexpr std::chrono::seconds drain_max(10);

constexpr std::array<std::string_view, 3> once = {"x-amz-date", "x-amz-security-token",
                                                  "x-amz-content-sha256"};

// A connection and what has come of it and is not read yet.
struct Client : http::Connection {
  Client(tcp::socket accepted, http::ByteBudget& bodies, http::ByteBudget& answers)
      : Connection(std::move(accepted), bodies, answers), buffer(buffer_bytes) {}
  beast::flat_buffer buffer;
  bool asked = false;  // something, once
};

void expire_after(Client& client, std::chrono::milliseconds limit) {
  client.deadline = SteadyClock::now() + limit;
}

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

// Why it ends, without waiting: what does not fit into the socket's buffer is lost.
void tell(tcp::socket& socket, std::string text) {
  const std::string words = closing_text(refusal(Failure::service_unavailable, std::move(text)));
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(words), ignored);
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, Gateway& gateway, const Options& options)
      : io_(io),
        gateway_(gateway),
        options_(options),
        acceptor_(io),
        timer_(io),
        bodies_(options.bodies_bytes_max),
        answers_(options.answers_bytes_max),
        clients_(options.clients_max, std::min(options.clients_kept, options.clients_max / 4)) {}

  Result<std::uint16_t> listen();
  void start();
  void stop();

 private:
  void spawn(awaitable<void> work);
  awaitable<void> pause(std::chrono::milliseconds time);
  awaitable<void> accept(std::shared_ptr<Impl> self);
  awaitable<void> make_room();
  void turn_away(tcp::socket socket);
  awaitable<void> sweep(std::shared_ptr<Impl> self);
  void look_at(http::Connection& client, SteadyClock::time_point now);
  awaitable<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<Client> client);
  awaitable<bool> serve_one(Client& client);
  awaitable<bool> wait_for_request(Client& client);
  awaitable<bool> read(Client& client, http::Parser& parser, std::optional<Message>& refused);
  awaitable<bool> refuse(Client& client, Message message);
  awaitable<Message> answer(Client& client, const http::Parser& parser);
  awaitable<bool> send(Client& client, Message message, bool keep_alive);
  std::optional<Message> refusal_of_header(const Client& client, const http::Parser& parser);
  std::optional<Message> refusal_of_length(const http::Parser& parser) const;
  std::optional<Message> count_body(Client& client, const http::Parser& parser);
  bool names_a_key(const http::Parser& parser) const;
  Message probe(std::string_view path) const;

  asio::io_context& io_;
  Gateway& gateway_;
  const Options& options_;
  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  http::ByteBudget bodies_;
  http::ByteBudget answers_;
  http::Connections clients_;
  ClientFigures figures_;
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
  // Connections inherit them; without, the kernel keeps megabytes for who does not read.
  const int kept = limits::http_socket_bytes_max;
  if (!error) acceptor_.set_option(asio::socket_base::send_buffer_size(kept), error);
  if (!error) acceptor_.set_option(asio::socket_base::receive_buffer_size(kept), error);
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
  clients_.for_each([](http::Connection& client) {
    boost::system::error_code error;
    if (!client.begun) client.socket.cancel(error);
  });
  timer_.cancel();
}

awaitable<void> Server::Impl::pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(io_, time);
  co_await timer.async_wait(as_result);
}

awaitable<void> Server::Impl::accept(std::shared_ptr<Impl> self) {
  while (!self->stopping_) {
    auto [error, socket] = co_await acceptor_.async_accept(as_result);
    if (stopping_) co_return;
    if (error) {  // out of descriptors, or the client gave up: neither is worth a busy loop
      if (error == asio::error::no_descriptors && clients_.spare_one(SteadyClock::now())) {
        ++figures_.evicted;
      }
      co_await pause(accept_pause);
      continue;
    }
    co_await make_room();
    if (stopping_) co_return;
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    if (clients_.size() >= clients_.count_max()) {
      turn_away(std::move(socket));
      continue;
    }
    auto client = std::make_shared<Client>(std::move(socket), bodies_, answers_);
    clients_.add(*client);
    spawn(serve(self, std::move(client)));
  }
}

// Who is told to leave does so within moments; a burst of newcomers waits for that in the backlog.
awaitable<void> Server::Impl::make_room() {
  for (int looks = 0; looks < room_looks_max && !stopping_; ++looks) {
    if (clients_.full() && clients_.spare_one(SteadyClock::now())) ++figures_.evicted;
    if (clients_.size() < clients_.count_max()) co_return;
    co_await pause(room_pause);
  }
}

void Server::Impl::turn_away(tcp::socket socket) {
  ++figures_.turned_away;
  tell(socket, fmt::format("{} connections are open, which is the limit; reuse them or try later",
                           with_commas(clients_.size())));
  boost::system::error_code ignored;
  std::array<char, 4'096> unread;
  socket.shutdown(tcp::socket::shutdown_send, ignored);
  socket.read_some(asio::buffer(unread), ignored);
}

// The only timer of connections: cancels what waits past its deadline.
awaitable<void> Server::Impl::sweep(std::shared_ptr<Impl> self) {
  int ticks = 0;
  while (!self->stopping_ || clients_.size() > 0) {
    timer_.expires_after(tick);
    co_await timer_.async_wait(as_result);
    const auto now = SteadyClock::now();
    clients_.for_each([this, now](http::Connection& client) { look_at(client, now); });
    figures_.withheld += bodies_.relieve(now, patience) + answers_.relieve(now, patience);
    if (++ticks % 4 == 0) gateway_.look(now);
    if (stops_at_ <= now) gateway_.close();
  }
  gateway_.close();
}

void Server::Impl::look_at(http::Connection& client, SteadyClock::time_point now) {
  const bool over = client.deadline <= now || client.evicted || client.withheld;
  boost::system::error_code ignored;
  if (over || (stopping_ && !client.begun) || stops_at_ <= now) client.socket.cancel(ignored);
}

awaitable<void> Server::Impl::serve(std::shared_ptr<Impl> self, std::shared_ptr<Client> client) {
  try {
    for (bool open = true; open;) open = co_await serve_one(*client);
  } catch (const std::exception& error) {
    log(LogLevel::error, "http", fmt::format("a request ended with: {}", error.what()));
  }
  self->clients_.remove(*client);
  boost::system::error_code ignored;
  client->socket.shutdown(tcp::socket::shutdown_both, ignored);
}

bool Server::Impl::names_a_key(const http::Parser& parser) const {
  const auto said = data_api::read_authorization(view(parser.get()[bhttp::field::authorization]));
  return said && options_.keys.access_keys.contains(said->access_key);
}

std::optional<Message> Server::Impl::refusal_of_length(const http::Parser& parser) const {
  if (parser.chunked()) {
    return refusal(Failure::bad_request, "Transfer-Encoding is not taken; send Content-Length");
  }
  const std::uint64_t length = parser.content_length().value_or(0);
  if (length > data_api::request_bytes_max) {
    return refusal(Failure::request_too_large,
                   fmt::format("The request is larger than {} bytes",
                               with_commas(data_api::request_bytes_max)));
  }
  if (length > uncounted_bytes && !names_a_key(parser)) {
    // Before there is room made for it; small ones are told exactly why.
    return refusal(Failure::unrecognized_client,
                   "The security token included in the request is invalid.");
  }
  return {};
}

std::optional<Message> Server::Impl::refusal_of_header(const Client& client,
                                                       const http::Parser& parser) {
  if (const auto wrong = http::framing_refusal(parser)) return refusal(*wrong);
  if (client.late && clients_.above() && !is_probe(parser)) {
    ++figures_.turned_away;
    return refusal(Failure::service_unavailable,
                   "The last connections are kept for probes; try later");
  }
  const auto& header = parser.get();
  for (const auto name : once) {
    if (header.count(beast::string_view(name.data(), name.size())) > 1) {
      return refusal(Failure::incomplete_signature, fmt::format("{} is given twice", name));
    }
  }
  return refusal_of_length(parser);
}

// What has come of the body is counted; nothing when there is room for it.
std::optional<Message> Server::Impl::count_body(Client& client, const http::Parser& parser) {
  const std::size_t held = parser.get().body().size();
  if (held <= uncounted_bytes || client.body.take(held - client.body.bytes())) return {};
  ++figures_.bodies;
  return refusal(Failure::service_unavailable,
                 "The bodies of other requests fill the memory there is for them; try later");
}

// False: the other side has gone, or was told to. A refusal ends the connection, as its body was
// not read.
awaitable<bool> Server::Impl::read(Client& client, http::Parser& parser,
                                   std::optional<Message>& refused) {
  parser.header_limit(header_bytes_max);
  parser.body_limit(boost::none);
  auto [error, count] =
      co_await bhttp::async_read_header(client.socket, client.buffer, parser, as_result);
  if (!error) {
    refused = refusal_of_header(client, parser);
    if (refused || parser.is_done()) co_return true;
    clients_.wait(client, Wait::peer);
    client.body.waits_for_peer(SteadyClock::now());
    parser.eager(true);
    if (beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
      static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(client.socket, asio::buffer(go_on), as_result);
    }
    while (!error && !refused && !parser.is_done()) {
      std::tie(error, count) =
          co_await bhttp::async_read_some(client.socket, client.buffer, parser, as_result);
      if (!error) refused = count_body(client, parser);
    }
    client.body.waits_no_more();
  }
  if (!error) co_return true;
  if (stopping_ || !parser.got_some()) co_return false;
  if (client.evicted || client.withheld) {
    tell(client.socket, client.evicted
                            ? "All connections are in use, and this one was idle longest; try again"
                            : "Memory is short, and this one was waited for longest; try again");
    co_return false;
  }
  http::HttpOptions limits;
  limits.header_bytes_max = header_bytes_max;
  limits.header_timeout = limits.body_timeout = options_.client_slow_max;
  if (const auto wrong = http::refusal_of(error, parser.is_header_done(), limits)) {
    refused = refusal(*wrong);
  }
  co_return refused.has_value();
}

// Then what is still under way is read for a moment: it would make a reset of the answer.
awaitable<bool> Server::Impl::refuse(Client& client, Message message) {
  co_await send(client, std::move(message), false);
  clients_.wait(client, Wait::newcomer);
  boost::system::error_code error;
  client.socket.shutdown(tcp::socket::shutdown_send, error);
  expire_after(client, linger_max);
  while (!error && !client.evicted && SteadyClock::now() < client.deadline) {
    client.buffer.clear();
    const auto space = client.buffer.prepare(buffer_bytes);
    const auto [failed, count] = co_await client.socket.async_read_some(space, as_result);
    error = failed;
  }
  co_return false;
}

Message Server::Impl::probe(std::string_view path) const {
  constexpr std::string_view text = "text/plain; charset=utf-8";
  if (path == "/livez") return message_of(200, "alive\n", text);
  if (path == "/metrics") {
    ClientFigures figures = figures_;
    figures.open = clients_.size();
    figures.body_bytes = bodies_.used_bytes();
    figures.answer_bytes = answers_.used_bytes();
    return message_of(200, metrics_text(gateway_, figures), "text/plain; version=0.0.4");
  }
  if (path == "/v1/why") {
    return message_of(200, why_body(gateway_, SteadyClock::now()), "application/json");
  }
  const std::string why = stopping_ ? "it is stopping" : gateway_.not_ready();
  return why.empty() ? message_of(200, "ready\n", text) : message_of(503, why + "\n", text);
}

awaitable<Message> Server::Impl::answer(Client& client, const http::Parser& parser) {
  auto request = request_of(parser);
  if (is_probe(parser)) co_return probe(request.path);
  auto reply = co_await gateway_.answer(std::move(request), is_repeat(parser));
  constexpr unsigned unknown = 403;
  client.proven =
      client.proven || !reply.failure || data_api::kind_of(*reply.failure).status != unknown;
  if (!reply.failure) co_return message_of(200, std::move(reply.body), "application/json");
  co_return message_of(std::move(reply.body), *reply.failure);
}

awaitable<bool> Server::Impl::send(Client& client, Message message, bool keep_alive) {
  const std::size_t bytes = message.body().capacity();
  if (bytes > uncounted_bytes && !client.answer.take(bytes)) {
    ++figures_.answers;
    const unsigned version = message.version();
    // No 5xx: the request was done, and SDKs would send it again.
    message = refusal(Failure::unsupported_result,
                      "Answers that others do not read fill the memory there is for them; what was "
                      "asked took effect, only its answer cannot be told");
    message.version(version);
    keep_alive = false;  // whatever else it has sent already
  }
  message.keep_alive(keep_alive);
  message.prepare_payload();
  clients_.wait(client, Wait::peer);
  client.answer.waits_for_peer(SteadyClock::now());
  expire_after(client, options_.client_slow_max);
  const auto [error, count] = co_await bhttp::async_write(client.socket, message, as_result);
  client.answer.give_all();
  client.answer.waits_no_more();
  clients_.wait(client, client.proven ? Wait::idle : Wait::newcomer);
  co_return !error && keep_alive;
}

// Who says nothing has no more than its descriptor.
awaitable<bool> Server::Impl::wait_for_request(Client& client) {
  if (client.buffer.size() == 0) {
    if (stopping_ || client.evicted) co_return false;
    client.buffer.shrink_to_fit();
    client.begun = false;
    expire_after(client, client.asked ? options_.client_idle_max : options_.client_first_byte_max);
    const auto [error] = co_await client.socket.async_wait(tcp::socket::wait_read, as_result);
    if (error) co_return false;
  }
  client.begun = client.asked = true;
  expire_after(client, options_.client_slow_max);
  co_return true;
}

awaitable<bool> Server::Impl::serve_one(Client& client) {
  if (!co_await wait_for_request(client)) co_return false;
  http::Parser parser;
  std::optional<Message> refused;
  if (!co_await read(client, parser, refused)) co_return false;
  if (refused) {
    std::string().swap(parser.get().body());
    client.body.give_all();
    co_return co_await refuse(client, std::move(*refused));
  }
  clients_.wait(client, Wait::us);
  client.deadline = SteadyClock::time_point::max();  // the gateway has its own
  auto message = co_await answer(client, parser);
  std::string().swap(parser.get().body());
  client.body.give_all();
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
