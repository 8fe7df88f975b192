// The engine against a slow, obvious oracle, and its promises: no allocation, no stale answer.
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <map>

#include "base/prng.h"
#include "base/testing/count_allocations.h"
#include "engine/answer.h"
#include "engine/claim_memo.h"
#include "engine/l1.h"
#include "engine/roll.h"
#include "model/limits.h"
#include "model/outside.h"

namespace hunt::engine {
namespace {

using model::Outcome;

std::shared_ptr<model::RuleSet> rules_with(std::int32_t radius, model::Trigger trigger) {
  auto rules = std::make_shared<model::RuleSet>();
  rules->version = "0000000000000001";
  rules->events.push_back({"test", trigger, radius, model::time_us_min, model::time_us_max});
  rules->tables.push_back({"loot", 0, 0, 2, 4});
  rules->entries = {{3, false, 0}, {1, false, 1}};
  rules->items = {"common", "rare"};
  return rules;
}

struct World {
  std::map<model::TileId, model::TileRow> rows;

  void bury(model::Tile tile, model::SpawnId spawn) {
    auto& row = rows[model::tile_id_of(tile)];
    row.tile = model::tile_id_of(tile);
    ++row.version;
    row.spawn = spawn;
    row.table = "loot";
    row.budget = 1;
  }
  [[nodiscard]] model::ChunkRows chunk(model::ChunkKey key) const {
    model::ChunkRows out{key, {}};
    for (const auto& [id, row] : rows) {
      if (model::chunk_of(key.world, id) == key) out.rows.push_back(row);
    }
    return out;
  }
  // The oracle: Chebyshev distance to the nearest open loot, by trying all.
  [[nodiscard]] std::int64_t distance(model::Tile from, std::int64_t as_of_us) const {
    std::int64_t best = INT64_MAX;
    for (const auto& [id, row] : rows) {
      if (row.spawn == 0 || row.sold_out || !row.window().holds(as_of_us)) continue;
      const model::Tile to = model::tile_of(id);
      const std::int64_t dx = std::abs(std::int64_t{to.x} - from.x);
      const std::int64_t dy = std::abs(std::int64_t{to.y} - from.y);
      best = std::min(best, std::max(dx, dy));
    }
    return best;
  }
};

struct Lane {
  L1 l1;
  World world;
  Turn turn;
  std::vector<model::PositionOutcome> outcomes;
  bool insists = false;

  Lane(std::int32_t radius, model::Trigger trigger, std::size_t bytes = 64U << 20)
      : l1(bytes, rules_with(radius, trigger)) {}

