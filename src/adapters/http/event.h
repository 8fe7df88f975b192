// Event: what coroutines of one lane wait for. It wakes all of them, and each looks again at its
// own condition.
//
// Not for threads, and it remembers nothing: look at the condition before waiting. Thread: its
// lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace hunt::http {

// Completion as (error, value): what the other side does to a connection is no exception.
inline constexpr auto as_result = boost::asio::as_tuple(boost::asio::use_awaitable);

class Event {
 public:
  explicit Event(const boost::asio::any_io_executor& lane)
      : timer_(lane, boost::asio::steady_timer::time_point::max()) {}

  [[nodiscard]] boost::asio::awaitable<void> wait() { co_await timer_.async_wait(as_result); }
  void notify() { timer_.cancel(); }

 private:
  boost::asio::steady_timer timer_;
};

// Returns after `time`.
[[nodiscard]] inline boost::asio::awaitable<void> pause(boost::asio::any_io_executor lane,
                                                        std::chrono::nanoseconds time) {
  boost::asio::steady_timer timer(lane, time);
  co_await timer.async_wait(as_result);
}

}  // namespace hunt::http
