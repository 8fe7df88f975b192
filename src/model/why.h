// Why: where the time of a running orchestrator goes, as a sentence with its evidence.
//
// Not the measurement (engine/timeline.h) and not the reasoning (engine/attribution.h): what they
// come to, as `hunt why`, /v1/why and the page show it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace hunt::model {

// Stages are disjoint and closed: they add up to the whole. Their table says what they are.
enum class Stage : std::uint8_t {
  bus,
  front,
  queue,
  l1,
  l2,
  load_wait,
  store_load,
  claim_wait,
  store_grant,
  answer
};

struct StageFacts {
  Stage stage;
  std::string_view name;
  bool work;                  // the lane's thread is at it; else it waits
  std::string_view resource;  // who does it, or is waited for; empty: the shard, "shard 0"
};

// In the order of a batch's way.
inline constexpr StageFacts stages[] = {
    {Stage::bus, "bus", false, "bus"},               // on the bus, there and back, or stored in it
    {Stage::front, "front", false, "http"},          // for the thread of HTTP, there and back
    {Stage::queue, "queue", false, "lanes"},         // for the lane's loop
    {Stage::l1, "l1", true, "lanes"},                // looking in memory and deciding
    {Stage::l2, "l2", false, "cache"},               // for chunks from the shared cache
    {Stage::load_wait, "load_wait", false, {}},      // for a slot or a connection to the store
    {Stage::store_load, "store_load", false, {}},    // for chunks from the store
    {Stage::claim_wait, "claim_wait", false, {}},    // for company, or to be sent again
    {Stage::store_grant, "store_grant", false, {}},  // for the grant call, commit included
    {Stage::answer, "answer", true, "lanes"},        // putting the reply together
};
inline constexpr std::size_t stage_count = std::size(stages);
static_assert(static_cast<std::size_t>(Stage::answer) + 1 == stage_count &&
                  std::is_sorted(std::begin(stages), std::end(stages),
                                 [](const auto& a, const auto& b) { return a.stage < b.stage; }),
              "each stage has its row, in order");

[[nodiscard]] constexpr const StageFacts& facts_of(Stage stage) noexcept {
  return stages[static_cast<std::size_t>(stage)];
}
[[nodiscard]] constexpr std::string_view name_of(Stage stage) noexcept {
  return facts_of(stage).name;
}
[[nodiscard]] constexpr bool is_work(Stage stage) noexcept {
  return facts_of(stage).work;
}
[[nodiscard]] constexpr bool is_of_shard(Stage stage) noexcept {
  return facts_of(stage).resource.empty();
}
[[nodiscard]] inline std::string resource_of(Stage stage, std::uint32_t shard) {
  if (is_of_shard(stage)) return "shard " + std::to_string(shard);
  return std::string(facts_of(stage).resource);
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
  cache_miss,  // waiting until somebody else has filled the cache, or it holds nothing
  bus,         // on the way over the bus, or stored there and not taken
  throttle,    // the process stood still: stopped, paused or blocked
};
inline constexpr std::size_t cause_count = 12;

[[nodiscard]] constexpr std::string_view name_of(Cause cause) noexcept {
  constexpr std::string_view names[cause_count] = {
      "none", "unclear", "round_trip", "server",     "commit", "lock",
      "cpu",  "queue",   "limit",      "cache_miss", "bus",    "throttle"};
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

// Of a lane's thread, over the last second: shares of a core.
struct LaneLoad {
  double busy = 0;
  double starved = 0;  // ready to run, and no core for it
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
  std::int64_t tail_ns = 0;          // mean of the slowest 1 %
  std::int64_t tail_before_ns = 0;   // the same in the minutes before; 0: nothing is known of them
  std::uint64_t samples = 0;         // timelines looked at
  std::int64_t age_ns = 0;           // since they were gathered
  std::int64_t answers_tail_ns = 0;  // the same as tail_ns, of batches and of claims
  std::int64_t claims_tail_ns = 0;
  std::vector<StageFigures> stages;
  std::vector<LaneLoad> lanes;
};

// Whether a stage is named that is not fine: for a cause, or as where half of the time goes. The
// share may be 0: calls that fail and work at the next try are named, too.
[[nodiscard]] inline bool names_bottleneck(const Why& why) noexcept {
  if (why.cause == Cause::unclear) return why.share >= 0.5;
  return why.cause != Cause::none;
}

}  // namespace hunt::model