  void run(const model::Batch& batch, std::int64_t now_ns, std::int64_t as_of_us) {
    outcomes.assign(batch.positions.size(), {});
    answer(l1, batch, {now_ns, as_of_us, insists}, outcomes.data(), turn);
    for (int round = 0; round < 8 && !turn.missed.empty(); ++round) {
      for (const auto& key : turn.wanted) {
        l1.put(world.chunk(key), now_ns, now_ns + limits::chunk_life_ns);
      }
      answer_missed(l1, batch, {now_ns, as_of_us, insists}, outcomes.data(), turn);
    }
    ASSERT_TRUE(turn.missed.empty());
  }
  [[nodiscard]] model::PositionOutcome at(model::Tile tile, std::int64_t now_ns = 1,
                                          std::int64_t as_of_us = 1,
                                          model::Kind kind = model::Kind::step) {
    model::Batch batch;
    batch.positions.push_back({{1, 2}, tile, kind, 0, 0});
    run(batch, now_ns, as_of_us);
    return outcomes[0];
  }
};

Outcome expected(std::int64_t distance, std::int32_t radius, std::int32_t* band) {
  if (distance == 0) return Outcome::found;
  if (distance > radius) return Outcome::nothing;
  for (const std::int32_t edge : band_edges_tiles) {
    if (distance <= edge) {
      *band = std::min(edge, radius);
      break;
    }
  }
  return Outcome::hint;
}

TEST(Answer, agrees_with_the_oracle_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Prng prng(seed);
    const auto radius = static_cast<std::int32_t>(prng.below(33));
    Lane lane(radius, model::Trigger::step);
    // Near corners of the coordinate space too, and at negative chunks.
    const std::int32_t base = seed % 5 == 0   ? INT32_MAX - 110
                              : seed % 5 == 1 ? INT32_MIN + 12
                                              : -50;
    for (std::uint64_t i = 0; i < 1 + prng.below(40); ++i) {
      const model::Tile tile{base + static_cast<std::int32_t>(prng.below(100)),
                             base + static_cast<std::int32_t>(prng.below(100))};
      lane.world.bury(tile, 100 + i);
      auto& row = lane.world.rows[model::tile_id_of(tile)];
      if (prng.chance({1, 4})) row.sold_out = true;
      if (prng.chance({1, 4})) row.opens_us = 5'000;
      if (prng.chance({1, 4})) row.closes_us = 7'000;
    }
    for (const std::int64_t as_of_us : {1'000, 5'000, 6'999, 7'000, 9'000}) {
      model::Batch batch;
      for (int i = 0; i < 200; ++i) {
        const model::Tile tile{base + static_cast<std::int32_t>(prng.between(-10, 109)),
                               base + static_cast<std::int32_t>(prng.between(-10, 109))};
        batch.positions.push_back({{7, prng.next()}, tile, model::Kind::step, 0, 0});
      }
      lane.run(batch, 1, as_of_us);
      for (std::size_t i = 0; i < batch.positions.size(); ++i) {
        const model::Tile tile = batch.positions[i].tile;
        std::int32_t band = 0;
        const Outcome want = expected(lane.world.distance(tile, as_of_us), radius, &band);
        const auto row = lane.world.rows.find(model::tile_id_of(tile));
        const bool finished = row != lane.world.rows.end() && row->second.opens_us <= as_of_us &&
                              (row->second.sold_out || row->second.closes_us <= as_of_us);
        if (finished) {  // the ledger is to answer for a finished spawn
          ASSERT_EQ(lane.outcomes[i].outcome, Outcome::found) << "seed " << seed;
          continue;
        }
        ASSERT_EQ(lane.outcomes[i].outcome, want) << "seed " << seed << " as_of " << as_of_us;
        ASSERT_EQ(lane.outcomes[i].distance, want == Outcome::hint ? band : 0);
      }
    }
  }
}

// The coordinates end there: what is on the other side is as far away as anything can be.
TEST(Answer, agrees_with_the_oracle_at_every_edge_of_the_coordinates_for_any_seed) {
  std::uint64_t hints = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Prng prng(seed);
    const auto radius = static_cast<std::int32_t>(1 + prng.below(32));
    Lane lane(radius, model::Trigger::step);
    // Within 40 tiles of an edge, or of the middle; both coordinates each by itself.
    const auto coordinate = [&prng] {
      const auto away = static_cast<std::int32_t>(prng.below(40));
      switch (prng.below(3)) {
        case 0:
          return INT32_MIN + away;
        case 1:
          return INT32_MAX - away;
        default:
          return away - 20;
      }
    };
    const auto any_tile = [&] {
      const std::int32_t x = coordinate();
      return model::Tile{x, coordinate()};
    };
    for (model::SpawnId i = 1; i <= 12; ++i) lane.world.bury(any_tile(), i);
    for (int i = 0; i < 300; ++i) {
      const model::Tile from = any_tile();
      std::int32_t band = 0;
      const Outcome want = expected(lane.world.distance(from, 1), radius, &band);
      const model::PositionOutcome got = lane.at(from);
      ASSERT_EQ(got.outcome, want) << "seed " << seed << " at " << from.x << ", " << from.y;
      ASSERT_EQ(got.distance, want == Outcome::hint ? band : 0);
      hints += want == Outcome::hint ? 1 : 0;
    }
  }
  EXPECT_GT(hints, 1'000U);
}

TEST(Answer, agrees_with_the_oracle_after_each_change_of_loot) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Prng prng(seed);
    const auto radius = static_cast<std::int32_t>(prng.below(33));
    Lane lane(radius, model::Trigger::step);
    const auto any_tile = [&] {
      return model::Tile{static_cast<std::int32_t>(prng.between(-40, 40)),
                         static_cast<std::int32_t>(prng.between(-40, 40))};
    };
    for (int change = 0; change < 60; ++change) {
      const model::Tile tile = any_tile();
      lane.world.bury(tile, static_cast<model::SpawnId>(change + 1));
      auto& row = lane.world.rows[model::tile_id_of(tile)];
      const std::uint64_t what = prng.below(3);
      if (what == 1) row.sold_out = true;
      if (what == 2) row.spawn = 0;
      lane.l1.apply({1, row});
      for (int i = 0; i < 20; ++i) {
        const model::Tile from = any_tile();
        std::int32_t band = 0;
        Outcome want = expected(lane.world.distance(from, 1), radius, &band);
        const auto here = lane.world.rows.find(model::tile_id_of(from));
        const bool gone =
            here != lane.world.rows.end() && here->second.spawn != 0 && here->second.sold_out;
        if (gone) want = Outcome::found;  // the ledger is to answer
        const model::PositionOutcome got = lane.at(from);
        ASSERT_EQ(got.outcome, want) << "seed " << seed << " change " << change;
        ASSERT_EQ(got.distance, want == Outcome::hint ? band : 0);
      }
    }
  }
}

