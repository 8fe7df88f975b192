// What the observer says of relays: nothing while they are heard.
#include "service/observer.h"

#include <gtest/gtest.h>

#include "model/limits.h"

namespace hunt::service {
namespace {

class ManualClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return now_ns_; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return now_ns_ / 1'000; }
  std::int64_t now_ns_ = 5'000'000'000;
};

TEST(Observer, warns_of_a_silent_relay_until_it_is_heard) {
  ManualClock clock;
  Observer observer(clock, 1, {"0.1.0", "sqlite:x", 2, false});
  EXPECT_EQ(observer.warning(), "");
  clock.now_ns_ += limits::feed_silence_ns;
  EXPECT_EQ(observer.warning(), "") << "it may still come";
  observer.heard_relay(0);
  clock.now_ns_ += 1'000'000'000;
  EXPECT_NE(observer.warning().find("no relay of shard 1 is heard for 4 s"), std::string::npos)
      << observer.warning();
  EXPECT_NE(observer.warning().find("hunt relay"), std::string::npos);
  EXPECT_EQ(observer.stats().warning, observer.warning());
  EXPECT_EQ(observer.why().warning, observer.warning());
  EXPECT_EQ(observer.stats().relay_silence_ns, limits::feed_silence_ns + 1'000'000'000);
  observer.set_trouble("the bus is gone");
  EXPECT_EQ(observer.warning(), "the bus is gone");
  observer.set_trouble("");
  observer.heard_relay(1);
  observer.heard_relay(7);  // of a shard that has no store here
  EXPECT_EQ(observer.warning(), "");
}

TEST(Observer, has_nothing_to_say_of_relays_that_nobody_listens_to) {
  ManualClock clock;
  const Observer observer(clock, 1, {});
  clock.now_ns_ += 60'000'000'000;
  EXPECT_EQ(observer.warning(), "");
  EXPECT_EQ(observer.stats().relay_silence_ns, 0);
}

}  // namespace
}  // namespace hunt::service
