// Draws without replacement, exactly: the entries of a pool whose entries are distinct.
//
// Not a sample. The states are how many of each class of entries were drawn; a class is entries
// that are the same for the question. Pure; any thread.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "rules/find_odds.h"

namespace hunt::rules {

// Counts products of 64-bit words.
class Work {
 public:
  explicit Work(std::uint64_t most) : left_(most) {}
  // One operation on this fraction, `times` as long.
  void add(const Fraction& fraction, std::uint64_t times = 1);
  // This many products.
  void add_products(std::uint64_t products);
  [[nodiscard]] bool over() const noexcept { return left_ == 0; }

 private:
  std::uint64_t left_;
};

struct EntryClass {
  std::uint64_t weight = 0;
  Fraction miss;  // the factor that each drawn one of it brings
  std::uint32_t size = 0;
  friend bool operator<(const EntryClass& a, const EntryClass& b) {
    return std::tie(a.weight, a.miss, a.size) < std::tie(b.weight, b.miss, b.size);
  }
};

class DistinctOdds {
 public:
  DistinctOdds(model::Range rolls, Work& work) : rolls_(rolls), work_(work) {}

  // The expected product of `miss` over what is drawn, on average over the numbers of rolls.
  // Nothing: too many states, see states().
  [[nodiscard]] std::optional<Fraction> expected_product(std::vector<EntryClass> classes);
  // How many states the last one took, or would take.
  [[nodiscard]] std::uint64_t states() const noexcept { return states_; }

 private:
  [[nodiscard]] std::uint64_t count_states(const std::vector<EntryClass>& classes) const;
  [[nodiscard]] Fraction walk(const std::vector<EntryClass>& classes);

  model::Range rolls_;
  Work& work_;
  std::uint64_t states_ = 0;
  std::map<std::vector<EntryClass>, Fraction> known_;
};

}  // namespace hunt::rules
