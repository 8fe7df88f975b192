// CacheNodeTimes: which node of the shared cache was much slower than the others of late.
//
// Not the figures of /metrics (those count since the start): the last ten looks, one a second.
// Thread: its lane's.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "engine/attribution.h"
#include "model/stats.h"

namespace hunt::service {

class CacheNodeTimes {
 public:
  void look(std::vector<model::CacheNode> nodes) {
    looks_.push_back(std::move(nodes));
    if (looks_.size() > looks_max) looks_.pop_front();
  }

  // Without an address where none is: there are fewer than two, or they are alike.
  [[nodiscard]] engine::SlowNode slowest() const {
    std::vector<engine::SlowNode> all;
    if (looks_.empty()) return {};
    for (const auto& now : looks_.back()) all.push_back(of_late(now));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.mean_ns + late_ns * static_cast<std::int64_t>(a.late) >
             b.mean_ns + late_ns * static_cast<std::int64_t>(b.late);
    });
    if (all.size() < 2) return {};
    engine::SlowNode slowest = all[0];
    slowest.others_ns = all[1].mean_ns;
    const bool slow = slowest.mean_ns >= slow_ns_min && slowest.mean_ns >= 3 * slowest.others_ns;
    const bool late = slowest.late >= late_min && slowest.late >= 10 * all[1].late;
    return slow || late ? slowest : engine::SlowNode{};
  }

 private:
  static constexpr std::size_t looks_max = 11;
  static constexpr std::int64_t slow_ns_min = 2'000'000;  // five times what one takes nearby
  static constexpr std::uint64_t late_min = 5;
  static constexpr std::int64_t late_ns = 50'000'000;  // longer than any that is in time

  [[nodiscard]] engine::SlowNode of_late(const model::CacheNode& now) const {
    model::CacheNode before;
    for (const auto& one : looks_.front()) {
      if (one.address == now.address) before = one;
    }
    const auto since = [](std::uint64_t late, std::uint64_t early) {
      return late < early ? late : late - early;  // counted anew
    };
    const std::uint64_t replies = since(now.replies, before.replies);
    const std::uint64_t ns = since(now.reply_ns, before.reply_ns);
    return {now.address, replies == 0 ? 0 : static_cast<std::int64_t>(ns / replies),
            since(now.late, before.late), 0};
  }

  std::deque<std::vector<model::CacheNode>> looks_;
};

}  // namespace hunt::service
