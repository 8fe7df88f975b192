// Schedule: random concurrent grant calls on a real server, held to the simulator's store: there
// has to be an order of the calls in which that store gives the very same verdicts (PROTOCOLS 13).
//
// Not for production code. HUNT_TEST_SEEDS says how many schedules are tried (5), HUNT_TEST_SEED
// which is the first.
#pragma once
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <map>
#include <set>

#include "adapters/postgres/postgres_test_support.h"
#include "base/prng.h"
#include "base/text.h"
#include "sim/sim_store.h"

namespace hunt::postgres::schedule {

using ports::contract::run;

inline constexpr std::size_t calls_at_once = 8;
inline constexpr int rounds = 10;
inline constexpr std::uint32_t shard = 3;  // as PostgresUnderTest has it
inline constexpr model::TileId far_range{(model::tile_id_of({30'000, 30'000}).value >> 10) << 10};

class YieldingTimer final : public ports::Timer {
 public:
  boost::asio::awaitable<void> sleep_until(std::int64_t /*deadline_ns*/) override {
    const auto here = co_await boost::asio::this_coro::executor;
    co_await boost::asio::post(here, boost::asio::use_awaitable);
  }
};

using Call = std::vector<model::Claim>;
using Verdicts = std::vector<model::ClaimVerdict>;

inline bool same(const model::ClaimVerdict& a, const model::ClaimVerdict& b) {
  if (a.id != b.id || a.moved != b.moved) return false;
  if (a.moved) return true;
  if (a.outcome != b.outcome) return false;
  return a.outcome != model::Outcome::granted ||
         (a.reward == b.reward && a.rules == b.rules && a.repeat == b.repeat);
}

class Schedule {
 public:
  explicit Schedule(std::uint64_t seed, const Opener& opener = open_store)
      : random_(seed), real_(clock_, opener) {}

  void play() {
    count_spawns_from(std::uint64_t{1} << 46);
    for (int round = 0; round < rounds && !::testing::Test::HasFailure(); ++round) {
      change();
      grant(round);
      clock_.advance_us(static_cast<std::int64_t>(random_.below(800)));
    }
    compare_ledgers();
  }

 private:
  // Ids go by the clock, and the two have different ones: both count on from one that is ahead of
  // it.
  void count_spawns_from(std::uint64_t number) {
    real_.count_spawns_from(number);
    sim::SimDisk disk = model_.disk();
    disk.next_spawn_ = number;
    model_.restore(std::move(disk));
  }
  std::int64_t later_us(std::uint64_t most) {
    return clock_.wall_us() + static_cast<std::int64_t>(random_.below(most));
  }
  model::Tile any_tile() { return tiles_[random_.below(tiles_.size())]; }

  // Both stores the same, one after the other.
  void change() {
    std::vector<model::Burial> burials;
    for (const auto& tile : tiles_) {
      if (spawns_.count(tile) != 0 && random_.below(4) != 0) continue;
      if (far_moved_ && tile.x == tiles_.back().x) continue;
      model::Burial burial;
      burial.tile = tile;
      burial.table = "starlight";
      burial.budget = 1 + static_cast<std::uint32_t>(random_.below(5));
      if (random_.below(3) == 0) burial.opens_us = later_us(600);
      if (random_.below(3) == 0) burial.closes_us = later_us(3'000) + 700;
      burials.push_back(burial);
    }
    const auto real = run(real_.store().bury(1, burials));
    const auto model = run(model_.bury(1, burials));
    ASSERT_TRUE(real.has_value() && model.has_value());
    for (std::size_t i = 0; i < burials.size(); ++i) {
      ASSERT_EQ((*real)[i].spawn, (*model)[i].spawn);
      spawns_[burials[i].tile].push_back((*real)[i].spawn);
    }
    if (random_.below(3) == 0) {
      const std::vector<model::Tile> closed{any_tile()};
      ASSERT_EQ(run(real_.store().close_tiles(1, closed)).value(),
                run(model_.close_tiles(1, closed)).value());
    }
    if (random_.below(3) == 0) {
      far_moved_ = !far_moved_;
      real_.set_range_state(1, far_range, far_moved_ ? "moved" : "owned");
      model_.set_range_owned(1, far_range, !far_moved_);
    }
    if (random_.below(3) == 0) {
      const model::Claim aborted = claim(any_tile(), 1 + random_.below(6), 99, 0);
      if (!run(model_.find_grant(aborted.id)).value()) {
        real_.abort_claim(aborted);
        model_.write_aborted(aborted);
      }
    }
  }

  model::Claim claim(model::Tile tile, std::uint64_t player, std::uint64_t call, int round) {
    const auto& of_tile = spawns_[tile];
    model::Claim out;
    out.world = 1;
    out.tile = model::tile_id_of(tile);
    // Mostly what lies there now, sometimes what lay there before, or nothing.
    const auto age = random_.below(8);
    out.spawn = age < 6 || of_tile.size() < 2 ? of_tile.back() : of_tile[of_tile.size() - 2];
    if (age == 7) out.spawn = 0;
    out.player = {0x1234, player};
    out.id = ports::contract::claim_id(1, out.tile, out.spawn, out.player);
    out.reward = fmt::format("item of call {}", call);
    out.rules = fmt::format("{:016x}", call);
    // Twins ask as of the same moment: which of two moments counts is the contract's test.
    Prng moment(player * 64 + static_cast<std::uint64_t>(round) + out.tile.value);
    if (moment.next() % 2 == 0) {
      out.as_of_us = clock_.wall_us() - 1'000 + static_cast<std::int64_t>(moment.next() % 2'000);
    }
    return out;
  }

