// Positions on the lane's own thread: who answers, in which order, what goes back and forth, and
// that nothing of it is lost.
#include "adapters/http/lane_server.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <thread>
#include <vector>

#include "adapters/http/lane_test_support.h"
#include "base/prng.h"

namespace hunt::http {
namespace {

class LaneServerTest : public LaneTest {
 protected:
  static std::string request(int x, std::string_view fields = {}, std::string_view world = "1") {
    const std::string body = positions(x, world);
    return fmt::format(
        "POST /v1/positions HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n{}", fields,
        body.size(), body);
  }
  static std::string probe() { return "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"; }

  // The next whole answer; what is behind it stays in `text`. Empty: it was closed.
  static std::string next_answer(tcp::socket& socket, std::string& text) {
    for (;;) {
      const auto end = text.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::string name = "Content-Length: ";
        const auto at = text.find(name);
        const auto length = at < end ? std::stoul(text.substr(at + name.size())) : std::size_t{0};
        const std::size_t whole = end + 4 + length;
        if (text.size() >= whole) {
          std::string answer = text.substr(0, whole);
          text.erase(0, whole);
          return answer;
        }
      }
      std::array<char, 4'096> part{};
      boost::system::error_code error;
      const auto count = socket.read_some(asio::buffer(part), error);
      if (error) return {};
      text.append(part.data(), count);
    }
  }
  static bool answers(std::string_view text, int x) {
    return text.starts_with("HTTP/1.1 200 OK\r\n") &&
           text.find(fmt::format(R"("x":{},)", x)) != std::string_view::npos;
  }
  // One that is lent to the lane: it has asked once.
  tcp::socket lent_connection(std::string_view fields = {}) {
    auto socket = connect();
    write(socket, request(1, fields));
    std::string text;
    EXPECT_TRUE(answers(next_answer(socket, text), 1));
    return socket;
  }
  // One round trip more, so that the lane is known to have it.
  void settle(tcp::socket& socket, std::string_view fields = {}) {
    std::string text;
    const int before = at_once;
    write(socket, request(4, fields));
    EXPECT_TRUE(answers(next_answer(socket, text), 4));
    EXPECT_EQ(at_once.load(), before + 1);
  }
};

TEST_F(LaneServerTest, answers_all_but_the_first_on_the_lane) {
  run_lane();
  auto socket = lent_connection();
  EXPECT_EQ(bus.asked.load(), 1);
  std::string text;
  for (int i = 10; i < 20; ++i) {
    write(socket, request(i));
    EXPECT_TRUE(answers(next_answer(socket, text), i));
  }
  EXPECT_EQ(bus.asked.load(), 1);
  EXPECT_EQ(at_once.load(), 10);
  EXPECT_EQ(lane_bus.asked.load(), 0);
  const auto figures = send("GET", "/metrics").body;
  EXPECT_NE(figures.find("hunt_http_responses_total{routes=\"positions\",code=\"2xx\"} 11\n"),
            std::string::npos);
}

TEST_F(LaneServerTest, answers_pipelined_requests_in_order) {
  run_lane();
  auto socket = connect();
  std::string all;
  // Among them what the bus is asked for, what is wrong, and what is no position.
  for (int i = 0; i < 50; ++i) all += i % 7 == 0 ? request(2) : request(100 + i);
  all += request(1, "X-Other: 1\r\n", "\"nowhere\"");
  all += probe();
  all += request(7);
  write(socket, all);
  std::string text;
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(answers(next_answer(socket, text), i % 7 == 0 ? 2 : 100 + i)) << i;
  }
  const auto wrong = next_answer(socket, text);
  EXPECT_TRUE(wrong.starts_with("HTTP/1.1 404 ")) << wrong;
  EXPECT_TRUE(next_answer(socket, text).starts_with("HTTP/1.1 200 OK"));
  EXPECT_TRUE(answers(next_answer(socket, text), 7));
  EXPECT_GE(at_once.load(), 40);
  EXPECT_EQ(lane_bus.asked.load(), 7);
  EXPECT_EQ(bus.asked.load(), 2);  // the first, and the one behind the probe
}

TEST_F(LaneServerTest, gives_back_what_is_no_position_and_gets_it_again) {
  run_lane();
  auto socket = lent_connection();
  std::string text;
  for (int round = 0; round < 3; ++round) {
    settle(socket);
    write(socket, probe());
    EXPECT_TRUE(next_answer(socket, text).starts_with("HTTP/1.1 200 OK"));
    write(socket, request(5));
    EXPECT_TRUE(answers(next_answer(socket, text), 5));
  }
}