TEST(Answer, makes_no_allocation_when_chunks_are_here) {
  Lane lane(8, model::Trigger::step);
  Prng prng(3);
  for (int i = 0; i < 500; ++i) {
    lane.world.bury(
        {static_cast<std::int32_t>(prng.below(400)), static_cast<std::int32_t>(prng.below(400))},
        static_cast<model::SpawnId>(i + 1));
  }
  model::Batch batch;
  for (int i = 0; i < 256; ++i) {
    batch.positions.push_back(
        {{1, static_cast<std::uint64_t>(i)},
         {static_cast<std::int32_t>(prng.below(400)), static_cast<std::int32_t>(prng.below(400))},
         model::Kind::step,
         0,
         0});
  }
  lane.run(batch, 1, 1);
  answer(lane.l1, batch, {2, 2}, lane.outcomes.data(), lane.turn);
  const std::uint64_t before = allocation_count();
  for (int i = 0; i < 100; ++i) {
    answer(lane.l1, batch, {3, 3, true}, lane.outcomes.data(), lane.turn);
  }
  EXPECT_EQ(allocation_count() - before, 0U);
  EXPECT_TRUE(lane.turn.missed.empty());
  EXPECT_FALSE(lane.turn.candidates.empty());
}

// CPU time of this thread for looks at tiles among dense loot, the least of several tries. `anew`:
// with the maps of all chunks derived again.
std::int64_t cost_of_looks_ns(std::int32_t radius, bool anew) {
  Lane lane(radius, model::Trigger::dig);
  for (std::int32_t i = 0; i < 400; ++i) {
    lane.world.bury({i * 7 % 160, i * 11 % 161}, static_cast<model::SpawnId>(i + 1));
  }
  model::Batch batch;
  for (std::int32_t i = 0; i < 4'000; ++i) {
    batch.positions.push_back({{1, 1}, {i * 13 % 160, i * 17 % 160}, model::Kind::step, 0, 0});
  }
  lane.run(batch, 1, 1);
  const auto cpu_ns = [] {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return used.tv_sec * 1'000'000'000 + used.tv_nsec;
  };
  std::int64_t least = INT64_MAX;
  for (int i = 0; i < 15; ++i) {
    if (anew) lane.l1.set_rules(rules_with(radius, model::Trigger::dig));
    const std::int64_t begun = cpu_ns();
    answer(lane.l1, batch, {2, 2}, lane.outcomes.data(), lane.turn);
    if (anew) answer_missed(lane.l1, batch, {2, 2}, lane.outcomes.data(), lane.turn);
    least = std::min(least, cpu_ns() - begun);
  }
  EXPECT_TRUE(lane.turn.missed.empty());
  return least;
}

// A look around would cost 65 * 65 tiles at the largest radius and 9 at the smallest: 470 times as
// much. 8 is for caches, branches and a machine that others use.
TEST(Answer, costs_about_the_same_at_every_hint_radius) {
  EXPECT_LT(cost_of_looks_ns(limits::hint_radius_tiles_max, false), 8 * cost_of_looks_ns(1, false));
  EXPECT_LT(cost_of_looks_ns(limits::hint_radius_tiles_max, true), 8 * cost_of_looks_ns(1, true));
}

