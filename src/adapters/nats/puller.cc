#include "adapters/nats/puller.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "adapters/nats/ask_service.h"
#include "adapters/nats/stream_setup.h"
#include "adapters/nats/subject.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::nats {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t pull_ns = 5'000'000'000;
// What a pull may come late, and how long not to pull after an error.
constexpr std::int64_t pull_slack_ns = 1'000'000'000;
constexpr std::int64_t pause_ns = 250'000'000;
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
      subject_("hunt.pos." + shard_name),
      pull_subject_(fmt::format("$JS.API.CONSUMER.MSG.NEXT.{}.{}", positions_stream,
                                consumer_name(shard_name))),
      shard_(shard),
      any_(shard_name == "any"),
      room_(std::max<std::size_t>(room, 1)),
      ticker_(link_->lane()) {}

void Puller::start(ports::DeliveryHandler& handler) {
  handler_ = &handler;
  listener_ = link_->listen([this](bool connected) {
    asked_ = 0;
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
  subscription_ = link_->subscribe(inbox_, {}, [self = weak_from_this()](MessagePtr message) {
    if (const auto puller = self.lock()) puller->take(std::move(message));
  });
  subscription_->on_no_responders = [self = weak_from_this()] {
    if (const auto puller = self.lock()) puller->pause_pulling("no such consumer, or no JetStream");
  };
  asked_ = 0;
  refill();
}

void Puller::stop() {
  stopped_ = true;
}

void Puller::shut() {
  stop();
  link_->unsubscribe(subscription_);
  listener_.reset();
  asked_ = 0;
}

void Puller::refill() {
  const std::int64_t now_ns = monotonic_ns();
  const std::size_t used = asked_ + at_work_.size();
  if (stopped_ || !link_->connected() || now_ns < pause_until_ns_ || used >= room_) return;
  const std::size_t want = room_ - used;
  if (asked_ > 0 && want < std::max<std::size_t>(room_ / 2, 1)) return;
  const std::string pull = fmt::format(R"({{"batch":{},"expires":{}}})", want, pull_ns);
  if (!link_->publish(pull_subject_, inbox_, pull)) return;
  asked_ += want;
  pull_end_ns_ = now_ns + pull_ns;
}

void Puller::take(MessagePtr message) {
  const std::string status = header_of(*message, "Status");
  if (!status.empty() && data_of(*message).empty()) return take_status(*message, status);
  if (asked_ > 0) --asked_;
  pause_until_ns_ = 0;
  const std::string ack_subject(reply_of(*message));
  const auto meta = parse_ack_subject(ack_subject);
  if (!meta) return;
  if (stopped_ || at_work_.size() >= room_) {
    static_cast<void>(link_->publish(ack_subject, {}, "-NAK"));
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
  // Accepted earlier, never later, than this stream did.
  const auto accepted_us = parse_i64(header_of(*message, "Hunt-As-Of"));
  delivery.batch.as_of_us = std::min(accepted_us.value_or(meta->stored_us), meta->stored_us);
  delivery.reply_to = header_of(*message, "Hunt-Reply-To");
  if (delivery.reply_to.empty()) delivery.reply_to = std::move(request->reply_to);
  if (!is_reply_subject(delivery.reply_to)) delivery.reply_to.clear();
  spawn(link_->lane(), work(std::move(message), std::move(delivery), std::move(request->world)));
  refill();
}

// 404 and 408: the pull has ended; 409: something is wrong with it or its consumer.
void Puller::take_status(natsMsg& message, std::string_view status) {
  if (status == "100") return;
  const auto left = parse_u64(header_of(message, "Nats-Pending-Messages"));
  asked_ -= std::min<std::size_t>(asked_, left.value_or(asked_));
  if (status == "408" || status == "404") return refill();
  pause_pulling(header_of(message, "Description"));
}

void Puller::pause_pulling(std::string_view why) {
  asked_ = 0;
  if (pause_until_ns_ == 0) {
    std::fprintf(stderr, "hunt: pulling %s from NATS at %s has to wait: %.*s\n", subject_.c_str(),
                 link_->shown().c_str(), static_cast<int>(why.size()), why.data());
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
  if (asked_ > 0 && now_ns > pull_end_ns_ + pull_slack_ns) asked_ = 0;
  if (stopped_ && asked_ == 0) link_->unsubscribe(subscription_);
  for (auto& [ack_subject, said_ns] : at_work_) {
    if (now_ns - said_ns < options_.ack_wait_ns / 3) continue;
    said_ns = now_ns;
    static_cast<void>(link_->publish(ack_subject, {}, "+WPI"));
  }
  refill();
}

asio::awaitable<Result<ports::Settled>> Puller::handle(ports::Delivery delivery,
                                                       codec::WorldRef world) {
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
                                   codec::WorldRef world) {
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
    static_cast<void>(link_->publish(ack_subject, {}, "+ACK"));
  }
  at_work_.erase(ack_subject);
  refill();
}

void Puller::give_back(const std::string& ack_subject, std::uint64_t attempt) {
  const std::uint64_t doublings = std::min<std::uint64_t>(attempt - std::min(attempt, 1UL), 6);
  const std::int64_t delay_ns = std::min(give_back_ns_min << doublings, give_back_ns_max);
  static_cast<void>(
      link_->publish(ack_subject, {}, fmt::format(R"(-NAK {{"delay": {}}})", delay_ns)));
}

// Acknowledged rather than terminated: that alone takes it out of the stream.
asio::awaitable<void> Puller::bury(MessagePtr message, std::string reason) {
  const auto self = shared_from_this();
  const std::string ack_subject(reply_of(*message));
  const auto meta = parse_ack_subject(ack_subject);
  HUNT_ASSERT(meta.has_value());
  Headers headers;
  headers.emplace_back("Nats-Msg-Id", fmt::format("{}:{}", positions_stream, meta->sequence));
  headers.emplace_back("Hunt-Reason", printable(reason, 400));
  headers.emplace_back("Hunt-Subject", subject_);
  headers.emplace_back("Hunt-Sequence", std::to_string(meta->sequence));
  headers.emplace_back("Hunt-Deliveries", std::to_string(meta->delivered));
  const auto ticket =
      link_->send(letters_subject, data_of(*message), headers, options_.publish_ns_max);
  bool kept = false;
  if (ticket) {
    const Answer answer = co_await link_->answer(*ticket);
    kept = answer.fate == Fate::answered && read_ack(data_of(*answer.message));
  }
  if (kept) {
    static_cast<void>(link_->publish(ack_subject, {}, "+ACK"));
  } else {
    give_back(ack_subject, meta->delivered);
  }
  at_work_.erase(ack_subject);
  refill();
}

}  // namespace hunt::nats
