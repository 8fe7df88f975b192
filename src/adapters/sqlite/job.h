// Job and ask(): how a coroutine hands work to a thread of the store and is resumed with the
// answer.
//
// Not a scheduler: queues and threads are worker.h. The caller is resumed by a post to its own
// executor, which is kept busy (outstanding work) meanwhile. Each Reply is given exactly once.
// Cancellation is ignored: what is under way in the store finishes, and its answer is told.
#pragma once
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "base/result.h"

namespace hunt::sqlite {

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

// One call, as the threads of the store see it.
class Job {
 public:
  virtual ~Job() = default;
  // Does the work and keeps its result; may be asked to do it again after what it wrote was undone.
  // False: it failed, and what it wrote must be undone.
  [[nodiscard]] virtual bool run() = 0;
  // The error kept by a failed run.
  [[nodiscard]] virtual const Error& error() const = 0;
  // Replaces the result.
  virtual void fail_with(const Error& error) = 0;
  // Gives the result to the caller.
  virtual void finish() = 0;
};

template <class T>
class Call final : public Job {
 public:
  Call(std::unique_ptr<Reply<T>> reply, std::function<Result<T>()> work)
      : reply_(std::move(reply)), work_(std::move(work)) {}
  [[nodiscard]] bool run() override {
    result_ = work_();
    return result_.has_value();
  }
  [[nodiscard]] const Error& error() const override { return result_.error(); }
  void fail_with(const Error& error) override { result_ = tl::unexpected<Error>(error); }
  void finish() override { reply_->give(std::move(result_)); }

 private:
  std::unique_ptr<Reply<T>> reply_;
  std::function<Result<T>()> work_;
  Result<T> result_ = fail(Errc::internal, "the store did not run the call; please report this");
};

}  // namespace hunt::sqlite
