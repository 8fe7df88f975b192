#include "adapters/nats/puller.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "adapters/nats/ask_service.h"
#include "base/log.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::nats {

namespace asio = boost::asio;

namespace {

// Short: a server takes a pull from a consumer that is gone without a word, and one that was made
// again is pulled from when the pull before is over.
constexpr std::int64_t pull_ns = 2'000'000'000;
// What a pull may come late, and how long not to pull after an error.
constexpr std::int64_t pull_slack_ns = 500'000'000;
constexpr std::int64_t pause_ns = 250'000'000;
constexpr std::int64_t say_again_ns = 60'000'000'000;
constexpr std::int64_t clocks_apart_ns_max = 600'000'000'000;
constexpr auto look_every = std::chrono::milliseconds(50);
constexpr std::int64_t give_back_ns_min = 100'000'000;
constexpr std::int64_t give_back_ns_max = 5'000'000'000;

}  // namespace

Puller::Puller(std::shared_ptr<Link> link, std::shared_ptr<Payloads> payloads,
               StreamOptions options, std::string shard_name, model::ShardId shard,
               std::size_t room)
    : link_(std::move(link)),
      payloads_(std::move(payloads)),
      options_(std::move(options)),
      signer_(link_->options().key),
      stream_(link_->options().hunt.positions_stream()),
      consumer_(link_->options().hunt.consumer(shard_name)),
      subject_(link_->options().hunt.positions(shard_name)),
      pull_subject_(fmt::format("$JS.API.CONSUMER.MSG.NEXT.{}.{}", stream_, consumer_)),
      shard_(shard),
      any_(shard_name == "any"),
      room_(std::max<std::size_t>(room, 1)),
      ticker_(link_->lane()) {}

void Puller::start(ports::DeliveryHandler& handler) {
  handler_ = &handler;
  listener_ = link_->listen([this](bool connected) {
    forget_pulls();
    unsettled_.clear();  // of a session that is over: those deliveries come again
    if (connected && !stopped_) listen();
  });
  listen();
  wait_tick();
}

// Each session has an inbox of its own: a pull of an earlier one that the server remembers brings
// nothing that was not asked for.
void Puller::listen() {
  link_->unsubscribe(subscription_);
  inbox_ = link_->new_inbox();
  const auto self = weak_from_this();
  subscription_ = link_->subscribe_raw(inbox_ + ".*", [self](MessagePtr message) {
    if (const auto puller = self.lock()) puller->take(std::move(message));
  });
  forget_pulls();
  refill();
}

void Puller::forget_pulls() {
  pulls_.clear();
  asked_ = 0;
}

void Puller::stop() {
  stopped_ = true;
}

void Puller::shut() {
  stop();
  link_->unsubscribe(subscription_);
  listener_.reset();
  forget_pulls();
}

void Puller::refill() {
  const std::int64_t now_ns = monotonic_ns();
  const std::size_t used = asked_ + at_work_.size();
  if (link_->figures().other_hunt) return;
  if (stopped_ || !link_->connected() || now_ns < pause_until_ns_ || used >= room_) return;
  const std::size_t want = room_ - used;
  if (asked_ > 0 && want < std::max<std::size_t>(room_ / 2, 1)) return;
  const std::string pull = fmt::format(R"({{"batch":{},"expires":{}}})", want, pull_ns);
  std::string inbox = fmt::format("{}.{}", inbox_, random_token());
  if (!link_->publish(pull_subject_, inbox, pull)) return;  // tried again with the next tick
  pulls_.emplace(std::move(inbox), Pull{want, now_ns + pull_ns});
  asked_ += want;
}

void Puller::take(MessagePtr message) {
  // A message that was published into the inbox has the inbox's subject, a delivery the stream's.
  if (subject_of(*message) != subject_) return take_status(*message);
  const std::string ack_subject(reply_of(*message));
  const auto meta = parse_ack_subject(ack_subject, stream_, consumer_);
  if (!meta) {
    ++link_->figures().ignored;
    return;
  }
  if (asked_ > 0) --asked_;
  if (asked_ == 0) pulls_.clear();
  pause_until_ns_ = 0;
  if (stopped_ || at_work_.size() >= room_) {
    settle(ack_subject, "-NAK");
    return;
  }
  at_work_[ack_subject] = monotonic_ns();
  auto request = payloads_->read_request(data_of(*message), codec::Carrier::stored);
  if (!request) {
    spawn(link_->lane(), bury(std::move(message), request.error().message));
    return refill();
  }
  ports::Delivery delivery;
  delivery.shard = shard_;
  delivery.any = any_;
  delivery.sequence = meta->sequence;
  delivery.attempt = static_cast<std::uint32_t>(meta->delivered);
  delivery.batch = std::move(request->batch);
  // A way that is not over has held this up, too: that is in its wait.
  delivery.batch.bus_way_ns = link_->past_round_trip_ns();
  delivery.batch.bus_wait_ns = waited_ns(*meta);
  set_accepted(*message, meta->stored_us, delivery);
  delivery.reply_to = header_of(*message, "Hunt-Reply-To");
  if (delivery.reply_to.empty()) delivery.reply_to = std::move(request->reply_to);
  if (!delivery.reply_to.empty() && !link_->may_answer(delivery.reply_to)) {
    ++link_->figures().unsent;
    link_->complain(fmt::format("outcomes are not told: a stored batch wants them at \"{}\"",
                                printable(delivery.reply_to, 80)));
    delivery.reply_to.clear();
  }
  spawn(link_->lane(), work(std::move(message), std::move(delivery), std::move(request->world)));
  refill();
}

