// Figures: what a process's connections to NATS could not do, counted over all of them.
//
// Not errors of calls: those return them. Each is also a line in the log, at most one in ten
// seconds and connection. Thread: any.
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "model/stats.h"

namespace hunt::nats {

// What the server told last of each consumer of the stored positions, by its shard.
class Backlogs {
 public:
  void put(model::StoredBacklog one) {
    const std::lock_guard lock(mutex_);
    by_shard_[one.shard] = std::move(one);
  }
  // Nothing is known while the server is not asked.
  void forget() {
    const std::lock_guard lock(mutex_);
    by_shard_.clear();
  }
  [[nodiscard]] std::vector<model::StoredBacklog> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<model::StoredBacklog> list;
    for (const auto& [shard, one] : by_shard_) list.push_back(one);
    return list;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, model::StoredBacklog> by_shard_;
};

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
  // Messages that can never succeed and are kept as dead letters now.
  std::atomic<std::uint64_t> buried{0};
  // Not counted: the streams are another hunt's now, so nothing is told or taken there.
  std::atomic<bool> other_hunt{false};
  Backlogs backlogs;
};

}  // namespace hunt::nats