// Whatever the rules say of a tile with a spawn, who insists gets the same answer and a candidate
// for the ledger; nobody else does.
TEST(Answer, who_insists_has_the_ledger_asked_on_every_tile_with_a_spawn) {
  const auto with = [](auto change) {
    auto rules = rules_with(8, model::Trigger::step);
    change(*rules);
    return rules;
  };
  const std::shared_ptr<model::RuleSet> all[] = {
      rules_with(8, model::Trigger::dig),
      rules_with(0, model::Trigger::dig),
      with([](auto& rules) { rules.events[0].starts_us = 200; }),
      with([](auto& rules) { rules.events[0].ends_us = 50; }),
      with([](auto& rules) {
        rules.events[0].openings = {{50, 90}, {101, 200}};
      }),
      with([](auto& rules) { rules.events[0].enabled = false; }),
      with([](auto& rules) { rules.tables[0].name = "another"; }),
      with([](auto& rules) { rules.tables.clear(), rules.events.clear(); }),
  };
  const Outcome wanted[] = {Outcome::hint,   Outcome::nothing, Outcome::nothing, Outcome::closed,
                            Outcome::closed, Outcome::nothing, Outcome::nothing, Outcome::nothing};
  for (std::size_t i = 0; i < std::size(all); ++i) {
    Lane lane(8, model::Trigger::step);
    lane.world.bury({3, 3}, 7);
    lane.l1.set_rules(all[i]);
    EXPECT_EQ(lane.at({3, 3}, 1, 100).outcome, wanted[i]) << i;
    EXPECT_TRUE(lane.turn.candidates.empty()) << i;
    lane.insists = true;
    EXPECT_EQ(lane.at({3, 3}, 1, 100).outcome, wanted[i]) << i;
    ASSERT_EQ(lane.turn.candidates.size(), 1U) << i;
    EXPECT_TRUE(lane.turn.candidates[0].refused);
    EXPECT_EQ(lane.turn.candidates[0].spawn, 7U);
    static_cast<void>(lane.at({4, 3}, 1, 100));
    EXPECT_TRUE(lane.turn.candidates.empty()) << "no spawn, no claim";
  }
  Lane lane(8, model::Trigger::step);
  lane.world.bury({3, 3}, 7);
  lane.insists = true;
  EXPECT_EQ(lane.at({3, 3}).outcome, Outcome::found);
  ASSERT_EQ(lane.turn.candidates.size(), 1U);
  EXPECT_FALSE(lane.turn.candidates[0].refused);
}

// What memory answers at one look for everybody is what the rules say of that one claim, for any
// event.
TEST(Answer, says_of_a_spawn_what_the_rules_say_of_its_claim) {
  constexpr std::int64_t times_us[] = {49, 50, 99, 100, 199, 200, 399, 400};
  std::map<Outcome, int> seen;
  Prng prng(1);
  for (int i = 0; i < 2'000; ++i) {
    const auto half = [&prng] { return prng.below(2) == 0; };
    auto rules = rules_with(0, half() ? model::Trigger::step : model::Trigger::dig);
    model::EventRules& event = rules->events[0];
    if (half()) event.starts_us = 50;
    if (half()) event.ends_us = 400;
    if (half()) event.openings = {{60, 100}, {200, 300}};
    event.enabled = prng.below(4) != 0;
    event.stopped = prng.below(4) == 0;
    if (half()) event.worlds = {model::WorldRef{model::WorldId{half() ? 1U : 2U}}};
    if (half()) event.rollout_percent = static_cast<std::uint32_t>(prng.below(101));
    Lane lane(0, model::Trigger::step);
    lane.world.bury({3, 3}, 7);
    lane.l1.set_rules(rules);
    model::Claim claim;
    claim.world = 1;
    claim.player = {1, 2};
    for (const std::int64_t as_of_us : times_us) {
      const auto kind = half() ? model::Kind::step : model::Kind::dig;
      const Judged judged = judge_claim(lane.l1, *rules, "loot", claim, kind, as_of_us);
      ASSERT_EQ(lane.at({3, 3}, 1, as_of_us, kind).outcome, judged.outcome) << i << " " << as_of_us;
      ++seen[judged.outcome];
    }
  }
  EXPECT_GT(seen[Outcome::found], 500);
  EXPECT_GT(seen[Outcome::closed], 500);
  EXPECT_GT(seen[Outcome::nothing], 500);
}

