// The server on a free loopback port with ports in memory: each route, each wrong request and what
// it is told, slow and broken clients, the bounds.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "adapters/http/http_test_support.h"

namespace hunt::http {
namespace {

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t times = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++times;
  }
  return times;
}

// ---- positions ---------------------------------------------------------------------------------

TEST_F(HttpTest, pages_of_other_origins_and_names_are_refused_on_loopback) {
  run();
  const auto ask = [&](std::string_view headers) {
    return exchange(fmt::format("GET /v1/stats HTTP/1.1\r\nConnection: close\r\n{}\r\n", headers));
  };
  const std::string host = fmt::format("Host: localhost:{}\r\n", port);
  EXPECT_EQ(ask(host).substr(9, 3), "200");
  EXPECT_EQ(ask(host + fmt::format("Origin: http://localhost:{}\r\n", port)).substr(9, 3), "200");
  EXPECT_EQ(ask(host + "Origin: http://evil.example\r\n").substr(9, 3), "403");
  EXPECT_EQ(ask(host + "Origin: null\r\n").substr(9, 3), "403");
  const std::string browser = "User-Agent: Mozilla/5.0\r\n";
  EXPECT_EQ(ask(browser + "Host: evil.example:80\r\n").substr(9, 3), "403");
  EXPECT_EQ(ask(browser + "Host: 127.evil.example\r\n").substr(9, 3), "403");
  EXPECT_EQ(ask("Host: h\r\nOrigin: http://h\r\n").substr(9, 3), "403");
  EXPECT_EQ(ask(browser + host).substr(9, 3), "200");
  EXPECT_EQ(ask("Host: orchestrator\r\n").substr(9, 3), "403") << "no browser, and not our name";
  EXPECT_EQ(ask("Host: 127.0.0.1\r\n").substr(9, 3), "200");
  EXPECT_EQ(ask("Host: [::1]:8080\r\n").substr(9, 3), "200");
}

TEST_F(HttpTest, answers_the_positions_example_of_the_contract) {
  run();
  const auto response = send("POST", "/v1/positions", positions(10));
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, "application/json");
  EXPECT_EQ(
      response.body,
      fmt::format(R"({{"outcomes":[{{"player":"{}","x":10,"y":-3,"outcome":"nothing"}}]}})", uuid));
}

TEST_F(HttpTest, gives_claims_at_once_or_their_terminal_outcome_when_waited_for) {
  run();
  EXPECT_NE(send("POST", "/v1/positions", positions(2)).body.find(R"("outcome":"found","claim":")"),
            std::string::npos);
  const auto granted = send("POST", "/v1/positions?wait=terminal", positions(2)).body;
  EXPECT_NE(granted.find(R"("outcome":"granted")"), std::string::npos);
  EXPECT_NE(granted.find(R"("item":"star_map")"), std::string::npos);
  std::string body = positions(2);
  body.insert(1, R"("wait":"terminal",)");
  EXPECT_NE(send("POST", "/v1/positions", body).body.find("granted"), std::string::npos);
}

TEST_F(HttpTest, resolves_a_world_by_name_and_reads_the_names_once) {
  run();
  EXPECT_EQ(send("POST", "/v1/positions", positions(1, "\"north\"")).status, 200U);
  EXPECT_EQ(bus.last_world.load(), 7U);
  EXPECT_EQ(send("POST", "/v1/positions", positions(1, "\"demo\"")).status, 200U);
  EXPECT_EQ(store.worlds_read, 1);
  expect_error(send("POST", "/v1/positions", positions(1, "\"nort\"")), 404, "not_found",
               "there is no world \"nort\" (did you mean \"north\"?)", "world");
}

TEST_F(HttpTest, names_what_is_wrong_with_positions) {
  run();
  expect_error(send("POST", "/v1/positions", R"({"world":1,"positions":[{"player":"steve"}]})"),
               400, "invalid_argument", "must be a UUID", "positions[0].player");
  expect_error(send("POST", "/v1/positions", "{"), 400, "invalid_argument", "not valid JSON");
  expect_error(send("POST", "/v1/positions?wait=forever", positions(1)), 400, "invalid_argument",
               "must be \"terminal\"", "wait");
  expect_error(send("POST", "/v1/positions?wai=terminal", positions(1)), 400, "invalid_argument",
               "did you mean \"wait\"?", "wai");
  expect_error(send("POST", "/v1/positions?wait=terminal&wait=terminal", positions(1)), 400,
               "invalid_argument", "given twice", "wait");
  expect_error(send("POST", "/v1/positions?wait=%zz", positions(1)), 400, "invalid_argument",
               "no %XX escape");
  EXPECT_EQ(bus.asked.load(), 0);
}

