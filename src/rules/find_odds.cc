#include "rules/find_odds.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"
#include "model/limits.h"
#include "rules/distinct_odds.h"

namespace hunt::rules {

namespace {

using Integer = boost::multiprecision::cpp_int;

// Where each find is one item: the probability of each, from the table down. Nothing: too much
// work.
std::optional<std::map<std::uint32_t, Fraction>> one_item_odds(const model::RuleSet& set,
                                                               std::uint32_t table,
                                                               const OpenTimes& open,
                                                               std::uint64_t work_max) {
  Work work(work_max);
  std::map<std::uint32_t, Fraction> tables{{table, Fraction(1)}};
  std::map<std::uint32_t, Fraction> items;
  for (const auto at : reachable_tables(set, table)) {
    // Taken out: nothing refers back to a table that was passed.
    const auto share = tables.extract(at);
    if (share.empty()) continue;  // only drawn at other times
    std::map<std::pair<bool, std::uint32_t>, std::uint64_t> weights;
    std::uint64_t total = 0;
    for (const auto& entry : set.entries_of(set.tables[at])) {
      if (!is_open(open, entry)) continue;
      weights[{entry.is_table, entry.index}] += entry.weight;
      total += entry.weight;
    }
    const Fraction per_weight = share.mapped() / total;
    for (const auto& [target, weight] : weights) {
      Fraction& sum = (target.first ? tables : items)[target.second];
      sum += per_weight * weight;
      work.add(per_weight);
      work.add(sum);
      if (work.over()) return {};
    }
  }
  return items;
}

Fraction mean_of(model::Range range) {
  return Fraction(std::uint64_t{range.low} + range.high, 2);
}

// From the tables below up. Items, then tiers, then anything are numbered through.
class Upwards {
 public:
  using Shares = std::map<std::uint32_t, Share>;

  Upwards(const model::RuleSet& set, std::uint32_t root, const OpenTimes& open,
          std::uint64_t work_max)
      : set_(set), event_(set.events[set.tables[root].event]), open_(open), work_(work_max) {
    first_tier_ = static_cast<std::uint32_t>(set.items.size());
    anything_ = first_tier_ + static_cast<std::uint32_t>(event_.tiers.size());
  }

  // False: see why().
  bool run(std::uint32_t root) {
    std::vector<std::uint32_t> order = reachable_tables(set_, root);
    std::reverse(order.begin(), order.end());
    for (const auto table : order) {
      tables_[table] = shares_of(table);
      for (const auto& [key, share] : tables_[table]) {  // what they take is memory
        work_.add(share.once, 10);
        work_.add(share.expected, 10);
      }
      if (work_.over() || !why_.empty()) return false;
    }
    return true;
  }

  // Empty: too much work.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

  [[nodiscard]] FindOdds result(std::uint32_t root) const {
    FindOdds out;
    for (const auto& [key, share] : tables_.at(root)) {
      if (key < first_tier_) out.items.emplace(key, share);
      if (key >= first_tier_ && key < anything_) out.tiers.emplace(key - first_tier_, share);
      if (key == anything_) out.anything = share.once;
    }
    return out;
  }

 private:
  [[nodiscard]] Shares shares_of(std::uint32_t table) {
    const model::LootTable& flat = set_.tables[table];
    Shares all;
    for (const auto& entry : set_.always_of(flat)) put(shares_of(entry), all);
    const auto pools = set_.pools_of(flat);
    for (std::size_t i = 0; i < pools.size() && !work_.over() && why_.empty(); ++i) {
      put(shares_of(pools[i]), all);
      if (!why_.empty()) {
        why_ = fmt::format("the exact odds of {} need {}",
                           pools.size() == 1 ? fmt::format("\"{}\"", flat.name)
                                             : fmt::format("pool {} of \"{}\"", i + 1, flat.name),
                           why_);
      }
    }
    return all;
  }

  // Both are given.
  void put(const Shares& part, Shares& all) {
    for (const auto& [key, share] : part) {
      const auto [at, fresh] = all.emplace(key, share);
      if (fresh) continue;
      at->second.once += share.once - at->second.once * share.once;
      at->second.expected += share.expected;
      work_.add(at->second.once);
      if (work_.over()) return;
    }
  }

  [[nodiscard]] Shares shares_of(const model::LootEntry& entry) const {
    if (entry.is_table) return tables_.at(entry.index);
    if (entry.is_nothing()) return {};
    const Fraction once =
        entry.count.low > 0 ? Fraction(1) : Fraction(entry.count.high, entry.count.size());
    const Share share{once, mean_of(entry.count)};
    Shares out{{entry.index, share}, {anything_, share}};
    if (const auto tier = tier_of(event_, entry.index)) out.emplace(first_tier_ + *tier, share);
    return out;
  }

  [[nodiscard]] Shares shares_of(const model::LootPool& pool) {
    std::vector<const model::LootEntry*> entries;
    for (const auto& entry : set_.entries_of(pool)) {
      if (is_open(open_, entry)) entries.push_back(&entry);
    }
    Shares out =
        pool.distinct ? without_replacement(pool, entries) : with_replacement(pool, entries);
    const Fraction chance(pool.chance.numerator, pool.chance.denominator);
    if (chance == 1) return out;
    for (auto& [key, share] : out) {
      share.once *= chance;
      share.expected *= chance;
    }
    return out;
  }

