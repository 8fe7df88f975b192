#include "service/task_group.h"

#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

#include "base/result.h"

namespace hunt::service {

namespace {

void end_on_exception(const std::exception_ptr& error) {
  if (error == nullptr) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& what) {
    std::fprintf(stderr, "hunt: a task failed: %s\n", what.what());
  }
  std::abort();
}

// A task's place in the count, for as long as its frame lives.
class Counted {
 public:
  explicit Counted(std::size_t& count) : count_(&count) { ++*count_; }
  Counted(Counted&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Counted& operator=(Counted&&) = delete;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() {
    if (count_ != nullptr) --*count_;
  }
  void operator()(const std::exception_ptr& error) { end_on_exception(error); }

 private:
  std::size_t* count_;
};

}  // namespace

TaskGroup::~TaskGroup() {
  HUNT_ASSERT(count_ == 0 && "join() comes first");
}

bool TaskGroup::try_spawn(boost::asio::awaitable<void> task) {
  if (count_ >= tasks_max_) return false;
  boost::asio::co_spawn(lane_, std::move(task), Counted(count_));
  return true;
}

boost::asio::awaitable<void> TaskGroup::join(const ports::Clock& clock, ports::Timer& timer) {
  while (count_ > 0) co_await timer.sleep_until(clock.now_ns() + 1'000'000);
}

}  // namespace hunt::service
