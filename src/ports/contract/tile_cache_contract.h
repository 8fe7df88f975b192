// The contract of TileCache as tests: every cache passes all of them (PROTOCOLS 6).
//
// Not a test by itself: an adapter's test file includes it and says
//   INSTANTIATE_TEST_SUITE_P(Mine, TileCacheContract, testing::Values(factory), name_of_cache);
// Time stands still until a test moves it.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/limits.h"
#include "ports/contract/tile_cache_contract_fixture.h"

namespace hunt::ports::contract {

class TileCacheContract : public ::testing::TestWithParam<CacheFactory> {
 protected:
  static constexpr model::WorldId world = 7;
  static constexpr model::Tile here{10, -3};
  static constexpr std::int64_t lease_ns = 1'000'000'000;
  static constexpr std::int64_t life_ms = limits::chunk_life_ns / 1'000'000;

  static model::ChunkKey chunk_of(model::Tile tile) {
    return model::chunk_of(world, model::tile_id_of(tile));
  }
  static model::TileRow row(model::Tile tile, model::Version version) {
    model::TileRow made;
    made.tile = model::tile_id_of(tile);
    made.version = version;
    made.spawn = std::uint64_t{1} << 48 | version;
    made.table = "starlight";
    made.budget = 3;
    made.buried_at_us = -5;
    return made;
  }
  static model::TileChange change(model::Tile tile, model::Version version,
                                  std::uint64_t epoch = 1) {
    model::TileChange made;
    made.world = world;
    made.row = row(tile, version);
    made.epoch = epoch;
    return made;
  }
  // A fill that expires `life_ms` after `from_ms`.
  static ChunkFill filling(model::Tile tile, std::vector<model::TileRow> rows, std::int64_t from_ms,
                           std::uint64_t epoch = 1) {
    ChunkFill fill;
    fill.rows.key = chunk_of(tile);
    fill.rows.rows = std::move(rows);
    fill.rows.epoch = epoch;
    fill.expires_ms = from_ms + life_ms;
    return fill;
  }

  std::vector<CachedChunk> read(std::vector<CacheAsk> asks) {
    const std::size_t count = asks.size();
    auto chunks = under_test_->run(under_test_->cache().read(std::move(asks), lease_ns));
    EXPECT_TRUE(chunks.has_value()) << chunks.error().message;
    if (!chunks) return std::vector<CachedChunk>(count);
    EXPECT_EQ(chunks->size(), count);
    chunks->resize(count);
    return std::move(*chunks);
  }
  CachedChunk read(model::Tile tile, std::uint64_t epoch_min = 0) {
    return std::move(read(std::vector<CacheAsk>{{chunk_of(tile), epoch_min}}).front());
  }
  // A reader that has missed, and holds the lease.
  CachedChunk missed(model::Tile tile) {
    CachedChunk chunk = read(tile);
    EXPECT_FALSE(chunk.complete);
    EXPECT_TRUE(chunk.leased);
    EXPECT_EQ(chunk.cache_ms, under_test_->now_ms());
    return chunk;
  }
  void fill(ChunkFill one) { fill(std::vector<ChunkFill>{std::move(one)}); }
  void fill(std::vector<ChunkFill> fills) {
    const auto done = under_test_->run(under_test_->cache().fill(std::move(fills)));
    EXPECT_TRUE(done.has_value()) << done.error().message;
  }
  void update(model::TileChange one) { update(std::vector<model::TileChange>{std::move(one)}); }
  void update(std::vector<model::TileChange> changes) {
    const auto done = under_test_->run(under_test_->cache().update(std::move(changes)));
    EXPECT_TRUE(done.has_value()) << done.error().message;
  }
  void wait_ms(std::int64_t ms) { under_test_->advance_ms(ms); }
  using Rows = std::vector<model::TileRow>;

