// Lines of a header that every parser reads alike.
#include "adapters/http/header_lines.h"

#include <gtest/gtest.h>

#include <string>

namespace hunt::http {
namespace {

// What is wrong, fed whole and byte by byte.
std::string wrong_with(std::string_view text) {
  HeaderLines whole(1'000);
  const std::string said(whole.feed(text));
  HeaderLines slow(1'000);
  std::string slowly;
  for (std::size_t i = 0; i < text.size() && slowly.empty(); ++i) {
    slowly = slow.feed(text.substr(i, 1));
  }
  EXPECT_EQ(said, slowly) << text;
  EXPECT_EQ(whole.done(), slow.done());
  return said;
}

TEST(HeaderLines, end_with_cr_lf_and_are_not_folded) {
  EXPECT_EQ(wrong_with("GET / HTTP/1.1\r\nHost: a\r\nX: \ty\r\n\r\n\nbody\x01"), "");
  EXPECT_NE(wrong_with("GET / HTTP/1.1\nHost: a\n\n"), "");
  EXPECT_NE(wrong_with("GET / HTTP/1.1\r\nHost: a\n\r\n"), "");
  EXPECT_NE(wrong_with("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), "");
  EXPECT_NE(wrong_with("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"), "");
  EXPECT_NE(wrong_with("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"), "");
  EXPECT_NE(wrong_with(std::string("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 29)), "");
  EXPECT_NE(wrong_with("GET / HTTP/1.1\r\nX: \x7f\r\n\r\n"), "");
}

TEST(HeaderLines, have_a_bound) {
  HeaderLines lines(10);
  EXPECT_EQ(lines.feed("0123456789"), "");
  EXPECT_FALSE(lines.too_large());
  EXPECT_NE(lines.feed("x"), "");
  EXPECT_TRUE(lines.too_large());
  HeaderLines small(18);
  EXPECT_EQ(small.feed("GET / HTTP/1.1\r\n\r\n and what follows is the body's"), "");
  EXPECT_TRUE(small.done());
}

}  // namespace
}  // namespace hunt::http
