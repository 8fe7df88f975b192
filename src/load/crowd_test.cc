#include "load/crowd.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "codec/trace_file.h"

namespace hunt::load {
namespace {

bool neighbours(model::Tile a, model::Tile b) {
  return std::abs(std::int64_t{a.x} - b.x) <= 1 && std::abs(std::int64_t{a.y} - b.y) <= 1;
}

// Players who wander and pause and sometimes jump, one row a step, for machines without a trace.
std::vector<model::TraceRow> generated_trace(std::uint64_t seed, std::uint32_t steps) {
  Prng prng(seed);
  const Placement placement({{-600, -600}, {600, 600}}, {{0, 0}, {100, 80}});
  std::vector<Walker> walkers;
  for (int i = 0; i < 6; ++i) walkers.push_back(begin_walk(placement, prng));
  std::vector<model::TraceRow> rows;
  std::int64_t t_ms = 1'551'944'160'000;
  for (std::uint32_t step = 0; step < steps; ++step) {
    for (std::uint32_t player = 0; player < 6; ++player) {
      const model::Tile before = walkers[player].at;
      advance(walkers[player], placement, prng);
      if (walkers[player].at == before && !rows.empty()) continue;
      model::TraceRow row;
      row.t_ms = t_ms;
      row.player = player;
      row.world = static_cast<std::uint16_t>(player % 2);
      row.tile = walkers[player].at;
      rows.push_back(row);
    }
    t_ms += 1'000;
  }
  return rows;
}

// The recorded trace that HUNT_TRACE names, or nothing.
std::vector<model::TraceRow> recorded_trace() {
  const char* path = std::getenv("HUNT_TRACE");
  if (path == nullptr) return {};
  auto trace = codec::read_trace_file(path, {});
  return trace ? std::move(trace->rows) : std::vector<model::TraceRow>{};
}

Walks some_walks() {
  auto rows = recorded_trace();
  if (rows.empty()) rows = generated_trace(5, 20'000);
  return Walks(rows);
}

CrowdOptions small_options(std::uint64_t seed) {
  CrowdOptions options;
  options.seed = seed;
  options.players = 1'050;  // the last server has half of the players
  options.rect = {{-300, -200}, {299, 150}};
  options.attractions = {{0, 0}, {250, 100}, {-299, -199}};
  return options;
}

std::uint64_t hash_of(Crowd& crowd, int batches) {
  std::uint64_t hash = 0;
  const auto mix = [&hash](std::uint64_t value) {
    std::uint64_t state = hash ^ value;
    hash = splitmix64(state);
  };
  model::Batch batch;
  for (int i = 0; i < batches; ++i) {
    crowd.next_batch(batch);
    for (const auto& position : batch.positions) {
      mix(position.player.high);
      mix(position.player.low);
      mix(model::tile_id_of(position.tile).value);
      mix(static_cast<std::uint64_t>(position.kind) + position.seq * 2);
    }
  }
  return hash;
}

TEST(Crowd, gives_the_same_batches_for_the_same_seed) {
  for (const bool recorded : {false, true}) {
    Crowd one(small_options(7), recorded ? some_walks() : Walks{});
    Crowd two(small_options(7), recorded ? some_walks() : Walks{});
    Crowd other(small_options(8), recorded ? some_walks() : Walks{});
    const std::uint64_t hash = hash_of(one, 500);
    EXPECT_EQ(hash, hash_of(two, 500));
    EXPECT_NE(hash, hash_of(other, 500));
  }
}

// The generated crowd is integers only, so this figure is the same on every machine.
TEST(Crowd, gives_the_same_batches_on_every_machine) {
  Crowd crowd(small_options(7));
  EXPECT_EQ(hash_of(crowd, 500), 8845066999577986770U);
}

TEST(Crowd, covers_every_player_once_a_round_in_batches_of_its_servers) {
  Crowd crowd(small_options(3));
  ASSERT_EQ(crowd.servers(), 11U);
  model::Batch batch;
  for (std::uint64_t round = 1; round <= 3; ++round) {
    std::set<model::PlayerId> seen;
    for (std::uint32_t server = 0; server < crowd.servers(); ++server) {
      crowd.next_batch(batch);
      ASSERT_EQ(batch.positions.size(), server + 1 < crowd.servers() ? 100U : 50U);
      for (std::uint32_t i = 0; i < batch.positions.size(); ++i) {
        ASSERT_EQ(batch.positions[i].player, crowd.player_id(server * 100 + i));
        ASSERT_EQ(batch.positions[i].seq, round);
        seen.insert(batch.positions[i].player);
      }
    }
    EXPECT_EQ(seen.size(), 1'050U);
  }
}

TEST(Crowd, names_players_with_uuids_that_read_back) {
  Crowd crowd(small_options(3));
  const auto player = crowd.player_id(17);
  const std::string text = model::format_uuid(player);
  EXPECT_EQ(text[14], '8');
  EXPECT_EQ(model::parse_uuid(text), player);
}

TEST(Crowd, moves_to_neighbours_inside_the_world_except_for_counted_jumps_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    for (const bool recorded : {false, true}) {
      const CrowdOptions options = small_options(seed);
      Crowd crowd(options, recorded ? some_walks() : Walks{});
      std::unordered_map<model::PlayerId, model::Tile, model::Id128Hash> last;
      std::uint64_t far = 0;
      std::uint64_t after_first_round = 0;
      model::Batch batch;
      for (std::uint32_t i = 0; i < 300 * crowd.servers(); ++i) {
        crowd.next_batch(batch);
        for (const auto& position : batch.positions) {
          ASSERT_TRUE(options.rect.contains(position.tile));
          const auto [found, fresh] = last.emplace(position.player, position.tile);
          if (!fresh && !neighbours(found->second, position.tile)) ++far;
          found->second = position.tile;
        }
        if (i + 1 == crowd.servers()) after_first_round = crowd.jumps();
      }
      // Folding at the edge and journeys may make a jump short, never a step long.
      EXPECT_LE(far, crowd.jumps() - after_first_round);
      EXPECT_GT(crowd.jumps(), 0U);
      EXPECT_LT(crowd.jumps(), 300U * options.players / 5);
    }
  }
}

TEST(Crowd, digs_as_often_as_asked) {
  for (const Ratio digs : {Ratio{1, 20}, Ratio{0, 1}, Ratio{1, 1}, Ratio{1, 2}}) {
    CrowdOptions options = small_options(11);
    options.digs = digs;
    Crowd crowd(options);
    model::Batch batch;
    std::uint64_t positions = 0;
    std::uint64_t count = 0;
    for (int i = 0; i < 2'200; ++i) {
      crowd.next_batch(batch);
      positions += batch.positions.size();
      count += static_cast<std::uint64_t>(
          std::count_if(batch.positions.begin(), batch.positions.end(),
                        [](const auto& p) { return p.kind == model::Kind::dig; }));
    }
    const double share = static_cast<double>(count) / static_cast<double>(positions);
    const double wanted =
        static_cast<double>(digs.numerator) / static_cast<double>(digs.denominator);
    EXPECT_NEAR(share, wanted, 0.003);
  }
}

TEST(Crowd, reuses_the_memory_of_the_batch) {
  Crowd crowd(small_options(2));
  model::Batch batch;
  crowd.next_batch(batch);
  const auto* data = batch.positions.data();
  for (int i = 0; i < 100; ++i) {
    crowd.next_batch(batch);
    ASSERT_EQ(batch.positions.data(), data);
  }
}

TEST(Crowd, lives_in_a_world_of_one_tile) {
  for (const bool recorded : {false, true}) {
    CrowdOptions options;
    options.players = 3;
    options.rect = {{5, -7}, {5, -7}};
    Crowd crowd(options, recorded ? some_walks() : Walks{});
    model::Batch batch;
    for (int i = 0; i < 2'000; ++i) {
      crowd.next_batch(batch);
      for (const auto& position : batch.positions) {
        ASSERT_EQ(position.tile, (model::Tile{5, -7}));
      }
    }
  }
}

TEST(Crowd, lives_at_the_far_corner_of_the_largest_world) {
  constexpr std::int32_t low = std::numeric_limits<std::int32_t>::min();
  constexpr std::int32_t high = std::numeric_limits<std::int32_t>::max();
  for (const bool recorded : {false, true}) {
    CrowdOptions options;
    options.players = 500;
    options.rect = {{low, low}, {high, high}};
    options.attractions = {{low, high}, {high, low}};
    Crowd crowd(options, recorded ? some_walks() : Walks{});
    std::set<bool> sides;
    model::Batch batch;
    for (int i = 0; i < 500; ++i) {
      crowd.next_batch(batch);
      for (const auto& position : batch.positions) sides.insert(position.tile.x < 0);
    }
    EXPECT_EQ(sides.size(), 2U);
  }
}

// What the reference crowd does to the reference world in one minute.
struct Minute {
  std::uint64_t positions = 0;
  std::uint64_t on_loot = 0;
  std::uint64_t meetings = 0;  // distinct (player, loot tile)
  std::uint64_t grants = 0;    // sum over the tiles of min(budget, distinct players)
  std::uint64_t sold_out = 0;  // tiles with at least as many players as their budget
  std::uint64_t near_loot = 0;
  double seconds = 0;
};

constexpr std::int32_t side = 4'096;
std::size_t cell_of(model::Tile tile) {
  return static_cast<std::size_t>(tile.y + side / 2) * side +
         static_cast<std::size_t>(tile.x + side / 2);
}

Minute play_minute(const DemoWorld& world, Crowd& crowd) {
  constexpr std::int32_t radius = 8;
  std::vector<std::uint32_t> loot(std::size_t{side} * side, 0);
  std::vector<bool> near(loot.size(), false);
  for (std::uint32_t i = 0; i < world.burials.size(); ++i) {
    const model::Tile at = world.burials[i].tile;
    loot[cell_of(at)] = i + 1;
    for (auto y = std::max(at.y - radius, -side / 2); y <= std::min(at.y + radius, side / 2 - 1);
         ++y) {
      for (auto x = std::max(at.x - radius, -side / 2); x <= std::min(at.x + radius, side / 2 - 1);
           ++x) {
        near[cell_of({x, y})] = true;
      }
    }
  }
  Minute minute;
  std::vector<std::uint32_t> players(world.burials.size(), 0);
  std::unordered_set<model::Id128, model::Id128Hash> met;
  met.reserve(1'000'000);
  model::Batch batch;
  while (minute.positions < 7'200'000) {
    crowd.next_batch(batch);
    minute.positions += batch.positions.size();
    for (const auto& position : batch.positions) {
      const std::size_t cell = cell_of(position.tile);
      minute.near_loot += near[cell] ? 1 : 0;
      if (loot[cell] == 0) continue;
      ++minute.on_loot;
      if (met.insert({position.player.high, loot[cell]}).second) ++players[loot[cell] - 1];
    }
  }
  minute.meetings = met.size();
  for (std::size_t i = 0; i < players.size(); ++i) {
    minute.grants += std::min(players[i], world.burials[i].budget);
    minute.sold_out += players[i] >= world.burials[i].budget ? 1 : 0;
  }
  return minute;
}

double positions_per_second(Crowd& crowd) {
  model::Batch batch;
  std::uint64_t positions = 0;
  const auto start = std::chrono::steady_clock::now();
  while (positions < 7'200'000) {
    crowd.next_batch(batch);
    positions += batch.positions.size();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return static_cast<double>(positions) / took.count();
}

void expect_reference_load(const char* name, Walks walks) {
  const DemoWorld world = make_demo_world({});
  CrowdOptions options;
  options.attractions = world.centres;
  Crowd crowd(options, walks);
  const Minute minute = play_minute(world, crowd);
  Crowd timed(options, std::move(walks));
  std::printf(
      "%s: %lu positions, %lu on loot, %lu first meetings, %lu grants at most, %lu tiles sold out, "
      "%.1f %% within 8 tiles of loot, %lu jumps; generated at %.1f M positions/s\n",
      name, minute.positions, minute.on_loot, minute.meetings, minute.grants, minute.sold_out,
      100.0 * static_cast<double>(minute.near_loot) / static_cast<double>(minute.positions),
      crowd.jumps(), positions_per_second(timed) / 1e6);
  EXPECT_GT(minute.meetings, 100'000U);
  EXPECT_LT(minute.meetings, 600'000U);
  EXPECT_GT(minute.grants, 100'000U);
  EXPECT_LT(minute.grants, 250'000U);
  EXPECT_GT(minute.sold_out, 2'000U);
  EXPECT_GT(minute.near_loot, minute.positions / 10);
}

TEST(Crowd, meets_treasure_at_the_reference_load_with_generated_players) {
  expect_reference_load("generated players", Walks{});
}

TEST(Crowd, meets_treasure_at_the_reference_load_with_recorded_walks) {
  expect_reference_load("recorded walks", some_walks());
}

TEST(Crowd, only_those_who_play_send_positions) {
  Crowd crowd(small_options(3));
  model::Batch batch;
  for (int i = 0; i < 7; ++i) crowd.next_batch(batch);
  crowd.set_playing(250);
  EXPECT_EQ(crowd.servers(), 3U);
  std::set<model::PlayerId> seen;
  for (int i = 0; i < 6; ++i) {
    crowd.next_batch(batch);
    for (const auto& position : batch.positions) seen.insert(position.player);
  }
  std::set<model::PlayerId> first;
  for (std::uint32_t i = 0; i < 250; ++i) first.insert(crowd.player_id(i));
  EXPECT_EQ(seen, first);
  crowd.set_playing(1'050);
  for (std::uint32_t i = 0; i < crowd.servers(); ++i) {
    crowd.next_batch(batch);
    for (const auto& position : batch.positions) seen.insert(position.player);
  }
  EXPECT_EQ(seen.size(), 1'050U);
}

// Of each server half of the players stay on the hot tiles, whether they walk or follow walks.
TEST(Crowd, hot_players_stay_on_the_hot_tiles) {
  for (const bool recorded : {false, true}) {
    CrowdOptions options = small_options(8);
    options.players = 1'000;
    options.hot = {1, 2};
    options.hot_rect = {{10, 20}, {17, 27}};
    Crowd crowd(options, recorded ? some_walks() : Walks{});
    model::Batch batch;
    for (int i = 0; i < 500; ++i) {
      crowd.next_batch(batch);
      std::size_t inside = 0;
      for (std::size_t at = 1; at < batch.positions.size(); at += 2) {
        const model::Tile tile = batch.positions[at].tile;
        inside += tile.x >= 10 && tile.x <= 17 && tile.y >= 20 && tile.y <= 27 ? 1 : 0;
      }
      ASSERT_EQ(inside, 50U) << "batch " << i;
    }
  }
}

}  // namespace
}  // namespace hunt::load
