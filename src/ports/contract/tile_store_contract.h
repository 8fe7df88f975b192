// The contract of HuntStore's tiles and worlds as tests, next to hunt_store_contract.h.
//
// Not a test by itself: an adapter's test file includes it and says
//   INSTANTIATE_TEST_SUITE_P(Mine, TileStoreContract, testing::Values(factory), name_of_factory);
#pragma once
#include <limits>
#include <map>

#include "ports/contract/hunt_store_contract_fixture.h"

namespace hunt::ports::contract {

inline constexpr std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
inline constexpr std::int32_t highest = std::numeric_limits<std::int32_t>::max();

class TileStoreContract : public StoreContract {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TileStoreContract);

TEST_P(TileStoreContract, a_burial_is_seen_whole_in_its_chunk) {
  auto wish = burial(here, 7);
  wish.opens_us = 123;
  wish.closes_us = 1'900'000'000'000'000;
  const auto spawn = bury(wish);
  model::TileRow expected;
  expected.tile = model::tile_id_of(here);
  expected.version = 1;
  expected.spawn = spawn;
  expected.table = "starlight";
  expected.budget = 7;
  expected.opens_us = 123;
  expected.closes_us = 1'900'000'000'000'000;
  expected.buried_at_us = clock_.wall_us();
  EXPECT_EQ(row_of(here), expected);
  under_test_->reopen();
  EXPECT_EQ(row_of(here), expected);
}

TEST_P(TileStoreContract, unbounded_times_stay_unbounded) {
  bury(here, 1);
  EXPECT_EQ(row_of(here).opens_us, model::time_us_min);
  EXPECT_EQ(row_of(here).closes_us, model::time_us_max);
}

TEST_P(TileStoreContract, chunks_carry_the_epoch_of_their_range_or_zero_where_it_is_not_owned) {
  const auto key = model::chunk_of(world, model::tile_id_of(here));
  const auto epoch = ok(store().info()).epoch;
  EXPECT_EQ(ok(store().load_chunks({key})).chunks.at(0).epoch, epoch);
  under_test_->set_range_state(world, {key.chunk << model::chunk_id_shift}, "moved");
  under_test_->set_range_state(world, {(key.chunk + 1) << model::chunk_id_shift}, "owned");
  const auto chunks = ok(store().load_chunks({key, {world, key.chunk + 1}})).chunks;
  EXPECT_EQ(chunks.at(0).epoch, 0U);
  EXPECT_EQ(chunks.at(1).epoch, epoch);
}

TEST_P(TileStoreContract, chunks_come_in_the_order_of_the_keys_with_sorted_rows) {
  const std::vector<model::Tile> tiles{{0, 0}, {31, 31}, {5, 9}, {-1, -1}, {-32, -32}, {32, 0}};
  for (const auto& tile : tiles) bury(tile, 1);
  const auto key = [](model::Tile tile) { return model::chunk_of(world, model::tile_id_of(tile)); };
  const std::vector<model::ChunkKey> keys{key({32, 0}), key({-1, -1}), key({0, 0}),
                                          key({900, 900})};
  const auto chunks = ok(store().load_chunks(keys)).chunks;
  ASSERT_EQ(chunks.size(), 4U);
  for (std::size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(chunks[i].key, keys[i]);
  EXPECT_EQ(chunks[0].rows.size(), 1U);
  EXPECT_EQ(chunks[1].rows.size(), 2U);
  EXPECT_EQ(chunks[2].rows.size(), 3U);
  EXPECT_TRUE(chunks[3].rows.empty());
  EXPECT_TRUE(std::is_sorted(chunks[2].rows.begin(), chunks[2].rows.end(),
                             [](const auto& a, const auto& b) { return a.tile < b.tile; }));
}

TEST_P(TileStoreContract, every_tile_of_the_plane_can_hold_loot) {
  const std::vector<model::Tile> corners{{lowest, lowest},
                                         {lowest, highest},
                                         {highest, lowest},
                                         {highest, highest},
                                         {-1, 0},
                                         {0, -1},
                                         {0, 0}};
  for (const auto& tile : corners) {
    const auto spawn = bury(tile, 1);
    EXPECT_EQ(row_of(tile).spawn, spawn);
    EXPECT_EQ(grant_one(claim(tile, spawn, 1)).outcome, model::Outcome::granted);
  }
  const auto page = ok(store().list_tiles(world, model::everywhere, {}, 100));
  EXPECT_EQ(page.rows.size(), corners.size());
  const auto stats = ok(store().world_stats(world));
  EXPECT_EQ(stats.bounds.low.x, lowest);
  EXPECT_EQ(stats.bounds.high.y, highest);
}

TEST_P(TileStoreContract, a_key_buries_once) {
  const auto first = ok(store().bury(world, {burial(here, 1, "k1"), burial({1, 1}, 1, "k2")}));
  ASSERT_EQ(first.size(), 2U);
  EXPECT_FALSE(first[0].unchanged);
  const auto version = row_of(here).version;
  under_test_->reopen();
  const auto again = ok(store().bury(world, {burial(here, 9, "k1"), burial({2, 2}, 1, "k3")}));
  ASSERT_EQ(again.size(), 2U);
  EXPECT_TRUE(again[0].unchanged);
  EXPECT_EQ(again[0].spawn, first[0].spawn);
  EXPECT_FALSE(again[1].unchanged);
  EXPECT_EQ(row_of(here).version, version);
  EXPECT_EQ(row_of(here).budget, 1U);
  // Keys belong to a world.
  EXPECT_EQ(ok(store().create_world(2, "two")).id, 2U);
  EXPECT_FALSE(ok(store().bury(2, {burial(here, 1, "k1")})).at(0).unchanged);
}

TEST_P(TileStoreContract, a_key_twice_in_one_call_buries_once) {
  const auto both = ok(store().bury(world, {burial(here, 1, "k"), burial(here, 1, "k")}));
  ASSERT_EQ(both.size(), 2U);
  EXPECT_FALSE(both[0].unchanged);
  EXPECT_TRUE(both[1].unchanged);
  EXPECT_EQ(both[0].spawn, both[1].spawn);
}

TEST_P(TileStoreContract, buries_all_or_nothing) {
  std::vector<model::Burial> wishes{burial({1, 1}, 1), burial({2, 2}, 0)};
  EXPECT_EQ(error_of(store().bury(world, wishes)), Errc::invalid_argument);
  wishes[1].budget = limits::budget_max + 1;
  EXPECT_EQ(error_of(store().bury(world, wishes)), Errc::invalid_argument);
  EXPECT_EQ(row_of({1, 1}).spawn, 0U);
  EXPECT_EQ(error_of(store().bury(42, {burial({1, 1}, 1)})), Errc::not_found);
  std::vector<model::Burial> many(limits::tiles_per_request_max + 1, burial({1, 1}, 1));
  EXPECT_EQ(error_of(store().bury(world, many)), Errc::too_large);
  EXPECT_TRUE(books().spawns.empty());
}

TEST_P(TileStoreContract, versions_never_rewind) {
  std::uint64_t last = 0;
  const auto expect_newer = [&] {
    const auto version = row_of(here).version;
    EXPECT_EQ(version, last + 1);
    last = version;
  };
  for (int round = 0; round < 3; ++round) {
    const auto spawn = bury(here, 1);
    expect_newer();
    EXPECT_EQ(grant_one(claim(here, spawn, 1)).outcome, model::Outcome::granted);
    expect_newer();
    clock_.advance_us(10);
    EXPECT_EQ(ok(store().close_tiles(world, {here})), 1U);
    expect_newer();
    under_test_->reopen();
  }
}

TEST_P(TileStoreContract, lists_a_rectangle_page_by_page) {
  std::vector<model::Burial> wishes;
  for (std::int32_t x = -20; x < 20; ++x) {
    for (std::int32_t y = -10; y < 10; ++y) wishes.push_back(burial({x * 3, y * 3}, 1));
  }
  EXPECT_EQ(ok(store().bury(world, wishes)).size(), wishes.size());
  const model::TileRect rect{{-15, -9}, {12, 6}};
  std::vector<model::TileId> expected;
  for (const auto& wish : wishes) {
    if (rect.contains(wish.tile)) expected.push_back(model::tile_id_of(wish.tile));
  }
  std::sort(expected.begin(), expected.end());
  std::vector<model::TileId> seen;
  std::optional<model::TileId> from = model::TileId{};
  while (from) {
    const auto page = ok(store().list_tiles(world, rect, *from, 7));
    EXPECT_LE(page.rows.size(), 7U);
    for (const auto& row : page.rows) seen.push_back(row.tile);
    ASSERT_LE(seen.size(), expected.size());
    from = page.next;
  }
  EXPECT_EQ(seen, expected);
  const model::TileRect upside_down{{5, 5}, {0, 0}};
  EXPECT_TRUE(ok(store().list_tiles(world, upside_down, {}, 7)).rows.empty());
}

TEST_P(TileStoreContract, worlds_are_apart) {
  EXPECT_EQ(ok(store().create_world(0, "second")).id, 2U);
  EXPECT_EQ(ok(store().create_world(2, "second")).id, 2U);
  EXPECT_EQ(ok(store().create_world(4'294'967'295U, "last")).name, "last");
  EXPECT_EQ(error_of(store().create_world(2, "other")), Errc::already_exists);
  EXPECT_EQ(error_of(store().create_world(3, "second")), Errc::already_exists);
  EXPECT_EQ(error_of(store().create_world(3, "")), Errc::invalid_argument);
  EXPECT_EQ(error_of(store().create_world(3, std::string(65, 'x'))), Errc::invalid_argument);
  EXPECT_EQ(error_of(store().create_world(0, "beyond")), Errc::too_large);
  EXPECT_EQ(ok(store().worlds()).size(), 3U);
  bury(here, 1);
  EXPECT_EQ(ok(store().bury(4'294'967'295U, {burial(here, 5)})).size(), 1U);
  EXPECT_EQ(ok(store().world_stats(1)).budget, 1U);
  EXPECT_EQ(ok(store().world_stats(2)).tiles, 0U);
  EXPECT_EQ(ok(store().world_stats(4'294'967'295U)).budget, 5U);
  EXPECT_EQ(error_of(store().world_stats(77)), Errc::not_found);
}

TEST_P(TileStoreContract, counts_what_a_world_holds) {
  const auto sold = bury({1, 1}, 1);
  const auto some = bury({2, -2}, 5);
  auto later = burial({3, 3}, 4);
  later.opens_us = clock_.wall_us() + 1'000;
  bury(later);
  EXPECT_EQ(
      grant({claim({1, 1}, sold, 1), claim({2, -2}, some, 1), claim({2, -2}, some, 2)}).size(), 3U);
  const auto stats = ok(store().world_stats(world));
  EXPECT_EQ(stats.tiles, 3U);
  EXPECT_EQ(stats.open, 1U);
  EXPECT_EQ(stats.sold_out, 1U);
  EXPECT_EQ(stats.budget, 10U);
  EXPECT_EQ(stats.remaining, 7U);
  EXPECT_EQ(stats.grants, 3U);
  EXPECT_EQ(stats.bounds.low, (model::Tile{1, -2}));
  EXPECT_EQ(stats.bounds.high, (model::Tile{3, 3}));
}

// Each figure against what a scan of tiles and ledger comes to, after each step of a history of
// burials, grants, closings and re-burials in two worlds.
TEST_P(TileStoreContract, figures_equal_a_scan_at_every_step) {
  EXPECT_EQ(ok(store().create_world(2, "two")).id, 2U);
  const auto check = [this](const std::string& step) {
    std::map<model::WorldId, std::uint64_t> granted;
    for (const auto& row : ok(store().grants_after(0, 1'000)).grants) ++granted[row.world];
    for (const model::WorldId of : {world, model::WorldId{2}}) {
      const auto rows = ok(store().list_tiles(of, model::everywhere, {}, 1'000)).rows;
      const auto stats = ok(store().world_stats(of));
      std::uint64_t open = 0;
      std::uint64_t sold_out = 0;
      std::uint64_t budget = 0;
      for (const auto& row : rows) {
        open += !row.sold_out && row.window().holds(clock_.wall_us()) ? 1 : 0;
        sold_out += row.sold_out ? 1 : 0;
        budget += row.budget;
      }
      EXPECT_EQ(stats.tiles, rows.size()) << step << ", world " << of;
      EXPECT_EQ(stats.open, open) << step << ", world " << of;
      EXPECT_EQ(stats.sold_out, sold_out) << step << ", world " << of;
      EXPECT_EQ(stats.budget, budget) << step << ", world " << of;
      EXPECT_EQ(stats.grants, granted[of]) << step << ", world " << of;
    }
  };
  check("nothing");
  const auto first = bury({1, 1}, 2);
  EXPECT_EQ(ok(store().bury(2, {burial({1, 1}, 3, "k")})).size(), 1U);
  check("buried");
  EXPECT_EQ(grant_one(claim({1, 1}, first, 1)).outcome, model::Outcome::granted);
  check("one is granted");
  EXPECT_EQ(grant_one(claim({1, 1}, first, 1)).outcome, model::Outcome::granted);
  check("and told again");
  EXPECT_EQ(grant_one(claim({1, 1}, first, 2)).outcome, model::Outcome::granted);
  check("sold out");
  const auto second = bury({1, 1}, 5);
  check("buried again");
  EXPECT_EQ(grant_one(claim({1, 1}, second, 1)).outcome, model::Outcome::granted);
  under_test_->reopen();
  check("opened again");
  EXPECT_EQ(ok(store().close_tiles(world, {{1, 1}})), 1U);
  clock_.advance_us(1'000);
  check("closed");
}

TEST_P(TileStoreContract, counts_open_spawns_by_table) {
  const auto in_table = [](const model::Tile& tile, std::string table) {
    auto wish = burial(tile, 1);
    wish.table = std::move(table);
    return wish;
  };
  EXPECT_TRUE(ok(store().open_tables()).empty());
  auto later = in_table({5, 5}, "b");
  later.opens_us = clock_.wall_us() + 1'000'000;
  const auto buried =
      ok(store().bury(world, {in_table({1, 1}, "b"), in_table({2, 2}, "a"), in_table({3, 3}, "a"),
                              in_table({4, 4}, "c"), later}));
  using Counts = std::vector<model::TableCount>;
  EXPECT_EQ(ok(store().open_tables()), (Counts{{"a", 2}, {"b", 2}, {"c", 1}}));
  EXPECT_EQ(grant_one(claim({2, 2}, buried[1].spawn, 1)).outcome, model::Outcome::granted);
  EXPECT_EQ(ok(store().close_tiles(world, {{4, 4}})), 1U);
  clock_.advance_us(1'000);
  EXPECT_EQ(ok(store().open_tables()), (Counts{{"a", 1}, {"b", 2}})) << "sold out, and closed";
}

TEST_P(TileStoreContract, is_verified_when_all_is_well) {
  const auto fine = run(store().verify());
  EXPECT_TRUE(fine.has_value()) << fine.error().message;
}

}  // namespace hunt::ports::contract
