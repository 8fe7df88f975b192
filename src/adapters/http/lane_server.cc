#include "adapters/http/lane_server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <deque>
#include <exception>
#include <iterator>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/http/api.h"
#include "adapters/http/ask_positions.h"
#include "adapters/http/http_limits.h"
#include "adapters/http/http_wire.h"
#include "adapters/http/message.h"
#include "adapters/http/ready_sockets.h"
#include "base/log.h"
#include "codec/json_replies.h"
#include "codec/json_requests.h"
#include "codec/ws_frame.h"
#include "ports/world_directory.h"

namespace hunt::http {

namespace {

namespace asio = boost::asio;
using asio::awaitable;

// A part of a request is waited for at least once, at most twice as long: then it is a slow one.
constexpr std::chrono::milliseconds look_every{250};
constexpr std::size_t sent_together_bytes = 64 * 1'024;  // of pipelined answers
// A stream that asks for nothing so long is the server's, with its pings: two seconds.
constexpr unsigned quiet_looks_max = 8;

}  // namespace

class LaneServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& lane, ports::Bus& bus, ports::WorldStore& store,
       std::size_t header_bytes_max)
      : lane_(lane),
        bus_(bus),
        worlds_(store),
        ready_(lane),
        tick_(lane),
        came_(header_bytes_max + hot_body_bytes_max, '\0') {}

  void take(std::shared_ptr<Lent> lent);
  void recall(Lent& lent);
  void tell(Lent& lent, const Texts& texts);
  void answer_with(AtOnce at_once) { at_once_ = std::move(at_once); }
  [[nodiscard]] std::uint64_t responses(std::size_t status_class) const {
    return responses_[status_class].load(std::memory_order_relaxed);
  }
  [[nodiscard]] asio::io_context& lane() noexcept { return lane_; }

 private:
  // What becomes of a connection: one that asks or waits goes on once an answer is there.
  enum class Next : std::uint8_t { reads, asks, waits, gone };

  void wait_for_sockets();
  void turn();
  void read(Lent& lent);
  void go_on(Lent& lent);
  [[nodiscard]] HotHead::Look look_at(Lent& lent, std::string_view bytes);
  [[nodiscard]] Next answer_whole(Lent& lent, std::string_view bytes);
  [[nodiscard]] Next answer(Lent& lent, const HotHead::Look& request);
  [[nodiscard]] Next answer_message(Lent& lent, std::string_view message);
  [[nodiscard]] bool reply_from_memory(bool terminal);
  void write(Lent& lent, const Response& response);
  void write_text(std::string_view start, std::string_view rest);
  [[nodiscard]] bool send(Lent& lent);
  void ask(Lent& lent, std::size_t kept);
  awaitable<Result<model::BatchReply>> reply_of(codec::PositionsRequest& request, ports::Wait wait);
  awaitable<void> ask_bus(std::shared_ptr<Impl> self, std::shared_ptr<Lent> lent,
                          codec::PositionsRequest request, ports::Wait wait, std::size_t kept);
  void answered(Lent& lent, const Response& response);
  void answered(Lent& lent, Api::StreamAnswer answer, std::size_t kept);
  void give_back(Lent& lent);
  void look_at_parts();

  asio::io_context& lane_;
  ports::Bus& bus_;
  ports::WorldDirectory worlds_;
  AtOnce at_once_;
  ReadySockets ready_;
  asio::steady_timer tick_;
  bool waits_ = false;  // for sockets
  bool ticks_ = false;
  std::unordered_map<Lent*, std::shared_ptr<Lent>> lent_;
  std::deque<Lent*> again_;
  std::size_t kept_bytes_ = 0;  // for answers to messages that the bus is asked for

  // Of the request at hand; kept for their memory.
  std::string came_;
  std::string message_;  // of a stream, without its mask
  codec::PositionsReader reader_;
  codec::PositionsRequest request_;
  ports::Wait wait_ = ports::Wait::no;
  model::BatchReply reply_;
  Response response_;
  std::string out_;                // answers that are not sent yet, of one connection
  const Lent* gathers_ = nullptr;  // the one whose answers are sent together in a moment

  std::int64_t ready_ns_ = 0;  // what is handled now was ready by then
  std::int64_t send_ns_ = 0;   // what the last answers took from here into their sockets
  std::int64_t first_ns_ = 0;  // when the first answer of `out_` was there
  std::array<std::atomic<std::uint64_t>, 5> responses_{};
};

void LaneServer::Impl::take(std::shared_ptr<Lent> lent) {
  Lent& one = *lent;
  lent_.emplace(&one, std::move(lent));
  if (!ready_.add(one)) return give_back(one);
  ready_ns_ = FrontTimes::now_ns();
  go_on(one);
  wait_for_sockets();
}

