// The bus over a real nats-server: clients of any language, bad input, credentials, and what a
// listener sees that falls behind.
#include "adapters/nats/nats_bus.h"

#include <algorithm>

#include "adapters/nats/nats_test_support.h"
#include "adapters/nats/signer.h"
#include "codec/flat_change.h"
#include "model/outside.h"

namespace hunt::nats {
namespace {

constexpr const char* player = "0f8fad5b-d9cb-469f-a165-70867728950e";

// Every position is a hint of its x.
class Echo final : public ports::BatchHandler {
 public:
  asio::awaitable<Result<model::BatchReply>> handle(model::Batch batch, ports::Wait wait) override {
    ++handled;
    last_world = batch.world;
    last_wait = wait;
    model::BatchReply reply;
    for (const auto& position : batch.positions) {
      reply.outcomes.push_back(
          {model::Outcome::hint, static_cast<std::uint16_t>(position.tile.x), -1});
    }
    while (held) {
      asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(1));
      co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    co_return reply;
  }
  std::size_t handled = 0;
  bool held = false;
  model::WorldId last_world = 0;
  ports::Wait last_wait = ports::Wait::no;
};

asio::awaitable<Result<model::WorldId>> find_demo(std::string name) {
  if (name == "demo") co_return model::WorldId{42};
  co_return fail(Errc::not_found, "there is no world \"" + name + "\"", "world");
}

model::Batch a_batch(std::size_t positions = 1) {
  model::Batch batch;
  batch.positions.resize(positions);
  for (auto& position : batch.positions) position.tile.x = 5;
  return batch;
}

std::string json_batch(const std::string& world) {
  return fmt::format(
      R"({{"world":{},"wait":"terminal","positions":[{{"player":"{}","x":9,"y":-3}}]}})", world,
      player);
}

class NatsBusTest : public ::testing::Test {
 protected:
  // Lane 0 serves, lane 1 asks.
  void serve() {
    connection_ = connected(lanes_, 0, options_for(server_));
    BusOptions options;
    options.find_world = find_demo;
    bus_.emplace(*connection_, std::move(options));
    bus_->serve(echo_);
    ASSERT_TRUE(lanes_.run_until([this] { return is_served(); }));
  }
  [[nodiscard]] bool is_served() {
    return raw_.request(lanes_, "hunt.ask.any", json_batch("1")).headers.empty();
  }
  void TearDown() override {
    echo_.held = false;
    if (!bus_) return;
    bus_->stop_serving();
    // What the test heard into is gone.
    bus_->on_invalidation([](const auto&) {});
    bus_->on_claims([](const auto&) {});
    lanes_.run(0, bus_->drain());
  }

