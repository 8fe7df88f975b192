// MetricsPage: one metric family after the other, as Prometheus text 0.0.4 or OpenMetrics 1.0.
//
// Not which families there are (metrics_text.cc). The two formats differ in the names of counter
// and info families, in exemplars and in the end mark. Samples follow the head of their family.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/http/metrics_text.h"
#include "model/latency.h"

namespace hunt::http {

// A label's value with what the text formats want escaped.
[[nodiscard]] std::string escaped(std::string_view text);

class MetricsPage {
 public:
  explicit MetricsPage(MetricsFormat format)
      : open_metrics_(format == MetricsFormat::open_metrics) {
    out_.reserve(bytes_usual);
  }

  // `name` without the suffix "_total"; samples follow with total().
  void counter(std::string_view name, std::string_view help);
  // `name` without the suffix "_info"; with its only sample.
  void info(std::string_view name, std::string_view help,
            const std::vector<std::pair<std::string_view, std::string>>& labels);
  void head(std::string_view name, std::string_view type, std::string_view help);

  // `labels` without braces; empty: none.
  template <class Number>
  void total(std::string_view name, std::string_view labels, Number value) {
    line("{}_total{}{}{} {}\n", name, open(labels), labels, close(labels), value);
  }
  template <class Number>
  void sample(std::string_view name, std::string_view labels, Number value) {
    line("{}{}{}{} {}\n", name, open(labels), labels, close(labels), value);
  }
  // A family with one sample.
  template <class Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    head(name, "gauge", help);
    sample(name, "", value);
  }
  // One bucket of a histogram. `edge_ns` below 0: without an end. The example is left out where the
  // format has none.
  void bucket(std::string_view name, std::string_view labels, std::int64_t edge_ns,
              std::uint64_t count, const model::Exemplar& example = {});
  void sum_and_count(std::string_view name, std::string_view labels, double sum_seconds,
                     std::uint64_t count);

  [[nodiscard]] std::string finish();

 private:
  static constexpr std::size_t bytes_usual = 128 * std::size_t{1'024};

  static std::string_view open(std::string_view labels) { return labels.empty() ? "" : "{"; }
  static std::string_view close(std::string_view labels) { return labels.empty() ? "" : "}"; }
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  bool open_metrics_;
  std::string out_;
};

}  // namespace hunt::http
