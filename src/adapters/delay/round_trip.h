// RoundTrip: a way there and back, added to any call of a port.
//
// Not a model of load: the delay is the same for every call, half before it and half after, so the
// part behind the port stays as fast as it is. In real time, on the caller's executor.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>

namespace hunt::delay {

class RoundTrip {
 public:
  explicit RoundTrip(std::int64_t ns) : half_ns_(ns / 2) {}

  // The call is lazy: it begins after the first half of the way.
  template <class T>
  [[nodiscard]] boost::asio::awaitable<T> add(boost::asio::awaitable<T> call) const {
    co_await half();
    auto result = co_await std::move(call);
    co_await half();
    co_return result;
  }

 private:
  [[nodiscard]] boost::asio::awaitable<void> half() const;

  std::int64_t half_ns_;
};

}  // namespace hunt::delay
