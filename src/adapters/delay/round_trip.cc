#include "adapters/delay/round_trip.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace hunt::delay {

boost::asio::awaitable<void> RoundTrip::half() const {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, std::chrono::nanoseconds(half_ns_));
  co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace hunt::delay
