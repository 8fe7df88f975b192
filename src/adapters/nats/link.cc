#include "adapters/nats/link.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdio>
#include <random>

#include "adapters/nats/subject.h"
#include "base/log.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::nats {

namespace asio = boost::asio;

namespace {

constexpr auto tick = std::chrono::milliseconds(20);
constexpr std::uint64_t backoff_ms_min = 50;
constexpr std::uint64_t backoff_ms_max = 2'000;
constexpr std::int64_t ping_every_ns = 1'000'000'000;
// A lame duck keeps what is in flight for so long, then we go to another server.
constexpr std::int64_t lame_ns_max = 2'000'000'000;
constexpr std::int64_t complain_every_ns = 10'000'000'000;
// What a server takes unless it says otherwise.

std::uint64_t any_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

std::int64_t monotonic_ns() noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::int64_t wall_us() noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string random_token() {
  std::array<std::uint8_t, 16> bytes{};
  const auto got = ::getrandom(bytes.data(), bytes.size(), 0);  // never less, of so few
  HUNT_ASSERT(got == static_cast<ssize_t>(bytes.size()));
  return to_hex(bytes);
}

Link::Link(asio::any_io_executor lane, NatsOptions options)
    : lane_(std::move(lane)),
      options_(std::move(options)),
      servers_(options_.servers),
      prng_(any_seed()),
      inbox_(new_inbox()),
      socket_(lane_),
      ticker_(lane_),
      redial_(lane_),
      message_bytes_max_(limits::bus_message_bytes_usual) {
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    inboxes_[bucket] = subscribe(fmt::format("{}.{}.>", inbox_, bucket), {},
                                 [this](MessagePtr message) { on_answer(std::move(message)); });
    inboxes_[bucket]->on_no_responders = [this, bucket] { on_no_responders(bucket); };
  }
  static_cast<void>(subscribe(inbox_ + ".ping", {}, [this](const MessagePtr&) { on_ping(); }));
}

Link::~Link() {
  shut();
}

std::string Link::new_inbox() const {
  return fmt::format("{}.{}", servers_.inbox_prefix(), random_token());
}

bool Link::may_answer(std::string_view subject) const {
  if (!is_reply_subject(subject)) return false;
  const std::string ours = servers_.inbox_prefix() + ".";
  return servers_.user.empty() || !subject.starts_with(ours);
}

Error Link::unavailable() const {
  return {Errc::unavailable,
          fmt::format("NATS at {} is not reachable; the connection is tried again", shown()),
          {}};
}

