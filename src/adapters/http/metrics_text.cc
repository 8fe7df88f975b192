#include "adapters/http/metrics_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "adapters/http/accept.h"
#include "adapters/http/metrics_page.h"

namespace hunt::http {

namespace {

template <class Number>
double seconds(Number ns) {
  return static_cast<double>(ns) / 1e9;
}

// Prometheus' spelling of what is no number.
std::string number(double value) {
  return std::isnan(value) ? "NaN" : fmt::format("{:.9}", value);
}

std::string resource_labels(model::Stage stage, std::string_view resource) {
  return fmt::format("stage=\"{}\",resource=\"{}\"", model::name_of(stage), escaped(resource));
}

void by_outcome(MetricsPage& page, std::string_view name, std::string_view help,
                const std::array<std::uint64_t, model::outcome_count>& counts) {
  page.counter(name, help);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto outcome = model::name_of(static_cast<model::Outcome>(i));
    page.total(name, fmt::format("outcome=\"{}\"", outcome), counts[i]);
  }
}

void write_counts(MetricsPage& page, const model::Counts& counts) {
  for (const auto& figure : model::count_figures) {
    const bool counter = figure.kind == model::FigureKind::counter;
    if (!figure.help.empty() && counter) page.counter(figure.metric, figure.help);
    if (!figure.help.empty() && !counter) page.head(figure.metric, "gauge", figure.help);
    const std::string labels(figure.labels);
    if (counter) {
      page.total(figure.metric, labels, counts.*figure.value);
    } else {
      page.sample(figure.metric, labels, counts.*figure.value);
    }
  }
}

// Quantiles of the last ten seconds, and count and sum since the start, as a summary should be.
void write_quantiles(MetricsPage& page, const model::Stats& stats) {
  for (const auto& figure : model::latency_figures<model::LatencySummary>) {
    const auto& lately = stats.lately.*figure.value;
    const auto& since_start = stats.since_start.*figure.value;
    page.head(figure.metric, "summary", figure.help);
    const std::pair<std::string_view, std::int64_t> quantiles[] = {{"0.5", lately.p50_ns},
                                                                   {"0.99", lately.p99_ns},
                                                                   {"0.999", lately.p999_ns},
                                                                   {"1", lately.max_ns}};
    for (const auto& [quantile, value_ns] : quantiles) {
      const double value = lately.count == 0 ? std::nan("") : seconds(value_ns);
      page.sample(figure.metric, fmt::format("quantile=\"{}\"", quantile), number(value));
    }
    page.sum_and_count(figure.metric, "", seconds(since_start.sum_ns), since_start.count);
  }
}

// The same since the start, as buckets that can be added up.
void write_histograms(MetricsPage& page, const model::Stats& stats) {
  for (std::size_t i = 0; i < std::size(model::latency_figures<char>); ++i) {
    const auto& figure = model::latency_figures<model::LatencyBuckets>[i];
    const auto& buckets = stats.buckets.*figure.value;
    const auto& whole = stats.since_start.*model::latency_figures<model::LatencySummary>[i].value;
    const auto& examples = buckets.examples.newest;
    page.head(figure.histogram, "histogram", figure.help);
    for (std::size_t edge = 0; edge < buckets.at_or_below.size(); ++edge) {
      page.bucket(figure.histogram, "", model::LatencyEdges::ns(edge), buckets.at_or_below[edge],
                  examples[edge]);
    }
    page.bucket(figure.histogram, "", -1, whole.count, examples.back());
    page.sum_and_count(figure.histogram, "", seconds(whole.sum_ns), whole.count);
  }
}

void write_stages(MetricsPage& page, const model::Stats& stats) {
  constexpr std::string_view name = "hunt_stage_seconds";
  page.head(name, "histogram", "Time of batches and of claims, by stage.");
  for (const auto& one : stats.stages) {
    const std::string labels =
        fmt::format("{},phase=\"{}\",timeline=\"{}\"", resource_labels(one.stage, one.resource),
                    one.worked ? "worked" : "waited", model::name_of(one.timeline));
    for (std::size_t i = 0; i < one.at_or_below.size(); ++i) {
      page.bucket(name, labels, model::StageSeconds::edge_ns(i), one.at_or_below[i]);
    }
    page.bucket(name, labels, -1, one.count);
    page.sum_and_count(name, labels, seconds(one.sum_ns), one.count);
  }
}

// Of the stages that have a bound.
void write_bounds(MetricsPage& page, std::vector<model::StageUse> bounds, const HttpFigures& http) {
  bounds.push_back({model::Stage::front, model::resource_of(model::Stage::front, 0),
                    http.connections, http.connections_max, http.connections_ns,
                    http.connections_used});
  const auto each = [&](std::string_view name, auto value) {
    for (const auto& one : bounds) {
      page.sample(name, resource_labels(one.stage, one.resource), value(one));
    }
  };
  page.head("hunt_stage_inflight", "gauge", "Under way now, by stage.");
  each("hunt_stage_inflight", [](const auto& one) { return one.inflight; });
  page.head("hunt_stage_limit", "gauge", "Most that may be under way, by stage.");
  each("hunt_stage_limit", [](const auto& one) { return one.limit; });
  page.head("hunt_stage_used_ratio", "gauge",
            "Of that limit, what was under way on average in the last ten seconds.");
  each("hunt_stage_used_ratio", [](const auto& one) { return number(one.used); });
  page.counter("hunt_stage_inflight_seconds",
               "Each for as long as it was under way: the rate is the mean number under way.");
  for (const auto& one : bounds) {
    page.total("hunt_stage_inflight_seconds", resource_labels(one.stage, one.resource),
               number(seconds(one.inflight_ns)));
  }
}

// What `hunt why` names, as itself, and as series that are always there.
void write_bottleneck(MetricsPage& page, const model::Why& why) {
  constexpr std::string_view name = "hunt_bottleneck";
  page.head(name, "gauge", "Share of the slowest 1 % that the named stage holds; see /v1/why.");
  page.sample(name,
              fmt::format("{},cause=\"{}\"", resource_labels(why.stage, why.resource),
                          model::name_of(why.cause)),
              number(why.share));
  const bool named = model::names_bottleneck(why);
  page.head("hunt_bottleneck_stage", "gauge",
            "1 for the stage that is named and not fine; 0 for all others.");
  for (const auto& facts : model::stages) {
    page.sample("hunt_bottleneck_stage", fmt::format("stage=\"{}\"", facts.name),
                named && facts.stage == why.stage ? 1 : 0);
  }
  page.head("hunt_bottleneck_cause", "gauge",
            "1 for the cause that is named, none and unclear among them; 0 for all others.");
  for (std::size_t i = 0; i < model::cause_count; ++i) {
    const auto cause = static_cast<model::Cause>(i);
    page.sample("hunt_bottleneck_cause", fmt::format("cause=\"{}\"", model::name_of(cause)),
                cause == why.cause ? 1 : 0);
  }
  page.gauge("hunt_bottleneck_confident", "1 when the evidence is enough.", why.confident ? 1 : 0);
  page.head("hunt_tail_seconds", "gauge", "Mean of the slowest 1 % of the last seconds; 0: none.");
  for (const auto& [timeline, tail_ns] :
       {std::pair(model::TimelineOf::answer, why.answers_tail_ns),
        std::pair(model::TimelineOf::claim, why.claims_tail_ns)}) {
    page.sample("hunt_tail_seconds", fmt::format("timeline=\"{}\"", model::name_of(timeline)),
                number(seconds(tail_ns)));
  }
}

void write_lanes(MetricsPage& page, const std::vector<model::LaneUse>& lanes) {
  const auto each = [&](std::string_view name, std::string_view help,
                        std::int64_t model::LaneUse::*value) {
    page.counter(name, help);
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      page.total(name, fmt::format("lane=\"{}\"", lane), number(seconds(lanes[lane].*value)));
    }
  };
  each("hunt_lane_busy_seconds", "What the lane's thread had of a core.", &model::LaneUse::busy_ns);
  each("hunt_lane_starved_seconds", "How long the lane's thread was ready and had no core.",
       &model::LaneUse::starved_ns);
}

