#include "engine/claim_id.h"

#include <gtest/gtest.h>

#include <set>

namespace hunt::engine {
namespace {

struct Vector {
  model::WorldId world;
  model::Tile tile;
  std::uint64_t tile_id;
  model::SpawnId spawn;
  const char* player;
  const char* claim;
};

// Computed independently (Python's hashlib); the same vectors stand in the header.
constexpr Vector vectors[] = {
    {1,
     {0, 0},
     13835058055282163712U,
     1,
     "00000000-0000-0000-0000-000000000000",
     "342674f9bae0cef2404122bf47ab73a6"},
    {1,
     {10, -3},
     7686143364045646566U,
     1,
     "01234567-89ab-cdef-0123-456789abcdef",
     "2d8022772e7ea6ea960b0b766f266c08"},
    {4294967295U,
     {2147483647, -2147483647 - 1},
     6148914691236517205U,
     (std::uint64_t{3} << 48) | 7,
     "ffffffff-ffff-4fff-bfff-ffffffffffff",
     "922ce1e6280a3240ce747e490a02c404"},
};

TEST(ClaimIds, match_the_published_vectors) {
  ClaimIds ids;
  for (const Vector& v : vectors) {
    const model::TileId tile = model::tile_id_of(v.tile);
    EXPECT_EQ(tile.value, v.tile_id);
    const auto player = model::parse_uuid(v.player);
    ASSERT_TRUE(player.has_value());
    EXPECT_EQ(model::format_claim_id(ids.of(v.world, tile, v.spawn, *player)), v.claim);
  }
}

TEST(ClaimIds, differ_when_any_part_differs) {
  ClaimIds ids;
  const model::PlayerId player{1, 2};
  std::set<model::ClaimId> seen;
  seen.insert(ids.of(1, {5}, 7, player));
  seen.insert(ids.of(2, {5}, 7, player));
  seen.insert(ids.of(1, {6}, 7, player));
  seen.insert(ids.of(1, {5}, 8, player));
  seen.insert(ids.of(1, {5}, 7, {2, 1}));
  EXPECT_EQ(seen.size(), 5U);
  EXPECT_TRUE(seen.contains(ids.of(1, {5}, 7, player)));
}

}  // namespace
}  // namespace hunt::engine