void LaneServer::Impl::recall(Lent& lent) {
  if (!lent_.contains(&lent)) return;  // on its way back
  lent.recalled = true;
  if (!lent.head || !lent.asking) give_back(lent);
}

void LaneServer::Impl::tell(Lent& lent, const Texts& texts) {
  bool here = lent_.contains(&lent);
  std::size_t told = 0;
  while (here && told < texts.size()) {
    write_text({}, *texts[told++]);
    if (out_.size() > sent_together_bytes || told == texts.size()) here = send(lent);
  }
  lent.ears.on_told(told);
  if (!here && lent_.contains(&lent)) give_back(lent);
}

void LaneServer::Impl::wait_for_sockets() {
  if (lent_.empty()) return;
  if (!std::exchange(ticks_, true)) look_at_parts();
  if (std::exchange(waits_, true)) return;
  ready_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    self->waits_ = false;
    if (!error) self->turn();
    self->wait_for_sockets();
  });
}

void LaneServer::Impl::turn() {
  ReadySockets::Events events;
  ready_ns_ = FrontTimes::now_ns() - at_once_.late_ns();
  const int count = ready_.look(events);
  for (int i = 0; i < count; ++i) {
    read(*static_cast<Lent*>(events[static_cast<std::size_t>(i)].data.ptr));
  }
  for (std::size_t left = again_.size(); left > 0 && !again_.empty(); --left) {
    Lent& lent = *again_.front();
    again_.pop_front();
    lent.again = false;
    read(lent);
  }
  if (again_.empty()) return;
  asio::post(lane_, [self = shared_from_this()] { self->turn(); });
}

// What has come. A read that fills its room may have left something behind.
void LaneServer::Impl::read(Lent& lent) {
  if (lent.asking || lent.again) return;  // then it goes on by itself
  const std::size_t kept = lent.unread.size();
  const std::size_t room = came_.size() - kept;
  const ssize_t count = ::recv(lent.descriptor, came_.data(), room, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
    if (errno == EAGAIN) return;
  } else if (count <= 0) {
    return give_back(lent);  // it has ended: its server hears that, too
  } else {
    std::string_view bytes(came_.data(), static_cast<std::size_t>(count));
    if (kept > 0) bytes = lent.unread.append(bytes);
    const Next next = answer_whole(lent, bytes);
    if (next != Next::reads) return;
    if (static_cast<std::size_t>(count) < room) return;
  }
  lent.again = true;
  again_.push_back(&lent);
}

// With what is here already, and then with what comes.
void LaneServer::Impl::go_on(Lent& lent) {
  if (!lent.unread.empty() && answer_whole(lent, lent.unread) != Next::reads) return;
  read(lent);
}

// A stream's message as if it were a request.
HotHead::Look LaneServer::Impl::look_at(Lent& lent, std::string_view bytes) {
  if (lent.head) return lent.head->look(bytes);
  const auto frame = codec::look_at_text(bytes, hot_body_bytes_max);
  if (frame.kind == codec::TextFrame::Kind::more) return {HotHead::Kind::more, 0, {}, false};
  if (frame.kind == codec::TextFrame::Kind::other) return {};
  if (!codec::unmask(frame.payload, frame.mask, message_)) return {};  // is it UTF-8 at all?
  return {HotHead::Kind::hot, frame.bytes, message_, false};
}

// All requests that are whole in `bytes`, by one write. What is left of them is unread.
LaneServer::Impl::Next LaneServer::Impl::answer_whole(Lent& lent, std::string_view bytes) {
  const std::size_t count = bytes.size();
  const bool begins = lent.unread.empty();
  Next next = Next::reads;
  gathers_ = &lent;
  while (next == Next::reads && !bytes.empty()) {
    const HotHead::Look request = look_at(lent, bytes);
    if (request.kind == HotHead::Kind::more) break;
    if (request.kind == HotHead::Kind::other) {
      next = Next::gone;
    } else {
      next = lent.head ? answer(lent, request) : answer_message(lent, request.body);
    }
    if (next == Next::reads || next == Next::asks) bytes.remove_prefix(request.bytes);
    const bool many = next == Next::reads && out_.size() > sent_together_bytes;
    if (many && !send(lent)) next = Next::gone;
  }
  gathers_ = nullptr;
  if (next != Next::asks && !send(lent)) next = Next::gone;
  if (begins || bytes.size() < count) lent.overlong = false;  // else it is the same part
  if (bytes.empty()) {
    lent.unread.clear();
  } else if (bytes.size() != lent.unread.size()) {
    lent.unread = std::string(bytes);  // which they may be a part of
  }
  if (next == Next::asks || next == Next::waits) lent.asking = true;
  if (next == Next::asks) ask(lent, 0);
  if (next == Next::gone) give_back(lent);
  return next;
}