void write_cache_nodes(MetricsPage& page, const std::vector<model::CacheNode>& nodes) {
  const auto labels = [](const auto& node, std::string_view more = {}) {
    return fmt::format("node=\"{}\"{}", escaped(node.address), std::string(more));
  };
  page.head("hunt_cache_node_up", "gauge", "1 while this node of the cache answers every lane.");
  for (const auto& node : nodes) page.sample("hunt_cache_node_up", labels(node), int{node.answers});
  page.head("hunt_cache_node_inflight", "gauge", "Commands to this node under way.");
  for (const auto& node : nodes) {
    page.sample("hunt_cache_node_inflight", labels(node), node.inflight);
  }
  page.head("hunt_cache_node_seconds", "summary", "Replies of this node, from sent to read.");
  for (const auto& node : nodes) {
    page.sum_and_count("hunt_cache_node_seconds", labels(node), seconds(node.reply_ns),
                       node.replies);
  }
  page.counter("hunt_cache_node_errors",
               "Of this node: connections lost, answers not in time, commands not sent.");
  for (const auto& node : nodes) {
    page.total("hunt_cache_node_errors", labels(node, R"(,kind="connection")"), node.failures);
    page.total("hunt_cache_node_errors", labels(node, R"(,kind="late")"), node.late);
    page.total("hunt_cache_node_errors", labels(node, R"(,kind="refused")"), node.refused);
  }
}