TEST(Answer, an_event_with_openings_is_found_and_hinted_at_only_in_them) {
  auto rules = rules_with(8, model::Trigger::step);
  rules->events[0].starts_us = 50;
  rules->events[0].ends_us = 500;
  rules->events[0].openings = {{100, 200}, {300, 400}};
  Lane lane(8, model::Trigger::step);
  lane.world.bury({3, 3}, 7);
  lane.l1.set_rules(rules);
  for (std::int64_t as_of_us = 40; as_of_us < 520; ++as_of_us) {
    const bool open = (as_of_us >= 100 && as_of_us < 200) || (as_of_us >= 300 && as_of_us < 400);
    const Outcome shut = as_of_us < 50 ? Outcome::nothing : Outcome::closed;
    ASSERT_EQ(lane.at({3, 3}, 1, as_of_us).outcome, open ? Outcome::found : shut) << as_of_us;
    ASSERT_EQ(lane.at({5, 3}, 1, as_of_us).outcome, open ? Outcome::hint : Outcome::nothing)
        << as_of_us;
  }
}

TEST(Openings, know_what_holds_and_when_it_changes_next) {
  const model::Openings openings{{100, 200}, {300, 400}};
  for (std::int64_t at = 90; at < 410; ++at) {
    const bool open = (at >= 100 && at < 200) || (at >= 300 && at < 400);
    ASSERT_EQ(model::opening_at(openings, at) != nullptr, open) << at;
    const std::int64_t next = at < 100   ? 100
                              : at < 200 ? 200
                              : at < 300 ? 300
                              : at < 400 ? 400
                                         : model::time_us_max;
    ASSERT_EQ(model::next_edge_us(openings, at), next) << at;
  }
  EXPECT_EQ(model::opening_at({}, 1), nullptr);
}

TEST(Answer, a_dig_event_wants_a_dig_and_hints_zero_to_a_step) {
  Lane lane(8, model::Trigger::dig);
  lane.world.bury({3, 3}, 9);
  EXPECT_EQ(lane.at({3, 3}).outcome, Outcome::hint);
  EXPECT_EQ(lane.at({3, 3}).distance, 0);
  EXPECT_EQ(lane.at({3, 3}, 1, 1, model::Kind::dig).outcome, Outcome::found);
}

TEST(L1, applies_changes_at_once_and_never_goes_back_a_version) {
  Lane lane(2, model::Trigger::step);
  EXPECT_EQ(lane.at({0, 0}).outcome, Outcome::nothing);
  lane.world.bury({0, 0}, 5);
  const model::TileRow first = lane.world.rows.begin()->second;
  lane.l1.apply({1, first});
  EXPECT_EQ(lane.at({0, 0}).outcome, Outcome::found);
  EXPECT_EQ(lane.at({-2, -2}).outcome, Outcome::hint) << "across the chunk's border";
  model::TileRow second = first;
  second.version = 2;
  second.spawn = 0;
  lane.l1.apply({1, second});
  lane.l1.apply({1, first});
  EXPECT_EQ(lane.at({0, 0}).outcome, Outcome::nothing);
  // A load whose snapshot is older than the invalidation does not resurrect the spawn either.
  lane.l1.put(lane.world.chunk(model::chunk_key(1, {0, 0})), 1, 1 + limits::chunk_life_ns);
  EXPECT_EQ(lane.at({0, 0}).outcome, Outcome::nothing);
  // Nor does one that lacks a row that an invalidation brought.
  World empty;
  lane.l1.put(empty.chunk(model::chunk_key(1, {0, 0})), 1, 1 + limits::chunk_life_ns);
  lane.l1.apply({1, first});
  EXPECT_EQ(lane.at({0, 0}).outcome, Outcome::nothing);
}

