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

TEST(HideUser, leaves_of_the_parameters_of_a_url_what_is_no_secret) {
  EXPECT_EQ(hide_user("postgres://h/db?user=ann&password=secret&sslmode=require"),
            "postgres://h/db?user=ann&password=...&sslmode=require");
  EXPECT_EQ(hide_user("postgres://h/db?sslpassword=secret"), "postgres://h/db?sslpassword=...");
  EXPECT_EQ(hide_user("nats://h:4222?TOKEN=secret&a=b"), "nats://h:4222?TOKEN=...&a=b");
  EXPECT_EQ(hide_user("redis://h?passwd=secret"), "redis://h?passwd=...");
  EXPECT_EQ(hide_user("postgres://h/db?pass%77ord=secret"), "postgres://h/db?pass%77ord=...");
  EXPECT_EQ(hide_user("postgres://u:s@h/db?password=secret"), "postgres://...@h/db?password=...");
  EXPECT_EQ(hide_user("\"4222?token=secret\" is no port"), "\"4222?token=...\" is no port");
  EXPECT_EQ(hide_user("(see \"http://h/?access_token=secret\"), or not"),
            "(see \"http://h/?access_token=...\"), or not");
}

TEST(HideUser, finds_secrets_that_are_in_no_url) {
  EXPECT_EQ(hide_user("host=h password=secret dbname=d"), "host=h password=... dbname=d");
  EXPECT_EQ(hide_user(R"(password='se \' cret' host=h)"), "password=... host=h");
  EXPECT_EQ(hide_user("password=se&cret host=h"), "password=... host=h");
  EXPECT_EQ(hide_user("not expected: --admin-token=secret"), "not expected: --admin-token=...");
  EXPECT_EQ(hide_user("PGPASSWORD=secret hunt serve"), "PGPASSWORD=... hunt serve");
}

TEST(HideUser, hides_rather_too_much_where_a_secret_was_not_escaped) {
  for (const char* text :
       {"postgres://h/db?password=7@7@7", "postgres://h/db?password=7&7@7&sslmode=require",
        "postgres://u:7?token=7@h/db", "postgres://u:7?token=7@h/db?password=7",
        "postgres://h/db?password=7\"7'7", "postgres://h/a?password=7,7,postgres://h/b",
        "'postgres://h/db?password==7=7'", "a=b=c?password=7"}) {
    const std::string shown = hide_user(text);
    EXPECT_EQ(shown.find('7'), std::string::npos) << text << " -> " << shown;
    EXPECT_EQ(hide_user(shown), shown);
  }
}

TEST(HideUser, shows_what_is_hidden_already_as_it_is) {
  for (const char* text : {"postgres://h/db?password=...&a=b", "http://...@h?token=...",
                           "password=... host=h", "postgres://h/db?password=..."}) {
    EXPECT_EQ(hide_user(text), text);
  }
}

TEST(HideUser, leaves_everything_else) {
  for (const char* text : {"", "http://h:1/x", "://", "sqlite:/a@b.db", "ann@example.org",
                           "quest:4@home", "expected nats://[USER:PASSWORD@]HOST[:PORT][,…]",
                           "http://h/?wait=terminal&x=1", "--admin-token-file=a", "=", "token=",
                           "unexpected token = x", "data-api+https://h?resource=a&secret=ARN"}) {
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
