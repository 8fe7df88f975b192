#include "gateway/metrics.h"

#include <fmt/format.h>

#include <utility>

#include "adapters/http/metrics_page.h"
#include "adapters/system/process.h"

namespace hunt::gateway {
namespace {

// Every second power of two, from a microsecond to 17 seconds.
constexpr int edge_count = 13;
constexpr std::int64_t edge_ns(int index) noexcept {
  return (std::int64_t{1} << (10 + 2 * index)) - 1;
}

// `labels` without braces, or empty.
void add_histogram(http::MetricsPage& page, std::string_view name, std::string_view labels,
                   const Histogram& of) {
  for (int i = 0; i < edge_count; ++i) {
    page.bucket(name, labels, edge_ns(i) + 1, of.count_at_or_below(edge_ns(i)));
  }
  page.bucket(name, labels, -1, of.count());
  page.sum_and_count(name, labels, static_cast<double>(of.sum_ns()) / 1e9, of.count());
}

void add_requests(http::MetricsPage& page, const Figures& figures) {
  page.counter("hunt_data_api_requests", "Requests by operation and by what they were answered.");
  for (std::size_t i = 0; i <= data_api::operation_count; ++i) {
    const std::string_view operation =
        i < data_api::operation_count ? data_api::operation_names[i] : "none";
    for (std::size_t j = 0; j <= data_api::failure_count; ++j) {
      const bool done = j == data_api::failure_count;
      if (figures.requests[i][j] == 0) continue;
      const std::string_view result =
          done ? "ok" : data_api::kind_of(static_cast<data_api::Failure>(j)).name;
      page.total("hunt_data_api_requests",
                 fmt::format(R"(operation="{}",result="{}")", operation, result),
                 figures.requests[i][j]);
    }
  }
  page.head("hunt_data_api_request_seconds", "histogram",
            "From a request's last byte to its answer, by operation.");
  for (std::size_t i = 0; i < data_api::operation_count; ++i) {
    add_histogram(page, "hunt_data_api_request_seconds",
                  fmt::format(R"(operation="{}")", data_api::operation_names[i]),
                  figures.seconds[i]);
  }
  page.head("hunt_data_api_connection_wait_seconds", "histogram",
            "How long a request waited for a connection, making one included.");
  add_histogram(page, "hunt_data_api_connection_wait_seconds", "", figures.waited);
}

void add_resets(http::MetricsPage& page, const Figures& figures) {
  page.counter("hunt_data_api_resets",
               "Sessions reset because a statement may have left something in them.");
  page.total("hunt_data_api_resets", "", figures.resets);
}

void add_pools(http::MetricsPage& page, const Gateway& gateway) {
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
    page.head(row.name, row.kind, row.help);
    for (const auto& [arn, pool] : gateway.pools()) {
      page.sample(row.name, fmt::format(R"(resource="{}")", http::escaped(arn)),
                  row.value(pool->figures()));
    }
  }
}

void add_clients(http::MetricsPage& page, const ClientFigures& clients) {
  page.gauge("hunt_data_api_clients", "HTTP connections.", clients.open);
  page.gauge("hunt_data_api_body_bytes", "Bytes of requests that are not answered yet.",
             clients.body_bytes);
  page.gauge("hunt_data_api_answer_bytes", "Bytes of answers that were not taken yet.",
             clients.answer_bytes);
  page.counter("hunt_data_api_overloads",
               "Connections that were ended, and requests refused, for want of room, by reason.");
  const std::pair<std::string_view, std::uint64_t> reasons[] = {
      {"evicted", clients.evicted},
      {"connections", clients.turned_away},
      {"bodies", clients.bodies},
      {"answers", clients.answers},
      {"withheld", clients.withheld}};
  for (const auto& [reason, count] : reasons) {
    page.total("hunt_data_api_overloads", fmt::format(R"(reason="{}")", reason), count);
  }
}

}  // namespace

std::string metrics_text(const Gateway& gateway, const ClientFigures& clients) {
  http::MetricsPage page(http::MetricsFormat::prometheus);
  add_requests(page, gateway.figures());
  add_pools(page, gateway);
  add_resets(page, gateway.figures());
  page.gauge("hunt_data_api_transactions", "Transactions that are open.",
             gateway.transactions().size());
  page.counter("hunt_data_api_transactions_expired",
               "Transactions rolled back because nobody called for them.");
  page.total("hunt_data_api_transactions_expired", "", gateway.transactions().expired());
  add_clients(page, clients);
  const auto process = system::process_figures();
  page.counter("process_cpu_seconds", "CPU time of this process.");
  page.total("process_cpu_seconds", "", process.cpu_seconds);
  page.gauge("process_resident_memory_bytes", "Memory of this process.", process.resident_bytes);
  page.gauge("process_open_fds", "Descriptors of this process.", process.open_fds);
  return page.finish();
}

}  // namespace hunt::gateway
