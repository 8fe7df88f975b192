// Calls to a shard, as the evidence has them: what takes the most of them, what they are usually
// like, and whether they fail.
//
// Not what stands behind a wait for one (cause.h). Pure.
#pragma once
#include <cstdint>
#include <optional>

#include "engine/attribution.h"
#include "engine/tail.h"
#include "model/why.h"

namespace hunt::engine {

// From here on a call is slow, and who waits for one waits because of it.
inline constexpr std::int64_t slow_call_ns = claims_fine_ns / 5;
// So many slow calls show what calls are like: one may have been unlucky.
inline constexpr std::int64_t slow_calls_min = 2;

// What inside a store stage takes the most of it.
struct Inside {
  model::Cause cause = model::Cause::unclear;
  std::int64_t ns = 0;   // per timeline
  bool guessed = false;  // from probes: the calls have not ended, or told nothing
  // Of `ns`: waiting for locks that other calls of ours held for as long.
  std::int64_t own_locks_ns = 0;
};
[[nodiscard]] Inside inside_store(const Evidence& evidence, const Part& part);

[[nodiscard]] Probe probe_of(const Evidence& evidence, std::uint32_t shard);

// The calls of a stage to a shard that took so long, whether they are of the tail or not.
[[nodiscard]] Part slow_calls(const Evidence& evidence, model::Stage stage, std::uint32_t shard,
                              std::int64_t slow_ns);
// What calls to a shard are like, where they are slow: half of them at least, and not one alone.
[[nodiscard]] std::optional<Part> usual_calls(const Evidence& evidence, model::Stage stage,
                                              std::uint32_t shard);
// So are most calls of its stage to its shard, and not the slowest alone: it is no chance.
[[nodiscard]] bool is_usual(const Evidence& evidence, const Part& part);
// Calls that are slow and take most of the time of all: these are what the slots are in use for.
[[nodiscard]] std::optional<Part> filling_calls(const Evidence& evidence, model::Stage stage,
                                                std::uint32_t shard);

// The same of those that are over and told what took them so long.
[[nodiscard]] std::optional<Part> filling_calls_over(const Evidence& evidence, model::Stage stage,
                                                     std::uint32_t shard);

// Calls to the shard fail, more than may happen. Null: they do not.
[[nodiscard]] const Failures* failing_calls(const Evidence& evidence, std::uint32_t shard);
// They break off: their connections do. Fewer of them than of failures tell.
[[nodiscard]] const Failures* breaking_calls(const Evidence& evidence, std::uint32_t shard);
// They break off again and again: that is trouble for certain, whatever else there is.
[[nodiscard]] bool breaks_for_sure(const Evidence& evidence, std::uint32_t shard);
// They do, and a call of the part told what took most of it: but that is of its last try.
[[nodiscard]] bool told_beside_breaks(const Evidence& evidence, const Part& part);

}  // namespace hunt::engine
