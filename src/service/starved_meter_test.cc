#include "service/starved_meter.h"

#include <gtest/gtest.h>

namespace hunt::service {
namespace {

constexpr std::int64_t ms = 1'000'000;

class FakeClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return 0; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return 0; }
  [[nodiscard]] std::int64_t thread_starved_ns() const noexcept override {
    ++readings;
    return starved_ns;
  }
  std::int64_t starved_ns = 0;
  mutable int readings = 0;
};

TEST(StarvedMeter, tells_of_each_wait_how_much_of_it_was_for_a_core) {
  FakeClock clock;
  StarvedMeter meter(clock);
  for (std::int64_t at = 0; at <= 100 * ms; at += 5 * ms) meter.read(at);
  EXPECT_EQ(meter.since(40 * ms, 101 * ms), 0);
  clock.starved_ns += 30 * ms;  // from 101 to 131
  EXPECT_EQ(meter.since(101 * ms, 132 * ms), 30 * ms);
  EXPECT_EQ(meter.since(110 * ms, 132 * ms), 22 * ms) << "no more than all of it";
  EXPECT_EQ(meter.since(50 * ms, 132 * ms), 30 * ms);
  meter.read(135 * ms);
  meter.read(140 * ms);
  EXPECT_EQ(meter.since(135 * ms, 141 * ms), 0) << "over before it began";
}

TEST(StarvedMeter, reads_only_where_it_could_matter) {
  FakeClock clock;
  StarvedMeter meter(clock);
  meter.read(0);
  clock.readings = 0;
  for (std::int64_t i = 0; i < 1'000; ++i) {
    EXPECT_EQ(meter.since(10 * ms + i, 10 * ms + i + 100'000), 0);
  }
  EXPECT_EQ(clock.readings, 0) << "short waits";
  for (std::int64_t i = 0; i < 1'000; ++i) static_cast<void>(meter.since(0, 10 * ms + i));
  EXPECT_EQ(clock.readings, 1) << "many at once";
}

TEST(StarvedMeter, forgets_what_is_further_back_than_its_readings) {
  FakeClock clock;
  StarvedMeter meter(clock);
  EXPECT_EQ(meter.since(0, 50 * ms), 0) << "no reading from before";
  clock.starved_ns = 500 * ms;
  for (std::int64_t i = 1; i <= 300; ++i) meter.read(50 * ms + i * 5 * ms);
  EXPECT_EQ(meter.since(0, 1'560 * ms), 0);
}

}  // namespace
}  // namespace hunt::service
