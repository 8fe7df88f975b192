#include "service/lane_sums.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "model/limits.h"

namespace hunt::service {

namespace {

using model::latency_figures;

model::LatencySummary summary_of(const Histogram& histogram) {
  return {histogram.count(),
          static_cast<std::int64_t>(histogram.sum_ns()),
          histogram.quantile_ns(5'000),
          histogram.quantile_ns(9'900),
          histogram.quantile_ns(9'990),
          histogram.max_ns()};
}

void add(OutcomeCounts& to, const OutcomeCounts& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

// By address; what one lane cannot reach is not well.
void add(std::vector<model::CacheNode>& to, const std::vector<model::CacheNode>& from) {
  for (const model::CacheNode& node : from) {
    const auto at = std::lower_bound(to.begin(), to.end(), node, [](const auto& a, const auto& b) {
      return a.address < b.address;
    });
    if (at == to.end() || at->address != node.address) {
      to.insert(at, node);
      continue;
    }
    at->answers = at->answers && node.answers;
    at->inflight += node.inflight;
    at->replies += node.replies;
    at->reply_ns += node.reply_ns;
    at->failures += node.failures;
    at->late += node.late;
    at->refused += node.refused;
  }
  to.resize(std::min(to.size(), limits::cache_nodes_shown_max));
}

model::StageSeconds seconds_of(model::TimelineOf whose, const StageTimes::Series& series) {
  model::StageSeconds out;
  out.timeline = whose;
  out.stage = series.stage;
  out.resource = model::resource_of(series.stage, series.shard);
  out.worked = series.worked;
  out.count = series.seconds.count();
  out.sum_ns = series.seconds.sum_ns();
  for (std::size_t i = 0; i < out.at_or_below.size(); ++i) {
    out.at_or_below[i] = series.seconds.count_at_or_below(model::StageSeconds::edge_ns(i));
  }
  return out;
}

}  // namespace

void add(model::Counts& to, const model::Counts& from) {
  for (const auto& figure : model::count_figures) to.*figure.value += from.*figure.value;
}

void add(LatencyHistograms& to, const LatencyHistograms& from) {
  for (const auto& figure : latency_figures<Histogram>) {
    (to.*figure.value).merge(from.*figure.value);
  }
}

void add(LaneMetrics& to, const LaneMetrics& from) {
  add(static_cast<model::Counts&>(to), static_cast<const model::Counts&>(from));
  add(to.positions, from.positions);
  add(to.claims, from.claims);
  add(to.latencies, from.latencies);
  for (const auto& figure : latency_figures<model::Exemplars>) {
    (to.examples.*figure.value).merge(from.examples.*figure.value);
  }
  to.stages.merge(from.stages);
  to.claim_stages.merge(from.claim_stages);
  add(to.cache_nodes, from.cache_nodes);
  to.shard_looks.resize(std::max(to.shard_looks.size(), from.shard_looks.size()));
  for (std::size_t shard = 0; shard < from.shard_looks.size(); ++shard) {
    to.shard_looks[shard] += from.shard_looks[shard];
  }
}

void add(std::vector<model::StageUse>& to, const LaneBounds& from, std::int64_t now_ns) {
  if (from.batches.limit == 0) return;  // not heard of yet
  std::size_t row = 0;
  const auto put = [&](model::Stage stage, std::string resource, const Bound& bound) {
    if (to.size() == row) to.push_back({stage, std::move(resource), 0, 0, 0, 0});
    to[row].inflight += bound.use.inside();
    to[row].limit += bound.limit;
    to[row].inflight_ns += bound.use.total_ns(now_ns);
    ++row;
  };
  put(model::Stage::queue, model::resource_of(model::Stage::queue, 0), from.batches);
  put(model::Stage::claim_wait, "lanes", from.claims);
  for (std::uint32_t shard = 0; shard < from.load_calls.size(); ++shard) {
    put(model::Stage::store_load, model::resource_of(model::Stage::store_load, shard),
        from.load_calls[shard]);
    put(model::Stage::store_grant, model::resource_of(model::Stage::store_grant, shard),
        from.grant_calls[shard]);
  }
}

model::Latencies<model::LatencySummary> summaries_of(const LatencyHistograms& histograms) {
  model::Latencies<model::LatencySummary> out;
  for (std::size_t i = 0; i < std::size(latency_figures<Histogram>); ++i) {
    out.*latency_figures<model::LatencySummary>[i].value =
        summary_of(histograms.*latency_figures<Histogram>[i].value);
  }
  return out;
}

model::Latencies<model::LatencyBuckets> buckets_of(
    const LatencyHistograms& histograms, const model::Latencies<model::Exemplars>& examples) {
  model::Latencies<model::LatencyBuckets> out;
  for (std::size_t i = 0; i < std::size(latency_figures<Histogram>); ++i) {
    const Histogram& histogram = histograms.*latency_figures<Histogram>[i].value;
    model::LatencyBuckets& one = out.*latency_figures<model::LatencyBuckets>[i].value;
    for (std::size_t edge = 0; edge < one.at_or_below.size(); ++edge) {
      one.at_or_below[edge] = histogram.count_at_or_below(model::LatencyEdges::ns(edge));
    }
    one.examples = examples.*latency_figures<model::Exemplars>[i].value;
  }
  return out;
}

std::vector<model::StageSeconds> stages_of(const LaneMetrics& all) {
  std::vector<model::StageSeconds> out;
  for (const StageTimes* times : {&all.stages, &all.claim_stages}) {
    for (const auto& series : times->series()) out.push_back(seconds_of(times->whose(), series));
  }
  return out;
}

}  // namespace hunt::service
