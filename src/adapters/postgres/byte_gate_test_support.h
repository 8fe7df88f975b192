// ByteGate: passes bytes on between two ports, such as HAProxy does or a forwarded port, after a
// delay on each of the two ways.
//
// Not for production code. A thread of its own.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "adapters/postgres/postgres_test_support.h"

namespace hunt::postgres {

class ByteGate {
 public:
  explicit ByteGate(std::uint16_t to) : to_(to), port_(testing::free_port()) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(port_);
    HUNT_ASSERT(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                0);
    HUNT_ASSERT(::listen(listener_, 64) == 0);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ~ByteGate() {
    thread_.request_stop();
    thread_.join();
    ::close(listener_);
  }
  ByteGate(const ByteGate&) = delete;
  ByteGate& operator=(const ByteGate&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void set_delay(std::chrono::milliseconds delay) { delay_ = delay; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    Clock::time_point due;
    int to = -1;
    std::string bytes;
  };
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  void serve(const std::stop_token& stop) {
    std::vector<pollfd> all{{listener_, POLLIN, 0}};  // then pairs
    std::deque<Held> held;
    while (!stop.stop_requested()) {
      (void)::poll(all.data(), all.size(), held.empty() ? 20 : 1);
      for (std::size_t i = 1; i < all.size(); ++i) {
        if ((all[i].revents & (POLLIN | POLLHUP)) == 0) continue;
        char bytes[65'536];
        const auto other = all[(i - 1) % 2 == 0 ? i + 1 : i - 1].fd;
        const auto count = ::recv(all[i].fd, bytes, sizeof bytes, 0);
        if (count <= 0) {
          ::shutdown(other, SHUT_WR);
          all[i].events = 0;
          continue;
        }
        held.push_back({Clock::now() + delay_.load(), other,
                        std::string(bytes, static_cast<std::size_t>(count))});
      }
      while (!held.empty() && held.front().due <= Clock::now()) {
        (void)::send(held.front().to, held.front().bytes.data(), held.front().bytes.size(),
                     MSG_NOSIGNAL);
        held.pop_front();
      }
      if ((all[0].revents & POLLIN) == 0) continue;
      const int from = ::accept(listener_, nullptr, nullptr);
      const int to = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const auto address = loopback(to_);
      (void)::connect(to, reinterpret_cast<const sockaddr*>(&address), sizeof address);
      all.push_back({from, POLLIN, 0});
      all.push_back({to, POLLIN, 0});
    }
    for (std::size_t i = 1; i < all.size(); ++i) ::close(all[i].fd);
  }

  std::uint16_t to_;
  std::uint16_t port_;
  int listener_ = -1;
  std::atomic<std::chrono::milliseconds> delay_{std::chrono::milliseconds(0)};
  std::jthread thread_;
};

}  // namespace hunt::postgres
