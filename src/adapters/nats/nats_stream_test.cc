// Stored positions over a real nats-server: clients by hand, poison, full streams, streams of
// others, and no JetStream at all.
#include "adapters/nats/nats_stream.h"

#include "adapters/nats/link.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/nats/nats_test_support.h"
#include "adapters/nats/signer.h"

namespace hunt::nats {
namespace {

constexpr const char* player = "0f8fad5b-d9cb-469f-a165-70867728950e";

// Acknowledges everything, and replies `nothing` where somebody wants to know.
class Taker final : public ports::DeliveryHandler {
 public:
  asio::awaitable<ports::Settled> handle(ports::Delivery delivery) override {
    seen.push_back(delivery);
    if (stream != nullptr && !delivery.reply_to.empty()) {
      model::BatchReply outcomes;
      outcomes.outcomes.resize(delivery.batch.positions.size());
      EXPECT_TRUE(stream->reply(delivery.reply_to, delivery.batch, outcomes).has_value());
    }
    co_return settled;
  }
  NatsStream* stream = nullptr;
  ports::Settled settled = ports::Settled::ack;
  std::vector<ports::Delivery> seen;
};

asio::awaitable<Result<model::WorldId>> find_demo(std::string name) {
  if (name == "demo") co_return model::WorldId{42};
  co_return fail(Errc::not_found, "there is no world \"" + name + "\"", "world");
}

std::string json_batch(const std::string& world, int x = 9) {
  return fmt::format(R"({{"world":{},"positions":[{{"player":"{}","x":{},"y":-3}}]}})", world,
                     player, x);
}

model::Batch a_batch(std::size_t positions = 1) {
  model::Batch batch;
  batch.positions.resize(positions);
  return batch;
}

class NatsStreamTest : public ::testing::Test {
 protected:
  void serve(StreamSettings settings = small_streams()) {
    connection_ = connected(lanes_, 0, options_for(server_));
    const auto prepared = lanes_.run(0, connection_->prepare(settings, {"0", "any"}));
    ASSERT_TRUE(prepared.has_value()) << prepared.error().message;
    StreamOptions options;
    options.ack_wait_ns = ack_wait_ns;
    options.find_world = find_demo;
    stream_.emplace(*connection_, std::move(options));
    taker_.stream = &*stream_;
    stream_->serve({0}, taker_, 64);
  }
  void TearDown() override {
    if (stream_) stream_->stop();
  }
  [[nodiscard]] std::string info(const std::string& what) {
    return raw_.request(lanes_, "$JS.API." + what, "").body;
  }

