#include "node/loop_watch.h"

#include <utility>

namespace hunt::node {

namespace {

constexpr auto every = std::chrono::milliseconds(5);
constexpr std::int64_t load_every_ns = 1'000'000'000;

}  // namespace

LoopWatch::LoopWatch(Lane& lane, const ports::Clock& clock, std::function<void(Load)> on_load)
    : clock_(clock), on_load_(std::move(on_load)), timer_(lane.loop()), stalls_(clock) {}

void LoopWatch::start() {
  looked_ns_ = turned_ns_ = clock_.now_ns();
  cpu_ns_ = clock_.thread_cpu_ns();
  starved_ns_ = clock_.thread_starved_ns();
  wait();
}

void LoopWatch::wait() {
  timer_.expires_after(every);
  stalls_.expect(clock_.now_ns() + std::chrono::nanoseconds(every).count());
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    look();
    wait();
  });
}

void LoopWatch::look() {
  const std::int64_t now_ns = clock_.now_ns();
  lag_ns_ = (3 * lag_ns_ + stalls_.came(now_ns)) / 4;
  turned_ns_ = now_ns;
  const std::int64_t passed_ns = now_ns - looked_ns_;
  if (passed_ns < load_every_ns) return;
  const std::int64_t cpu_ns = clock_.thread_cpu_ns();
  const std::int64_t starved_ns = clock_.thread_starved_ns();
  on_load_({static_cast<double>(cpu_ns - cpu_ns_) / static_cast<double>(passed_ns),
            static_cast<double>(starved_ns - starved_ns_) / static_cast<double>(passed_ns),
            stalls_.longest_ns(now_ns)});
  looked_ns_ = now_ns;
  cpu_ns_ = cpu_ns;
  starved_ns_ = starved_ns;
}

}  // namespace hunt::node
