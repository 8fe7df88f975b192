#include "adapters/postgres/data_api_client.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <utility>

#include "adapters/postgres/data_api_failure.h"
#include "base/log.h"
#include "base/text.h"
#include "data_api/client_request.h"
#include "data_api/limits.h"
#include "ports/store_trouble.h"

namespace hunt::postgres {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
namespace ssl = boost::asio::ssl;
using asio::awaitable;
using asio::ip::tcp;
using data_api::Operation;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t calls_max = 1'024;  // waiting for a connection; more are refused
constexpr auto connect_within = std::chrono::seconds(5);
// A gateway ends connections that are idle for a minute; ours go before it does.
constexpr auto idle_max = std::chrono::seconds(20);
constexpr milliseconds retry_first(50);
constexpr milliseconds retry_max(2'000);
// Between asks while it wakes up: a quarter of the time that it has taken already, within these.
constexpr milliseconds resume_min(100);
constexpr milliseconds resume_max(1'000);
constexpr int resume_part = 4;
constexpr std::uint32_t header_bytes_max = 16 * 1'024;
// Ten megabytes of formatted records, each quote in them escaped.
constexpr std::uint64_t reply_bytes_max = 32 * 1'024 * 1'024;
constexpr unsigned http_1_1 = 11;
constexpr unsigned status_ok = 200;
// The service counts headers, too.
constexpr std::size_t request_body_max = data_api::request_bytes_max - header_bytes_max;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

Error closed_error() {
  return {Errc::unavailable, "the store is closed: the process shuts down", {}};
}

std::int64_t us_since(Clock::time_point from) {
  return (Clock::now() - from) / std::chrono::microseconds(1);
}

}  // namespace

// One connection, with or without TLS.
class DataApiClient::Link {
 public:
  Link(const asio::any_io_executor& io, DataApiAccess& access, Interrupt* interrupt)
      : interrupt_(interrupt) {
    if (access.url().tls()) {
      tls_.emplace(io, access.trust());
    } else {
      plain_.emplace(io);
    }
  }
  ~Link() {
    if (watched_) interrupt_->forget();
    close();
  }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  [[nodiscard]] beast::tcp_stream& tcp() { return tls_ ? tls_->next_layer() : *plain_; }
  [[nodiscard]] std::optional<ssl::stream<beast::tcp_stream>>& tls() { return tls_; }
  [[nodiscard]] std::optional<beast::tcp_stream>& plain() { return plain_; }
  beast::flat_buffer buffer;
  Clock::time_point since;  // idle

  // False: the caller is to give up.
  [[nodiscard]] bool watch() {
    if (interrupt_ == nullptr) return true;
    watched_ = interrupt_->watch(tcp().socket().native_handle());
    return watched_;
  }
  void close() {
    boost::system::error_code ignored;
    tcp().socket().close(ignored);
  }
  // Whether the other side has closed it, or said what nobody asked for.
  [[nodiscard]] bool is_stale() {
    char byte = 0;
    const auto got = ::recv(tcp().socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    // Of TLS there may be tickets that nobody has read yet.
    return got == 0 || (got > 0 && !tls_) || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  }

 private:
  Interrupt* interrupt_;
  bool watched_ = false;
  std::optional<ssl::stream<beast::tcp_stream>> tls_;
  std::optional<beast::tcp_stream> plain_;
};

struct DataApiClient::Reply {
  unsigned status = 0;
  std::string type;
  std::string date;
  std::string body;
  bool keep_alive = false;
  data_api::Credentials signer;
  std::int64_t wait_us = 0;
};

// Why there is no answer.
struct DataApiClient::Lost {
  Error error;
  bool sent = false;    // perhaps all of it
  bool silent = false;  // not a byte came back, before the time was over
};

DataApiClient::DataApiClient(asio::any_io_executor io, std::shared_ptr<DataApiAccess> access,
                             DataApiClientOptions options)
    : io_(std::move(io)), access_(std::move(access)), options_(options), random_(options.seed) {}

DataApiClient::~DataApiClient() = default;

awaitable<Result<void>> DataApiClient::take_turn(bool now) {
  if (closed_) co_return tl::unexpected<Error>(closed_error());
  if (now || busy_ < options_.at_once) {
    ++busy_;
    co_return Result<void>{};
  }
  if (waiters_.size() >= calls_max) {
    co_return fail(Errc::overloaded, fmt::format("{}: {} calls wait for {} connections", shown(),
                                                 calls_max, options_.at_once));
  }
  const auto waiter = std::make_shared<Waiter>(io_);
  waiters_.push_back(waiter);
  waiter->timer.expires_after(options_.answer_within);
  co_await waiter->timer.async_wait(as_result);
  if (!waiter->called) {
    std::erase(waiters_, waiter);
    co_return fail(Errc::overloaded,
                   fmt::format("{}: none of {} connections became free within {} ms", shown(),
                               options_.at_once, options_.answer_within.count()));
  }
  if (!closed_) co_return Result<void>{};
  give_turn();
  co_return tl::unexpected<Error>(closed_error());
}

void DataApiClient::give_turn() {
  if (waiters_.empty() || busy_ > options_.at_once) {
    --busy_;
    return;
  }
  const auto next = std::move(waiters_.front());
  waiters_.pop_front();
  next->called = true;
  next->timer.cancel();
}

std::shared_ptr<DataApiClient::Link> DataApiClient::kept_link() {
  const auto now = Clock::now();
  while (!idle_.empty()) {
    auto link = std::move(idle_.back());
    idle_.pop_back();
    if (now - link->since < idle_max && !link->is_stale()) return link;
  }
  return nullptr;
}

void DataApiClient::keep(std::shared_ptr<Link> link) {
  if (closed_ || idle_.size() >= options_.at_once) return;
  link->since = Clock::now();
  link->tcp().expires_never();
  idle_.push_back(std::move(link));
}

awaitable<Result<std::shared_ptr<DataApiClient::Link>>> DataApiClient::reach() {
  const auto& url = access_->url();
  const auto failed = [&url](std::string_view what, const std::string& why) {
    return fail(Errc::unavailable, fmt::format("{} {}: {}", url.shown(), what, why));
  };
  tcp::resolver resolver(io_);
  const auto [unresolved, endpoints] = co_await resolver.async_resolve(
      url.address().host, std::to_string(url.address().port), as_result);
  if (unresolved) co_return failed("cannot be found", unresolved.message());
  auto link = std::make_shared<Link>(io_, *access_, options_.interrupt);
  active_.insert(link);
  link->tcp().expires_after(connect_within);
  const auto [unconnected, endpoint] = co_await link->tcp().async_connect(endpoints, as_result);
  active_.erase(link);
  if (closed_) co_return tl::unexpected<Error>(closed_error());
  if (unconnected) co_return failed("cannot be reached", unconnected.message());
  if (!link->watch()) co_return tl::unexpected<Error>(closed_error());
  boost::system::error_code ignored;
  link->tcp().socket().set_option(tcp::no_delay(true), ignored);
  if (link->tls()) {
    auto& secure = *link->tls();
    const std::string& host = url.address().host;
    if (SSL_set_tlsext_host_name(secure.native_handle(), host.c_str()) != 1) {
      co_return failed("cannot be asked for by TLS", host);
    }
    secure.set_verify_callback(ssl::host_name_verification(host), ignored);
    active_.insert(link);
    link->tcp().expires_after(connect_within);
    const auto [untrusted] = co_await secure.async_handshake(ssl::stream_base::client, as_result);
    active_.erase(link);
    if (closed_) co_return tl::unexpected<Error>(closed_error());
    const bool by_tls = untrusted.category() == asio::error::get_ssl_category();
    if (untrusted) {
      co_return failed(by_tls ? "is not trusted by TLS (trust others with AWS_CA_BUNDLE)"
                              : "does not answer in TLS",
                       untrusted.message());
    }
  }
  co_return link;
}

awaitable<Result<std::shared_ptr<DataApiClient::Link>>> DataApiClient::connect() {
  if (unreachable_ && Clock::now() < retry_at_) co_return tl::unexpected<Error>(*unreachable_);
  auto link = co_await reach();
  if (link) {
    ++connects_;
    failures_ = 0;
    unreachable_.reset();
    co_return link;
  }
  const auto most = std::min(retry_max, retry_first * (1 << std::min(failures_++, 6)));
  const auto jitter = random_.below(static_cast<std::uint64_t>(most.count()));
  retry_at_ = Clock::now() + most / 2 + milliseconds(jitter);
  unreachable_ = link.error();
  co_return link;
}

awaitable<DataApiClient::Exchanged> DataApiClient::exchange(std::shared_ptr<Link> link,
                                                            std::string_view path,
                                                            const std::string& body) {
  Reply reply;
  bhttp::request<bhttp::string_body> request(
      bhttp::verb::post, beast::string_view(path.data(), path.size()), http_1_1);
  for (const auto& [name, value] : access_->sign(path, body, reply.signer)) {
    request.set(beast::string_view(name), value);
  }
  request.set(bhttp::field::user_agent, "hunt");
  request.body() = body;
  request.prepare_payload();
  bhttp::response_parser<bhttp::string_body> parser;
  parser.header_limit(header_bytes_max);
  parser.body_limit(reply_bytes_max);
  active_.insert(link);
  link->tcp().expires_after(options_.answer_within);
  beast::error_code unsent;
  beast::error_code unread;
  std::size_t count = 0;
  // A server may answer and close before it has read everything, so a failed write still reads.
  if (link->tls()) {
    std::tie(unsent, count) = co_await bhttp::async_write(*link->tls(), request, as_result);
    std::tie(unread, count) =
        co_await bhttp::async_read(*link->tls(), link->buffer, parser, as_result);
  } else {
    std::tie(unsent, count) = co_await bhttp::async_write(*link->plain(), request, as_result);
    std::tie(unread, count) =
        co_await bhttp::async_read(*link->plain(), link->buffer, parser, as_result);
  }
  active_.erase(link);
  if (!unread) {
    auto& message = parser.get();
    reply.status = message.result_int();
    reply.type = view(message["x-amzn-ErrorType"]);
    reply.date = view(message[bhttp::field::date]);
    reply.keep_alive = message.keep_alive() && !unsent;
    reply.body = std::move(message.body());
    co_return reply;
  }
  Lost lost;
  lost.sent = true;
  // A write that took too long has closed the connection: then the read says something else.
  const bool late = unsent == beast::error::timeout || unread == beast::error::timeout;
  lost.silent = !parser.got_some() && !late;
  std::string why = unread.message();
  if (late) {
    why = fmt::format("no answer within {} ms", options_.answer_within.count());
  } else if (unread == bhttp::error::body_limit) {
    why = fmt::format("the answer has more than {} bytes", with_commas(reply_bytes_max));
  }
  lost.error = {Errc::unavailable, fmt::format("{}: {}", shown(), why), {}};
  co_return tl::unexpected<Lost>(std::move(lost));
}

awaitable<DataApiClient::Exchanged> DataApiClient::post(std::string_view path,
                                                        const std::string& body, bool again,
                                                        bool in_transaction) {
  const auto entered = Clock::now();
  if (auto turn = co_await take_turn(in_transaction); !turn) {
    co_return tl::unexpected<Lost>(Lost{std::move(turn.error()), false, false});
  }
  const std::int64_t wait_us = us_since(entered);
  bool renewed = false;
  for (;;) {
    auto link = kept_link();
    const bool kept = link != nullptr;
    if (!kept) {
      auto made = co_await connect();
      if (!made) {
        give_turn();
        co_return tl::unexpected<Lost>(Lost{std::move(made.error()), false, false});
      }
      link = std::move(*made);
    }
    auto answer = co_await exchange(link, path, body);
    if (answer) {
      failures_ = 0;
      unreachable_.reset();
      if (answer->keep_alive) keep(std::move(link));
      if (answer->status != status_ok && !renewed) {
        const auto said = data_api::read_failure(answer->type, answer->body);
        const bool stranger = failure_of(said, answer->status, shown()).stranger;
        renewed = stranger && access_->renew(answer->signer);
        if (renewed) continue;
      }
      answer->wait_us = wait_us;
    } else if (kept && answer.error().silent) {
      idle_.clear();  // the server has ended those, too
      if (again && !closed_) continue;
    }
    give_turn();
    co_return answer;
  }
}

awaitable<void> DataApiClient::pause(milliseconds time) {
  asio::steady_timer timer(io_, time);
  pauses_.insert(&timer);
  co_await timer.async_wait(as_result);
  pauses_.erase(&timer);
}

Error DataApiClient::error_of(const Lost& lost) const {
  Error error = lost.error;
  if (!lost.sent || !options_.writes) return error;
  error.code = Errc::unknown_outcome;
  error.field = ports::connection_field;
  error.message += "; it may or may not have happened: call again";
  return error;
}

awaitable<Result<DataApiAnswer>> DataApiClient::ask(Operation operation,
                                                    data_api::Request request) {
  const auto self = shared_from_this();
  request.resource = access_->url().resource();
  request.secret = access_->url().secret();
  request.database = access_->url().database();
  const std::string body = data_api::write_request(operation, request);
  if (body.size() > request_body_max) {
    co_return fail(
        Errc::too_large,
        fmt::format("{}: a request of {} bytes, at most {} are taken; send less, or over "
                    "postgres://",
                    shown(), with_commas(body.size()), with_commas(request_body_max)));
  }
  const bool in_transaction = !request.transaction.empty();
  const bool again = options_.repeatable && operation == Operation::execute && !in_transaction;
  const auto asked = Clock::now();
  for (;;) {
    auto answer = co_await post(data_api::path_of(operation), body, again, in_transaction);
    if (!answer) co_return tl::unexpected<Error>(error_of(answer.error()));
    if (answer->status == status_ok) {
      if (access_->note_resuming(false)) {
        log(LogLevel::info, "store", fmt::format("{} is awake", shown()));
      }
      co_return DataApiAnswer{std::move(answer->body), answer->wait_us, std::move(answer->date)};
    }
    auto failure =
        failure_of(data_api::read_failure(answer->type, answer->body), answer->status, shown());
    const bool ended = closed_ || (options_.interrupt != nullptr && options_.interrupt->ended());
    const bool waits = failure.resuming && (again || !failure.unknown);
    const auto passed = std::chrono::duration_cast<milliseconds>(Clock::now() - asked);
    const auto wait = std::clamp(passed / resume_part, resume_min, resume_max);
    if (!waits || ended || passed + wait > options_.resume_within) {
      Lost lost{std::move(failure.error), failure.unknown, false};
      co_return tl::unexpected<Error>(error_of(lost));
    }
    if (access_->note_resuming(true)) {
      log(LogLevel::info, "store", fmt::format("{} wakes up; calls wait for it", shown()));
    }
    co_await pause(wait);
  }
}

awaitable<void> DataApiClient::connect_and_keep() {
  const auto self = shared_from_this();
  auto link = co_await connect();
  connecting_ahead_ = false;
  if (link) keep(std::move(*link));
}

void DataApiClient::connect_ahead() {
  if (closed_ || connecting_ahead_ || busy_ > 0) return;
  if (!idle_.empty() && !idle_.back()->is_stale()) return;
  connecting_ahead_ = true;
  asio::co_spawn(
      io_, connect_and_keep(),
      [self = shared_from_this()](const std::exception_ptr& thrown) { HUNT_ASSERT(!thrown); });
}

void DataApiClient::close() {
  if (std::exchange(closed_, true)) return;
  idle_.clear();
  for (const auto& link : active_) link->close();
  for (auto* timer : pauses_) timer->cancel();
  for (const auto& waiter : waiters_) {
    ++busy_;  // each gives its turn back
    waiter->called = true;
    waiter->timer.cancel();
  }
  waiters_.clear();
}

}  // namespace hunt::postgres