// The server says the same to every process.
void write_backlogs(MetricsPage& page, const std::vector<model::StoredBacklog>& backlogs) {
  const auto each = [&](std::string_view name, std::string_view help,
                        std::uint64_t model::StoredBacklog::*value) {
    page.head(name, "gauge", help);
    for (const auto& one : backlogs) {
      page.sample(name, fmt::format("shard=\"{}\"", one.shard), one.*value);
    }
  };
  each("hunt_stored_pending", "Stored messages that nobody was given yet, of the whole hunt.",
       &model::StoredBacklog::pending);
  each("hunt_stored_at_work", "Stored messages that were given and are not settled.",
       &model::StoredBacklog::at_work);
  each("hunt_stored_redelivered", "Of these, messages that were given more than once.",
       &model::StoredBacklog::redelivered);
}

void write_shard_load(MetricsPage& page, const std::vector<std::uint64_t>& looks) {
  page.counter("hunt_shard_load", "The positions of hunt_shard_looks, by the shard of their tile.");
  for (std::size_t shard = 0; shard < looks.size(); ++shard) {
    page.total("hunt_shard_load", fmt::format("shard=\"{}\"", shard), looks[shard]);
  }
}

// What is not as it should be.
void write_health(MetricsPage& page, const model::Stats& stats) {
  page.head("hunt_store_failing", "gauge",
            "1 while the store of a shard refuses claims or look-ups.");
  for (std::uint32_t shard = 0; shard < stats.shards; ++shard) {
    const bool failing = std::any_of(stats.stores_failing.begin(), stats.stores_failing.end(),
                                     [shard](const auto& one) { return one.shard == shard; });
    page.sample("hunt_store_failing", fmt::format("shard=\"{}\"", shard), failing ? 1 : 0);
  }
  page.head("hunt_relay_silence_seconds", "gauge", "Time since the shard's relay was heard.");
  for (std::size_t shard = 0; shard < stats.relay_silences_ns.size(); ++shard) {
    page.sample("hunt_relay_silence_seconds", fmt::format("shard=\"{}\"", shard),
                number(seconds(stats.relay_silences_ns[shard])));
  }
}

