// The remote bus over http://: a queue of asks and a few kept-alive connections that work at it.
#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <set>

#include "adapters/http/client.h"
#include "adapters/http/remote_transport.h"
#include "codec/json_answers.h"
#include "model/limits.h"

namespace hunt::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::awaitable;
using asio::ip::tcp;

class HttpTransport final : public RemoteBus::Transport {
 public:
  using Transport::Transport;

  awaitable<Result<void>> connect() override {
    // Any route of the game servers' half tells whether the address and the token are right.
    const auto answer = co_await exchange_alone("GET", "/v1/worlds");
    if (!answer) co_return tl::unexpected<Error>(answer.error());
    if (answer->status / 100 != 2) co_return tl::unexpected<Error>(error_of(*answer));
    for (std::size_t i = 0; i < options_.connections; ++i) spawn(work());
    co_return Result<void>{};
  }

 private:
  struct Connection {
    explicit Connection(const asio::any_io_executor& lane) : stream(lane) {}
    beast::tcp_stream stream;
    beast::flat_buffer buffer;
    bool open = false;
  };
  using Message = bhttp::request<bhttp::string_body>;

  void send(RemoteAskPtr ask, std::string body) override {
    ask->body = std::move(body);
    queue_.push_back(std::move(ask));
    changed_.notify();
  }

  void cancel() override {
    while (!queue_.empty()) {
      queue_.front()->settle(fail(Errc::unavailable, "the connection is closed"));
      queue_.pop_front();
    }
    for (auto* connection : connections_) connection->stream.cancel();
  }

  // One connection's loop.
  awaitable<void> work() {
    Connection connection(lane_);
    connections_.insert(&connection);
    while (!closing_) {
      if (queue_.empty()) {
        co_await changed_.wait();
        continue;
      }
      const RemoteAskPtr ask = std::move(queue_.front());
      queue_.pop_front();
      if (ask->result || ask->settled.expiry() <= asio::steady_timer::clock_type::now()) continue;
      auto reply = co_await ask_over(connection, *ask);
      const bool failed = !reply && reply.error().code == Errc::unavailable;
      ask->settle(std::move(reply));
      if (failed && !closing_) co_await pause(lane_, next_pause());
    }
    connections_.erase(&connection);
  }

  awaitable<Result<model::BatchReply>> ask_over(Connection& connection, RemoteAsk& ask) {
    Message message =
        request("POST", ask.wait_terminal ? "/v1/positions?wait=terminal" : "/v1/positions");
    message.set(bhttp::field::content_type, "application/json");
    message.body() = std::move(ask.body);
    message.prepare_payload();
    // A server may close a connection that was idle just when it is used again: asked once more.
    const bool reused = connection.open;
    auto answer = co_await exchange(connection, message, ask.settled.expiry());
    if (!answer && reused && answer.error().code == Errc::unavailable && !closing_) {
      answer = co_await exchange(connection, message, ask.settled.expiry());
    }
    if (!answer) co_return tl::unexpected<Error>(answer.error());
    connected();
    if (answer->status / 100 != 2) co_return tl::unexpected<Error>(error_of(*answer));
    auto read = reader_.parse(answer->body);
    if (!read) co_return tl::unexpected<Error>(read.error());
    auto* reply = std::get_if<model::BatchReply>(&read->content);
    if (reply == nullptr) co_return fail(Errc::corrupt, "the answer holds no outcomes");
    co_return checked(std::move(*reply), ask.positions);
  }

  [[nodiscard]] Message request(std::string_view method, std::string_view target) const {
    Message message(bhttp::string_to_verb({method.data(), method.size()}),
                    {target.data(), target.size()}, 11);
    message.set(bhttp::field::host, address_.shown());
    if (!options_.token.empty()) {
      message.set(bhttp::field::authorization, "Bearer " + options_.token);
    }
    return message;
  }

  awaitable<Result<HttpResponse>> exchange_alone(std::string method, std::string target) {
    Connection connection(lane_);
    const Message message = request(method, target);
    const auto deadline =
        asio::steady_timer::clock_type::now() + std::chrono::nanoseconds(options_.timeout_ns);
    co_return co_await exchange(connection, message, deadline);
  }

  awaitable<Result<void>> open(Connection& connection) {
    tcp::resolver resolver(lane_);
    const auto [resolve_error, endpoints] =
        co_await resolver.async_resolve(address_.host, std::to_string(address_.port), as_result);
    if (resolve_error) {
      co_return tl::unexpected<Error>(lost("resolve", resolve_error.message()));
    }
    const auto [error, endpoint] = co_await connection.stream.async_connect(endpoints, as_result);
    if (error) co_return tl::unexpected<Error>(lost("connect", error.message()));
    boost::system::error_code ignored;
    connection.stream.socket().set_option(tcp::no_delay(true), ignored);
    connection.buffer.clear();
    connection.open = true;
    co_return Result<void>{};
  }

  awaitable<Result<HttpResponse>> exchange(Connection& connection, const Message& message,
                                           asio::steady_timer::time_point deadline) {
    connection.stream.expires_at(deadline);
    if (!connection.open) {
      const auto opened = co_await open(connection);
      if (!opened) co_return tl::unexpected<Error>(opened.error());
    }
    // A server may answer and close before it has read everything, so a failed write still reads.
    const auto [write_error, written] =
        co_await bhttp::async_write(connection.stream, message, as_result);
    bhttp::response_parser<bhttp::string_body> parser;
    parser.body_limit(limits::reply_bytes_max);
    const auto [read_error, read] =
        co_await bhttp::async_read(connection.stream, connection.buffer, parser, as_result);
    if (read_error) {
      hang_up(connection);
      if (read_error == beast::error::timeout) {
        co_return fail(Errc::deadline_exceeded, options_.url + " did not answer in time");
      }
      if (read_error.category() == beast::error_code(bhttp::error::bad_version).category() &&
          read_error != bhttp::error::end_of_stream &&
          read_error != bhttp::error::partial_message) {
        co_return fail(Errc::corrupt, fmt::format("{} does not answer in HTTP: {}", options_.url,
                                                  read_error.message()));
      }
      const auto& error = write_error ? write_error : read_error;
      co_return tl::unexpected<Error>(lost("answer", error.message()));
    }
    HttpResponse response;
    response.status = parser.get().result_int();
    response.body = std::move(parser.get().body());
    if (!parser.get().keep_alive()) hang_up(connection);
    co_return response;
  }

  static void hang_up(Connection& connection) {
    connection.open = false;
    connection.stream.close();
  }

  std::deque<RemoteAskPtr> queue_;
  std::set<Connection*> connections_;  // order does not matter
  codec::AnswersReader reader_;
};

}  // namespace

std::shared_ptr<RemoteBus::Transport> make_http_transport(asio::any_io_executor lane,
                                                          RemoteOptions options, HostPort address) {
  return std::make_shared<HttpTransport>(std::move(lane), std::move(options), std::move(address));
}

}  // namespace hunt::http
