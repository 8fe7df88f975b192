#include "adapters/http/metrics_text.h"

#include <fmt/format.h>

#include <iterator>

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

// Writes one metric family after the other. The two formats differ in the names of counter and info
// families and in the end mark.
class Page {
 public:
  explicit Page(MetricsFormat format) : open_metrics_(format == MetricsFormat::open_metrics) {}

  // `name` without the suffix "_total"; samples follow with total().
  void counter(std::string_view name, std::string_view help) {
    head(open_metrics_ ? std::string(name) : fmt::format("{}_total", name), "counter", help);
  }
  void total(std::string_view name, std::string_view labels, std::uint64_t value) {
    line("{}_total{} {}\n", name, labels, value);
  }
  void single(std::string_view name, std::string_view help, std::uint64_t value) {
    counter(name, help);
    total(name, "", value);
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
  void latency(std::string_view name, std::string_view help, const model::LatencySummary& summary) {
    const auto seconds = [](std::int64_t ns) { return static_cast<double>(ns) / 1e9; };
    head(name, "summary", help);
    line("{}{{quantile=\"0.5\"}} {:.9}\n", name, seconds(summary.p50_ns));
    line("{}{{quantile=\"0.99\"}} {:.9}\n", name, seconds(summary.p99_ns));
    line("{}{{quantile=\"0.999\"}} {:.9}\n", name, seconds(summary.p999_ns));
    line("{}{{quantile=\"1\"}} {:.9}\n", name, seconds(summary.max_ns));
    line("{}_count {}\n", name, summary.count);
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
  void bottleneck(const model::Why& why) {
    constexpr std::string_view name = "hunt_bottleneck";
    head(name, "gauge", "Share of the slowest 1 % that the named stage holds; see /v1/why.");
    line("{}{{stage=\"{}\",resource=\"{}\",cause=\"{}\"}} {:.9}\n", name, model::name_of(why.stage),
         escaped(why.resource), model::name_of(why.cause), why.share);
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

}  // namespace

MetricsFormat metrics_format(std::string_view accept) noexcept {
  return accept.find("application/openmetrics-text") == std::string_view::npos
             ? MetricsFormat::prometheus
             : MetricsFormat::open_metrics;
}

std::string_view content_type(MetricsFormat format) noexcept {
  return format == MetricsFormat::open_metrics
             ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
             : "text/plain; version=0.0.4; charset=utf-8";
}

std::string metrics_text(const model::Stats& stats, const model::Why& why, bool ready,
                         MetricsFormat format) {
  Page page(format);
  page.info("hunt_build", "The running build.", "version", stats.version);
  page.info("hunt_rules", "The rules in force.", "version", stats.rules);
  by_outcome(page, "hunt_positions", "Positions answered, by outcome.", stats.positions);
  by_outcome(page, "hunt_claims", "Claims that ended, by terminal outcome.", stats.claims);
  page.counter("hunt_cache_lookups",
               "Look-ups by cache level: of positions in l1, of chunks in l2.");
  page.total("hunt_cache_lookups", R"({level="l1",result="hit"})", stats.l1_hits);
  page.total("hunt_cache_lookups", R"({level="l1",result="miss"})", stats.l1_misses);
  page.total("hunt_cache_lookups", R"({level="l2",result="hit"})", stats.l2_hits);
  page.total("hunt_cache_lookups", R"({level="l2",result="miss"})", stats.l2_misses);
  page.single("hunt_cache_errors", "Calls of the shared cache that failed.", stats.cache_errors);
  page.single("hunt_cross_shard", "Stored positions passed on to their shard.", stats.cross_shard);
  page.counter("hunt_shed", "Positions answered busy, by stage and class.");
  page.total("hunt_shed", R"({stage="queue",class="position"})", stats.shed);
  page.single("hunt_rules_rejected", "Rule files refused; the old rules stayed.",
              stats.rules_rejected);
  page.single("hunt_batches", "Batches answered.", stats.batches);
  page.single("hunt_grants", "New grants by this process.", stats.grants);
  page.single("hunt_grant_repeats", "Grants told again.", stats.repeats);
  page.single("hunt_claim_retries", "Grant calls repeated after an error.", stats.claim_retries);
  page.gauge("hunt_claims_waiting", "Claims found and not yet decided.", stats.claims_waiting);
  page.single("hunt_chunks_loaded", "Chunks read from the store.", stats.chunks_loaded);
  page.gauge("hunt_l1_chunks", "Chunks in memory.", stats.l1_chunks);
  page.gauge("hunt_l1_bytes", "Bytes of the chunks in memory.", stats.l1_bytes);
  page.single("hunt_l1_evictions", "Chunks dropped to stay within the bound.", stats.l1_evictions);
  page.latency("hunt_answer_seconds", "A batch, from arrival to reply.", stats.answer);
  page.latency("hunt_cache_read_seconds", "One read of the shared cache.", stats.cache_read);
  page.latency("hunt_store_load_seconds", "One load call to the store.", stats.store_load);
  page.latency("hunt_store_grant_seconds", "One grant call, commit included.", stats.store_grant);
  page.latency("hunt_invalidation_lag_seconds", "From commit to applied in memory.",
               stats.invalidation);
  page.stages(stats);
  page.stage_gauge("hunt_stage_inflight", "Under way now, by stage.", why,
                   &model::StageFigures::inflight);
  page.stage_gauge("hunt_stage_limit", "Most that may be under way, by stage.", why,
                   &model::StageFigures::limit);
  page.bottleneck(why);
  page.gauge("hunt_relay_silence_seconds", "Time since a relay was heard; of shards the longest.",
             static_cast<double>(stats.relay_silence_ns) / 1e9);
  page.gauge("hunt_uptime_seconds", "Time since the start.",
             static_cast<double>(stats.uptime_ns) / 1e9);
  page.gauge("hunt_lanes", "Lanes, one thread each.", stats.lanes);
  page.gauge("hunt_ready", "1 when requests can be served.", ready ? 1 : 0);
  return page.finish();
}

}  // namespace hunt::http
