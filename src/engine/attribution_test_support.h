// Timelines with planted numbers, in milliseconds.
//
// Not a measurement: each stage takes what the test says. Values.
#pragma once
#include <cstdint>

#include "engine/timeline.h"

namespace hunt::engine {

using model::Stage;

inline constexpr std::int64_t ms_ns = 1'000'000;

inline Timeline claim(std::int64_t wait_ms, std::int64_t grant_ms, std::int64_t lock_ms = 0,
                      std::int64_t exec_ms = 0, std::int64_t commit_ms = 0) {
  Timeline timeline;
  timeline.add(Stage::claim_wait, wait_ms * ms_ns);
  timeline.add(Stage::store_grant, grant_ms * ms_ns);
  timeline.grant = {grant_ms * ms_ns, lock_ms * ms_ns, exec_ms * ms_ns, commit_ms * ms_ns};
  return timeline;
}

inline Timeline answer(std::int64_t queue_ms, std::int64_t l1_ms, std::int64_t load_ms,
                       std::int64_t exec_ms = 0) {
  Timeline timeline;
  timeline.add(Stage::queue, queue_ms * ms_ns);
  timeline.add(Stage::l1, l1_ms * ms_ns);
  timeline.add(Stage::store_load, load_ms * ms_ns);
  timeline.load = {load_ms * ms_ns, 0, exec_ms * ms_ns, 0};
  return timeline;
}

}  // namespace hunt::engine
