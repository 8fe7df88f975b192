#include "rules/distinct_odds.h"

#include <algorithm>
#include <numeric>

#include "model/limits.h"

namespace hunt::rules {

void Work::add(const Fraction& fraction, std::uint64_t times) {
  const boost::multiprecision::cpp_int above = abs(numerator(fraction)) + 1;
  const std::uint64_t bits = std::max(msb(above), msb(denominator(fraction)));
  const std::uint64_t words = times * (1 + bits / 64);
  add_products(words * words);
}

void Work::add_products(std::uint64_t products) {
  left_ -= std::min(left_, products);
}

std::optional<Fraction> DistinctOdds::expected_product(std::vector<EntryClass> classes) {
  std::sort(classes.begin(), classes.end());
  if (const auto known = known_.find(classes); known != known_.end()) return known->second;
  states_ = count_states(classes);
  if (states_ > limits::odds_states_max) return {};
  const Fraction product = walk(classes);
  return known_.emplace(std::move(classes), product).first->second;
}

// Vectors of numbers, none above its class, whose sum is at most the rolls; far too many are not
// told apart.
std::uint64_t DistinctOdds::count_states(const std::vector<EntryClass>& classes) const {
  constexpr std::uint64_t far_too_many = 1'000'000'000'000;
  std::vector<std::uint64_t> by_sum(rolls_.high + 1U, 0);
  by_sum[0] = 1;
  for (const auto& one : classes) {
    std::vector<std::uint64_t> next(by_sum.size(), 0);
    for (std::size_t sum = 0; sum < by_sum.size(); ++sum) {
      for (std::size_t drawn = 0; drawn <= one.size && sum + drawn < by_sum.size(); ++drawn) {
        next[sum + drawn] = std::min(far_too_many, next[sum + drawn] + by_sum[sum]);
      }
    }
    by_sum = std::move(next);
  }
  return std::accumulate(by_sum.begin(), by_sum.end(), std::uint64_t{0});
}

Fraction DistinctOdds::walk(const std::vector<EntryClass>& classes) {
  using State = std::vector<std::uint8_t>;  // drawn of each class; rolls are at most 64
  std::uint64_t total = 0;
  for (const auto& one : classes) total += one.weight * one.size;
  std::map<State, Fraction> level{{State(classes.size(), 0), Fraction(1)}};
  Fraction sum = rolls_.low == 0 ? 1 : 0;
  for (std::uint32_t roll = 1; roll <= rolls_.high; ++roll) {
    std::map<State, Fraction> next;
    for (const auto& [state, product] : level) {
      std::uint64_t left = total;
      for (std::size_t c = 0; c < classes.size(); ++c) left -= classes[c].weight * state[c];
      for (std::size_t c = 0; c < classes.size(); ++c) {
        const EntryClass& one = classes[c];
        if (state[c] == one.size || one.miss == 0) continue;
        State after = state;
        ++after[c];
        Fraction& to = next[std::move(after)];
        to += product * Fraction(one.weight * (one.size - state[c]), left) * one.miss;
        work_.add(to);
        if (work_.over()) return 0;
      }
    }
    level = std::move(next);
    if (roll < rolls_.low) continue;
    for (const auto& [state, product] : level) {
      sum += product;
      work_.add(sum);
    }
  }
  return sum / rolls_.size();
}

}  // namespace hunt::rules
