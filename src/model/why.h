// Why: where the time of a running orchestrator goes, as a sentence with its evidence.
//
// Not the measurement (engine/timeline.h) and not the reasoning (engine/attribution.h): what they
// come to, as `hunt why`, /v1/why and the page show it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hunt::model {

// In the order of a batch's way. Stages are disjoint and closed: they add up to the whole.
enum class Stage : std::uint8_t {
  queue,        // waiting for the lane's loop
  l1,           // looking in memory and deciding
  l2,           // waiting for chunks from the shared cache
  store_load,   // waiting for chunks from the store
  claim_wait,   // a claim collecting company, or waiting to be sent again
  store_grant,  // the grant call, commit included
  answer,       // putting the reply together
};
inline constexpr std::size_t stage_count = 7;

[[nodiscard]] constexpr std::string_view name_of(Stage stage) noexcept {
  constexpr std::string_view names[stage_count] = {
      "queue", "l1", "l2", "store_load", "claim_wait", "store_grant", "answer"};
  return names[static_cast<std::size_t>(stage)];
}

// The lane's thread is at it; all other stages are waits.
[[nodiscard]] constexpr bool is_work(Stage stage) noexcept {
  return stage == Stage::l1 || stage == Stage::answer;
}
// What it waits for is one of several shards.
[[nodiscard]] constexpr bool is_of_shard(Stage stage) noexcept {
  return stage == Stage::store_load || stage == Stage::claim_wait || stage == Stage::store_grant;
}
// Who does it, or is waited for: "lanes", "cache", "shard 0".
[[nodiscard]] inline std::string resource_of(Stage stage, std::uint32_t shard) {
  if (is_of_shard(stage)) return "shard " + std::to_string(shard);
  return stage == Stage::l2 ? "cache" : "lanes";
}

enum class Cause : std::uint8_t {
  none,        // nothing is wrong
  unclear,     // no part stands out
  round_trip,  // on the way to the store and back
  server,      // the store executing
  commit,      // the store making it durable
  lock,        // the store waiting for locks or its writer
  cpu,         // the lane's thread is busy
  queue,       // waiting in line though the thread is not busy
  limit,       // a limit of ours holds claims back
  cache_miss,  // waiting until somebody else has filled the cache
};

[[nodiscard]] constexpr std::string_view name_of(Cause cause) noexcept {
  constexpr std::string_view names[] = {"none", "unclear", "round_trip", "server", "commit",
                                        "lock", "cpu",     "queue",      "limit",  "cache_miss"};
  return names[static_cast<std::size_t>(cause)];
}

struct StageFigures {
  Stage stage = Stage::queue;
  std::string resource;  // resource_of()
  double share = 0;      // of the tail's time; all stages add up to 1
  std::int64_t waited_p99_ns = 0;
  std::int64_t worked_p99_ns = 0;
  std::uint64_t inflight = 0;
  std::uint64_t limit = 0;  // 0: none
};

struct Why {
  std::string verdict;  // one sentence with the evidence
  std::string next;     // one sentence: what to do
  std::string warning;  // one sentence: what else is not as it should be, or empty
  bool confident = false;
  std::string timeline;  // "answers" or "claims": whose tail it is
  Stage stage = Stage::queue;
  std::string resource;
  Cause cause = Cause::none;
  double share = 0;
  std::int64_t tail_ns = 0;         // mean of the slowest 1 %
  std::int64_t tail_before_ns = 0;  // the same in the minutes before; 0: nothing is known of them
  std::uint64_t samples = 0;        // timelines looked at
  std::vector<StageFigures> stages;
};

}  // namespace hunt::model
