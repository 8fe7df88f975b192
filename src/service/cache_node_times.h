// CacheNodeTimes: which node of the shared cache was much slower than the others of late.
//
// Not the figures of /metrics (those count since the start): the last ten looks, one a second.
// Thread: its lane's.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
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

  // Without an address where none is: fewer than two were asked enough, or they are alike.
  [[nodiscard]] engine::SlowNode slowest() const {
    std::vector<Lately> all;
    if (looks_.empty()) return {};
    for (const auto& node : looks_.back()) {
      if (Lately one = lately(node); one.asked() >= asked_min) all.push_back(std::move(one));
    }
    std::sort(all.begin(), all.end(),
              [](const Lately& a, const Lately& b) { return a.cost_ns() > b.cost_ns(); });
    if (all.size() < 2) return {};
    engine::SlowNode slowest{all[0].address, all[0].mean_ns(), all[0].late, 0};
    std::uint64_t others_late = 0;
    for (std::size_t i = 1; i < all.size(); ++i) {
      slowest.others_ns = std::max(slowest.others_ns, all[i].mean_ns());
      others_late = std::max(others_late, all[i].late);
    }
    const bool slow = slowest.mean_ns >= slow_ns_min && slowest.mean_ns >= 3 * slowest.others_ns;
    const bool late = slowest.late >= late_min && slowest.late >= 10 * others_late;
    return slow || late ? slowest : engine::SlowNode{};
  }

 private:
  static constexpr std::size_t looks_max = 11;
  static constexpr std::uint64_t asked_min = 20;          // of fewer one slow reply says nothing
  static constexpr std::int64_t slow_ns_min = 2'000'000;  // five times what one takes nearby
  static constexpr std::uint64_t late_min = 5;
  static constexpr std::uint64_t late_ns = 50'000'000;  // longer than any that is in time

  struct Lately {
    std::string address;
    std::uint64_t replies = 0;
    std::uint64_t reply_ns = 0;
    std::uint64_t late = 0;

    [[nodiscard]] std::uint64_t asked() const noexcept { return replies + late; }
    [[nodiscard]] std::int64_t mean_ns() const noexcept {
      return replies == 0 ? 0 : static_cast<std::int64_t>(reply_ns / replies);
    }
    // Of one command, late ones too.
    [[nodiscard]] std::uint64_t cost_ns() const noexcept {
      return (reply_ns + late * late_ns) / std::max<std::uint64_t>(1, asked());
    }
  };

  [[nodiscard]] Lately lately(const model::CacheNode& now) const {
    model::CacheNode before;
    for (const auto& one : looks_.front()) {
      if (one.address == now.address) before = one;
    }
    const auto since = [](std::uint64_t late, std::uint64_t early) {
      return late < early ? late : late - early;  // counted anew
    };
    return {now.address, since(now.replies, before.replies), since(now.reply_ns, before.reply_ns),
            since(now.late, before.late)};
  }

  std::deque<std::vector<model::CacheNode>> looks_;
};

}  // namespace hunt::service
