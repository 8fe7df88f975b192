// Several shards as one store, the map that they agree on, and their ledgers read as one.
#include "service/sharded_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "ports/ledgers.h"
#include "service/cluster_test_support.h"
#include "service/hunts.h"
#include "service/service_test_support.h"
#include "service/shard_maps.h"

namespace hunt::service {
namespace {

// Loot in so many chunks in a row, with so much in each.
std::vector<model::ChunkKey> loot_in(const std::vector<std::size_t>& counts) {
  std::vector<model::ChunkKey> loot;
  for (std::size_t chunk = 0; chunk < counts.size(); ++chunk) {
    loot.insert(loot.end(), counts[chunk], model::ChunkKey{1, chunk});
  }
  return loot;
}

TEST(EvenBounds, give_each_shard_some_wherever_there_are_chunks_for_all) {
  using Counts = std::vector<std::size_t>;
  using Bounds = std::vector<std::uint64_t>;
  const auto bounds = [](const Counts& counts, std::size_t shards) {
    Bounds chunks;
    for (const auto& bound : even_bounds(loot_in(counts), shards)) chunks.push_back(bound.chunk);
    return chunks;
  };
  EXPECT_EQ(bounds({1'024, 976}, 2), Bounds{1});  // the middle is in the first chunk
  EXPECT_EQ(bounds({1'900, 50, 50}, 2), Bounds{1});
  EXPECT_EQ(bounds({50, 50, 1'900}, 2), Bounds{2});
  EXPECT_EQ(bounds({500, 500, 500, 500}, 2), Bounds{2});
  EXPECT_EQ(bounds({1, 1, 1, 1'000}, 4), (Bounds{1, 2, 3}));
  EXPECT_EQ(bounds({1'000, 1, 1, 1}, 4), (Bounds{1, 2, 3}));
  EXPECT_EQ(bounds({1'000, 1'000}, 3), Bounds{1});
  EXPECT_EQ(bounds({2'000}, 2), Bounds{});
  EXPECT_EQ(bounds({}, 2), Bounds{});
}

// A simulated store that keeps a map, as PostgreSQL does.
class Shard final : public sim::SimStore {
 public:
  Shard(const ports::Clock& clock, ports::Timer& timer, std::uint32_t number)
      : SimStore(clock, timer, number), number_(number) {
    kept.ranges[0].shard = number;
  }
  boost::asio::awaitable<Result<model::ShardMap>> shard_map() override { co_return kept; }
  boost::asio::awaitable<Result<void>> set_shard_map(model::ShardMap map) override {
    if (map.version <= kept.version) co_return fail(Errc::already_exists, "there is a newer one");
    kept = std::move(map);
    ++maps_taken;
    for (const auto& range : kept.ranges) {
      const model::TileId first{range.first.chunk << model::chunk_id_shift};
      set_range_owned(range.first.world, first, range.shard == number_);
    }
    co_return Result<void>{};
  }
  model::ShardMap kept;
  int maps_taken = 0;

 private:
  const model::ShardId number_;
};

class ShardedStoreTest : public testing::Test {
 protected:
  template <class T>
  T run(boost::asio::awaitable<T> task) {
    return lane.run(std::move(task));
  }
  static model::Burial burial(model::Tile tile, std::uint32_t budget = 1) {
    model::Burial out;
    out.tile = tile;
    out.table = "loot";
    out.budget = budget;
    return out;
  }
  static model::ChunkKey chunk(std::int32_t x) {
    return model::chunk_of(1, model::tile_id_of({x, 0}));
  }
  // Shard 1 begins at x = 1024 (y is 0).
  void share() {
    ASSERT_TRUE(run(split_evenly(shards, {chunk(0), chunk(32), chunk(1'024), chunk(1'056)})));
    whole.set_map(run(agree_on_map(shards, false)).value());
  }

  VirtualLane lane{test_rules()};
  Shard first{lane.time, lane.time, 0};
  Shard second{lane.time, lane.time, 1};
  std::vector<ports::HuntStore*> stores{&first, &second};
  std::vector<ports::WorldStore*> shards{&first, &second};
  std::vector<ports::Ledger*> ledgers{&first, &second};
  ShardedStore whole{shards};
};

TEST_F(ShardedStoreTest, stores_that_nobody_named_become_the_first_ones_hunt) {
  ASSERT_TRUE(run(second.join_hunt({{5, 5}, ""}, {5})));
  EXPECT_EQ(run(agree_on_hunt(stores, "", false)).value().id, run(first.info()).value().hunt.id);
  EXPECT_EQ(run(second.info()).value().hunt.id, (model::HuntId{5, 5})) << "nothing is written";
  const auto hunt = run(agree_on_hunt(stores, "summer", true));
  ASSERT_TRUE(hunt.has_value()) << hunt.error().message;
  EXPECT_EQ(hunt->name, "summer");
  for (auto* shard : stores) {
    EXPECT_EQ(run(shard->info()).value().hunt, *hunt);
    EXPECT_EQ(run(shard->secrets()).value().hunt_key, run(first.secrets()).value().hunt_key);
  }
  EXPECT_NE(run(first.info()).value().ledger, run(second.info()).value().ledger);
  EXPECT_EQ(run(agree_on_hunt(stores, "", true)).value(), *hunt) << "who does not mind joins it";
}

TEST_F(ShardedStoreTest, stores_of_another_hunt_are_refused_with_a_sentence) {
  ASSERT_TRUE(run(agree_on_hunt({&first}, "summer", true)));
  for (const bool repair : {false, true}) {
    const auto other = run(agree_on_hunt({&first}, "winter", repair));
    ASSERT_FALSE(other.has_value());
    EXPECT_EQ(other.error().field, "hunt");
    EXPECT_NE(other.error().message.find("\"summer\""), std::string::npos);
  }
  ASSERT_TRUE(run(second.join_hunt({{5, 5}, "summer"}, {5})));  // the same name, another hunt
  const auto both = run(agree_on_hunt(stores, "summer", true));
  ASSERT_FALSE(both.has_value());
  EXPECT_EQ(both.error().field, "store");
  EXPECT_EQ(run(second.info()).value().hunt.id, (model::HuntId{5, 5}));
  const auto bad = run(agree_on_hunt(stores, "Summer Hunt", true));
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, Errc::invalid_argument);
}

TEST_F(ShardedStoreTest, stores_that_never_met_agree_that_all_is_the_first_ones) {
  ASSERT_TRUE(run(first.create_world(7, "north")));
  const auto unsettled = run(agree_on_map(shards, false));
  ASSERT_FALSE(unsettled.has_value());
  EXPECT_EQ(unsettled.error().code, Errc::unavailable);
  const auto map = run(agree_on_map(shards, true));
  ASSERT_TRUE(map.has_value()) << map.error().message;
  EXPECT_EQ(map->version, 2U);
  EXPECT_EQ(map->shards, 2U);
  EXPECT_EQ(map->shard_of(chunk(1'024)), 0U);
  EXPECT_EQ(second.kept.version, 2U);
  EXPECT_EQ(run(second.worlds()).value().back().name, "north") << "the new shard has the worlds";
  ASSERT_TRUE(run(agree_on_map(shards, true)));
  EXPECT_EQ(first.maps_taken + second.maps_taken, 2) << "agreed: nothing is written again";
}

TEST_F(ShardedStoreTest, a_shard_that_is_behind_gets_the_newest_map) {
  share();
  model::ShardMap old;
  second.kept = old;
  EXPECT_EQ(run(agree_on_map(shards, true)).value().version, first.kept.version);
  EXPECT_EQ(second.kept.ranges, first.kept.ranges);
  const std::vector<ports::WorldStore*> one{&first};
  const auto fewer = run(agree_on_map(one, true));
  ASSERT_FALSE(fewer.has_value());
  EXPECT_NE(fewer.error().message.find("2 shards"), std::string::npos) << fewer.error().message;
}

TEST_F(ShardedStoreTest, the_first_loot_is_split_evenly_and_later_loot_is_not) {
  share();
  EXPECT_EQ(first.kept.shard_of(chunk(32)), 0U);
  EXPECT_EQ(first.kept.shard_of(chunk(1'024)), 1U);
  const auto version = first.kept.version;
  ASSERT_TRUE(run(whole.bury(1, {burial({5, 0})})));
  ASSERT_TRUE(run(split_evenly(shards, {chunk(2'048), chunk(4'096)})));
  EXPECT_EQ(first.kept.version, version);
}

TEST_F(ShardedStoreTest, burials_lists_and_figures_come_together) {
  share();
  const auto buried =
      run(whole.bury(1, {burial({1'030, 0}, 3), burial({5, 0}, 2), burial({1'040, 0}, 4)}));
  ASSERT_TRUE(buried.has_value()) << buried.error().message;
  EXPECT_EQ((*buried)[0].tile, (model::Tile{1'030, 0})) << "in the caller's order";
  EXPECT_EQ((*buried)[1].spawn >> 48, 0U);
  EXPECT_EQ((*buried)[2].spawn >> 48, 1U);
  EXPECT_EQ(run(first.world_stats(1))->tiles, 1U);
  const auto stats = run(whole.world_stats(1)).value();
  EXPECT_EQ(stats.tiles, 3U);
  EXPECT_EQ(stats.budget, 9U);
  EXPECT_EQ(stats.bounds.low.x, 5);
  EXPECT_EQ(stats.bounds.high.x, 1'040);
  // A page at a time, each row once, by tile id.
  const model::TileRect all{{-10, -10}, {2'000, 10}};
  std::vector<model::TileId> seen;
  std::optional<model::TileId> from{model::TileId{}};
  while (from) {
    const auto page = run(whole.list_tiles(1, all, *from, 1)).value();
    for (const auto& row : page.rows) seen.push_back(row.tile);
    from = page.next;
  }
  EXPECT_EQ(seen.size(), 3U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(run(whole.close_tiles(1, {{5, 0}, {1'030, 0}})).value(), 2U);
  EXPECT_EQ(run(whole.create_world(0, "south")).value().id, 2U);
  EXPECT_EQ(run(second.worlds())->size(), 2U);
}

TEST_F(ShardedStoreTest, the_ledgers_are_read_as_one_and_resumed_in_each) {
  share();
  const auto buried = run(whole.bury(1, {burial({5, 0}, 50), burial({1'030, 0}, 50)})).value();
  std::set<model::ClaimId> made;
  for (std::uint64_t player = 1; player <= 20; ++player) {
    for (std::size_t shard = 0; shard < 2; ++shard) {
      model::Claim claim;
      claim.id = {player, shard + 1};
      claim.world = 1;
      claim.tile = model::tile_id_of(buried[shard].tile);
      claim.spawn = buried[shard].spawn;
      claim.player = {5, player};
      claim.reward = "lamp";
      ASSERT_TRUE(run(stores[shard]->grant_claims({claim})));
      made.insert(claim.id);
    }
  }
  EXPECT_TRUE(run(whole.find_grant({3, 2}))->has_value());
  EXPECT_FALSE(run(whole.find_grant({3, 9}))->has_value());
  const auto end = run(ports::end_of_ledgers(ledgers)).value();
  std::set<model::ClaimId> read;
  const auto start = ports::LedgerPlace::parse("0", 2).value();
  auto place = run(ports::check_place(ledgers, start)).place;
  while (true) {
    const auto page = run(ports::read_ledgers(ledgers, place, 3)).value();
    if (page.grants.empty()) break;
    EXPECT_LE(page.grants.size(), 3U);
    for (const auto& grant : page.grants) EXPECT_TRUE(read.insert(grant.claim).second);
    place = page.next;
  }
  EXPECT_EQ(read, made);
  EXPECT_EQ(place.cursors, end.cursors);
  // A shard that cannot be read stays where it is, and the other is read.
  second.inject({sim::Call::other, Errc::unavailable, false});
  const auto beginning = ports::LedgerPlace::parse("0", 2).value();
  const auto half = run(ports::read_ledgers(ledgers, beginning, 10)).value();
  EXPECT_EQ(half.grants.size(), 5U);
  EXPECT_EQ(half.next.cursors[1].cursor, 0U);
}

TEST_F(ShardedStoreTest, a_place_is_checked_against_each_ledger) {
  share();
  const auto grant_one = [&](std::size_t shard, std::uint64_t player) {
    const model::Tile tile{shard == 0 ? 5 : 1'030, 0};
    model::Claim claim;
    claim.id = {player, shard + 1};
    claim.world = 1;
    claim.tile = model::tile_id_of(tile);
    claim.spawn = run(whole.bury(1, {burial(tile)})).value()[0].spawn;
    claim.player = {5, player};
    claim.reward = "lamp";
    ASSERT_TRUE(run(stores[shard]->grant_claims({claim})));
  };
  grant_one(0, 1);
  const auto kept = first.disk();
  grant_one(0, 2);
  grant_one(1, 3);
  const auto place = run(ports::end_of_ledgers(ledgers)).value();
  EXPECT_EQ(run(ports::check_place(ledgers, place)).refusal, "");
  const auto refusal = [&] { return run(ports::check_place(ledgers, place)).refusal; };
  first.restore(kept);
  EXPECT_NE(refusal().find("ahead of the ledger"), std::string::npos) << refusal();
  grant_one(0, 4);
  EXPECT_NE(refusal().find("restored since"), std::string::npos) << refusal();
  auto swapped = place;
  swapped.cursors[0] = swapped.cursors[1];
  EXPECT_NE(run(ports::check_place(ledgers, swapped)).refusal.find("another store"),
            std::string::npos);
  // What cannot be read now is not checked: its readers wait for it as before.
  first.inject({sim::Call::other, Errc::unavailable, false});
  EXPECT_EQ(refusal(), "");
}

TEST(LedgerPlace, has_a_text_that_says_what_is_wrong) {
  using Cursors = std::vector<ports::LedgerCursor>;
  const std::uint64_t of_one = (std::uint64_t{1} << 48) + 7;
  const ports::LedgerPlace place{{{5, 0xffffffff, 3}, {of_one, 7, 0}}};
  EXPECT_EQ(ports::LedgerPlace::parse(place.text(), 2).value().cursors, place.cursors);
  EXPECT_EQ(place.text().find_first_not_of("0123456789."), std::string::npos) << place.text();
  EXPECT_EQ(ports::LedgerPlace::parse("5", 2).value().cursors, (Cursors{{5}, {0}}));
  EXPECT_EQ(ports::LedgerPlace::parse("5.0.0", 2).has_value(), false);
  for (const std::string text :
       {"", "x", "1.", ".1", "1.0.0", "-1", "9223372036854775808", "05", "1.05.06"}) {
    EXPECT_FALSE(ports::LedgerPlace::parse(text, 2).has_value()) << text;
  }
  EXPECT_FALSE(ports::LedgerPlace::parse("1.0", 1).has_value());
  // The cursor of one grant is no place in two ledgers: what it would skip is said instead.
  const auto one = ports::LedgerPlace::parse(std::to_string(of_one), 2);
  ASSERT_FALSE(one.has_value());
  EXPECT_NE(one.error().message.find("shard 1"), std::string::npos) << one.error().message;
}

// ---- replace_map -------------------------------------------------------------------------------

model::ShardMap two_halves(std::int32_t x) {
  model::ShardMap map;
  map.shards = 2;
  map.ranges.push_back({model::chunk_of(1, model::tile_id_of({x, 0})), 1});
  return map;
}

TEST_F(ShardedStoreTest, empty_stores_take_any_map_under_the_next_version) {
  const auto before = run(agree_on_map(shards, true)).value();
  const auto set = run(replace_map(shards, two_halves(64)));
  ASSERT_TRUE(set.has_value()) << set.error().message;
  EXPECT_EQ(set->version, before.version + 1);
  EXPECT_EQ(first.kept.ranges, two_halves(64).ranges);
  EXPECT_EQ(second.kept.ranges, two_halves(64).ranges);
  EXPECT_EQ(second.kept.version, set->version);
  const int taken = first.maps_taken;
  EXPECT_EQ(run(replace_map(shards, two_halves(64))).value().version, set->version);
  EXPECT_EQ(first.maps_taken, taken) << "it is in force already";
}

TEST_F(ShardedStoreTest, a_map_that_would_move_loot_changes_nothing) {
  share();
  ASSERT_TRUE(run(whole.bury(1, {burial({1'030, 0}), burial({5, 0})})));
  const auto before = first.kept;
  const auto set = run(replace_map(shards, two_halves(2'048)));
  ASSERT_FALSE(set.has_value());
  EXPECT_EQ(set.error().code, Errc::invalid_argument);
  EXPECT_EQ(set.error().field, "map");
  EXPECT_NE(set.error().message.find("shard 1 holds loot on tile (1030, 0)"), std::string::npos)
      << set.error().message;
  EXPECT_EQ(first.kept.ranges, before.ranges);
  EXPECT_EQ(first.kept.version, before.version);
  // What is between holds nothing, and may change hands.
  const auto moved = run(replace_map(shards, two_halves(512)));
  ASSERT_TRUE(moved.has_value()) << moved.error().message;
  EXPECT_EQ(second.kept.ranges, two_halves(512).ranges);
}

TEST_F(ShardedStoreTest, a_map_is_of_as_many_shards_as_there_are_stores) {
  auto map = two_halves(64);
  map.shards = 3;
  const auto set = run(replace_map(shards, map));
  ASSERT_FALSE(set.has_value());
  EXPECT_NE(set.error().message.find("of 3 shards and 2 stores"), std::string::npos);
}

}  // namespace
}  // namespace hunt::service
