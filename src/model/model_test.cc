// Properties of the plain values: tile ids, identities, outcome names.
#include <gtest/gtest.h>

#include "base/histogram.h"
#include "base/prng.h"
#include "model/change.h"
#include "model/hunt.h"
#include "model/hunt_name.h"
#include "model/ids.h"
#include "model/limits.h"
#include "model/reward.h"
#include "model/rule_set.h"
#include "model/stats.h"
#include "model/tile.h"

namespace hunt::model {
namespace {

TEST(HuntName, is_what_fits_into_subjects_and_keys) {
  EXPECT_TRUE(is_hunt_name(default_hunt_name));
  EXPECT_TRUE(is_hunt_name("a"));
  EXPECT_TRUE(is_hunt_name("summer-2027_b"));
  EXPECT_TRUE(is_hunt_name(std::string(limits::hunt_name_bytes_max, 'a')));
  EXPECT_FALSE(is_hunt_name(""));
  EXPECT_FALSE(is_hunt_name(std::string(limits::hunt_name_bytes_max + 1, 'a')));
  for (const char* name : {"Summer", "a.b", "a*", "a>", "a b", "a{b}", "\xc3\xa9", "a\n"}) {
    EXPECT_FALSE(is_hunt_name(name)) << name;
  }
}

TEST(Reward, text_holds_its_stacks_in_order) {
  std::string text;
  append_stack(text, "star_shard", 12);
  append_stack(text, "minecraft:bell", 1);
  EXPECT_EQ(text, "star_shard*12,minecraft:bell");
  const auto read = [](std::string_view reward) {
    std::string all;
    for_each_stack(reward, [&](const ItemStack& stack) {
      all += std::string(stack.item) + "=" + std::to_string(stack.count) + ";";
    });
    return all;
  };
  EXPECT_EQ(read(text), "star_shard=12;minecraft:bell=1;");
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("bell"), "bell=1;");
  // What no release has written is shown as it is.
  EXPECT_EQ(read("bell*,a*b,c*-1,d*99999999999999999999"),
            "bell*=1;a*b=1;c*-1=1;d*99999999999999999999=1;");
  EXPECT_TRUE(is_one_item("bell"));
  EXPECT_FALSE(is_one_item(""));
  EXPECT_FALSE(is_one_item("bell*2"));
  EXPECT_FALSE(is_one_item("bell,candle"));
}

TEST(Reward, may_end_with_the_tier_that_it_is_announced_with) {
  std::string text = "bell*2,crown";
  EXPECT_EQ(announced_tier(text), "");
  EXPECT_EQ(stacks_of(text), text);
  announce(text, "legendary");
  EXPECT_EQ(text, "bell*2,crown!legendary");
  EXPECT_EQ(announced_tier(text), "legendary");
  EXPECT_EQ(stacks_of(text), "bell*2,crown");
  std::size_t stacks = 0;
  for_each_stack(text, [&](const ItemStack& stack) {
    EXPECT_EQ(stack.item.find('!'), std::string_view::npos);
    ++stacks;
  });
  EXPECT_EQ(stacks, 2U);
  EXPECT_FALSE(is_one_item(text));
  EXPECT_TRUE(is_one_item("crown!legendary"));
  EXPECT_EQ(stacks_of("crown!legendary"), "crown");
  EXPECT_FALSE(is_one_item("!legendary"));
}

TEST(TileId, matches_the_published_vectors) {
  EXPECT_EQ(tile_id_of({0, 0}).value, 0xc000000000000000ULL);
  EXPECT_EQ(tile_id_of({-1, -1}).value, 0x3fffffffffffffffULL);
  EXPECT_EQ(tile_id_of({1, 0}).value, 0xc000000000000001ULL);
  EXPECT_EQ(tile_id_of({0, 1}).value, 0xc000000000000002ULL);
  EXPECT_EQ(tile_id_of({INT32_MIN, INT32_MIN}).value, 0ULL);
  EXPECT_EQ(tile_id_of({INT32_MAX, INT32_MAX}).value, UINT64_MAX);
  EXPECT_EQ(to_sql(tile_id_of({0, 0})), 0x4000000000000000LL);
}

TEST(TileId, round_trips_and_keeps_sql_order_for_any_seed) {
  Prng prng(7);
  for (int i = 0; i < 20'000; ++i) {
    const Tile a{static_cast<std::int32_t>(prng.next()), static_cast<std::int32_t>(prng.next())};
    const Tile b{static_cast<std::int32_t>(prng.next()), static_cast<std::int32_t>(prng.next())};
    ASSERT_EQ(tile_of(tile_id_of(a)), a);
    ASSERT_EQ(from_sql(to_sql(tile_id_of(a))), tile_id_of(a));
    ASSERT_EQ(tile_id_of(a) < tile_id_of(b), to_sql(tile_id_of(a)) < to_sql(tile_id_of(b)));
    ASSERT_EQ(chunk_key(3, chunk_at(a)), chunk_of(3, tile_id_of(a)));
    ASSERT_EQ(chunk_at(chunk_of(3, tile_id_of(a)).chunk), chunk_at(a));
  }
}

TEST(Uuid, accepts_only_the_canonical_shape) {
  const auto id = parse_uuid("0F8fad5b-d9cb-469f-a165-70867728950e");
  ASSERT_TRUE(id.has_value());
  EXPECT_EQ(format_uuid(*id), "0f8fad5b-d9cb-469f-a165-70867728950e");
  for (const auto* bad :
       {"", "steve", "0f8fad5bd9cb469fa16570867728950e", "0f8fad5b-d9cb-469f-a165-70867728950",
        "0f8fad5b-d9cb-469f-a165-7086772895zz", "{f8fad5b-d9cb-469f-a165-70867728950e"}) {
    EXPECT_FALSE(parse_uuid(bad).has_value()) << bad;
  }
}

TEST(LatencyEdges, finds_the_edge_of_any_value_and_reaches_beyond_the_deadline) {
  for (std::size_t i = 0; i < LatencyEdges::count; ++i) {
    const std::int64_t edge_ns = LatencyEdges::ns(i);
    EXPECT_EQ(LatencyEdges::index_of(edge_ns), i);
    EXPECT_EQ(LatencyEdges::index_of(edge_ns + 1), i + 1);
    EXPECT_EQ(Histogram::upper_edge_ns(Histogram::bucket_of(edge_ns)), edge_ns) << "counts exactly";
    if (i > 0) {
      EXPECT_LE(static_cast<double>(edge_ns) / static_cast<double>(LatencyEdges::ns(i - 1)), 1.51);
    }
  }
  EXPECT_EQ(LatencyEdges::index_of(-1), 0U);
  EXPECT_EQ(LatencyEdges::index_of(INT64_MAX), LatencyEdges::count);
  EXPECT_GT(LatencyEdges::ns(LatencyEdges::count - 3), limits::answer_deadline_ns);
}

TEST(Outcome, has_a_name_for_each) {
  EXPECT_EQ(name_of(Outcome::nothing), "nothing");
  EXPECT_EQ(name_of(Outcome::busy), "busy");
  EXPECT_FALSE(is_terminal(Outcome::found));
  EXPECT_TRUE(is_terminal(Outcome::sold_out));
}

TEST(HuntName, makes_every_name_of_shared_servers) {
  const HuntName hunt;
  EXPECT_EQ(hunt.asks("any"), "hunt.ask.any");
  EXPECT_EQ(hunt.positions("*"), "hunt.pos.*");
  EXPECT_EQ(hunt.invalidations("7"), "hunt.inval.7");
  EXPECT_EQ(hunt.claims("1"), "hunt.claims.1");
  EXPECT_EQ(hunt.letters(), "hunt.dlq");
  EXPECT_EQ(hunt.map(), "hunt.map");
  EXPECT_EQ(hunt.queue(), "hunt");
  EXPECT_EQ(hunt.positions_stream(), "HUNT_POS");
  EXPECT_EQ(hunt.claims_stream(), "HUNT_CLAIMS");
  EXPECT_EQ(hunt.letters_stream(), "HUNT_DLQ");
  EXPECT_EQ(hunt.consumer("any"), "hunt-any");
  EXPECT_EQ(hunt.chunk_key({1, 77}), "hunt:{1:77}:c");
  const auto other = HuntName::parse("summer-26");
  ASSERT_TRUE(other.has_value());
  EXPECT_EQ(other->positions_stream(), "SUMMER-26_POS");
  EXPECT_EQ(other->asks("0"), "summer-26.ask.0");
  EXPECT_EQ(other->chunk_key({1, 77}), "summer-26:{1:77}:c");
}

TEST(HuntName, is_short_and_fits_into_subjects_and_keys) {
  for (const std::string text : {"", "Hunt", "a.b", "a b", "a*", "a>", "a:b", "{a}", "caf\xc3\xa9",
                                 "abcdefghijklmnopqrstuvwxyz0123456"}) {
    const auto name = HuntName::parse(text);
    ASSERT_FALSE(name.has_value()) << text;
    EXPECT_EQ(name.error().field, "hunt");
  }
  EXPECT_TRUE(HuntName::parse("abcdefghijklmnopqrstuvwxyz_-0123").has_value());
}

TEST(HuntName, knows_the_subjects_of_any_hunt) {
  for (const char* subject : {"hunt.pos.0", "hunt.anything", "summer.pos.any", "summer.ask.any",
                              "summer.claims.1", "summer.inval.0", "summer.dlq", "summer.map"}) {
    EXPECT_TRUE(is_hunt_subject(subject)) << subject;
  }
  for (const char* subject : {"_INBOX.a.b", "game", "game.replies", "game.ask", "game.pos.0.1",
                              "Game.pos.0", "game.dlq.7"}) {
    EXPECT_FALSE(is_hunt_subject(subject)) << subject;
  }
}

}  // namespace
}  // namespace hunt::model
