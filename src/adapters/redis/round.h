// Round: the answers to commands that were sent together, to one node or several.
//
// Not a queue: it is made for one exchange. Whoever sent waits once, until all are there or the
// deadline has passed; what comes later is dropped. Thread: its lane's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "adapters/redis/message.h"
#include "base/result.h"

namespace hunt::redis {

using TimePoint = std::chrono::steady_clock::time_point;
using Answer = Result<Reply>;

class Round {
 public:
  Round(boost::asio::any_io_executor lane, std::size_t count)
      : answers_(count), missing_(count), timer_(std::move(lane)) {}

  // One command more; its index.
  [[nodiscard]] std::size_t add() {
    answers_.emplace_back();
    ++missing_;
    return answers_.size() - 1;
  }
  void give(std::size_t index, Reply reply) {
    if (closed_ || answers_[index].has_value()) return;
    answers_[index].emplace(std::move(reply));
    count_down();
  }
  void refuse(std::size_t index, Error why) {
    if (closed_ || answers_[index].has_value()) return;
    answers_[index].emplace(tl::unexpect, std::move(why));
    count_down();
  }

  // Nothing stands where no answer came in time. Call once.
  [[nodiscard]] static boost::asio::awaitable<std::vector<std::optional<Answer>>> wait(
      std::shared_ptr<Round> round, TimePoint deadline) {
    round->timer_.expires_at(deadline);
    while (round->missing_ > 0 && std::chrono::steady_clock::now() < deadline) {
      boost::system::error_code cancelled;
      co_await round->timer_.async_wait(
          boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }
    round->closed_ = true;
    co_return std::move(round->answers_);
  }

 private:
  void count_down() {
    if (--missing_ == 0) timer_.cancel();
  }

  std::vector<std::optional<Answer>> answers_;
  std::size_t missing_;
  bool closed_ = false;
  boost::asio::steady_timer timer_;
};

}  // namespace hunt::redis
