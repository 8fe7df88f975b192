// What a cause is called, and what to do about it: half a sentence and a whole one.
//
// Not the finding of it (cause.h). Pure.
#pragma once
#include <cstdint>
#include <string>

#include "engine/attribution.h"
#include "engine/tail.h"
#include "model/why.h"

namespace hunt::engine {

[[nodiscard]] std::string ms(std::int64_t ns);  // "495 ms", "0.25 ms"
[[nodiscard]] std::string percent(double share);
// "CPU is 14 % of a core": of the lane that wants the most.
[[nodiscard]] std::string cpu_of(const Evidence& evidence);

// "495 ms is the round trip to shard 1 (…)".
[[nodiscard]] std::string what_it_is(const Evidence& evidence, const Part& part,
                                     model::Cause cause);
// "Look at …", with a word on pods where the evidence has one.
[[nodiscard]] std::string what_to_do(const Evidence& evidence, const Part& part,
                                     model::Cause cause);

}  // namespace hunt::engine
