// By which names a request may call this server, and which pages may ask it.
#include "adapters/http/hosts.h"

#include <gtest/gtest.h>

namespace hunt::http {
namespace {

using Verdict = Hosts::Verdict;

TEST(Hosts, on_loopback_are_its_own_names_whatever_case_dot_or_port) {
  const Hosts hosts(true, "box", {});
  for (const auto* name :
       {"localhost", "LOCALHOST:8080", "localhost.", "localhost:", "127.0.0.1", "127.0.0.1:1",
        "127.255.0.9:65535", "[::1]", "[::1]:8080", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"}) {
    EXPECT_EQ(hosts.check(name), Verdict::ours) << name;
  }
  for (const auto* name :
       {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.evil.example",
        "box", "192.0.2.1", "0.0.0.0", "[2001:db8::1]", "127.1", "0x7f.0.0.1", "2130706433",
        "127.0.0.01", "localhost..", "notlocalhost"}) {
    EXPECT_EQ(hosts.check(name), Verdict::foreign) << name;
  }
  for (const auto* name :
       {"", ":80", "localhost:80:80", "localhost:http", "localhost:65536", "localhost:-1",
        "user@localhost", "local host", "localhost/", "::1", "[::1", "[::1]x", "[::1%lo]",
        "[localhost]", "http://localhost", "localhost,evil.example", "."}) {
    EXPECT_EQ(hosts.check(name), Verdict::malformed) << name;
  }
}

TEST(Hosts, elsewhere_are_addresses_the_machine_and_what_is_allowed) {
  const Hosts hosts(false, "Box", {"hunt.example"});
  for (const auto* name :
       {"192.0.2.1:8080", "[2001:db8::1]", "127.0.0.1", "localhost", "box", "HUNT.example.:443"}) {
    EXPECT_EQ(hosts.check(name), Verdict::ours) << name;
  }
  for (const auto* name : {"evil.example", "x.hunt.example", "hunt.example.evil", "box.evil"}) {
    EXPECT_EQ(hosts.check(name), Verdict::foreign) << name;
  }
}

TEST(Hosts, let_only_pages_ask_that_were_loaded_from_here) {
  const Hosts hosts(true, "box", {"hunt.example"});
  EXPECT_TRUE(hosts.is_own_page("http://localhost:8080", "localhost:8080"));
  EXPECT_TRUE(hosts.is_own_page("http://localhost", "LocalHost:80"));
  EXPECT_TRUE(hosts.is_own_page("http://[::1]:1", "[::1]:1"));
  EXPECT_TRUE(hosts.is_own_page("https://hunt.example", "127.0.0.1:8080")) << "behind a proxy";
  for (const auto* origin :
       {"null", "http://evil.example", "http://localhost:3000", "https://localhost:8080",
        "http://127.0.0.1:8080", "file://", "http://localhost:8080.evil.example",
        "http://hunt.example.evil", "http://hunt.example:3000", "http://localhost:8080/"}) {
    EXPECT_FALSE(hosts.is_own_page(origin, "localhost:8080")) << origin;
  }
}

TEST(Hosts, take_names_and_addresses_to_allow) {
  EXPECT_EQ(*allowed_host("Hunt.Example."), "hunt.example");
  EXPECT_EQ(*allowed_host("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(*allowed_host("::1"), "::1");
  EXPECT_EQ(*allowed_host("[2001:DB8::1]"), "2001:db8::1");
  for (const auto* text : {"", "*", "hunt.example:80", "http://hunt.example", "a b", "[::1]:80"}) {
    const auto result = allowed_host(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().field, "allow-host");
  }
}

}  // namespace
}  // namespace hunt::http