  void grant(int round) {
    std::vector<Call> calls(calls_at_once);
    std::vector<boost::asio::awaitable<Result<model::GrantCall>>> work;
    for (std::size_t call = 0; call < calls.size(); ++call) {
      const auto count = 1 + random_.below(12);
      for (std::uint64_t i = 0; i < count; ++i) {
        calls[call].push_back(claim(any_tile(), 1 + random_.below(6), call, round));
      }
      work.push_back(real_.store().grant_claims(calls[call]));
    }
    std::vector<Verdicts> answers;
    for (auto& answer : ports::contract::run_all(std::move(work))) {
      ASSERT_TRUE(answer.has_value()) << answer.error().message;
      answers.push_back(std::move(answer->verdicts));
    }
    std::vector<std::size_t> left(calls.size());
    for (std::size_t i = 0; i < left.size(); ++i) left[i] = i;
    ASSERT_TRUE(explain(calls, answers, left))
        << "no order explains the verdicts of round " << round;
  }

  // True when the model gives these answers in some order; it is then in the state after them.
  bool explain(const std::vector<Call>& calls, const std::vector<Verdicts>& answers,
               const std::vector<std::size_t>& left) {
    if (left.empty()) return true;
    const sim::SimDisk before = model_.disk();
    for (std::size_t next = 0; next < left.size(); ++next) {
      const auto told = run(model_.grant_claims(calls[left[next]])).value().verdicts;
      const auto& answer = answers[left[next]];
      if (std::equal(told.begin(), told.end(), answer.begin(), answer.end(), same)) {
        std::vector<std::size_t> rest = left;
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(next));
        if (explain(calls, answers, rest)) return true;
      }
      model_.restore(before);
    }
    return false;
  }

  std::map<model::ClaimId, std::string> ledger(ports::Ledger& store) {
    std::map<model::ClaimId, std::string> rows;
    std::uint64_t cursor = 0;
    while (true) {
      const auto page = run(store.grants_after(cursor, 100)).value();
      if (page.grants.empty()) return rows;
      for (const auto& grant : page.grants) rows[grant.claim] = grant.reward;
      cursor = page.next;
    }
  }

  void compare_ledgers() {
    EXPECT_EQ(ledger(real_.store()), ledger(model_));
    const auto real = run(real_.store().world_stats(1)).value();
    const auto model = run(model_.world_stats(1)).value();
    EXPECT_EQ(real.remaining, model.remaining);
    EXPECT_EQ(real.sold_out, model.sold_out);
    EXPECT_EQ(real.grants, model.grants);
    EXPECT_GT(real.grants, 0U);
  }

  Prng random_;
  ports::contract::ManualClock clock_;
  YieldingTimer timer_;
  PostgresUnderTest real_;
  sim::SimStore model_{clock_, timer_, shard};
  const std::vector<model::Tile> tiles_{{1, 1},  {2, 1},   {3, 9},
                                        {40, 7}, {-5, -5}, {30'000, 30'000}};
  std::map<model::Tile, std::vector<model::SpawnId>> spawns_;  // oldest first
  bool far_moved_ = false;
};

inline std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : parse_u64(text).value_or(otherwise);
}

// Each of them.
inline void play_schedules(const Opener& opener = open_store) {
  const std::uint64_t first = from_environment("HUNT_TEST_SEED", 1);
  const std::uint64_t count = from_environment("HUNT_TEST_SEEDS", 5);
  for (std::uint64_t seed = first; seed < first + count && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(fmt::format("HUNT_TEST_SEED={}", seed));
    Schedule(seed, opener).play();
  }
}

}  // namespace hunt::postgres::schedule