TEST_F(HttpTest, maps_the_errors_of_the_ports) {
  struct Case {
    Errc code;
    unsigned status;
  };
  bus.error = Error{};
  run();
  for (const auto& [code, status] :
       {Case{Errc::overloaded, 429}, Case{Errc::unavailable, 503}, Case{Errc::disk_full, 503},
        Case{Errc::deadline_exceeded, 504}, Case{Errc::not_found, 404}, Case{Errc::io, 500}}) {
    bus.error = Error{code, "the store says so", {}};
    const std::string text = exchange(
        fmt::format("POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                    "Content-Length: {}\r\n\r\n{}",
                    positions(1).size(), positions(1)));
    EXPECT_TRUE(text.starts_with(fmt::format("HTTP/1.1 {} ", status))) << text;
    EXPECT_NE(text.find("the store says so"), std::string::npos) << text;
    EXPECT_EQ(text.find("Retry-After: 1") != std::string::npos, status == 429 || status == 503);
  }
}

TEST_F(HttpTest, turns_an_exception_into_a_500_and_lives_on) {
  bus.throws = true;
  run();
  expect_error(send("POST", "/v1/positions", positions(1)), 500, "internal", "the fake bus throws");
  EXPECT_EQ(send("GET", "/livez").status, 200U);
}

// ---- the other routes --------------------------------------------------------------------------

