// BoundedQueue: values between two threads, never more than `depth_max` of them.
//
// Not a scheduler: the consumer blocks in pop_all(). Full is a normal answer (try_push is false);
// closed wakes the consumer, which drains what is left and then sees `false`.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace hunt {

template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t depth_max) : depth_max_(depth_max) {}

  // False when full or closed; `value` is then left as it was.
  [[nodiscard]] bool try_push(T& value) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_ || values_.size() >= depth_max_) return false;
      values_.push_back(std::move(value));
    }
    changed_.notify_one();
    return true;
  }

  // Waits for at least one value and swaps all of them into `out` (which it clears first).
  // False when closed and empty. Thread: one consumer.
  [[nodiscard]] bool pop_all(std::vector<T>& out) {
    out.clear();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !values_.empty(); });
    out.swap(values_);
    return !out.empty();
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
  }

  [[nodiscard]] std::size_t depth() const {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  const std::size_t depth_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> values_;
  bool closed_ = false;
};

}  // namespace hunt