void write_http(MetricsPage& page, const HttpFigures& figures) {
  page.gauge("hunt_http_connections", "Connections now.", figures.connections);
  page.gauge("hunt_http_connections_max", "Most that there may be.", figures.connections_max);
  page.gauge("hunt_http_streams", "Of them, WebSockets.", figures.streams);
  page.gauge("hunt_http_body_bytes", "Of requests not answered yet.", figures.body_bytes);
  page.gauge("hunt_http_answer_bytes", "Of answers not taken yet.", figures.answer_bytes);
  page.counter("hunt_http_refused", "Connections and requests refused before anything was asked.");
  for (std::size_t i = 0; i < refusal_count; ++i) {
    page.total("hunt_http_refused", fmt::format("reason=\"{}\"", name_of(static_cast<Refusal>(i))),
               figures.refused[i]);
  }
  page.counter("hunt_http_responses", "Responses, by kind of route and class of status.");
  for (std::size_t group = 0; group < route_group_count; ++group) {
    for (std::size_t code = 0; code < figures.responses[group].size(); ++code) {
      page.total("hunt_http_responses",
                 fmt::format("routes=\"{}\",code=\"{}xx\"", name_of(static_cast<RouteGroup>(group)),
                             code + 1),
                 figures.responses[group][code]);
    }
  }
}

void write_process(MetricsPage& page, const model::ProcessFigures& process) {
  for (const auto& figure : model::process_figures) {
    if (figure.kind == model::FigureKind::gauge) {
      page.gauge(figure.metric, figure.help, process.*figure.value);
      continue;
    }
    page.counter(figure.metric, figure.help);
    page.total(figure.metric, "", process.*figure.value);
  }
}

}  // namespace

std::optional<MetricsFormat> metrics_format(std::string_view accept) noexcept {
  const auto text = acceptance(accept, "text/plain");
  const auto open = acceptance(accept, "application/openmetrics-text");
  if (text.quality == 0 && open.quality == 0) return {};
  const bool alike = text.quality == open.quality && open.specificity == 3;
  return open.quality > text.quality || alike ? MetricsFormat::open_metrics
                                              : MetricsFormat::prometheus;
}

std::string_view content_type(MetricsFormat format) noexcept {
  return format == MetricsFormat::open_metrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

std::string metrics_text(const model::Stats& stats, const model::Why& why, bool ready,
                         const HttpFigures& http, const model::ProcessFigures& process,
                         MetricsFormat format) {
  MetricsPage page(format);
  page.info("hunt_build", "The running build.", {{"version", stats.version}});
  page.info("hunt_rules", "The rules in force.",
            {{"version", stats.rules}, {"revision", fmt::format("{}", stats.rules_revision)}});
  by_outcome(page, "hunt_positions", "Positions answered, by outcome.", stats.positions);
  by_outcome(page, "hunt_claims", "Claims that ended, by terminal outcome.", stats.claims);
  write_counts(page, stats);
  write_quantiles(page, stats);
  write_histograms(page, stats);
  write_stages(page, stats);
  write_bounds(page, stats.bounds, http);
  write_bottleneck(page, why);
  write_lanes(page, stats.lane_use);
  write_cache_nodes(page, stats.cache_nodes);
  write_backlogs(page, stats.backlogs);
  write_shard_load(page, stats.shard_looks);
  write_health(page, stats);
  page.gauge("hunt_uptime_seconds", "Time since the start.", number(seconds(stats.uptime_ns)));
  page.gauge("hunt_lanes", "Lanes, one thread each.", stats.lanes);
  page.gauge("hunt_ready", "1 when requests can be served.", ready ? 1 : 0);
  page.gauge("hunt_memory_limit_bytes", "At 85 % of it this process drains and ends; 0: none.",
             stats.memory_limit_bytes);
  write_http(page, http);
  write_process(page, process);
  return page.finish();
}

}  // namespace hunt::http
