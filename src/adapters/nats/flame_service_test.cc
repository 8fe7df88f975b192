// Profiles over a real nats-server: who gets them, and who does not.
#include "adapters/nats/flame_service.h"

#include <atomic>
#include <deque>

#include "adapters/nats/flame_ask.h"
#include "adapters/nats/nats_test_support.h"
#include "adapters/nats/signer.h"
#include "adapters/nats/why_service.h"
#include "codec/json_why.h"

namespace hunt::nats {
namespace {

constexpr std::string_view token = "the-admin-token-of-the-tests";

class FakeProfiler final : public ports::Profiler {
 public:
  asio::awaitable<Result<model::Profile>> take(model::ProfileKind kind,
                                               std::chrono::seconds length) override {
    asked_kind = kind;
    asked_seconds = length.count();
    if (busy) co_return fail(Errc::overloaded, "another profile is being taken");
    model::Profile profile;
    profile.kind = kind;
    profile.build_id = "ab12";
    profile.frames = {{name, "", 0}, {"hot", "", 0}};
    profile.stacks.push_back({{0, 1}, 42});
    co_return profile;
  }
  std::string name;
  bool busy = false;
  model::ProfileKind asked_kind = model::ProfileKind::cpu;
  std::int64_t asked_seconds = 0;
};

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string signed_by(std::string_view key, const std::string& reply_to, const std::string& body) {
  Signer signer({reinterpret_cast<const std::uint8_t*>(key.data()), key.size()});
  return fmt::format("Hunt-Signature: {}\r\n",
                     signer.sign("$SRV.FLAME.hunt", {}, signed_question(reply_to, body)));
}

class FlameServiceTest : public ::testing::Test {
 protected:
  // A process that answers who it is, and for profiles; each on a lane of its own.
  void process(std::size_t lane, const std::string& name, std::string_view its_token = token) {
    const model::Process self{"id-of-" + name, "orchestrator", name, "0.1.0", 0, 0};
    connections_.push_back(connected(lanes_, lane, options_for(server_)));
    Connection& connection = *connections_.back();
    whys_.push_back(std::make_unique<WhyService>(connection, self, [self](std::string_view) {
      return codec::write_why(model::Why(), self);
    }));
    profilers_.emplace_back().name = name;
    flames_.push_back(std::make_unique<FlameService>(connection, self, std::string(its_token),
                                                     profilers_.back()));
    whys_.back()->start();
    flames_.back()->start();
    lanes_.run_for(std::chrono::milliseconds(50));
  }
  // Asks from a thread, while the lanes run here.
  [[nodiscard]] std::vector<ProfileAnswer> ask(model::ProfileKind kind, std::int64_t seconds) {
    Result<std::vector<ProfileAnswer>> answered;
    std::atomic<bool> over{false};
    std::thread asker([&] {
      answered = ask_fleet_profile(options_for(server_), kind, seconds, std::string(token));
      over = true;
    });
    EXPECT_TRUE(lanes_.run_until([&over] { return over.load(); }));
    asker.join();
    EXPECT_TRUE(answered) << answered.error().message;
    return answered ? std::move(*answered) : std::vector<ProfileAnswer>();
  }
  [[nodiscard]] std::string question(std::int64_t at_us, std::int64_t seconds = 1) const {
    return codec::write_profile_question({model::ProfileKind::cpu, seconds, at_us});
  }
  // What a question by hand is answered; the inboxes are _INBOX.raw.1, 2 and so on.
  [[nodiscard]] std::string raw(const std::string& body, const std::string& headers) {
    return raw_.request(lanes_, "$SRV.FLAME.hunt", body, headers).body;
  }
  void TearDown() override {
    for (const auto& one : flames_) one->leave();
    for (const auto& one : whys_) one->leave();
    lanes_.run_for(std::chrono::milliseconds(20));
  }

