// RetryBudget: how much of the load on a dependency may be repetition, so that a failing one is not
// beaten by those who wait for it.
//
// Not a backoff: that spreads the repetitions of one call. A fifth of the first tries plus ten a
// second (the usual figures). Thread: its lane's.
#pragma once
#include <algorithm>
#include <cstdint>

namespace hunt::service {

class RetryBudget {
 public:
  void first_try() noexcept { parts_ = std::min(parts_max, parts_ + parts_per_try / 5); }
  // True, and spent, when one more repetition is within the budget.
  [[nodiscard]] bool take(std::int64_t now_ns) noexcept {
    const std::int64_t since_ns = std::clamp(now_ns - refilled_ns_, std::int64_t{0}, second_ns);
    const std::int64_t added = since_ns * 10 * parts_per_try / second_ns;
    if (added > 0) {
      refilled_ns_ = now_ns;
      parts_ = std::min(parts_max, parts_ + added);
    }
    if (parts_ < parts_per_try) return false;
    parts_ -= parts_per_try;
    return true;
  }

 private:
  static constexpr std::int64_t second_ns = 1'000'000'000;
  static constexpr std::int64_t parts_per_try = 1'000;
  static constexpr std::int64_t parts_max = 20 * parts_per_try;
  std::int64_t parts_ = parts_max;
  std::int64_t refilled_ns_ = 0;
};

}  // namespace hunt::service