asio::awaitable<Result<void>> Link::connect() {
  HUNT_ASSERT(!connected() && !closing_);
  auto begin = [this](auto handler) {
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    dial([shared](Result<void> result) {
      auto executor = asio::get_associated_executor(*shared);
      asio::post(executor, [shared, result = std::move(result)]() mutable {
        std::move (*shared)(std::move(result));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(
      std::move(begin), asio::use_awaitable);
}

void Link::dial(std::function<void(Result<void>)> done) {
  if (dialler_.joinable()) dialler_.join();
  // The lane may have nothing else to do meanwhile.
  auto busy_lane = asio::prefer(lane_, asio::execution::outstanding_work.tracked);
  dialler_ = std::thread([self = weak_from_this(), busy_lane, done = std::move(done),
                          options = options_, servers = servers_] {
    auto session =
        std::make_shared<Result<std::unique_ptr<Session>>>(Session::dial(options, servers));
    asio::post(busy_lane, [self, session, done] {
      if (const auto link = self.lock()) link->dialled(std::move(*session), done);
    });
  });
}

void Link::dialled(Result<std::unique_ptr<Session>> session,
                   std::function<void(Result<void>)> done) {
  if (dialler_.joinable()) dialler_.join();
  if (closing_) {
    if (done) done(tl::unexpected<Error>(unavailable()));
    return;
  }
  if (session) adopt(std::move(*session));
  if (!session && !done) redial_later();
  if (!done) return;
  done(session ? Result<void>() : Result<void>(tl::unexpected<Error>(session.error())));
}

void Link::adopt(std::unique_ptr<Session> session) {
  session_ = std::move(session);
  if (++session_count_ > 1) {
    log(LogLevel::info, "bus", fmt::format("connected to NATS at {} again", shown()));
  }
  backoff_ms_ = 0;
  lame_ns_ = 0;
  refused_seen_ = overflown_seen_ = 0;
  message_bytes_max_ = session_->payload_bytes_max();
  heard_ns_ = monotonic_ns();
  pinged_ns_ = ping_next_ns_ = 0;
  round_trip_count_ = 0;
  flush_posted_ = waits_writable_ = false;
  socket_.assign(::dup(session_->socket()));
  session_->on_write_wanted([this] { want_flush(); });
  for (auto& server : session_->other_servers()) {
    const bool known =
        std::find(servers_.urls.begin(), servers_.urls.end(), server) != servers_.urls.end();
    constexpr std::size_t servers_max = 128;
    if (!known && servers_.urls.size() < servers_max) servers_.urls.push_back(std::move(server));
  }
  for (const auto& subscription : subscriptions_) attach(*subscription);
  wait_readable();
  wait_tick();
  tell_listeners(true);
}

void Link::redial_later() {
  backoff_ms_ = std::clamp(backoff_ms_ * 2, backoff_ms_min, backoff_ms_max);
  const std::uint64_t pause_ms = backoff_ms_ / 2 + prng_.below(backoff_ms_ / 2 + 1);
  redial_.expires_after(std::chrono::milliseconds(pause_ms));
  redial_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
    const auto link = self.lock();
    if (!error && link && !link->closing_) link->dial({});
  });
}

void Link::lost(std::string_view why) {
  if (session_ == nullptr) return;
  if (!closing_) {
    log(LogLevel::warning, "bus",
        fmt::format("the connection to NATS at {} ended: {}", shown(), why));
  }
  ++session_count_;
  socket_.close();
  ticker_.cancel();
  session_->drop();  // before its subscriptions, which would say goodbye
  for (const auto& subscription : subscriptions_) {
    natsSubscription_Destroy(subscription->handle);
    subscription->handle = nullptr;
  }
  session_.reset();
  settle_all_lost();
  if (!closing_) redial_later();
  tell_listeners(false);
}

asio::awaitable<void> Link::close() {
  const auto self = shared_from_this();
  constexpr std::int64_t patience_ns = 500'000'000;
  const std::int64_t until_ns = monotonic_ns() + patience_ns;
  asio::steady_timer pause(lane_);
  while (session_ != nullptr && session_->unsent_bytes() > 0 && monotonic_ns() < until_ns) {
    pause.expires_after(std::chrono::milliseconds(1));
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  shut();
}

void Link::shut() {
  closing_ = true;
  redial_.cancel();
  lost("closed");
  if (dialler_.joinable()) dialler_.join();
}

Link::Listener Link::listen(std::function<void(bool)> listener) {
  auto shared = std::make_shared<std::function<void(bool)>>(std::move(listener));
  listeners_.push_back(shared);
  return shared;
}

void Link::tell_listeners(bool connected) {
  std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
  const auto listeners = listeners_;
  for (const auto& weak : listeners) {
    if (const auto listener = weak.lock()) (*listener)(connected);
  }
}

Link::SubscriptionPtr Link::subscribe(std::string subject, std::string queue,
                                      std::function<void(MessagePtr)> on_message) {
  auto subscription = std::make_shared<Subscription>();
  subscription->subject = std::move(subject);
  subscription->queue = std::move(queue);
  subscription->on_message = std::move(on_message);
  subscriptions_.push_back(subscription);
  if (session_ != nullptr) attach(*subscription);
  return subscription;
}

Link::SubscriptionPtr Link::subscribe_raw(std::string subject,
                                          std::function<void(MessagePtr)> on_message) {
  auto subscription = std::make_shared<Subscription>();
  subscription->subject = std::move(subject);
  subscription->raw = std::make_shared<RawInbox>(lane_, std::move(on_message));
  subscriptions_.push_back(subscription);
  if (session_ != nullptr) attach(*subscription);
  return subscription;
}

void Link::attach(Subscription& subscription) {
  if (subscription.raw != nullptr) {
    subscription.handle = session_->subscribe(subscription.subject, subscription.raw);
    return;
  }
  subscription.handle = session_->subscribe(subscription.subject, subscription.queue);
}

void Link::unsubscribe(const SubscriptionPtr& subscription) {
  if (subscription == nullptr || subscription->ended) return;
  subscription->ended = true;
  if (subscription->raw != nullptr) subscription->raw->close();
  if (subscription->handle != nullptr) {
    static_cast<void>(natsSubscription_Unsubscribe(subscription->handle));
    natsSubscription_Destroy(subscription->handle);
    subscription->handle = nullptr;
  }
  if (!draining_) std::erase(subscriptions_, subscription);
}

Result<void> Link::publish(const std::string& subject, const std::string& reply,
                           std::string_view data, const Headers& headers) {
  if (session_ == nullptr) return tl::unexpected<Error>(unavailable());
  if (session_->unsent_bytes() + data.size() > limits::bus_out_bytes_max) {
    return fail(Errc::overloaded,
                fmt::format("NATS at {} takes no more now: {} bytes wait to be sent", shown(),
                            session_->unsent_bytes()));
  }
  return session_->publish(subject, reply, data, headers);
}

Result<void> Link::tell(const std::string& subject, std::string_view data, const Headers& headers) {
  auto sent = publish(subject, {}, data, headers);
  if (sent) return sent;
  ++figures().unsent;
  complain(fmt::format("a message of {} bytes for {} was not sent: {}", data.size(),
                       printable(subject, 80), sent.error().message));
  return sent;
}

void Link::complain(std::string_view what) {
  const std::int64_t now_ns = monotonic_ns();
  if (complained_ns_ != 0 && now_ns - complained_ns_ < complain_every_ns) return;
  complained_ns_ = now_ns;
  log(LogLevel::warning, "bus", fmt::format("NATS at {}: {}", shown(), what));
}

void Link::wait_readable() {
  socket_.async_wait(
      asio::posix::stream_descriptor::wait_read,
      [self = weak_from_this(), count = session_count_](const boost::system::error_code& error) {
        const auto link = self.lock();
        if (error || !link || link->session_count_ != count) return;
        link->session_->read_some();
        link->heard_ns_ = monotonic_ns();
        link->drain(false);
        if (link->session_count_ != count) return;
        if (link->session_->is_closed()) {
          link->lost(link->session_->why_closed());
        } else {
          link->wait_readable();
        }
      });
}

// Sends after the handlers that are ready now, so that answers to one read leave together.
void Link::want_flush() {
  if (flush_posted_ || waits_writable_) return;
  flush_posted_ = true;
  asio::post(lane_, [self = weak_from_this(), count = session_count_] {
    const auto link = self.lock();
    if (link && link->session_count_ == count) link->flush();
  });
}

void Link::flush() {
  flush_posted_ = false;
  session_->write_some();
  if (session_->is_closed()) {
    lost(session_->why_closed());
  } else if (session_->unsent_bytes() > 0) {
    wait_writable();
  }
}

void Link::wait_writable() {
  if (waits_writable_) return;
  waits_writable_ = true;
  socket_.async_wait(
      asio::posix::stream_descriptor::wait_write,
      [self = weak_from_this(), count = session_count_](const boost::system::error_code& error) {
        const auto link = self.lock();
        if (error || !link || link->session_count_ != count) return;
        link->waits_writable_ = false;
        link->flush();
      });
}

void Link::drain(bool idle_ones_too) {
  draining_ = true;
  // Handlers may subscribe meanwhile.
  for (std::size_t i = 0; i < subscriptions_.size(); ++i) {
    const bool idle = i < buckets && inflight_[i] == 0;
    if (idle && !idle_ones_too) continue;
    const SubscriptionPtr subscription = subscriptions_[i];
    take(subscription);
    if (session_ == nullptr) break;
  }
  draining_ = false;
  std::erase_if(subscriptions_, [](const auto& subscription) { return subscription->ended; });
}

void Link::take(const SubscriptionPtr& subscription) {
  int messages = 0;
  int bytes = 0;
  if (subscription->handle == nullptr || subscription->raw != nullptr ||
      natsSubscription_GetPending(subscription->handle, &messages, &bytes) != NATS_OK) {
    return;
  }
  // One more: a slow consumer is told before the next message.
  for (int i = 0; messages > 0 && i <= messages; ++i) {
    natsMsg* raw = nullptr;
    const natsStatus status = natsSubscription_NextMsg(&raw, subscription->handle, 0);
    if (status == NATS_OK) subscription->on_message(MessagePtr(raw));
    if (status == NATS_NO_RESPONDERS && subscription->on_no_responders) {
      subscription->on_no_responders();
    }
    if (status == NATS_TIMEOUT || subscription->handle == nullptr) return;
  }
}

void Link::wait_tick() {
  ticker_.expires_after(nats::tick);
  ticker_.async_wait(
      [self = weak_from_this(), count = session_count_](const boost::system::error_code& error) {
        const auto link = self.lock();
        if (error || !link || link->session_count_ != count) return;
        link->tick();
        if (link->session_count_ == count) link->wait_tick();
      });
}

void Link::tick() {
  const std::int64_t now_ns = monotonic_ns();
  for (Ticket ticket = 0; ticket < slots_.size(); ++ticket) {
    const std::int64_t deadline_ns = slots_[ticket].deadline_ns;
    if (deadline_ns == 0 || now_ns < deadline_ns) continue;
    Answer answer;
    answer.fate = Fate::late;
    answer.error = {Errc::deadline_exceeded, "no answer came over NATS in time", {}};
    settle(ticket, std::move(answer));
  }
  drain(true);
  if (session_ != nullptr) look_at_server(now_ns);
}

// What we ask ourselves goes to the server and back. What cannot be sent brings nothing back: then
// the silence is what is looked at.
void Link::ping(std::int64_t now_ns) {
  ping_next_ns_ = now_ns + ping_every_ns;
  static_cast<void>(session_->publish(inbox_ + ".ping", {}, {}, {}));
  if (pinged_ns_ == 0) pinged_ns_ = now_ns;
}

void Link::on_ping() {
  if (pinged_ns_ == 0) return;
  round_trips_ns_[round_trip_count_++ % round_trips_ns_.size()] = monotonic_ns() - pinged_ns_;
  pinged_ns_ = 0;
}

std::int64_t Link::past_round_trip_ns() const noexcept {
  const auto count = std::min(round_trip_count_, round_trips_ns_.size());
  if (count == 0) return 0;
  const auto end = round_trips_ns_.begin() + static_cast<std::ptrdiff_t>(count);
  return *std::min_element(round_trips_ns_.begin(), end);
}

std::int64_t Link::round_trip_ns() const noexcept {
  if (round_trip_count_ == 0) return 0;
  const std::int64_t open_ns = pinged_ns_ == 0 ? 0 : monotonic_ns() - pinged_ns_;
  return std::max(past_round_trip_ns(), open_ns);
}

// Anything that comes shows that the server lives.
void Link::look_at_server(std::int64_t now_ns) {
  if (session_->is_closed()) return lost(session_->why_closed());
  if (now_ns - heard_ns_ > options_.silence_ns_max) return lost("the server is silent");
  look_at_notes();
  if (now_ns >= ping_next_ns_) ping(now_ns);
  if (session_->is_lame_duck() && servers_.urls.size() > 1) {
    if (lame_ns_ == 0) lame_ns_ = now_ns;
    const bool idle = std::all_of(inflight_.begin(), inflight_.end(),
                                  [](std::uint32_t count) { return count == 0; });
    if (idle || now_ns - lame_ns_ > lame_ns_max) lost("the server shuts down soon");
  }
}

// What the server refused comes without a word of which call it was.
void Link::look_at_notes() {
  if (const std::uint64_t refused = session_->refusals(); refused != refused_seen_) {
    figures().refused += refused - refused_seen_;
    refused_seen_ = refused;
    complain(fmt::format("{}; docs/OPERATIONS.md has the rights that our users need",
                         printable(session_->last_refusal(), 160)));
  }
  if (const std::uint64_t overflown = session_->overflown(); overflown != overflown_seen_) {
    figures().overflown += overflown - overflown_seen_;
    overflown_seen_ = overflown;
    complain("messages came faster than they could be taken, and some were lost");
  }
}

}  // namespace hunt::nats