TEST_F(LaneServerTest, keeps_who_asks_for_other_things_in_between_at_the_front) {
  run_lane();
  auto socket = connect();
  std::string text;
  for (int round = 0; round < 12; ++round) {
    write(socket, request(5));
    EXPECT_TRUE(answers(next_answer(socket, text), 5));
    write(socket, probe());
    EXPECT_TRUE(next_answer(socket, text).starts_with("HTTP/1.1 200 OK"));
  }
  EXPECT_EQ(bus.asked.load(), 12);
  EXPECT_EQ(at_once.load(), 0);
  for (int i = 0; i < 4; ++i) {
    write(socket, request(5));
    EXPECT_TRUE(answers(next_answer(socket, text), 5));
  }
  settle(socket);
}

TEST_F(LaneServerTest, takes_a_request_in_parts_and_gives_a_slow_one_back) {
  run_lane();
  auto socket = lent_connection();
  settle(socket);
  std::string text;
  const std::string whole = request(6);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{40}, whole.size() - 1}) {
    write(socket, whole.substr(0, cut));
    std::this_thread::sleep_for(milliseconds(20));
    write(socket, whole.substr(cut));
    EXPECT_TRUE(answers(next_answer(socket, text), 6));
  }
  const int before = bus.asked;
  for (int wait_ms = 600; bus.asked == before && wait_ms < 20'000; wait_ms *= 2) {
    write(socket, whole.substr(0, 50));
    std::this_thread::sleep_for(milliseconds(wait_ms));
    write(socket, whole.substr(50));
    EXPECT_TRUE(answers(next_answer(socket, text), 6));
  }
  EXPECT_EQ(bus.asked.load(), before + 1);
}

TEST_F(LaneServerTest, says_what_is_wrong_with_positions_as_the_front_does) {
  run_lane();
  auto socket = lent_connection();
  settle(socket);
  const std::string bad = R"({"world":1,"positions":[{"player":"x","x":1,"y":2}]})";
  const auto expected = send("POST", "/v1/positions", bad);
  const int before = bus.asked;
  std::string text;
  write(socket, fmt::format("POST /v1/positions HTTP/1.1\r\nHost: localhost\r\n"
                            "Content-Length: {}\r\n\r\n{}",
                            bad.size(), bad));
  const auto answer = next_answer(socket, text);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\n" + expected.body)) << answer;
  settle(socket);
  EXPECT_EQ(bus.asked.load(), before);
}

TEST_F(LaneServerTest, asks_by_another_token_at_the_front) {
  options.server_token = "game-secret";
  run_lane();
  const std::string token = "Authorization: Bearer game-secret\r\n";
  auto socket = lent_connection(token);
  settle(socket, token);
  std::string text;
  for (const auto* other : {"", "Authorization: Bearer game-secreT\r\n"}) {
    const int before = at_once;
    write(socket, request(4, other));
    const auto answer = next_answer(socket, text);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 401 ")) << answer;
    EXPECT_EQ(at_once.load(), before);
    auto another = lent_connection(token);
    settle(another, token);
    socket = std::move(another);
  }
}

TEST_F(LaneServerTest, knows_worlds_by_name_once_they_were_asked_for) {
  run_lane();
  auto socket = lent_connection();
  std::string text;
  for (int i = 0; i < 3; ++i) {
    write(socket, request(5, "", "\"north\""));
    EXPECT_TRUE(answers(next_answer(socket, text), 5));
  }
  EXPECT_EQ(lane_bus.asked.load(), 1);
  EXPECT_EQ(lane_bus.last_world.load(), 7U);
  EXPECT_EQ(at_once.load(), 2);
}

TEST_F(LaneServerTest, an_exception_of_the_bus_is_a_500_and_no_end) {
  run_lane();
  auto socket = lent_connection();
  settle(socket);
  lane_bus.throws = true;
  std::string text;
  write(socket, request(2));
  const auto answer = next_answer(socket, text);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  settle(socket);
}

TEST_F(LaneServerTest, finishes_the_answer_when_it_is_stopped) {
  lane_bus.delay = milliseconds(200);
  run_lane();
  auto idle = lent_connection();
  settle(idle);
  auto asking = lent_connection();
  write(asking, request(2));
  while (lane_bus.asked_for == 0) std::this_thread::sleep_for(milliseconds(1));
  server->stop();
  std::string text;
  EXPECT_TRUE(next_answer(idle, text).empty());
  const auto last = next_answer(asking, text);
  EXPECT_TRUE(answers(last, 2)) << last;
  EXPECT_NE(last.find("\r\nConnection: close\r\n"), std::string::npos) << last;
  EXPECT_TRUE(next_answer(asking, text).empty());
}

