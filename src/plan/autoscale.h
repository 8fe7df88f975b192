// rehearse(): a rush against Kubernetes' autoscaler, second by second: where does it fall behind?
//
// Not a cluster: nodes are always there, pods take the time that they are given, and share the load
// evenly. The autoscaler is what the documentation of HorizontalPodAutoscaler (autoscaling/v2) says
// of it: every `sync_s` it wants ceil(pods * measured / target), unless that is within the
// tolerance of now; pods that are not measured yet count as idle where it would go up; policies
// bound each step, and it goes down to the most that it wanted within a window. What the pods
// cannot take waits (as in HUNT_POS), and is taken first. Pure; units: positions, seconds, pods.
#pragma once
#include <cstdint>
#include <vector>

namespace hunt::plan {

// Positions per second: `base`, then straight up to `peak` within `ramp_s`, where it stays, and
// back in the same time.
struct Rush {
  double base = 0;
  double peak = 0;
  int before_s = 120;
  int ramp_s = 120;
  int peak_s = 600;

  [[nodiscard]] int length_s() const noexcept { return 2 * before_s + 2 * ramp_s + peak_s; }
  [[nodiscard]] double at(int second) const noexcept;
};

struct Pod {
  double per_second = 0;  // positions that it can take, all of its CPU used
  int start_s = 10;       // from wanted to ready
};

enum class Signal : std::uint8_t {
  cpu,  // the share of the requested CPU that is used: `target`
  lag,  // positions that wait: `lag_per_pod`
};

// Defaults as deploy/kubernetes/base/serve/scaling.yaml has them, and Kubernetes where that says
// nothing.
struct Autoscaler {
  Signal signal = Signal::cpu;
  double target = 0.6;
  double lag_per_pod = 0;
  int pods_min = 10;
  int pods_max = 50;
  double tolerance = 0.1;
  int sync_s = 15;
  int measured_s = 15;  // what it sees is the average of so long, and known at its end
  double up_share = 1.0;
  int up_pods = 10;
  int up_period_s = 15;
  double down_share = 0.1;
  int down_period_s = 60;
  int down_window_s = 600;
};

struct Second {
  double load = 0;
  double capacity = 0;  // of pods that are ready
  double waiting = 0;   // at its end
  int pods = 0;         // wanted, ready or not
};

struct Course {
  std::vector<Second> seconds;
  int behind_s = 0;        // seconds at whose end positions wait
  double waiting_max = 0;  // positions
  double wait_max_s = 0;   // until what waits would be taken by the pods of that moment
  int pods_most = 0;
  bool is_capped = false;  // it wanted more than pods_max
};

// Requires: per_second > 0, 0 < pods_min <= pods_max, target > 0, and lag_per_pod > 0 of lag.
[[nodiscard]] Course rehearse(const Rush& rush, const Pod& pod, const Autoscaler& autoscaler);

// Those that a peak may need: far above what one cluster has.
inline constexpr int pods_rehearsed_max = 100'000;

// The pods_min with which nothing ever waits, and with one less something does, all else as it is;
// and pods_max is raised where even that is not enough. Requires: the peak needs no more than
// pods_rehearsed_max.
[[nodiscard]] int pods_to_begin_with(const Rush& rush, const Pod& pod, Autoscaler autoscaler);

// Pods that take so much with all of their CPU.
[[nodiscard]] int pods_for(double load, const Pod& pod) noexcept;

}  // namespace hunt::plan
