// The binary form: it comes back as it was, anything broken is refused with its field, and its
// bytes do not change.
#include "codec/flat_batch.h"

#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "base/prng.h"
#include "base/text.h"
#include "codec/hunt_generated.h"
#include "codec/reward_test_support.h"
#include "model/limits.h"

namespace hunt::codec {
namespace {

PositionsRequest any_request(Prng& prng, std::size_t positions) {
  PositionsRequest request;
  if (prng.below(2) == 0) {
    request.batch.world = static_cast<model::WorldId>(1 + prng.below(UINT32_MAX));
    request.world = request.batch.world;
  } else {
    request.world = std::string(1 + prng.below(limits::name_bytes_max), 'w');
  }
  request.wait_terminal = prng.below(2) == 0;
  for (std::size_t i = 0; i < positions; ++i) {
    model::Position position;
    position.player = {prng.next(), prng.next()};
    position.tile = {static_cast<std::int32_t>(prng.next()),
                     static_cast<std::int32_t>(prng.next())};
    position.kind = prng.below(2) == 0 ? model::Kind::dig : model::Kind::step;
    position.seq = prng.below(3) == 0 ? 0 : prng.next();
    position.sent_at_us = static_cast<std::int64_t>(prng.below(253'402'300'800'000'000));
    request.batch.positions.push_back(position);
  }
  return request;
}

model::BatchReply any_reply(Prng& prng, std::size_t positions) {
  model::BatchReply reply;
  for (std::size_t i = 0; i < positions; ++i) {
    model::PositionOutcome one;
    one.outcome = static_cast<model::Outcome>(prng.below(model::outcome_count));
    one.distance = static_cast<std::uint16_t>(prng.next());
    if (prng.below(4) == 0) {
      one.claim_index = static_cast<std::int32_t>(reply.claims.size());
      model::ClaimAnswer claim;
      claim.claim = {prng.next(), prng.next()};
      claim.reward = any_reward(prng);
      claim.repeat = prng.below(2) == 0;
      reply.claims.push_back(std::move(claim));
    }
    reply.outcomes.push_back(one);
  }
  return reply;
}

void expect_same(const PositionsRequest& got, const PositionsRequest& want) {
  EXPECT_EQ(got.world, want.world);
  EXPECT_EQ(got.wait_terminal, want.wait_terminal);
  EXPECT_FALSE(got.batch.as_of_us.has_value());
  if (std::holds_alternative<model::WorldId>(want.world)) {
    EXPECT_EQ(got.batch.world, want.batch.world);
  }
  ASSERT_EQ(got.batch.positions.size(), want.batch.positions.size());
  for (std::size_t i = 0; i < want.batch.positions.size(); ++i) {
    const auto& a = got.batch.positions[i];
    const auto& b = want.batch.positions[i];
    ASSERT_EQ(a.player, b.player);
    ASSERT_EQ(a.tile, b.tile);
    ASSERT_EQ(a.kind, b.kind);
    ASSERT_EQ(a.seq, b.seq);
    ASSERT_EQ(a.sent_at_us, b.sent_at_us);
  }
}

void expect_same(const model::BatchReply& got, const model::BatchReply& want) {
  ASSERT_EQ(got.outcomes.size(), want.outcomes.size());
  for (std::size_t i = 0; i < want.outcomes.size(); ++i) {
    ASSERT_EQ(got.outcomes[i].outcome, want.outcomes[i].outcome);
    ASSERT_EQ(got.outcomes[i].distance, want.outcomes[i].distance);
    ASSERT_EQ(got.outcomes[i].claim_index, want.outcomes[i].claim_index);
  }
  ASSERT_EQ(got.claims.size(), want.claims.size());
  for (std::size_t i = 0; i < want.claims.size(); ++i) {
    ASSERT_EQ(got.claims[i].claim, want.claims[i].claim);
    ASSERT_EQ(got.claims[i].reward, want.claims[i].reward);
    ASSERT_EQ(got.claims[i].repeat, want.claims[i].repeat);
  }
}

// The messages of docs/REFERENCE.md.
PositionsRequest golden_request() {
  PositionsRequest request;
  request.world = model::WorldId{1};
  request.wait_terminal = true;
  model::Position dig;
  dig.player = *model::parse_uuid("0f8fad5b-d9cb-469f-a165-70867728950e");
  dig.tile = {10, -3};
  dig.kind = model::Kind::dig;
  dig.seq = 7;
  dig.sent_at_us = *parse_time_us("2026-11-23T18:30:00Z");
  request.batch.positions.push_back(dig);
  return request;
}
model::BatchReply golden_reply() {
  model::BatchReply reply;
  reply.outcomes.push_back({model::Outcome::hint, 4, -1});
  reply.outcomes.push_back({model::Outcome::granted, 0, 0});
  reply.claims.push_back(
      {*model::parse_claim_id("00112233445566778899aabbccddeeff"), "star_shard", true});
  return reply;
}
constexpr std::string_view golden_request_hex =
    "1400000048554e540000000008000c00070008000800000000000001100000000c00100008000000"
    "07000c000c000000000000010100000004000000010000009f46cbd95bad8f0f0e952877867065a1"
    "0a000000fdffffff0100000000000000070000000000000000da0fc8f5600600";
constexpr std::string_view older_reply_hex =
    "1000000048554e5408000c000700080008000000000000020c00000008000c000400080008000000"
    "08000000180000000200000001000400ffffffff0300000000000000010000001000000000000a00"
    "200008001c0007000a000000000000017766554433221100ffeeddccbbaa99880000000004000000"
    "0a000000737461725f73686172640000";

constexpr std::string_view golden_reply_hex =
    "1000000048554e5408000c000700080008000000000000020c00000008000c000400080008000000"
    "08000000180000000200000001000400ffffffff030000000000000001000000100000000c002000"
    "0800180007001c000c000000000000017766554433221100ffeeddccbbaa99882000000004000000"
    "010000000c000000000006000800040006000000040000000a000000737461725f73686172640000";
constexpr std::string_view golden_stacks_hex =
    "1000000048554e5408000c000700080008000000000000020c00000008000c000400080008000000"
    "080000001000000001000000030000000000000001000000100000000c0020000800000007001c00"
    "0c000000000000017766554433221100ffeeddccbbaa99880000000004000000020000002c000000"
    "0c000000000006000800040006000000040000000400000062656c6c000000000800100004000800"
    "080000000c0000000c000000000000000a000000737461725f73686172640000";

std::string bytes_of(std::string_view hex) {
  std::string bytes(hex.size() / 2, '\0');
  EXPECT_TRUE(from_hex(hex, {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}));
  return bytes;
}
std::string hex_of(std::string_view bytes) {
  return to_hex({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

TEST(FlatBatch, has_the_bytes_of_the_reference) {
  FlatWriter writer;
  EXPECT_EQ(hex_of(writer.write(golden_request())), golden_request_hex);
  EXPECT_EQ(hex_of(writer.write(golden_reply())), golden_reply_hex);
  const auto request = read_flat_request(bytes_of(golden_request_hex));
  ASSERT_TRUE(request.has_value()) << request.error().message;
  expect_same(*request, golden_request());
  const auto reply = read_flat_reply(bytes_of(golden_reply_hex));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  expect_same(*reply, golden_reply());
  auto stacks = golden_reply();
  stacks.outcomes.erase(stacks.outcomes.begin());
  stacks.claims[0].reward = "star_shard*12,bell";
  EXPECT_EQ(hex_of(writer.write(stacks)), golden_stacks_hex);
  const auto stacks_back = read_flat_reply(bytes_of(golden_stacks_hex));
  ASSERT_TRUE(stacks_back.has_value()) << stacks_back.error().message;
  expect_same(*stacks_back, stacks);
}

TEST(FlatBatch, tells_what_is_to_be_announced) {
  FlatWriter writer;
  auto reply = golden_reply();
  reply.claims[0].reward = "star_shard!legendary";
  const std::string bytes(writer.write(reply));
  EXPECT_NE(bytes.find("legendary"), std::string::npos);
  const auto back = read_flat_reply(bytes);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  expect_same(*back, reply);
  const auto& body = *wire::GetMessage(bytes.data())->body_as_Reply();
  EXPECT_TRUE(body.claims()->Get(0)->announce());
  EXPECT_EQ(body.claims()->Get(0)->item()->string_view(), "star_shard");
  EXPECT_EQ(body.claims()->Get(0)->tier()->string_view(), "legendary");
}

// The messages of before there were stacks.
TEST(FlatBatch, reads_the_item_of_an_older_server) {
  const auto reply = read_flat_reply(bytes_of(older_reply_hex));
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  expect_same(*reply, golden_reply());
}

// Who knows `item` alone finds it where it is all of the reward, and else nothing to credit.
TEST(FlatBatch, shows_an_item_to_older_readers_only_where_it_is_the_whole_reward) {
  FlatWriter writer;
  auto reply = golden_reply();
  const auto item_of = [&](std::string reward) {
    reply.claims[0].reward = std::move(reward);
    const auto* message = wire::GetMessage(writer.write(reply).data());
    const auto* item = message->body_as_Reply()->claims()->Get(0)->item();
    return item == nullptr ? std::string("nothing") : item->str();
  };
  EXPECT_EQ(item_of("bell"), "bell");
  EXPECT_EQ(item_of("bell*2"), "nothing");
  EXPECT_EQ(item_of("bell,candle"), "nothing");
  EXPECT_EQ(item_of(""), "nothing");
}

TEST(FlatBatch, comes_back_as_it_was_for_any_seed_size_and_alignment) {
  Prng prng(3);
  FlatWriter writer;
  for (int round = 0; round < 400; ++round) {
    const auto size = static_cast<std::size_t>(prng.below(300));
    const std::string padding(prng.below(8), 'x');
    const auto request = any_request(prng, size);
    const std::string request_bytes = padding + std::string(writer.write(request));
    ASSERT_NE(request_bytes[padding.size()], '{');
    const auto request_back =
        read_flat_request(std::string_view(request_bytes).substr(padding.size()));
    ASSERT_TRUE(request_back.has_value()) << request_back.error().message;
    expect_same(*request_back, request);

    const auto reply = any_reply(prng, size);
    const std::string reply_bytes = padding + std::string(writer.write(reply));
    const auto reply_back = read_flat_reply(std::string_view(reply_bytes).substr(padding.size()));
    ASSERT_TRUE(reply_back.has_value()) << reply_back.error().message;
    expect_same(*reply_back, reply);
  }
}

TEST(FlatBatch, takes_the_largest_batch_and_no_larger_one) {
  Prng prng(5);
  FlatWriter writer;
  auto request = any_request(prng, limits::batch_positions_max);
  const auto most = read_flat_request(writer.write(request));
  ASSERT_TRUE(most.has_value()) << most.error().message;
  request.batch.positions.emplace_back();
  const auto more = read_flat_request(writer.write(request));
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().code, Errc::too_large);
  EXPECT_EQ(more.error().field, "positions");

  // The largest reply: every position a claim with the longest reward. With the longest item it
  // fits into what a NATS server takes.
  model::BatchReply reply;
  reply.outcomes.resize(limits::batch_positions_max);
  reply.claims.resize(limits::batch_positions_max);
  for (const std::string& reward :
       {longest_reward(), longest_reward(2), std::string(limits::name_bytes_max, 'i')}) {
    for (auto& claim : reply.claims) claim.reward = reward;
    const auto bytes = writer.write(reply);
    EXPECT_LE(bytes.size(), reward.size() == limits::name_bytes_max
                                ? limits::bus_message_bytes_usual
                                : limits::reply_bytes_max);
    const auto back = read_flat_reply(bytes);
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(back->claims.back().reward, reward);
  }
  reply.claims.emplace_back();
  EXPECT_EQ(read_flat_reply(writer.write(reply)).error().field, "claims");
  reply.outcomes.emplace_back();
  EXPECT_EQ(read_flat_reply(writer.write(reply)).error().field, "outcomes");

  const auto large = read_flat_request(std::string(limits::body_bytes_max + 1, 'x'));
  EXPECT_EQ(large.error().code, Errc::too_large);
  EXPECT_NE(large.error().message.find("262,145 bytes; at most 262,144"), std::string::npos);
  EXPECT_EQ(read_flat_reply(std::string(limits::reply_bytes_max + 1, 'x')).error().code,
            Errc::too_large);
}

void expect_refused(const tl::expected<PositionsRequest, Error>& result, std::string_view field,
                    std::string_view says) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Errc::invalid_argument);
  EXPECT_EQ(result.error().field, field) << result.error().message;
  EXPECT_NE(result.error().message.find(says), std::string::npos) << result.error().message;
}

TEST(FlatBatch, names_the_field_of_a_request_that_breaks_a_bound) {
  FlatWriter writer;
  const auto refused = [&writer](std::string_view field, std::string_view says, auto spoil) {
    auto request = golden_request();
    request.batch.positions.push_back(request.batch.positions.front());
    spoil(request);
    expect_refused(read_flat_request(writer.write(request)), field, says);
  };
  refused("world", "between 1 and", [](auto& r) { r.world = model::WorldId{0}; });
  refused("world_name", "must not be empty", [](auto& r) { r.world = std::string(); });
  refused("world_name", "at most 64 bytes, found 65",
          [](auto& r) { r.world = std::string(65, 'w'); });
  refused("world_name", "must be UTF-8", [](auto& r) { r.world = std::string("\xff"); });
  refused("positions[1].kind", "must be 0 (step) or 1 (dig), found 2",
          [](auto& r) { r.batch.positions[1].kind = static_cast<model::Kind>(2); });
  refused("positions[1].sent_at_us", "found -1",
          [](auto& r) { r.batch.positions[1].sent_at_us = -1; });
  refused("positions[1].sent_at_us", "must be between 0 and",
          [](auto& r) { r.batch.positions[1].sent_at_us = 253'402'300'800'000'000; });
}

TEST(FlatBatch, refuses_a_world_that_is_named_twice) {
  flatbuffers::FlatBufferBuilder buffer;
  const auto name = buffer.CreateString("demo");
  const auto positions = buffer.CreateVectorOfStructs<wire::Position>(nullptr, 0);
  const auto body = wire::CreateRequest(buffer, 1, name, false, positions);
  wire::FinishMessageBuffer(buffer, wire::CreateMessage(buffer, wire::Body::Request, body.Union()));
  expect_refused(read_flat_request(
                     {reinterpret_cast<const char*>(buffer.GetBufferPointer()), buffer.GetSize()}),
                 "world_name", "is given beside world; keep one");
}

TEST(FlatBatch, names_the_field_of_a_reply_that_breaks_a_bound) {
  FlatWriter writer;
  const auto refused = [&writer](std::string_view field, std::string_view says, auto spoil) {
    auto reply = golden_reply();
    spoil(reply);
    const auto result = read_flat_reply(writer.write(reply));
    ASSERT_FALSE(result.has_value()) << field;
    EXPECT_EQ(result.error().field, field);
    EXPECT_NE(result.error().message.find(says), std::string::npos) << result.error().message;
  };
  refused("outcomes[1].outcome", "must be at most 10, found 11",
          [](auto& r) { r.outcomes[1].outcome = static_cast<model::Outcome>(11); });
  refused("outcomes[1].claim_index", "one of the 1 claims, found 1",
          [](auto& r) { r.outcomes[1].claim_index = 1; });
  refused("outcomes[0].claim_index", "found -2", [](auto& r) { r.outcomes[0].claim_index = -2; });
  refused("claims[0].items[0].item", "at most 64 bytes",
          [](auto& r) { r.claims[0].reward.assign(65, 'i'); });
  refused("claims[0].items[1].item", "must not be empty",
          [](auto& r) { r.claims[0].reward = "a,,b"; });
  refused("claims[0].items[0].item", "without '*', ',' and '!'",
          [](auto& r) { r.claims[0].reward = "a*b"; });
  refused("claims[0].items[1].count", "at least 1", [](auto& r) { r.claims[0].reward = "a,b*0"; });
  refused("claims[0].items", "at most 16 stacks, found 17",
          [](auto& r) { r.claims[0].reward = longest_reward() + ",b"; });
  refused("claims[0].items[0].item", "must be UTF-8",
          [](auto& r) { r.claims[0].reward = "\xc0\x80"; });
}

TEST(FlatBatch, tells_other_bytes_and_the_other_message_apart) {
  FlatWriter writer;
  const std::string reply(writer.write(golden_reply()));
  expect_refused(read_flat_request(reply), "body", "must be a Request");
  EXPECT_EQ(read_flat_reply(writer.write(golden_request())).error().field, "body");
  for (const std::string other : {"", "{}", "HUNT", "GET / HTTP/1.1\r\n\r\n"}) {
    expect_refused(read_flat_request(other), "", "neither JSON nor FlatBuffers");
  }
  EXPECT_FALSE(read_flat_request(std::string(64, '\0')).has_value());
}

TEST(FlatBatch, refuses_positions_that_stand_where_they_cannot_be_read) {
  std::string bytes = bytes_of(golden_request_hex);
  bytes[56] = 8;  // the offset to the positions: four bytes on
  bytes.insert(60, 4, '\0');
  expect_refused(read_flat_request(bytes), "", "points to a wrong place");
}

// Cut anywhere or spoilt anywhere, it is read within its bounds or refused; sanitizers watch.
TEST(FlatBatch, survives_cuts_and_mutations_for_any_seed) {
  Prng prng(29);
  FlatWriter writer;
  const std::string request(writer.write(any_request(prng, 6)));
  const std::string reply(writer.write(any_reply(prng, 12)));
  for (std::size_t size = 0; size < request.size(); ++size) {
    (void)read_flat_request(std::string_view(request).substr(0, size));
  }
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes = round % 2 == 0 ? request : reply;
    const auto edits = 1 + prng.below(4);
    for (std::uint64_t i = 0; i < edits; ++i) {
      bytes[prng.below(bytes.size())] = static_cast<char>(prng.next());
    }
    if (prng.below(8) == 0) bytes.resize(prng.below(bytes.size()));
    if (const auto back = read_flat_request(bytes)) {
      ASSERT_LE(back->batch.positions.size(), limits::batch_positions_max);
      ASSERT_TRUE(read_flat_request(writer.write(*back)).has_value());
    } else {
      ASSERT_FALSE(back.error().message.empty());
    }
    if (const auto back = read_flat_reply(bytes)) {
      ASSERT_TRUE(read_flat_reply(writer.write(*back)).has_value());
    } else {
      ASSERT_FALSE(back.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace hunt::codec
