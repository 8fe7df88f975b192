#include "rules/odds.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <map>
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

}  // namespace

std::vector<ItemOdds> table_odds(const model::RuleSet& set, std::uint32_t table) {
  HUNT_ASSERT(table < set.tables.size());
  std::map<std::uint32_t, Fraction> tables{{table, Fraction(1)}};
  std::map<std::uint32_t, Fraction> items;
  for (const auto at : topological_order(set, table)) {
    const auto& flat = set.tables[at];
    // Taken out: nothing refers back to a table that was passed.
    const Fraction per_weight = tables.extract(at).mapped() / flat.total_weight;
    std::map<std::pair<bool, std::uint32_t>, std::uint64_t> weights;
    for (std::uint32_t i = 0; i < flat.entry_count; ++i) {
      const auto& entry = set.entries[flat.first_entry + i];
      weights[{entry.is_table, entry.index}] += entry.weight;
    }
    for (const auto& [target, weight] : weights) {
      (target.first ? tables : items)[target.second] += per_weight * weight;
    }
  }
  std::vector<std::pair<std::uint32_t, Fraction>> ordered(items.begin(), items.end());
  std::sort(ordered.begin(), ordered.end(), [&](const auto& a, const auto& b) {
    const int order = a.second.compare(b.second);
    return order != 0 ? order > 0 : set.items[a.first] < set.items[b.first];
  });
  std::vector<ItemOdds> out;
  out.reserve(ordered.size());
  for (const auto& [item, odds] : ordered) {
    out.push_back({set.items[item], numerator(odds).str(), denominator(odds).str(),
                   odds.convert_to<double>()});
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

}  // namespace hunt::rules
