#include "engine/ledger_check_tiles.h"

#include <gtest/gtest.h>

namespace hunt::engine {
namespace {

constexpr model::TileId tile{77};

model::TileRow row(model::Version version, model::SpawnId spawn, bool sold_out = false) {
  model::TileRow row;
  row.tile = tile;
  row.version = version;
  row.spawn = spawn;
  row.sold_out = sold_out;
  return row;
}

TEST(TileHistory, a_copy_ages_from_the_first_newer_row) {
  TileHistory history;
  history.on_row(100, 1, row(1, 5), 1);
  history.on_row(200, 1, row(2, 5), 1);
  EXPECT_EQ(history.age_ns(1, tile, 0, 150), 50);
  EXPECT_EQ(history.age_ns(1, tile, model::order_of(1, 1), 150), 0);
  EXPECT_EQ(history.age_ns(1, tile, model::order_of(1, 1), 260), 60);
  EXPECT_EQ(history.age_ns(1, tile, model::order_of(1, 2), 900), 0);
  EXPECT_EQ(history.age_ns(2, tile, 0, 900), 0);
}

TEST(TileHistory, a_row_of_a_later_epoch_is_newer_whatever_its_version) {
  TileHistory history;
  history.on_row(100, 1, row(7, 5), 1);
  history.on_row(200, 1, row(6, 4), 2);
  EXPECT_EQ(history.age_ns(1, tile, model::order_of(1, 7), 300), 100);
}

TEST(TileHistory, open_throughout_needs_every_moment) {
  TileHistory history;
  history.on_row(100, 1, row(1, 5), 1);
  history.on_row(300, 1, row(2, 5, true), 1);
  history.on_row(400, 1, row(3, 6), 1);
  EXPECT_EQ(history.open_throughout(1, tile, 100, 200, 0, 9), 5U);
  EXPECT_FALSE(history.open_throughout(1, tile, 50, 200, 0, 9));
  EXPECT_FALSE(history.open_throughout(1, tile, 200, 300, 0, 9));
  EXPECT_FALSE(history.open_throughout(1, tile, 350, 500, 0, 9));
  EXPECT_EQ(history.open_throughout(1, tile, 400, 500, 0, 9), 6U);
  const auto sold_out = [](const model::TileRow& row) { return row.sold_out; };
  EXPECT_TRUE(history.ever(1, tile, 200, 300, sold_out));
  EXPECT_FALSE(history.ever(1, tile, 100, 299, sold_out));
  EXPECT_EQ(history.spawn_throughout(1, tile, 100, 399), 5U);
  EXPECT_FALSE(history.spawn_throughout(1, tile, 99, 399)) << "nothing lay there before";
  EXPECT_FALSE(history.spawn_throughout(1, tile, 100, 400));
  EXPECT_EQ(history.spawns_of(1, tile), (std::vector<model::SpawnId>{5, 6}));
}

TEST(TileHistory, what_a_failover_lost_is_not_held_against_anyone) {
  TileHistory history;
  history.on_row(100, 1, row(1, 5), 1);
  history.on_row(200, 1, row(2, 6), 1);
  history.lose_after(1, row(1, 5), 350);
  EXPECT_EQ(history.age_ns(1, tile, model::order_of(1, 1), 900), 0);
  EXPECT_EQ(history.open_throughout(1, tile, 110, 190, 0, 9), 5U);
  EXPECT_FALSE(history.open_throughout(1, tile, 110, 210, 0, 9));
  EXPECT_FALSE(history.open_throughout(1, tile, 340, 900, 0, 9));
  EXPECT_EQ(history.open_throughout(1, tile, 360, 900, 0, 9), 5U);
  EXPECT_TRUE(history.lost_any(1, tile, 350, 350));
  EXPECT_FALSE(history.lost_any(1, tile, 199, 199));
  EXPECT_FALSE(history.lost_any(1, tile, 351, 351));
}

TEST(TileHistory, a_window_counts) {
  TileHistory history;
  auto windowed = row(1, 5);
  windowed.closes_us = 50;
  history.on_row(100, 1, windowed, 1);
  EXPECT_EQ(history.open_throughout(1, tile, 100, 200, 10, 49), 5U);
  EXPECT_FALSE(history.open_throughout(1, tile, 100, 200, 10, 50));
}

}  // namespace
}  // namespace hunt::engine
