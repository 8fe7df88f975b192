// What a lane may answer by itself, and what it must not.
#include "adapters/http/hot_head.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/testing/count_allocations.h"

namespace hunt::http {
namespace {

constexpr std::size_t header_bytes_max = 8 * 1'024;
constexpr std::string_view line = "POST /v1/positions HTTP/1.1\r\n";
constexpr std::string_view host = "Host: hunt.example:8080\r\n";
constexpr std::string_view token = "Authorization: Bearer game-secret\r\n";

using Kind = HotHead::Kind;

HotHead head() {
  return {{"hunt.example:8080", "Bearer game-secret", ""}, header_bytes_max};
}

std::string request(std::string_view body, std::string_view fields = {},
                    std::string_view first = line) {
  return fmt::format("{}{}{}Content-Length: {}\r\n{}\r\n{}", first, host, token, body.size(),
                     fields, body);
}

TEST(HotHead, finds_the_request_and_what_follows_it) {
  HotHead hot = head();
  const std::string one = request("{}");
  const std::string two =
      request(R"({"world":1,"positions":[]})", "", "POST /v1/positions?wait=terminal HTTP/1.1\r\n");
  const std::string both = one + two;
  for (int i = 0; i < 3; ++i) {  // parsed, compared, parsed again after another one
    auto look = hot.look(both);
    EXPECT_EQ(look.kind, Kind::hot);
    EXPECT_EQ(look.bytes, one.size());
    EXPECT_EQ(look.body, "{}");
    EXPECT_FALSE(look.terminal);
    look = hot.look(both);
    EXPECT_EQ(look.bytes, one.size());
    look = hot.look(two);
    EXPECT_EQ(look.kind, Kind::hot);
    EXPECT_EQ(look.bytes, two.size());
    EXPECT_EQ(look.body, R"({"world":1,"positions":[]})");
    EXPECT_TRUE(look.terminal);
  }
}

TEST(HotHead, waits_for_the_rest_wherever_it_is_cut) {
  for (const bool known : {false, true}) {
    HotHead hot = head();
    const std::string text = request("{1234567890}", "Accept: */*\r\n");
    if (known) {
      EXPECT_EQ(hot.look(text).kind, Kind::hot);
    }
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
      EXPECT_EQ(hot.look(text.substr(0, cut)).kind, Kind::more) << known << ' ' << cut;
    }
    EXPECT_EQ(hot.look(text).kind, Kind::hot);
  }
}

TEST(HotHead, is_strict_about_the_length_also_where_the_rest_is_known) {
  HotHead hot = head();
  const auto text = [](std::string_view length) {
    return fmt::format("{}{}{}Content-Length: {}\r\n\r\n", line, host, token, length);
  };
  EXPECT_EQ(hot.look(text("0")).kind, Kind::hot);
  for (const std::string_view wrong : {"", "-1", "+1", "01", "00", "1,1", "0x1", "1 1", "16385",
                                       "99999", "123456", "18446744073709551616"}) {
    EXPECT_EQ(hot.look(text(wrong)).kind, Kind::other) << wrong;
  }
  EXPECT_EQ(hot.look(text("16384")).kind, Kind::more);
  EXPECT_EQ(hot.look(text("7")).kind, Kind::more);
}

TEST(HotHead, leaves_everything_else_to_the_server) {
  const std::vector<std::string> others = {
      request("{}", "", "POST /v1/positions HTTP/1.0\r\n"),
      request("{}", "", "POST /v1/positions HTTP/2.0\r\n"),
      request("{}", "", "GET /v1/positions HTTP/1.1\r\n"),
      request("{}", "", "POST /v1/positions?wait=now HTTP/1.1\r\n"),
      request("{}", "", "POST /v1/positions?wait=terminal&x=1 HTTP/1.1\r\n"),
      request("{}", "", "POST /v1/positions/ HTTP/1.1\r\n"),
      request("{}", "", "POST /v1/positionsX HTTP/1.1\r\n"),
      request("{}", "", "POST  /v1/positions HTTP/1.1\r\n"),
      request("{}", "Host: hunt.example:8080\r\n"),
      request("{}", "Authorization: Bearer game-secret\r\n"),
      request("{}", "Origin: http://hunt.example:8080\r\n"),
      request("{}", "Content-Length: 2\r\n"),
      request("{}", "Content-Type: a/b\r\nContent-Type: a/b\r\n"),
      request("{}", "Transfer-Encoding: chunked\r\n"),
      request("{}", "Content-Encoding: identity\r\n"),
      request("{}", "Expect: 100-continue\r\n"),
      request("{}", "Upgrade: websocket\r\n"),
      request("{}", "Connection: close\r\n"),
      request("{}", "Connection: keep-alive, close\r\n"),
      request("{}", "Proxy-Connection: keep-alive\r\n"),
      request("{}", "Folded: a\r\n b\r\n"),
      request("{}", "Lone: a\n\r\n"),
      request("{}", "Zero: a\x01\r\n"),
      request("{}", "No colon\r\n"),
      request("{}", "Space : a\r\n"),
      request("{}", fmt::format("Long: {}\r\n", std::string(header_bytes_max, 'a'))),
      "nonsense",
      "\r\n" + request("{}"),
      fmt::format("{}{}Content-Length: 2\r\n\r\n{{}}", line, host),
      fmt::format("{}{}Content-Length: 2\r\n\r\n{{}}", line, token),
      fmt::format("{}{}{}\r\n{{}}", line, host, token),
      fmt::format("{}Host: other.example\r\n{}Content-Length: 2\r\n\r\n{{}}", line, token),
      fmt::format("{}{}Authorization: Bearer game-secre\r\nContent-Length: 2\r\n\r\n{{}}", line,
                  host),
      fmt::format("{}{}Authorization: Bearer game-secret2\r\nContent-Length: 2\r\n\r\n{{}}", line,
                  host),
  };
  for (const bool known : {false, true}) {
    for (const auto& text : others) {
      HotHead hot = head();
      if (known) {
        EXPECT_EQ(hot.look(request("{}")).kind, Kind::hot);
      }
      EXPECT_EQ(hot.look(text).kind, Kind::other) << text.substr(0, 200);
      EXPECT_EQ(hot.look(request("{}")).kind, Kind::hot) << "as before";
    }
  }
}

TEST(HotHead, takes_what_does_not_matter_as_it_comes) {
  HotHead hot = head();
  for (const std::string_view fields :
       {"", "Connection: keep-alive\r\n", "Content-Type: application/json\r\n", "X-Trace: 17\r\n",
        "X-Trace: 18\r\nX-Trace: 19\r\n", "Accept: */*\r\nUser-Agent: game/1\r\n", "Empty:\r\n"}) {
    EXPECT_EQ(hot.look(request("{}", fields)).kind, Kind::hot) << fields;
  }
  HotHead open({"a", "", "http://a"}, header_bytes_max);
  EXPECT_EQ(open.look("POST /v1/positions HTTP/1.1\r\nhost: a\r\nORIGIN: http://a\r\n"
                      "content-length: 0\r\n\r\n")
                .kind,
            Kind::hot);
}

TEST(HotHead, costs_no_allocation_once_it_has_seen_one) {
  HotHead hot = head();
  const std::string one = request("{}", "X-Trace: 17\r\n");
  const std::string two = request("{1}", "X-Trace: 18\r\n");
  for (const auto& text : {one, two}) EXPECT_EQ(hot.look(text).kind, Kind::hot);
  const std::uint64_t before = allocation_count();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(hot.look(one).kind, Kind::hot);
    EXPECT_EQ(hot.look(one).kind, Kind::hot);
    EXPECT_EQ(hot.look(two).kind, Kind::hot);
  }
  EXPECT_EQ(allocation_count() - before, 0U);
}

}  // namespace
}  // namespace hunt::http
