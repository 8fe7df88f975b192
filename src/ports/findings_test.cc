#include "ports/findings.h"

#include <gtest/gtest.h>

namespace hunt::ports {
namespace {

constexpr std::int64_t ms = 1'000'000;

const Finding& only(const Findings& findings) {
  EXPECT_EQ(findings.all().size(), 1U);
  return findings.all().front();
}

Severity severity_of_clock(std::int64_t before_us, std::int64_t theirs_us, std::int64_t after_us) {
  Findings findings("part");
  note_clock(findings, before_us, theirs_us, after_us);
  return only(findings).severity;
}

Severity severity_of_round_trips(std::vector<std::int64_t> took_ns) {
  Findings findings("part");
  note_round_trips(findings, std::move(took_ns), 100 * ms);
  return only(findings).severity;
}

// Time that goes on by so much at each look.
class StepClock final : public Clock {
 public:
  explicit StepClock(std::int64_t step_ns) : step_ns_(step_ns) {}
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return now_ns_ += step_ns_; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return 0; }

 private:
  std::int64_t step_ns_;
  mutable std::int64_t now_ns_ = 0;
};

}  // namespace

TEST(Findings, an_error_is_what_was_found_and_after_its_last_semicolon_the_advice) {
  Findings findings("postgres://h:1/d");
  findings.failure({Errc::unauthorized, "h: refused; twice; check the password", {}});
  EXPECT_EQ(only(findings).subject, "postgres://h:1/d");
  EXPECT_EQ(only(findings).found, "h: refused; twice");
  EXPECT_EQ(only(findings).advice, "check the password");
}

TEST(Findings, a_clock_is_judged_by_what_it_is_off_for_sure) {
  EXPECT_EQ(severity_of_clock(0, 1'000, 2'000), Severity::ok);
  EXPECT_EQ(severity_of_clock(0, 400'000, 0), Severity::ok);
  EXPECT_EQ(severity_of_clock(0, 600'000, 0), Severity::warning);
  EXPECT_EQ(severity_of_clock(2'000'000, 0, 2'000'000), Severity::failure);
  // A round trip of a second hides half of one.
  EXPECT_EQ(severity_of_clock(0, 900'000, 1'000'000), Severity::ok);
}

TEST(Findings, round_trips_are_judged_by_their_median) {
  EXPECT_EQ(severity_of_round_trips({ms, ms, 900 * ms}), Severity::ok);
  EXPECT_EQ(severity_of_round_trips({6 * ms, 6 * ms, ms}), Severity::warning);
  EXPECT_EQ(severity_of_round_trips({495 * ms}), Severity::failure);
  EXPECT_EQ(severity_of_round_trips({}), Severity::failure);
}

TEST(Findings, round_trips_are_timed_twenty_times_or_for_two_seconds) {
  const auto again = [] { return true; };
  EXPECT_EQ(time_round_trips(StepClock(ms), again).size(), 20U);
  EXPECT_EQ(time_round_trips(StepClock(495 * ms), again).size(), 5U);
  EXPECT_TRUE(time_round_trips(StepClock(ms), [] { return false; }).empty());
}

TEST(Findings, sizes_are_shown_in_the_unit_that_fits) {
  EXPECT_EQ(shown_bytes(512), "512 bytes");
  EXPECT_EQ(shown_bytes(1'536), "1.5 KiB");
  EXPECT_EQ(shown_bytes(std::uint64_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(shown_ms(310'000), "0.31 ms");
  EXPECT_EQ(shown_ms(495'000'000), "495 ms");
}

}  // namespace hunt::ports
