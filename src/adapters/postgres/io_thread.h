// IoThread: the thread on which connections live, and the way there from any lane.
//
// Not a pool of threads: one loop, so nothing on it needs a lock. Lifecycle: runs from its
// construction to close(); whoever asks later is refused.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/result.h"
#include "base/thread_name.h"
#include "ports/reply.h"

namespace hunt::postgres {

class IoThread {
 public:
  IoThread()
      : work_(loop_.get_executor()), thread_([this] {
          name_thread("postgres-io");
          loop_.run();
        }) {}
  ~IoThread() { close({}); }
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  [[nodiscard]] boost::asio::any_io_executor executor() { return loop_.get_executor(); }

  // Runs the coroutine there; the caller is resumed on its own executor. Thread: any.
  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> run(boost::asio::awaitable<Result<T>> work) {
    return ports::ask<T>([this,
                          work = std::move(work)](std::unique_ptr<ports::Reply<T>> reply) mutable {
      std::unique_lock lock(mutex_);
      if (closed_) {
        lock.unlock();
        return reply->give(fail(Errc::unavailable, "the store is closed: the process shuts down"));
      }
      auto done = [reply = std::move(reply)](const std::exception_ptr& thrown, Result<T> result) {
        reply->give(thrown ? fail(Errc::internal, "an exception in the store; please report")
                           : std::move(result));
      };
      boost::asio::co_spawn(loop_, std::move(work), std::move(done));
    });
  }

  // Runs `end` there, finishes what is under way and joins.
  void close(std::function<void()> end) {
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(closed_, true)) return;
      if (end) boost::asio::post(loop_, std::move(end));
      work_.reset();
    }
    thread_.join();
  }

 private:
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::mutex mutex_;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace hunt::postgres
