#include "shards/split.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "base/prng.h"
#include "base/result.h"

namespace hunt::shards {

namespace {

using Weights = std::vector<std::uint64_t>;
constexpr std::uint64_t impossible = std::numeric_limits<std::uint64_t>::max();

std::uint64_t sum(const Weights& weights) {
  return std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
}

// Where the ranges begin, with no more than `weight_max` in any and the least crossed; empty: there
// is no such split. best[i]: of the first i regions, the last range ending there.
std::vector<std::size_t> bounds_within(const Regions& regions, const Weights& before,
                                       std::size_t ranges, std::uint64_t weight_max) {
  const std::size_t count = regions.size();
  std::vector<std::vector<std::uint32_t>> from(ranges, std::vector<std::uint32_t>(count + 1, 0));
  Weights best(count + 1, impossible);
  for (std::size_t i = 1; i <= count; ++i) best[i] = before[i] <= weight_max ? 0 : impossible;
  for (std::size_t range = 1; range < ranges; ++range) {
    Weights next(count + 1, impossible);
    std::deque<std::size_t> open;  // where this range may begin, the cheapest first
    const auto cost = [&](std::size_t at) { return best[at] + regions.cut[at]; };
    for (std::size_t i = range + 1; i <= count; ++i) {
      const std::size_t begin = i - 1;
      if (best[begin] != impossible) {
        while (!open.empty() && cost(open.back()) >= cost(begin)) open.pop_back();
        open.push_back(begin);
      }
      while (!open.empty() && before[i] - before[open.front()] > weight_max) open.pop_front();
      if (open.empty()) continue;
      next[i] = cost(open.front());
      from[range][i] = static_cast<std::uint32_t>(open.front());
    }
    best = std::move(next);
  }
  if (best[count] == impossible) return {};
  std::vector<std::size_t> bounds(ranges, 0);
  std::size_t end = count;
  for (std::size_t range = ranges - 1; range > 0; --range) end = bounds[range] = from[range][end];
  return bounds;
}

struct Annealed {
  double cost = 0;
  std::vector<model::ShardId> owners;
};

// Simulated annealing over owners. Costs are shares of all queries.
class Annealing {
 public:
  Annealing(const Regions& regions, std::vector<model::ShardId> owners, std::uint32_t shards,
            std::uint64_t seed)
      : regions_(regions),
        owners_(std::move(owners)),
        shards_(shards),
        load_(shards, 0),
        rows_(shards, 0),
        load_all_(std::max<std::uint64_t>(1, sum(regions.load))),
        rows_all_(std::max<std::uint64_t>(1, sum(regions.rows))),
        prng_(seed) {
    for (std::size_t i = 0; i < owners_.size(); ++i) {
      load_[owners_[i]] += regions.load[i];
      rows_[owners_[i]] += regions.rows[i];
    }
  }

  Annealed run(double hottest) {
    double cost = whole_cost();
    Annealed best{cost, owners_};
    const std::size_t rounds = std::min(rounds_max, rounds_per_region * regions_.size());
    const double mean = mean_crossing();
    const double cooling = std::pow(coldest / hottest, 1.0 / static_cast<double>(rounds));
    double heat = hottest * mean;
    for (std::size_t round = 0; round < rounds; ++round, heat *= cooling) {
      const auto region = static_cast<std::uint32_t>(prng_.below(regions_.size()));
      if (regions_.load[region] == 0) continue;  // nobody would mind: it stays where it is
      const model::ShardId to = proposed(region);
      if (to == owners_[region]) continue;
      const double change = change_of(region, to);
      if (change > 0 && uniform() >= std::exp(-change / heat)) continue;
      move(region, to);
      cost += change;
      if (cost < best.cost - 1e-12) best = {cost, owners_};
    }
    return best;
  }

 private:
  static constexpr std::size_t rounds_per_region = 4'000;
  static constexpr std::size_t rounds_max = 4'000'000;
  static constexpr double coldest = 0.005;
  static constexpr double overload_cost = 10;  // for a share of the mean too much, squared
  static constexpr std::uint64_t anywhere = 16;

  double uniform() { return static_cast<double>(prng_.next() >> 11) * 0x1.0p-53; }

  // What crosses between two regions, in the mean of those that have something in common.
  [[nodiscard]] double mean_crossing() const {
    std::uint64_t crossing = 0;
    std::uint64_t pairs = 0;
    for (const auto& beside : regions_.beside) {
      for (const Beside& one : beside) crossing += one.queries;
      pairs += beside.size();
    }
    return static_cast<double>(std::max<std::uint64_t>(1, crossing)) /
           static_cast<double>(std::max<std::uint64_t>(1, pairs)) / static_cast<double>(load_all_);
  }

  // The shard of a region beside it; sometimes any, for islands.
  model::ShardId proposed(std::uint32_t region) {
    const auto& beside = regions_.beside[region];
    if (beside.empty() || prng_.below(anywhere) == 0) {
      return static_cast<model::ShardId>(prng_.below(shards_));
    }
    return owners_[beside[prng_.below(beside.size())].region];
  }

