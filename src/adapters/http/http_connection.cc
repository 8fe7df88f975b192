#include "adapters/http/http_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <sstream>

#include "adapters/http/event.h"
#include "adapters/http/header_lines.h"
#include "adapters/http/http_wire.h"
#include "base/text.h"

namespace hunt::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::awaitable;
using asio::ip::tcp;
using SteadyClock = std::chrono::steady_clock;

// After a refusal the rest of a request is read and dropped this long, so that the client reads the
// answer instead of a reset.
constexpr std::chrono::milliseconds linger_max{1'000};
constexpr std::size_t read_bytes = 8 * 1'024;
// A body or an answer up to this is not counted: every connection may hold as much.
constexpr std::size_t uncounted_bytes = 4 * 1'024;

// A connection and what has come of it and is not read yet.
struct Client : Connection, std::enable_shared_from_this<Client> {
  Client(tcp::socket accepted, ByteBudget& bodies, ByteBudget& answers, std::size_t buffer_bytes)
      : Connection(std::move(accepted), bodies, answers),
        buffer(buffer_bytes),
        back(socket.get_executor()) {}
  beast::flat_buffer buffer;

  // Who asks for positions once is likely to ask again, and is lent to a lane then. Who asks for
  // something else in between stays here the longer, the more often that happens.
  std::optional<AdmittedHead> hot;  // of the last request, if a lane could have answered it
  std::size_t hot_in_a_row = 0;
  std::size_t lend_after = 1;
  Event back;
};

// When a request came, as far as this thread can know: what is ready waits as long as the loop
// is late. Who sends its parts one after the other has come with the last of them.
class Arrival {
 public:
  explicit Arrival(std::int64_t lag_ns)
      : lag_ns_(lag_ns), seen_ns_(FrontTimes::now_ns()), came_ns_(seen_ns_ - lag_ns) {}
  void more() {
    const std::int64_t now = FrontTimes::now_ns();
    if (now - seen_ns_ > 2 * lag_ns_ + read_ns_max) came_ns_ = now - lag_ns_;
    seen_ns_ = now;
  }
  [[nodiscard]] std::int64_t came_ns() const noexcept { return came_ns_; }

 private:
  static constexpr std::int64_t read_ns_max =
      1'000'000;  // guess: longer, and something was waited for
  std::int64_t lag_ns_;
  std::int64_t seen_ns_;
  std::int64_t came_ns_;
};

void expire_after(Connection& connection, std::chrono::milliseconds limit) {
  connection.deadline = SteadyClock::now() + limit;
}

bool may_lend(const ServerState& server, const Client& connection) {
  return connection.hot && connection.hot_in_a_row >= connection.lend_after && !connection.late &&
         !connection.evicted && !server.stopping;
}

// What a lane's answers were before its client stopped to read them.
awaitable<bool> send_rest(ServerState& server, Client& connection, std::string rest) {
  if (rest.size() > uncounted_bytes && !connection.answer.take(rest.size())) {
    server.figures.count(Refusal::answers);
    co_return false;  // in the middle of an answer nothing else can be said
  }
  server.connections.wait(connection, Wait::peer);
  connection.answer.waits_for_peer(SteadyClock::now());
  expire_after(connection, server.options.body_timeout);
  const auto bytes = asio::buffer(rest);
  const auto [error, count] = co_await asio::async_write(connection.socket, bytes, as_result);
  connection.answer.give_all();
  connection.answer.waits_no_more();
  server.connections.wait(connection, Wait::idle);
  expire_after(connection, server.options.idle_timeout);
  co_return !error;
}

// One that a lane has had. False when it is to end.
awaitable<bool> take_back(ServerState& server, Client& connection, Lent& lent, tcp protocol) {
  if (connection.evicted) co_return false;
  connection.begun = true;
  server.connections.wait(connection, Wait::idle);
  expire_after(connection, server.options.idle_timeout);
  boost::system::error_code error;
  connection.socket.assign(protocol, lent.descriptor, error);
  if (error) co_return false;
  lent.descriptor = -1;
  const auto text = asio::buffer(lent.unread);
  connection.buffer.max_size(std::max(connection.buffer.max_size(), text.size() + read_bytes));
  connection.buffer.commit(asio::buffer_copy(connection.buffer.prepare(text.size()), text));
  constexpr std::size_t lend_after_max = 1'024;
  connection.lend_after =
      lent.answered > 0 ? 1 : std::min(4 * connection.lend_after, lend_after_max);
  if (!lent.unsent.empty()) co_return co_await send_rest(server, connection, lent.unsent);
  co_return !lent.recalled || text.size() > 0;
}

// Hands it to a lane, and waits until it comes back. False when it is to end.
awaitable<bool> lend(ServerState& server, Client& connection) {
  boost::system::error_code error;
  const auto protocol = connection.socket.local_endpoint(error).protocol();
  if (error) co_return false;
  const auto lent =
      std::make_shared<Lent>(HotHead(std::move(*connection.hot), server.options.header_bytes_max));
  connection.hot.reset();
  connection.hot_in_a_row = 0;
  lent->descriptor = connection.socket.release(error);
  if (error) co_return false;
  lent->unread = beast::buffers_to_string(connection.buffer.data());
  connection.buffer.clear();
  connection.buffer.shrink_to_fit();
  lent->on_back = [front = connection.socket.get_executor(), weak = connection.weak_from_this()] {
    asio::post(front, [weak] {
      const auto client = weak.lock();
      if (client == nullptr) return;
      client->lent.reset();
      client->back.notify();
    });
  };
  connection.lane = server.lanes[server.next_lane++ % server.lanes.size()];
  connection.lent = lent;
  connection.lent_answered = 0;
  connection.begun = false;
  server.connections.wait(connection, Wait::idle);
  expire_after(connection, server.options.idle_timeout);
  connection.lane->take(lent);
  while (connection.lent != nullptr) co_await connection.back.wait();
  co_return co_await take_back(server, connection, *lent, protocol);
}

// Waits without a buffer: who says nothing costs its descriptor and little more.
awaitable<bool> wait_for_request(ServerState& server, Client& connection) {
  if (connection.buffer.size() != 0) co_return true;  // pipelined
  if (server.stopping || connection.evicted) co_return false;
  connection.buffer.shrink_to_fit();
  connection.begun = false;
  const auto [error] = co_await connection.socket.async_wait(tcp::socket::wait_read, as_result);
  connection.begun = true;
  const bool late = connection.deadline <= SteadyClock::now();
  if (error && late && connection.waits == Wait::newcomer) server.figures.count(Refusal::silent);
  co_return !error;
}

// Why a connection ended that the other side did not close; nothing when it is none of that.
std::optional<Response> ended_for(const Connection& connection) {
  if (!connection.evicted && !connection.withheld) return {};
  return error_response(
      503, "overloaded",
      connection.evicted ? "all connections are in use, and this one was idle longest; send it "
                           "again"
                         : "memory is short, and this one was waited for longest; send it again");
}

awaitable<std::optional<Response>> read_header(ServerState& server, Client& connection,
                                               Parser& parser, bool& gone) {
  auto& buffer = connection.buffer;
  HeaderLines lines(server.options.header_bytes_max);
  std::size_t looked = 0;
  boost::system::error_code error;
  while (!parser.is_header_done()) {
    const auto data = buffer.data();
    const std::string_view all(static_cast<const char*>(data.data()), data.size());
    const std::string_view wrong = lines.feed(all.substr(looked));
    if (lines.too_large()) co_return header_too_large(server.options);
    if (!wrong.empty()) co_return not_http(wrong);
    looked = all.size();
    if (!all.empty()) {
      const std::size_t used = parser.put(data, error);
      buffer.consume(used);
      looked -= used;
      if (error && error != bhttp::error::need_more)
        co_return refusal_of(error, false, server.options);
      if (parser.is_header_done()) break;
    }
    const auto space = buffer.prepare(read_bytes);
    const auto [failure, count] = co_await connection.socket.async_read_some(space, as_result);
    if (failure) {
      if (auto ended = ended_for(connection)) co_return ended;
      if (failure == asio::error::operation_aborted) server.figures.count(Refusal::silent);
      const bool closed = failure == asio::error::eof && (looked > 0 || parser.got_some());
      error = closed ? beast::error_code(bhttp::error::partial_message) : failure;
      auto refusal = refusal_of(error, false, server.options);
      gone = !refusal || server.stopping;
      co_return refusal;
    }
    buffer.commit(count);
  }
  co_return std::nullopt;
}

// What has come of the body is counted; nothing when there is room for it.
std::optional<Response> count_body(ServerState& server, Connection& connection,
                                   const Parser& parser) {
  const auto& body = parser.get().body();
  const std::size_t held = parser.chunked() ? body.capacity() : body.size();
  if (held <= uncounted_bytes || held <= connection.body.bytes()) return {};
  if (connection.body.take(held - connection.body.bytes())) return {};
  server.figures.count(Refusal::bodies);
  return error_response(503, "overloaded",
                        fmt::format("the bodies of other requests fill the {} MiB that there are "
                                    "for them; send it again",
                                    server.options.bodies_bytes_max >> 20U));
}

awaitable<std::optional<Response>> read_body(ServerState& server, Client& connection,
                                             Parser& parser, bool& gone) {
  if (parser.is_done()) co_return std::nullopt;  // there is none
  server.connections.wait(connection, Wait::peer);
  connection.body.waits_for_peer(SteadyClock::now());
  expire_after(connection, server.options.body_timeout);
  parser.body_limit(server.options.body_bytes_max);
  parser.eager(true);
  if (beast::iequals(parser.get()[bhttp::field::expect], "100-continue")) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto text = asio::buffer(go_on);
    const auto [error, count] = co_await asio::async_write(connection.socket, text, as_result);
    if (error) {
      gone = true;
      co_return std::nullopt;
    }
  }
  while (!parser.is_done()) {
    const auto [error, count] =
        co_await bhttp::async_read_some(connection.socket, connection.buffer, parser, as_result);
    if (error) {
      if (auto ended = ended_for(connection)) co_return ended;
      if (error == asio::error::operation_aborted) server.figures.count(Refusal::silent);
      auto refusal = refusal_of(error, true, server.options);
      gone = !refusal.has_value();
      co_return refusal;
    }
    if (auto full = count_body(server, connection, parser)) co_return full;
  }
  connection.body.waits_no_more();
  co_return std::nullopt;
}

