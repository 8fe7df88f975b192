#include "rules/count_odds.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "base/text.h"
#include "model/limits.h"
#include "rules/distinct_odds.h"
#include "rules/find_odds.h"

namespace hunt::rules {

namespace {

// Those that can be drawn while these times are open, each before every one that it refers to.
std::vector<std::uint32_t> open_tables(const model::RuleSet& set, std::uint32_t root,
                                       const OpenTimes& open) {
  std::vector<std::uint32_t> order;
  std::vector<bool> drawn(set.tables.size(), false);
  drawn[root] = true;
  const auto draw = [&](const model::LootEntry& entry) {
    if (entry.is_table && is_open(open, entry)) drawn[entry.index] = true;
  };
  for (const auto table : reachable_tables(set, root)) {
    if (!drawn[table]) continue;
    order.push_back(table);
    for (const auto& entry : set.always_of(set.tables[table])) draw(entry);
    for (const auto& pool : set.pools_of(set.tables[table])) {
      for (const auto& entry : set.entries_of(pool)) draw(entry);
    }
  }
  return order;
}

// The average of z to the power of how many of an item one find gives, for one z.
class Powers {
 public:
  Powers(const model::RuleSet& set, std::uint32_t item, const OpenTimes& open, Work& work)
      : set_(set), item_(item), open_(open), work_(work) {}

  // Nothing: see states(), or too much work.
  std::optional<Fraction> of(const std::vector<std::uint32_t>& order, const Fraction& z) {
    z_ = z;
    bits_ = 1 + msb(numerator(z) + 1);
    for (const auto table : order) {
      Fraction product = 1;
      for (const auto& entry : set_.always_of(set_.tables[table])) product *= of(entry);
      for (const auto& pool : set_.pools_of(set_.tables[table])) {
        product *= of(pool);
        work_.add(product);
        if (work_.over() || states_ > 0) return {};
      }
      tables_[table] = std::move(product);
    }
    return tables_.at(order.back());
  }

  [[nodiscard]] std::uint64_t states() const noexcept { return states_; }

 private:
  [[nodiscard]] Fraction of(const model::LootEntry& entry) {
    if (entry.is_table) return tables_.at(entry.index);
    if (!entry.is_item() || entry.index != item_) return 1;
    const std::uint64_t steps = entry.count.high;  // each on a number that grows
    work_.add_products(steps * (1 + steps * bits_ / 64));
    return work_.over() ? Fraction(1) : mean_power(z_, entry.count);
  }

  [[nodiscard]] Fraction of(const model::LootPool& pool) {
    std::vector<EntryClass> entries;
    std::uint64_t total = 0;
    for (const auto& entry : set_.entries_of(pool)) {
      if (!is_open(open_, entry)) continue;
      entries.push_back({entry.weight, of(entry), 1});
      total += entry.weight;
    }
    const Fraction chance(pool.chance.numerator, pool.chance.denominator);
    return 1 - chance +
           chance * (pool.distinct ? distinct(pool, std::move(entries))
                                   : repeated(pool, entries, total));
  }

  [[nodiscard]] Fraction repeated(const model::LootPool& pool,
                                  const std::vector<EntryClass>& entries, std::uint64_t total) {
    Fraction one = 0;
    for (const auto& entry : entries) {
      one += entry.miss * Fraction(entry.weight, total);
      work_.add(one);
    }
    work_.add(one, pool.rolls.high);
    return work_.over() ? Fraction(1) : mean_power(one, pool.rolls);
  }

  [[nodiscard]] Fraction distinct(const model::LootPool& pool, std::vector<EntryClass> entries) {
    std::map<std::pair<std::uint64_t, Fraction>, std::uint32_t> classes;
    for (auto& entry : entries) ++classes[{entry.weight, std::move(entry.miss)}];
    entries.clear();
    for (const auto& [kind, size] : classes) entries.push_back({kind.first, kind.second, size});
    DistinctOdds odds(pool.rolls, work_);
    const auto product = odds.expected_product(std::move(entries));
    if (!product) states_ = odds.states();
    return product.value_or(1);
  }

