// Lent: a connection while a lane has it, and what it brings and takes along.
//
// Not what the front knows of it (connections.h). Whoever has it owns its descriptor; it goes from
// thread to thread by a post, so nothing but the two atomics is touched by both at a time.
#pragma once
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "adapters/http/hot_head.h"

namespace hunt::http {

struct Lent {
  explicit Lent(HotHead of) : head(std::move(of)) {}
  ~Lent() {
    if (descriptor >= 0) ::close(descriptor);
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  int descriptor = -1;  // does not block
  std::string unread;   // what came and is not answered: there and back
  std::string unsent;   // back: of the answers before it
  HotHead head;
  std::function<void()> on_back;  // called once, by the lane, when it has it no more
  bool recalled = false;          // of the lane; then of the front

  // For the front, meanwhile.
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> asking{false};  // an answer is waited for

  // Of the lane alone.
  bool again = false;     // is handled again in the next turn, without a word of the kernel
  bool overlong = false;  // the part of a request that is here was at the last look, too
};

}  // namespace hunt::http
