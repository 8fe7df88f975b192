// Link: a lane's way to NATS: one session after the other, with its subscriptions and requests.
//
// Internal to this folder; connection.h is what others see. It comes back by itself after a broken
// connection, with a growing, jittered pause, and subscribes again; nothing is kept to be sent
// meanwhile: publishing fails at once, and what waited for an answer is told that it is lost.
// Lifecycle: make_shared, connect(), use, close() or shut(). Thread: its lane's.
#pragma once
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/nats/raw_inbox.h"
#include "adapters/nats/session.h"
#include "base/prng.h"

namespace hunt::nats {

[[nodiscard]] std::int64_t monotonic_ns() noexcept;
[[nodiscard]] std::int64_t wall_us() noexcept;
// 128 bits that nobody can guess, as text.
[[nodiscard]] std::string random_token();

// What became of a request.
enum class Fate : std::uint8_t {
  answered,
  no_responders,  // nobody got it
  refused,        // it was not sent: `error` says why
  late,           // no answer in time: it may have been handled
  lost,           // the connection broke: it may have been handled
};
struct Answer {
  Fate fate = Fate::lost;
  MessagePtr message;  // answered
  Error error;         // else
};

class Link : public std::enable_shared_from_this<Link> {
 public:
  struct Subscription {
    std::string subject;
    std::string queue;  // empty: none
    std::function<void(MessagePtr)> on_message;
    std::function<void()> on_no_responders;  // to what was asked with this subject as its reply
    std::shared_ptr<RawInbox> raw;           // then all messages come through it
    natsSubscription* handle = nullptr;      // null: not connected
    bool ended = false;
  };
  using SubscriptionPtr = std::shared_ptr<Subscription>;
  using Listener = std::shared_ptr<std::function<void(bool connected)>>;

  Link(boost::asio::any_io_executor lane, NatsOptions options);
  ~Link();

  // The first connection. Errors: those of Session::dial.
  [[nodiscard]] boost::asio::awaitable<Result<void>> connect();
  // Sends what is to be sent, for at most half a second, and ends.
  [[nodiscard]] boost::asio::awaitable<void> close();
  // Ends at once; what waits is told that it is lost.
  void shut();

  [[nodiscard]] bool connected() const noexcept { return session_ != nullptr; }
  [[nodiscard]] const std::string& shown() const noexcept { return servers_.shown; }
  [[nodiscard]] const boost::asio::any_io_executor& lane() const noexcept { return lane_; }
  [[nodiscard]] const NatsOptions& options() const noexcept { return options_; }
  [[nodiscard]] const ServerList& servers() const noexcept { return servers_; }
  // Starts with our prefix (ServerList::inbox_prefix()); nobody can guess the rest.
  [[nodiscard]] std::string new_inbox() const;
  // Whether answers may be sent there: a subject as it should be, and not one of our own inboxes,
  // into which a stranger would otherwise have us write.
  [[nodiscard]] bool may_answer(std::string_view subject) const;

  // Until unsubscribe(), over all sessions to come. Called on the lane.
  SubscriptionPtr subscribe(std::string subject, std::string queue,
                            std::function<void(MessagePtr)> on_message);
  // The same, statuses and all (raw_inbox.h).
  SubscriptionPtr subscribe_raw(std::string subject, std::function<void(MessagePtr)> on_message);
  void unsubscribe(const SubscriptionPtr& subscription);
  // Called after each connect and each loss, while the listener lives.
  [[nodiscard]] Listener listen(std::function<void(bool connected)> listener);

  // Errors: unavailable (not connected), overloaded (limits::bus_out_bytes_max wait already),
  // too_large (for the server). A value says nothing about its arrival.
  [[nodiscard]] Result<void> publish(const std::string& subject, const std::string& reply,
                                     std::string_view data, const Headers& headers = {});
  // The same for what nobody hears of when it fails: that is counted, and said in the log.
  Result<void> tell(const std::string& subject, std::string_view data, const Headers& headers = {});
  // The most that one message may have, headers and payload together. Before the first connection,
  // and between two, what the last server took.
  [[nodiscard]] std::size_t message_bytes_max() const noexcept { return message_bytes_max_; }
  [[nodiscard]] Figures& figures() const noexcept { return *options_.figures; }
  // A line in the log, at most one in ten seconds.
  void complain(std::string_view what);