TEST(L1, what_was_untrue_ends_with_the_next_load_of_the_store) {
  Lane lane(0, model::Trigger::step);
  lane.world.bury({0, 0}, 5);
  const auto load = [&lane](std::int64_t now_ns) {
    lane.l1.put(lane.world.chunk(model::chunk_key(1, {0, 0})), now_ns,
                now_ns + limits::chunk_life_ns, 0, now_ns + 1);
  };
  load(10);
  model::TileRow forged = lane.world.rows.begin()->second;
  forged.version = limits::version_max;
  forged.spawn = 0;
  lane.l1.apply({1, forged}, 20);
  EXPECT_EQ(lane.at({0, 0}, 21).outcome, Outcome::nothing);
  load(20);  // it may have been read before
  EXPECT_EQ(lane.at({0, 0}, 22).outcome, Outcome::nothing);
  load(30);
  EXPECT_EQ(lane.at({0, 0}, 31).outcome, Outcome::found);
}

TEST(L1, serves_nothing_past_its_expiry) {
  Lane lane(0, model::Trigger::step);
  lane.l1.heartbeat(0);
  EXPECT_EQ(lane.at({0, 0}, 1).outcome, Outcome::nothing);
  lane.l1.heartbeat(limits::chunk_life_ns);
  Turn turn;
  model::Batch batch;
  batch.positions.push_back({});
  std::vector<model::PositionOutcome> out(1);
  answer(lane.l1, batch, {limits::chunk_life_ns, 1}, out.data(), turn);
  EXPECT_TRUE(turn.missed.empty());
  answer(lane.l1, batch, {limits::chunk_life_ns + 1, 1}, out.data(), turn);
  EXPECT_EQ(turn.missed.size(), 1U);
  EXPECT_EQ(turn.wanted.size(), 9U);
}

TEST(L1, trusts_for_a_second_only_when_confirmations_stop_or_have_a_gap) {
  const auto missed_at = [](Lane& lane, std::int64_t now_ns) {
    model::Batch batch;
    batch.positions.push_back({});
    std::vector<model::PositionOutcome> out(1);
    answer(lane.l1, batch, {now_ns, 1}, out.data(), lane.turn);
    return !lane.turn.missed.empty();
  };
  constexpr std::int64_t second = 1'000'000'000;
  Lane never(0, model::Trigger::step);
  (void)never.at({0, 0}, second);
  EXPECT_FALSE(missed_at(never, 2 * second));
  EXPECT_TRUE(missed_at(never, 2 * second + 1));

  Lane silent(0, model::Trigger::step);
  silent.l1.heartbeat(0);
  (void)silent.at({0, 0}, second);
  silent.l1.heartbeat(4 * second);
  EXPECT_FALSE(missed_at(silent, 6 * second));
  EXPECT_TRUE(missed_at(silent, 8 * second));

  Lane gapped(0, model::Trigger::step);
  gapped.l1.heartbeat(0);
  (void)gapped.at({0, 0}, second);
  gapped.l1.heartbeat(5 * second);
  EXPECT_FALSE(missed_at(gapped, 5 * second));
  gapped.l1.gap(5 * second);
  gapped.l1.heartbeat(5 * second);
  EXPECT_FALSE(missed_at(gapped, 6 * second - 1));
  EXPECT_TRUE(missed_at(gapped, 6 * second + 1));
}

