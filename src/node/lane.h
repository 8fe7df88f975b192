// Lane: one thread with its event loop, timer and bus endpoint.
//
// Not the engine room: that is the Orchestrator, which a node puts on a lane. Objects that live on
// a lane are made and destroyed while its loop does not run, or through run().
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <memory>
#include <thread>

#include "adapters/inproc/inproc_bus.h"
#include "adapters/system/system_clock.h"
#include "base/thread_name.h"

namespace hunt::node {

class Lane {
 public:
  // Without a bus endpoint: for what has a bus of its own.
  Lane() : work_(loop_.get_executor()), timer_(loop_.get_executor()) {}
  explicit Lane(inproc::InprocBus& hub)
      : work_(loop_.get_executor()),
        timer_(loop_.get_executor()),
        bus_(hub.endpoint(loop_.get_executor())) {}
  ~Lane() { stop(); }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void start(const std::string& name) {
    thread_ = std::thread([this, name] {
      name_thread(name.c_str());
      loop_.run();
    });
  }
  // Ends the loop at once; whatever waits there is destroyed with it.
  void stop() {
    loop_.stop();
    if (thread_.joinable()) thread_.join();
  }

  // Runs a coroutine on the lane and waits for it. Thread: any but the lane's own.
  template <class T>
  T run(boost::asio::awaitable<T> task) {
    return spawn(std::move(task)).get();
  }
  // The same without waiting.
  template <class T>
  [[nodiscard]] std::future<T> spawn(boost::asio::awaitable<T> task) {
    return boost::asio::co_spawn(loop_, std::move(task), boost::asio::use_future);
  }

  [[nodiscard]] boost::asio::io_context& loop() noexcept { return loop_; }
  [[nodiscard]] boost::asio::any_io_executor executor() { return loop_.get_executor(); }
  [[nodiscard]] system::AsioTimer& timer() noexcept { return timer_; }
  // Only with a hub.
  [[nodiscard]] ports::Bus& bus() noexcept { return *bus_; }
  // CPU time of the thread so far. Units: nanoseconds.
  [[nodiscard]] std::int64_t cpu_ns();

 private:
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  system::AsioTimer timer_;
  std::unique_ptr<ports::Bus> bus_;
  std::thread thread_;
};

// CPU time of the whole process so far. Units: nanoseconds.
[[nodiscard]] std::int64_t process_cpu_ns();

}  // namespace hunt::node