awaitable<Response> answer_of(ServerState& server, Admitted admitted, std::string body) {
  std::string failure;
  try {
    server.show_figures();
    co_return co_await server.api->handle(std::move(admitted), std::move(body));
  } catch (const std::exception& error) {
    failure = error.what();
  }
  co_return internal_error(failure);
}

awaitable<bool> send(ServerState& server, Client& connection, Response response, unsigned version,
                     bool head_only, bool keep_alive) {
  const std::size_t bytes = response.body.capacity();
  if (!head_only && bytes > uncounted_bytes && !connection.answer.take(bytes)) {
    server.figures.count(Refusal::answers);
    const RouteGroup group = response.group;
    response = error_response(503, "overloaded",
                              "answers that others do not read fill the memory there is for them; "
                              "ask again");
    response.group = group;
    keep_alive = false;  // whatever else it has sent already
  }
  server.figures.count(response.group, response.status);
  server.connections.wait(connection, Wait::peer);
  connection.answer.waits_for_peer(SteadyClock::now());
  expire_after(connection, server.options.body_timeout);
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
  connection.answer.give_all();
  connection.answer.waits_no_more();
  server.connections.wait(connection, connection.proven ? Wait::idle : Wait::newcomer);
  expire_after(connection, server.options.idle_timeout);
  co_return !error && keep_alive;
}

