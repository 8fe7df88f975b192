#include "rush/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/text.h"
#include "plan/cost_data.h"

namespace hunt::rush {

namespace {

namespace json = boost::json;
using model::Outcome;

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// CPU of everything but the generator, where it is known.
std::optional<std::int64_t> system_cpu_ns(const RunReport& r) {
  if (!r.serve_cpu_ns || !r.rest_cpu_ns) return {};
  return *r.serve_cpu_ns + *r.rest_cpu_ns;
}

// Of this process alone, by the model of `hunt plan`.
std::optional<double> cost_per_million(const RunReport& r) {
  const auto cpu_ns = system_cpu_ns(r);
  if (!cpu_ns || r.books.answered == 0) return {};
  plan::UnitCost unit;
  const double cpu_s = seconds(*cpu_ns) / static_cast<double>(r.books.answered) * 1e6;
  unit.parts.push_back({.name = "service", .cpu_s = cpu_s});
  return plan::of_million(unit, plan::cost_data().model).total();
}

std::string price_list() {
  const plan::CostModel& model = plan::cost_data().model;
  const plan::Server& server = model.server[static_cast<std::size_t>(plan::Kind::compute)];
  return fmt::format(
      "this process alone, paid for at a use of {:.0f} %: {}, {} USD an hour on {}; "
      "`hunt plan` has all servers",
      100 * model.utilisation, server.of, server.usd_hour, model.date);
}

double measured_seconds(const RunReport& r) {
  return seconds(std::max<std::int64_t>(0, r.sending_ns - r.warmup_ns));
}

json::object summary_json(const model::LatencySummary& summary) {
  json::object out;
  out["count"] = summary.count;
  out["p50"] = seconds(summary.p50_ns);
  out["p99"] = seconds(summary.p99_ns);
  return out;
}

// The mean of the slowest hundredth, as `hunt why` counts its tails: from a quantile in each tenth
// of it, so within 3 %, and below it where a few are far slower than all others.
std::int64_t tail_ns(const Histogram& latency) {
  constexpr std::uint32_t tenths = 10;
  std::int64_t sum_ns = 0;
  for (std::uint32_t i = 0; i < tenths; ++i) sum_ns += latency.quantile_ns(9'905 + 10 * i);
  return sum_ns / tenths;
}

json::object latency_json(const Histogram& latency) {
  json::object out;
  out["count"] = latency.count();
  out["p50"] = seconds(latency.quantile_ns(5'000));
  out["p99"] = seconds(latency.quantile_ns(9'900));
  out["p999"] = seconds(latency.quantile_ns(9'990));
  out["max"] = seconds(latency.max_ns());
  out["tail"] = seconds(tail_ns(latency));
  return out;
}

std::string milliseconds(std::int64_t ns) {
  return fmt::format("{:.3f} ms", seconds(ns) * 1e3);
}

std::string latency_text(const Histogram& latency) {
  return fmt::format("p50 {}  p99 {}  p99.9 {}  max {}", milliseconds(latency.quantile_ns(5'000)),
                     milliseconds(latency.quantile_ns(9'900)),
                     milliseconds(latency.quantile_ns(9'990)), milliseconds(latency.max_ns()));
}

std::string claims_text(const Histogram& latency) {
  if (latency.count() == 0) return "";
  return fmt::format("  claim     {} (until what it came to is told)\n", latency_text(latency));
}

std::uint64_t count_of(const DriverBooks& books, Outcome outcome) {
  return books.outcomes[static_cast<std::size_t>(outcome)];
}

void add_figures(json::object& out, const model::Stats& stats) {
  json::object hits;
  hits["l1"] = ratio(stats.l1_hits, stats.l1_hits + stats.l1_misses);
  hits["l1_loot"] = 1.0 - ratio(stats.loot_misses, stats.loot_lookups);
  const std::uint64_t l2 = stats.l2_hits + stats.l2_misses;
  hits["l2"] = nullptr;  // without a shared cache
  if (l2 > 0) hits["l2"] = ratio(stats.l2_hits, l2);
  out["hit_ratio"] = std::move(hits);
  if (l2 > 0) out["cache_seconds"] = summary_json(stats.since_start.cache_read);
  out["store_seconds"] = summary_json(stats.since_start.store_load);
  out["grant_seconds"] = summary_json(stats.since_start.store_grant);
  out["invalidation_seconds"] = summary_json(stats.since_start.invalidation);
  out["rules"] = stats.rules;
}

void add_cpu(json::object& out, const RunReport& r) {
  json::object cpu;
  if (r.serve_cpu_ns) cpu["serve"] = seconds(*r.serve_cpu_ns);
  if (r.rest_cpu_ns) cpu["store_and_rest"] = seconds(*r.rest_cpu_ns);
  cpu["generator"] = seconds(r.driver_cpu_ns);
  out["cpu_seconds"] = std::move(cpu);
  if (const auto cost = cost_per_million(r)) {
    out["cost_per_million_usd"] = *cost;
    out["price_list"] = price_list();
  }
}

json::object bottleneck_json(const Bottleneck& bottleneck) {
  json::object out;
  out["stage"] = bottleneck.stage;
  out["resource"] = bottleneck.resource;
  out["cause"] = bottleneck.cause;
  out["share"] = bottleneck.share;
  out["tail_seconds"] = bottleneck.tail_seconds;
  out["verdict"] = bottleneck.verdict;
  out["next"] = bottleneck.next;
  return out;
}

std::string figures_text(const model::Stats& stats) {
  return fmt::format(
      "  L1 hit ratio {:.4f} % (of positions on loot {:.4f} %), {:.1f} MiB\n"
      "  store     load p50 {}  p99 {}   grant p50 {}  p99 {}\n"
      "  change    commit to memory p50 {}  p99 {}\n",
      100 * ratio(stats.l1_hits, stats.l1_hits + stats.l1_misses),
      100 * (1.0 - ratio(stats.loot_misses, stats.loot_lookups)),
      static_cast<double>(stats.l1_bytes) / (1 << 20),
      milliseconds(stats.since_start.store_load.p50_ns),
      milliseconds(stats.since_start.store_load.p99_ns),
      milliseconds(stats.since_start.store_grant.p50_ns),
      milliseconds(stats.since_start.store_grant.p99_ns),
      milliseconds(stats.since_start.invalidation.p50_ns),
      milliseconds(stats.since_start.invalidation.p99_ns));
}

std::string cpu_text(const RunReport& r) {
  std::string out = "  CPU     ";
  if (r.serve_cpu_ns) out += fmt::format("  serve {:.2f} s", seconds(*r.serve_cpu_ns));
  if (r.rest_cpu_ns) out += fmt::format("  store and rest {:.2f} s", seconds(*r.rest_cpu_ns));
  out += fmt::format("  generator {:.2f} s\n", seconds(r.driver_cpu_ns));
  if (const auto cost = cost_per_million(r)) {
    out += fmt::format("  cost      {:.3g} USD per million positions ({})\n", *cost, price_list());
  }
  return out;
}

// Everything that a reader must know before believing the other figures.
std::string warnings_text(const RunReport& r) {
  const DriverBooks& books = r.books;
  std::string out;
  if (books.refused > 0 || books.unanswered > 0) {
    out += fmt::format("  {} positions were refused, {} got no answer; the last reason: {}\n",
                       with_commas(books.refused), with_commas(books.unanswered), books.last_error);
  }
  if (const auto text = limit_text(r); !text.empty()) out += fmt::format("  {}\n", text);
  return out;
}

// The generator's thread had no time left.
constexpr double saturated_share = 0.9;

double generator_share(const RunReport& r) {
  return r.sending_ns == 0 ? 0 : seconds(r.driver_cpu_ns) / seconds(r.sending_ns);
}

// Or all was answered, and what is missing is two batches at most: one that was answered before the
// time that counts and one after it. With few batches a second that is much.
bool kept_up(const RunReport& r) {
  const DriverBooks& books = r.books;
  if (achieved_rate(r) >= r.offered_per_second * 0.99) return true;
  if (books.batches == 0 || books.refused > 0 || books.unanswered > 0) return false;
  if (books.answered < r.scheduled) return false;
  const double due = r.offered_per_second * measured_seconds(r);
  const double batch = static_cast<double>(books.sent) / static_cast<double>(books.batches);
  return due - static_cast<double>(books.answered_in_time) <= 2 * batch;
}

bool is_late(const DriverBooks& books) {
  return books.late_batches * 100 > books.batches;
}

}  // namespace

Bottleneck bottleneck_of(const model::Why& why) {
  Bottleneck out;
  out.verdict = why.verdict;
  out.next = why.next;
  out.stage = model::name_of(why.stage);
  out.resource = why.resource;
  out.cause = model::name_of(why.cause);
  out.share = why.share;
  out.tail_seconds = seconds(why.tail_ns);
  return out;
}

std::string_view name_of(Limit limit) noexcept {
  constexpr std::string_view names[] = {"none", "generator", "target"};
  return names[static_cast<std::size_t>(limit)];
}

double achieved_rate(const RunReport& r) {
  const double measured = measured_seconds(r);
  return measured <= 0 ? 0.0 : static_cast<double>(r.books.answered_in_time) / measured;
}

Limit limit_of(const RunReport& r) {
  const DriverBooks& books = r.books;
  if (r.scheduled == 0 || kept_up(r)) return Limit::none;
  if (generator_share(r) >= saturated_share) return Limit::generator;
  if (books.overfull_batches > 0 || books.refused > 0) return Limit::target;
  return is_late(books) ? Limit::generator : Limit::target;
}

std::string limit_text(const RunReport& r) {
  const DriverBooks& books = r.books;
  const std::string late =
      fmt::format("{:.1f} % of the batches left more than 1 ms late, at most {:.0f} ms",
                  100 * ratio(books.late_batches, books.batches), seconds(books.late_ns_max) * 1e3);
  const std::uint64_t unsent = r.scheduled > books.sent ? r.scheduled - books.sent : 0;
  const std::string rates = fmt::format(
      "{:.0f} of {:.0f} positions/s were answered in time{}", achieved_rate(r),
      r.offered_per_second,
      unsent == 0 ? "" : fmt::format(", {} positions were never sent", with_commas(unsent)));
  const double share = 100 * generator_share(r);
  switch (limit_of(r)) {
    case Limit::generator:
      return fmt::format(
          "the generator was the limit: {}; {}; its thread used {:.0f} % of a core{}", rates, late,
          share,
          share < 100 * saturated_share
              ? ", so it waited for one: run it on another machine than the target"
              : ": ask for less, or run several");
    case Limit::target:
      return fmt::format(
          "the target was the limit: {}{}; the generator's thread used {:.0f} % of "
          "a core",
          rates,
          books.overfull_batches == 0 ? ""
                                      : fmt::format(", {} batches found too many others in flight",
                                                    with_commas(books.overfull_batches)),
          share);
    case Limit::none:
      break;
  }
  return is_late(books) ? late + ": the latencies hold that delay of the generator, too" : "";
}

std::uint64_t lost(const RunReport& r) {
  return r.books.sent - r.books.answered + count_of(r.books, Outcome::found);
}

std::string report_json(const RunReport& r) {
  const DriverBooks& books = r.books;
  json::object out;
  if (!r.scenario.empty()) out["scenario"] = r.scenario;
  if (!r.target.empty()) out["target"] = r.target;
  out["seconds"] = seconds(r.sending_ns);
  out["warmup_seconds"] = seconds(r.warmup_ns);
  out["players"] = r.players;
  out["rate"] = r.rate == 0 ? json::value("max") : json::value(r.rate);
  out["positions_per_second"] = achieved_rate(r);
  if (r.scheduled > 0) out["offered_per_second"] = r.offered_per_second;
  out["limited_by"] = name_of(limit_of(r));
  out["latency_seconds"] = latency_json(books.latency);
  out["claim_seconds"] = latency_json(books.claim_latency);
  if (r.scheduled > 0) out["scheduled"] = r.scheduled;
  out["sent"] = books.sent;
  out["answered"] = books.answered;
  out["refused"] = books.refused;
  out["redelivered"] = books.redelivered;
  out["lost"] = lost(r);
  out["late_batches"] = books.late_batches;
  json::object outcomes;
  for (std::size_t i = 0; i < model::outcome_count; ++i) {
    outcomes[model::name_of(static_cast<Outcome>(i))] = books.outcomes[i];
  }
  out["outcomes"] = std::move(outcomes);
  out["grants"] = books.grants;
  out["duplicate_grants"] = books.duplicate_grants;
  out["overtaken"] = books.overtaken;
  if (r.changes > 0) out["tile_changes"] = r.changes;
  if (r.stats) add_figures(out, *r.stats);
  add_cpu(out, r);
  if (r.bottleneck) out["bottleneck"] = bottleneck_json(*r.bottleneck);
  if (!books.last_error.empty()) out["last_error"] = books.last_error;
  return json::serialize(out);
}

std::string report_text(const RunReport& r) {
  const DriverBooks& books = r.books;
  std::string out = fmt::format(
      "\n{} positions in {:.1f} s: {:.0f}/s, {} players{}\n"
      "  answer    {} (from the intended send time)\n"
      "{}"
      "  sent {}  answered {}  lost {}  busy {}{}\n"
      "  answers   nothing {}  hint {}  granted {} (repeats too)  sold_out {}  closed {}\n"
      "  ledger    new grants {}  duplicate grants {}\n",
      with_commas(books.sent), seconds(r.sending_ns), achieved_rate(r), with_commas(r.players),
      r.warmup_ns == 0
          ? ""
          : fmt::format("; rate and latencies without the first {:.1f} s", seconds(r.warmup_ns)),
      latency_text(books.latency), claims_text(books.claim_latency), with_commas(books.sent),
      with_commas(books.answered), with_commas(lost(r)),
      with_commas(count_of(books, Outcome::busy)),
      books.redelivered == 0
          ? ""
          : fmt::format("  asked again for claims {}", with_commas(books.redelivered)),
      with_commas(count_of(books, Outcome::nothing)), with_commas(count_of(books, Outcome::hint)),
      with_commas(count_of(books, Outcome::granted)),
      with_commas(count_of(books, Outcome::sold_out)),
      with_commas(count_of(books, Outcome::closed)), with_commas(books.grants),
      with_commas(books.duplicate_grants));
  if (r.stats) out += figures_text(*r.stats);
  out += cpu_text(r);
  if (r.bottleneck) {
    out +=
        fmt::format("  why       {}\n            {}\n", r.bottleneck->verdict, r.bottleneck->next);
  }
  return out + warnings_text(r);
}

}  // namespace hunt::rush
