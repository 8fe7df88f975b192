#include "node/warning_log.h"

#include <algorithm>

namespace hunt::node {

namespace {

constexpr std::int64_t again_ns = 60'000'000'000;
constexpr std::int64_t between_ns = 10'000'000'000;
constexpr std::int64_t over_after_ns = 1'000'000'000;

}  // namespace

std::vector<LogEvent> WarningLog::look(const std::vector<service::Warning>& now,
                                       std::int64_t now_ns) {
  std::vector<LogEvent> lines;
  for (const auto& warning : now) {
    Known& known = known_[warning.key];
    known.seen_ns = now_ns;
    const std::int64_t pause_ns = known.on ? again_ns : between_ns;
    if (known.said_ns != INT64_MIN && now_ns - known.said_ns < pause_ns) continue;
    known.said_ns = now_ns;
    known.on = true;
    lines.push_back({LogLevel::warning, warning.key, warning.text});
  }
  bool ended = false;
  for (auto& [key, known] : known_) {
    if (!known.on || now_ns - known.seen_ns < over_after_ns) continue;
    known.on = false;
    ended = true;
    lines.push_back({LogLevel::info, key, key + ": it is over"});
  }
  const bool any =
      std::any_of(known_.begin(), known_.end(), [](const auto& one) { return one.second.on; });
  if (ended && !any) lines.push_back({LogLevel::info, "process", "all is as it should be again"});
  std::erase_if(known_, [now_ns](const auto& one) {
    return !one.second.on && now_ns - one.second.seen_ns >= again_ns;
  });
  return lines;
}

}  // namespace hunt::node
