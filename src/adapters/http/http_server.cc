#include "adapters/http/http_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdio>
#include <exception>

#include "adapters/http/event.h"
#include "adapters/http/http_connection.h"
#include "adapters/http/http_limits.h"
#include "adapters/http/http_wire.h"
#include "base/log.h"
#include "base/text.h"

namespace hunt::http {

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using SteadyClock = std::chrono::steady_clock;

// Bytes run short: who has been waited for this long gives way. As long as Connections waits.
constexpr std::chrono::milliseconds patience{1'000};
constexpr std::chrono::milliseconds accept_pause{20};
constexpr std::chrono::milliseconds room_pause{5};
constexpr int room_looks_max = 100;  // half a second: a probe has to be answered within one

// A descriptor in reserve: with none left, the next who connects would wait unseen and unanswered.
class SpareDescriptor {
 public:
  SpareDescriptor() : descriptor_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {}
  ~SpareDescriptor() { release(); }
  SpareDescriptor(const SpareDescriptor&) = delete;
  SpareDescriptor& operator=(const SpareDescriptor&) = delete;
  void release() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }
  void take_again() {
    if (descriptor_ < 0) descriptor_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }

 private:
  int descriptor_;
};

asio::ip::address address_of(const HttpOptions& options, boost::system::error_code& error) {
  return asio::ip::make_address(options.host == "localhost" ? "127.0.0.1" : options.host, error);
}

bool is_out_of_descriptors(const boost::system::error_code& error) {
  return error == asio::error::no_descriptors ||
         error == boost::system::errc::too_many_files_open_in_system;
}

}  // namespace

class HttpServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& lane, Ports ports, HttpOptions options)
      : lane_(lane),
        state_(std::make_shared<ServerState>(std::move(ports), std::move(options))),
        acceptor_(lane),
        tick_(lane) {}

  Result<std::uint16_t> listen();
  void start();
  void stop();
  void on_claims(const std::vector<model::ClaimEvent>& events);
  void lend_to(std::vector<LaneServer*> lanes) { state_->lanes = std::move(lanes); }
  [[nodiscard]] std::size_t connections() const noexcept { return state_->connections.size(); }
  [[nodiscard]] asio::io_context& lane() noexcept { return lane_; }

 private:
  void spawn(awaitable<void> work);
  awaitable<void> accept(std::shared_ptr<Impl> self);
  awaitable<void> make_room();
  awaitable<void> out_of_descriptors();
  void take(tcp::socket socket);
  void turn_away(tcp::socket socket);
  awaitable<void> sweep(std::shared_ptr<Impl> self);
  void look_at(Connection& connection, Connection::Time now);

  asio::io_context& lane_;
  std::shared_ptr<ServerState> state_;
  tcp::acceptor acceptor_;
  asio::steady_timer tick_;
  SpareDescriptor spare_;
};