// Answers a request that was not read to its end, then reads the rest away for a moment.
awaitable<bool> refuse(ServerState& server, Client& connection, Response response) {
  boost::system::error_code ignored;
  if (connection.evicted || connection.withheld) {
    server.figures.count(response.group, response.status);
    // It is to leave now: what does not fit into the socket's buffer is lost.
    const std::string text = closing_text(response);
    connection.socket.non_blocking(true, ignored);
    connection.socket.write_some(asio::buffer(text), ignored);
    co_return false;
  }
  constexpr unsigned http_1_1 = 11;
  co_await send(server, connection, std::move(response), http_1_1, false, false);
  server.connections.wait(connection, Wait::newcomer);
  connection.socket.shutdown(tcp::socket::shutdown_send, ignored);
  expire_after(connection, linger_max);
  while (SteadyClock::now() < connection.deadline && !connection.evicted) {
    connection.buffer.clear();
    const auto space = connection.buffer.prepare(read_bytes);
    const auto [error, count] = co_await connection.socket.async_read_some(space, as_result);
    if (error) break;
  }
  co_return false;
}

// Refuses what was asked for in the header alone. A body that was not read ends the connection.
awaitable<bool> turn_down(ServerState& server, Client& connection, const Parser& parser,
                          Response response) {
  const bool head_only = parser.get().method() == bhttp::verb::head;
  const auto length = parser.content_length();
  const bool has_body = parser.chunked() || (length && *length > 0);
  if (has_body || connection.evicted) {
    co_return co_await refuse(server, connection, std::move(response));
  }
  co_return co_await send(server, connection, std::move(response), parser.get().version(),
                          head_only, parser.get().keep_alive() && !server.stopping);
}

