// TaskGroup: the owner of spawned coroutines of one lane. Counts them, bounds them, is joined.
//
// Not a thread pool. A task that throws is a bug and ends the process with its message: errors of
// the world are Results. The group outlives its tasks: join() before destroying it. A task whose
// frame is destroyed with its event loop (a simulated crash) counts as ended.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>

#include "ports/clock.h"

namespace hunt::service {

class TaskGroup {
 public:
  TaskGroup(boost::asio::any_io_executor lane, std::size_t tasks_max)
      : lane_(std::move(lane)), tasks_max_(tasks_max) {}
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // False when full: the task is then dropped without having run.
  [[nodiscard]] bool try_spawn(boost::asio::awaitable<void> task);
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  // Waits until every task has ended, looking each millisecond.
  [[nodiscard]] boost::asio::awaitable<void> join(const ports::Clock& clock, ports::Timer& timer);

 private:
  boost::asio::any_io_executor lane_;
  const std::size_t tasks_max_;
  std::size_t count_ = 0;
};

}  // namespace hunt::service
