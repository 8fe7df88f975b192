// Signal: one event that coroutines of one lane wait for, each until its own deadline.
//
// Not for threads. `Deadlines` is the lane's list of who waits until when; its owner calls sweep()
// every few milliseconds, so a deadline is met with that grain and no timer per waiter exists. The
// list owns who waits: a frame often owns the signal that it waits for, so a signal that owned
// frames would keep them for ever where a lane ends without an answer. They go with the list.
#pragma once
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace hunt::service {

namespace detail {

// A parked coroutine: resumed once, with `true` when the signal was set before the deadline.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void resume(bool in_time) = 0;
};

template <class Handler>
class WaiterOf final : public Waiter {
 public:
  explicit WaiterOf(Handler handler) : handler_(std::move(handler)) {}
  void resume(bool in_time) override {
    if (resumed_) return;
    resumed_ = true;
    auto executor = boost::asio::get_associated_executor(handler_);
    boost::asio::post(executor, [handler = std::move(handler_), in_time]() mutable {
      std::move(handler)(in_time);
    });
  }

 private:
  Handler handler_;
  bool resumed_ = false;
};

}  // namespace detail

class Deadlines {
 public:
  void add(std::int64_t deadline_ns, std::shared_ptr<detail::Waiter> waiter) {
    waiters_.emplace(deadline_ns, std::move(waiter));
  }
  // Resumes all whose deadline has passed.
  void sweep(std::int64_t now_ns) {
    while (!waiters_.empty() && waiters_.begin()->first <= now_ns) {
      const auto waiter = std::move(waiters_.begin()->second);
      waiters_.erase(waiters_.begin());
      waiter->resume(false);
    }
  }

 private:
  std::multimap<std::int64_t, std::shared_ptr<detail::Waiter>> waiters_;
};

class Signal {
 public:
  // True when set before `deadline_ns`; at once when it is set already.
  [[nodiscard]] boost::asio::awaitable<bool> wait(Deadlines& deadlines, std::int64_t deadline_ns) {
    if (set_) co_return true;
    auto park = [this, &deadlines, deadline_ns](auto handler) {
      auto waiter = std::make_shared<detail::WaiterOf<decltype(handler)>>(std::move(handler));
      waiters_.push_back(waiter);  // weakly
      deadlines.add(deadline_ns, std::move(waiter));
    };
    co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>,
                                                   void(bool)>(std::move(park),
                                                               boost::asio::use_awaitable);
  }

  void set() {
    set_ = true;
    for (const auto& known : waiters_) {
      if (const auto waiter = known.lock()) waiter->resume(true);
    }
    waiters_.clear();
  }
  [[nodiscard]] bool is_set() const noexcept { return set_; }

 private:
  bool set_ = false;
  std::vector<std::weak_ptr<detail::Waiter>> waiters_;
};

}  // namespace hunt::service
