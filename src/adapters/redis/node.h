// Node: one Redis server as a lane sees it: its connection, what is under way there, its health.
//
// Not the choice of a server (servers.h). It connects when something is sent, and again after
// a failure, with a growing pause. A server that does not answer is not asked more until it does;
// after a second the connection is given up. Thread: its lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "adapters/redis/link.h"
#include "adapters/redis/round.h"
#include "base/prng.h"

namespace hunt::redis {

struct NodeOptions {
  std::string user;
  std::string password;
  std::uint16_t database = 0;
  std::chrono::nanoseconds silence{100'000'000};  // of a server that owes answers, to be suspected
  std::uint64_t seed = 1;                         // of the pauses' jitter
};

struct NodeFigures {
  std::uint64_t connects = 0;
  std::uint64_t failures = 0;  // connections that failed, or ended otherwise than by close()
  std::uint64_t refused = 0;   // commands, because too much was under way or nobody answered
  std::uint64_t late = 0;      // commands without an answer by the deadline of their exchange
  std::uint64_t replies = 0;
  std::uint64_t reply_ns = 0;  // how long all of them took together
};

class Node final : public LinkOwner {
 public:
  Node(boost::asio::any_io_executor lane, HostPort address, const NodeOptions& options);
  ~Node() override { close(); }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Leaves with the next flush(); the round gets the reply, or why there is none: overloaded,
  // unavailable, unauthorized; unknown_outcome when the connection ends with a `write` under way.
  // Bound: limits::cache_commands_inflight_max, limits::cache_bytes_inflight_max.
  void send(std::string_view command, bool write, std::shared_ptr<Round> round, std::size_t index);
  // The same, and nobody waits for the reply: what prepares the next command.
  void send_ahead(std::string_view command) { push(command, Pending{}); }
  void flush();
  void close();
  // The exchange of a command of ours is over without its answer.
  void count_late() noexcept { ++figures_.late; }

  [[nodiscard]] const HostPort& address() const noexcept { return address_; }
  // Whether it may be asked now: it is neither silent nor in its pause.
  [[nodiscard]] bool well() const;
  // When it answered last; the beginning of time when never.
  [[nodiscard]] TimePoint answered() const noexcept { return answered_; }
  [[nodiscard]] std::size_t pending_count() const noexcept { return pending_.size(); }
  [[nodiscard]] const NodeFigures& figures() const noexcept { return figures_; }

 private:
  struct Pending {
    std::shared_ptr<Round> round;  // none: nobody waits
    std::size_t index = 0;
    bool write = false;
    bool login = false;
    bool select = false;
    TimePoint sent;
    std::size_t bytes = 0;
  };

  void on_reply(Reply reply) override;
  void on_closed(std::string why) override;
  [[nodiscard]] Result<void> ready();
  // How long an answer is overdue; zero when none is.
  [[nodiscard]] std::chrono::nanoseconds silent_for() const;
  void connect();
  void log_in();
  void push(std::string_view command, Pending pending);
  void drop(Error why);  // the connection, with all that waits for it
  [[nodiscard]] Error silent_error() const;

  boost::asio::any_io_executor lane_;
  HostPort address_;
  NodeOptions options_;
  Prng prng_;
  std::shared_ptr<Link> link_;
  std::deque<Pending> pending_;
  std::size_t bytes_ = 0;  // of pending_
  // Until the server is in our database: sent before, it would be done in another one.
  bool selecting_ = false;
  std::string held_;
  TimePoint answered_{};
  TimePoint retry_at_{};
  std::chrono::nanoseconds pause_{0};
  Error last_error_;
  NodeFigures figures_;
};

}  // namespace hunt::redis
