// JSON of the timeline of rules, and of rule files that somebody sends.
//
// Not the rules themselves: those are YAML inside of it. Thread: any.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/rules_timeline.h"
#include "model/shard_map.h"

namespace hunt::codec {

// The most that a push or `hunt rules lock` takes for a revision, in nanoseconds since 1970 the
// year 2255. A lock that was written by hand may have up to 2^63 - 1: so there is always a way up.
inline constexpr std::uint64_t rules_revision_max = 9'000'000'000'000'000'000;

// {"seq","turns":[{"version","revision","from","by","note"}],"stopped":[{"event","since","by",
// "note"}],"missing":[shard]}; `missing` are shards that do not have it yet.
[[nodiscard]] std::string write_rules(const model::RulesTimeline& timeline,
                                      const std::vector<model::ShardId>& missing);

// {"files":[{"name","text"}]}. Errors: invalid_argument, with the field. Bound: the body's.
[[nodiscard]] Result<model::RulesFiles> parse_rules_files(std::string_view body);
[[nodiscard]] std::string write_rules_files(const model::RulesFiles& files);

}  // namespace hunt::codec
