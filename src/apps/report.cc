#include "apps/report.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/text.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;
using model::Outcome;

// On-demand price of a c6g.large in us-east-1: 0.068 USD an hour for 2 vCPU.
constexpr double usd_per_vcpu_second = 0.068 / 2.0 / 3600.0;
constexpr const char* price_list = "c6g.large on demand, us-east-1: 0.068 USD/h for 2 vCPU";

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// CPU of everything but the generator.
std::int64_t system_cpu_ns(const RunReport& r) {
  return r.process_cpu_ns - r.driver_cpu_ns;
}

double cost_per_million(const RunReport& r) {
  if (r.books.answered == 0) return 0;
  return seconds(system_cpu_ns(r)) * usd_per_vcpu_second / static_cast<double>(r.books.answered) *
         1e6;
}

double achieved_rate(const RunReport& r) {
  return r.sending_ns == 0 ? 0.0 : static_cast<double>(r.books.answered) / seconds(r.sending_ns);
}

json::object summary_json(const model::LatencySummary& summary) {
  json::object out;
  out["count"] = summary.count;
  out["p50"] = seconds(summary.p50_ns);
  out["p99"] = seconds(summary.p99_ns);
  return out;
}

std::string milliseconds(std::int64_t ns) {
  return fmt::format("{:.3f} ms", seconds(ns) * 1e3);
}

std::uint64_t count_of(const DriverBooks& books, Outcome outcome) {
  return books.outcomes[static_cast<std::size_t>(outcome)];
}

}  // namespace

std::uint64_t lost(const RunReport& r) {
  return r.books.sent - r.books.answered + count_of(r.books, Outcome::found);
}

std::string report_json(const RunReport& r) {
  const DriverBooks& books = r.books;
  const Histogram& latency = books.latency;
  json::object out;
  out["seconds"] = seconds(r.sending_ns);
  out["players"] = r.players;
  out["rate"] = r.rate == 0 ? json::value("max") : json::value(r.rate);
  out["positions_per_second"] = achieved_rate(r);
  json::object quantiles;
  quantiles["p50"] = seconds(latency.quantile_ns(5'000));
  quantiles["p99"] = seconds(latency.quantile_ns(9'900));
  quantiles["p999"] = seconds(latency.quantile_ns(9'990));
  quantiles["max"] = seconds(latency.max_ns());
  out["latency_seconds"] = std::move(quantiles);
  out["sent"] = books.sent;
  out["answered"] = books.answered;
  out["redelivered"] = 0;  // nothing is stored on the in-process bus, so nothing is redelivered
  out["lost"] = lost(r);
  out["late_batches"] = books.late_batches;
  json::object outcomes;
  for (std::size_t i = 0; i < model::outcome_count; ++i) {
    outcomes[model::name_of(static_cast<Outcome>(i))] = books.outcomes[i];
  }
  out["outcomes"] = std::move(outcomes);
  json::object hits;
  hits["l1"] = ratio(r.stats.l1_hits, r.stats.l1_hits + r.stats.l1_misses);
  hits["l1_loot"] = 1.0 - ratio(r.stats.loot_misses, r.stats.loot_lookups);
  hits["l2"] = nullptr;  // cache `none:`
  out["hit_ratio"] = std::move(hits);
  out["store_seconds"] = summary_json(r.stats.store_load);
  out["grant_seconds"] = summary_json(r.stats.store_grant);
  out["invalidation_seconds"] = summary_json(r.stats.invalidation);
  json::object cpu;
  cpu["serve"] = seconds(r.serve_cpu_ns);
  cpu["store_and_rest"] = seconds(system_cpu_ns(r) - r.serve_cpu_ns);
  cpu["generator"] = seconds(r.driver_cpu_ns);
  out["cpu_seconds"] = std::move(cpu);
  out["grants"] = books.grants;
  out["duplicate_grants"] = books.duplicate_grants;
  out["cost_per_million_usd"] = cost_per_million(r);
  out["price_list"] = price_list;
  out["rules"] = r.stats.rules;
  return json::serialize(out);
}

std::string report_text(const RunReport& r) {
  const DriverBooks& books = r.books;
  const Histogram& latency = books.latency;
  std::string out = fmt::format(
      "\n{} positions in {:.1f} s: {:.0f}/s, {} players\n"
      "  answer    p50 {}  p99 {}  p99.9 {}  max {} (from the intended send time)\n"
      "  sent {}  answered {}  lost {}  busy {}\n"
      "  nothing {}  hint {}  granted {}  sold_out {}  closed {}\n",
      with_commas(books.sent), seconds(r.sending_ns), achieved_rate(r), with_commas(r.players),
      milliseconds(latency.quantile_ns(5'000)), milliseconds(latency.quantile_ns(9'900)),
      milliseconds(latency.quantile_ns(9'990)), milliseconds(latency.max_ns()),
      with_commas(books.sent), with_commas(books.answered), with_commas(lost(r)),
      with_commas(count_of(books, Outcome::busy)), with_commas(count_of(books, Outcome::nothing)),
      with_commas(count_of(books, Outcome::hint)), with_commas(count_of(books, Outcome::granted)),
      with_commas(count_of(books, Outcome::sold_out)),
      with_commas(count_of(books, Outcome::closed)));
  out += fmt::format(
      "  grants {}  duplicate grants {}\n"
      "  L1 hit ratio {:.4f} % (of positions on loot {:.4f} %), {:.1f} MiB\n"
      "  store     load p50 {}  p99 {}   grant p50 {}  p99 {}\n"
      "  change    commit to memory p50 {}  p99 {}\n"
      "  CPU       serve {:.2f} s  store and rest {:.2f} s  generator {:.2f} s\n"
      "  cost      {:.3g} USD per million positions ({})\n",
      with_commas(books.grants), with_commas(books.duplicate_grants),
      100 * ratio(r.stats.l1_hits, r.stats.l1_hits + r.stats.l1_misses),
      100 * (1.0 - ratio(r.stats.loot_misses, r.stats.loot_lookups)),
      static_cast<double>(r.stats.l1_bytes) / (1 << 20), milliseconds(r.stats.store_load.p50_ns),
      milliseconds(r.stats.store_load.p99_ns), milliseconds(r.stats.store_grant.p50_ns),
      milliseconds(r.stats.store_grant.p99_ns), milliseconds(r.stats.invalidation.p50_ns),
      milliseconds(r.stats.invalidation.p99_ns), seconds(r.serve_cpu_ns),
      seconds(system_cpu_ns(r) - r.serve_cpu_ns), seconds(r.driver_cpu_ns), cost_per_million(r),
      price_list);
  if (books.refused > 0) {
    out += fmt::format("  {} positions were refused; the last reason: {}\n",
                       with_commas(books.refused), books.last_error);
  }
  if (books.late_batches > 0) {
    out += fmt::format("  {} batches left more than 1 ms late: then the generator was the limit\n",
                       with_commas(books.late_batches));
  }
  return out;
}

}  // namespace hunt::apps
