#include "service/stall_meter.h"

#include <gtest/gtest.h>

namespace hunt::service {
namespace {

constexpr std::int64_t ms_ns = 1'000'000;

class SetClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return 0; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return 0; }
  [[nodiscard]] std::int64_t thread_cpu_ns() const noexcept override { return cpu_ns; }
  [[nodiscard]] std::int64_t thread_starved_ns() const noexcept override { return starved_ns; }
  std::int64_t cpu_ns = 0;
  std::int64_t starved_ns = 0;
};

TEST(StallMeter, standing_still_is_neither_work_nor_a_wait_for_a_core) {
  SetClock clock;
  StallMeter meter(clock);
  meter.expect(100 * ms_ns);
  EXPECT_EQ(meter.came(100 * ms_ns), 0);
  meter.expect(105 * ms_ns);
  clock.cpu_ns += 400 * ms_ns;
  clock.starved_ns += 500 * ms_ns;
  EXPECT_GT(meter.came(1'005 * ms_ns), 890 * ms_ns);
  EXPECT_EQ(meter.longest_ns(1'005 * ms_ns), 0);
  meter.expect(1'010 * ms_ns);
  EXPECT_GT(meter.late_ns(1'500 * ms_ns), 480 * ms_ns) << "the one that is due";
  static_cast<void>(meter.came(2'010 * ms_ns));
  EXPECT_GT(meter.longest_ns(2'010 * ms_ns), 990 * ms_ns);
  EXPECT_EQ(meter.longest_ns(13'000 * ms_ns), 0);
}

}  // namespace
}  // namespace hunt::service
