#include "node/store_url.h"

#include <gtest/gtest.h>

namespace hunt::node {
namespace {

TEST(StoreUrl, says_which_kind_of_store_it_is_and_shows_no_password) {
  const auto file = StoreUrl::parse("sqlite:/data/hunt.db");
  ASSERT_TRUE(file.has_value());
  ASSERT_NE(file->sqlite_path(), nullptr);
  EXPECT_EQ(*file->sqlite_path(), "/data/hunt.db");
  EXPECT_EQ(file->shown(), "sqlite:/data/hunt.db");
  EXPECT_EQ(*file, StoreUrl::sqlite("/data/hunt.db"));
  const auto server = StoreUrl::parse("postgresql://me:secret@h:1/d");
  ASSERT_TRUE(server.has_value());
  EXPECT_NE(server->postgres(), nullptr);
  EXPECT_EQ(server->sqlite_path(), nullptr);
  EXPECT_EQ(server->shown(), "postgres://h:1/d");
  EXPECT_EQ(StoreUrl::parse("postgres://h:1/d?user=me&password=secret").value().shown(),
            "postgres://h:1/d");
}

TEST(StoreUrl, refuses_what_is_no_store_without_repeating_secrets) {
  for (const char* url : {"", "hunt.db", "sqlite:", "sqlite::memory:", "sqlite:file:x",
                          "sqlite://h/x", "mysql://me:p4ss@h", "postgres://me:p4ss@h:x/d",
                          "postgres://me:p4ss@h", "host=h password=p4ss:x dbname=d",
                          "postgres://h?password=p4ss", "postgres://h/d?password=p4ss&p4ss",
                          "mysql://h?password=p4ss", "sqlite://h/x?password=p4ss"}) {
    const auto parsed = StoreUrl::parse(url);
    ASSERT_FALSE(parsed.has_value()) << url;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_EQ(parsed.error().field, "store");
    EXPECT_EQ(parsed.error().message.find("p4ss"), std::string::npos) << parsed.error().message;
  }
}

TEST(StoreUrl, several_are_servers_each_given_once) {
  const auto a = StoreUrl::parse("postgres://h/a").value();
  const auto b = StoreUrl::parse("postgres://h/b").value();
  const auto file = StoreUrl::sqlite("hunt.db");
  EXPECT_TRUE(check_stores({file}).has_value());
  EXPECT_TRUE(check_stores({a, b}).has_value());
  EXPECT_FALSE(check_stores({a, file}).has_value());
  EXPECT_FALSE(check_stores({a, b, a}).has_value());
  EXPECT_EQ(shown_stores({a, b}), "postgres://h:5432/a, postgres://h:5432/b");
}

}  // namespace
}  // namespace hunt::node
