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

#include "adapters/http/api.h"
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
  // An answer that came when the lane had the stream no more, and the bytes that were kept for it.
  std::function<void(Api::StreamAnswer, std::size_t)> on_late;
};

// Messages of one stream that are under way, and the bytes that are kept for their answers.
struct Asks {
  std::size_t count = 0;
  std::size_t bytes = 0;
};

struct Lent {
  explicit Lent(HotHead of) : head(std::move(of)) {}
  explicit Lent(StreamEars of) : ears(std::move(of)) {}
  ~Lent() {
    if (descriptor >= 0) ::close(descriptor);
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

  // For the answer to one more message.
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return asks.count < asks_max.count && asks.bytes + bytes <= asks_max.bytes;
  }

  int descriptor = -1;            // does not block
  std::string unread;             // what came and is not answered: there and back
  std::string unsent;             // back: of the answers before it
  std::optional<HotHead> head;    // none: it is a stream
  StreamEars ears;                // of a stream
  Asks asks_max;                  // of a stream: what the lane may have under way
  Asks asks;                      // and has; back: what it had, whose answers come later
  std::function<void()> on_back;  // called once, by the lane, when it has it no more
  bool recalled = false;          // of the lane; then of the front

  // For the front, meanwhile.
  std::atomic<std::uint64_t> answered{0};
  std::atomic<bool> asking{false};  // an answer is waited for before more is read

  // Of the lane alone.
  bool again = false;     // is handled again in the next turn, without a word of the kernel
  bool overlong = false;  // the part of a request that is here was at the last look, too
  std::uint64_t answered_before = 0;  // at the last look
  unsigned quiet_looks = 0;           // since an answer
};

}  // namespace hunt::http
