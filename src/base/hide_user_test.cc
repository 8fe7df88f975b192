#include "base/hide_user.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "base/url.h"

namespace hunt {
namespace {

TEST(HideUser, leaves_of_a_url_what_is_no_secret) {
  EXPECT_EQ(hide_user("postgres://ann:secret@db/hunt"), "postgres://...@db/hunt");
  EXPECT_EQ(hide_user("http://secret@h:1"), "http://...@h:1");
  EXPECT_EQ(hide_user("nats://a:se@cr/et@h:1,i:2"), "nats://...@h:1,i:2");
}

TEST(HideUser, finds_each_url_of_a_sentence) {
  EXPECT_EQ(hide_user("not expected: \"redis://:s@h\" http://u:s@i; see ann@example.org"),
            "not expected: \"redis://...@h\" http://...@i; see ann@example.org");
  EXPECT_EQ(hide_user("--a=http://u:s@h,http://v:s@i"), "--a=http://...@i");
}

TEST(HideUser, leaves_everything_else) {
  for (const char* text : {"", "http://h:1/x", "://", "sqlite:/a@b.db", "ann@example.org",
                           "quest:4@home", "expected nats://[USER:PASSWORD@]HOST[:PORT][,…]"}) {
    EXPECT_EQ(hide_user(text), text);
  }
}

TEST(HideUser, printable_text_has_none_even_where_it_is_cut) {
  EXPECT_EQ(printable("http://u:secret@h:1"), "http://...@h:1");
  EXPECT_EQ(printable("http://u:secret@hh", 13), "http://...@hh");
  const std::string text = printable("postgres://u:" + std::string(200, 's') + "@h/x");
  EXPECT_EQ(text, "postgres://...@h/x");
}

TEST(HideUser, no_part_of_it_is_taken_for_a_port) {
  const auto server = parse_server("u:secret@h", 80);
  ASSERT_FALSE(server.has_value());
  EXPECT_EQ(server.error().message.find("secret"), std::string::npos) << server.error().message;
  const auto listen = parse_listen("u:secret@h");
  ASSERT_FALSE(listen.has_value());
  EXPECT_EQ(listen.error().message.find("secret"), std::string::npos) << listen.error().message;
}

}  // namespace
}  // namespace hunt
