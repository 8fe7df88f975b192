// Clients that mean harm, or that are broken in the same way: what the server decides before a body
// is read, and the bounds that hold whoever connects.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "adapters/http/http_test_support.h"

namespace hunt::http {
namespace {

class HostileTest : public HttpTest {
 protected:
  // A whole answer with this status, in the documented form, whose message has these words.
  static void expect_refused(const std::string& text, unsigned status, std::string_view says) {
    EXPECT_TRUE(text.starts_with(fmt::format("HTTP/1.1 {} ", status))) << says << '\n' << text;
    EXPECT_NE(text.find("Content-Type: application/json\r\n"), std::string::npos) << text;
    const auto at = text.find("\r\n\r\n");
    ASSERT_NE(at, std::string::npos) << text;
    boost::system::error_code failure;
    const auto body = boost::json::parse(text.substr(at + 4), failure);
    ASSERT_FALSE(failure) << text;
    const auto& error = body.at("error").as_object();
    EXPECT_FALSE(error.at("code").as_string().empty());
    EXPECT_NE(std::string_view(error.at("message").as_string()).find(says), std::string_view::npos)
        << text;
  }
  // What is said to a header alone: the body that it announces never comes.
  std::string to_header(std::string_view line, std::string_view fields) {
    const auto started = std::chrono::steady_clock::now();
    auto text = exchange(fmt::format("{} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", line, fields));
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(4)) << line;
    return text;
  }
  // A path of the route, with something where a name stands.
  static std::string some_path(const Route& route) {
    std::string path(route.path);
    const auto name = path.find('<');
    if (name != std::string::npos) path.replace(name, path.find('>') + 1 - name, "1");
    return path;
  }
  std::uint64_t refused(std::string_view reason) {
    const auto stats = boost::json::parse(send("GET", "/v1/stats").body);
    return stats.at("http").at("refused").at(reason).to_number<std::uint64_t>();
  }
  // Connections that send `text` and stay.
  std::vector<tcp::socket> hold(int count, std::string_view text) {
    std::vector<tcp::socket> held;
    for (int i = 0; i < count; ++i) {
      held.push_back(connect());
      write(held.back(), text);
    }
    return held;
  }
  static std::string withheld_body() {
    return fmt::format(
        "POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}",
        limits::body_bytes_max, std::string(limits::body_bytes_max - 1, ' '));
  }
};

TEST_F(HostileTest, is_refused_by_the_header_before_a_body_is_read) {
  options.server_token = "game-secret";
  run();
  const std::string length = "Content-Length: 1000\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::string token = "Authorization: Bearer game-secret\r\n";
  for (const auto& body : {length, chunked}) {
    expect_refused(to_header("POST /v1/positions", body), 401, "needs");
    expect_refused(to_header("POST /v1/positions", body + "Authorization: Bearer x\r\n"), 401,
                   "is not");
    expect_refused(to_header("POST /v1/position", body + token), 404, "did you mean");
    expect_refused(to_header("DELETE /v1/positions", body + token), 405, "it takes POST");
    expect_refused(to_header("POST /v1/positions?wiat=1", body + token), 400, "did you mean");
    expect_refused(to_header("POST /v1/positions", body + token + "Content-Encoding: gzip\r\n"),
                   415, "gzip");
    expect_refused(to_header("PUT /v1/worlds/1/tiles", body + token), 401, "the admin token");
    expect_refused(to_header("GET /v1/stream", body + token), 400, "has no body");
  }
  expect_refused(to_header("POST /v1/positions", token + "Content-Length: 262145\r\n"), 413,
                 "262,144");
  expect_refused(to_header("POST /v1/positions", "Content-Length: 9999999999999999\r\n"), 401,
                 "needs");
  EXPECT_EQ(bus.asked.load(), 0);
}

TEST_F(HostileTest, is_not_let_in_by_a_trailer) {
  options.server_token = "game-secret";
  run();
  const auto body = positions(1);
  const auto text = exchange(fmt::format(
      "POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
      "Trailer: Authorization\r\n\r\n{:x}\r\n{}\r\n0\r\nAuthorization: Bearer game-secret\r\n\r\n",
      body.size(), body));
  expect_refused(text, 401, "needs");
  EXPECT_EQ(bus.asked.load(), 0);
}

TEST_F(HostileTest, says_for_whom_it_asks_once_and_by_our_name) {
  run();
  const auto ask = [this](std::string_view start) {
    return exchange(fmt::format("{}Connection: close\r\n\r\n", start));
  };
  const std::string line = "GET /v1/stats HTTP/1.1\r\n";
  expect_refused(ask(line), 400, "there is no Host");
  expect_refused(ask(line + "Host: \r\n"), 400, "there is no Host");
  expect_refused(ask(line + "Host: localhost\r\nHost: localhost\r\n"), 400, "given twice");
  expect_refused(ask(line + "Host: localhost\r\nHost: evil.example\r\n"), 400, "given twice");
  expect_refused(ask(line + "Host: localhost\r\nOrigin: null\r\nOrigin: null\r\n"), 400, "twice");
  expect_refused(ask(line + "Host: evil.example\r\n"), 403, "--allow-host");
  expect_refused(ask(line + "Host: local host\r\n"), 400, "no NAME");
  expect_refused(ask("GET /livez HTTP/1.1\r\nHost: evil.example\r\n"), 403, "--allow-host");
  expect_refused(ask("GET /nowhere HTTP/1.1\r\nHost: evil.example\r\n"), 403, "--allow-host");
  expect_refused(ask("GET http://localhost/livez HTTP/1.1\r\nHost: localhost\r\n"), 400,
                 "must start with \"/\"");
  expect_refused(ask("CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n"), 400, "must start");
  expect_refused(ask("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n"), 400, "must start");
  expect_refused(ask("GET /livez HTTP/2.0\r\nHost: localhost\r\n"), 505, "HTTP/1.1");
  EXPECT_NE(ask("GET /livez HTTP/1.0\r\n").find(" 200 OK"), std::string::npos) << "no browser";
  EXPECT_NE(ask(line + "Host: LOCALHOST.:1\r\n").find(" 200 OK"), std::string::npos);
}

TEST_F(HostileTest, is_answered_by_names_that_are_allowed) {
  options.allowed_hosts = {"hunt.example"};
  run();
  const auto text =
      exchange("GET /v1/stats HTTP/1.1\r\nHost: Hunt.Example:80\r\nConnection: close\r\n\r\n");
  EXPECT_NE(text.find(" 200 OK"), std::string::npos) << text;
}

TEST_F(HostileTest, sends_lines_that_parsers_read_differently) {
  run();
  const std::string line = "GET /livez HTTP/1.1\r\n";
  expect_refused(exchange("GET /livez HTTP/1.1\nHost: localhost\n\n"), 400, "LF alone");
  expect_refused(exchange(line + "Host: localhost\n\r\n"), 400, "LF alone");
  expect_refused(exchange(line + "Host: localhost\rX: y\r\n\r\n"), 400, "CR alone");
  expect_refused(exchange(line + "X: y\r\n Host: localhost\r\n\r\n"), 400, "folded");
  expect_refused(exchange(line + "Host : localhost\r\n\r\n"), 400, "not valid HTTP/1.1");
  expect_refused(exchange("POST /v1/positions HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
                 "HTTP/1.0 has no");
  EXPECT_GE(refused("framing"), 1U);
}

TEST_F(HostileTest, finds_no_query_parameter_that_is_not_known) {
  run();
  for (const auto& route : routes) {
    const auto path = some_path(route);
    expect_error(send(route.method, path + "?aftr=1", "", admin), 400, "invalid_argument",
                 "aftr is not a known query parameter", "aftr");
    const auto line = fmt::format("{} {}?%zz", route.method, path);
    expect_refused(to_header(line, "Connection: close\r\n"), 400, "%XX");
  }
  expect_error(send("GET", "/v1/worlds/1/tiles?fro=1", "", admin), 400, "invalid_argument",
               "did you mean \"from\"", "fro");
  expect_error(send("POST", "/v1/positions?wait=terminal&wait=terminal", "{}"), 400,
               "invalid_argument", "given twice", "wait");
}

TEST_F(HostileTest, accepts_no_form_of_the_figures) {
  run();
  expect_refused(to_header("GET /metrics",
                           "Accept: application/openmetrics-text;q=0,text/plain;q=0\r\n"
                           "Connection: close\r\n"),
                 406, "text/plain or");
}

TEST_F(HostileTest, shakes_hands_wrongly_and_gets_the_documented_form) {
  run();
  const std::string hello = "Connection: close, Upgrade\r\nUpgrade: websocket\r\n";
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const std::string end = "Connection: close\r\n";
  const auto old = to_header("GET /v1/stream", hello + key + "Sec-WebSocket-Version: 8\r\n");
  expect_refused(old, 426, "version 13");
  EXPECT_NE(old.find("Sec-WebSocket-Version: 13\r\n"), std::string::npos) << old;
  expect_refused(to_header("GET /v1/stream", hello + key), 426, "version 13");
  const std::string right = hello + "Sec-WebSocket-Version: 13\r\n";
  expect_refused(to_header("GET /v1/stream", right), 400, "Sec-WebSocket-Key");
  expect_refused(to_header("GET /v1/stream", right + "Sec-WebSocket-Key: short\r\n"), 400, "Key");
  expect_refused(to_header("GET /v1/stream", end), 426, "ws://");
  expect_refused(to_header("POST /v1/stream", right + key), 405, "it takes GET");
  expect_refused(to_header("GET /v1/stats?x=1", right + key), 400, "x is not");
  expect_refused(to_header("GET /v1/stream", right + key + "Origin: null\r\n"), 403, "may not ask");
}

// ---- what all connections may hold
// ---------------------------------------------------------------

TEST_F(HostileTest, holds_bodies_back_and_others_are_answered) {
  options.bodies_bytes_max = std::size_t{2} << 20U;
  run();
  const std::size_t large_bytes = 100'000;
  const auto body_bytes = [this] {
    const auto stats = boost::json::parse(send("GET", "/v1/stats").body);
    return stats.at("http").at("body_bytes").to_number<std::uint64_t>();
  };
  auto started = std::chrono::steady_clock::now();
  const auto waited = [&] { return std::chrono::steady_clock::now() - started; };
  auto held = hold(40, withheld_body());
  // Who is refused gives back what it had: full it is when nobody else has come to an end.
  while (refused("withheld") == 0 && waited() < std::chrono::seconds(8)) {
    EXPECT_EQ(send("GET", "/livez").status, 200U);
    EXPECT_EQ(send("POST", "/v1/positions", positions(1)).status, 200U) << "small ones pass";
    if (body_bytes() + large_bytes <= options.bodies_bytes_max) {
      held.push_back(std::move(hold(1, withheld_body()).front()));
    } else {
      std::this_thread::sleep_for(milliseconds(20));
    }
  }
  started = std::chrono::steady_clock::now();
  std::string large = positions(1);
  large.insert(1, std::string(large_bytes, ' '));
  unsigned status = 0;
  while (status != 200 && waited() < std::chrono::seconds(8)) {
    status = send("POST", "/v1/positions", large).status;
    EXPECT_TRUE(status == 200 || status == 503) << status;
    EXPECT_LE(body_bytes(), options.bodies_bytes_max);
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(status, 200U) << "who was waited for longest gives way";
  EXPECT_GE(refused("bodies"), 1U);
  EXPECT_GE(refused("withheld"), 1U);
}

TEST_F(HostileTest, sends_nothing_and_costs_nobody_a_connection) {
  options.connections_max = 24;
  options.connections_kept = 4;
  run();
  for (int round = 0; round < 3; ++round) {
    const auto silent = hold(40, "");
    const auto halves = hold(40, "GET /livez HTTP/1.1\r\nHost: loc");
    EXPECT_EQ(send("GET", "/livez").status, 200U);
    EXPECT_EQ(send("POST", "/v1/positions", positions(1)).status, 200U);
    EXPECT_EQ(send("PUT", "/v1/worlds/9", R"({"name":"south"})", admin).status, 200U);
  }
  EXPECT_GE(refused("evicted"), 100U);
  EXPECT_EQ(refused("connections"), 0U);
}

TEST_F(HostileTest, keeps_who_has_shown_a_token_before_who_has_not) {
  options.connections_max = 12;
  options.connections_kept = 2;
  run();
  auto proven = connect();
  const std::string request = "GET /v1/worlds HTTP/1.1\r\nHost: localhost\r\n\r\n";
  std::array<char, 4'096> answer{};
  for (int round = 0; round < 5; ++round) {
    write(proven, request);
    boost::system::error_code error;
    const auto count = proven.read_some(asio::buffer(answer), error);
    ASSERT_TRUE(std::string_view(answer.data(), count).starts_with("HTTP/1.1 200")) << round;
    const auto silent = hold(30, "");
    EXPECT_EQ(send("GET", "/livez").status, 200U);
  }
}

TEST_F(HostileTest, sends_no_first_byte_in_time) {
  options.first_byte_timeout = milliseconds(80);
  run();
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(exchange(""), "");
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5));
  EXPECT_EQ(refused("silent"), 1U);
}

TEST_F(HostileTest, idles_a_shorter_time_when_connections_run_short) {
  options.connections_max = 8;
  options.connections_kept = 2;
  options.idle_timeout_crowded = milliseconds(50);
  run();
  auto idle = hold(5, "GET /v1/worlds HTTP/1.1\r\nHost: localhost\r\n\r\n");
  for (auto& socket : idle) {
    const auto text = read_all(socket);  // to its end, long before a minute
    EXPECT_TRUE(text.starts_with("HTTP/1.1 200")) << text;
    if (&socket == &idle[1]) break;  // with four left there is room again
  }
}

TEST_F(HostileTest, does_not_read_its_answers_and_others_get_theirs) {
  options.answers_bytes_max = std::size_t{4} << 20U;
  model::Grant grant;
  grant.world = 1;
  grant.reward = "lamp";
  grant.rules = "0011223344556677";
  for (grant.cursor = 1; grant.cursor <= 1'000; ++grant.cursor) {
    grant.claim = {1, grant.cursor};
    store.grants.push_back(grant);
  }
  run();
  std::string many;
  for (int i = 0; i < 20; ++i) {
    many += "GET /v1/grants?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }
  std::vector<tcp::socket> held;
  for (int i = 0; i < 30; ++i) {
    tcp::socket socket(client_loop);
    socket.open(tcp::v4());
    socket.set_option(asio::socket_base::receive_buffer_size(4'096));
    socket.connect({asio::ip::make_address("127.0.0.1"), port});
    write(socket, many);
    held.push_back(std::move(socket));
  }
  const auto started = std::chrono::steady_clock::now();
  unsigned status = 0;
  while (status != 200 && std::chrono::steady_clock::now() - started < std::chrono::seconds(8)) {
    status = send("GET", "/v1/grants?limit=1000").status;
    EXPECT_EQ(send("GET", "/livez").status, 200U);
    const auto stats = boost::json::parse(send("GET", "/v1/stats").body);
    EXPECT_LE(stats.at("http").at("answer_bytes").to_number<std::uint64_t>(),
              options.answers_bytes_max);
  }
  EXPECT_EQ(status, 200U);
}

// ---- tokens
// ----------------------------------------------------------------------------------------

TEST_F(HostileTest, cannot_reach_a_server_that_has_no_token) {
  const auto why = [this](std::string host, std::string token) {
    HttpOptions other = options;
    other.host = std::move(host);
    other.server_token = std::move(token);
    asio::io_context loop;
    const Ports fakes{bus, store, monitor, rules, {&store}};
    HttpServer second(loop, fakes, other);
    const auto result = second.listen();
    return result ? std::string() : result.error().message;
  };
  EXPECT_NE(why("0.0.0.0", "").find("--server-token-file"), std::string::npos);
  EXPECT_NE(why("::", "").find("--server-token-file"), std::string::npos);
  EXPECT_NE(why("127.0.0.1", std::string(admin)).find("a token of its own"), std::string::npos);
  EXPECT_EQ(why("127.0.0.1", ""), "");
  EXPECT_EQ(why("0.0.0.0", "game-secret"), "");
}

TEST_F(HostileTest, needs_the_token_on_loopback_too_where_one_is_given) {
  options.server_token = "game-secret";
  run();
  for (const auto& route : routes) {
    const auto status = [this, &route](std::string_view token) {
      return send(route.method, some_path(route), "", token).status;
    };
    SCOPED_TRACE(fmt::format("{} {}", route.method, route.path));
    EXPECT_EQ(status("") == 401U, route.access != Access::open);
    EXPECT_EQ(status("game-secret") == 401U, route.access == Access::admin);
    EXPECT_NE(status(admin), 401U);
  }
}

}  // namespace
}  // namespace hunt::http