  [[nodiscard]] Shares with_replacement(const model::LootPool& pool,
                                        const std::vector<const model::LootEntry*>& entries) {
    std::uint64_t total = 0;
    for (const auto* entry : entries) total += entry->weight;
    Shares out;
    for (const auto* entry : entries) {
      for (const auto& [key, share] : shares_of(*entry)) {
        Share& sum = out[key];
        sum.once += share.once * entry->weight;
        sum.expected += share.expected * entry->weight;
        work_.add(sum.once);
        work_.add(sum.expected);
        if (work_.over()) return out;
      }
    }
    for (auto& [key, share] : out) {
      share.once /= total;
      share.expected *= mean_of(pool.rolls) / total;
      if (pool.rolls == model::Range{}) continue;
      work_.add(share.once, pool.rolls.high);
      if (work_.over()) return out;
      share.once = 1 - mean_power(1 - share.once, pool.rolls);
    }
    return out;
  }

  [[nodiscard]] Shares without_replacement(const model::LootPool& pool,
                                           const std::vector<const model::LootEntry*>& entries) {
    DistinctOdds odds(pool.rolls, work_);
    // Of each key: the entries that can give it.
    std::map<std::uint32_t, std::vector<std::pair<std::uint64_t, Share>>> givers;
    std::map<std::uint64_t, std::uint32_t> sizes;  // entries of each weight
    for (const auto* entry : entries) {
      ++sizes[entry->weight];
      for (const auto& [key, share] : shares_of(*entry)) {
        givers[key].emplace_back(entry->weight, share);
        work_.add(share.once, 10);  // what it takes is memory
      }
      if (work_.over()) return {};
    }
    Shares out;
    std::map<std::uint64_t, Fraction> drawn;  // the probability that one of this weight is
    for (const auto& [weight, size] : sizes) {
      const auto product = product_of(odds, sizes, {{weight, Share{1, 1}}});
      if (!product) return out;
      drawn[weight] = 1 - *product;
    }
    for (const auto& [key, list] : givers) {
      const auto product = product_of(odds, sizes, list);
      if (!product) return out;
      Share& share = out[key];
      share.once = 1 - *product;
      for (const auto& [weight, one] : list) {
        share.expected += drawn[weight] * one.expected;
        work_.add(share.expected);
        if (work_.over()) return out;
      }
    }
    return out;
  }

  // The probability that none of these gives anything.
  [[nodiscard]] std::optional<Fraction> product_of(
      DistinctOdds& odds, std::map<std::uint64_t, std::uint32_t> sizes,
      const std::vector<std::pair<std::uint64_t, Share>>& givers) {
    std::map<std::pair<std::uint64_t, Fraction>, std::uint32_t> classes;
    for (const auto& [weight, share] : givers) {
      ++classes[{weight, 1 - share.once}];
      --sizes[weight];
    }
    for (const auto& [weight, size] : sizes) classes[{weight, Fraction(1)}] += size;
    std::vector<EntryClass> list;
    for (const auto& [kind, size] : classes) {
      if (size > 0) list.push_back({kind.first, kind.second, size});
    }
    const auto product = odds.expected_product(std::move(list));
    if (!product) {
      why_ = fmt::format(
          "{} states, more than {}; give more entries the same weight, or split the "
          "pool",
          with_commas(odds.states()), with_commas(limits::odds_states_max));
    }
    return work_.over() ? std::nullopt : product;
  }

  const model::RuleSet& set_;
  const model::EventRules& event_;
  const OpenTimes& open_;
  Work work_;
  std::uint32_t first_tier_ = 0;
  std::uint32_t anything_ = 0;
  std::map<std::uint32_t, Shares> tables_;
  std::string why_;
};

}  // namespace

std::optional<std::uint32_t> tier_of(const model::EventRules& event, std::uint32_t item) {
  const auto tier =
      std::lower_bound(event.item_tiers.begin(), event.item_tiers.end(), item,
                       [](const auto& one, std::uint32_t index) { return one.item < index; });
  if (tier == event.item_tiers.end() || tier->item != item) return {};
  return tier->tier;
}

bool is_open(const OpenTimes& open, const model::LootEntry& entry) {
  return entry.during == 0 || std::binary_search(open.begin(), open.end(), entry.during - 1U);
}

// One sum over a common denominator.
Fraction mean_power(const Fraction& q, model::Range range) {
  const Integer above = numerator(q);
  const Integer below = denominator(q);
  Integer sum = 1;
  Integer below_power = 1;
  for (std::uint32_t i = range.low; i < range.high; ++i) {
    below_power *= below;
    sum = sum * above + below_power;
  }
  sum *= pow(above, range.low);
  return Fraction(sum, Integer(pow(below, range.high) * range.size()));
}

std::vector<std::uint32_t> reachable_tables(const model::RuleSet& set, std::uint32_t root) {
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

tl::expected<FindOdds, std::string> find_odds(const model::RuleSet& set, std::uint32_t table,
                                              const OpenTimes& open, std::uint64_t work_max) {
  const model::LootTable& flat = set.tables[table];
  std::string why;
  if (!flat.stacked) {
    if (const auto items = one_item_odds(set, table, open, work_max)) {
      FindOdds out;
      out.anything = 1;
      for (const auto& [item, odds] : *items) {
        out.items[item] = {odds, odds};
        const auto tier = tier_of(set.events[flat.event], item);
        if (!tier) continue;
        Share& sum = out.tiers[*tier];
        sum.once += odds;
        sum.expected += odds;
      }
      return out;
    }
  } else {
    Upwards upwards(set, table, open, work_max);
    if (upwards.run(table)) return upwards.result(table);
    why = upwards.why();
  }
  if (!why.empty()) return tl::unexpected(why);
  return tl::unexpected(fmt::format(
      "the exact odds of \"{}\" need too much work: its fractions get too long. Give the tables "
      "that it draws from round totals, such as 1000, or fewer entries",
      flat.name));
}

}  // namespace hunt::rules
