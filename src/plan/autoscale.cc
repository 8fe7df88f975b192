#include "plan/autoscale.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

#include "base/result.h"

namespace hunt::plan {

namespace {

// Less than this is the rounding of numbers.
constexpr double nothing = 1e-6;

// More than anybody has is as good as this.
constexpr double counted_max = 1e9;

int rounded_up(double pods) noexcept {
  return static_cast<int>(std::min(std::ceil(pods - nothing), counted_max));
}

// The pods, by when each was wanted, and what the autoscaler remembers.
class Cluster {
 public:
  Cluster(const Pod& pod, const Autoscaler& autoscaler) : pod_(pod), scaler_(autoscaler) {
    wanted_at_.assign(static_cast<std::size_t>(autoscaler.pods_min),
                      -pod.start_s - autoscaler.measured_s);
  }

  [[nodiscard]] int pods() const noexcept { return static_cast<int>(wanted_at_.size()); }
  [[nodiscard]] int ready(int now) const noexcept { return older_than(now, pod_.start_s); }
  [[nodiscard]] bool is_capped() const noexcept { return is_capped_; }

  // What was used of the pods that are ready, as a share of their CPU.
  void saw(double used) {
    used_.push_back(used);
    if (std::cmp_greater(used_.size(), scaler_.measured_s)) used_.pop_front();
  }

  void sync(int now, double waiting) {
    const int now_pods = pods();
    int wanted = scaler_.signal == Signal::cpu ? wanted_by_cpu(now) : wanted_by_lag(waiting);
    is_capped_ = is_capped_ || wanted > scaler_.pods_max;
    wanted = std::clamp(wanted, scaler_.pods_min, scaler_.pods_max);
    recommended_.emplace_back(now, wanted);
    while (recommended_.front().first <= now - scaler_.down_window_s) recommended_.pop_front();
    if (wanted < now_pods) {
      for (const auto& [at, pods] : recommended_) wanted = std::max(wanted, pods);
      wanted = std::max(std::min(wanted, now_pods), least(now));
    }
    if (wanted > now_pods) wanted = std::min(wanted, most(now));
    if (wanted == now_pods) return;
    const int period_s = std::max(scaler_.up_period_s, scaler_.down_period_s);
    while (!changes_.empty() && changes_.front().first <= now - period_s) changes_.pop_front();
    changes_.emplace_back(now, wanted - now_pods);
    // Those that were wanted last go first.
    wanted_at_.resize(static_cast<std::size_t>(wanted), now);
  }

 private:
  [[nodiscard]] int older_than(int now, int age_s) const noexcept {
    const auto end = std::upper_bound(wanted_at_.begin(), wanted_at_.end(), now - age_s);
    return static_cast<int>(end - wanted_at_.begin());
  }
  [[nodiscard]] bool is_near(double ratio) const noexcept {
    return std::abs(ratio - 1) <= scaler_.tolerance;
  }

  [[nodiscard]] int wanted_by_cpu(int now) const {
    const int measured = older_than(now, pod_.start_s + scaler_.measured_s);
    const int not_yet = pods() - measured;
    if (measured == 0 || used_.empty()) return pods();
    double used = 0;
    for (const double one : used_) used += one / static_cast<double>(used_.size());
    const double ratio = used / scaler_.target;
    if (not_yet == 0 || ratio <= 1) return is_near(ratio) ? pods() : rounded_up(ratio * measured);
    const double damped = ratio * measured / pods();  // the others as if they were idle
    if (is_near(damped) || damped < 1) return pods();
    return std::max(rounded_up(damped * pods()), pods());
  }
  [[nodiscard]] int wanted_by_lag(double waiting) const {
    return is_near(waiting / (scaler_.lag_per_pod * pods()))
               ? pods()
               : rounded_up(waiting / scaler_.lag_per_pod);
  }

  // Of what changed within the last period, in one direction.
  [[nodiscard]] int changed(int now, int period_s, bool up) const {
    int sum = 0;
    for (const auto& [at, by] : changes_)
      if (at > now - period_s && (by > 0) == up) sum += by;
    return sum;
  }
  [[nodiscard]] int most(int now) const {
    const int begin = pods() - changed(now, scaler_.up_period_s, true);
    return std::max(rounded_up(begin * (1 + scaler_.up_share)), begin + scaler_.up_pods);
  }
  [[nodiscard]] int least(int now) const {
    const int begin = pods() - changed(now, scaler_.down_period_s, false);
    return static_cast<int>(begin * (1 - scaler_.down_share) + nothing);
  }

  const Pod& pod_;
  const Autoscaler& scaler_;
  std::vector<int> wanted_at_;  // in that order
  std::deque<double> used_;
  std::deque<std::pair<int, int>> recommended_;  // when, and how many
  std::deque<std::pair<int, int>> changes_;      // of the last periods: when, and by how many
  bool is_capped_ = false;
};

}  // namespace

double Rush::at(int second) const noexcept {
  const int up = second - before_s;
  const int down = up - ramp_s - peak_s;
  if (up < 0 || down >= ramp_s) return base;
  if (up < ramp_s) return base + (peak - base) * up / ramp_s;
  return down < 0 ? peak : peak - (peak - base) * down / ramp_s;
}

int pods_for(double load, const Pod& pod) noexcept {
  return std::max(1, rounded_up(load / pod.per_second));
}

Course rehearse(const Rush& rush, const Pod& pod, const Autoscaler& autoscaler) {
  HUNT_ASSERT(pod.per_second > 0 && autoscaler.target > 0);
  HUNT_ASSERT(autoscaler.pods_min > 0 && autoscaler.pods_min <= autoscaler.pods_max);
  HUNT_ASSERT(autoscaler.signal == Signal::cpu || autoscaler.lag_per_pod > 0);
  Cluster cluster(pod, autoscaler);
  Course course;
  double waiting = 0;
  for (int now = 0; now < rush.length_s(); ++now) {
    if (now > 0 && now % autoscaler.sync_s == 0) cluster.sync(now, waiting);
    const double load = rush.at(now);
    const double capacity = cluster.ready(now) * pod.per_second;
    const double taken = std::min(waiting + load, capacity);
    waiting = std::max(0.0, waiting + load - taken);
    cluster.saw(capacity > 0 ? taken / capacity : 1);
    course.seconds.push_back({load, capacity, waiting, cluster.pods()});
    course.pods_most = std::max(course.pods_most, cluster.pods());
    if (waiting <= nothing * rush.peak) continue;
    ++course.behind_s;
    course.waiting_max = std::max(course.waiting_max, waiting);
    if (capacity > 0) course.wait_max_s = std::max(course.wait_max_s, waiting / capacity);
  }
  course.is_capped = cluster.is_capped();
  return course;
}

int pods_to_begin_with(const Rush& rush, const Pod& pod, Autoscaler autoscaler) {
  int enough = pods_for(rush.peak, pod);
  HUNT_ASSERT(enough <= pods_rehearsed_max);
  autoscaler.pods_max = std::max(autoscaler.pods_max, 2 * enough);
  int too_few = 0;
  while (enough - too_few > 1) {
    autoscaler.pods_min = too_few + (enough - too_few) / 2;
    const bool waits = rehearse(rush, pod, autoscaler).behind_s > 0;
    (waits ? too_few : enough) = autoscaler.pods_min;
  }
  return enough;
}

}  // namespace hunt::plan