  static double above(std::uint64_t part, std::uint64_t all, std::size_t shards, double aim) {
    const double over =
        static_cast<double>(part) * static_cast<double>(shards) / static_cast<double>(all) - aim;
    return over > 0 ? overload_cost * over * over : 0;
  }
  [[nodiscard]] double load_cost(std::uint64_t load) const {
    return above(load, load_all_, shards_, load_aim);
  }
  [[nodiscard]] double rows_cost(std::uint64_t rows) const {
    return above(rows, rows_all_, shards_, rows_aim);
  }

  [[nodiscard]] double whole_cost() const {
    double cost = 0;
    std::uint64_t crossing = 0;
    for (std::uint32_t i = 0; i < regions_.size(); ++i) {
      for (const Beside& one : regions_.beside[i]) {
        if (one.region > i && owners_[one.region] != owners_[i]) crossing += one.queries;
      }
    }
    cost += static_cast<double>(crossing) / static_cast<double>(load_all_);
    for (std::size_t shard = 0; shard < shards_; ++shard) {
      cost += load_cost(load_[shard]) + rows_cost(rows_[shard]);
    }
    return cost;
  }

  [[nodiscard]] double change_of(std::uint32_t region, model::ShardId to) const {
    const model::ShardId from = owners_[region];
    double crossing = 0;
    for (const Beside& one : regions_.beside[region]) {
      const model::ShardId other = owners_[one.region];
      if (other == from) crossing += static_cast<double>(one.queries);
      if (other == to) crossing -= static_cast<double>(one.queries);
    }
    const std::uint64_t load = regions_.load[region];
    const std::uint64_t rows = regions_.rows[region];
    return crossing / static_cast<double>(load_all_) + load_cost(load_[from] - load) -
           load_cost(load_[from]) + load_cost(load_[to] + load) - load_cost(load_[to]) +
           rows_cost(rows_[from] - rows) - rows_cost(rows_[from]) + rows_cost(rows_[to] + rows) -
           rows_cost(rows_[to]);
  }

  void move(std::uint32_t region, model::ShardId to) {
    const model::ShardId from = owners_[region];
    load_[from] -= regions_.load[region];
    load_[to] += regions_.load[region];
    rows_[from] -= regions_.rows[region];
    rows_[to] += regions_.rows[region];
    owners_[region] = to;
  }

  const Regions& regions_;
  std::vector<model::ShardId> owners_;
  const std::uint32_t shards_;
  Weights load_;
  Weights rows_;
  const std::uint64_t load_all_;
  const std::uint64_t rows_all_;
  Prng prng_;
};

}  // namespace

std::vector<model::ShardId> split_at_bounds(const Regions& regions, const Weights& weight,
                                            std::uint32_t shards) {
  const std::size_t count = regions.size();
  Weights before(count + 1, 0);
  for (std::size_t i = 0; i < count; ++i) before[i + 1] = before[i] + weight[i];
  const std::size_t ranges = std::min<std::size_t>(shards, count);
  double most = load_aim * static_cast<double>(before[count]) / shards;
  std::vector<std::size_t> bounds;
  while (bounds.empty()) {
    bounds = bounds_within(regions, before, ranges, static_cast<std::uint64_t>(most) + 1);
    most *= 1.1;  // a region may be more than a shard's part
  }
  std::vector<model::ShardId> owners(count, 0);
  for (std::size_t range = 1; range < ranges; ++range) {
    for (std::size_t i = bounds[range]; i < count; ++i) {
      owners[i] = static_cast<model::ShardId>(range);
    }
  }
  return owners;
}

std::vector<model::ShardId> split_evenly(const Weights& weight, std::uint32_t shards) {
  const std::uint64_t all = std::max<std::uint64_t>(1, sum(weight));
  std::vector<model::ShardId> owners;
  std::uint64_t before = 0;
  for (const std::uint64_t one : weight) {
    // By the middle of the region.
    const std::uint64_t shard = (2 * before + one) * shards / (2 * all);
    owners.push_back(static_cast<model::ShardId>(std::min<std::uint64_t>(shard, shards - 1)));
    before += one;
  }
  return owners;
}

std::vector<model::ShardId> improve(const Regions& regions,
                                    const std::vector<model::ShardId>& owners, std::uint32_t shards,
                                    Moves moves) {
  if (shards == 1 || regions.size() < 2) return owners;
  std::optional<Annealed> best;
  for (std::uint64_t seed = 1; seed <= moves.tries; ++seed) {
    Annealed one = Annealing(regions, owners, shards, seed).run(moves.heat);
    if (!best || one.cost < best->cost) best = std::move(one);
  }
  return std::move(best->owners);
}

std::vector<model::ShardId> refined(const Regions& from, const std::vector<model::ShardId>& owners,
                                    const Regions& to) {
  std::vector<model::ShardId> out;
  for (const model::ChunkKey& first : to.first) {
    const auto after = std::upper_bound(from.first.begin(), from.first.end(), first);
    HUNT_ASSERT(after != from.first.begin());
    out.push_back(owners[static_cast<std::size_t>(after - from.first.begin()) - 1]);
  }
  return out;
}

}  // namespace hunt::shards