  // A request is sent by send() and awaited with answer(), by its ticket, at once.
  using Ticket = std::size_t;
  [[nodiscard]] Result<Ticket> send(const std::string& subject, std::string_view data,
                                    const Headers& headers, std::int64_t timeout_ns);
  [[nodiscard]] boost::asio::awaitable<Answer> answer(Ticket ticket);

  [[nodiscard]] Error unavailable() const;

  // To the server and back: the least of the last few pings, or as long as the one under way takes
  // already. 0: not known.
  [[nodiscard]] std::int64_t round_trip_ns() const noexcept;
  // The same without the one under way.
  [[nodiscard]] std::int64_t past_round_trip_ns() const noexcept;

 private:
  class Waiter {
   public:
    virtual ~Waiter() = default;
    virtual void resume(Answer answer) = 0;
  };
  template <class Handler>
  class WaiterOf;
  // One request at a time. Its inbox keeps its name while each answer comes in time, so that the
  // server sees few subjects; after anything else the name changes, and a late answer is nobody's.
  struct Slot {
    std::string inbox;
    std::int64_t deadline_ns = 0;  // 0: free
    std::unique_ptr<Waiter> waiter;
    std::optional<Answer> early;  // before anybody waited
  };
  // cnats does not say to which inbox "no responders" came, only through which subscription.
  static constexpr std::size_t buckets = 64;

  void dial(std::function<void(Result<void>)> done);
  void dialled(Result<std::unique_ptr<Session>> session, std::function<void(Result<void>)> done);
  void adopt(std::unique_ptr<Session> session);
  void redial_later();
  void lost(std::string_view why);
  void wait_readable();
  void wait_writable();
  void want_flush();
  void flush();
  void drain(bool idle_ones_too);
  void take(const SubscriptionPtr& subscription);
  void wait_tick();
  void tick();
  void look_at_server(std::int64_t now_ns);
  void look_at_notes();
  void ping(std::int64_t now_ns);
  void on_ping();
  void attach(Subscription& subscription);
  void tell_listeners(bool connected);

  void name_inbox(Ticket ticket);
  void on_answer(MessagePtr message);
  void on_no_responders(std::size_t bucket);
  void settle(Ticket ticket, Answer answer);
  void settle_all_lost();

  const boost::asio::any_io_executor lane_;
  const NatsOptions options_;
  ServerList servers_;
  Prng prng_;
  const std::string inbox_;
  std::unique_ptr<Session> session_;
  std::uint64_t session_count_ = 0;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer ticker_;
  boost::asio::steady_timer redial_;
  std::thread dialler_;
  std::uint64_t backoff_ms_ = 0;
  std::int64_t heard_ns_ = 0;
  std::int64_t pinged_ns_ = 0;  // of the ping under way; 0: none is
  std::int64_t ping_next_ns_ = 0;
  std::array<std::int64_t, 3> round_trips_ns_{};
  std::size_t round_trip_count_ = 0;
  std::int64_t lame_ns_ = 0;          // since when the server is a lame duck
  std::uint64_t refused_seen_ = 0;    // of this session
  std::uint64_t overflown_seen_ = 0;  //
  std::int64_t complained_ns_ = 0;
  std::size_t message_bytes_max_;
  bool flush_posted_ = false;
  bool waits_writable_ = false;
  bool draining_ = false;
  bool closing_ = false;
  std::vector<SubscriptionPtr> subscriptions_;
  std::vector<std::weak_ptr<std::function<void(bool)>>> listeners_;
  std::vector<Slot> slots_;
  std::vector<Ticket> free_;
  std::array<SubscriptionPtr, buckets> inboxes_;
  std::array<std::uint32_t, buckets> inflight_{};
};

}  // namespace hunt::nats
