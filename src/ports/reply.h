// ask() and Reply: how a coroutine hands work to another thread and is resumed with the answer.
//
// Not a queue and not a thread. The caller is resumed by a post to its own executor, which is kept
// busy (outstanding work) meanwhile. Each Reply is given exactly once. Cancellation is ignored:
// what is under way elsewhere finishes, and its answer is told.
#pragma once
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <utility>

#include "base/result.h"

namespace hunt::ports {

// The waiting end of a call. Thread: any, once.
template <class T>
class Reply {
 public:
  virtual ~Reply() = default;
  virtual void give(Result<T> result) = 0;
};

template <class T, class Handler>
class HandlerReply final : public Reply<T> {
 public:
  explicit HandlerReply(Handler handler)
      : work_(boost::asio::get_associated_executor(handler)), handler_(std::move(handler)) {}
  void give(Result<T> result) override {
    auto deliver = [handler = std::move(handler_), value = std::move(result)]() mutable {
      handler(std::move(value));
    };
    boost::asio::post(work_.get_executor(), std::move(deliver));
    work_.reset();
  }

 private:
  boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler>> work_;
  Handler handler_;
};

// Suspends the caller and calls `start` with the Reply that resumes it.
template <class T, class Start>
[[nodiscard]] boost::asio::awaitable<Result<T>> ask(Start start) {
  auto initiate = [start = std::move(start)](auto handler) mutable {
    using Handler = decltype(handler);
    start(std::make_unique<HandlerReply<T, Handler>>(std::move(handler)));
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(Result<T>)>(
      std::move(initiate), boost::asio::use_awaitable);
}

}  // namespace hunt::ports
