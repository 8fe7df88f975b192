// RequestTimes: where the time of the last requests went, and how busy the gateway's thread is.
//
// Not the histograms of /metrics (gateway.h), which have no tail of one moment. Bounded: the last
// `kept_max` requests, about a megabyte. Thread: the gateway's.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace hunt::gateway {

class Pool;

// What a request took, in parts: the rest of it is our own work, and waiting for our one thread.
struct Spent {
  std::chrono::steady_clock::time_point ended;
  std::int64_t total_ns = 0;
  std::int64_t pool_ns = 0;      // waiting for a connection, making one included
  std::int64_t database_ns = 0;  // from sending statements to their results, the way included
  const Pool* pool = nullptr;    // nothing: it came to none

  [[nodiscard]] std::int64_t own_ns() const noexcept { return total_ns - pool_ns - database_ns; }
};

class RequestTimes {
 public:
  void add(const Spent& spent);
  // About once a second, on the thread whose CPU counts.
  void look(std::chrono::steady_clock::time_point now);

  // Those that ended after `from`, as far as they are kept; in no order.
  [[nodiscard]] std::vector<Spent> since(std::chrono::steady_clock::time_point from) const;
  // Of a core, between the last two looks.
  [[nodiscard]] double busy() const noexcept { return busy_; }

 private:
  static constexpr std::size_t kept_max = 1 << 15;
  std::vector<Spent> kept_;  // a ring, once it is full
  std::size_t next_ = 0;
  std::chrono::steady_clock::time_point looked_at_;
  std::int64_t cpu_ns_ = 0;
  double busy_ = 0;
};

}  // namespace hunt::gateway
