// Lent: a connection while a lane has it, of requests for positions or a stream of messages, and
// what it brings and takes along.
//
// Not what the front knows of it (connections.h). Whoever has it owns its descriptor; it goes from
// thread to thread by a post, so nothing but the two atomics is touched by both at a time.
#pragma once
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/http/hot_head.h"
#include "model/claim.h"

namespace hunt::http {

// What the lane says of a stream while it has it; called there.
struct StreamEars {
  // Claims answered `found`, in an answer that is sent or unsent by now.
  std::function<void(std::vector<model::ClaimId>)> on_found;
  // Of the texts that it was to tell, the first so many are sent or unsent; the others are not its
  // own any more. Once for each LaneServer::tell().
  std::function<void(std::size_t)> on_told;
};

struct Lent {
  explicit Lent(HotHead of) : head(std::move(of)) {}
  explicit Lent(StreamEars of) : ears(std::move(of)) {}
  ~Lent() {
    if (descriptor >= 0) ::close(descriptor);
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  int descriptor = -1;            // does not block
  std::string unread;             // what came and is not answered: there and back
  std::string unsent;             // back: of the answers before it
  std::optional<HotHead> head;    // none: it is a stream
  StreamEars ears;                // of a stream
  std::function<void()> on_back;  // called once, by the lane, when it has it no more
  bool recalled = false;          // of the lane; then of the front

  // For the front, meanwhile.
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> asking{false};  // an answer is waited for

  // Of the lane alone.
  bool again = false;     // is handled again in the next turn, without a word of the kernel
  bool overlong = false;  // the part of a request that is here was at the last look, too
  std::uint64_t answered_before = 0;  // at the last look
  unsigned quiet_looks = 0;           // since an answer
};

}  // namespace hunt::http