  NatsServer server_;
  Lanes lanes_{3};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<FakeProfiler> profilers_;
  std::vector<std::unique_ptr<WhyService>> whys_;
  std::vector<std::unique_ptr<FlameService>> flames_;
  RawClient raw_{server_.port()};
};

TEST_F(FlameServiceTest, every_process_gives_its_profile_to_who_has_the_token) {
  process(0, "a");
  process(1, "b");
  const auto all = ask(model::ProfileKind::heap, 7);
  ASSERT_EQ(all.size(), 2U);
  for (const auto& one : all) {
    ASSERT_TRUE(one.profile.has_value()) << one.profile.error().message;
    EXPECT_EQ(one.profile->kind, model::ProfileKind::heap);
    EXPECT_EQ(one.profile->build_id, "ab12");
    ASSERT_EQ(one.profile->stacks.size(), 1U);
    EXPECT_EQ(one.profile->stacks[0].samples, 42);
    EXPECT_EQ(one.profile->frames[0].name, one.process.name);
  }
  EXPECT_EQ(profilers_[0].asked_kind, model::ProfileKind::heap);
  EXPECT_EQ(profilers_[1].asked_seconds, 7);
}

TEST_F(FlameServiceTest, who_refuses_says_why_and_the_others_answer) {
  process(0, "a");
  process(1, "b");
  process(2, "c", "the-admin-token-of-somebody-else");
  profilers_[1].busy = true;
  const auto all = ask(model::ProfileKind::cpu, 1);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(all[0].profile.has_value());
  ASSERT_FALSE(all[1].profile.has_value());
  EXPECT_EQ(all[1].profile.error().message, "another profile is being taken");
  ASSERT_FALSE(all[2].profile.has_value());
  EXPECT_NE(all[2].profile.error().message.find("give all processes the same"), std::string::npos);
}

TEST_F(FlameServiceTest, nobody_without_the_token_gets_one) {
  process(0, "a");
  const std::string body = question(now_us());
  // As somebody heard it, who was to be answered elsewhere.
  const auto refused = raw(body, signed_by(token, "_INBOX.raw.another", body));
  EXPECT_NE(refused.find(R"("code":"unauthorized")"), std::string::npos) << refused;
  EXPECT_NE(raw(body, {}).find("unauthorized"), std::string::npos);
  EXPECT_NE(raw(body, "Hunt-Signature: 00\r\n").find("unauthorized"), std::string::npos);
  EXPECT_NE(raw(body, signed_by("another", "_INBOX.raw.4", body)).find("unauthorized"),
            std::string::npos);
  const std::string old = question(now_us() - asked_ago_us_max - 5'000'000);
  EXPECT_NE(raw(old, signed_by(token, "_INBOX.raw.5", old)).find("of another time"),
            std::string::npos);
  EXPECT_EQ(profilers_[0].asked_seconds, 0);
  EXPECT_TRUE(raw(body, signed_by(token, "_INBOX.raw.6", body)).starts_with("\x1f\x8b"));
}

TEST_F(FlameServiceTest, a_wrong_question_is_told_what_is_wrong) {
  process(0, "a");
  int number = 0;
  for (const auto& [body, says] : std::vector<std::pair<std::string, std::string>>{
           {"{", "no JSON object"},
           {R"({"kind":"cpu"})", "not just these three"},
           {R"({"kind":"disk","seconds":1,"asked_at_us":1})", "cpu, heap or wall"},
           {question(now_us(), 61), "from 1 to 60"},
           {question(now_us(), 0), "from 1 to 60"},
           {std::string(300, 'x'), "unauthorized"}}) {
    const std::string inbox = fmt::format("_INBOX.raw.{}", ++number);
    const std::string told = raw(body, signed_by(token, inbox, body));
    EXPECT_NE(told.find(says), std::string::npos) << body << " was told " << told;
  }
}

TEST_F(FlameServiceTest, without_a_token_nobody_is_asked) {
  const auto refused = ask_fleet_profile(options_for(server_), model::ProfileKind::cpu, 1, "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unauthorized);
}

}  // namespace
}  // namespace hunt::nats