TEST(L1, trusts_each_shard_by_its_own_confirmations) {
  constexpr std::int64_t second = 1'000'000'000;
  Lane lane(0, model::Trigger::step);
  lane.l1.heartbeat(0, 0);
  lane.l1.heartbeat(0, 1);
  // Chunk columns up to 8 are shard 0's, the others shard 1's.
  for (std::int32_t x = 0; x < 16; ++x) {
    for (std::int32_t y = -1; y <= 1; ++y) {
      lane.l1.put(lane.world.chunk(model::chunk_key(1, {x, y})), 0, limits::chunk_life_ns,
                  x <= 8 ? 0 : 1);
    }
  }
  const auto missed_at = [&lane](std::int32_t chunk_x, std::int64_t now_ns) {
    model::Batch batch;
    batch.positions.push_back({{}, {chunk_x * 32, 0}, model::Kind::step, 0, 0});
    std::vector<model::PositionOutcome> out(1);
    answer(lane.l1, batch, {now_ns, 1}, out.data(), lane.turn);
    return !lane.turn.missed.empty();
  };
  lane.l1.heartbeat(5 * second, 0);
  lane.l1.heartbeat(5 * second, 1);
  EXPECT_FALSE(missed_at(4, 5 * second));
  EXPECT_FALSE(missed_at(8, 5 * second));
  lane.l1.gap(5 * second, 1);
  lane.l1.heartbeat(6 * second + 1, 0);
  lane.l1.heartbeat(6 * second + 1, 1);
  EXPECT_FALSE(missed_at(4, 6 * second + 1)) << "the gap was the other shard's";
  EXPECT_TRUE(missed_at(12, 6 * second + 1));
  EXPECT_TRUE(missed_at(8, 6 * second + 1)) << "its hints come from both";

  // Whatever keeps a border chunk from answering is asked for, until it answers.
  for (int rounds = 0; rounds < 3 && missed_at(8, 6 * second + 1); ++rounds) {
    EXPECT_FALSE(lane.turn.wanted.empty()) << "nothing to load, and no answer";
    for (const auto& key : lane.turn.wanted) {
      lane.l1.put(lane.world.chunk(key), 6 * second + 1, 36 * second,
                  model::chunk_at(key.chunk).x <= 8 ? 0 : 1);
    }
  }
  EXPECT_FALSE(missed_at(8, 6 * second + 1));
}

TEST(L1, drops_what_is_of_an_epoch_that_is_over) {
  Lane lane(2, model::Trigger::step);
  lane.world.bury({0, 0}, 5);
  EXPECT_EQ(lane.at({0, 0}).outcome, Outcome::found);
  model::TileRow lost = lane.world.rows.begin()->second;
  lost.version = 9;
  lost.spawn = 6;
  lane.l1.apply({1, lost});
  model::TileRow other = lost;
  other.tile = model::tile_id_of({4, 4});
  lane.l1.apply({1, other});
  EXPECT_EQ(lane.at({4, 4}).outcome, Outcome::found);
  lane.l1.begin_epoch(0, 2);
  model::Batch batch;
  batch.positions.push_back({});
  std::vector<model::PositionOutcome> out(1);
  answer(lane.l1, batch, {1, 1}, out.data(), lane.turn);
  EXPECT_EQ(lane.turn.missed.size(), 1U);
  for (std::uint64_t epoch = 1; epoch <= 2; ++epoch) {
    // A load that began before the promotion is not taken; one of the new epoch wins over commits
    // that were lost, though their versions are higher.
    for (const auto& key : lane.turn.wanted) {
      auto rows = lane.world.chunk(key);
      rows.epoch = epoch;
      lane.l1.put(rows, 1, limits::chunk_life_ns);
    }
    answer(lane.l1, batch, {1, 1}, out.data(), lane.turn);
    EXPECT_EQ(lane.turn.missed.empty(), epoch == 2);
  }
  ASSERT_EQ(lane.turn.candidates.size(), 1U);
  EXPECT_EQ(lane.turn.candidates[0].spawn, 5U);
  batch.positions[0].tile = {4, 4};
  answer(lane.l1, batch, {1, 1}, out.data(), lane.turn);
  EXPECT_TRUE(lane.turn.candidates.empty());
}

TEST(L1, asks_for_a_refresh_once_before_it_expires) {
  Lane lane(0, model::Trigger::step);
  lane.l1.heartbeat(0);
  (void)lane.at({0, 0}, 1);
  const std::int64_t late = limits::chunk_life_ns / 3 * 2 + 2;
  lane.l1.heartbeat(late);
  (void)lane.at({0, 0}, late);
  EXPECT_EQ(lane.turn.aging.size(), 9U);
  (void)lane.at({0, 0}, late + 1);
  EXPECT_TRUE(lane.turn.aging.empty());
}

