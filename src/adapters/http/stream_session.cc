#include "adapters/http/stream_session.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <chrono>
#include <cstdio>
#include <deque>
#include <exception>
#include <optional>
#include <unordered_set>
#include <utility>

#include "adapters/http/event.h"
#include "adapters/http/http_limits.h"
#include "adapters/http/lent.h"
#include "adapters/http/stream_grants.h"
#include "adapters/http/stream_socket.h"
#include "base/log.h"
#include "model/limits.h"

namespace hunt::http {

namespace {

namespace asio = boost::asio;
namespace websocket = boost::beast::websocket;
using asio::awaitable;

// For the handshake and for the other side's goodbye; guess: a round trip and some patience.
constexpr std::chrono::milliseconds handshake_max{2'000};
// One read of a message: what every stream may hold without being counted.
constexpr std::size_t part_bytes = 4 * 1'024;
// What a text costs beside its bytes: its blocks' heads and its place in the queue. Measured with
// glibc: 70 to 90.
constexpr std::size_t text_overhead_bytes = 96;
// A loan that answered fewer messages was not worth its way there and back: the next one comes
// after four times as many.
constexpr std::uint64_t loan_answers_min = 16;
constexpr std::size_t lend_after_max = 1'024;

std::size_t cost_of(const std::string& text) {
  return text.capacity() + text_overhead_bytes;
}

static_assert(limits::answer_bytes_kept(limits::body_bytes_max) <= limits::stream_out_bytes_max);
// Whatever a lane reads, it has room for one at least: it waits for an answer else.
static_assert(limits::answer_bytes_kept(hot_body_bytes_max) <= limits::stream_out_bytes_max / 2);

class Session final : public StreamSession, public std::enable_shared_from_this<Session> {
 public:
  Session(asio::ip::tcp::socket socket, StreamPorts ports, StreamStart start, std::string received);

  awaitable<void> run() override;
  void on_claims(const std::vector<model::ClaimEvent>& events) override;
  void stop() override;

 private:
  void spawn(awaitable<void> task);
  [[nodiscard]] awaitable<void> read();
  [[nodiscard]] awaitable<bool> read_message();
  [[nodiscard]] awaitable<bool> wait_for_room(std::size_t message_bytes);
  [[nodiscard]] bool may_lend() const noexcept;
  [[nodiscard]] awaitable<void> lend();
  [[nodiscard]] StreamEars ears();
  void take_back(asio::ip::tcp protocol);
  void tell_by_lane();
  void on_told(std::size_t count);
  void on_late(Api::StreamAnswer answer, std::size_t kept);
  void time_idle(bool here);
  [[nodiscard]] awaitable<void> write();
  [[nodiscard]] awaitable<void> write_rest();
  [[nodiscard]] awaitable<void> pump();
  [[nodiscard]] StreamGrants::Taker taker();
  [[nodiscard]] awaitable<void> answer(std::string message);
  void tell_answer(Api::StreamAnswer answer);
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept;
  [[nodiscard]] bool push(ClaimFeed::Text text);
  void push_or_end(ClaimFeed::Text text);
  void expect(model::ClaimId claim);
  void close(websocket::close_reason reason);
  void cut();

  websocket::stream<StreamSocket> socket_;
  const StreamPorts ports_;
  std::string received_;
  StreamGrants grants_;
  boost::beast::flat_buffer buffer_;
  std::deque<ClaimFeed::Text> out_;
  std::shared_ptr<Lent> lent_;    // which a lane has
  LaneServer::Texts telling_;     // that are with it, before those of `out_`
  std::string rest_;              // of what it sent: goes out first
  bool writes_ = false;           // a text of `out_`
  std::size_t hot_in_a_row_ = 0;  // messages that may have been for a lane
  std::size_t lend_after_ = 1;    // so many
  ByteBudget::Share in_share_;    // messages that are read and not answered yet
  ByteBudget::Share out_share_;   // `out_` and what is on its way out, what is reserved for answers
  std::size_t inflight_ = 0;
  std::size_t late_bytes_ = 0;  // of `out_share_`, for what a lane that had the stream still asks
  std::size_t tasks_ = 0;
  // Claims answered `found` here and not told yet, oldest first.
  std::unordered_set<model::ClaimId, model::Id128Hash> expected_;
  std::deque<model::ClaimId> expected_order_;
  std::optional<websocket::close_reason> goodbye_;  // to be said when all is sent
  bool ended_ = false;                              // nothing can be sent any more
  Event changed_;                                   // any of the above
};

Session::Session(asio::ip::tcp::socket socket, StreamPorts ports, StreamStart start,
                 std::string received)
    : socket_(std::move(socket)),
      ports_(ports),
      received_(std::move(received)),
      grants_(socket_.get_executor(), ports_.ledgers, ports_.feed, std::move(start.after), taker()),
      in_share_(ports_.bodies, [this] { cut(); }),
      out_share_(ports_.answers, [this] { cut(); }),
      changed_(socket_.get_executor()) {
  time_idle(true);
  socket_.read_message_max(ports_.options.body_bytes_max);
  socket_.auto_fragment(false);
}

StreamGrants::Taker Session::taker() {
  return {[this](ClaimFeed::Text text) { return push(std::move(text)); },
          [this] { return out_share_.bytes() < limits::stream_feed_bytes_max; }};
}

// While it is here, Beast pings who says nothing, and ends who does not say anything then.
void Session::time_idle(bool here) {
  websocket::stream_base::timeout timeout{};
  timeout.handshake_timeout = here ? handshake_max : websocket::stream_base::none();
  timeout.idle_timeout = here ? ports_.options.idle_timeout : websocket::stream_base::none();
  timeout.keep_alive_pings = here;
  socket_.set_option(timeout);
}

void Session::spawn(awaitable<void> task) {
  ++tasks_;
  // The session lives until its tasks have ended: run() waits for them.
  asio::co_spawn(socket_.get_executor(), std::move(task),
                 [self = shared_from_this()](std::exception_ptr failure) {
                   --self->tasks_;
                   if (failure) {
                     self->close({websocket::close_code::internal_error, "this is a bug"});
                     try {
                       std::rethrow_exception(failure);
                     } catch (const std::exception& error) {
                       log(LogLevel::error, "http",
                           fmt::format("a stream ended with: {}", error.what()));
                     }
                   }
                   self->changed_.notify();
                 });
}

awaitable<void> Session::run() {
  // Before the handshake: what is granted once the client knows of its stream is told on it.
  if (!grants_.begun()) co_await grants_.begin();
  constexpr std::string_view blank_line = "\r\n\r\n";
  const std::size_t head_bytes = received_.find(blank_line) + blank_line.size();
  socket_.next_layer().keep(received_.substr(head_bytes));
  const auto head = asio::buffer(received_, head_bytes);
  const auto [error] = co_await socket_.async_accept(head, as_result);
  if (error) co_return;
  received_ = {};
  spawn(write());
  spawn(pump());
  co_await read();
  close({websocket::close_code::normal, ""});
  while (tasks_ > 0) co_await changed_.wait();
  socket_.next_layer().close();
}

bool Session::has_room(std::size_t bytes) const noexcept {
  return out_share_.bytes() + bytes <= limits::stream_out_bytes_max;
}

// Waits until a message of that size can be answered, and reserves what that takes. False when the
// stream is to end. Meanwhile the other side waits with us.
awaitable<bool> Session::wait_for_room(std::size_t message_bytes) {
  const std::size_t bytes = limits::answer_bytes_kept(message_bytes);
  while (!ended_ && !goodbye_) {
    if (inflight_ < limits::stream_batches_inflight_max && has_room(bytes)) {
      if (out_share_.take(bytes)) co_return true;
      co_await pause(socket_.get_executor(), room_retry);  // others have filled what all share
    } else {
      co_await changed_.wait();
    }
  }
  co_return false;
}

// One whole message into the buffer, counted as it comes. False when there is none.
awaitable<bool> Session::read_message() {
  in_share_.waits_no_more();
  do {
    const auto [error, bytes] = co_await socket_.async_read_some(buffer_, part_bytes, as_result);
    if (error == websocket::error::message_too_big || error == websocket::error::buffer_overflow) {
      // Beast has said goodbye with 1009 already.
      ended_ = true;
    }
    if (error) co_return false;
    const bool first = buffer_.size() == bytes;
    if (first) in_share_.waits_for_peer(std::chrono::steady_clock::now());
    while (!in_share_.take(bytes)) {
      if (ended_ || goodbye_) co_return false;
      co_await pause(socket_.get_executor(), room_retry);
    }
  } while (!socket_.is_message_done());
  in_share_.waits_no_more();
  co_return true;
}

awaitable<void> Session::read() {
  while (!ended_ && !goodbye_) {
    if (may_lend()) {
      co_await lend();
      continue;
    }
    const bool some = co_await read_message();
    if (!some) break;
    if (!socket_.got_text()) {
      close({websocket::close_code::unknown_data, "send text frames that hold JSON"});
      break;
    }
    const bool room = co_await wait_for_room(buffer_.size());
    if (!room) break;
    hot_in_a_row_ = buffer_.size() <= hot_body_bytes_max ? hot_in_a_row_ + 1 : 0;
    ++inflight_;
    spawn(answer(boost::beast::buffers_to_string(buffer_.data())));
    buffer_.consume(buffer_.size());
    buffer_.shrink_to_fit();
  }
  // Until the other side has said goodbye, too: its pings and its close frame are read here.
  while (goodbye_ && !ended_) {
    buffer_.clear();
    const auto [error, bytes] = co_await socket_.async_read_some(buffer_, part_bytes, as_result);
    if (error) break;
  }
  // A socket that cannot be read any more gets no answers either.
  if (!goodbye_) ended_ = true;
  changed_.notify();
}

// The lane gets what room there is: it should be the greater part.
bool Session::may_lend() const noexcept {
  return ports_.lane != nullptr && hot_in_a_row_ >= lend_after_ && !writes_ && rest_.empty() &&
         inflight_ <= limits::stream_batches_inflight_max / 2 &&
         has_room(limits::stream_out_bytes_max / 2) && socket_.next_layer().may_lend();
}

// Hands the socket to the lane, and waits until it comes back.
awaitable<void> Session::lend() {
  hot_in_a_row_ = 0;
  boost::system::error_code error;
  const auto protocol = socket_.next_layer().next_layer().local_endpoint(error).protocol();
  const auto lent = std::make_shared<Lent>(ears());
  lent->asks_max = {limits::stream_batches_inflight_max - inflight_,
                    limits::stream_out_bytes_max - out_share_.bytes()};
  lent->on_back = [here = socket_.get_executor(), weak = weak_from_this(), protocol] {
    asio::post(here, [weak, protocol] {
      if (const auto self = weak.lock()) self->take_back(protocol);
    });
  };
  if (!error) lent->descriptor = socket_.next_layer().lend(lent->unread);
  if (lent->descriptor < 0) {
    ended_ = true;
    co_return;
  }
  time_idle(false);
  lent_ = lent;
  ports_.lane->take(lent);
  changed_.notify();  // what waits to be sent goes there
  while (lent_ != nullptr) co_await changed_.wait();
}

StreamEars Session::ears() {
  const auto here = socket_.get_executor();
  const auto weak = weak_from_this();
  StreamEars ears;
  ears.on_found = [here, weak](std::vector<model::ClaimId> found) {
    asio::post(here, [weak, found = std::move(found)] {
      const auto self = weak.lock();
      if (self == nullptr) return;
      for (const auto& claim : found) self->expect(claim);
    });
  };
  ears.on_told = [here, weak](std::size_t count) {
    asio::post(here, [weak, count] {
      if (const auto self = weak.lock()) self->on_told(count);
    });
  };
  ears.on_late = [here, weak](Api::StreamAnswer answer, std::size_t kept) {
    asio::post(here, [weak, answer = std::move(answer), kept]() mutable {
      if (const auto self = weak.lock()) self->on_late(std::move(answer), kept);
    });
  };
  return ears;
}

void Session::take_back(asio::ip::tcp protocol) {
  const auto lent = std::exchange(lent_, nullptr);
  StreamSocket& socket = socket_.next_layer();
  lend_after_ = lent->answered >= loan_answers_min ? 1 : std::min(4 * lend_after_, lend_after_max);
  changed_.notify();
  if (!socket.take_back(protocol, lent->descriptor, std::move(lent->unread))) {
    ended_ = true;
    return;
  }
  lent->descriptor = -1;
  time_idle(true);
  inflight_ += lent->asks.count;
  if (has_room(lent->asks.bytes) && out_share_.take(lent->asks.bytes)) {
    late_bytes_ += lent->asks.bytes;
  }
  if (lent->unsent.empty()) return socket.let_writes();
  if (!out_share_.take(lent->unsent.size())) {
    ports_.figures.count(Refusal::slow_stream);
    return cut();  // in the middle of a text nothing else can be said
  }
  rest_ = std::move(lent->unsent);
  out_share_.waits_for_peer(std::chrono::steady_clock::now());
}

// What waits to be sent, all of it: one call is answered before the next one is made, so that the
// order holds when the socket comes back.
void Session::tell_by_lane() {
  if (!telling_.empty() || out_.empty()) return;
  telling_.assign(out_.begin(), out_.end());
  out_.clear();
  ports_.lane->tell(lent_, telling_);
}

void Session::on_told(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) out_share_.give(cost_of(*telling_[i]));
  out_.insert(out_.begin(), telling_.begin() + static_cast<std::ptrdiff_t>(count), telling_.end());
  telling_.clear();
  out_share_.waits_no_more();
  if (!out_.empty()) out_share_.waits_for_peer(std::chrono::steady_clock::now());
  changed_.notify();
}

// To a message that a lane asked for while it had the stream.
void Session::on_late(Api::StreamAnswer answer, std::size_t kept) {
  const std::size_t bytes = std::min(kept, late_bytes_);
  late_bytes_ -= bytes;
  out_share_.give(bytes);
  tell_answer(std::move(answer));
}

awaitable<void> Session::answer(std::string message) {
  const std::size_t bytes = message.size();
  const LoopLag lag = ports_.lag();
  const FrontTimes front{FrontTimes::now_ns() - lag.late_ns, lag.next_ns};
  auto reply = co_await ports_.api.handle_message(std::move(message), front);
  in_share_.give(bytes);
  out_share_.give(limits::answer_bytes_kept(bytes));
  tell_answer(std::move(reply));
}

void Session::tell_answer(Api::StreamAnswer reply) {
  reply.text.shrink_to_fit();
  const auto text = std::make_shared<const std::string>(std::move(reply.text));
  if (!push(text)) {
    push_or_end(std::make_shared<const std::string>(Api::too_long(reply.id, text->size())));
  }
  for (const auto& claim : reply.found) expect(claim);
  --inflight_;
}

void Session::expect(model::ClaimId claim) {
  if (auto told = ports_.feed.refusal(claim)) {
    push_or_end(std::move(told));
    return;
  }
  if (!expected_.insert(claim).second) return;
  expected_order_.push_back(claim);
  if (expected_order_.size() <= limits::stream_claims_expected_max) return;
  expected_.erase(expected_order_.front());
  expected_order_.pop_front();
}

void Session::on_claims(const std::vector<model::ClaimEvent>& events) {
  for (const auto& event : events) {
    if (expected_.erase(event.claim) == 0 || event.outcome == model::Outcome::granted) continue;
    if (auto text = ports_.feed.refusal(event.claim)) push_or_end(std::move(text));
  }
  changed_.notify();
}

// False when there is no room for it.
bool Session::push(ClaimFeed::Text text) {
  if (ended_) return true;
  const std::size_t bytes = cost_of(*text);
  if (!has_room(bytes) || !out_share_.take(bytes)) return false;
  if (out_.empty()) out_share_.waits_for_peer(std::chrono::steady_clock::now());
  out_.push_back(std::move(text));
  changed_.notify();
  return true;
}

// What this stream is owed and cannot have ends it: the client reads too slowly, or all do.
void Session::push_or_end(ClaimFeed::Text text) {
  if (push(std::move(text))) return;
  ports_.figures.count(Refusal::slow_stream);
  cut();
}

// At once, without a word: what waits would come first.
void Session::cut() {
  ended_ = true;
  changed_.notify();
  if (lent_ != nullptr) {
    ::shutdown(lent_->descriptor, SHUT_RDWR);
    ports_.lane->recall(lent_);  // which may not read it now
    return;
  }
  boost::system::error_code ignored;
  auto& socket = socket_.next_layer().next_layer();
  socket.cancel(ignored);
  socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  socket_.next_layer().let_writes();
}

void Session::close(websocket::close_reason reason) {
  if (!goodbye_) goodbye_ = reason;
  if (lent_ != nullptr) ports_.lane->recall(lent_);
  changed_.notify();
}

void Session::stop() {
  close({websocket::close_code::going_away, "the server is shutting down: connect again"});
}

awaitable<void> Session::write() {
  socket_.text(true);
  while (!ended_) {
    if (lent_ != nullptr) tell_by_lane();
    if (lent_ == nullptr && !rest_.empty()) {
      co_await write_rest();
      continue;
    }
    if (lent_ != nullptr || !telling_.empty() || out_.empty()) {
      const bool all = lent_ == nullptr && telling_.empty() && out_.empty();
      if (goodbye_ && inflight_ == 0 && all) break;
      co_await changed_.wait();
      continue;
    }
    const ClaimFeed::Text text = std::move(out_.front());
    out_.pop_front();
    const auto bytes = asio::buffer(*text);
    writes_ = true;
    const auto [error, count] = co_await socket_.async_write(bytes, as_result);
    writes_ = false;
    out_share_.give(cost_of(*text));
    if (error) ended_ = true;
    out_share_.waits_no_more();
    if (!out_.empty()) out_share_.waits_for_peer(std::chrono::steady_clock::now());
    changed_.notify();
  }
  if (!ended_) co_await socket_.async_close(*goodbye_, as_result);
  ended_ = true;
  boost::system::error_code ignored;
  socket_.next_layer().next_layer().cancel(ignored);  // whoever still reads
  socket_.next_layer().let_writes();
  changed_.notify();
}

// What the lane has sent a part of.
awaitable<void> Session::write_rest() {
  const auto bytes = asio::buffer(rest_);
  const auto [error, count] =
      co_await asio::async_write(socket_.next_layer().next_layer(), bytes, as_result);
  out_share_.give(rest_.size());
  out_share_.waits_no_more();
  if (!out_.empty()) out_share_.waits_for_peer(std::chrono::steady_clock::now());
  rest_ = {};
  if (error) ended_ = true;
  if (!error) socket_.next_layer().let_writes();
  changed_.notify();
}

// Grants, as long as not much waits.
awaitable<void> Session::pump() {
  while (!ended_ && !goodbye_) {
    if (out_share_.bytes() >= limits::stream_feed_bytes_max) {
      co_await changed_.wait();
      continue;
    }
    if (!grants_.begun()) {
      const bool known = co_await grants_.begin();
      if (!known) co_await pause(socket_.get_executor(), store_retry);
      continue;
    }
    const bool more = co_await grants_.tell();
    if (grants_.restored()) {
      close({websocket::close_code::service_restart,
             "the ledger was restored: connect again, ?after= says from where"});
    }
    if (!more && !ended_ && !goodbye_) co_await changed_.wait();
  }
}

}  // namespace

std::shared_ptr<StreamSession> make_stream_session(asio::ip::tcp::socket socket, StreamPorts ports,
                                                   StreamStart start, std::string received) {
  return std::make_shared<Session>(std::move(socket), ports, start, std::move(received));
}

}  // namespace hunt::http
