// `hunt why` over a real nats-server: who answers, who is named though silent, and who is believed.
#include "adapters/nats/why_service.h"

#include <atomic>
#include <functional>

#include "adapters/nats/nats_test_support.h"
#include "adapters/nats/signer.h"
#include "adapters/nats/why_ask.h"
#include "codec/why_reader.h"

namespace hunt::nats {
namespace {

using model::Absence;

model::Process named(const std::string& name) {
  return {"id-of-" + name, "orchestrator", name, "0.1.0", 0, 0};
}

class WhyServiceTest : public ::testing::Test {
 protected:
  // Each on a connection and a lane of its own.
  WhyService& service(std::size_t lane, const std::string& name) {
    connections_.push_back(connected(lanes_, lane, options_for(server_)));
    services_.push_back(std::make_unique<WhyService>(*connections_.back(), named(name),
                                                     [this, name](std::string_view body) {
                                                       last_question_ = body;
                                                       return answer_of(name);
                                                     }));
    services_.back()->start();
    return *services_.back();
  }
  // "a" and "b"; whoever was heard by the other one listens by then.
  void two_services() {
    WhyService& first = service(0, "a");
    WhyService& second = service(1, "b");
    ASSERT_TRUE(
        lanes_.run_until([&] { return first.peers().size() == 1 && second.peers().size() == 1; }));
  }
  [[nodiscard]] Result<std::string> answer_of(const std::string& name) const {
    if (name == refuses_) return fail(Errc::not_found, "this process started at noon", "at");
    model::Process process = named(name);
    process.now_us = wall_us_now() + 180'000'000;
    model::Why why;
    why.verdict = "the verdict of " + name;
    return codec::write_why(why, process);
  }
  [[nodiscard]] static std::int64_t wall_us_now() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  void beat_of(const model::Process& process, bool leaves) {
    Signer signer(Bytes(options_for(server_).key));
    const std::string body = codec::write_beat({process, leaves});
    raw_.publish("hunt.here", "", body,
                 fmt::format("Hunt-Signature: {}\r\n", signer.sign("hunt.here", {}, body)));
  }
  // Asks from a thread, while the lanes run here, and `meanwhile` again and again.
  [[nodiscard]] std::vector<model::Asked> ask(
      const WhyAsk& how = {}, const std::function<void()>& meanwhile = [] {}) {
    Result<std::vector<model::Asked>> answered;
    std::atomic<bool> over{false};
    std::thread asker([&] {
      answered = ask_fleet(options_for(server_), how);
      over = true;
    });
    EXPECT_TRUE(lanes_.run_until([&] {
      meanwhile();
      return over.load();
    }));
    asker.join();
    EXPECT_TRUE(answered) << answered.error().message;
    return answered.value_or(std::vector<model::Asked>());
  }
  void TearDown() override {
    for (const auto& one : services_) one->leave();
    lanes_.run_for(std::chrono::milliseconds(20));
  }

  NatsServer server_;
  Lanes lanes_{3};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<WhyService>> services_;
  std::string last_question_;
  std::string refuses_;
  RawClient raw_{server_.port()};
};

TEST_F(WhyServiceTest, every_process_answers_with_its_verdict_and_its_clock) {
  two_services();
  const auto all = ask({{"12m", {}}});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(last_question_, R"({"at":"12m"})");
  for (const auto& one : all) {
    EXPECT_EQ(one.absence, Absence::none);
    EXPECT_EQ(one.why.verdict, "the verdict of " + one.process.name);
    EXPECT_NEAR(static_cast<double>(one.clock_ahead_us), 180e6,
                static_cast<double>(one.clock_unsure_us) + 1e6);
  }
}

TEST_F(WhyServiceTest, who_was_heard_and_is_silent_is_named) {
  WhyService& first = service(0, "a");
  service(1, "b");
  ASSERT_TRUE(lanes_.run_until([&first] { return first.peers().size() == 1; }));
  // As stopped: its lane does not turn any more, though its connection is there.
  connections_[1]->shut();
  const auto all = ask({{}, 700'000'000});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].process.name, "b");
  EXPECT_EQ(all[1].absence, Absence::silent);
  EXPECT_NE(all[1].reason.find("did not say that it leaves"), std::string::npos);
}