  NatsServer server_;
  Lanes lanes_{1};
  RawClient raw_{server_.port()};
  Taker taker_;
  std::unique_ptr<Connection> connection_;
  std::optional<NatsStream> stream_;
};

TEST_F(NatsStreamTest, a_client_of_any_language_stores_json_and_hears_the_outcomes) {
  serve();
  raw_.subscribe("game7.outcomes");
  const auto ack = raw_.request(lanes_, "hunt.pos.any", json_batch(R"("demo")"),
                                "Nats-Msg-Id: 1\r\nHunt-Reply-To: game7.outcomes\r\n");
  EXPECT_TRUE(read_ack(ack.body, "HUNT_POS").has_value()) << ack.body;
  std::optional<RawClient::Message> outcomes;
  ASSERT_TRUE(lanes_.run_until([&] {
    outcomes = raw_.poll();
    return outcomes && outcomes->subject == "game7.outcomes";
  }));
  EXPECT_EQ(outcomes->body,
            fmt::format(R"({{"outcomes":[{{"player":"{}","x":9,"y":-3,"outcome":"nothing"}}]}})",
                        player));
  ASSERT_EQ(taker_.seen.size(), 1U);
  EXPECT_EQ(taker_.seen[0].batch.world, 42U);
  EXPECT_TRUE(taker_.seen[0].any);
  // Nothing of what is settled is kept.
  ASSERT_TRUE(lanes_.run_until(
      [&] { return info("STREAM.INFO.HUNT_POS").find(R"("messages":0,)") != std::string::npos; }));
}

TEST_F(NatsStreamTest, what_can_never_be_read_is_a_dead_letter_and_the_stream_goes_on) {
  serve();
  raw_.subscribe("hunt.dlq");
  const std::string garbage(80, '\1');
  raw_.publish("hunt.pos.0", "", garbage);
  raw_.publish("hunt.pos.0", "", R"({"world":1,"positions":[{"player":"x","x":1,"y":2}]})");
  raw_.publish("hunt.pos.0", "", json_batch(R"("atlantis")"));
  raw_.publish("hunt.pos.0", "", json_batch("1", 77));
  std::vector<RawClient::Message> letters;
  ASSERT_TRUE(lanes_.run_until([&] {
    if (auto letter = raw_.poll()) letters.push_back(std::move(*letter));
    return letters.size() == 3 && taker_.seen.size() == 1;
  }));
  EXPECT_EQ(taker_.seen[0].batch.positions[0].tile.x, 77);
  const auto said = [&letters](const std::string& text) {
    return std::any_of(letters.begin(), letters.end(), [&text](const auto& letter) {
      return letter.headers.find(text) != std::string::npos;
    });
  };
  EXPECT_TRUE(said("neither JSON nor FlatBuffers"));
  EXPECT_TRUE(said("positions[0].player"));
  EXPECT_TRUE(said("there is no world \"atlantis\""));
  EXPECT_TRUE(said("Hunt-Sequence: 1\r\n"));
  for (const auto& letter : letters) {
    EXPECT_NE(letter.headers.find("Hunt-Deliveries: 1\r\n"), std::string::npos) << letter.headers;
  }
  EXPECT_TRUE(std::any_of(letters.begin(), letters.end(),
                          [&](const auto& letter) { return letter.body == garbage; }));
  ASSERT_TRUE(lanes_.run_until(
      [&] { return info("STREAM.INFO.HUNT_POS").find(R"("messages":0,)") != std::string::npos; }));
  EXPECT_NE(info("STREAM.INFO.HUNT_DLQ").find(R"("messages":3,)"), std::string::npos);
  EXPECT_EQ(connection_->link()->figures().buried, 3U);
}

// What waits at the server is told per shard, and nothing once it does not answer.
TEST_F(NatsStreamTest, the_backlog_is_asked_of_the_server) {
  connection_ = connected(lanes_, 0, options_for(server_));
  const auto settings = small_streams();
  ASSERT_TRUE(lanes_.run(0, connection_->prepare(settings, {"0", "any"})).has_value());
  NatsBus bus(*connection_, {});
  bus.watch_streams(*connection_, settings, {"0", "any"}, [](std::string) {});
  for (int i = 0; i < 3; ++i) raw_.publish("hunt.pos.0", "", json_batch("1", i));
  const auto backlogs = [&] { return connection_->link()->figures().backlogs.all(); };
  ASSERT_TRUE(lanes_.run_until([&] {
    const auto all = backlogs();
    return all.size() == 2 && all[0].pending == 3;
  }));
  EXPECT_EQ(backlogs()[0].shard, "0");
  EXPECT_EQ(backlogs()[1].shard, "any");
  EXPECT_EQ(backlogs()[1].pending, 0U);
  EXPECT_EQ(backlogs()[0].at_work + backlogs()[0].redelivered, 0U);
  // Given to somebody who gives them back: at work, and more than once.
  StreamOptions options;
  options.ack_wait_ns = ack_wait_ns;
  stream_.emplace(*connection_, std::move(options));
  taker_.settled = ports::Settled::nak;
  stream_->serve({0}, taker_, 64);
  EXPECT_TRUE(lanes_.run_until(
      [&] { return backlogs()[0].pending == 0 && backlogs()[0].redelivered > 0; }));
  lanes_.run(0, bus.stop_watching());
}

// Changed after it was made again and before the next look: the config of the first look is no
// measure of what it should be.
TEST_F(NatsStreamTest, other_settings_of_a_stream_that_was_made_again_are_told) {
  connection_ = connected(lanes_, 0, options_for(server_));
  const auto settings = small_streams();
  ASSERT_TRUE(lanes_.run(0, connection_->prepare(settings, {"0"})).has_value());
  NatsBus bus(*connection_, {});
  std::string said;
  bus.watch_streams(*connection_, settings, {"0"}, [&said](std::string what) { said = what; });
  const auto& figures = connection_->link()->figures();
  ASSERT_TRUE(lanes_.run_until([&] { return !figures.backlogs.all().empty(); }));
  ASSERT_NE(info("STREAM.DELETE.HUNT_POS").find(R"("success":true)"), std::string::npos);
  ASSERT_TRUE(lanes_.run_until([&] { return figures.remade > 0; }));
  const std::string now = info("STREAM.INFO.HUNT_POS");
  const std::size_t begin = now.find(R"("config":)") + 9;
  std::string config = now.substr(begin, now.find(R"(,"created":)", begin) - begin);
  const std::size_t age = config.find(R"("max_age":)");
  ASSERT_NE(age, std::string::npos) << config;
  config.replace(age, config.find(',', age) - age, R"("max_age":1000000000000)");
  const auto changed = raw_.request(lanes_, "$JS.API.STREAM.UPDATE.HUNT_POS", config).body;
  ASSERT_EQ(changed.find("error"), std::string::npos) << config << changed;
  EXPECT_TRUE(lanes_.run_until([&] { return said.find("max_age") != said.npos; })) << said;
  lanes_.run(0, bus.stop_watching());
}

TEST_F(NatsStreamTest, a_batch_may_name_the_subject_for_its_outcomes_itself) {
  serve();
  raw_.subscribe("game7.outcomes");
  std::string batch = json_batch("1");
  batch.insert(1, R"("reply_to":"game7.outcomes",)");
  raw_.publish("hunt.pos.0", "", batch);
  ASSERT_TRUE(lanes_.run_until([&] {
    const auto message = raw_.poll();
    return message && message->subject == "game7.outcomes";
  }));
  ASSERT_EQ(taker_.seen.size(), 1U);
  EXPECT_EQ(taker_.seen[0].reply_to, "game7.outcomes");
}

TEST_F(NatsStreamTest, a_strangers_reply_subject_does_no_harm) {
  serve();
  for (const char* subject : {"$JS.API.STREAM.DELETE.HUNT_POS", "hunt.pos.0", "a b", "x.>"}) {
    raw_.publish("hunt.pos.0", "", json_batch("1"), fmt::format("Hunt-Reply-To: {}\r\n", subject));
  }
  ASSERT_TRUE(lanes_.run_until([&] { return taker_.seen.size() == 4; }));
  for (const auto& delivery : taker_.seen) EXPECT_TRUE(delivery.reply_to.empty());
  ASSERT_TRUE(lanes_.run_until(
      [&] { return info("STREAM.INFO.HUNT_POS").find(R"("messages":0,)") != std::string::npos; }));
}

TEST_F(NatsStreamTest, a_later_time_than_the_streams_own_is_not_believed) {
  serve();
  raw_.publish("hunt.pos.0", "", json_batch("1"), "Hunt-As-Of: 9000000000000000\r\n");
  raw_.publish("hunt.pos.0", "", json_batch("1"), "Hunt-As-Of: soon\r\n");
  ASSERT_TRUE(lanes_.run_until([&] { return taker_.seen.size() == 2; }));
  for (const auto& delivery : taker_.seen) {
    ASSERT_TRUE(delivery.batch.as_of_us.has_value());
    EXPECT_LT(*delivery.batch.as_of_us, 9'000'000'000'000'000);
    EXPECT_GT(*delivery.batch.as_of_us, 1'700'000'000'000'000);
  }
}

TEST_F(NatsStreamTest, an_earlier_time_counts_with_the_signature_of_the_hunt_alone) {
  serve();
  const std::string body = json_batch("1");
  const std::string earlier = "1700000000000000";
  const auto publish = [&](const std::string& signature, const std::string& as_of) {
    raw_.publish("hunt.pos.0", "", body,
                 fmt::format("Hunt-As-Of: {}\r\nHunt-Signature: {}\r\n", as_of, signature));
  };
  Signer ours(options_for(server_).key);
  Signer strangers(std::vector<std::uint8_t>(32, 8));
  raw_.publish("hunt.pos.0", "", body, "Hunt-As-Of: " + earlier + "\r\n");
  publish("00", earlier);
  publish(strangers.sign("hunt.pos.0", earlier, body), earlier);
  publish(ours.sign("hunt.pos.1", earlier, body), earlier);                 // of another stream
  publish(ours.sign("hunt.pos.0", earlier, json_batch("1", 10)), earlier);  // other content
  publish(ours.sign("hunt.pos.0", earlier, body), "1600000000000000");      // another time
  ASSERT_TRUE(lanes_.run_until([&] { return taker_.seen.size() == 6; }));
  for (const auto& delivery : taker_.seen) {
    EXPECT_GT(*delivery.batch.as_of_us, 1'750'000'000'000'000);
    EXPECT_TRUE(delivery.unsigned_time);
  }
  publish(ours.sign("hunt.pos.0", earlier, body), earlier);
  auto passed_on = a_batch();
  passed_on.as_of_us = 1'700'000'000'000'000;
  ASSERT_TRUE(lanes_.run(0, stream_->publish(0, passed_on, "1")).has_value());
  ASSERT_TRUE(lanes_.run_until([&] { return taker_.seen.size() == 8; }));
  for (std::size_t i = 6; i < 8; ++i) {
    EXPECT_EQ(*taker_.seen[i].batch.as_of_us, 1'700'000'000'000'000);
    EXPECT_FALSE(taker_.seen[i].unsigned_time);
  }
}

TEST_F(NatsStreamTest, a_full_stream_is_overloaded_and_loses_nothing) {
  StreamSettings settings = small_streams();
  settings.positions_bytes_max = 16 * 1'024;
  serve(settings);
  taker_.settled = ports::Settled::nak;
  Result<void> stored;
  std::size_t accepted = 0;
  for (int i = 0; i < 100 && stored; ++i) {
    stored = lanes_.run(0, stream_->publish(0, a_batch(20), std::to_string(i)));
    if (stored) ++accepted;
  }
  ASSERT_FALSE(stored.has_value());
  EXPECT_EQ(stored.error().code, Errc::overloaded) << stored.error().message;
  EXPECT_GT(accepted, 5U);
  EXPECT_NE(info("STREAM.INFO.HUNT_POS").find(fmt::format(R"("messages":{},)", accepted)),
            std::string::npos);
  taker_.settled = ports::Settled::ack;
  ASSERT_TRUE(lanes_.run_until(
      [&] { return lanes_.run(0, stream_->publish(0, a_batch(20), "later")).has_value(); }));
}

TEST_F(NatsStreamTest, two_orchestrators_share_a_shard) {
  serve();
  const auto second = connected(lanes_, 0, options_for(server_));
  StreamOptions options;
  options.ack_wait_ns = ack_wait_ns;
  options.any = false;
  NatsStream other(*second, options);
  Taker taker;
  other.serve({0}, taker, 8);
  ASSERT_TRUE(lanes_.run_until([&] {
    raw_.publish("hunt.pos.0", "", json_batch("1"));
    return !taker.seen.empty() && !taker_.seen.empty();
  }));
  other.stop();
}

TEST_F(NatsStreamTest, preparing_again_changes_nothing_and_other_settings_are_named) {
  serve();
  const auto again = lanes_.run(0, connection_->prepare(small_streams(), {"0", "any"}));
  EXPECT_TRUE(again.has_value()) << again.error().message;
  StreamSettings settings = small_streams();
  settings.positions_bytes_max *= 2;  // the operator's
  EXPECT_TRUE(lanes_.run(0, connection_->prepare(settings, {"0"})).has_value());
  settings.ack_wait_ns *= 2;
  const auto consumer = lanes_.run(0, connection_->prepare(settings, {"0"}));
  ASSERT_FALSE(consumer.has_value());
  EXPECT_EQ(consumer.error().code, Errc::invalid_argument);
  EXPECT_EQ(consumer.error().field, "ack_wait");
  EXPECT_NE(consumer.error().message.find("ack_wait is 800000000, expected 1600000000"),
            std::string::npos)
      << consumer.error().message;
}

TEST(NatsStreams, one_that_would_lose_positions_is_refused_with_the_field_that_differs) {
  struct Case {
    const char* config;
    const char* field;
    const char* expected;
  };
  const Case cases[] = {
      {R"("subjects":["hunt.pos.*"],"retention":"limits")", "retention", "expected workqueue"},
      {R"("subjects":["hunt.pos.*"],"retention":"workqueue","storage":"memory")", "storage",
       "expected file"},
      {R"("subjects":["hunt.pos.>"],"retention":"workqueue","storage":"file")", "subjects",
       "expected hunt.pos.*"},
      {R"("subjects":["hunt.pos.*"],"retention":"workqueue","storage":"file","discard":"old",)"
       R"("duplicate_window":120000000000)",
       "discard", "expected new"},
      {R"("subjects":["hunt.pos.*"],"retention":"workqueue","storage":"file","discard":"new",)"
       R"("duplicate_window":120000000000,"max_age":600000000000)",
       "max_age", "expected 0"},
  };
  NatsServer server;
  Lanes lanes(1);
  RawClient raw(server.port());
  const auto connection = connected(lanes, 0, options_for(server));
  for (const Case& one : cases) {
    const auto made = raw.request(lanes, "$JS.API.STREAM.CREATE.HUNT_POS",
                                  fmt::format(R"({{"name":"HUNT_POS",{}}})", one.config));
    ASSERT_EQ(made.body.find(R"("error")"), std::string::npos) << made.body;
    const auto prepared = lanes.run(0, connection->prepare(small_streams(), {"0"}));
    ASSERT_FALSE(prepared.has_value()) << one.field;
    EXPECT_EQ(prepared.error().code, Errc::invalid_argument);
    EXPECT_EQ(prepared.error().field, one.field) << prepared.error().message;
    EXPECT_NE(prepared.error().message.find("the stream HUNT_POS"), std::string::npos);
    EXPECT_NE(prepared.error().message.find(one.expected), std::string::npos)
        << prepared.error().message;
    static_cast<void>(raw.request(lanes, "$JS.API.STREAM.DELETE.HUNT_POS", ""));
  }
}

TEST(NatsStreams, those_of_another_hunt_of_the_same_name_are_refused) {
  NatsServer server;
  Lanes lanes(1);
  const auto prepare = [&](const std::string& id, const std::string& name) {
    NatsOptions options = options_for(server);
    options.hunt = *model::HuntName::parse(name);
    options.owner = {id, "sqlite:" + id.substr(0, 1) + ".db"};
    const auto connection = connected(lanes, 0, options);
    return lanes.run(0, connection->prepare(small_streams(), {"0", "any"}));
  };
  const std::string a(32, 'a');
  const std::string b(32, 'b');
  // What an operator made before is the first one's who comes.
  RawClient raw(server.port());
  static_cast<void>(
      raw.request(lanes, "$JS.API.STREAM.CREATE.HUNT_CLAIMS",
                  R"({"name":"HUNT_CLAIMS","subjects":["hunt.claims.*"],"retention":"limits",)"
                  R"("storage":"file","discard":"old","duplicate_window":120000000000})"));
  ASSERT_TRUE(prepare(a, "hunt").has_value());
  EXPECT_TRUE(prepare(a, "hunt").has_value());
  const auto refused = prepare(b, "hunt");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::already_exists);
  for (const char* words : {"another hunt called \"hunt\"", "sqlite:a.db", "--hunt OTHER"}) {
    EXPECT_NE(refused.error().message.find(words), std::string::npos) << refused.error().message;
  }
  EXPECT_TRUE(prepare(b, "summer").has_value());
  // The streams alone are lost and somebody makes them without a word: the consumers tell.
  for (const char* stream : {"HUNT_CLAIMS", "HUNT_DLQ"}) {
    static_cast<void>(raw.request(lanes, fmt::format("$JS.API.STREAM.DELETE.{}", stream), ""));
  }
  EXPECT_FALSE(prepare(b, "hunt").has_value());
}

TEST(NatsStreams, without_jetstream_everything_says_so) {
  NatsServer server({}, false);
  Lanes lanes(1);
  const auto connection = connected(lanes, 0, options_for(server));
  const auto prepared = lanes.run(0, connection->prepare(small_streams(), {"0"}));
  ASSERT_FALSE(prepared.has_value());
  EXPECT_EQ(prepared.error().code, Errc::unsupported) << prepared.error().message;
  EXPECT_NE(prepared.error().message.find("-js"), std::string::npos) << prepared.error().message;
  NatsStream stream(*connection, StreamOptions());
  const auto stored = lanes.run(0, stream.publish(0, a_batch(), "1"));
  ASSERT_FALSE(stored.has_value());
  EXPECT_EQ(stored.error().code, Errc::unavailable) << stored.error().message;
  NatsBus bus(*connection, BusOptions());
  std::vector<model::ClaimEvent> events(3);
  const auto told = lanes.run(0, bus.tell(std::move(events)));
  ASSERT_FALSE(told.has_value());
  EXPECT_EQ(told.error().code, Errc::unavailable) << told.error().message;
  // It comes up by itself as soon as there is a stream.
  Taker taker;
  stream.serve({0}, taker, 4);
  lanes.run_for(std::chrono::milliseconds(600));
  EXPECT_TRUE(taker.seen.empty());
}

}  // namespace
}  // namespace hunt::nats