// Asks: the bus is to be asked for `request_`.
LaneServer::Impl::Next LaneServer::Impl::answer(Lent& lent, const HotHead::Look& request) {
  try {
    const auto read = reader_.parse_into(request.body, codec::Carrier::http, request_);
    if (read && !reply_from_memory(request.terminal)) {
      return send(lent) ? Next::asks : Next::gone;  // others need not wait for this one
    }
    if (read) {
      write(lent, response_);
    } else {
      write(lent, error_response(read.error()));
    }
  } catch (const std::exception& error) {
    write(lent, internal_error(error.what()));
  }
  return Next::reads;
}

// It is answered or will be, or waits for room. Gone: its stream's session is to do it.
LaneServer::Impl::Next LaneServer::Impl::answer_message(Lent& lent, std::string_view message) {
  try {
    const auto read = reader_.parse_into(message, codec::Carrier::stream, request_);
    if (read && !reply_from_memory(false)) {
      const std::size_t kept = limits::answer_bytes_kept(message.size());
      if (kept_bytes_ + kept > limits::lane_answers_bytes_max) return Next::gone;
      if (!lent.has_room(kept)) return Next::waits;
      ask(lent, kept);
      return Next::reads;
    }
    if (!read) response_.body = error_response(read.error()).body;
    if (const auto id = reader_.last_id()) {
      fmt::memory_buffer start;
      fmt::format_to(std::back_inserter(start), R"({{"id":{},)", *id);
      write_text({start.data(), start.size()}, std::string_view(response_.body).substr(1));
    } else {
      write_text({}, response_.body);
    }
    lent.answered.fetch_add(1, std::memory_order_relaxed);
    if (!read) return Next::reads;
    // What is found and not decided: its stream is told once it is.
    if (auto found = found_in(reply_); !found.empty()) lent.ears.on_found(std::move(found));
  } catch (const std::exception&) {
    return Next::gone;  // there it is told
  }
  return Next::reads;
}

// One text, in two parts.
void LaneServer::Impl::write_text(std::string_view start, std::string_view rest) {
  if (out_.empty()) first_ns_ = FrontTimes::now_ns();
  codec::append_text_head(out_, start.size() + rest.size());
  out_ += start;
  out_ += rest;
}

// Into `response_`; false when memory has not all of it.
bool LaneServer::Impl::reply_from_memory(bool terminal) {
  model::Batch& batch = request_.batch;
  wait_ = wait_of(request_, terminal);
  batch.received_ns = ready_ns_;
  batch.front_ns = send_ns_;
  if (!at_once_.answer) return false;
  if (std::holds_alternative<std::string>(request_.world)) {
    const model::World* world = worlds_.known(request_.world);
    if (world == nullptr) return false;
    batch.world = world->id;
  }
  if (!at_once_.answer(batch, wait_, reply_)) return false;
  response_.body.clear();
  codec::write_reply(batch, reply_, response_.body);
  return true;
}

// Its own is kept open, and said to end where it is recalled and nothing else was asked.
void LaneServer::Impl::write(Lent& lent, const Response& response) {
  if (out_.empty()) first_ns_ = FrontTimes::now_ns();
  append_response(out_, response, !(lent.recalled && lent.unread.empty()));
  const std::size_t status_class = std::clamp(response.status / 100, 1U, 5U) - 1;
  responses_[status_class].fetch_add(1, std::memory_order_relaxed);
  lent.answered.fetch_add(1, std::memory_order_relaxed);
}