TEST_F(WhyServiceTest, who_leaves_is_forgotten_and_answers_no_more) {
  WhyService& first = service(0, "a");
  WhyService& second = service(1, "b");
  ASSERT_TRUE(lanes_.run_until([&first] { return first.peers().size() == 1; }));
  second.leave();
  ASSERT_TRUE(lanes_.run_until([&first] { return first.peers().empty(); }));
  EXPECT_EQ(ask().size(), 1U);
}

TEST_F(WhyServiceTest, who_has_left_is_missed_by_nobody_though_one_has_not_heard_of_it) {
  two_services();
  for (const bool leaves : {false, true}) beat_of(named("gone"), leaves);
  // Of somebody who stood still while it left: his answer is as it would be.
  raw_.subscribe("$SRV.WHY.hunt");
  lanes_.run_for(std::chrono::milliseconds(50));
  const auto all = ask({}, [&] {
    const auto message = raw_.poll();
    if (message && message->subject == "$SRV.WHY.hunt") {
      const model::Heard heard{{{named("gone"), 1}, {named("silent"), 1}}, {}};
      raw_.publish(message->reply_to, "",
                   codec::with_heard(codec::write_why({}, named("stood still")), heard));
    }
  });
  std::vector<std::string> missing;
  for (const auto& one : all) {
    if (one.absence == Absence::silent) missing.push_back(one.process.name);
  }
  EXPECT_EQ(missing, std::vector<std::string>{"silent"});
}

TEST_F(WhyServiceTest, an_error_is_told_with_its_sentence) {
  two_services();
  refuses_ = "b";
  const auto all = ask();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].absence, Absence::refused);
  EXPECT_EQ(all[1].reason, "this process started at noon");
  EXPECT_EQ(all[1].process.name, "b");
}

TEST_F(WhyServiceTest, a_beat_that_nobody_of_the_hunt_signed_is_nobodys) {
  WhyService& first = service(0, "a");
  lanes_.run_for(std::chrono::milliseconds(50));
  const std::string body = codec::write_beat({named("forged"), false});
  raw_.publish("hunt.here", "", body);
  raw_.publish("hunt.here", "", body, "Hunt-Signature: 00\r\n");
  raw_.publish("hunt.here", "", "{", "");
  beat_of(named("good"), false);
  ASSERT_TRUE(lanes_.run_until([&first] { return !first.peers().empty(); }));
  ASSERT_EQ(first.peers().size(), 1U);
  EXPECT_EQ(first.peers()[0].process.name, "good");
  // It starts again in the same place, under another id.
  model::Process again = named("good");
  again.id = "another";
  beat_of(again, false);
  ASSERT_TRUE(lanes_.run_until([&first] { return first.peers()[0].process.id == "another"; }));
  EXPECT_EQ(first.peers().size(), 1U);
}

TEST_F(WhyServiceTest, an_older_process_is_named_as_one) {
  service(0, "a");
  // It answers PING as 0.1.0 did, and knows no WHY.
  raw_.subscribe("$SRV.PING.hunt");
  lanes_.run_for(std::chrono::milliseconds(50));
  const auto all = ask({}, [&] {
    const auto message = raw_.poll();
    if (message && message->subject == "$SRV.PING.hunt") {
      raw_.publish(message->reply_to, "",
                   R"({"type":"io.nats.micro.v1.ping_response","name":"hunt","id":"x",)"
                   R"("version":"0.0.9","metadata":{}})");
    }
  });
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[1].absence, Absence::older);
  EXPECT_EQ(all[1].process.name, "version 0.0.9 (1 lane)");
}

TEST_F(WhyServiceTest, nobody_is_an_error_that_says_what_to_look_at) {
  const auto nobody = ask_fleet(options_for(server_), {{}, 300'000'000});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Errc::unavailable);
  EXPECT_NE(nobody.error().message.find("is a `hunt serve` connected to it"), std::string::npos);
}

}  // namespace
}  // namespace hunt::nats
