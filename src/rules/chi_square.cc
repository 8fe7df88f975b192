#include "rules/chi_square.h"

#include <algorithm>
#include <cmath>

#include "base/result.h"

namespace hunt::rules {

namespace {

constexpr double tiny = 1e-300;
constexpr double rare_below = 100;  // then the bell is too far from the counts in the tails
constexpr int rounds_max = 100'000;

// The regularized incomplete gamma function Q(a, x), by its series below a + 1 and its continued
// fraction (Lentz) above.
double gamma_q(double a, double x) {
  const double scale = std::exp(a * std::log(x) - x - std::lgamma(a));
  if (x < a + 1) {
    double term = 1 / a;
    double sum = term;
    for (int n = 1; n < rounds_max && term > sum * 1e-16; ++n) sum += term *= x / (a + n);
    return 1 - scale * sum;
  }
  double b = x + 1 - a;
  double c = 1 / tiny;
  double d = 1 / b;
  double value = d;
  for (int n = 1; n < rounds_max; ++n) {
    const double an = -n * (n - a);
    b += 2;
    d = an * d + b;
    if (std::abs(d) < tiny) d = tiny;
    c = b + an / c;
    if (std::abs(c) < tiny) c = tiny;
    d = 1 / d;
    value *= d * c;
    if (std::abs(d * c - 1) < 1e-15) break;
  }
  return scale * value;
}

}  // namespace

double chi_square_tail(double statistic, std::size_t freedom) {
  HUNT_ASSERT(freedom >= 1 && statistic >= 0);
  if (statistic == 0) return 1;
  return gamma_q(static_cast<double>(freedom) / 2, statistic / 2);
}

Fit chi_square(std::span<const std::uint64_t> counts, std::span<const double> probabilities) {
  HUNT_ASSERT(counts.size() == probabilities.size());
  double all = 0;
  for (const auto count : counts) all += static_cast<double>(count);
  Fit fit;
  double rare_seen = 0;
  double rare_expected = 0;
  std::size_t cells = 0;
  const auto add = [&](double seen, double expected) {
    fit.statistic += (seen - expected) * (seen - expected) / expected;
    ++cells;
  };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = all * probabilities[i];
    if (expected >= 5) {
      add(static_cast<double>(counts[i]), expected);
    } else {
      rare_seen += static_cast<double>(counts[i]);
      rare_expected += expected;
    }
  }
  if (rare_expected > 0) add(rare_seen, rare_expected);
  if (cells < 2) return fit;
  fit.freedom = cells - 1;
  fit.p = chi_square_tail(fit.statistic, fit.freedom);
  return fit;
}

Fit each_alone(std::span<const std::uint64_t> counts, std::span<const double> probabilities,
               std::uint64_t trials) {
  HUNT_ASSERT(counts.size() == probabilities.size());
  Fit fit;
  double least = 1;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double p = probabilities[i];
    const auto all = static_cast<double>(trials);
    auto seen = static_cast<double>(counts[i]);
    if (p <= 0 || p >= 1) {
      if (seen != p * all) least = 0;
      continue;
    }
    ++fit.freedom;
    const double off = seen - all * p;
    const double statistic = off * off / (all * p * (1 - p));
    fit.statistic = std::max(fit.statistic, statistic);
    // Of something nearly sure the misses are what is rare.
    const double rare = all * std::min(p, 1 - p);
    if (p > 0.5) seen = all - seen;
    if (rare >= rare_below) {
      least = std::min(least, chi_square_tail(statistic, 1));
    } else {
      const double tail = seen > rare ? 1 - gamma_q(seen, rare) : gamma_q(seen + 1, rare);
      least = std::min(least, 2 * tail);
    }
  }
  fit.p = std::min(1.0, least * static_cast<double>(std::max<std::size_t>(fit.freedom, 1)));
  return fit;
}

}  // namespace hunt::rules
