#include "gateway/why.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"

namespace hunt::gateway {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds window(10);
constexpr double busy_min = 0.9;  // of a core: then there is no time left to lose
constexpr double share_named = 0.5;
constexpr std::int64_t slow_ns = 10'000'000;  // a tail below that is nobody's trouble: a guess
constexpr std::size_t tail_min = 5;
constexpr std::string_view own_resource = "gateway";

enum class Part : std::uint8_t { own, pool, database };
constexpr std::array<std::string_view, 3> part_names = {"handle", "pool", "database"};

struct Row {
  Part part = Part::own;
  const Pool* pool = nullptr;
  std::string resource{own_resource};
  double share = 0;
  std::int64_t p99_ns = 0;
};

struct Look {
  std::size_t samples = 0;
  std::int64_t tail_ns = 0;  // mean of the slowest hundredth
  std::vector<Row> rows;
};

struct Verdict {
  std::string said;
  std::string next;
  std::string_view cause = "none";
  bool confident = true;
};

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

std::int64_t time_of(Part part, const Spent& spent) {
  if (part == Part::own) return spent.own_ns();
  return part == Part::pool ? spent.pool_ns : spent.database_ns;
}

std::int64_t p99_ns(std::vector<std::int64_t> times) {
  if (times.empty()) return 0;
  const auto at = times.begin() + static_cast<std::ptrdiff_t>((times.size() - 1) * 99 / 100);
  std::nth_element(times.begin(), at, times.end());
  return *at;
}

// `all`: the slowest first, as far as the tail goes.
Row row_of(Part part, const Pool* pool, std::string resource, const std::vector<Spent>& all,
           std::size_t tail) {
  Row row{part, pool, std::move(resource), 0, 0};
  std::int64_t sum_ns = 0;
  std::int64_t ours_ns = 0;
  std::vector<std::int64_t> times;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool ours = part == Part::own || all[i].pool == pool;
    if (ours) times.push_back(time_of(part, all[i]));
    if (i >= tail) continue;
    sum_ns += all[i].total_ns;
    if (ours) ours_ns += time_of(part, all[i]);
  }
  if (sum_ns > 0) row.share = static_cast<double>(ours_ns) / static_cast<double>(sum_ns);
  row.p99_ns = p99_ns(std::move(times));
  return row;
}

Look look_at(const Gateway& gateway, std::chrono::steady_clock::time_point now) {
  auto all = gateway.times().since(now - window);
  Look look;
  look.samples = all.size();
  const std::size_t tail = std::min(all.size(), std::max(tail_min, all.size() / 100));
  const auto slower = [](const Spent& a, const Spent& b) { return a.total_ns > b.total_ns; };
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(tail), all.end(),
                    slower);
  for (std::size_t i = 0; i < tail; ++i) look.tail_ns += all[i].total_ns;
  if (tail > 0) look.tail_ns /= static_cast<std::int64_t>(tail);
  look.rows.push_back(row_of(Part::own, nullptr, std::string(own_resource), all, tail));
  for (const auto& [arn, pool] : gateway.pools()) {
    for (const Part part : {Part::pool, Part::database}) {
      look.rows.push_back(row_of(part, pool.get(), arn, all, tail));
    }
  }
  return look;
}

std::string evidence(const Look& look, const Row& worst) {
  return fmt::format("{:.0f} % of the slowest 1 % of {} requests, which take {:.1f} ms",
                     worst.share * 100, with_commas(look.samples), seconds(look.tail_ns) * 1e3);
}

Verdict verdict_of(const Look& look, const Row& worst, const Gateway& gateway) {
  const double busy = gateway.times().busy();
  if (busy >= busy_min) {
    return {fmt::format("the gateway's one thread is busy: {:.0f} % of a core", busy * 100),
            "start another gateway beside it, or send fewer and larger requests "
            "(BatchExecuteStatement)",
            "cpu", true};
  }
  if (look.samples == 0) return {"no requests in the last ten seconds", "nothing to do"};
  if (look.tail_ns < slow_ns) {
    return {fmt::format("nothing is slow: the slowest 1 % of {} requests take {:.1f} ms",
                        with_commas(look.samples), seconds(look.tail_ns) * 1e3),
            "nothing to do"};
  }
  const bool sure = worst.share >= share_named;
  if (worst.part == Part::database) {
    return {
        fmt::format("PostgreSQL of {} takes the time: {}", worst.resource, evidence(look, worst)),
        "look there for what is slow or waits for a lock (pg_stat_activity), or at the way to "
        "it",
        sure ? "server" : "unclear", sure};
  }
  if (worst.part == Part::own) {
    return {fmt::format("the gateway itself takes the time: {}", evidence(look, worst)),
            "look whether this machine has a core for it; one large result keeps the others "
            "waiting, too",
            sure ? "cpu" : "unclear", sure};
  }
  const auto figures = worst.pool->figures();
  return {
      fmt::format("requests wait for a connection to {}: {}; {} of {} are in use", worst.resource,
                  evidence(look, worst), figures.open - figures.idle, gateway.connections_max()),
      "raise --connections, or end transactions sooner; where not all are in use, look why "
      "PostgreSQL lets nobody in",
      sure ? "limit" : "unclear", sure};
}

json::object row_json(const Row& row, std::size_t limit) {
  json::object out;
  out["stage"] = part_names[static_cast<std::size_t>(row.part)];
  out["resource"] = row.resource;
  out["share"] = row.share;
  out["waited_p99"] = row.part == Part::own ? 0 : seconds(row.p99_ns);
  out["worked_p99"] = row.part == Part::own ? seconds(row.p99_ns) : 0;
  const bool bounded = row.part == Part::pool;
  const PoolFigures figures = bounded ? row.pool->figures() : PoolFigures();
  out["inflight"] = figures.open - figures.idle;
  out["limit"] = bounded ? limit : 0;
  return out;
}

}  // namespace

std::string why_body(const Gateway& gateway, std::chrono::steady_clock::time_point now) {
  const Look look = look_at(gateway, now);
  const Row& worst =
      *std::max_element(look.rows.begin(), look.rows.end(),
                        [](const Row& a, const Row& b) { return a.share < b.share; });
  const Verdict verdict = verdict_of(look, worst, gateway);
  json::object out;
  out["verdict"] = verdict.said;
  out["confident"] = verdict.confident;
  out["timeline"] = "requests";
  out["stage"] = part_names[static_cast<std::size_t>(worst.part)];
  out["resource"] = worst.resource;
  out["cause"] = verdict.cause;
  out["share"] = worst.share;
  out["tail_seconds"] = seconds(look.tail_ns);
  out["samples"] = look.samples;
  out["next"] = verdict.next;
  out["warning"] = gateway.not_ready();
  out["busy"] = gateway.times().busy();
  json::array stages;
  for (const auto& row : look.rows) stages.push_back(row_json(row, gateway.connections_max()));
  out["stages"] = std::move(stages);
  return json::serialize(out);
}

}  // namespace hunt::gateway
