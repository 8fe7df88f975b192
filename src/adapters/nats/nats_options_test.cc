// What needs no server: addresses, subjects, acknowledgements.
#include "adapters/nats/nats_options.h"

#include <gtest/gtest.h>

#include "adapters/nats/payload.h"
#include "adapters/nats/subject.h"

namespace hunt::nats {
namespace {

TEST(NatsOptions, reads_one_server_and_several) {
  const auto one = parse_servers("nats://bus.example");
  ASSERT_TRUE(one.has_value());
  EXPECT_EQ(one->urls, (std::vector<std::string>{"nats://bus.example:4222"}));
  EXPECT_TRUE(one->user.empty());
  EXPECT_FALSE(one->tls);
  const auto many = parse_servers("nats+tls://me:s%40fe@a:1,nats://b:2,[::1]:3/");
  ASSERT_TRUE(many.has_value()) << many.error().message;
  EXPECT_EQ(many->urls, (std::vector<std::string>{"nats://a:1", "nats://b:2", "nats://[::1]:3"}));
  EXPECT_EQ(many->user, "me");
  EXPECT_EQ(many->password, "s@fe");
  EXPECT_EQ(many->shown, "a:1,b:2,[::1]:3");
  EXPECT_TRUE(many->tls);
}

TEST(NatsOptions, refuses_what_is_no_address_without_repeating_secrets) {
  for (const char* url : {"", "redis://a", "nats://", "nats://:1", "nats://a:0", "nats://a:99999",
                          "nats://me:secret@", "nats://me:secret@a:x", "nats://me:secret@a,,b",
                          "nats://me:sec%zzret@a", "nats://a,me:secret@b", "nats://me:secret@a b",
                          "nats://a:4222?token=secret", "nats://a?token=secret"}) {
    const auto list = parse_servers(url);
    ASSERT_FALSE(list.has_value()) << url;
    EXPECT_EQ(list.error().code, Errc::invalid_argument);
    EXPECT_EQ(list.error().field, "bus");
    EXPECT_EQ(list.error().message.find("secret"), std::string::npos) << list.error().message;
  }
}

TEST(NatsSubject, outcomes_go_to_plain_subjects_of_others_only) {
  for (const char* good : {"_INBOX.a.b", "game-7.outcomes", "R"}) {
    EXPECT_TRUE(is_reply_subject(good)) << good;
  }
  for (const char* bad : {"", ".a", "a.", "a..b", "a b", "a\r\nPUB x 0", "a.*", "a.>", "$JS.API.X",
                          "hunt.pos.0", "summer.pos.any", "caf\xc3\xa9"}) {
    EXPECT_FALSE(is_reply_subject(bad)) << bad;
  }
  EXPECT_FALSE(is_reply_subject(std::string(300, 'a')));
}

TEST(NatsSubject, reads_where_a_delivery_comes_from) {
  for (const char* text : {"$JS.ACK.HUNT_POS.hunt-0.3.77.80.1764000000123456789.5",
                           "$JS.ACK.domain.account.HUNT_POS.hunt-0.3.77.80.1764000000123456789.5",
                           "$JS.ACK._.account.HUNT_POS.hunt-0.3.77.80.1764000000123456789.5.xy"}) {
    const auto ack = parse_ack_subject(text, "HUNT_POS", "hunt-0");
    ASSERT_TRUE(ack.has_value()) << text;
    EXPECT_EQ(ack->delivered, 3U);
    EXPECT_EQ(ack->sequence, 77U);
    EXPECT_EQ(ack->stored_us, 1'764'000'000'123'456);
  }
  for (const char* text : {"", "_INBOX.a", "$JS.ACK.", "$JS.ACK.a.b.c.d.e.f.g", "$JS.ACK.a.b.1.2.3",
                           "$JS.ACK.a.b.1.2.3.x.5"}) {
    EXPECT_FALSE(parse_ack_subject(text, "a", "b").has_value()) << text;
  }
}

TEST(NatsSubject, a_delivery_of_another_stream_or_consumer_is_not_ours) {
  const char* text = "$JS.ACK.HUNT_POS.hunt-0.3.77.80.1764000000123456789.5";
  EXPECT_FALSE(parse_ack_subject(text, "HUNT_POS", "hunt-any").has_value());
  EXPECT_FALSE(parse_ack_subject(text, "OTHER", "hunt-0").has_value());
}

TEST(NatsOptions, each_user_has_inboxes_of_its_own) {
  EXPECT_EQ(parse_servers("nats://127.0.0.1")->inbox_prefix(), "_INBOX");
  EXPECT_EQ(parse_servers("nats://serve:x@127.0.0.1")->inbox_prefix(), "_INBOX_serve");
  EXPECT_EQ(parse_servers("nats://game-a.b%3e:x@127.0.0.1")->inbox_prefix(), "_INBOX_game-a_b_");
}

TEST(NatsPayload, parts_of_outcomes_are_outcomes_with_their_claims) {
  model::Batch batch;
  batch.positions.resize(5);
  model::BatchReply reply;
  reply.outcomes.resize(5);
  for (std::size_t i = 0; i < 5; ++i) batch.positions[i].tile.x = static_cast<std::int32_t>(i);
  for (const std::size_t i : {std::size_t{1}, std::size_t{3}}) {
    reply.outcomes[i].outcome = model::Outcome::granted;
    reply.outcomes[i].claim_index = static_cast<std::int32_t>(reply.claims.size());
    reply.claims.push_back({{7, i}, "hat", false});
  }
  Payloads payloads;
  const std::string second(payloads.write_part(batch, reply, 2, 4, 2, 3));
  EXPECT_NE(second.find(R"("x":2)"), std::string::npos) << second;
  EXPECT_NE(second.find(R"(,"part":2,"parts":3})"), std::string::npos) << second;
  const auto part = payloads.read_part(second);
  ASSERT_TRUE(part.has_value()) << part.error().message;
  EXPECT_EQ(part->part, 2U);
  EXPECT_EQ(part->parts, 3U);
  ASSERT_EQ(part->reply.outcomes.size(), 2U);
  ASSERT_EQ(part->reply.claims.size(), 1U);
  EXPECT_EQ(part->reply.outcomes[1].claim_index, 0);
  EXPECT_EQ(part->reply.claims[0].claim.low, 3U);
  const std::string whole(payloads.write_part(batch, reply, 0, 5, 1, 1));
  EXPECT_EQ(whole.find("part"), std::string::npos);
  for (const char* wrong :
       {R"({"outcomes":[],"part":0,"parts":2})", R"({"outcomes":[],"part":3,"parts":2})",
        R"({"outcomes":[],"part":1,"parts":9999999})"}) {
    EXPECT_FALSE(payloads.read_part(wrong).has_value()) << wrong;
  }
}

TEST(NatsPayload, an_answer_is_never_smaller_than_is_said) {
  model::Batch batch;
  batch.positions.resize(100);
  model::BatchReply reply;
  reply.outcomes.resize(100);
  for (auto& outcome : reply.outcomes) outcome.outcome = model::Outcome::hint;
  Payloads payloads;
  for (const Form form : {Form::json, Form::flat}) {
    EXPECT_GE(payloads.write_answer(form, batch, reply).size(), answer_bytes_min(form, 100));
  }
}

TEST(NatsPayload, an_acknowledgement_says_whether_it_is_stored) {
  EXPECT_TRUE(read_ack(R"({"stream":"HUNT_POS", "seq":7})", "HUNT_POS").has_value());
  EXPECT_TRUE(
      read_ack(R"({"stream":"HUNT_POS","seq":7,"duplicate":true})", "HUNT_POS").has_value());
  const auto full = read_ack(
      R"({"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"seq":0})",
      "HUNT_POS");
  EXPECT_EQ(full.error().code, Errc::overloaded);
  const auto other =
      read_ack(R"({"error":{"code":400,"err_code":10060,"description":"no"}})", "HUNT_POS");
  EXPECT_EQ(other.error().code, Errc::unavailable);
  EXPECT_EQ(read_ack("", "HUNT_POS").error().code, Errc::unavailable);
  EXPECT_EQ(read_ack(R"({"stream":"OTHER","seq":7})", "HUNT_POS").error().code, Errc::unavailable);
  EXPECT_EQ(read_ack("garbage", "HUNT_POS").error().code, Errc::unavailable);
}

}  // namespace
}  // namespace hunt::nats