// 404 and 408: the pull has ended; 503: nobody has this consumer, or there is no JetStream; 409:
// something is wrong with the pull or its consumer. One for each pull.
void Puller::take_status(natsMsg& message) {
  const auto pull = pulls_.find(std::string(subject_of(message)));
  const std::string status = header_of(message, "Status");
  if (pull == pulls_.end() || status.empty() || !data_of(message).empty()) {
    ++link_->figures().ignored;
    return;
  }
  if (status == "100") return;
  const std::uint64_t said =
      parse_u64(header_of(message, "Nats-Pending-Messages")).value_or(pull->second.count);
  asked_ -= std::min(asked_, std::min<std::size_t>(said, pull->second.count));
  pulls_.erase(pull);
  if (status == "408" || status == "404") return refill();
  pause_pulling(status == "503" ? "no such consumer, or no JetStream"
                                : header_of(message, "Description"));
}

// The server's clock may be another than ours. What nothing waits behind came as fast as it can: so
// late the quickest of them seems, so far apart the clocks are.
std::int64_t Puller::waited_ns(const AckSubject& meta) {
  const std::int64_t late_us = wall_us() - meta.stored_us;
  const std::int64_t now_ns = monotonic_ns();
  const bool quick = meta.delivered == 1 && meta.pending == 0;
  const bool old = now_ns - clocks_apart_ns_ > clocks_apart_ns_max;
  if (quick && (!clocks_apart_us_ || old || late_us < *clocks_apart_us_)) {
    clocks_apart_us_ = late_us;
    clocks_apart_ns_ = now_ns;
  }
  return 1'000 * std::max<std::int64_t>(0, late_us - clocks_apart_us_.value_or(0));
}

void Puller::set_accepted(natsMsg& message, std::int64_t stored_us, ports::Delivery& delivery) {
  delivery.batch.as_of_us = stored_us;
  const std::string told = header_of(message, "Hunt-As-Of");
  if (told.empty()) return;
  const auto accepted_us = parse_i64(told);
  const bool believed =
      accepted_us && signer_.has_key() &&
      signer_.fits(header_of(message, signature_header), subject_, told, data_of(message));
  delivery.unsigned_time = !believed;
  if (believed) delivery.batch.as_of_us = std::clamp<std::int64_t>(*accepted_us, 0, stored_us);
  const std::int64_t now_ns = monotonic_ns();
  if (believed || (unsigned_said_ns_ != 0 && now_ns - unsigned_said_ns_ < say_again_ns)) return;
  unsigned_said_ns_ = now_ns;
  log(LogLevel::warning, "bus",
      fmt::format("a message of {} tells a time of acceptance that nobody of this hunt signed; the "
                  "time at which NATS stored it counts",
                  subject_));
}

void Puller::pause_pulling(std::string_view why) {
  forget_pulls();
  if (pause_until_ns_ == 0) {
    log(LogLevel::warning, "bus",
        fmt::format("pulling {} from NATS at {} has to wait: {}", subject_, link_->shown(),
                    printable(why, 120)));
  }
  pause_until_ns_ = monotonic_ns() + pause_ns;
}

void Puller::wait_tick() {
  ticker_.expires_after(look_every);
  ticker_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
    const auto puller = self.lock();
    if (error || !puller) return;
    puller->tick();
    if (!puller->ended()) puller->wait_tick();
  });
}

void Puller::tick() {
  const std::int64_t now_ns = monotonic_ns();
  for (auto pull = pulls_.begin(); pull != pulls_.end();) {
    const bool over = now_ns > pull->second.end_ns + pull_slack_ns;
    if (over) asked_ -= std::min(asked_, pull->second.count);
    pull = over ? pulls_.erase(pull) : std::next(pull);
  }
  if (pulls_.empty()) asked_ = 0;
  const auto unsettled = std::exchange(unsettled_, {});
  for (const auto& [ack_subject, what] : unsettled) settle(ack_subject, what);
  if (stopped_ && asked_ == 0) link_->unsubscribe(subscription_);
  for (auto& [ack_subject, said_ns] : at_work_) {
    if (now_ns - said_ns < options_.ack_wait_ns / 3) continue;
    // One that is not said is said with the next look; without any it comes again elsewhere, too.
    if (link_->publish(ack_subject, {}, "+WPI")) said_ns = now_ns;
  }
  refill();
}