TEST(L1, stays_within_its_bytes_and_keeps_answering) {
  constexpr std::size_t bound = 1U << 20;
  Lane lane(8, model::Trigger::step, bound);
  Prng prng(5);
  for (int i = 0; i < 3'000; ++i) {
    const model::Tile tile{static_cast<std::int32_t>(prng.below(100'000)),
                           static_cast<std::int32_t>(prng.below(100'000))};
    if (i % 3 == 0) lane.world.bury(tile, static_cast<model::SpawnId>(i + 1));
    const Outcome outcome = lane.at(tile).outcome;
    ASSERT_EQ(outcome == Outcome::found, i % 3 == 0);
    ASSERT_LE(lane.l1.stats().bytes, bound);
  }
  EXPECT_GT(lane.l1.stats().evictions, 1'000U);
}

TEST(L1, new_rules_change_answers_at_once) {
  Lane lane(8, model::Trigger::step);
  lane.world.bury({3, 3}, 9);
  EXPECT_EQ(lane.at({3, 3}).outcome, Outcome::found);
  auto other = rules_with(1, model::Trigger::step);
  other->tables[0].name = "another";
  lane.l1.set_rules(other);
  EXPECT_EQ(lane.at({3, 3}).outcome, Outcome::nothing);
  lane.l1.set_rules(rules_with(1, model::Trigger::step));
  EXPECT_EQ(lane.at({4, 4}).distance, 1);
  EXPECT_EQ(lane.at({5, 5}).outcome, Outcome::nothing);
}

TEST(ChunkIndex, finds_what_is_in_and_not_what_is_out_for_any_seed) {
  Prng prng(17);
  ChunkIndex index;
  std::vector<std::unique_ptr<Chunk>> chunks;
  for (int step = 0; step < 20'000; ++step) {
    if (chunks.empty() || prng.chance({3, 5})) {
      auto chunk = std::make_unique<Chunk>();
      chunk->world = static_cast<model::WorldId>(prng.below(3));
      chunk->at = {static_cast<std::int32_t>(prng.below(40)) - 20,
                   static_cast<std::int32_t>(prng.below(40)) - 20};
      if (index.find(chunk->world, chunk->at) != nullptr) continue;
      index.insert(chunk.get());
      chunks.push_back(std::move(chunk));
    } else {
      const auto at = static_cast<std::size_t>(prng.below(chunks.size()));
      index.erase(chunks[at].get());
      ASSERT_EQ(index.find(chunks[at]->world, chunks[at]->at), nullptr);
      std::swap(chunks[at], chunks.back());
      chunks.pop_back();
    }
    ASSERT_EQ(index.count(), chunks.size());
    if (step % 100 == 0) {
      for (const auto& chunk : chunks) ASSERT_EQ(index.find(chunk->world, chunk->at), chunk.get());
    }
  }
}

TEST(Roller, is_a_pure_function_and_follows_the_weights) {
  const auto rules = rules_with(0, model::Trigger::step);
  const std::vector<std::uint8_t> seed(32, 7);
  Roller roller(seed);
  Roller again(seed);
  std::array<std::uint64_t, 2> counts{};
  Prng prng(1);
  for (int i = 0; i < 40'000; ++i) {
    const model::ClaimId claim{prng.next(), prng.next()};
    const auto stacks = roller.roll(*rules, 0, claim, i).all();
    ASSERT_EQ(stacks.size(), 1U);
    ASSERT_EQ(again.reward(*rules, 0, claim, -i), rules->items[stacks[0].item]);
    ++counts[stacks[0].item];
  }
  // 30,000 expected of the common one; five standard deviations are 433.
  EXPECT_NEAR(static_cast<double>(counts[0]), 30'000.0, 433.0);
}

TEST(ClaimMemo, remembers_and_forgets) {
  ClaimMemo memo;
  EXPECT_EQ(memo.find({1, 1}, 5), nullptr);
  memo.remember({1, 1}, 5, {9, 9});
  ASSERT_NE(memo.find({1, 1}, 5), nullptr);
  EXPECT_EQ(memo.find({1, 1}, 6), nullptr);
  memo.forget({1, 1}, 5);
  EXPECT_EQ(memo.find({1, 1}, 5), nullptr);
}

}  // namespace
}  // namespace hunt::engine