TEST_F(HttpTest, tells_claims_and_grants_from_the_ledger) {
  model::Grant grant;
  grant.cursor = 5;
  grant.claim = {1, 2};
  grant.world = 1;
  grant.tile = model::tile_id_of({10, -3});
  grant.player = *model::parse_uuid(uuid);
  grant.reward = "lamp";
  grant.rules = "0011223344556677";
  grant.at_us = 1'000'000;
  store.grants = {grant};
  grant.cursor = 6;
  grant.claim = {3, 4};
  grant.aborted = true;
  store.grants.push_back(grant);
  run();
  EXPECT_EQ(send("GET", "/v1/claims/00000000000000010000000000000002").body,
            fmt::format(R"({{"claim":"00000000000000010000000000000002","outcome":"granted",)"
                        R"("item":"lamp","items":[{{"item":"lamp","count":1}}],)"
                        R"("world":1,"x":10,"y":-3,"player":"{}",)"
                        R"("rules":"0011223344556677","at":"1970-01-01T00:00:01.000000Z"}})",
                        uuid));
  const auto aborted = send("GET", "/v1/claims/00000000000000030000000000000004").body;
  EXPECT_NE(aborted.find(R"("outcome":"expired","world")"), std::string::npos) << aborted;
  expect_error(send("GET", "/v1/claims/00000000000000090000000000000009"), 404, "not_found",
               "is not in the ledger");
  expect_error(send("GET", "/v1/claims/xyz"), 400, "invalid_argument", "32 hexadecimal digits",
               "claim");
  const auto page = send("GET", "/v1/grants?after=0&limit=1").body;
  EXPECT_NE(page.find(R"("cursor":"5")"), std::string::npos) << page;
  EXPECT_NE(page.find(R"("next":"5.0)"), std::string::npos) << page;
  const auto rest = send("GET", "/v1/grants?after=6").body;
  EXPECT_TRUE(rest.starts_with(R"({"grants":[],"next":"6.0)")) << rest;
  expect_error(send("GET", "/v1/grants?limit=5000"), 400, "invalid_argument", "from 1 to 1000",
               "limit");
  expect_error(send("GET", "/v1/grants?after=-1"), 400, "invalid_argument", "found \"-1\"",
               "after");
}

TEST_F(HttpTest, a_place_that_is_none_in_this_ledger_is_refused_with_a_code_of_its_own) {
  for (std::uint64_t cursor = 1; cursor <= 9; ++cursor) {
    model::Grant grant;
    grant.cursor = cursor;
    grant.claim = {7, cursor};
    grant.at_us = 1'000'000;
    store.grants.push_back(grant);
  }
  run();
  const auto read = [this](const std::string& after) {
    return send("GET", "/v1/grants?limit=5&after=" + after);
  };
  const auto first = read("0").body;
  const auto at = first.find(R"("next":")") + 8;
  const std::string next = first.substr(at, first.find('"', at) - at);
  EXPECT_TRUE(next.starts_with("5.0")) << next;
  EXPECT_NE(read(next).body.find(R"("cursor":"6")"), std::string::npos);
  EXPECT_EQ(read("9").status, 200U) << "plain numbers still work";
  expect_error(read("10"), 409, "wrong_ledger", "ahead of the ledger", "after");
  // Restored, and it has grown past the place since: another grant stands there.
  store.grants[4].claim = {8, 8};
  expect_error(read(next), 409, "wrong_ledger", "restored", "after");
  store.grants[4].claim = {7, 5};
  store.grants[4].at_us += 1;
  expect_error(read(next), 409, "wrong_ledger", "restored", "after");
  store.grants.resize(4);
  expect_error(read(next), 409, "wrong_ledger", "ahead of the ledger", "after");
  EXPECT_EQ(read("0").status, 200U);
  store.ledger = {99, 1};
  expect_error(read(next), 409, "wrong_ledger", "another store", "after");
}

TEST_F(HttpTest, buries_lists_and_closes_tiles) {
  run();
  const std::string body = R"({"tiles":[{"x":1,"y":2,"table":"starlight","budget":3,"key":"a"},)"
                           R"({"x":5,"y":6,"table":"starlight"}]})";
  EXPECT_EQ(send("PUT", "/v1/worlds/demo/tiles", body, admin).body,
            R"({"buried":2,"unchanged":0,"tiles":[{"x":1,"y":2,"spawn":"1"},)"
            R"({"x":5,"y":6,"spawn":"2"}]})");
  EXPECT_NE(send("PUT", "/v1/worlds/1/tiles", body, admin).body.find(R"("unchanged":1)"),
            std::string::npos);
  const auto page = send("GET", "/v1/worlds/1/tiles?x0=0&y0=0&x1=3&y1=3&limit=10", "", admin).body;
  EXPECT_NE(page.find(R"({"x":1,"y":2,"table":"starlight","budget":3,"spawn":"1","version":1)"),
            std::string::npos)
      << page;
  EXPECT_EQ(page.find(R"("x":5)"), std::string::npos);
  EXPECT_NE(send("GET", "/v1/worlds/1/tiles?limit=1", "", admin).body.find(R"("next":")"),
            std::string::npos);
  EXPECT_EQ(send("DELETE", "/v1/worlds/demo/tiles", R"({"tiles":[{"x":1,"y":2}]})", admin).body,
            R"({"closed":1})");
}

TEST_F(HttpTest, refuses_wrong_tiles_and_buries_nothing) {
  run();
  expect_error(
      send("PUT", "/v1/worlds/1/tiles",
           R"({"tiles":[{"x":1,"y":2,"table":"starlight"},{"x":1,"y":3,"table":"strlight"}]})",
           admin),
      400, "invalid_argument", "did you mean \"starlight\"?", "tiles[1].table");
  EXPECT_TRUE(store.rows.empty());
  expect_error(send("PUT", "/v1/worlds/9/tiles", R"({"tiles":[]})", admin), 404, "not_found",
               "there is no world 9", "world");
  expect_error(send("GET", "/v1/worlds/1/tiles?x0=5&x1=4", "", admin), 400, "invalid_argument",
               "must not be below", "x1");
  expect_error(send("GET", "/v1/worlds/1/tiles?x0=1.5", "", admin), 400, "invalid_argument",
               "found \"1.5\"", "x0");
  store.error = Error{Errc::disk_full, "the disk is full", {}};
  expect_error(send("PUT", "/v1/worlds/1/tiles", R"({"tiles":[]})", admin), 503, "disk_full",
               "the disk is full");
}

TEST_F(HttpTest, creates_and_lists_worlds) {
  run();
  EXPECT_EQ(send("PUT", "/v1/worlds/9", R"({"name":"south"})", admin).body,
            R"({"id":9,"name":"south"})");
  EXPECT_EQ(send("PUT", "/v1/worlds/west", "", admin).body, R"({"id":4,"name":"west"})");
  EXPECT_EQ(send("PUT", "/v1/worlds/west", R"({"name":"west"})", admin).status, 200U);
  EXPECT_NE(send("GET", "/v1/worlds").body.find(R"({"worlds":[{"id":1,"name":"demo"})"),
            std::string::npos);
  EXPECT_NE(send("GET", "/v1/worlds/west").body.find(R"("stats":{"tiles":0)"), std::string::npos);
  expect_error(send("PUT", "/v1/worlds/1", R"({"name":"other"})", admin), 409, "already_exists",
               "another world's");
  expect_error(send("PUT", "/v1/worlds/0", R"({"name":"zero"})", admin), 400, "invalid_argument",
               "from 1 to 4294967295", "id");
  expect_error(send("PUT", "/v1/worlds/a%20b", "", admin), 400, "invalid_argument", "found \"a b\"",
               "name");
  expect_error(send("PUT", "/v1/worlds/east", R"({"name":"west"})", admin), 400, "invalid_argument",
               "but the address says", "name");
  expect_error(send("PUT", "/v1/worlds/12", "", admin), 400, "invalid_argument",
               "the body is empty");
}

TEST_F(HttpTest, shows_its_state) {
  monitor.figures.rules = "00112233aabbccdd";
  monitor.figures.version = "0.1.0";
  monitor.figures.positions[0] = 42;
  monitor.figures.lately.answer = {10, 12'000'000, 1'000'000, 2'000'000, 3'000'000, 4'000'000};
  monitor.figures.since_start.answer = {20, 30'000'000, 0, 0, 0, 0};
  model::LivePlayer player;
  player.tag = 7;
  player.tile = {1, -2};
  player.kind = model::Kind::dig;
  monitor.view.players = {player};
  run();
  const auto stats = boost::json::parse(send("GET", "/v1/stats").body);
  EXPECT_EQ(stats.at("rules").as_string(), "00112233aabbccdd");
  EXPECT_DOUBLE_EQ(stats.at("latency_seconds").at("answer").at("p99").to_number<double>(), 0.002);
  EXPECT_EQ(send("GET", "/v1/live").body,
            R"({"bounds":[0,0,0,0],"players":[[7,1,-2,1]],"finds":[],"loot_open":[],)"
            R"("loot_gone":[]})");
  EXPECT_EQ(send("GET", "/v1/map").body,
            R"({"version":1,"shards":1,"ranges":[{"world":0,"first_tile":"0","shard":0,)"
            R"("state":"owned","epoch":3}]})");
  EXPECT_EQ(send("GET", "/livez").body, R"({"alive":true})");
  EXPECT_EQ(send("GET", "/readyz").body, R"({"ready":true})");
  const auto metrics = send("GET", "/metrics");
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(metrics.body.find("hunt_positions_total{outcome=\"nothing\"} 42\n"), std::string::npos);
  for (const auto* line :
       {"hunt_answer_seconds{quantile=\"0.99\"} 0.002\n", "hunt_answer_seconds_sum 0.03\n",
        "hunt_answer_seconds_count 20\n", "hunt_store_load_seconds{quantile=\"0.5\"} NaN\n"}) {
    EXPECT_NE(metrics.body.find(line), std::string::npos) << line;
  }
  EXPECT_NE(metrics.body.find("# TYPE hunt_rules_info gauge\n"), std::string::npos);
  EXPECT_EQ(metrics.body.find("# EOF"), std::string::npos);
}

TEST_F(HttpTest, names_the_bottleneck_in_series_that_are_always_there) {
  run();
  const auto has = [](const std::string& text, std::string_view line) {
    return text.find(line) != std::string::npos;
  };
  const auto idle = send("GET", "/metrics").body;
  EXPECT_TRUE(has(idle, "hunt_bottleneck_stage{stage=\"store_grant\"} 0\n"));
  EXPECT_TRUE(has(idle, "hunt_bottleneck_stage{stage=\"queue\"} 0\n")) << "fine is no bottleneck";
  EXPECT_TRUE(has(idle, "hunt_bottleneck_cause{cause=\"none\"} 1\n"));
  monitor.cause.stage = model::Stage::store_grant;
  monitor.cause.resource = "shard 1";
  monitor.cause.cause = model::Cause::lock;
  monitor.cause.share = 0;  // calls fail and work at the next try: nobody waits, and it is named
  monitor.cause.confident = true;
  monitor.cause.answers_tail_ns = 20'000'000;
  monitor.cause.claims_tail_ns = 3'500'000'000;
  const auto named = send("GET", "/metrics").body;
  for (const auto* line :
       {"hunt_bottleneck{stage=\"store_grant\",resource=\"shard 1\",cause=\"lock\"} 0\n",
        "hunt_bottleneck_stage{stage=\"store_grant\"} 1\n",
        "hunt_bottleneck_stage{stage=\"queue\"} 0\n", "hunt_bottleneck_cause{cause=\"lock\"} 1\n",
        "hunt_bottleneck_cause{cause=\"none\"} 0\n", "hunt_bottleneck_confident 1\n",
        "hunt_tail_seconds{timeline=\"answer\"} 0.02\n",
        "hunt_tail_seconds{timeline=\"claim\"} 3.5\n"}) {
    EXPECT_TRUE(has(named, line)) << line;
  }
  const auto series = [](const std::string& text, std::string_view name) {
    std::size_t count = 0;
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) ++count;
    return count;
  };
  for (const auto* text : {&idle, &named}) {
    EXPECT_EQ(series(*text, "\nhunt_bottleneck_stage{"), model::stage_count);
    EXPECT_EQ(series(*text, "\nhunt_bottleneck_cause{"), model::cause_count);
  }
}

TEST_F(HttpTest, counts_responses_by_kind_of_route_and_class_of_status) {
  run();
  send("POST", "/v1/positions", R"({"world":1,"positions":[]})");
  send("POST", "/v1/positions", "{");
  send("GET", "/v1/nothing");
  send("GET", "/readyz");
  monitor.reason = "the store is being opened";
  send("GET", "/readyz");
  exchange("nonsense\r\n\r\n");
  const auto text = send("GET", "/metrics").body;
  for (const auto* line :
       {"{routes=\"positions\",code=\"2xx\"} 1\n", "{routes=\"positions\",code=\"4xx\"} 1\n",
        "{routes=\"probes\",code=\"2xx\"} 1\n", "{routes=\"probes\",code=\"5xx\"} 1\n",
        "{routes=\"none\",code=\"4xx\"} 2\n", "{routes=\"operators\",code=\"2xx\"} 0\n"}) {
    EXPECT_NE(text.find("hunt_http_responses_total" + std::string(line)), std::string::npos)
        << line << text.substr(text.find("# HELP hunt_http_responses"));
  }
  EXPECT_NE(text.find("hunt_stage_inflight{stage=\"front\",resource=\"http\"} 1\n"),
            std::string::npos);
}

TEST_F(HttpTest, writes_examples_into_open_metrics_alone) {
  auto& claims = monitor.figures.buckets.claim;
  const auto edge = model::LatencyEdges::index_of(1'500'000'000);
  for (auto i = edge; i < claims.at_or_below.size(); ++i) claims.at_or_below[i] = 1;
  monitor.figures.since_start.claim = {1, 1'500'000'000, 0, 0, 0, 0};
  claims.examples.put(1'500'000'000, {0xabc, 0x1}, 1'800'000'000'000'005);
  run();
  const std::string sample = "hunt_claim_latency_seconds_bucket{le=\"1.61061273\"} 1";
  const std::string example =
      " # {claim=\"0000000000000abc0000000000000001\"} 1.5 1800000000.000005\n";
  const auto open = exchange(
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
      "Accept: application/openmetrics-text\r\n\r\n");
  EXPECT_NE(open.find(sample + example), std::string::npos);
  EXPECT_NE(open.find("hunt_claim_latency_seconds_bucket{le=\"2.14748365\"} 1\n"),
            std::string::npos);
  const auto plain = send("GET", "/metrics").body;
  EXPECT_NE(plain.find(sample + "\n"), std::string::npos);
  EXPECT_EQ(plain.find(" # {"), std::string::npos);
}

TEST_F(HttpTest, writes_open_metrics_when_asked) {
  run();
  const auto text = exchange(
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
      "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n\r\n");
  EXPECT_NE(text.find("Content-Type: application/openmetrics-text"), std::string::npos);
  EXPECT_NE(text.find("# TYPE hunt_positions counter\n"), std::string::npos);
  EXPECT_NE(text.find("# TYPE hunt_rules info\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

TEST_F(HttpTest, says_why_it_is_slow_now_then_and_since) {
  monitor.cause.verdict = "nothing is wrong";
  monitor.who = {"00ff", "orchestrator", "pod-7:8080", "0.1.0", 1, 1'790'000'000'000'000};
  monitor.kept.kept_from_us = 1;
  monitor.kept.spells = {{1, 2, 1, monitor.cause}};
  run();
  const auto now = send("GET", "/v1/why");
  EXPECT_EQ(now.status, 200U);
  EXPECT_NE(now.body.find(R"("name":"pod-7:8080")"), std::string::npos) << now.body;
  const auto then = send("GET", "/v1/why?at=90s");
  EXPECT_NE(then.body.find(R"("at":"2026-09-21T)"), std::string::npos) << then.body;
  EXPECT_EQ(monitor.asked_us, 1'789'999'910'000'000);
  const auto since = send("GET", "/v1/why?since=20m");
  EXPECT_NE(since.body.find(R"("spells":[{"from":)"), std::string::npos) << since.body;
  expect_error(send("GET", "/v1/why?at=noon"), 400, "invalid_argument", "\"noon\" is no time",
               "at");
  expect_error(send("GET", "/v1/why?at=1m&since=1m"), 400, "invalid_argument", "expected one",
               "since");
  expect_error(send("GET", "/v1/why?at=2026-09-22T00:00Z"), 400, "invalid_argument",
               "is in the future", "at");
  monitor.kept.spells.clear();
  expect_error(send("GET", "/v1/why?at=90s"), 404, "not_found", "it stood still", "at");
}

TEST_F(HttpTest, hands_out_what_it_was_said_of) {
  run();
  const auto response = send("GET", "/v1/why/evidence");
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(response.body, monitor.evidence);
  monitor.evidence.clear();
  expect_error(send("GET", "/v1/why/evidence"), 404, "not_found", "keeps no timelines");
}

TEST_F(HttpTest, says_why_it_is_not_ready) {
  monitor.reason = "the store is being opened";
  run();
  expect_error(send("GET", "/readyz"), 503, "unavailable", "not ready: the store is being opened");
  EXPECT_EQ(send("GET", "/livez").status, 200U);
}

TEST_F(HttpTest, is_ready_with_a_warning) {
  monitor.worry = "no relay of shard 0 is heard";
  run();
  const auto ready = send("GET", "/readyz");
  EXPECT_EQ(ready.status, 200U);
  EXPECT_EQ(ready.body, R"({"ready":true,"warning":"no relay of shard 0 is heard"})");
}

constexpr std::string_view two_parts =
    R"("parts":[{"part":"store of shard 0","ready":true},)"
    R"({"part":"bus","ready":false,"waits_for":"it says \"no\""}]})";

TEST_F(HttpTest, lists_the_parts_with_what_each_waits_for) {
  monitor.known = {{"store of shard 0", {}}, {"bus", "it says \"no\""}};
  run();
  EXPECT_EQ(send("GET", "/readyz").body, fmt::format(R"({{"ready":true,{})", two_parts));
}

TEST_F(HttpTest, lists_the_parts_while_it_is_not_ready) {
  monitor.known = {{"store of shard 0", {}}, {"bus", "it says \"no\""}};
  monitor.reason = "starting";
  run();
  const auto refused = send("GET", "/readyz");
  expect_error(refused, 503, "unavailable", "not ready: starting");
  EXPECT_TRUE(refused.body.ends_with(two_parts)) << refused.body;
}

TEST_F(HttpTest, tells_the_admin_what_the_process_was_told) {
  settings = {"hunt serve", "0.1.0", {{"lanes", "2", "flag"}, {"rules", "", "default"}}};
  run();
  expect_error(send("GET", "/v1/config"), 401, "unauthorized", "the admin token");
  EXPECT_EQ(send("GET", "/v1/config", {}, admin).body,
            R"({"command":"hunt serve","version":"0.1.0","settings":[)"
            R"({"name":"lanes","value":"2","from":"flag"},)"
            R"({"name":"rules","value":"","from":"default"}]})");
}

TEST_F(HttpTest, of_a_process_that_serves_no_game_only_its_own_routes_answer) {
  options.process_only = true;
  run();
  for (const auto& route : routes) {
    const bool kept = route.room == Room::kept;
    const auto reply = send(route.method, route.path, {}, admin);
    EXPECT_EQ(reply.status == 404, !kept) << route.path;
  }
  expect_error(send("GET", "/v1/worlds"), 404, "not_found", "ask `hunt serve`");
}

TEST_F(HttpTest, serves_the_page_with_its_policy) {
  run();
  const auto text = exchange("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_NE(text.find("Content-Type: text/html; charset=utf-8"), std::string::npos);
  EXPECT_NE(text.find("Content-Security-Policy: default-src 'none'"), std::string::npos);
  EXPECT_NE(text.find("X-Content-Type-Options: nosniff"), std::string::npos);
  EXPECT_EQ(text.find("Access-Control"), std::string::npos);
  for (const auto* part : {"<canvas id=\"map\"", "id=\"finds\"", "window.huntPage", "</html>"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  for (const auto* outside : {"src=\"http", "href=\"http", "@import", "url(http"}) {
    EXPECT_EQ(text.find(outside), std::string::npos) << outside;
  }
}

// ---- who may ask, and how ----------------------------------------------------------------------

TEST_F(HttpTest, keeps_the_admin_half_behind_the_token) {
  options.server_token = "game-secret";
  run();
  for (const auto& [method, target] :
       {std::pair("PUT", "/v1/worlds/1/tiles"), std::pair("DELETE", "/v1/worlds/1/tiles"),
        std::pair("GET", "/v1/worlds/1/tiles"), std::pair("PUT", "/v1/worlds/1")}) {
    expect_error(send(method, target, "{}"), 401, "unauthorized", "with the admin token");
    expect_error(send(method, target, "{}", "game-secret"), 401, "unauthorized",
                 "is not the admin token");
  }
  const auto text = exchange(
      "PUT /v1/worlds/1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic "
      "eA==\r\n"
      "\r\n");
  EXPECT_NE(text.find("WWW-Authenticate: Bearer"), std::string::npos) << text;
  expect_error(send("POST", "/v1/positions", positions(1)), 401, "unauthorized",
               "the game servers' token");
  EXPECT_EQ(send("POST", "/v1/positions", positions(1), "game-secret").status, 200U);
}

TEST_F(HttpTest, asks_everybody_for_a_token_on_other_addresses) {
  options.host = "0.0.0.0";
  options.server_token = "game-secret";
  run();
  expect_error(send("POST", "/v1/positions", positions(1)), 401, "unauthorized",
               "the game servers' token");
  expect_error(send("GET", "/v1/stats", "", "wrong"), 401, "unauthorized", "is not");
  EXPECT_EQ(send("GET", "/v1/stats", "", "game-secret").status, 200U);
  EXPECT_EQ(send("GET", "/v1/stats", "", admin).status, 200U);
  EXPECT_EQ(send("GET", "/livez").status, 200U);
  EXPECT_EQ(send("GET", "/readyz").status, 200U);
  expect_error(send("GET", "/"), 401, "unauthorized", "this route needs");
  const auto page = exchange(
      "GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(page.starts_with("HTTP/1.1 401 ")) << page.substr(0, 40);
  EXPECT_NE(page.find("This server asks for a token"), std::string::npos);
}

TEST_F(HttpTest, names_the_nearest_route_and_the_methods) {
  run();
  expect_error(send("GET", "/v1/statz"), 404, "not_found", "did you mean \"/v1/stats\"?");
  expect_error(send("POST", "/v1/position", positions(1)), 404, "not_found",
               "did you mean \"/v1/positions\"?");
  expect_error(send("GET", "/v1/worlds//tiles"), 404, "not_found", "there is no route");
  expect_error(send("GET", "/v1/positions"), 405, "method_not_allowed", "it takes POST");
  expect_error(send("PATCH", "/v1/worlds/1/tiles"), 405, "method_not_allowed",
               "PUT, DELETE, GET, HEAD");
  const auto text =
      exchange("DELETE /v1/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_NE(text.find("Allow: GET, HEAD\r\n"), std::string::npos) << text;
}

TEST_F(HttpTest, answers_head_with_the_length_and_no_body) {
  run();
  const auto text = exchange(
      "HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD / HTTP/1.1\r\nHost: "
      "localhost\r\nConnection: close\r\n"
      "\r\n");
  EXPECT_EQ(count(text, "HTTP/1.1 200 OK"), 2U) << text;
  EXPECT_NE(text.find("Content-Length: 14\r\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}

// ---- framing and bounds ------------------------------------------------------------------------

TEST_F(HttpTest, answers_pipelined_requests_in_order_on_one_connection) {
  run();
  std::string text;
  for (int i = 0; i < 20; ++i) {
    text += fmt::format(
        "POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}",
        positions(10 + i).size(), positions(10 + i));
  }
  text += "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  const auto answers = exchange(text);
  EXPECT_EQ(count(answers, "HTTP/1.1 200 OK"), 21U);
  std::size_t at = 0;
  for (int i = 0; i < 20; ++i) {
    at = answers.find(fmt::format("\"x\":{},", 10 + i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
}

TEST_F(HttpTest, reads_requests_split_anywhere) {
  run();
  const std::string text = fmt::format(
      "POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
      "Content-Length: {}\r\n\r\n{}",
      positions(10).size(), positions(10));
  for (std::size_t cut = 1; cut < text.size(); cut += 13) {
    auto socket = connect();
    socket.set_option(tcp::no_delay(true));
    write(socket, std::string_view(text).substr(0, cut));
    std::this_thread::sleep_for(milliseconds(1));
    write(socket, std::string_view(text).substr(cut));
    EXPECT_NE(read_all(socket).find("\"outcome\":\"nothing\""), std::string::npos) << cut;
  }
}

TEST_F(HttpTest, takes_chunked_bodies_and_expect_continue) {
  run();
  const auto body = positions(10);
  const auto text = exchange(
      fmt::format("POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                  "Expect: 100-continue\r\nConnection: close\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                  body.size(), body));
  EXPECT_TRUE(text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")) << text;
}

TEST_F(HttpTest, refuses_ambiguous_framing) {
  run();
  const std::string start = "POST /v1/positions HTTP/1.1\r\nHost: localhost\r\n";
  for (const auto* fields :
       {"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n", "Content-Length: 2\r\nContent-Length: 3\r\n",
        "Content-Length: 2, 2\r\n", "Content-Length: -2\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Bad Header: 1\r\n", "Content-Length: 2\n"}) {
    const auto text = exchange(start + fields + "\r\n{}");
    EXPECT_TRUE(text.starts_with("HTTP/1.1 400 Bad Request")) << fields << text;
    EXPECT_NE(text.find("Connection: close"), std::string::npos) << fields;
    EXPECT_EQ(count(text, "HTTP/1.1"), 1U + count(text, "valid HTTP/1.1")) << fields << text;
  }
  EXPECT_TRUE(exchange("hello\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_EQ(bus.asked.load(), 0);
}

TEST_F(HttpTest, wants_a_length_with_positions) {
  run();
  const auto text =
      exchange("POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(text.starts_with("HTTP/1.1 411 Length Required")) << text;
}

TEST_F(HttpTest, takes_the_largest_batch) {
  run();
  std::string body = R"({"world":1,"positions":[)";
  for (std::size_t i = 0; i < limits::batch_positions_max; ++i) {
    body += fmt::format(R"({}{{"player":"{}","x":7,"y":8}})", i == 0 ? "" : ",", uuid);
  }
  body += "]}";
  const auto response = send("POST", "/v1/positions", body);
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(count(response.body, "\"outcome\":\"nothing\""), limits::batch_positions_max);
}

TEST_F(HttpTest, refuses_bodies_and_headers_over_the_bound) {
  run();
  const auto large = send("POST", "/v1/positions", std::string(limits::body_bytes_max + 1, ' '));
  expect_error(large, 413, "too_large", "larger than 262,144 bytes");
  const auto chunked = exchange(fmt::format(
      "POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
      "{:x}\r\n{}\r\n0\r\n\r\n",
      limits::body_bytes_max + 1, std::string(limits::body_bytes_max + 1, ' ')));
  EXPECT_TRUE(chunked.starts_with("HTTP/1.1 413 ")) << chunked;
  const auto header = exchange(
      "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(9'000, 'x') + "\r\n\r\n");
  EXPECT_TRUE(header.starts_with("HTTP/1.1 431 ")) << header;
  EXPECT_NE(header.find("larger than 8,192 bytes"), std::string::npos) << header;
  const auto target = exchange("GET /" + std::string(200'000, 'a') + " HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(target.starts_with("HTTP/1.1 431 ")) << target;
}

TEST_F(HttpTest, tells_a_half_sent_body_that_nothing_was_done) {
  run();
  auto socket = connect();
  write(socket,
        "POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"world\"");
  socket.shutdown(tcp::socket::shutdown_send);
  const auto text = read_all(socket);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 400 ")) << text;
  EXPECT_NE(text.find("the body ended early"), std::string::npos) << text;
  EXPECT_EQ(bus.asked.load(), 0);
}

TEST_F(HttpTest, gives_up_on_slow_clients) {
  options.header_timeout = milliseconds(60);
  options.body_timeout = milliseconds(80);
  options.idle_timeout = milliseconds(120);
  run();
  const auto body =
      exchange("POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{");
  EXPECT_TRUE(body.starts_with("HTTP/1.1 408 Request Timeout")) << body;
  EXPECT_NE(body.find("the body did not arrive within 80 ms"), std::string::npos) << body;
  const auto header = exchange("GET /live");
  EXPECT_TRUE(header.starts_with("HTTP/1.1 408 ")) << header;
  EXPECT_NE(header.find("the header did not arrive within 60 ms"), std::string::npos) << header;
  EXPECT_EQ(exchange(""), "");  // idle: closed without a word
  EXPECT_EQ(count(exchange("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"), "200 OK"), 1U);
}

// One byte each few milliseconds keeps the socket busy, not the deadline away.
TEST_F(HttpTest, is_not_held_by_a_trickle) {
  options.header_timeout = milliseconds(100);
  run();
  auto socket = connect();
  const auto started = std::chrono::steady_clock::now();
  std::future<std::string> answer =
      std::async(std::launch::async, [&socket] { return read_all(socket); });
  while (answer.wait_for(milliseconds(10)) != std::future_status::ready) {
    write(socket, "G");
    ASSERT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(5));
  }
  EXPECT_TRUE(answer.get().starts_with("HTTP/1.1 4"));
}

TEST_F(HttpTest, turns_connections_away_above_the_limit_and_recovers) {
  options.connections_max = 4;
  options.connections_kept = 1;
  bus.delay = milliseconds(300);
  run();
  const std::string request =
      fmt::format("POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}",
                  positions(10).size(), positions(10));
  std::vector<tcp::socket> busy;
  for (int i = 0; i < 3; ++i) {
    busy.push_back(connect());
    write(busy.back(), request);
    while (bus.asked_for < i + 1) std::this_thread::sleep_for(milliseconds(1));
  }
  auto probe = connect();
  write(probe, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(read_all(probe).starts_with("HTTP/1.1 200 ")) << "the last one is kept for it";
  const auto late = exchange(request);
  EXPECT_TRUE(late.starts_with("HTTP/1.1 503 ")) << late;
  EXPECT_NE(late.find("kept for probes and admins"), std::string::npos) << late;
  for (auto& socket : busy) {
    std::array<char, 12> start{};
    asio::read(socket, asio::buffer(start));
    EXPECT_EQ(std::string_view(start.data(), start.size()), "HTTP/1.1 200");
  }
  EXPECT_EQ(send("POST", "/v1/positions", positions(1)).status, 200U);
}

TEST_F(HttpTest, finishes_running_requests_when_stopped) {
  bus.delay = milliseconds(150);
  run();
  auto idle = connect();
  auto busy = connect();
  write(busy, fmt::format(
                  "POST /v1/positions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{}",
                  positions(10).size(), positions(10)));
  std::this_thread::sleep_for(milliseconds(50));
  server->stop();
  EXPECT_EQ(read_all(idle), "");
  const auto text = read_all(busy);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 200 OK")) << text;
  EXPECT_NE(text.find("Connection: close"), std::string::npos) << text;
  const auto late = http_request(fmt::format("http://127.0.0.1:{}", port), "GET", "/livez", "", "",
                                 milliseconds(500));
  EXPECT_FALSE(late.has_value());
}

TEST_F(HttpTest, explains_why_it_cannot_listen) {
  run();
  const auto try_listen = [this](std::string host, std::uint16_t at) {
    HttpOptions other = options;
    other.host = std::move(host);
    other.port = at;
    other.server_token = "game-secret";
    asio::io_context loop;
    const Ports fakes{bus, store, monitor, rules, {&store}};
    HttpServer second(loop, fakes, other);
    const auto result = second.listen();
    EXPECT_FALSE(result.has_value());
    return result ? Error{} : result.error();
  };
  const auto taken = try_listen("127.0.0.1", port);
  EXPECT_EQ(taken.code, Errc::io);
  EXPECT_NE(taken.message.find(fmt::format("cannot listen on 127.0.0.1:{}", port)),
            std::string::npos)
      << taken.message;
  EXPECT_NE(taken.message.find("another program (perhaps another hunt) holds the port"),
            std::string::npos)
      << taken.message;
  EXPECT_NE(try_listen("example.org", 0).message.find("is not an IP address"), std::string::npos);
  EXPECT_NE(try_listen("192.0.2.1", 0).message.find("does not have that address"),
            std::string::npos);
}

TEST(HttpClient, explains_bad_urls_and_absent_servers) {
  for (const auto* url : {"", "https://a", "http://", "http://a/b", "http://a:0", "http://a:x",
                          "http://[::1", "http://a:70000"}) {
    const auto result = http_request(url, "GET", "/", "", "", milliseconds(100));
    ASSERT_FALSE(result.has_value()) << url;
    EXPECT_EQ(result.error().code, Errc::invalid_argument) << url;
    EXPECT_NE(result.error().message.find("expected http://HOST:PORT"), std::string::npos);
  }
  asio::io_context loop;
  tcp::acceptor taken(loop, {asio::ip::make_address("127.0.0.1"), 0});
  const auto silent_port = taken.local_endpoint().port();
  const auto silent = http_request(fmt::format("http://127.0.0.1:{}", silent_port), "GET", "/", "",
                                   "", milliseconds(100));
  ASSERT_FALSE(silent.has_value());
  EXPECT_NE(silent.error().message.find("did not answer within 100 ms"), std::string::npos)
      << silent.error().message;
  taken.close();
  const auto refused = http_request(fmt::format("http://127.0.0.1:{}", silent_port), "GET", "/", "",
                                    "", milliseconds(500));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_NE(refused.error().message.find("is the server running there?"), std::string::npos);
}

}  // namespace
}  // namespace hunt::http