  std::unique_ptr<CacheUnderTest> under_test_ = GetParam().make();
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TileCacheContract);

TEST_P(TileCacheContract, whoever_misses_first_gets_the_lease_and_the_time) {
  missed(here);
  const CachedChunk second = read(here);
  EXPECT_FALSE(second.complete);
  EXPECT_FALSE(second.leased);
}

TEST_P(TileCacheContract, of_many_who_miss_at_once_one_gets_the_lease) {
  constexpr int readers = 16;
  int missing = readers;
  int leases = 0;
  for (int i = 0; i < readers; ++i) {
    auto done = [&](const std::exception_ptr&, Result<std::vector<CachedChunk>> chunks) {
      --missing;
      EXPECT_TRUE(chunks.has_value());
      leases += chunks && chunks->front().leased ? 1 : 0;
    };
    std::vector<CacheAsk> asks{{chunk_of(here), 0}};
    boost::asio::co_spawn(under_test_->context(),
                          under_test_->cache().read(std::move(asks), lease_ns), std::move(done));
  }
  under_test_->context().restart();
  while (missing > 0) under_test_->context().run_one();
  EXPECT_EQ(leases, 1);
}

TEST_P(TileCacheContract, a_lease_that_ran_out_is_given_again) {
  missed(here);
  wait_ms(lease_ns / 1'000'000 - 1);
  EXPECT_FALSE(read(here).leased);
  wait_ms(1);
  missed(here);
  EXPECT_FALSE(read(here).leased);
}

TEST_P(TileCacheContract, a_fill_makes_the_chunk_complete_until_it_expires) {
  const std::int64_t then_ms = missed(here).cache_ms;
  const Rows rows{row({8, -4}, 1), row(here, 2), row({31, -1}, 3)};
  fill(filling(here, rows, then_ms));
  wait_ms(1);
  const CachedChunk chunk = read(here);
  ASSERT_TRUE(chunk.complete);
  EXPECT_FALSE(chunk.leased);
  EXPECT_EQ(chunk.rows.key, chunk_of(here));
  EXPECT_EQ(chunk.rows.epoch, 1U);
  EXPECT_EQ(chunk.rows.rows, rows);
  EXPECT_EQ(chunk.life_ns, (life_ms - 1) * 1'000'000);
  wait_ms(life_ms - 2);
  EXPECT_TRUE(read(here).complete);
  wait_ms(1);
  EXPECT_FALSE(read(here).complete);
}

TEST_P(TileCacheContract, an_empty_chunk_is_complete_too) {
  fill(filling(here, {}, missed(here).cache_ms));
  const CachedChunk chunk = read(here);
  EXPECT_TRUE(chunk.complete);
  EXPECT_TRUE(chunk.rows.rows.empty());
}

TEST_P(TileCacheContract, every_field_of_a_row_survives) {
  Rows rows{row(here, (std::uint64_t{1} << 40) - 1)};
  rows[0].spawn = UINT64_MAX;
  rows[0].table = std::string(64, '|');
  rows[0].budget = 1'000'000;
  rows[0].opens_us = INT64_MIN + 1;
  rows[0].closes_us = 0;
  rows[0].buried_at_us = INT64_MAX;
  rows[0].sold_out = true;
  fill(filling(here, rows, missed(here).cache_ms, 8'191));
  EXPECT_EQ(read(here).rows.rows, rows);
  model::TileChange empty = change({11, -3}, 1, 8'191);
  empty.row.spawn = 0;
  empty.row.table.clear();
  update(empty);
  rows.push_back(empty.row);
  EXPECT_EQ(read(here).rows.rows, rows);
}

TEST_P(TileCacheContract, changes_lie_over_the_fill_in_the_order_of_tiles) {
  const Rows filled{row({8, -4}, 5), row({8, -3}, 5), row({31, -1}, 5)};
  fill(filling(here, filled, missed(here).cache_ms));
  update({change({31, -1}, 6), change({0, -32}, 1), change({8, -3}, 4), change({9, -3}, 1)});
  const CachedChunk chunk = read(here);
  ASSERT_TRUE(chunk.complete);
  const Rows merged{row({0, -32}, 1), row({8, -4}, 5), row({8, -3}, 5), row({9, -3}, 1),
                    row({31, -1}, 6)};
  EXPECT_EQ(chunk.rows.rows, merged);
}

TEST_P(TileCacheContract, an_older_change_changes_nothing) {
  fill(filling(here, {row(here, 5)}, missed(here).cache_ms));
  update({change(here, 7), change(here, 6), change(here, 7)});
  EXPECT_EQ(read(here).rows.rows, Rows{row(here, 7)});
}

TEST_P(TileCacheContract, a_change_does_not_prolong_completeness) {
  fill(filling(here, {row(here, 5)}, missed(here).cache_ms));
  wait_ms(life_ms - 1);
  update(change(here, 6));
  EXPECT_EQ(read(here).life_ns, 1'000'000);
  wait_ms(1);
  EXPECT_FALSE(read(here).complete);
}

// The filler read the store before the change, and its fill arrives after it.
TEST_P(TileCacheContract, a_slow_filler_cannot_bring_back_the_past) {
  const std::int64_t then_ms = missed(here).cache_ms;
  wait_ms(life_ms / 2);
  update(change(here, 6));
  wait_ms(life_ms / 2 - 1);
  fill(filling(here, {row(here, 5)}, then_ms));
  const CachedChunk chunk = read(here);
  ASSERT_TRUE(chunk.complete);
  EXPECT_EQ(chunk.rows.rows, Rows{row(here, 6)});
}

TEST_P(TileCacheContract, a_fill_that_comes_after_its_expiry_is_refused) {
  const std::int64_t then_ms = missed(here).cache_ms;
  wait_ms(life_ms);
  fill(filling(here, {row(here, 5)}, then_ms));
  EXPECT_FALSE(read(here).complete);
}

TEST_P(TileCacheContract, a_change_stays_over_a_fill_that_lacks_the_row) {
  const std::int64_t then_ms = missed(here).cache_ms;
  update(change(here, 1));
  fill(filling(here, {row({11, -3}, 1)}, then_ms));
  EXPECT_EQ(read(here).rows.rows, (Rows{row(here, 1), row({11, -3}, 1)}));
}

TEST_P(TileCacheContract, a_fill_wins_over_changes_that_are_as_old_as_a_chunk_lives) {
  update({change(here, 9), change({11, -3}, 9)});
  wait_ms(life_ms - 1);
  update(change({11, -3}, 10));
  wait_ms(1);
  fill(filling(here, {row(here, 5), row({11, -3}, 5)}, missed(here).cache_ms));
  EXPECT_EQ(read(here).rows.rows, (Rows{row(here, 5), row({11, -3}, 10)}));
}

TEST_P(TileCacheContract, an_older_fill_changes_nothing) {
  const std::int64_t then_ms = missed(here).cache_ms;
  wait_ms(5'000);
  fill(filling(here, {row(here, 6)}, under_test_->now_ms()));
  fill(filling(here, {row(here, 5)}, then_ms));
  EXPECT_EQ(read(here).rows.rows, Rows{row(here, 6)});
}

TEST_P(TileCacheContract, a_later_epoch_voids_the_fill) {
  fill(filling(here, {row(here, 5)}, missed(here).cache_ms, 1));
  EXPECT_TRUE(read(here, 1).complete);
  EXPECT_FALSE(read(here, 2).complete) << "the reader knows of a later epoch";
  fill(filling(here, {row(here, 4)}, under_test_->now_ms(), 2));
  EXPECT_EQ(read(here, 2).rows.rows, Rows{row(here, 4)});
  fill(filling(here, {row(here, 9)}, under_test_->now_ms() + 1, 1));
  EXPECT_EQ(read(here).rows.rows, Rows{row(here, 4)}) << "a fill of an earlier epoch";
}

TEST_P(TileCacheContract, a_change_of_a_later_epoch_voids_the_fill_and_wins_over_versions) {
  fill(filling(here, {row(here, 5)}, missed(here).cache_ms, 1));
  update(change({11, -3}, 2, 2));
  EXPECT_FALSE(read(here).complete);
  fill(filling(here, {row(here, 4), row({11, -3}, 9)}, under_test_->now_ms(), 1));
  EXPECT_FALSE(read(here).complete) << "of the earlier epoch still";
  fill(filling(here, {row(here, 4), row({11, -3}, 1)}, under_test_->now_ms(), 2));
  EXPECT_EQ(read(here).rows.rows, (Rows{row(here, 4), row({11, -3}, 2)}));
  update(change(here, 50, 1));
  EXPECT_EQ(read(here).rows.rows, (Rows{row(here, 4), row({11, -3}, 2)}));
}

TEST_P(TileCacheContract, a_refresh_is_due_at_two_thirds_of_a_life_and_leased_to_one) {
  fill(filling(here, {row(here, 5)}, missed(here).cache_ms));
  wait_ms(life_ms * 2 / 3);
  EXPECT_FALSE(read(here).leased);
  wait_ms(1);
  const CachedChunk first = read(here);
  EXPECT_TRUE(first.complete);
  EXPECT_TRUE(first.leased);
  EXPECT_EQ(first.cache_ms, under_test_->now_ms());
  const CachedChunk second = read(here);
  EXPECT_TRUE(second.complete);
  EXPECT_FALSE(second.leased);
  fill(filling(here, {row(here, 6)}, first.cache_ms));
  EXPECT_EQ(read(here).life_ns, limits::chunk_life_ns);
}

TEST_P(TileCacheContract, a_fill_gives_the_lease_back) {
  fill(filling(here, {}, missed(here).cache_ms));
  EXPECT_FALSE(read(here, 1).leased);
  EXPECT_TRUE(read(here, 2).leased);
}

TEST_P(TileCacheContract, what_was_lost_is_missed_and_filled_again) {
  fill(filling(here, {row(here, 5)}, missed(here).cache_ms));
  under_test_->lose_everything();
  fill(filling(here, {row(here, 5)}, missed(here).cache_ms));
  EXPECT_TRUE(read(here).complete);
}

TEST_P(TileCacheContract, many_chunks_of_one_call_are_answered_in_order) {
  std::vector<CacheAsk> asks;
  std::vector<ChunkFill> fills;
  std::vector<model::TileChange> changes;
  const auto place = [](std::size_t i) {
    return model::Tile{static_cast<std::int32_t>(i % 16) * 32,
                       static_cast<std::int32_t>(i / 16) * 32 - 256};
  };
  for (std::size_t i = 0; i < limits::chunks_per_load_max; ++i) {
    asks.push_back({chunk_of(place(i)), 0});
    changes.push_back(change(place(i), i + 1));
    if (i % 3 != 0) fills.push_back(filling(place(i), {}, under_test_->now_ms()));
  }
  for (std::size_t i = 0; i < 400; ++i) changes.push_back(change({1, 1}, i + 1));
  update(changes);
  fill(fills);
  const auto chunks = read(asks);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    ASSERT_EQ(chunks[i].complete, i % 3 != 0) << i;
    if (!chunks[i].complete) continue;
    EXPECT_EQ(chunks[i].rows.key, asks[i].key) << i;
    ASSERT_FALSE(chunks[i].rows.rows.empty());
    EXPECT_EQ(chunks[i].rows.rows[0], row(place(i), i + 1)) << i;
  }
  EXPECT_TRUE(read(std::vector<CacheAsk>{}).empty());
}

TEST_P(TileCacheContract, a_chunk_full_of_loot_fits) {
  Rows rows;
  for (std::uint64_t i = 0; i < 1'024; ++i) {
    rows.push_back(row(model::tile_of({chunk_of(here).chunk << 10 | i}), i + 1));
    rows.back().table = std::string(60, 'x') + std::to_string(i);
  }
  fill(filling(here, rows, missed(here).cache_ms));
  EXPECT_EQ(read(here).rows.rows, rows);
  std::vector<model::TileChange> changes;
  for (auto& one : rows) {
    one.version += 1'024;
    changes.push_back({world, one, 1});
  }
  update(changes);
  EXPECT_EQ(read(here).rows.rows, rows);
}

}  // namespace hunt::ports::contract