  NatsServer server_;
  Lanes lanes_{2};
  RawClient raw_{server_.port()};
  Echo echo_;
  std::unique_ptr<Connection> connection_;
  std::optional<NatsBus> bus_;
};

TEST_F(NatsBusTest, a_client_of_any_language_asks_in_json_and_is_answered_in_json) {
  serve();
  const auto answer = raw_.request(lanes_, "hunt.ask.any", json_batch("1"));
  EXPECT_EQ(answer.body, fmt::format(R"({{"outcomes":[{{"player":"{}","x":9,"y":-3,)"
                                     R"("outcome":"hint","distance":9}}]}})",
                                     player));
  EXPECT_EQ(echo_.last_wait, ports::Wait::terminal);
  static_cast<void>(raw_.request(lanes_, "hunt.ask.any", json_batch(R"("demo")")));
  EXPECT_EQ(echo_.last_world, 42U);
}

TEST_F(NatsBusTest, garbage_gets_an_error_with_code_and_message_in_its_own_form) {
  serve();
  const auto handled = echo_.handled;
  const auto json = raw_.request(lanes_, "hunt.ask.any", R"({"world":1,"positons":[]})");
  EXPECT_NE(json.body.find(R"({"error":{"code":"invalid_argument","message":")"), std::string::npos)
      << json.body;
  EXPECT_NE(json.body.find("did you mean"), std::string::npos) << json.body;
  const auto world = raw_.request(lanes_, "hunt.ask.any", json_batch(R"("dmo")"));
  EXPECT_NE(world.body.find(R"("code":"not_found")"), std::string::npos) << world.body;
  for (const std::string& bytes : {std::string(), std::string("\0\1\2", 3), std::string(64, 'x')}) {
    const auto answer = raw_.request(lanes_, "hunt.ask.any", bytes);
    const auto failure = codec::read_flat_failure(answer.body);
    ASSERT_TRUE(failure.has_value()) << failure.error().message;
    EXPECT_EQ(failure->code, Errc::invalid_argument);
    EXPECT_FALSE(failure->message.empty());
  }
  const auto large = raw_.request(lanes_, "hunt.ask.any", std::string(300'000, 'x'));
  EXPECT_EQ(codec::read_flat_failure(large.body)->code, Errc::too_large);
  EXPECT_EQ(echo_.handled, handled);
}

TEST_F(NatsBusTest, an_answer_never_goes_to_the_servers_own_subjects_or_ours) {
  serve();
  raw_.subscribe("hunt.pos.0");
  const auto handled = echo_.handled;
  raw_.publish("hunt.ask.any", "hunt.pos.0", json_batch("1"));
  raw_.publish("hunt.ask.any", "$SYS.REQ.SERVER.PING", json_batch("1"));
  ASSERT_TRUE(is_served());
  EXPECT_EQ(echo_.handled, handled + 1);
  EXPECT_FALSE(raw_.poll().has_value());
}

TEST_F(NatsBusTest, hunts_of_two_names_do_not_hear_each_other) {
  serve();
  NatsOptions options = options_for(server_);
  options.hunt = *model::HuntName::parse("summer");
  const auto connection = connected(lanes_, 1, options);
  ASSERT_TRUE(lanes_.run(1, connection->prepare(small_streams(), {"0"})).has_value());
  NatsBus summer(*connection, BusOptions());
  const auto nobody = lanes_.run(1, summer.ask(a_batch(), ports::Wait::no));
  ASSERT_FALSE(nobody.has_value());
  EXPECT_NE(nobody.error().message.find("summer.ask.any"), std::string::npos);
  EXPECT_EQ(echo_.handled, 1U);  // is_served()
  const auto info = raw_.request(lanes_, "$JS.API.STREAM.INFO.SUMMER_POS", "");
  EXPECT_NE(info.body.find(R"("subjects":["summer.pos.*"])"), std::string::npos) << info.body;
  const auto consumer = raw_.request(lanes_, "$JS.API.CONSUMER.INFO.SUMMER_POS.summer-0", "");
  EXPECT_NE(consumer.body.find(R"("filter_subject":"summer.pos.0")"), std::string::npos);
}

TEST_F(NatsBusTest, tells_who_it_is_in_the_service_protocol) {
  serve();
  const auto ping = raw_.request(lanes_, "$SRV.PING", "");
  EXPECT_TRUE(
      ping.body.starts_with(R"({"type":"io.nats.micro.v1.ping_response","name":"hunt","id":")"))
      << ping.body;
  const auto info = raw_.request(lanes_, "$SRV.INFO.hunt", "");
  EXPECT_NE(info.body.find(R"("subject":"hunt.ask.any","queue_group":"hunt")"), std::string::npos)
      << info.body;
  static_cast<void>(raw_.request(lanes_, "hunt.ask.any", "{"));
  const auto stats = raw_.request(lanes_, "$SRV.STATS.hunt", "");
  EXPECT_NE(stats.body.find(R"("num_errors":1,"last_error":")"), std::string::npos) << stats.body;
}

TEST_F(NatsBusTest, shows_the_shard_map_that_is_in_force) {
  serve();
  model::ShardMap map;
  map.version = 3;
  map.shards = 2;
  map.ranges.push_back({{1, 5}, 1});
  bus_->show_map(map);
  std::string body;
  ASSERT_TRUE(lanes_.run_until([&] {
    body = raw_.request(lanes_, "hunt.map", "").body;
    return !body.empty();
  }));
  EXPECT_EQ(body, R"({"version":3,"shards":2,"ranges":[{"world":0,"first_tile":"0","shard":0},)"
                  R"({"world":1,"first_tile":"5120","shard":1}]})");
  map.version = 4;
  bus_->show_map(map);
  EXPECT_TRUE(raw_.request(lanes_, "hunt.map", "").body.starts_with(R"({"version":4)"));
}

TEST_F(NatsBusTest, who_serves_a_shard_hears_its_asks_and_invalidations_only) {
  connection_ = connected(lanes_, 0, options_for(server_));
  BusOptions options;
  options.shards = {4};
  bus_.emplace(*connection_, options);
  bus_->serve(echo_);
  std::vector<model::ShardId> heard;
  bus_->on_invalidation([&heard](const auto& what) { heard.push_back(what.shard); });
  ASSERT_TRUE(lanes_.run_until(
      [this] { return raw_.request(lanes_, "hunt.ask.4", json_batch("1")).headers.empty(); }));
  EXPECT_NE(raw_.request(lanes_, "hunt.ask.any", json_batch("1")).headers.find("503"),
            std::string::npos);
  for (const model::ShardId shard : {3U, 4U}) {
    model::Invalidation invalidation;
    invalidation.shard = shard;
    bus_->publish(std::move(invalidation));
  }
  ASSERT_TRUE(lanes_.run_until([&heard] { return !heard.empty(); }));
  EXPECT_EQ(heard, (std::vector<model::ShardId>{4}));
}

TEST_F(NatsBusTest, an_ask_ends_at_its_deadline_and_a_late_answer_is_nobodys) {
  serve();
  const auto asking = connected(lanes_, 1, options_for(server_));
  BusOptions options;
  options.ask_ns_max = 50'000'000;
  NatsBus asker(*asking, options);
  echo_.held = true;
  const auto late = lanes_.run(1, asker.ask(a_batch(2), ports::Wait::no));
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, Errc::deadline_exceeded);
  echo_.held = false;
  Result<model::BatchReply> reply;
  ASSERT_TRUE(lanes_.run_until([&] {
    reply = lanes_.run(1, asker.ask(a_batch(3), ports::Wait::no));
    return reply.has_value();
  }));
  EXPECT_EQ(reply->outcomes.size(), 3U);
}

TEST_F(NatsBusTest, a_told_claim_is_stored_once_however_often_it_is_told) {
  serve();
  const auto prepared = lanes_.run(0, connection_->prepare(small_streams(), {}));
  ASSERT_TRUE(prepared.has_value()) << prepared.error().message;
  model::ClaimEvent event;
  event.claim = {1, 2};
  event.world = 7;
  event.reward = "lantern";
  for (int i = 0; i < 3; ++i) {
    std::vector<model::ClaimEvent> events{event};
    ASSERT_TRUE(lanes_.run(0, bus_->tell(std::move(events))).has_value());
  }
  event.outcome = model::Outcome::sold_out;
  std::vector<model::ClaimEvent> events{event};
  ASSERT_TRUE(lanes_.run(0, bus_->tell(std::move(events))).has_value());
  const auto info = raw_.request(lanes_, "$JS.API.STREAM.INFO.HUNT_CLAIMS", "");
  EXPECT_NE(info.body.find(R"("messages":2,)"), std::string::npos) << info.body;
}

TEST_F(NatsBusTest, a_listener_that_falls_behind_sees_a_gap_and_hears_again) {
  NatsServer small("max_payload: 262144\nmax_pending: 262144\nwrite_deadline: \"200ms\"");
  const auto listening = connected(lanes_, 0, options_for(small));
  NatsBus listener(*listening, BusOptions());
  std::vector<std::uint64_t> heard;
  listener.on_invalidation([&heard](const auto& what) { heard.push_back(what.seq); });
  Lanes other(1);
  const auto publishing = connected(other, 0, options_for(small));
  NatsBus publisher(*publishing, BusOptions());
  std::uint64_t seq = 0;
  const auto publish = [&](std::size_t rows) {
    model::Invalidation invalidation;
    invalidation.seq = ++seq;
    invalidation.tiles.resize(rows);
    publisher.publish(std::move(invalidation));
    other.run_for(std::chrono::milliseconds(1));
  };
  ASSERT_TRUE(lanes_.run_until([&] {
    publish(0);
    return !heard.empty();
  }));
  // The listener's lane stands still while more comes than the server keeps for it: its socket is
  // filled, too.
  for (int i = 0; i < 400; ++i) {
    publish(1'000);
  }
  const std::size_t before = heard.size();
  ASSERT_TRUE(lanes_.run_until([&] {
    publish(0);
    return heard.size() > before && heard.back() > 400 && listening->connected();
  }));
  EXPECT_LT(heard.size(), heard.back()) << "some are missing";
  EXPECT_TRUE(std::is_sorted(heard.begin(), heard.end()));
  const std::uint64_t last = seq;
  ASSERT_TRUE(lanes_.run_until([&] {
    publish(0);
    return heard.back() > last + 3;
  }));
}

TEST_F(NatsBusTest, garbage_invalidations_and_claims_are_passed_over) {
  serve();
  std::size_t heard = 0;
  bus_->on_invalidation([&heard](const auto&) { ++heard; });
  bus_->on_claims([&heard](const auto&) { ++heard; });
  for (const std::string& bytes :
       {std::string("{"), std::string("\0\0", 2), std::string(99, 'y')}) {
    raw_.publish("hunt.inval.0", "", bytes);
    raw_.publish("hunt.claims.1", "", bytes);
  }
  raw_.publish("hunt.claims.1", "", R"({"outcomes":[]})");
  ASSERT_TRUE(lanes_.run_until([&] {
    bus_->publish({});
    return heard > 0;
  }));
}

TEST_F(NatsBusTest, what_nobody_of_the_hunt_signed_is_not_believed) {
  connection_ = connected(lanes_, 0, options_for(server_));
  std::size_t distrusted = 0;
  BusOptions how;
  how.on_distrust = [&distrusted] { ++distrusted; };
  bus_.emplace(*connection_, how);
  std::vector<std::uint64_t> heard;
  std::size_t claims = 0;
  bus_->on_invalidation([&heard](const model::Invalidation& one) { heard.push_back(one.seq); });
  bus_->on_claims([&claims](const auto& events) { claims += events.size(); });
  model::Invalidation forged;
  forged.epoch = limits::epoch_max;
  codec::FlatChangeWriter writer;
  const std::string bytes(writer.write(forged, 1));
  const std::string claim =
      R"({"claim":{"claim":"00000000000000000000000000000001","outcome":"sold_out","world":1,)"
      R"("x":1,"y":1,"player":"0f8fad5b-d9cb-469f-a165-70867728950e"}})";
  Signer strangers(std::vector<std::uint8_t>(32, 8));
  // Until both subscriptions are there.
  for (const char* subject : {"hunt.inval.0", "hunt.claims.1"}) {
    const std::size_t before = distrusted;
    ASSERT_TRUE(lanes_.run_until([&] {
      raw_.publish(subject, "", "garbage");
      return distrusted > before;
    }));
  }
  lanes_.run_for(std::chrono::milliseconds(100));
  distrusted = 0;
  raw_.publish("hunt.inval.0", "", bytes);
  raw_.publish("hunt.inval.0", "", bytes,
               "Hunt-Signature: " + strangers.sign("hunt.inval.0", {}, bytes) + "\r\n");
  raw_.publish("hunt.claims.1", "", claim);
  ASSERT_TRUE(lanes_.run_until([&] { return distrusted >= 3; }));
  EXPECT_TRUE(heard.empty());
  EXPECT_EQ(claims, 0U);
  // Signed, but with numbers that the protocol does not have.
  forged.epoch = 9'000'000;
  const std::string beyond(writer.write(forged, 1));
  Signer ours(options_for(server_).key);
  raw_.publish("hunt.inval.0", "", beyond,
               "Hunt-Signature: " + ours.sign("hunt.inval.0", {}, beyond) + "\r\n");
  ASSERT_TRUE(lanes_.run_until([&] { return distrusted >= 4; }));
  model::Invalidation ours_now;
  ours_now.epoch = 1;
  ours_now.seq = 5;
  bus_->publish(ours_now);
  ASSERT_TRUE(lanes_.run_until([&] { return !heard.empty(); }));
  EXPECT_EQ(heard, std::vector<std::uint64_t>{5});
}

TEST(NatsCredentials, are_checked_and_never_repeated) {
  NatsServer server(R"(authorization { user: "me", password: "open sesame" })");
  Lanes lanes(1);
  for (const char* who : {"", "me:wrong-secret@", "you:open%20sesame@"}) {
    NatsOptions options;
    options.servers = parse_servers(server.url(who)).value();
    auto connection = Connection::make(lanes[0].get_executor(), options);
    const auto result = lanes.run(0, connection->connect());
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, Errc::unauthorized) << result.error().message;
    EXPECT_EQ(result.error().message.find("secret"), std::string::npos) << result.error().message;
    EXPECT_EQ(result.error().message.find("sesame"), std::string::npos) << result.error().message;
  }
  NatsOptions options;
  options.servers = parse_servers(server.url("me:open%20sesame@")).value();
  EXPECT_TRUE(connected(lanes, 0, options)->connected());
}

TEST(NatsCredentials, a_token_is_one_too) {
  NatsServer server(R"(authorization { token: "letmein" })");
  Lanes lanes(1);
  NatsOptions options = options_for(server);
  options.token = "letmein";
  EXPECT_TRUE(connected(lanes, 0, options)->connected());
}

TEST(NatsCredentials, a_file_that_is_not_there_and_no_server_are_errors_with_a_hint) {
  Lanes lanes(1);
  NatsOptions options;
  options.servers = parse_servers(fmt::format("nats://127.0.0.1:{}", testing::free_port())).value();
  auto nobody = Connection::make(lanes[0].get_executor(), options);
  const auto refused = lanes.run(0, nobody->connect());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  EXPECT_NE(refused.error().message.find("is nats-server running there?"), std::string::npos)
      << refused.error().message;
  options.servers = parse_servers("nats+tls://127.0.0.1:1").value();
  options.tls_ca_file = "/nowhere/ca.pem";
  auto secure = Connection::make(lanes[0].get_executor(), options);
  const auto no_file = lanes.run(0, secure->connect());
  ASSERT_FALSE(no_file.has_value());
  EXPECT_EQ(no_file.error().code, Errc::invalid_argument) << no_file.error().message;
}

TEST(NatsTls, asks_over_tls_and_trusts_the_given_authority_only) {
  testing::TemporaryFolder folder("hunt-tls");
  for (const char* name : {"ours", "theirs"}) {
    testing::ServerCommand make;
    make.folder = folder.path();
    make.arguments = {"openssl",  "req",
                      "-x509",    "-newkey",
                      "rsa:2048", "-nodes",
                      "-days",    "2",
                      "-subj",    "/CN=localhost",
                      "-addext",  "subjectAltName=DNS:localhost",
                      "-keyout",  std::string(name) + ".key",
                      "-out",     std::string(name) + ".pem"};
    testing::ServerProcess process(std::move(make));
    const auto made = process.start();
    ASSERT_TRUE(made.has_value()) << made.error().message;
  }
  NatsServer server(fmt::format("tls {{ cert_file: \"{}\", key_file: \"{}\" }}",
                                folder.file("ours.pem"), folder.file("ours.key")));
  Lanes lanes(2);
  NatsOptions options;
  options.servers = parse_servers(fmt::format("nats+tls://localhost:{}", server.port())).value();
  options.tls_ca_file = folder.file("theirs.pem");
  auto untrusting = Connection::make(lanes[0].get_executor(), options);
  EXPECT_FALSE(lanes.run(0, untrusting->connect()).has_value());
  options.tls_ca_file = folder.file("ours.pem");
  const auto serving = connected(lanes, 0, options);
  const auto asking = connected(lanes, 1, options);
  NatsBus server_bus(*serving, BusOptions());
  NatsBus asker(*asking, BusOptions());
  Echo echo;
  server_bus.serve(echo);
  Result<model::BatchReply> reply;
  ASSERT_TRUE(lanes.run_until([&] {
    reply = lanes.run(1, asker.ask(a_batch(4'000), ports::Wait::no));
    return reply.has_value();
  }));
  EXPECT_EQ(reply->outcomes.size(), 4'000U);
}

}  // namespace
}  // namespace hunt::nats
