// Figures: what a process's connections to NATS could not do, counted over all of them.
//
// Not errors of calls: those return them. Each is also a line in the log, at most one in ten
// seconds and connection. Thread: any.
#pragma once
#include <atomic>
#include <cstdint>

namespace hunt::nats {

struct Figures {
  // Answers, outcomes, settlements, invalidations and the like that could not be sent.
  std::atomic<std::uint64_t> unsent{0};
  // What the server did not let us do: rights that our user lacks.
  std::atomic<std::uint64_t> refused{0};
  // Messages in our inboxes that nobody was asked for, or that are not what they say.
  std::atomic<std::uint64_t> ignored{0};
  // Messages lost because a subscription's bound was reached.
  std::atomic<std::uint64_t> overflown{0};
  // Streams and consumers that were lost, and are there again: made by us or by somebody else.
  std::atomic<std::uint64_t> remade{0};
  // Outcomes told in parts, and letters and events cut, because the server takes no larger message.
  std::atomic<std::uint64_t> divided{0};
  // Not counted: the streams are another hunt's now, so nothing is told or taken there.
  std::atomic<bool> other_hunt{false};
};

}  // namespace hunt::nats
