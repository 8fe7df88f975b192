#include "adapters/http/metrics_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "adapters/http/accept.h"

namespace hunt::http {

namespace {

// A label's value with what the text formats want escaped.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
  return out;
}

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

// Prometheus' spelling of what is no number.
std::string number(double value) {
  return std::isnan(value) ? "NaN" : fmt::format("{:.9}", value);
}

// Writes one metric family after the other. The two formats differ in the names of counter and info
// families and in the end mark.
class Page {
 public:
  explicit Page(MetricsFormat format) : open_metrics_(format == MetricsFormat::open_metrics) {}

  // `name` without the suffix "_total"; samples follow with total().
  void counter(std::string_view name, std::string_view help) {
    head(open_metrics_ ? std::string(name) : fmt::format("{}_total", name), "counter", help);
  }
  template <class Number>
  void total(std::string_view name, std::string_view labels, Number value) {
    line("{}_total{} {}\n", name, labels, value);
  }
  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    head(name, "gauge", help);
    line("{} {}\n", name, value);
  }
  // `name` without the suffix "_info".
  void info(std::string_view name, std::string_view help, std::string_view label,
            std::string_view value) {
    if (open_metrics_) {
      head(name, "info", help);
    } else {
      head(fmt::format("{}_info", name), "gauge", help);
    }
    line("{}_info{{{}=\"{}\"}} 1\n", name, label, escaped(value));
  }
  void counts(const model::Counts& counts) {
    for (const auto& figure : model::count_figures) {
      const std::string labels =
          figure.labels.empty() ? std::string() : fmt::format("{{{}}}", figure.labels);
      if (figure.kind == model::FigureKind::gauge) {
        gauge(figure.metric, figure.help, counts.*figure.value);
        continue;
      }
      if (!figure.help.empty()) counter(figure.metric, figure.help);
      total(figure.metric, labels, counts.*figure.value);
    }
  }
  void process(const model::ProcessFigures& process) {
    for (const auto& figure : model::process_figures) {
      if (figure.kind == model::FigureKind::gauge) {
        gauge(figure.metric, figure.help, process.*figure.value);
        continue;
      }
      counter(figure.metric, figure.help);
      total(figure.metric, "", process.*figure.value);
    }
  }
  // Quantiles of the last ten seconds, and count and sum since the start, as a summary should be.
  void latencies(const model::Stats& stats) {
    for (const auto& figure : model::latency_figures<model::LatencySummary>) {
      const auto& lately = stats.lately.*figure.value;
      const auto& since_start = stats.since_start.*figure.value;
      head(figure.metric, "summary", figure.help);
      const std::pair<std::string_view, std::int64_t> quantiles[] = {{"0.5", lately.p50_ns},
                                                                     {"0.99", lately.p99_ns},
                                                                     {"0.999", lately.p999_ns},
                                                                     {"1", lately.max_ns}};
      for (const auto& [quantile, value_ns] : quantiles) {
        const double value = lately.count == 0 ? std::nan("") : seconds(value_ns);
        line("{}{{quantile=\"{}\"}} {}\n", figure.metric, quantile, number(value));
      }
      line("{}_sum {}\n", figure.metric, number(seconds(since_start.sum_ns)));
      line("{}_count {}\n", figure.metric, since_start.count);
    }
  }
  void stages(const model::Stats& stats) {
    constexpr std::string_view name = "hunt_stage_seconds";
    head(name, "histogram", "Time of batches and claims, by stage.");
    for (const auto& one : stats.stages) {
      const std::string labels =
          fmt::format("stage=\"{}\",resource=\"{}\",phase=\"{}\"", model::name_of(one.stage),
                      one.resource, one.worked ? "worked" : "waited");
      for (std::size_t i = 0; i < one.at_or_below.size(); ++i) {
        line("{}_bucket{{{},le=\"{:.9}\"}} {}\n", name, labels,
             static_cast<double>(model::StageSeconds::edge_ns(i)) / 1e9, one.at_or_below[i]);
      }
      line("{}_bucket{{{},le=\"+Inf\"}} {}\n", name, labels, one.count);
      line("{}_sum{{{}}} {:.9}\n", name, labels, static_cast<double>(one.sum_ns) / 1e9);
      line("{}_count{{{}}} {}\n", name, labels, one.count);
    }
  }
  // Of the stages that have a bound.
  void stage_gauge(std::string_view name, std::string_view help, const model::Why& why,
                   std::uint64_t model::StageFigures::*value) {
    head(name, "gauge", help);
    for (const auto& one : why.stages) {
      if (one.limit == 0) continue;
      line("{}{{stage=\"{}\",resource=\"{}\"}} {}\n", name, model::name_of(one.stage), one.resource,
           one.*value);
    }
  }
  void stores_failing(const model::Stats& stats) {
    constexpr std::string_view name = "hunt_store_failing";
    head(name, "gauge", "1 while the store of a shard refuses claims or look-ups.");
    for (std::uint32_t shard = 0; shard < stats.shards; ++shard) {
      const bool failing = std::any_of(stats.stores_failing.begin(), stats.stores_failing.end(),
                                       [shard](const auto& one) { return one.shard == shard; });
      line("{}{{shard=\"{}\"}} {}\n", name, shard, failing ? 1 : 0);
    }
  }
  void bottleneck(const model::Why& why) {
    constexpr std::string_view name = "hunt_bottleneck";
    head(name, "gauge", "Share of the slowest 1 % that the named stage holds; see /v1/why.");
    line("{}{{stage=\"{}\",resource=\"{}\",cause=\"{}\"}} {:.9}\n", name, model::name_of(why.stage),
         escaped(why.resource), model::name_of(why.cause), why.share);
  }
  void http(const HttpFigures& figures) {
    gauge("hunt_http_connections", "Connections now.", figures.connections);
    gauge("hunt_http_connections_max", "Most that there may be.", figures.connections_max);
    gauge("hunt_http_streams", "Of them, WebSockets.", figures.streams);
    gauge("hunt_http_body_bytes", "Of requests not answered yet.", figures.body_bytes);
    gauge("hunt_http_answer_bytes", "Of answers not taken yet.", figures.answer_bytes);
    counter("hunt_http_refused", "Connections and requests refused before anything was asked.");
    for (std::size_t i = 0; i < refusal_count; ++i) {
      total("hunt_http_refused", fmt::format("{{reason=\"{}\"}}", name_of(static_cast<Refusal>(i))),
            figures.refused[i]);
    }
  }
  [[nodiscard]] std::string finish() {
    if (open_metrics_) out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  void head(std::string_view name, std::string_view type, std::string_view help) {
    line("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  bool open_metrics_;
  std::string out_;
};

void by_outcome(Page& page, std::string_view name, std::string_view help,
                const std::array<std::uint64_t, model::outcome_count>& counts) {
  page.counter(name, help);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto outcome = model::name_of(static_cast<model::Outcome>(i));
    page.total(name, fmt::format("{{outcome=\"{}\"}}", outcome), counts[i]);
  }
}

// What is not as it should be.
void health(Page& page, const model::Stats& stats) {
  page.stores_failing(stats);
  page.gauge("hunt_relay_silence_seconds", "Time since a relay was heard; of shards the longest.",
             static_cast<double>(stats.relay_silence_ns) / 1e9);
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
  Page page(format);
  page.info("hunt_build", "The running build.", "version", stats.version);
  page.info("hunt_rules", "The rules in force.", "version", stats.rules);
  by_outcome(page, "hunt_positions", "Positions answered, by outcome.", stats.positions);
  by_outcome(page, "hunt_claims", "Claims that ended, by terminal outcome.", stats.claims);
  page.counts(stats);
  page.latencies(stats);
  page.stages(stats);
  page.stage_gauge("hunt_stage_inflight", "Under way now, by stage.", why,
                   &model::StageFigures::inflight);
  page.stage_gauge("hunt_stage_limit", "Most that may be under way, by stage.", why,
                   &model::StageFigures::limit);
  page.bottleneck(why);
  health(page, stats);
  page.gauge("hunt_uptime_seconds", "Time since the start.",
             static_cast<double>(stats.uptime_ns) / 1e9);
  page.gauge("hunt_lanes", "Lanes, one thread each.", stats.lanes);
  page.gauge("hunt_ready", "1 when requests can be served.", ready ? 1 : 0);
  page.http(http);
  page.process(process);
  return page.finish();
}

}  // namespace hunt::http
