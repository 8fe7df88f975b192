// Puller: takes the deliveries of one durable consumer and settles them.
//
// Internal to nats_stream.h. It asks for as many as it has room for, again when half of that is
// used, so that no delivery waits for a round trip; says that it is still at work while a handler
// is; and keeps the message of a delivery that can never succeed as a dead letter before it goes.
// Deliveries and statuses are known by their subjects, never by their headers, which may be a
// stranger's: a delivery has the stream's subject, a status the unguessable one of its pull, and
// each pull takes one status.
// Lifecycle: make_shared, start(), stop(). Thread: the lane's.
#pragma once
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/nats/link.h"
#include "adapters/nats/nats_stream.h"
#include "adapters/nats/signer.h"
#include "adapters/nats/subject.h"

namespace hunt::nats {

class Puller : public std::enable_shared_from_this<Puller> {
 public:
  Puller(std::shared_ptr<Link> link, std::shared_ptr<Payloads> payloads, StreamOptions options,
         std::string shard_name, model::ShardId shard, std::size_t room);

  void start(ports::DeliveryHandler& handler);
  // Asks for no more; what comes nevertheless goes back at once. What is at work is settled.
  void stop();
  // Stops and takes nothing more, for the end.
  void shut();
  [[nodiscard]] bool ended() const noexcept {
    return stopped_ && at_work_.empty() && subscription_->ended;
  }

 private:
  void listen();
  void refill();
  void take(MessagePtr message);
  // When it was accepted: by this stream, or earlier by another one, if one of the hunt says so.
  void set_accepted(natsMsg& message, std::int64_t stored_us, ports::Delivery& delivery);
  // How long a delivery was stored, by our clock.
  [[nodiscard]] std::int64_t waited_ns(const AckSubject& meta);
  void take_status(natsMsg& message);
  void pause_pulling(std::string_view why);
  void forget_pulls();
  void wait_tick();
  void tick();
  [[nodiscard]] boost::asio::awaitable<void> work(MessagePtr message, ports::Delivery delivery,
                                                  model::WorldRef world);
  [[nodiscard]] boost::asio::awaitable<void> bury(MessagePtr message, std::string reason);
  [[nodiscard]] boost::asio::awaitable<Result<ports::Settled>> handle(ports::Delivery delivery,
                                                                      model::WorldRef world);
  // Says what becomes of a delivery; when the bus is full now, again soon, for as long as it would
  // not come again anyway.
  void settle(const std::string& ack_subject, std::string what);
  void give_back(const std::string& ack_subject, std::uint64_t attempt);

  const std::shared_ptr<Link> link_;
  const std::shared_ptr<Payloads> payloads_;
  const StreamOptions options_;
  Signer signer_;
  const std::string stream_;
  const std::string consumer_;
  const std::string subject_;
  const std::string pull_subject_;
  const model::ShardId shard_;
  const bool any_;
  const std::size_t room_;
  ports::DeliveryHandler* handler_ = nullptr;
  bool stopped_ = false;
  Link::Listener listener_;
  Link::SubscriptionPtr subscription_;
  std::string inbox_;
  boost::asio::steady_timer ticker_;
  struct Pull {
    std::size_t count = 0;
    std::int64_t end_ns = 0;
  };
  std::map<std::string, Pull> pulls_;  // by the subject of their statuses: those that may go on
  std::size_t asked_ = 0;              // pulled and not come yet
  std::int64_t pause_until_ns_ = 0;
  std::int64_t unsigned_said_ns_ = 0;
  std::optional<std::int64_t> clocks_apart_us_;   // the server's and ours, and the quickest way
  std::int64_t clocks_apart_ns_ = 0;              // when that was seen
  std::map<std::string, std::string> unsettled_;  // by ack subject: what could not be sent yet
  std::map<std::string, std::int64_t> at_work_;   // by ack subject: when it was last said
};

}  // namespace hunt::nats
