#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace hunt {
namespace {

TEST(Utf8, a_plain_line_is_what_people_write_on_one_line) {
  for (const std::string text : {"", "crown drops twice", "Krone f\xc3\xa4llt doppelt",
                                 "\xe7\x8e\x8b\xe5\x86\xa0", "\xf0\x9f\x91\x91", "\xc2\xa0"}) {
    EXPECT_TRUE(is_plain_line(text)) << text;
  }
  for (const std::string text : {"a\nb", "\x1b[31m", "\x7f", "\xc2\x85", "\xe2\x80\xa8",
                                 "\xe2\x80\xa9", "\xff", "f\xc3", "\xc0\xaf", "\xed\xa0\x80"}) {
    EXPECT_FALSE(is_plain_line(text)) << text;
  }
  EXPECT_FALSE(is_plain_line(std::string(1, '\0')));
}

}  // namespace
}  // namespace hunt
