// Properties of the plain values: tile ids, identities, outcome names.
#include <gtest/gtest.h>

#include "base/prng.h"
#include "model/change.h"
#include "model/ids.h"
#include "model/limits.h"
#include "model/rule_set.h"
#include "model/stats.h"
#include "model/tile.h"

namespace hunt::model {
namespace {

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

TEST(Outcome, has_a_name_for_each) {
  EXPECT_EQ(name_of(Outcome::nothing), "nothing");
  EXPECT_EQ(name_of(Outcome::busy), "busy");
  EXPECT_FALSE(is_terminal(Outcome::found));
  EXPECT_TRUE(is_terminal(Outcome::sold_out));
}

}  // namespace
}  // namespace hunt::model