// The connection goes on as a WebSocket until that ends.
awaitable<bool> stream(ServerState& server, Client& connection, Parser& parser, StreamStart start) {
  if (server.stopping || connection.evicted) co_return false;
  server.figures.count(RouteGroup::stream, 101);
  std::ostringstream received;
  received << parser.get().base() << beast::buffers_to_string(connection.buffer.data());
  connection.buffer.clear();
  connection.buffer.shrink_to_fit();
  LaneServer* lane =
      server.lanes.empty() ? nullptr : server.lanes[server.next_lane++ % server.lanes.size()];
  const StreamPorts ports{*server.api,    server.ports.ledgers, server.feed,
                          server.options, server.bodies,        server.answers,
                          server.figures, server.ports.lag,     lane};
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
  const Membership membership(server.streams, session.get());
  co_await session->run();
  co_return false;
}

// Who has asked for positions now, and how often; nobody when a lane could not have answered it.
void note_hot(const ServerState& server, Client& connection, const Parser& parser,
              RouteGroup group) {
  const auto& header = parser.get();
  const auto length = parser.content_length();
  constexpr unsigned http_1_1 = 11;
  connection.hot.reset();
  const bool hot = group == RouteGroup::positions && header.version() == http_1_1 && length &&
                   *length <= hot_body_bytes_max && !server.lanes.empty();
  connection.hot_in_a_row = hot ? connection.hot_in_a_row + 1 : 0;
  if (!hot) return;
  const auto text = [&header](bhttp::field field) {
    const auto value = header[field];
    return std::string(value.data(), value.size());
  };
  connection.hot = AdmittedHead{text(bhttp::field::host), text(bhttp::field::authorization),
                                text(bhttp::field::origin)};
}