// False when not all of it was taken; the rest is unsent then.
bool LaneServer::Impl::send(Lent& lent) {
  if (out_.empty()) return true;
  const ssize_t sent =
      ::send(lent.descriptor, out_.data(), out_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  const bool all = sent == static_cast<ssize_t>(out_.size());
  if (!all) lent.unsent = out_.substr(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  out_.clear();
  send_ns_ += (FrontTimes::now_ns() - first_ns_ - send_ns_) / 8;
  return all;
}

// The bus, for `request_`, which may answer by now. `kept`: for the answer to a stream's message.
void LaneServer::Impl::ask(Lent& lent, std::size_t kept) {
  if (!lent.head) {
    ++lent.asks.count;
    lent.asks.bytes += kept;
    kept_bytes_ += kept;
  }
  auto work =
      ask_bus(shared_from_this(), lent_.at(&lent), std::exchange(request_, {}), wait_, kept);
  asio::co_spawn(lane_, std::move(work), [](std::exception_ptr failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      log(LogLevel::error, "http", fmt::format("a lane's connection ended with: {}", error.what()));
    }
  });
}

awaitable<Result<model::BatchReply>> LaneServer::Impl::reply_of(codec::PositionsRequest& request,
                                                                ports::Wait wait) {
  HUNT_CO_CHECK(co_await find_world(worlds_, request));
  co_return co_await bus_.ask(request.batch, wait);
}

awaitable<void> LaneServer::Impl::ask_bus(std::shared_ptr<Impl> self, std::shared_ptr<Lent> lent,
                                          codec::PositionsRequest request, ports::Wait wait,
                                          std::size_t kept) {
  Response response;
  Api::StreamAnswer answer;
  try {
    const auto reply = co_await reply_of(request, wait);
    if (reply) {
      codec::write_reply(request.batch, *reply, response.body);
      if (!lent->head) answer.found = found_in(*reply);
    } else {
      response = error_response(reply.error());
    }
  } catch (const std::exception& error) {
    response = internal_error(error.what());
  }
  if (lent->head) {
    self->answered(*lent, response);
    co_return;
  }
  answer.id = request.id;
  answer.text = with_id(request.id, std::move(response.body));
  self->answered(*lent, std::move(answer), kept);
}

// What the bus was asked for.
void LaneServer::Impl::answered(Lent& lent, const Response& response) {
  lent.asking = false;
  ready_ns_ = FrontTimes::now_ns();
  write(lent, response);
  if (!send(lent) || lent.recalled) return give_back(lent);
  go_on(lent);
}

// The stream goes on meanwhile, here or at its session.
void LaneServer::Impl::answered(Lent& lent, Api::StreamAnswer answer, std::size_t kept) {
  kept_bytes_ -= kept;
  if (!lent_.contains(&lent)) return lent.ears.on_late(std::move(answer), kept);
  --lent.asks.count;
  lent.asks.bytes -= kept;
  write_text({}, answer.text);
  lent.answered.fetch_add(1, std::memory_order_relaxed);
  if (!answer.found.empty()) lent.ears.on_found(std::move(answer.found));
  if (gathers_ == &lent) return;
  if (!send(lent)) return give_back(lent);
  if (!lent.asking.exchange(false)) return;
  ready_ns_ = FrontTimes::now_ns();
  go_on(lent);
}

void LaneServer::Impl::give_back(Lent& lent) {
  ready_.remove(lent);
  if (lent.again) std::erase(again_, &lent);
  const auto kept = lent_.extract(&lent);
  kept.mapped()->on_back();
  if (!lent_.empty()) return;
  ready_.cancel();
  tick_.cancel();
}

// Who has sent a part of a request and no more is the server's, with its timeouts; so is a stream
// that says nothing.
void LaneServer::Impl::look_at_parts() {
  tick_.expires_after(look_every);
  tick_.async_wait([self = shared_from_this()](const boost::system::error_code&) {
    std::vector<Lent*> late;
    for (const auto& [lent, owner] : self->lent_) {
      if (lent->unread.empty()) lent->unread.shrink_to_fit();
      const std::uint64_t answered = lent->answered.load(std::memory_order_relaxed);
      const bool quiet = std::exchange(lent->answered_before, answered) == answered;
      lent->quiet_looks = quiet ? lent->quiet_looks + 1 : 0;
      const bool silent = !lent->head && lent->quiet_looks >= quiet_looks_max;
      if (lent->asking || (lent->unread.empty() && !silent)) continue;
      if (std::exchange(lent->overlong, true) || silent) late.push_back(lent);
    }
    for (Lent* lent : late) self->give_back(*lent);
    self->ticks_ = false;
    self->wait_for_sockets();
  });
}

LaneServer::LaneServer(asio::io_context& lane, ports::Bus& bus, ports::WorldStore& store,
                       std::size_t header_bytes_max)
    : impl_(std::make_shared<Impl>(lane, bus, store, header_bytes_max)) {}
LaneServer::~LaneServer() = default;

void LaneServer::answer_with(AtOnce at_once) {
  impl_->answer_with(std::move(at_once));
}

void LaneServer::take(std::shared_ptr<Lent> lent) {
  asio::post(impl_->lane(),
             [impl = impl_, lent = std::move(lent)]() mutable { impl->take(std::move(lent)); });
}

void LaneServer::recall(std::shared_ptr<Lent> lent) {
  asio::post(impl_->lane(), [impl = impl_, lent = std::move(lent)] { impl->recall(*lent); });
}

void LaneServer::tell(std::shared_ptr<Lent> lent, Texts texts) {
  asio::post(impl_->lane(), [impl = impl_, lent = std::move(lent), texts = std::move(texts)] {
    impl->tell(*lent, texts);
  });
}

void LaneServer::count_into(HttpFigures& figures) {
  for (std::size_t i = 0; i < counted_.size(); ++i) {
    const std::uint64_t answered = impl_->responses(i);
    figures.responses[static_cast<std::size_t>(RouteGroup::positions)][i] += answered - counted_[i];
    counted_[i] = answered;
  }
}

}  // namespace hunt::http
