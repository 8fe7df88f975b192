// Connections: who is connected, and who leaves first when there is no room for one more.
//
// Not sockets' work. One more is always taken while anybody can be spared: first who has never
// shown that it may ask and sends nothing now, then who is idle between requests, then who has been
// waited for a second in the middle of a body or an answer; each time the one that has waited
// longest. So silent connections cost a newcomer nothing. The last few are kept for probes and
// admins: the server looks at the request and turns others away. One that a lane has been lent is
// among them all the while. Thread: the server's lane.
#pragma once
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include "adapters/http/byte_budget.h"
#include "base/occupancy.h"

namespace hunt::http {

class LaneServer;
struct Lent;

// What a connection waits for. Listed in the order in which they are spared.
enum class Wait : std::uint8_t { newcomer, idle, peer, us };

struct Connection {
  using Time = std::chrono::steady_clock::time_point;

  Connection(boost::asio::ip::tcp::socket accepted, ByteBudget& bodies, ByteBudget& answers);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Ends what it waits for, a moment later: whoever serves it sees why. A lane finishes its answer.
  void interrupt();

  boost::asio::ip::tcp::socket socket;
  ByteBudget::Share body;
  ByteBudget::Share answer;
  Time deadline = Time::max();
  Time waits_since;
  Wait waits = Wait::newcomer;
  std::list<Connection*>::iterator place;
  bool begun = false;               // a request has begun to come, or is answered
  bool proven = false;              // has asked for what not everybody may ask
  bool late = false;                // came when only the kept ones were left
  bool evicted = false;             // to end now
  bool withheld = false;            // to end now, because bytes were short
  LaneServer* lane = nullptr;       // which has it now
  std::shared_ptr<Lent> lent;       // what that has; none: it is here
  std::uint64_t lent_answered = 0;  // at the last look
};

class Connections {
 public:
  Connections(std::size_t count_max, std::size_t kept);

  void add(Connection& connection);
  void remove(Connection& connection);
  // It waits for something else from now on.
  void wait(Connection& connection, Wait what);
  // Looks what the lanes do with those they have: one that was answered since the last look has
  // been idle from now on at the earliest, and is kept for `idle` from there.
  void follow_lent(Connection::Time now, std::chrono::milliseconds idle);

  [[nodiscard]] std::size_t size() const noexcept { return use_.inside(); }
  [[nodiscard]] const Occupancy& use() const noexcept { return use_; }
  [[nodiscard]] std::size_t count_max() const noexcept { return count_max_; }
  // Only the kept ones are left, once those have left that were told to.
  [[nodiscard]] bool full() const noexcept { return size() - leaving_ + kept_ >= count_max_; }
  // One of the kept ones is in use, so who came late is heard only as a probe or an admin.
  [[nodiscard]] bool above() const noexcept { return size() - leaving_ + kept_ > count_max_; }
  // More than three quarters are in use: idle ones are kept a shorter time.
  [[nodiscard]] bool crowded() const noexcept { return size() >= (count_max_ - kept_) / 4 * 3; }

  // Ends the one that can best be spared, a moment later. False when none can.
  bool spare_one(Connection::Time now);

  void for_each(const std::function<void(Connection&)>& visit);

 private:
  [[nodiscard]] std::list<Connection*>& list_of(Wait what) {
    return lists_[static_cast<std::size_t>(what)];
  }

  std::size_t count_max_;
  std::size_t kept_;
  Occupancy use_;                                // by std::chrono::steady_clock
  std::size_t leaving_ = 0;                      // evicted, and still there for a moment
  std::array<std::list<Connection*>, 4> lists_;  // by what they wait for, longest first
};

}  // namespace hunt::http
