#include "rules/odds.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "base/result.h"
#include "base/text.h"

namespace hunt::rules {

namespace {

using Fraction = boost::multiprecision::cpp_rational;

// Tables reachable from `root`, each before every table it refers to.
std::vector<std::uint32_t> topological_order(const model::RuleSet& set, std::uint32_t root) {
  std::vector<std::uint32_t> order;
  std::vector<bool> seen(set.tables.size(), false);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> path{{root, 0}};  // table, next entry
  seen[root] = true;
  while (!path.empty()) {
    auto& [table, next] = path.back();
    const auto& flat = set.tables[table];
    if (next == flat.entry_count) {
      order.push_back(table);
      path.pop_back();
      continue;
    }
    const auto& entry = set.entries[flat.first_entry + next++];
    if (!entry.is_table || seen[entry.index]) continue;
    seen[entry.index] = true;
    path.emplace_back(entry.index, 0);
  }
  std::reverse(order.begin(), order.end());
  return order;
}

// Products of 64-bit words that an operation on this fraction takes, at least 1.
std::uint64_t work_of(const Fraction& fraction) {
  const std::uint64_t words = 1 + msb(denominator(fraction)) / 64;
  return words * words;
}

bool is_open(const OpenTimes& open, std::uint16_t during) {
  return during == 0 || std::binary_search(open.begin(), open.end(), during - 1U);
}

Odds odds_of(const Fraction& fraction) {
  return {numerator(fraction).str(), denominator(fraction).str(), fraction.convert_to<double>()};
}

// The items with their probabilities; nothing with more than `work` to do.
std::optional<std::map<std::uint32_t, Fraction>> item_odds(const model::RuleSet& set,
                                                           std::uint32_t table,
                                                           const OpenTimes& open,
                                                           std::uint64_t work_max) {
  std::uint64_t work = 0;
  std::map<std::uint32_t, Fraction> tables{{table, Fraction(1)}};
  std::map<std::uint32_t, Fraction> items;
  for (const auto at : topological_order(set, table)) {
    // Taken out: nothing refers back to a table that was passed.
    const auto share = tables.extract(at);
    if (share.empty()) continue;  // only drawn at other times
    const auto& flat = set.tables[at];
    std::map<std::pair<bool, std::uint32_t>, std::uint64_t> weights;
    std::uint64_t total = 0;
    for (std::uint32_t i = 0; i < flat.entry_count; ++i) {
      const auto& entry = set.entries[flat.first_entry + i];
      if (!is_open(open, entry.during)) continue;
      weights[{entry.is_table, entry.index}] += entry.weight;
      total += entry.weight;
    }
    const Fraction per_weight = share.mapped() / total;
    for (const auto& [target, weight] : weights) {
      Fraction& sum = (target.first ? tables : items)[target.second];
      sum += per_weight * weight;
      work += work_of(per_weight) + work_of(sum);
      if (work > work_max) return {};
    }
  }
  return items;
}

}  // namespace

std::vector<std::uint32_t> times_of(const model::RuleSet& set, std::uint32_t table) {
  std::vector<std::uint32_t> times;
  for (const auto at : topological_order(set, table)) {
    const auto& flat = set.tables[at];
    if (!flat.timed) continue;
    for (std::uint32_t i = 0; i < flat.entry_count; ++i) {
      const auto& entry = set.entries[flat.first_entry + i];
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
  for (const auto& [open, as_of_us] : cases) out.push_back({open, as_of_us});
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.open.size() < b.open.size(); });
  return out;
}

tl::expected<TableOdds, std::string> table_odds(const model::RuleSet& set, std::uint32_t table,
                                                const OpenTimes& open, std::uint64_t work_max) {
  HUNT_ASSERT(table < set.tables.size());
  const auto items = item_odds(set, table, open, work_max);
  if (!items) {
    return tl::unexpected(fmt::format(
        "the exact odds of \"{}\" need too much work: its fractions get too long. Give the tables "
        "that it draws from round totals, such as 1000, or fewer entries",
        set.tables[table].name));
  }
  const model::EventRules& event = set.events[set.tables[table].event];
  std::vector<std::pair<std::uint32_t, Fraction>> ordered(items->begin(), items->end());
  std::sort(ordered.begin(), ordered.end(), [&](const auto& a, const auto& b) {
    const int order = a.second.compare(b.second);
    return order != 0 ? order > 0 : set.items[a.first] < set.items[b.first];
  });
  TableOdds out;
  out.open = open;
  std::vector<Fraction> tiers(event.tiers.size());
  for (const auto& [item, odds] : ordered) {
    const auto tier =
        std::lower_bound(event.item_tiers.begin(), event.item_tiers.end(), item,
                         [](const auto& one, std::uint32_t index) { return one.item < index; });
    const bool has_tier = tier != event.item_tiers.end() && tier->item == item;
    if (has_tier) tiers[tier->tier] += odds;
    out.items.push_back(
        {odds_of(odds), set.items[item], has_tier ? static_cast<std::int32_t>(tier->tier) : -1});
  }
  for (std::size_t i = tiers.size(); i-- > 0;) {
    if (tiers[i] != 0) out.tiers.push_back({odds_of(tiers[i]), static_cast<std::uint32_t>(i)});
  }
  return out;
}

std::string one_in_text(double probability) {
  const double one_in = 1 / probability;
  if (one_in >= 1e15) return fmt::format("1 in {:.3e}", one_in);
  if (one_in >= 1000) {
    return fmt::format("1 in {}", with_commas(static_cast<std::uint64_t>(std::llround(one_in))));
  }
  return fmt::format("1 in {:.4g}", one_in);
}

std::string percent_text(double probability) {
  const double percent = probability * 100;
  if (percent >= 1e-4) return fmt::format("{:.4g} %", percent);
  return fmt::format("{:.3e} %", percent);
}

std::string exact_text(const Odds& odds) {
  constexpr std::size_t digits_max = 60;
  const std::size_t digits = odds.numerator.size() + odds.denominator.size();
  if (digits > digits_max) return fmt::format("({} digits, see --json)", digits);
  return fmt::format("{}/{}", odds.numerator, odds.denominator);
}

}  // namespace hunt::rules
