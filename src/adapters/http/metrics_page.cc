#include "adapters/http/metrics_page.h"

#include "model/ids.h"

namespace hunt::http {

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

void MetricsPage::counter(std::string_view name, std::string_view help) {
  head(open_metrics_ ? std::string(name) : fmt::format("{}_total", name), "counter", help);
}

void MetricsPage::info(std::string_view name, std::string_view help,
                       const std::vector<std::pair<std::string_view, std::string>>& labels) {
  if (open_metrics_) {
    head(name, "info", help);
  } else {
    head(fmt::format("{}_info", name), "gauge", help);
  }
  std::string all;
  for (const auto& [label, value] : labels) {
    all += fmt::format("{}{}=\"{}\"", all.empty() ? "" : ",", label, escaped(value));
  }
  line("{}_info{{{}}} 1\n", name, all);
}

void MetricsPage::head(std::string_view name, std::string_view type, std::string_view help) {
  line("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void MetricsPage::bucket(std::string_view name, std::string_view labels, std::int64_t edge_ns,
                         std::uint64_t count, const model::Exemplar& example) {
  line("{}_bucket{{{}{}le=\"", name, labels, labels.empty() ? "" : ",");
  if (edge_ns < 0) {
    out_ += "+Inf";
  } else {
    line("{:.9}", static_cast<double>(edge_ns) / 1e9);
  }
  line("\"}} {}", count);
  if (open_metrics_ && example.at_us != 0) {
    line(" # {{claim=\"{}\"}} {:.9} {}.{:06}", model::format_claim_id(example.claim),
         static_cast<double>(example.value_ns) / 1e9, example.at_us / 1'000'000,
         example.at_us % 1'000'000);
  }
  out_.push_back('\n');
}

void MetricsPage::sum_and_count(std::string_view name, std::string_view labels, double sum_seconds,
                                std::uint64_t count) {
  line("{}_sum{}{}{} {:.9}\n", name, open(labels), labels, close(labels), sum_seconds);
  line("{}_count{}{}{} {}\n", name, open(labels), labels, close(labels), count);
}

std::string MetricsPage::finish() {
  if (open_metrics_) out_ += "# EOF\n";
  return std::move(out_);
}

}  // namespace hunt::http