awaitable<bool> serve_one(ServerState& server, Client& connection) {
  if (may_lend(server, connection)) {
    const bool goes_on = co_await lend(server, connection);
    if (!goes_on) co_return false;
  }
  if (!co_await wait_for_request(server, connection)) co_return false;
  const LoopLag lag = server.ports.lag();
  Arrival arrival(lag.late_ns);
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(server.options.header_bytes_max));
  parser.body_limit(boost::none);  // looked at once it is known who asks
  expire_after(connection, server.options.header_timeout);
  bool gone = false;
  auto refusal = co_await read_header(server, connection, parser, gone);
  if (gone) co_return false;
  arrival.more();
  if (!refusal) {
    refusal = framing_refusal(parser);
    if (refusal) server.figures.count(Refusal::framing);
  }
  if (refusal) co_return co_await refuse(server, connection, std::move(*refusal));

  auto admission = server.api->admit(head_of(parser));
  if (auto* turned_down = std::get_if<Response>(&admission)) {
    co_return co_await turn_down(server, connection, parser, std::move(*turned_down));
  }
  auto& admitted = std::get<Admitted>(admission);
  if (connection.late && server.connections.above() && !admitted.kept) {
    server.figures.count(Refusal::connections);
    auto late = error_response(503, "overloaded",
                               "the last connections are kept for probes and admins; try later");
    co_return co_await refuse(server, connection, std::move(late));
  }
  connection.proven = connection.proven || admitted.proven;
  refusal = co_await read_body(server, connection, parser, gone);
  if (gone) co_return false;
  arrival.more();
  admitted.front = {arrival.came_ns(), lag.next_ns + server.send_ns};
  if (refusal) {
    std::string().swap(parser.get().body());  // before the last look, which takes its time
    connection.body.give_all();
    co_return co_await refuse(server, connection, std::move(*refusal));
  }

  server.connections.wait(connection, Wait::us);
  connection.deadline = SteadyClock::time_point::max();  // the ports have their own deadlines
  const unsigned version = parser.get().version();
  const bool head_only = parser.get().method() == bhttp::verb::head;
  const bool keep_alive = parser.get().keep_alive();
  auto response = co_await answer_of(server, std::move(admitted), std::move(parser.get().body()));
  const std::int64_t answered_ns = FrontTimes::now_ns();
  connection.body.give_all();
  if (response.stream) co_return co_await stream(server, connection, parser, *response.stream);
  note_hot(server, connection, parser, response.group);
  const bool open = co_await send(server, connection, std::move(response), version, head_only,
                                  keep_alive && !server.stopping);
  server.send_ns += (FrontTimes::now_ns() - answered_ns - server.send_ns) / 8;
  co_return open;
}

awaitable<void> serve(std::shared_ptr<ServerState> state, std::shared_ptr<Client> connection) {
  // Leaves the list however the coroutine ends.
  struct Membership {
    Connections& all;
    Connection& connection;
    Membership(Connections& of, Connection& member) : all(of), connection(member) {}
    Membership(const Membership&) = delete;
    Membership& operator=(const Membership&) = delete;
    ~Membership() { all.remove(connection); }
  };
  const Membership membership(state->connections, *connection);
  bool open = true;
  while (open) open = co_await serve_one(*state, *connection);
  boost::system::error_code ignored;
  connection->socket.shutdown(tcp::socket::shutdown_both, ignored);
}

}  // namespace

ServerState::ServerState(Ports of, HttpOptions with)
    : ports(std::move(of)),
      options(std::move(with)),
      bodies(options.bodies_bytes_max),
      answers(options.answers_bytes_max),
      connections(options.connections_max,
                  std::min(options.connections_kept, options.connections_max / 4)),
      feed(ports.ledgers.size()) {}

void ServerState::show_figures() {
  figures.connections = connections.size();
  figures.connections_max = connections.count_max();
  const std::int64_t at_ns = FrontTimes::now_ns();
  figures.connections_ns = connections.use().total_ns(at_ns);
  connections_lately.read(figures.connections_ns, at_ns);
  figures.connections_used = connections_lately.mean(figures.connections_ns, at_ns) /
                             static_cast<double>(connections.count_max());
  figures.streams = streams.size();
  for (LaneServer* lane : lanes) lane->count_into(figures);
  figures.body_bytes = bodies.used_bytes();
  figures.answer_bytes = answers.used_bytes();
}

awaitable<void> serve_connection(std::shared_ptr<ServerState> state, tcp::socket socket) {
  auto connection = std::make_shared<Client>(std::move(socket), state->bodies, state->answers,
                                             state->options.header_bytes_max + read_bytes);
  state->connections.add(*connection);
  expire_after(*connection, state->options.first_byte_timeout);
  return serve(std::move(state), std::move(connection));
}

}  // namespace hunt::http
