#include "base/percent.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace hunt {
namespace {

TEST(Percent, escapes_all_that_a_part_of_a_url_may_not_hold) {
  EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percent_encode("a b/c?d=e&f%"), "a%20b%2Fc%3Fd%3De%26f%25");
  EXPECT_EQ(percent_encode("\xC3\xA4\n"), "%C3%A4%0A");
  std::string out = "x";
  append_percent_encoded(out, "/a b/", "/");
  EXPECT_EQ(out, "x/a%20b/");
}

TEST(Percent, comes_back_whatever_it_was) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  std::string back;
  EXPECT_EQ(percent_decode(percent_encode(all), back), std::string_view::npos);
  EXPECT_EQ(back, all);
}

}  // namespace
}  // namespace hunt
