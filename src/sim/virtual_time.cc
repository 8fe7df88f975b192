#include "sim/virtual_time.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace hunt::sim {

boost::asio::awaitable<void> VirtualTime::sleep_until(std::int64_t deadline_ns) {
  const auto never = boost::asio::steady_timer::time_point::max();
  const auto sleeper = std::make_shared<boost::asio::steady_timer>(executor_, never);
  sleepers_.emplace(std::make_pair(std::max(deadline_ns, now_ns_), sequence_++), sleeper);
  boost::system::error_code cancelled;
  co_await sleeper->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
}

void VirtualTime::advance_to(std::int64_t now_ns) {
  now_ns_ = std::max(now_ns_, now_ns);
  while (!sleepers_.empty() && sleepers_.begin()->first.first <= now_ns_) {
    const auto sleeper = sleepers_.begin()->second;
    sleepers_.erase(sleepers_.begin());
    sleeper->cancel();
  }
}

std::int64_t VirtualTime::next_deadline_ns() const noexcept {
  return sleepers_.empty() ? INT64_MAX : sleepers_.begin()->first.first;
}

}  // namespace hunt::sim
