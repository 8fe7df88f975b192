// Streams on a lane's own thread: who answers and in which order, what goes back and forth, that
// what is told comes in its order, and that nothing of it is lost.
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/json/parse.hpp>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "adapters/http/stream_test_support.h"
#include "base/prng.h"

namespace hunt::http {
namespace {

class StreamLaneTest : public StreamTest {
 protected:
  static std::string message(int x, int id, std::string_view world = "1") {
    std::string text = positions(x, world);
    text.insert(1, fmt::format(R"("id":{},)", id));
    return text;
  }
  static bool answers(const std::string& text, int x, int id) {
    return text.starts_with(fmt::format(R"({{"id":{},"outcomes":)", id)) &&
           text.find(fmt::format(R"("x":{},)", x)) != std::string::npos;
  }
  // Whether it is with the lane now: the lane answers what it can.
  bool is_lent(Client& client) {
    const int before = at_once;
    EXPECT_TRUE(answers(ask(client, message(4, 4)), 4, 4));
    return at_once == before + 1;
  }
  void settle(Client& client) {
    for (int i = 0; i < 3'000 && !is_lent(client); ++i) {
    }
    EXPECT_TRUE(is_lent(client));
  }
  Client lent_stream(std::string target = "/v1/stream") {
    auto client = open(std::move(target));
    settle(client);
    return client;
  }
  // So many answers in a row that its loan was worth it.
  void please(Client& client) {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(is_lent(client));
  }
  // What most tests begin with.
  Client run_with_stream() {
    run_lane();
    auto client = lent_stream();
    please(client);
    return client;
  }
  int streams() {
    const auto stats = boost::json::parse(send("GET", "/v1/stats").body);
    return stats.at("http").at("streams").to_number<int>();
  }
  void wait_for_streams(int count) {
    for (int i = 0; i < 1'000 && streams() > count; ++i) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_EQ(streams(), count);
  }
  // So many messages that memory cannot answer, each of so many bytes at least.
  static constexpr std::size_t large_bytes = 16'000;
  static void write_slow(Client& client, int count, std::size_t bytes) {
    std::string all;
    for (int id = 0; id < count; ++id) {
      std::string text = message(2, id);
      text.resize(std::max(bytes, text.size()), ' ');
      all += frame_of(text);
    }
    write(client.next_layer(), all);
  }
  // Asks for more than a stream may have under way: then its lane reads it no further for a while.
  void fill_room(Client& client) {
    constexpr int most = limits::stream_batches_inflight_max;
    const int before = lane_bus.asked_for;
    write_slow(client, most + 50, 0);
    while (lane_bus.asked_for < before + most) std::this_thread::sleep_for(milliseconds(1));
  }
  // On the thread that the bus of the front is used by.
  void delay_front(milliseconds delay) {
    std::promise<void> done;
    asio::post(lane, [&] {
      bus.delay = delay;
      done.set_value();
    });
    done.get_future().wait();
  }
  // So many, and no more, before the first of them is answered: a second later.
  void expect_asked_for(int most) {
    for (int i = 0; i < 500 && lane_bus.asked_for < most; ++i) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    std::this_thread::sleep_for(milliseconds(100));
    const int asked_for = lane_bus.asked_for;
    if (lane_bus.asked > 0) return;  // a machine that is too busy to tell
    EXPECT_EQ(asked_for, most);
  }
  // One for each id.
  static void expect_answers(Client& client, int count) {
    std::set<std::string> ids;
    for (int i = 0; i < count; ++i) {
      const auto text = next(client);
      ids.insert(text.substr(0, text.find(',')));
    }
    EXPECT_EQ(ids.size(), static_cast<std::size_t>(count));
  }
  static websocket::close_reason goodbye(Client& client) {
    boost::beast::flat_buffer buffer;
    boost::system::error_code error;
    while (!error) client.read(buffer, error);
    EXPECT_EQ(error, websocket::error::closed);
    return client.reason();
  }
};

TEST_F(StreamLaneTest, answers_all_but_the_first_on_the_lane) {
  run_lane();
  auto client = open();
  EXPECT_TRUE(answers(ask(client, message(1, 9)), 1, 9));
  EXPECT_EQ(bus.asked.load(), 1);
  for (int i = 10; i < 40; ++i) EXPECT_TRUE(answers(ask(client, message(i, i)), i, i));
  EXPECT_EQ(bus.asked.load(), 1);
  EXPECT_EQ(at_once.load(), 30);
  EXPECT_EQ(lane_bus.asked.load(), 0);
}

TEST_F(StreamLaneTest, answers_as_the_front_does_to_the_byte) {
  run_lane();
  const std::vector<std::string> wrong{R"({"id":5,"world":1,"positions":[{"player":"steve"}]})",
                                       "{", ""};
  std::vector<std::string> answers;
  for (const auto& text : wrong) {  // the first of each stream is the front's
    auto client = open();
    answers.push_back(ask(client, text));
  }
  auto client = lent_stream();
  please(client);
  const int before = bus.asked;
  for (std::size_t i = 0; i < wrong.size(); ++i) EXPECT_EQ(ask(client, wrong[i]), answers[i]);
  const auto plain = ask(client, positions(30));
  EXPECT_EQ(ask(client, message(30, 7)), R"({"id":7,)" + plain.substr(1));
  EXPECT_TRUE(is_lent(client));
  EXPECT_EQ(bus.asked.load(), before);
}

TEST_F(StreamLaneTest, answers_many_messages_at_once_in_their_order) {
  run_lane();
  auto client = lent_stream();
  std::string all;
  for (int i = 0; i < 500; ++i) all += frame_of(message(100 + i, i));
  write(client.next_layer(), all);
  for (int i = 0; i < 500; ++i) EXPECT_TRUE(answers(next(client), 100 + i, i)) << i;
}

TEST_F(StreamLaneTest, what_memory_has_not_is_asked_for_by_the_lane) {
  auto client = run_with_stream();
  const int before = bus.asked;
  for (int i = 1; i <= 100; ++i) {
    const auto text = ask(client, message(2, i));
    EXPECT_TRUE(answers(text, 2, i)) << text;
    EXPECT_NE(text.find("found"), std::string::npos);
    EXPECT_EQ(lane_bus.asked.load(), i);
    EXPECT_TRUE(is_lent(client));
  }
  EXPECT_EQ(bus.asked.load(), before);
}

TEST_F(StreamLaneTest, an_answer_that_is_waited_for_holds_up_no_other) {
  lane_bus.delay = milliseconds(300);
  auto client = run_with_stream();
  const int before = bus.asked;
  std::string all = frame_of(message(2, 1));
  for (int i = 0; i < 100; ++i) all += frame_of(message(50, 100 + i));
  const auto begun = std::chrono::steady_clock::now();
  write(client.next_layer(), all);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(answers(next(client), 50, 100 + i)) << i;
  EXPECT_LT(lane_bus.asked.load(), 1);
  EXPECT_TRUE(answers(next(client), 2, 1));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(300));
  EXPECT_EQ(bus.asked.load(), before);
}

TEST_F(StreamLaneTest, errors_of_the_bus_are_answers) {
  lane_bus.error = Error{Errc::overloaded, "too many", ""};
  auto client = run_with_stream();
  const auto text = ask(client, message(2, 5));
  EXPECT_TRUE(text.starts_with(R"({"id":5,"error":{"code":"overloaded")")) << text;
  EXPECT_TRUE(is_lent(client));
}

TEST_F(StreamLaneTest, a_bug_behind_the_bus_is_an_answer) {
  lane_bus.throws = true;
  auto client = run_with_stream();
  const auto text = ask(client, message(2, 5));
  EXPECT_TRUE(text.starts_with(R"({"id":5,"error":{"code":"internal")")) << text;
  EXPECT_TRUE(is_lent(client));
}

// It is at the front when its answers come.
TEST_F(StreamLaneTest, answers_that_come_when_the_lane_has_it_no_more_are_told) {
  lane_bus.delay = milliseconds(300);
  auto client = run_with_stream();
  const std::string large = message(6, 6) + std::string(20'000, ' ');
  write(client.next_layer(), frame_of(message(2, 1)) + frame_of(message(2, 2)) + frame_of(large));
  EXPECT_TRUE(answers(next(client), 6, 6));
  EXPECT_EQ(lane_bus.asked.load(), 0);
  for (int id = 1; id <= 2; ++id) {
    const auto text = next(client);
    EXPECT_TRUE(answers(text, 2, id)) << text;
  }
  // And their claims are heard of, wherever the stream is.
  model::ClaimEvent refusal;
  refusal.claim = {0xabc, 0xdef};
  refusal.outcome = model::Outcome::sold_out;
  tell({refusal});
  EXPECT_NE(next(client).find(R"("outcome":"sold_out")"), std::string::npos);
}

TEST_F(StreamLaneTest, answers_that_come_when_it_is_lent_again_are_told) {
  lane_bus.delay = milliseconds(500);
  auto client = run_with_stream();
  const std::string large = message(6, 6) + std::string(20'000, ' ');
  write(client.next_layer(), frame_of(message(2, 1)) + frame_of(large));
  EXPECT_TRUE(answers(next(client), 6, 6));
  settle(client);
  please(client);
  EXPECT_EQ(lane_bus.asked.load(), 0);
  EXPECT_TRUE(answers(next(client), 2, 1));
}

TEST_F(StreamLaneTest, tells_refusals_of_what_the_lane_asked_for) {
  auto client = run_with_stream();
  model::ClaimEvent refusal;
  refusal.claim = {0xabc, 0xdef};
  refusal.outcome = model::Outcome::sold_out;
  for (int i = 0; i < 10; ++i) {
    EXPECT_NE(ask(client, message(2, 1)).find(R"("outcome":"found")"), std::string::npos);
    tell({refusal});
    EXPECT_NE(next(client).find(R"("outcome":"sold_out")"), std::string::npos);
  }
}

// Then it is read no further for a while.
TEST_F(StreamLaneTest, has_no_more_under_way_than_a_stream_may) {
  lane_bus.delay = milliseconds(1'000);
  auto client = run_with_stream();
  const int before = bus.asked_for;
  constexpr int most = limits::stream_batches_inflight_max;
  write_slow(client, most + 50, 0);
  expect_asked_for(most);
  expect_answers(client, most + 50);
  EXPECT_TRUE(is_lent(client));
  EXPECT_EQ(bus.asked_for.load(), before);
}

TEST_F(StreamLaneTest, says_goodbye_to_one_that_waits_for_room) {
  lane_bus.delay = milliseconds(500);
  auto client = run_with_stream();
  fill_room(client);
  server->stop();
  expect_answers(client, limits::stream_batches_inflight_max);
  EXPECT_EQ(goodbye(client).code, websocket::close_code::going_away);
}

// Its lane does not look at its socket then: it hears of the end with the next answer.
TEST_F(StreamLaneTest, ends_one_that_waits_for_room_when_its_client_has_left) {
  lane_bus.delay = milliseconds(1'000);
  auto other = run_with_stream();
  {
    auto client = lent_stream();
    fill_room(client);
    EXPECT_EQ(streams(), 2);
    client.next_layer().set_option(asio::socket_base::linger(true, 0));  // no goodbye at all
  }
  EXPECT_TRUE(is_lent(other));
  wait_for_streams(1);
  EXPECT_TRUE(is_lent(other));
}

TEST_F(StreamLaneTest, ends_one_that_waits_for_room_when_its_client_reads_no_more) {
  options.idle_timeout = milliseconds(1'000);
  lane_bus.delay = milliseconds(300);
  auto other = run_with_stream();
  auto client = lent_stream();
  fill_room(client);
  EXPECT_TRUE(is_lent(other));
  // Of a client that neither asks nor answers pings nothing is left.
  for (int i = 0; i < 600 && streams() > 1; ++i) {
    EXPECT_TRUE(is_lent(other));
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(streams(), 1);
}

// What it is owed finds no room in the memory of all streams: it is ended at once.
TEST_F(StreamLaneTest, cuts_one_that_waits_for_room) {
  constexpr std::size_t front_bytes = hot_body_bytes_max + 1;  // no message for a lane
  constexpr int fills = 8;
  options.answers_bytes_max = fills * limits::answer_bytes_kept(front_bytes);
  lane_bus.delay = milliseconds(3'000);
  auto client = run_with_stream();
  auto other = lent_stream();
  EXPECT_NE(ask(client, message(77, 1)).find(R"("outcome":"found")"), std::string::npos);
  fill_room(client);
  delay_front(milliseconds(2'000));
  auto greedy = open();
  const int before = bus.asked_for;
  const int answered = bus.asked;
  write_slow(greedy, fills, front_bytes);
  while (bus.asked_for < before + fills) std::this_thread::sleep_for(milliseconds(1));
  model::ClaimEvent refusal;
  refusal.claim = {0x77, 0x78};
  refusal.outcome = model::Outcome::sold_out;
  tell({refusal});
  boost::beast::flat_buffer buffer;
  boost::system::error_code error;
  client.read(buffer, error);
  const bool too_busy = bus.asked > answered;
  const bool before_any = lane_bus.asked == 0;
  EXPECT_TRUE(answers(ask(other, message(4, 4)), 4, 4));
  expect_answers(greedy, fills);
  if (too_busy) return;  // there was room again
  EXPECT_TRUE(error);
  EXPECT_NE(error, websocket::error::closed);
  EXPECT_TRUE(before_any);
  EXPECT_EQ(streams(), 2);
}

TEST_F(StreamLaneTest, keeps_room_for_the_answers_under_way_of_a_stream) {
  lane_bus.delay = milliseconds(1'000);
  auto client = run_with_stream();
  const int before = bus.asked_for;
  constexpr int most = limits::stream_out_bytes_max / limits::answer_bytes_kept(large_bytes);
  write_slow(client, most + 20, large_bytes);
  expect_asked_for(most);
  expect_answers(client, most + 20);
  EXPECT_TRUE(is_lent(client));
  EXPECT_EQ(bus.asked_for.load(), before);
}

// What is above is asked for by the front.
TEST_F(StreamLaneTest, keeps_room_for_the_answers_under_way_of_a_lane) {
  lane_bus.delay = milliseconds(1'000);
  run_lane();
  constexpr int streams = 5;
  constexpr int count = 40;
  constexpr int most = limits::lane_answers_bytes_max / limits::answer_bytes_kept(large_bytes);
  static_assert(streams * count > most);
  std::vector<Client> clients;
  for (int i = 0; i < streams; ++i) clients.push_back(lent_stream());
  const int before = bus.asked_for;
  for (auto& client : clients) write_slow(client, count, large_bytes);
  expect_asked_for(most);
  for (auto& client : clients) expect_answers(client, count);
  EXPECT_EQ(lane_bus.asked_for + bus.asked_for - before, streams * count);
}

TEST_F(StreamLaneTest, an_answer_for_a_client_that_has_left_is_dropped) {
  lane_bus.delay = milliseconds(1'000);
  run_lane();
  auto other = lent_stream();
  {
    auto client = lent_stream();
    please(client);
    EXPECT_EQ(streams(), 2);
    write(client.next_layer(), frame_of(message(2, 1)) + frame_of(message(2, 2)));
    while (lane_bus.asked_for < 2) std::this_thread::sleep_for(milliseconds(1));
  }
  wait_for_streams(1);
  while (lane_bus.asked < 2) EXPECT_TRUE(is_lent(other));
  EXPECT_TRUE(is_lent(other));
}

// Its server has ended by then, unless the machine is very busy.
TEST_F(StreamLaneTest, an_answer_may_come_after_the_server) {
  lane_bus.delay = milliseconds(2'000);
  run_lane();
  {
    auto client = lent_stream();
    write(client.next_layer(), frame_of(message(2, 1)));
    while (lane_bus.asked_for < 1) std::this_thread::sleep_for(milliseconds(1));
  }
  wait_for_streams(0);
  server->stop();
  thread.join();
  EXPECT_EQ(server->connections(), 0U);
  server.reset();
}

TEST_F(StreamLaneTest, knows_worlds_by_name_once_they_were_asked_for) {
  auto client = run_with_stream();
  const int before = bus.asked;
  EXPECT_TRUE(answers(ask(client, message(5, 1, "\"north\"")), 5, 1));
  EXPECT_EQ(lane_bus.asked.load(), 1);
  EXPECT_EQ(lane_bus.last_world.load(), 7U);
  const int at_once_before = at_once;
  EXPECT_TRUE(answers(ask(client, message(5, 2, "\"north\"")), 5, 2));
  EXPECT_EQ(at_once.load(), at_once_before + 1);
  const auto wrong = ask(client, message(5, 3, "\"nort\""));
  EXPECT_TRUE(wrong.starts_with(R"({"id":3,"error":{)")) << wrong;
  EXPECT_NE(wrong.find("did you mean"), std::string::npos) << wrong;
  EXPECT_TRUE(is_lent(client));
  EXPECT_EQ(bus.asked.load(), before);
}

TEST_F(StreamLaneTest, takes_a_message_in_parts_and_gives_a_slow_one_back) {
  run_lane();
  auto client = lent_stream();
  const std::string frame = frame_of(message(6, 6));
  for (const std::size_t cut :
       {std::size_t{1}, std::size_t{3}, std::size_t{12}, std::size_t{60}, frame.size() - 1}) {
    please(client);
    write(client.next_layer(), frame.substr(0, cut));
    std::this_thread::sleep_for(milliseconds(20));
    write(client.next_layer(), frame.substr(cut));
    EXPECT_TRUE(answers(next(client), 6, 6));
  }
  const int before = bus.asked;
  for (int wait_ms = 600; bus.asked == before && wait_ms < 20'000; wait_ms *= 2) {
    write(client.next_layer(), frame.substr(0, 50));
    std::this_thread::sleep_for(milliseconds(wait_ms));
    write(client.next_layer(), frame.substr(50));
    EXPECT_TRUE(answers(next(client), 6, 6));
  }
  EXPECT_EQ(bus.asked.load(), before + 1);
}

TEST_F(StreamLaneTest, answers_fragments_large_messages_and_other_letters_at_the_front) {
  run_lane();
  auto client = lent_stream();
  const std::string text = message(6, 6);
  for (const std::size_t spaces : {std::size_t{0}, std::size_t{20'000}, std::size_t{100'000}}) {
    please(client);
    client.write_some(false, asio::buffer(text.data(), 10));
    client.write_some(false, asio::buffer(text.data() + 10, 10));
    const std::string rest = text.substr(20) + std::string(spaces, ' ');
    client.write_some(true, asio::buffer(rest));
    EXPECT_TRUE(answers(next(client), 6, 6));
    settle(client);  // after a long one, one more is the front's
    please(client);
    const std::string whole = text + std::string(spaces, ' ');
    EXPECT_TRUE(answers(ask(client, whole), 6, 6));
    settle(client);
  }
  please(client);
  const auto wrong = ask(client, message(6, 6, "\"n\xc3\xb6rd\""));
  EXPECT_NE(wrong.find(R"({"id":6,"error")"), std::string::npos) << wrong;
}

TEST_F(StreamLaneTest, answers_pings_between_messages) {
  run_lane();
  auto client = lent_stream();
  std::string pong;
  client.control_callback([&pong](websocket::frame_type kind, boost::beast::string_view text) {
    if (kind == websocket::frame_type::pong) pong.assign(text.data(), text.size());
  });
  for (int i = 0; i < 5; ++i) {
    please(client);
    const std::string sent = fmt::format("ping {}", i);
    client.ping(websocket::ping_data(sent.data(), sent.size()));
    EXPECT_TRUE(answers(ask(client, message(4, 4)), 4, 4));
    EXPECT_EQ(pong, sent);
  }
}

TEST_F(StreamLaneTest, says_goodbye_as_it_was_said_to) {
  run_lane();
  auto client = lent_stream();
  client.close({websocket::close_code::normal, "bye"});
  EXPECT_EQ(client.reason().code, websocket::close_code::normal);
}

TEST_F(StreamLaneTest, closes_with_a_reason_what_it_cannot_take) {
  run_lane();
  auto binary = lent_stream();
  binary.binary(true);
  const std::string good = positions(1);
  binary.write(asio::buffer(good));
  EXPECT_EQ(goodbye(binary).code, websocket::close_code::unknown_data);
  auto letters = lent_stream();
  write(letters.next_layer(), frame_of("\"\xff\xfe\""));
  EXPECT_EQ(goodbye(letters).code, websocket::close_code::bad_payload);
  auto unmasked = lent_stream();
  write(unmasked.next_layer(), std::string("\x81\x02{}", 4));
  EXPECT_EQ(goodbye(unmasked).code, websocket::close_code::protocol_error);
  auto reserved = lent_stream();
  write(reserved.next_layer(), std::string("\xc1\x82\0\0\0\0{}", 8));
  EXPECT_EQ(goodbye(reserved).code, websocket::close_code::protocol_error);
  auto big = lent_stream();
  const std::string flood(limits::body_bytes_max + 1, ' ');
  boost::system::error_code error;
  big.write(asio::buffer(flood), error);
  boost::beast::flat_buffer buffer;
  for (error = {}; !error;) big.read(buffer, error);
  EXPECT_EQ(send("GET", "/livez").status, 200U);
}

TEST_F(StreamLaneTest, tells_grants_in_order_while_the_lane_answers) {
  auto client = run_with_stream();
  constexpr std::uint64_t grants = 3'000;
  std::thread teller([this] {
    for (std::uint64_t from = 1; from <= grants; from += 5) commit_and_tell(from, from + 4);
  });
  codec::AnswersReader reader;
  std::uint64_t seen = 0;
  std::uint64_t answered = 0;
  const int before = at_once;
  for (int id = 0; seen < grants; ++id) {
    const std::string text = message(9, id);
    client.write(asio::buffer(text));
    for (bool waits = true; waits;) {
      const auto answer = reader.parse(next(client));
      ASSERT_TRUE(answer.has_value());
      const auto* event = std::get_if<model::ClaimEvent>(&answer->content);
      if (event != nullptr) {
        ASSERT_EQ(event->cursor, ++seen);
      } else {
        ASSERT_EQ(answer->id, static_cast<std::uint64_t>(id));
        ++answered;
        waits = false;
      }
    }
  }
  teller.join();
  EXPECT_GE(static_cast<std::uint64_t>(at_once - before), answered * 9 / 10);
}

TEST_F(StreamLaneTest, tells_refusals_of_what_the_lane_answered) {
  run_lane();
  auto client = lent_stream();
  auto other = lent_stream();
  model::ClaimEvent refusal;
  refusal.claim = {0x77, 0x78};
  refusal.outcome = model::Outcome::sold_out;
  for (int i = 0; i < 10; ++i) {
    EXPECT_NE(ask(client, message(77, 1)).find(R"("outcome":"found")"), std::string::npos);
    tell({refusal});
    EXPECT_TRUE(next(client).starts_with(
        R"({"claim":{"claim":"00000000000000770000000000000078","outcome":"sold_out")"));
  }
  EXPECT_TRUE(is_lent(client));
  EXPECT_TRUE(is_lent(other));  // and has heard of none
}

// Neither grants nor answers, whichever the socket has no room for.
TEST_F(StreamLaneTest, who_reads_late_gets_all_of_it) {
  lane_bus.delay = milliseconds(20);
  run_lane();
  auto client = lent_stream("/v1/stream?after=0");
  constexpr int count = 20'000;
  constexpr std::uint64_t grants = 20'000;
  std::string all;
  for (int i = 0; i < count; ++i) all += frame_of(message(i % 9 == 0 ? 2 : 1'000 + i, i));
  std::thread writer([&all, descriptor = client.next_layer().native_handle()] {
    for (std::size_t sent = 0; sent < all.size();) {
      const auto more = ::send(descriptor, all.data() + sent, all.size() - sent, MSG_NOSIGNAL);
      if (more <= 0) return;
      sent += static_cast<std::size_t>(more);
    }
  });
  for (std::uint64_t from = 1; from <= grants; from += 500) commit_and_tell(from, from + 499);
  std::this_thread::sleep_for(milliseconds(300));
  codec::AnswersReader reader;
  std::vector<bool> answered(count, false);
  std::uint64_t seen = 0;
  for (std::uint64_t i = 0; i < count + grants; ++i) {
    const auto answer = reader.parse(next(client));
    ASSERT_TRUE(answer.has_value());
    if (const auto* event = std::get_if<model::ClaimEvent>(&answer->content)) {
      ASSERT_EQ(event->cursor, ++seen);
    } else {
      ASSERT_TRUE(answer->id && *answer->id < count && !answered[*answer->id]);
      answered[*answer->id] = true;
    }
  }
  writer.join();
}

TEST_F(StreamLaneTest, answers_what_is_in_flight_before_it_says_goodbye) {
  lane_bus.delay = milliseconds(200);
  run_lane();
  auto idle = lent_stream();
  auto asking = lent_stream();
  const std::string text = message(2, 1);
  asking.write(asio::buffer(text));
  while (lane_bus.asked_for == 0) std::this_thread::sleep_for(milliseconds(1));
  server->stop();
  EXPECT_NE(next(asking).find("found"), std::string::npos);
  EXPECT_EQ(goodbye(asking).code, websocket::close_code::going_away);
  EXPECT_EQ(goodbye(idle).code, websocket::close_code::going_away);
}

TEST_F(StreamLaneTest, ends_with_a_client_that_vanishes) {
  run_lane();
  {
    auto client = lent_stream();
    EXPECT_EQ(streams(), 1);
    write(client.next_layer(), frame_of(message(5, 5)).substr(0, 30));
  }
  wait_for_streams(0);
}

// Who says nothing is pinged by the front, and ended when it does not answer.
TEST_F(StreamLaneTest, pings_who_says_nothing_and_ends_who_does_not_answer) {
  options.idle_timeout = milliseconds(1'000);
  run_lane();
  auto client = lent_stream();
  auto dead = lent_stream();
  int pings = 0;
  client.control_callback([&pings](websocket::frame_type kind, boost::beast::string_view) {
    if (kind == websocket::frame_type::ping) ++pings;
  });
  std::thread reader([&client] {
    boost::beast::flat_buffer buffer;
    boost::system::error_code error;
    client.read(buffer, error);
  });
  std::this_thread::sleep_for(milliseconds(5'000));
  const auto stats = boost::json::parse(send("GET", "/v1/stats").body);
  EXPECT_EQ(stats.at("http").at("streams").to_number<int>(), 1);
  server->stop();
  reader.join();
  EXPECT_GE(pings, 2);
  boost::beast::flat_buffer buffer;
  boost::system::error_code error;
  while (!error) dead.read(buffer, error);
  EXPECT_NE(error, websocket::error::closed);
}

// Splits, mixes, pings and waits as they come; every answer is held against what was asked.
TEST_F(StreamLaneTest, loses_and_doubles_nothing_for_any_seed) {
  bus.delay = lane_bus.delay = milliseconds(1);
  run_lane();
  std::atomic<bool> over = false;
  std::thread teller([this, &over] {
    for (std::uint64_t cursor = 1; !over; ++cursor) {
      commit_and_tell(cursor, cursor);
      std::this_thread::sleep_for(milliseconds(1));
    }
  });
  std::vector<std::thread> clients;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    clients.emplace_back([this, seed] {
      asio::io_context loop;
      Client client(loop);
      client.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
      client.handshake("localhost", "/v1/stream?after=0");
      Prng prng(seed);
      codec::AnswersReader reader;
      int id = 0;
      std::uint64_t seen = 0;
      for (int round = 0; round < 150; ++round) {
        std::map<std::uint64_t, int> asked;
        std::string bytes;
        for (std::uint64_t n = 1 + prng.below(6); n > 0; --n) {
          const auto what = prng.below(40);
          if (what == 0) bytes += std::string("\x89\x80\0\0\0\0", 6);
          const int x = what < 3 ? 2 : 100 + static_cast<int>(prng.below(900));
          asked[static_cast<std::uint64_t>(id)] = x;
          const auto spaces = what == 4 ? prng.below(40'000) : 0;
          bytes += frame_of(message(x, id++) + std::string(spaces, ' '));
        }
        const std::size_t cut = prng.below(2) == 0 ? 0 : prng.below(bytes.size());
        write(client.next_layer(), bytes.substr(0, cut));
        if (prng.below(4) == 0) std::this_thread::sleep_for(milliseconds(2));
        write(client.next_layer(), bytes.substr(cut));
        while (!asked.empty()) {
          const auto answer = reader.parse(next(client));
          ASSERT_TRUE(answer.has_value()) << "seed " << seed;
          if (const auto* event = std::get_if<model::ClaimEvent>(&answer->content)) {
            ASSERT_EQ(event->cursor, ++seen) << "seed " << seed;
          } else {
            ASSERT_TRUE(answer->id && asked.erase(*answer->id) == 1) << "seed " << seed;
          }
        }
      }
    });
  }
  for (auto& client : clients) client.join();
  over = true;
  teller.join();
  EXPECT_GT(at_once.load(), 100);
}

TEST_F(StreamLaneTest, a_message_costs_no_allocation) {
  auto client = run_with_stream();
  const int descriptor = client.next_layer().native_handle();
  EXPECT_EQ(fewest_allocations(descriptor, frame_of(message(5, 5))), 0U);
}

}  // namespace
}  // namespace hunt::http
