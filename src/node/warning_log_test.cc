#include "node/warning_log.h"

#include <gtest/gtest.h>

namespace hunt::node {
namespace {

using Lines = std::vector<std::string>;
constexpr std::int64_t second = 1'000'000'000;

Lines look(WarningLog& log, const std::vector<service::Warning>& now, std::int64_t now_ns) {
  Lines lines;
  for (const auto& event : log.look(now, now_ns)) lines.push_back(event.message);
  return lines;
}

TEST(WarningLog, says_that_a_trouble_begins_and_lasts_and_is_over) {
  WarningLog log;
  EXPECT_EQ(look(log, {}, 0), Lines{});
  EXPECT_EQ(look(log, {{"store", "refuses for 0 s"}}, second), Lines{"refuses for 0 s"});
  EXPECT_EQ(look(log, {{"store", "refuses for 5 s"}}, 6 * second), Lines{}) << "it was said";
  EXPECT_EQ(look(log, {{"store", "refuses for 60 s"}}, 61 * second), Lines{"refuses for 60 s"});
  EXPECT_EQ(look(log, {}, 61 * second + 1), Lines{}) << "it may be back at once";
  const Lines over{"store: it is over", "all is as it should be again"};
  EXPECT_EQ(look(log, {}, 63 * second), over);
  EXPECT_EQ(look(log, {}, 64 * second), Lines{});
}

TEST(WarningLog, tells_troubles_apart) {
  WarningLog log;
  EXPECT_EQ(look(log, {{"a", "A"}, {"b", "B"}}, 0), (Lines{"A", "B"}));
  EXPECT_EQ(look(log, {{"b", "B"}}, 2 * second), Lines{"a: it is over"});
}

TEST(WarningLog, writes_a_line_in_ten_seconds_of_what_comes_and_goes) {
  WarningLog log;
  std::size_t lines = 0;
  for (std::int64_t ns = 0; ns < 100 * second; ns += second / 4) {
    const bool bad = (ns / second) % 4 == 0;
    lines +=
        look(log, bad ? std::vector<service::Warning>{{"a", "A"}} : std::vector<service::Warning>{},
             ns)
            .size();
  }
  EXPECT_LE(lines, 3 * 10U) << "it begins, it is over, all is well: in ten seconds once";
  EXPECT_GE(lines, 20U);
}

}  // namespace
}  // namespace hunt::node
