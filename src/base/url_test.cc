#include "base/url.h"

#include <gtest/gtest.h>

namespace hunt {
namespace {

TEST(Url, knows_each_scheme_and_what_is_behind_it) {
  EXPECT_EQ(split_url("nats+tls://a:1,b").scheme, Scheme::nats_tls);
  EXPECT_EQ(split_url("nats+tls://a:1,b").rest, "a:1,b");
  EXPECT_EQ(split_url("sqlite:/x.db").rest, "/x.db");
  EXPECT_EQ(split_url("postgresql://h/d").scheme, Scheme::postgres);
  EXPECT_EQ(split_url("none:").scheme, Scheme::none);
  EXPECT_EQ(split_url("inproc:").scheme, Scheme::inproc);
  for (const char* other : {"", "none:x", "inproc", "NATS://a", "mysql://h", "sqlite"}) {
    EXPECT_EQ(split_url(other).scheme, Scheme::other) << other;
    EXPECT_EQ(split_url(other).rest, other);
  }
  EXPECT_EQ(prefix_of(Scheme::redis_cluster), "redis-cluster://");
  EXPECT_EQ(prefix_of(Scheme::other), "");
}

TEST(Url, reads_a_server_with_and_without_a_port) {
  EXPECT_EQ(parse_server("a", 7), (HostPort{"a", 7}));
  EXPECT_EQ(parse_server("a:1", 7), (HostPort{"a", 1}));
  EXPECT_EQ(parse_server("[::1]", 7), (HostPort{"::1", 7}));
  EXPECT_EQ(parse_server("[::1]:65535", 7)->shown(), "[::1]:65535");
  for (const char* bad : {"", ":1", "[]:1", "[::1", "[::1]1", "::1", "::1:80", "a:", "a:0", "a:x",
                          "a:65536", "a b", "a/b:1", "u@a:1"}) {
    EXPECT_FALSE(parse_server(bad, 7).has_value()) << bad;
  }
}

TEST(Url, does_not_quote_a_password_that_stands_where_a_port_belongs) {
  for (const char* forgotten : {"ann:secret", "ann:77777777", "[::1]:secret", "ann:sec:ret"}) {
    for (const auto& parsed : {parse_server(forgotten, 7), parse_listen(forgotten)}) {
      ASSERT_FALSE(parsed.has_value()) << forgotten;
      EXPECT_EQ(parsed.error().message.find("ret"), std::string::npos) << parsed.error().message;
      EXPECT_EQ(parsed.error().message.find("7777"), std::string::npos) << parsed.error().message;
    }
  }
}

TEST(Url, listens_on_a_port_that_is_named_or_any) {
  EXPECT_EQ(parse_listen("127.0.0.1:0"), (HostPort{"127.0.0.1", 0}));
  EXPECT_EQ(parse_listen("[::1]:80"), (HostPort{"::1", 80}));
  EXPECT_EQ(parse_listen("::1:80"), (HostPort{"::1", 80}));
  for (const char* bad : {"", "nowhere", "[::1]", ":80", "a:99999", "a:-1"}) {
    EXPECT_FALSE(parse_listen(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace hunt