Result<std::uint16_t> HttpServer::Impl::listen() {
  const std::string shown = fmt::format("{}:{}", state_->options.host, state_->options.port);
  boost::system::error_code error;
  const auto address = address_of(state_->options, error);
  if (error) {
    return fail(Errc::invalid_argument,
                fmt::format("cannot listen on {}: \"{}\" is not an IP address; use 127.0.0.1 for "
                            "this machine alone or 0.0.0.0 for every network",
                            shown, printable(state_->options.host)),
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
  HUNT_CHECK(check_tokens(state_->options));
  const tcp::endpoint endpoint(address, state_->options.port);
  acceptor_.open(endpoint.protocol(), error);
  if (error) return give_up();
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  // Connections inherit them; without, the kernel keeps megabytes for who does not read.
  const int kept = limits::http_socket_bytes_max;
  if (!error) acceptor_.set_option(asio::socket_base::send_buffer_size(kept), error);
  if (!error) acceptor_.set_option(asio::socket_base::receive_buffer_size(kept), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return give_up();
  state_->api =
      std::make_unique<Api>(state_->ports, state_->options, address.is_loopback(), state_->figures);
  return acceptor_.local_endpoint().port();
}

void HttpServer::Impl::spawn(awaitable<void> work) {
  asio::co_spawn(lane_, std::move(work), [](std::exception_ptr failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log(LogLevel::error, "http", fmt::format("an HTTP connection ended with: {}", error.what()));
    }
  });
}

void HttpServer::Impl::start() {
  HUNT_ASSERT(state_->api != nullptr);
  spawn(accept(shared_from_this()));
  spawn(sweep(shared_from_this()));
}

void HttpServer::Impl::stop() {
  state_->stopping = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  state_->connections.for_each([](Connection& connection) {
    if (!connection.begun) connection.interrupt();
  });
  for (auto* session : state_->streams) session->stop();
  tick_.cancel();
}

void HttpServer::Impl::on_claims(const std::vector<model::ClaimEvent>& events) {
  state_->feed.add(events, SteadyClock::now().time_since_epoch() / std::chrono::nanoseconds(1));
  for (auto* session : state_->streams) session->on_claims(events);
}

awaitable<void> HttpServer::Impl::accept(std::shared_ptr<Impl> self) {
  while (!self->state_->stopping) {
    auto [error, socket] = co_await acceptor_.async_accept(as_result);
    if (state_->stopping) co_return;
    if (error) {
      if (is_out_of_descriptors(error)) co_await out_of_descriptors();
      // Else the client gave up. Neither is worth a busy loop.
      if (!state_->stopping && error) co_await pause(lane_.get_executor(), accept_pause);
      continue;
    }
    co_await make_room();
    if (state_->stopping) co_return;
    take(std::move(socket));
  }
}

// Who is told to leave does so within moments, and who was refused has a last look: a burst of
// newcomers waits for that in the backlog, and a probe behind it is answered.
awaitable<void> HttpServer::Impl::make_room() {
  for (int looks = 0; looks < room_looks_max && !state_->stopping; ++looks) {
    if (state_->connections.full() && state_->connections.spare_one(SteadyClock::now())) {
      state_->figures.count(Refusal::evicted);
    }
    if (state_->connections.size() < state_->connections.count_max()) co_return;
    co_await pause(lane_.get_executor(), room_pause);
  }
}

// Something else in this process has used them up: lets one go, or answers the next who waits.
awaitable<void> HttpServer::Impl::out_of_descriptors() {
  if (state_->connections.spare_one(SteadyClock::now())) {
    state_->figures.count(Refusal::evicted);
    co_return;
  }
  spare_.release();
  boost::system::error_code error;
  acceptor_.non_blocking(true, error);
  tcp::socket socket(lane_);
  acceptor_.accept(socket, error);
  if (!error) turn_away(std::move(socket));
  boost::system::error_code ignored;
  socket.close(ignored);
  spare_.take_again();
}

void HttpServer::Impl::take(tcp::socket socket) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  if (state_->connections.size() >= state_->connections.count_max()) {
    return turn_away(std::move(socket));
  }
  spawn(serve_connection(state_, std::move(socket)));
}

// Says why without waiting: what does not fit into the socket's buffer is lost.
void HttpServer::Impl::turn_away(tcp::socket socket) {
  state_->figures.count(Refusal::connections);
  const std::string text = closing_text(error_response(
      503, "overloaded",
      fmt::format("{} connections are open, which is the limit; reuse them or try later",
                  with_commas(state_->connections.size()))));
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
      std::min({state_->options.first_byte_timeout, state_->options.header_timeout,
                state_->options.body_timeout, state_->options.idle_timeout});
  const auto period =
      std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
  while (!self->state_->stopping || state_->connections.size() > 0) {
    tick_.expires_after(period);
    co_await tick_.async_wait(as_result);
    const auto now = SteadyClock::now();
    state_->connections.follow_lent(now, state_->options.idle_timeout);
    state_->connections.for_each([this, now](Connection& connection) { look_at(connection, now); });
    for (auto* budget : {&state_->bodies, &state_->answers}) {
      for (auto count = budget->relieve(now, patience); count > 0; --count) {
        state_->figures.count(Refusal::withheld);
      }
    }
    state_->show_figures();
  }
}

void HttpServer::Impl::look_at(Connection& connection, Connection::Time now) {
  const bool short_of_room = connection.waits == Wait::idle && state_->connections.crowded() &&
                             connection.waits_since + state_->options.idle_timeout_crowded <= now;
  const bool over = connection.deadline <= now || connection.evicted || connection.withheld;
  if (over || short_of_room || (state_->stopping && !connection.begun)) connection.interrupt();
}

Result<void> check_tokens(const HttpOptions& options) {
  boost::system::error_code error;
  const auto address = address_of(options, error);
  if (!error && !address.is_loopback() && options.server_token.empty()) {
    return fail(
        Errc::invalid_argument,
        fmt::format("{}:{} can be reached from other machines, so game servers need a token: "
                    "give --server-token-file (`openssl rand -hex 32` makes one), or listen "
                    "on 127.0.0.1",
                    options.host, options.port),
        "server-token-file");
  }
  if (options.server_token == options.admin_token) {
    return fail(
        Errc::invalid_argument,
        "the game servers' token is the admin's, too: who has it could bury loot; give each "
        "file a token of its own",
        "server-token-file");
  }
  return {};
}

HttpServer::HttpServer(asio::io_context& lane, Ports ports, HttpOptions options)
    : impl_(std::make_shared<Impl>(lane, ports, std::move(options))) {}
HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::listen() {
  return impl_->listen();
}
void HttpServer::lend_to(std::vector<LaneServer*> lanes) {
  impl_->lend_to(std::move(lanes));
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
