// Sums of lanes: what several lanes counted and timed, as one, and as it is shown.
//
// Not kept anywhere: the Observer adds up copies whenever somebody looks. Pure. Thread: any.
#pragma once
#include <cstdint>
#include <vector>

#include "base/histogram.h"
#include "model/stats.h"
#include "service/lane_metrics.h"

namespace hunt::service {

using LatencyHistograms = model::Latencies<Histogram>;

void add(model::Counts& to, const model::Counts& from);
void add(LatencyHistograms& to, const LatencyHistograms& from);
// All but bounds and use, which are each lane's own, and what stores and cache are up to.
void add(LaneMetrics& to, const LaneMetrics& from);
// A row for each bound of a lane, or more of it. `now_ns`: until when what is under way counts.
void add(std::vector<model::StageUse>& to, const LaneBounds& from, std::int64_t now_ns);

[[nodiscard]] model::Latencies<model::LatencySummary> summaries_of(
    const LatencyHistograms& histograms);
[[nodiscard]] model::Latencies<model::LatencyBuckets> buckets_of(
    const LatencyHistograms& histograms, const model::Latencies<model::Exemplars>& examples);
[[nodiscard]] std::vector<model::StageSeconds> stages_of(const LaneMetrics& all);

}  // namespace hunt::service
