#include "gateway/metrics.h"

#include <fmt/format.h>

#include <iterator>

#include "adapters/system/process.h"

namespace hunt::gateway {
namespace {

// Every second power of two, from a microsecond to 17 seconds.
constexpr int edge_count = 13;
constexpr std::int64_t edge_ns(int index) noexcept {
  return (std::int64_t{1} << (10 + 2 * index)) - 1;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + "\"";
}

class Page {
 public:
  void family(std::string_view name, std::string_view kind, std::string_view help) {
    add("# HELP {} {}\n# TYPE {} {}\n", name, help, name, kind);
  }
  template <class... Args>
  void add(fmt::format_string<Args...> form, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), form, std::forward<Args>(args)...);
  }
  // `labels` without braces, or empty.
  void histogram(std::string_view name, const std::string& labels, const Histogram& of) {
    const std::string before = labels.empty() ? "" : labels + ",";
    for (int i = 0; i < edge_count; ++i) {
      add("{}_bucket{{{}le=\"{}\"}} {}\n", name, before, static_cast<double>(edge_ns(i) + 1) / 1e9,
          of.count_at_or_below(edge_ns(i)));
    }
    add("{}_bucket{{{}le=\"+Inf\"}} {}\n", name, before, of.count());
    const std::string all = labels.empty() ? "" : "{" + labels + "}";
    add("{}_sum{} {}\n", name, all, static_cast<double>(of.sum_ns()) / 1e9);
    add("{}_count{} {}\n", name, all, of.count());
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_requests(Page& page, const Figures& figures) {
  page.family("hunt_data_api_requests_total", "counter",
              "Requests by operation and by what they were answered.");
  for (std::size_t i = 0; i <= data_api::operation_count; ++i) {
    const std::string_view operation =
        i < data_api::operation_count ? data_api::operation_names[i] : "none";
    for (std::size_t j = 0; j <= data_api::failure_count; ++j) {
      const bool done = j == data_api::failure_count;
      if (figures.requests[i][j] == 0) continue;
      page.add("hunt_data_api_requests_total{{operation=\"{}\",result=\"{}\"}} {}\n", operation,
               done ? "ok" : data_api::kind_of(static_cast<data_api::Failure>(j)).name,
               figures.requests[i][j]);
    }
  }
  page.family("hunt_data_api_request_seconds", "histogram",
              "From a request's last byte to its answer, by operation.");
  for (std::size_t i = 0; i < data_api::operation_count; ++i) {
    page.histogram("hunt_data_api_request_seconds",
                   fmt::format("operation=\"{}\"", data_api::operation_names[i]),
                   figures.seconds[i]);
  }
  page.family("hunt_data_api_connection_wait_seconds", "histogram",
              "How long a request waited for a connection, making one included.");
  page.histogram("hunt_data_api_connection_wait_seconds", "", figures.waited);
}

void add_pools(Page& page, const Gateway& gateway) {
  struct Row {
    std::string_view name;
    std::string_view kind;
    std::string_view help;
    std::uint64_t (*value)(const PoolFigures&);
  };
  constexpr Row rows[] = {
      {"hunt_data_api_connections", "gauge", "Connections to the database.",
       [](const PoolFigures& one) -> std::uint64_t { return one.open; }},
      {"hunt_data_api_connections_idle", "gauge", "Of these, those that nobody uses.",
       [](const PoolFigures& one) -> std::uint64_t { return one.idle; }},
      {"hunt_data_api_waiting", "gauge", "Requests that wait for a connection.",
       [](const PoolFigures& one) -> std::uint64_t { return one.waiting; }},
      {"hunt_data_api_connects_total", "counter", "Connections made.",
       [](const PoolFigures& one) { return one.connects; }},
      {"hunt_data_api_connect_failures_total", "counter", "Connections that could not be made.",
       [](const PoolFigures& one) { return one.connect_failures; }},
      {"hunt_data_api_full_total", "counter", "Requests refused for want of a connection.",
       [](const PoolFigures& one) { return one.refused_full; }},
  };
  for (const auto& row : rows) {
    page.family(row.name, row.kind, row.help);
    for (const auto& [arn, pool] : gateway.pools()) {
      page.add("{}{{resource={}}} {}\n", row.name, quoted(arn), row.value(pool->figures()));
    }
  }
}

}  // namespace

std::string metrics_text(const Gateway& gateway, std::size_t clients) {
  Page page;
  add_requests(page, gateway.figures());
  add_pools(page, gateway);
  page.family("hunt_data_api_transactions", "gauge", "Transactions that are open.");
  page.add("hunt_data_api_transactions {}\n", gateway.transactions().size());
  page.family("hunt_data_api_transactions_expired_total", "counter",
              "Transactions rolled back because nobody called for them.");
  page.add("hunt_data_api_transactions_expired_total {}\n", gateway.transactions().expired());
  page.family("hunt_data_api_clients", "gauge", "HTTP connections.");
  page.add("hunt_data_api_clients {}\n", clients);
  const auto process = system::process_figures();
  page.family("process_cpu_seconds_total", "counter", "CPU time of this process.");
  page.add("process_cpu_seconds_total {}\n", process.cpu_seconds);
  page.family("process_resident_memory_bytes", "gauge", "Memory of this process.");
  page.add("process_resident_memory_bytes {}\n", process.resident_bytes);
  page.family("process_open_fds", "gauge", "Descriptors of this process.");
  page.add("process_open_fds {}\n", process.open_fds);
  return page.take();
}

}  // namespace hunt::gateway