  const model::RuleSet& set_;
  std::uint32_t item_;
  const OpenTimes& open_;
  Work& work_;
  Fraction z_;  // a whole number
  std::uint64_t bits_ = 1;
  std::map<std::uint32_t, Fraction> tables_;
  std::uint64_t states_ = 0;  // more than there may be
};

// The most of an item that one find can give, or a bound of it.
class Most {
 public:
  Most(const model::RuleSet& set, std::uint32_t item, const OpenTimes& open)
      : set_(set), item_(item), open_(open) {}

  std::uint64_t of(const std::vector<std::uint32_t>& order) {
    for (const auto table : order) {
      std::uint64_t sum = 0;
      for (const auto& entry : set_.always_of(set_.tables[table])) sum += of(entry);
      for (const auto& pool : set_.pools_of(set_.tables[table])) sum += of(pool);
      tables_[table] = sum;
    }
    return tables_.at(order.back());
  }

 private:
  [[nodiscard]] std::uint64_t of(const model::LootEntry& entry) const {
    if (entry.is_table) return tables_.at(entry.index);
    return entry.is_item() && entry.index == item_ ? entry.count.high : 0;
  }
  [[nodiscard]] std::uint64_t of(const model::LootPool& pool) const {
    std::vector<std::uint64_t> each;
    for (const auto& entry : set_.entries_of(pool)) {
      if (is_open(open_, entry)) each.push_back(of(entry));
    }
    std::sort(each.begin(), each.end(), std::greater<>());
    std::uint64_t sum = 0;
    for (std::uint32_t roll = 0; roll < pool.rolls.high; ++roll) {
      sum += pool.distinct ? each.at(roll) : each.at(0);
    }
    return sum;
  }

  const model::RuleSet& set_;
  std::uint32_t item_;
  const OpenTimes& open_;
  std::map<std::uint32_t, std::uint64_t> tables_;
};

// The coefficients of the polynomial that has these values at 0, 1, 2, …: Newton's differences,
// then its products multiplied out from the inside.
std::vector<Fraction> coefficients(std::vector<Fraction> values, Work& work) {
  const std::size_t size = values.size();
  for (std::size_t step = 1; step < size && !work.over(); ++step) {
    for (std::size_t i = size - 1; i >= step; --i) {
      values[i] = (values[i] - values[i - 1]) / step;
      work.add(values[i]);
    }
  }
  std::vector<Fraction> out(size, Fraction(0));
  for (std::size_t i = size; i-- > 0 && !work.over();) {
    for (std::size_t k = size - 1; k > 0; --k) {  // times (z - i), plus the difference
      out[k] = out[k - 1] - out[k] * i;
      work.add(out[k]);
    }
    out[0] = values[i] - out[0] * i;
  }
  return out;
}

}  // namespace

tl::expected<std::vector<CountOdds>, std::string> count_odds(const model::RuleSet& set,
                                                             std::uint32_t table,
                                                             std::uint32_t item,
                                                             const OpenTimes& open,
                                                             std::uint64_t work_max) {
  std::vector<std::uint32_t> order = open_tables(set, table, open);
  std::reverse(order.begin(), order.end());
  const std::uint64_t most = Most(set, item, open).of(order);
  const std::string what = fmt::format("how many {} come in one find of \"{}\"", set.items[item],
                                       set.tables[table].name);
  if (most > counts_max) {
    return tl::unexpected(
        fmt::format("{} goes up to {}, more than {}; its average stands beside it", what,
                    with_commas(most), counts_max));
  }
  Work work(work_max);
  std::vector<Fraction> values;
  for (std::uint64_t z = 0; z <= most; ++z) {
    Powers powers(set, item, open, work);
    const auto value = powers.of(order, Fraction(z));
    if (powers.states() > 0) {
      return tl::unexpected(fmt::format("{} needs {} states, more than {}", what,
                                        with_commas(powers.states()),
                                        with_commas(limits::odds_states_max)));
    }
    if (!value) break;
    values.push_back(*value);
  }
  std::vector<Fraction> shares;
  if (!work.over()) shares = coefficients(std::move(values), work);
  if (work.over()) {
    return tl::unexpected(fmt::format("{} takes too long to compute exactly", what));
  }
  std::vector<CountOdds> out;
  for (std::size_t count = 0; count < shares.size(); ++count) {
    if (shares[count] == 0) continue;
    out.push_back({odds_of(shares[count]), count});
  }
  return out;
}

}  // namespace hunt::rules