TEST_F(LaneServerTest, closes_who_is_idle_too_long) {
  options.idle_timeout = milliseconds(300);
  run_lane();
  auto socket = lent_connection();
  settle(socket);
  const auto begun = std::chrono::steady_clock::now();
  std::string text;
  EXPECT_TRUE(next_answer(socket, text).empty());
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(200));
}

TEST_F(LaneServerTest, an_idle_one_leaves_for_a_newcomer) {
  options.connections_max = 4;
  options.connections_kept = 1;
  run_lane();
  std::vector<tcp::socket> sockets;
  for (int i = 0; i < 8; ++i) {
    sockets.push_back(lent_connection());
    settle(sockets.back());
  }
  std::string text;
  EXPECT_TRUE(next_answer(sockets.front(), text).empty());
  settle(sockets.back());
}

TEST_F(LaneServerTest, sees_who_has_gone) {
  run_lane();
  const auto connections = [this] {
    const auto stats = boost::json::parse(send("GET", "/v1/stats").body);
    return stats.at("http").at("connections").to_number<int>();  // this one among them
  };
  {
    auto socket = lent_connection();
    settle(socket);
    EXPECT_EQ(connections(), 2);
    write(socket, request(5).substr(0, 30));
  }
  for (int i = 0; i < 1'000 && connections() > 1; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(connections(), 1);
}

TEST_F(LaneServerTest, who_reads_late_gets_every_answer) {
  run_lane();
  auto socket = lent_connection();
  constexpr int count = 20'000;  // some megabytes of answers: no socket takes them unread
  std::string all;
  for (int i = 0; i < count; ++i) all += request(1'000 + i);
  std::thread writer([&all, descriptor = socket.native_handle()] {
    for (std::size_t sent = 0; sent < all.size();) {
      const auto more = ::send(descriptor, all.data() + sent, all.size() - sent, MSG_NOSIGNAL);
      if (more <= 0) return;
      sent += static_cast<std::size_t>(more);
    }
  });
  std::this_thread::sleep_for(milliseconds(300));
  std::string text;
  for (int i = 0; i < count; ++i) {
    const auto answer = next_answer(socket, text);
    ASSERT_TRUE(answers(answer, 1'000 + i)) << i << answer;
  }
  writer.join();
}

// Splits, mixes and pipelines as they come; every answer is held against what was asked.
TEST_F(LaneServerTest, loses_and_doubles_nothing_whatever_is_asked) {
  lane_bus.delay = milliseconds(1);
  run_lane();
  std::vector<std::thread> clients;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    clients.emplace_back([this, seed] {
      asio::io_context loop;
      tcp::socket socket(loop);
      socket.connect({asio::ip::make_address("127.0.0.1"), port});
      Prng prng(seed);
      std::string text;
      for (int round = 0; round < 150; ++round) {
        std::vector<int> asked;  // 0: a probe
        std::string bytes;
        for (std::uint64_t n = 1 + prng.below(6); n > 0; --n) {
          const auto what = prng.below(20);
          asked.push_back(what == 0 ? 0 : what < 3 ? 2 : 100 + static_cast<int>(prng.below(900)));
          bytes += asked.back() == 0 ? probe() : request(asked.back());
        }
        const std::size_t cut = prng.below(2) == 0 ? 0 : prng.below(bytes.size());
        write(socket, bytes.substr(0, cut));
        if (prng.below(4) == 0) std::this_thread::sleep_for(milliseconds(2));
        write(socket, bytes.substr(cut));
        for (const int x : asked) {
          const auto answer = next_answer(socket, text);
          ASSERT_TRUE(x == 0 ? answer.starts_with("HTTP/1.1 200 ") : answers(answer, x)) << answer;
        }
        ASSERT_TRUE(text.empty());
      }
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_GT(at_once.load(), 100);
}

TEST_F(LaneServerTest, a_request_costs_no_allocation) {
  run_lane();
  auto socket = lent_connection();
  settle(socket);
  EXPECT_EQ(fewest_allocations(socket.native_handle(), request(5)), 0U);
}

}  // namespace
}  // namespace hunt::http
