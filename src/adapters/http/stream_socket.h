// StreamSocket: what Beast's WebSocket reads from and writes to, so that the socket under it can be
// lent and come back.
//
// Beast reads ahead, and nobody can take back what it has read. So it is given the bytes of one
// frame at a time: after each message it holds none. Not the protocol itself (Beast has that).
// While the socket is lent, nothing may be read here, and writes wait: Beast's own pings, too.
// Thread: the server's lane.
#pragma once
#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/core/buffers_prefix.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "codec/ws_frame.h"

namespace hunt::http {

class StreamSocket {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using next_layer_type = Socket;
  using executor_type = Socket::executor_type;
  using ErrorCode = boost::system::error_code;

  explicit StreamSocket(Socket socket) : state_(std::make_shared<State>(std::move(socket))) {}

  [[nodiscard]] executor_type get_executor() noexcept { return state_->socket.get_executor(); }
  [[nodiscard]] Socket& next_layer() noexcept { return state_->socket; }
  [[nodiscard]] const Socket& next_layer() const noexcept { return state_->socket; }

  // What came already, and is read before anything else.
  void keep(std::string bytes) { state_->kept = std::move(bytes); }

  // Nothing of a frame is here that Beast has not read to its end, and nothing is being written.
  [[nodiscard]] bool may_lend() const noexcept {
    return state_->bounds.between_frames() && state_->writes == 0 && !state_->holds_writes;
  }
  // The descriptor, with what was kept; from now on writes wait. -1: an error. Requires:
  // may_lend().
  [[nodiscard]] int lend(std::string& kept);
  // It is here again, and may be read; writes go on once they are let.
  [[nodiscard]] bool take_back(boost::asio::ip::tcp protocol, int descriptor, std::string kept);
  void let_writes();
  // Ends all that waits.
  void close();

  // Declared in full: Beast asks whether they are there with tokens that nobody could call.
  template <class Token>
  using Started = typename boost::asio::async_result<std::decay_t<Token>,
                                                     void(ErrorCode, std::size_t)>::return_type;
  template <class Buffers, class Token>
  Started<Token> async_read_some(const Buffers& to, Token&& token) {
    return boost::asio::async_compose<Token, void(ErrorCode, std::size_t)>(
        ReadOp<Buffers>{state_, to}, token, state_->socket);
  }
  template <class Buffers, class Token>
  Started<Token> async_write_some(const Buffers& from, Token&& token) {
    return boost::asio::async_compose<Token, void(ErrorCode, std::size_t)>(
        WriteOp<Buffers>{state_, from}, token, state_->socket);
  }

 private:
  // As much as Beast would read ahead.
  static constexpr std::size_t read_bytes = 1'536;

  // Outlives this where an operation still runs.
  struct State {
    explicit State(Socket of)
        : socket(std::move(of)),
          back(socket.get_executor(), boost::asio::steady_timer::time_point::max()) {}
    // The next bytes of the frame at hand, at most `bytes_max`. Requires: some are kept.
    [[nodiscard]] std::string_view take(std::size_t bytes_max);

    Socket socket;
    boost::asio::steady_timer back;  // what waits for the socket
    std::string kept;
    std::size_t taken = 0;  // of `kept`
    codec::FrameBounds bounds;
    std::size_t writes = 0;
    bool holds_writes = false;
  };

  template <class Buffers>
  struct ReadOp {
    enum class Step : std::uint8_t { begins, kept, filled, payload };

    template <class Self>
    void operator()(Self& self, ErrorCode error = {}, std::size_t count = 0) {
      State& here = *state;
      if (step == Step::begins) return begin(self);
      if (step == Step::filled) here.kept.resize(error ? 0 : count);
      if (error) return self.complete(error, 0);
      if (step == Step::payload) {
        here.bounds.count_payload(count);
        return self.complete(error, count);
      }
      const auto bytes = here.take(boost::beast::buffer_bytes(to));
      count = boost::asio::buffer_copy(to, boost::asio::buffer(bytes.data(), bytes.size()));
      self.complete(error, count);
    }

    template <class Self>
    void begin(Self& self) {
      State& here = *state;
      const auto left = here.bounds.payload_left();
      if (here.taken < here.kept.size()) {
        step = Step::kept;
        const auto executor = here.socket.get_executor();
        boost::asio::post(executor, std::move(self));
      } else if (left > 0) {
        step = Step::payload;
        const auto part = boost::beast::buffers_prefix(
            static_cast<std::size_t>(std::min<std::uint64_t>(left, SIZE_MAX)), to);
        here.socket.async_read_some(part, std::move(self));
      } else {
        step = Step::filled;
        here.taken = 0;
        if (here.kept.capacity() > 2 * read_bytes) here.kept = {};  // what came back was more
        here.kept.resize(read_bytes);
        here.socket.async_read_some(boost::asio::buffer(here.kept), std::move(self));
      }
    }

    std::shared_ptr<State> state;
    Buffers to;
    Step step = Step::begins;
  };

  template <class Buffers>
  struct WriteOp {
    enum class Step : std::uint8_t { begins, writes };

    template <class Self>
    void operator()(Self& self, ErrorCode error = {}, std::size_t count = 0) {
      State& here = *state;
      if (step == Step::begins && here.holds_writes) {
        here.back.async_wait(std::move(self));
      } else if (step == Step::begins) {
        step = Step::writes;
        ++here.writes;
        const Buffers bytes = from;  // this moves away
        here.socket.async_write_some(bytes, std::move(self));
      } else {
        --here.writes;
        self.complete(error, count);
      }
    }

    std::shared_ptr<State> state;
    Buffers from;
    Step step = Step::begins;
  };

  std::shared_ptr<State> state_;
};

// How Beast ends a connection: what is kept is of no use then.
template <class Handler>
void async_teardown(boost::beast::role_type role, StreamSocket& socket, Handler&& handler) {
  boost::beast::websocket::async_teardown(role, socket.next_layer(),
                                          std::forward<Handler>(handler));
}
inline void teardown(boost::beast::role_type role, StreamSocket& socket,
                     boost::system::error_code& error) {
  boost::beast::websocket::teardown(role, socket.next_layer(), error);
}

}  // namespace hunt::http
