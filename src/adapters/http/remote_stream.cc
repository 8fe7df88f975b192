// The remote bus over ws://: one stream, opened again when it breaks, resuming its grants.
#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/http/client.h"
#include "adapters/http/remote_transport.h"
#include "codec/json_answers.h"

namespace hunt::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using asio::awaitable;
using asio::ip::tcp;

constexpr std::uint64_t message_bytes_max = 4 * 1'024 * 1'024;

class StreamTransport final : public RemoteBus::Transport {
 public:
  using Transport::Transport;

  awaitable<Result<void>> connect() override {
    auto opened = co_await open();
    if (!opened) co_return opened;
    spawn(stay_open());
    co_return Result<void>{};
  }

 private:
  using Socket = websocket::stream<beast::tcp_stream>;

  void send(RemoteAskPtr ask, std::string body) override {
    if (!socket_) {
      ask->settle(tl::unexpected<Error>(lost("stay connected", "the stream is being opened")));
      return;
    }
    const std::uint64_t id = ++last_id_;
    body.insert(
        1, fmt::format(R"("id":{},{})", id, ask->wait_terminal ? R"("wait":"terminal",)" : ""));
    inflight_.emplace(id, std::move(ask));
    out_.push_back(std::move(body));
    changed_.notify();
  }

  void cancel() override {
    drop_all("the connection is closed");
    if (socket_) beast::get_lowest_layer(*socket_).cancel();
  }

  void drop_all(std::string_view why) {
    auto dropped = std::move(inflight_);
    inflight_.clear();
    out_.clear();
    for (auto& [id, ask] : dropped) ask->settle(tl::unexpected<Error>(lost("answer", why)));
  }

  awaitable<Result<void>> open() {
    tcp::resolver resolver(lane_);
    const auto [resolve_error, endpoints] =
        co_await resolver.async_resolve(address_.host, std::to_string(address_.port), as_result);
    if (resolve_error) {
      co_return tl::unexpected<Error>(lost("resolve", resolve_error.message()));
    }
    auto socket = std::make_shared<Socket>(lane_);
    auto& lowest = beast::get_lowest_layer(*socket);
    lowest.expires_after(std::chrono::nanoseconds(options_.timeout_ns));
    const auto [error, endpoint] = co_await lowest.async_connect(endpoints, as_result);
    if (error) co_return tl::unexpected<Error>(lost("connect", error.message()));
    boost::system::error_code ignored;
    lowest.socket().set_option(tcp::no_delay(true), ignored);
    lowest.expires_never();
    websocket::stream_base::timeout timeout{};
    timeout.handshake_timeout = std::chrono::seconds(5);
    timeout.idle_timeout = std::chrono::seconds(60);
    timeout.keep_alive_pings = true;
    socket->set_option(timeout);
    socket->read_message_max(message_bytes_max);
    socket->auto_fragment(false);
    const std::string token = options_.token;
    socket->set_option(websocket::stream_base::decorator([token](websocket::request_type& request) {
      if (!token.empty()) request.set(beast::http::field::authorization, "Bearer " + token);
    }));
    const std::string target =
        cursor_ ? fmt::format("/v1/stream?after={}", *cursor_) : std::string("/v1/stream");
    const std::string authority = address_.shown();
    websocket::response_type response;
    const auto [refused] = co_await socket->async_handshake(response, authority, target, as_result);
    if (refused == websocket::error::upgrade_declined) {
      HttpResponse told{response.result_int(), {}, response.body()};
      co_return tl::unexpected<Error>(error_of(told));
    }
    if (refused) co_return tl::unexpected<Error>(lost("become a stream", refused.message()));
    socket->text(true);
    socket_ = std::move(socket);
    connected();
    co_return Result<void>{};
  }

  // Serves the open stream; opens it again whenever it breaks.
  awaitable<void> stay_open() {
    while (!closing_) {
      if (!socket_) {
        co_await pause(lane_, next_pause());
        if (!closing_) static_cast<void>(co_await open());
        continue;
      }
      spawn(write(socket_));
      const std::string why = co_await read(socket_);
      beast::get_lowest_layer(*socket_).close();
      socket_.reset();
      changed_.notify();
      drop_all(why);
    }
  }

  awaitable<void> write(std::shared_ptr<Socket> socket) {
    while (!closing_ && socket == socket_) {
      if (out_.empty()) {
        co_await changed_.wait();
        continue;
      }
      const std::string message = std::move(out_.front());
      out_.pop_front();
      const auto bytes = asio::buffer(message);
      const auto [error, count] = co_await socket->async_write(bytes, as_result);
      if (error) co_return;  // the reader sees it, too
    }
  }

  // Returns why it ended.
  awaitable<std::string> read(std::shared_ptr<Socket> socket) {
    beast::flat_buffer buffer;
    for (;;) {
      const auto [error, bytes] = co_await socket->async_read(buffer, as_result);
      if (error == websocket::error::closed) {
        const auto& reason = socket->reason();
        co_return reason.reason.empty() ? "the server closed the stream"
                                        : std::string(reason.reason.c_str());
      }
      if (error) co_return error.message();
      const auto data = buffer.cdata();
      auto answer = reader_.parse({static_cast<const char*>(data.data()), data.size()});
      buffer.consume(buffer.size());
      if (!answer) co_return answer.error().message;
      take(std::move(*answer));
    }
  }

  void take(codec::Answer answer) {
    if (auto* event = std::get_if<model::ClaimEvent>(&answer.content)) {
      if (event->cursor != 0) {
        if (cursor_ && event->cursor <= *cursor_) return;
        cursor_ = event->cursor;
      }
      if (on_claims) on_claims({std::move(*event)});
      return;
    }
    const auto found = answer.id ? inflight_.find(*answer.id) : inflight_.end();
    if (found == inflight_.end()) return;
    const RemoteAskPtr ask = std::move(found->second);
    inflight_.erase(found);
    if (auto* reply = std::get_if<model::BatchReply>(&answer.content)) {
      ask->settle(checked(std::move(*reply), ask->positions));
    } else {
      ask->settle(tl::unexpected<Error>(std::get<Error>(std::move(answer.content))));
    }
  }

  std::shared_ptr<Socket> socket_;  // the open one, or none
  std::deque<std::string> out_;
  std::unordered_map<std::uint64_t, RemoteAskPtr> inflight_;
  std::uint64_t last_id_ = 0;
  std::optional<std::uint64_t> cursor_;  // of the newest grant heard of
  codec::AnswersReader reader_;
};

}  // namespace

std::shared_ptr<RemoteBus::Transport> make_stream_transport(asio::any_io_executor lane,
                                                            RemoteOptions options,
                                                            HostPort address) {
  return std::make_shared<StreamTransport>(std::move(lane), std::move(options), std::move(address));
}

}  // namespace hunt::http
