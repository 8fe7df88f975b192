// The WebSocket of /v1/stream: answers as POST gives them, events without gap or repeat, slow and
// wrong clients, goodbyes.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <future>
#include <thread>
#include <vector>

#include "adapters/http/claim_feed.h"
#include "adapters/http/stream_test_support.h"
#include "codec/json_answers.h"
#include "model/limits.h"

namespace hunt::http {
namespace {

TEST_F(StreamTest, answers_as_post_does_and_gives_the_id_back) {
  run();
  auto client = open();
  const std::string posted = send("POST", "/v1/positions", positions(10)).body;
  EXPECT_EQ(ask(client, positions(10)), posted);
  std::string message = positions(10);
  message.insert(1, R"("id":41,)");
  EXPECT_EQ(ask(client, message), R"({"id":41,)" + posted.substr(1));
  message.insert(1, R"("wait":"terminal",)");
  message.replace(message.find("\"x\":10"), 6, "\"x\":2");
  EXPECT_NE(ask(client, message).find(R"("outcome":"granted")"), std::string::npos);
}

TEST_F(StreamTest, names_what_is_wrong_and_lives_on) {
  run();
  auto client = open();
  std::string wrong = ask(client, R"({"id":5,"world":1,"positions":[{"player":"steve"}]})");
  EXPECT_TRUE(wrong.starts_with(R"({"id":5,"error":{"code":"invalid_argument")")) << wrong;
  EXPECT_NE(wrong.find("positions[0].player"), std::string::npos) << wrong;
  wrong = ask(client, "{");
  EXPECT_TRUE(wrong.starts_with(R"({"error":{"code":"invalid_argument")")) << wrong;
  wrong = ask(client, positions(1, "9"));
  EXPECT_NE(wrong.find("outcomes"), std::string::npos) << "ids are the orchestrator's to judge";
  wrong = ask(client, positions(1, "\"nort\""));
  EXPECT_NE(wrong.find("did you mean"), std::string::npos) << wrong;
  EXPECT_NE(ask(client, positions(1)).find("hint"), std::string::npos);
}

TEST_F(StreamTest, is_a_websocket_and_guarded_like_the_other_half) {
  options.host = "0.0.0.0";
  options.server_token = "game-secret";
  run();
  expect_error(send("GET", "/v1/stream", {}, "game-secret"), 426, "upgrade_required", "ws://");
  expect_error(refused("/v1/stream", "", ""), 401, "unauthorized", "Bearer");
  expect_error(refused("/v1/stream", "Authorization", "Bearer no"), 401, "unauthorized", "not");
  expect_error(refused("/v1/stream?after=x", "Authorization", "Bearer game-secret"), 400,
               "invalid_argument", "after", "after");
  expect_error(refused("/v1/stream?from=1", "Authorization", "Bearer game-secret"), 400,
               "invalid_argument", "from", "from");
}

TEST_F(StreamTest, refuses_pages_of_other_origins_on_loopback) {
  run();
  EXPECT_EQ(refused("/v1/stream", "Origin", "http://evil.example").status, 403U);
}

TEST_F(StreamTest, tells_grants_from_now_on_without_a_cursor) {
  run();
  auto early = open();
  EXPECT_NE(ask(early, positions(1)).find("hint"), std::string::npos);  // it is being served
  commit_and_tell(1, 3);
  expect_run(early, 1, 3);
  auto late = open();
  EXPECT_NE(ask(late, positions(1)).find("hint"), std::string::npos);
  commit_and_tell(4, 5);
  expect_run(late, 4, 5);
  expect_run(early, 4, 5);
}

TEST_F(StreamTest, resumes_after_a_cursor_without_gap_or_repeat_while_grants_go_on) {
  run();
  commit_and_tell(1, 3'000);
  auto client = open("/v1/stream?after=10");
  commit_and_tell(3'001, 3'500);
  std::thread teller([this] {
    for (std::uint64_t cursor = 3'501; cursor <= 6'000; ++cursor) commit_and_tell(cursor, cursor);
  });
  expect_run(client, 11, 6'000);
  teller.join();
}

TEST_F(StreamTest, reads_the_ledger_where_the_telling_has_a_gap) {
  run();
  auto client = open("/v1/stream?after=0");
  commit_and_tell(1, 2);
  expect_run(client, 1, 2);
  std::promise<void> done;
  asio::post(lane, [&] {  // 3 and 4 were committed, but their telling was lost
    for (std::uint64_t cursor = 3; cursor <= 5; ++cursor) store.grants.push_back(grant_at(cursor));
    server->on_claims({model::event_of(store.grants.back())});
    done.set_value();
  });
  done.get_future().wait();
  expect_run(client, 3, 5);
}

TEST_F(StreamTest, a_place_that_is_none_in_this_ledger_is_refused_at_the_handshake) {
  run();
  commit_and_tell(1, 3);
  expect_error(refused("/v1/stream?after=4", "", ""), 409, "wrong_ledger", "ahead of the ledger",
               "after");
  auto client = open("/v1/stream?after=2");
  const std::string told = next(client);
  const auto at = told.find(R"("next":")") + 8;
  const std::string place = told.substr(at, told.find('"', at) - at);
  auto again = open("/v1/stream?after=" + place);
  commit_and_tell(4, 4);
  expect_run(again, 4, 4);
  store.ledger = {99, 1};
  expect_error(refused("/v1/stream?after=" + place, "", ""), 409, "wrong_ledger", "another store",
               "after");
}

TEST_F(StreamTest, ends_when_the_ledger_is_restored_under_it) {
  run();
  auto client = open("/v1/stream?after=0");
  commit_and_tell(1, 5);
  expect_run(client, 1, 5);
  std::promise<void> done;
  asio::post(lane, [&] {  // 4 and 5 are lost, and 4 is another grant now
    store.grants.resize(3);
    store.grants.push_back(grant_at(4));
    store.grants.back().claim = {8, 8};
    server->on_claims({model::event_of(store.grants.back())});
    done.set_value();
  });
  done.get_future().wait();
  boost::beast::flat_buffer buffer;
  boost::system::error_code error;
  client.read(buffer, error);
  EXPECT_EQ(error, websocket::error::closed);
  EXPECT_EQ(client.reason().code, websocket::close_code::service_restart);
}

TEST_F(StreamTest, tells_all_stacks_of_a_reward_and_an_item_only_where_it_is_alone) {
  const std::string stacks = R"("items":[{"item":"star_shard","count":12},{"item":"bell",)"
                             R"("count":1}])";
  bus.reward = "star_shard*12,bell";
  store.grants = {grant_at(1), grant_at(2)};
  store.grants[0].reward = bus.reward;
  run();
  auto client = open("/v1/stream?after=0");
  std::string message = positions(2);
  message.insert(1, R"("wait":"terminal",)");
  client.write(asio::buffer(message));
  std::vector<std::string> told{send("POST", "/v1/positions", message).body,
                                send("GET", "/v1/claims/00000000000000070000000000000001").body,
                                send("GET", "/v1/grants?limit=1").body};
  std::string alone;
  for (int i = 0; i < 3; ++i) {  // the answer and two grants, in any order
    std::string text = next(client);
    (text.find("lamp") == std::string::npos ? told.emplace_back() : alone) = std::move(text);
  }
  ASSERT_EQ(told.size(), 5U);
  for (const auto& text : told) {
    EXPECT_NE(text.find(stacks), std::string::npos) << text;
    EXPECT_EQ(text.find(R"(,"item":)"), std::string::npos) << text;
  }
  EXPECT_NE(alone.find(R"(,"item":"lamp","items":[{"item":"lamp","count":1}])"), std::string::npos)
      << alone;
}

// As the longest answers do: 3,000 positions with 16 stacks each are more than a stream holds.
TEST_F(StreamTest, says_so_where_it_has_no_room_for_an_answer_and_lives_on) {
  bus.reward = std::string(64, 'a');
  for (char item = 'b'; item <= 'p'; ++item) bus.reward += "," + std::string(63, item);
  run();
  auto client = open();
  const auto message = [](int count) {
    std::string text = R"({"id":9,"wait":"terminal","world":1,"positions":[)";
    for (int i = 0; i < count; ++i) {
      text += fmt::format(R"({}{{"player":"{}","x":2,"y":8}})", i == 0 ? "" : ",", uuid);
    }
    return text + "]}";
  };
  const std::string refusal = ask(client, message(3'000));
  EXPECT_TRUE(refusal.starts_with(R"({"id":9,"error":{"code":"too_large")")) << refusal;
  EXPECT_NE(refusal.find("fewer positions at once; claims keep their answers"), std::string::npos);
  for (const int fewer : {1, 100, 1'000}) {
    codec::AnswersReader reader;
    const auto answer = reader.parse(ask(client, message(fewer)));
    ASSERT_TRUE(answer.has_value()) << answer.error().message;
    const auto* reply = std::get_if<model::BatchReply>(&answer->content);
    ASSERT_NE(reply, nullptr);
    ASSERT_EQ(reply->claims.size(), static_cast<std::size_t>(fewer));
    EXPECT_EQ(reply->claims.back().reward, bus.reward);
  }
}

TEST_F(StreamTest, tells_refusals_of_its_own_claims_alone) {
  run();
  auto client = open();
  auto other = open();
  EXPECT_NE(ask(client, positions(2)).find(R"("outcome":"found")"), std::string::npos);
  EXPECT_NE(ask(other, positions(1)).find("hint"), std::string::npos);
  model::ClaimEvent refusal;
  refusal.claim = {0xabc, 0xdef};  // as FakeBus calls it
  refusal.outcome = model::Outcome::sold_out;
  tell({refusal});
  EXPECT_TRUE(next(client).starts_with(
      R"({"claim":{"claim":"0000000000000abc0000000000000def","outcome":"sold_out")"));
  // Told before the answer: it follows at once. The other stream has heard of neither.
  tell({refusal});
  EXPECT_NE(ask(client, positions(2)).find(R"("outcome":"found")"), std::string::npos);
  EXPECT_NE(next(client).find("sold_out"), std::string::npos);
  EXPECT_NE(ask(other, positions(1)).find("hint"), std::string::npos);
}

TEST_F(StreamTest, keeps_its_memory_bounded_for_who_does_not_read) {
  run();
  auto client = open("/v1/stream?after=0");
  constexpr std::uint64_t many = 60'000;  // some 15 MB of events: more than a stream holds
  for (std::uint64_t from = 1; from <= many; from += 1'000) commit_and_tell(from, from + 999);
  EXPECT_EQ(send("GET", "/livez").status, 200U);  // the lane is not stuck
  expect_run(client, 1, many);                    // and nothing was lost
}

TEST_F(StreamTest, answers_every_message_of_a_client_that_sends_without_reading) {
  bus.delay = milliseconds(1);
  run();
  auto client = open();
  constexpr int messages = 2'000;
  for (int i = 0; i < messages; ++i) {
    std::string message = positions(10);
    message.insert(1, fmt::format(R"("id":{},)", i));
    client.write(asio::buffer(message));
  }
  std::vector<bool> answered(messages, false);
  codec::AnswersReader reader;
  for (int i = 0; i < messages; ++i) {
    const auto answer = reader.parse(next(client));
    ASSERT_TRUE(answer.has_value() && answer->id && *answer->id < messages);
    EXPECT_FALSE(answered[*answer->id]);
    answered[*answer->id] = true;
  }
}

// Neither what waits to be sent nor what batches in flight will add goes above the bound.
TEST_F(StreamTest, holds_no_more_for_one_client_than_its_bound) {
  bus.delay = milliseconds(20);
  run();
  auto client = open();
  std::string message = R"({"world":1,"positions":[)";
  for (int i = 0; i < 2'000; ++i) {
    message += fmt::format(R"({}{{"player":"{}","x":2,"y":8}})", i == 0 ? "" : ",", uuid);
  }
  message += "]}";
  constexpr int messages = 60;
  std::thread sender([&client, text = frame_of(message)] {
    for (int i = 0; i < messages; ++i) write(client.next_layer(), text);
  });
  std::uint64_t most = 0;
  for (int i = 0; i < 40; ++i) {
    const auto http = boost::json::parse(send("GET", "/v1/stats").body).at("http");
    most = std::max(most, http.at("answer_bytes").to_number<std::uint64_t>());
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_LE(most, limits::stream_out_bytes_max);
  EXPECT_GT(most, limits::stream_out_bytes_max / 4) << "it was fed";
  for (int i = 0; i < messages; ++i) {
    EXPECT_NE(next(client).find("found"), std::string::npos) << i;
  }
  sender.join();
}

TEST_F(StreamTest, holds_messages_back_and_others_are_heard) {
  options.bodies_bytes_max = std::size_t{1} << 20U;
  run();
  std::vector<Client> held;
  for (int i = 0; i < 12; ++i) {
    held.push_back(open());
    std::string text = frame_of(std::string(200'000, ' '));
    text.pop_back();
    write(held.back().next_layer(), text);
  }
  auto client = open();
  EXPECT_NE(ask(client, positions(1)).find("hint"), std::string::npos);
  const auto http = boost::json::parse(send("GET", "/v1/stats").body).at("http");
  EXPECT_LE(http.at("body_bytes").to_number<std::uint64_t>(), options.bodies_bytes_max);
}

TEST_F(StreamTest, closes_with_a_reason_what_it_cannot_take) {
  run();
  auto binary = open();
  binary.binary(true);
  const std::string message = positions(1);
  binary.write(asio::buffer(message));
  boost::beast::flat_buffer buffer;
  boost::system::error_code error;
  binary.read(buffer, error);
  EXPECT_EQ(error, websocket::error::closed);
  EXPECT_EQ(binary.reason().code, websocket::close_code::unknown_data);
  auto big = open();
  const std::string flood(limits::body_bytes_max + 1, ' ');
  big.write(asio::buffer(flood), error);
  big.read(buffer, error);
  EXPECT_TRUE(error);
  EXPECT_EQ(send("GET", "/livez").status, 200U);
}

TEST_F(StreamTest, answers_what_is_in_flight_before_it_says_goodbye) {
  bus.delay = milliseconds(100);
  run();
  auto client = open();
  const std::string message = positions(1);
  client.write(asio::buffer(message));
  std::this_thread::sleep_for(milliseconds(30));
  server->stop();
  EXPECT_NE(next(client).find("hint"), std::string::npos);
  boost::beast::flat_buffer buffer;
  boost::system::error_code error;
  client.read(buffer, error);
  EXPECT_EQ(error, websocket::error::closed);
  EXPECT_EQ(client.reason().code, websocket::close_code::going_away);
}

TEST_F(StreamTest, ends_with_a_client_that_vanishes) {
  run();
  {
    auto client = open();
    EXPECT_NE(ask(client, positions(2)).find("found"), std::string::npos);
  }
  for (int i = 0; i < 500; ++i) {
    std::promise<std::size_t> count;
    asio::post(lane, [&] { count.set_value(server->connections()); });
    if (count.get_future().get() == 0) return;
    std::this_thread::sleep_for(milliseconds(10));
  }
  FAIL() << "the connection is still there";
}

TEST(ClaimFeed, keeps_an_unbroken_run_and_forgets_old_refusals) {
  ClaimFeed feed(1);
  EXPECT_EQ(feed.last(0), 0U);
  feed.add({model::event_of(grant_at(5)), model::event_of(grant_at(6))}, 0);
  feed.add({model::event_of(grant_at(6))}, 0);
  EXPECT_EQ(feed.first(0), 5U);
  EXPECT_EQ(feed.last(0), 6U);
  feed.add({model::event_of(grant_at(9))}, 0);
  EXPECT_EQ(feed.first(0), 9U);
  for (std::uint64_t cursor = 10; cursor < 10 + limits::stream_grants_kept_max; ++cursor) {
    feed.add({model::event_of(grant_at(cursor))}, 0);
  }
  EXPECT_EQ(feed.last(0) - feed.first(0) + 1, limits::stream_grants_kept_max);
  model::ClaimEvent refusal;
  refusal.claim = {1, 2};
  refusal.outcome = model::Outcome::closed;
  feed.add({refusal}, 1'000);
  EXPECT_NE(feed.refusal({1, 2}), nullptr);
  feed.add({}, 10'000'000'000);
  EXPECT_EQ(feed.refusal({1, 2}), nullptr);
}

}  // namespace
}  // namespace hunt::http
