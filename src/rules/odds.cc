#include "rules/odds.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "rules/find_odds.h"

namespace hunt::rules {

namespace {

Amount amount_of(const Fraction& fraction) {
  return {numerator(fraction).str(), denominator(fraction).str(), fraction.convert_to<double>()};
}

}  // namespace

Odds odds_of(const Fraction& fraction) {
  auto probability = fraction.convert_to<double>();
  if (fraction < 1) probability = std::min(probability, std::nextafter(1.0, 0.0));
  return {numerator(fraction).str(), denominator(fraction).str(), probability};
}

std::vector<std::uint32_t> times_of(const model::RuleSet& set, std::uint32_t table) {
  std::vector<std::uint32_t> times;
  for (const auto at : reachable_tables(set, table)) {
    if (!set.tables[at].timed) continue;
    for (const auto& entry : set.entries_of(set.tables[at])) {
      if (entry.during != 0) times.push_back(entry.during - 1U);
    }
  }
  std::sort(times.begin(), times.end());
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

std::vector<TimeCase> time_cases(const model::RuleSet& set, std::uint32_t table) {
  const std::vector<std::uint32_t> times = times_of(set, table);
  if (times.empty()) return {TimeCase{}};
  const model::EventRules& event = set.events[set.tables[table].event];
  // What is open changes only at these moments.
  std::vector<std::int64_t> edges{event.starts_us};
  const auto add = [&edges](const model::Openings& openings) {
    for (const auto& one : openings) {
      edges.push_back(one.opens_us);
      edges.push_back(one.closes_us);
    }
  };
  add(event.openings);
  for (const auto time : times) add(set.times[time].openings);
  std::map<OpenTimes, std::int64_t> cases;
  for (const auto edge_us : edges) {
    // An event that is switched off has the odds that it would have.
    if (!event.in_opening(edge_us)) continue;
    OpenTimes open;
    for (const auto time : times) {
      if (opening_at(set.times[time].openings, edge_us) != nullptr) open.push_back(time);
    }
    cases.emplace(std::move(open), edge_us);
  }
  std::vector<TimeCase> out;
  out.reserve(cases.size());
  for (const auto& [open, as_of_us] : cases) out.push_back({open, as_of_us});
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.open.size() < b.open.size(); });
  return out;
}

tl::expected<TableOdds, std::string> table_odds(const model::RuleSet& set, std::uint32_t table,
                                                const OpenTimes& open, std::uint64_t work_max) {
  HUNT_ASSERT(table < set.tables.size());
  const auto odds = find_odds(set, table, open, work_max);
  if (!odds) return tl::unexpected(odds.error());
  const model::EventRules& event = set.events[set.tables[table].event];
  std::vector<std::pair<std::uint32_t, Share>> ordered(odds->items.begin(), odds->items.end());
  std::sort(ordered.begin(), ordered.end(), [&](const auto& a, const auto& b) {
    const int order = a.second.once.compare(b.second.once);
    return order != 0 ? order > 0 : set.items[a.first] < set.items[b.first];
  });
  TableOdds out;
  out.open = open;
  out.stacked = set.tables[table].stacked;
  for (const auto& [item, share] : ordered) {
    const auto tier = tier_of(event, item);
    out.items.push_back({odds_of(share.once), set.items[item],
                         tier ? static_cast<std::int32_t>(*tier) : -1, amount_of(share.expected)});
  }
  std::for_each(odds->tiers.rbegin(), odds->tiers.rend(), [&out](const auto& tier) {
    out.tiers.push_back({odds_of(tier.second.once), tier.first, amount_of(tier.second.expected)});
  });
  if (odds->anything != 1) out.nothing = odds_of(1 - odds->anything);
  return out;
}

std::string one_in_text(double probability) {
  const double one_in = 1 / probability;
  if (one_in >= 1e15) return fmt::format("1 in {:.3e}", one_in);
  if (one_in >= 1000) {
    return fmt::format("1 in {}", with_commas(static_cast<std::uint64_t>(std::llround(one_in))));
  }
  const std::string digits = fmt::format("{:.4g}", one_in);
  return (probability < 1 && digits == "1" ? "nearly 1 in " : "1 in ") + digits;
}

std::string percent_text(double probability) {
  const double percent = probability * 100;
  if (percent < 1e-4) return fmt::format("{:.3e} %", percent);
  const std::string digits = fmt::format("{:.4g}", percent);
  return (probability < 1 && digits == "100" ? "over 99.99" : digits) + " %";
}

std::string exact_text(const Odds& odds) {
  constexpr std::size_t digits_max = 60;
  const std::size_t digits = odds.numerator.size() + odds.denominator.size();
  if (digits > digits_max) return fmt::format("({} digits, see --json)", digits);
  return fmt::format("{}/{}", odds.numerator, odds.denominator);
}

std::string amount_text(const Amount& amount) {
  return fmt::format("{:.4g}", amount.value);
}

}  // namespace hunt::rules
