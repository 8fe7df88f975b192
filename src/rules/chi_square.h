// Pearson's chi-square test: do counts fit the probabilities that they should come from?
//
// Not a proof: a small bias of a rare item needs very many rolls (tests/rules has the exhaustive
// check of the picks). Pure; any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace hunt::rules {

struct Fit {
  double statistic = 0;
  std::size_t freedom = 0;  // degrees of it
  double p = 1;             // how often chance alone gives a statistic as large or larger
};

// Kinds that are expected less than five times are counted together. Requires: as many counts as
// probabilities, and the latter add up to 1.
[[nodiscard]] Fit chi_square(std::span<const std::uint64_t> counts,
                             std::span<const double> probabilities);

// The same where kinds come together, or not at all: each is a count of its own among `trials`. The
// statistic is the largest of one kind, `freedom` how many kinds can vary, and p the chance that
// one of so many would be as large (the sum over kinds, at most 1). Rare kinds are judged by the
// tail of Poisson's distribution. A kind whose probability is 0 or 1 fits exactly, or p is 0.
[[nodiscard]] Fit each_alone(std::span<const std::uint64_t> counts,
                             std::span<const double> probabilities, std::uint64_t trials);

// The upper tail of the chi-square distribution. Requires: freedom >= 1, statistic >= 0.
[[nodiscard]] double chi_square_tail(double statistic, std::size_t freedom);

}  // namespace hunt::rules