asio::awaitable<Result<ports::Settled>> Puller::handle(ports::Delivery delivery,
                                                       model::WorldRef world) {
  if (const auto* name = std::get_if<std::string>(&world)) {
    if (!options_.find_world) {
      co_return fail(Errc::not_found, "worlds are known by their ids here", "world");
    }
    std::string wanted = *name;
    const auto found = co_await options_.find_world(std::move(wanted));
    if (!found && found.error().code == Errc::not_found) {
      co_return tl::unexpected<Error>(found.error());
    }
    if (!found) co_return ports::Settled::nak;
    delivery.batch.world = *found;
  }
  co_return co_await handler_->handle(std::move(delivery));
}

asio::awaitable<void> Puller::work(MessagePtr message, ports::Delivery delivery,
                                   model::WorldRef world) {
  const auto self = shared_from_this();
  const std::string ack_subject(reply_of(*message));
  const std::uint64_t attempt = delivery.attempt;
  const auto settled = co_await handle(std::move(delivery), std::move(world));
  if (!settled || *settled == ports::Settled::dead) {
    std::string reason = settled ? "it can never be handled: the world is unknown, or it is over "
                                   "a bound"
                                 : settled.error().message;
    co_await bury(std::move(message), std::move(reason));
    co_return;
  }
  if (*settled == ports::Settled::nak) {
    give_back(ack_subject, attempt);
  } else {
    settle(ack_subject, "+ACK");
  }
  at_work_.erase(ack_subject);
  refill();
}

// What is not said to a session that broke need not be: the delivery comes again.
void Puller::settle(const std::string& ack_subject, std::string what) {
  const auto sent = link_->publish(ack_subject, {}, what);
  if (sent || sent.error().code != Errc::overloaded) return;
  if (unsettled_.size() >= limits::stream_ack_pending_max)
    return;  // it comes again, and is counted
  if (unsettled_.emplace(ack_subject, std::move(what)).second) ++link_->figures().unsent;
}

void Puller::give_back(const std::string& ack_subject, std::uint64_t attempt) {
  const std::uint64_t doublings = std::min<std::uint64_t>(attempt - std::min(attempt, 1UL), 6);
  const std::int64_t delay_ns = std::min(give_back_ns_min << doublings, give_back_ns_max);
  settle(ack_subject, fmt::format(R"(-NAK {{"delay": {}}})", delay_ns));
}

// Acknowledged rather than terminated: that alone takes it out of the stream. One that is too large
// together with what is said about it is kept without its end.
asio::awaitable<void> Puller::bury(MessagePtr message, std::string reason) {
  const auto self = shared_from_this();
  const std::string ack_subject(reply_of(*message));
  const auto meta = parse_ack_subject(ack_subject, stream_, consumer_);
  HUNT_ASSERT(meta.has_value());
  std::string_view body = data_of(*message);
  Headers headers;
  headers.emplace_back("Nats-Msg-Id", fmt::format("{}:{}", stream_, meta->sequence));
  headers.emplace_back("Hunt-Reason", printable(reason, 400));
  headers.emplace_back("Hunt-Subject", subject_);
  headers.emplace_back("Hunt-Sequence", std::to_string(meta->sequence));
  headers.emplace_back("Hunt-Deliveries", std::to_string(meta->delivered));
  if (body.size() + bytes_of(headers) > link_->message_bytes_max()) {
    headers.emplace_back("Hunt-Cut-Of", std::to_string(body.size()));
    const std::size_t most = link_->message_bytes_max();
    body = body.substr(0, most - std::min(most, bytes_of(headers)));
    ++link_->figures().divided;
  }
  const model::HuntName& hunt = link_->options().hunt;
  const auto ticket = link_->send(hunt.letters(), body, headers, options_.publish_ns_max);
  bool kept = false;
  if (ticket) {
    const Answer answer = co_await link_->answer(*ticket);
    kept = answer.fate == Fate::answered &&
           read_ack(data_of(*answer.message), hunt.letters_stream()).has_value();
  }
  if (kept) {
    ++link_->figures().buried;
    settle(ack_subject, "+ACK");
  } else {
    give_back(ack_subject, meta->delivered);
  }
  at_work_.erase(ack_subject);
  refill();
}

}  // namespace hunt::nats
