// What the contract suites of the store share: a manual clock, ways to run coroutines, and the
// fixture over whatever store a factory makes.
//
// Not for production code: test binaries of adapters include it (through hunt_store_contract.h or
// change_feed_contract.h), in one file each. Everything here runs on the test's thread; the store
// may have its own.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "model/limits.h"
#include "ports/change_feed.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"

namespace hunt::ports::contract {

// Time stands still until a test moves it. Thread: any.
class ManualClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return wall_us() * 1'000; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return wall_us_.load(); }
  void advance_us(std::int64_t by_us) { wall_us_ += by_us; }

 private:
  std::atomic<std::int64_t> wall_us_ = 1'800'000'000'000'000;  // some day in 2027
};

// Starts all of `work` in one context and waits for the last; results in order.
template <class T>
[[nodiscard]] std::vector<T> run_all(std::vector<boost::asio::awaitable<T>> work) {
  boost::asio::io_context context;
  std::vector<std::optional<T>> results(work.size());
  for (std::size_t i = 0; i < work.size(); ++i) {
    auto done = [&results, i](const std::exception_ptr& failure, T value) {
      if (failure) std::rethrow_exception(failure);
      results[i] = std::move(value);
    };
    boost::asio::co_spawn(context, std::move(work[i]), std::move(done));
  }
  context.run();
  std::vector<T> values;
  for (auto& result : results) {
    HUNT_ASSERT(result.has_value());
    values.push_back(std::move(*result));
  }
  return values;
}

template <class T>
[[nodiscard]] T run(boost::asio::awaitable<T> work) {
  std::vector<boost::asio::awaitable<T>> one;
  one.push_back(std::move(work));
  return std::move(run_all(std::move(one)).front());
}

// A fresh store, and the ways in which a test reaches around the port.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  [[nodiscard]] virtual HuntStore& store() = 0;
  [[nodiscard]] virtual ChangeFeed& feed() = 0;
  // Closes the store and opens it again, as a restart does.
  virtual void reopen() = 0;
  // The store as it is now, kept aside, and put back in its place: a restore from a backup.
  virtual void keep_copy() = 0;
  virtual void put_copy_back() = 0;
  // Gives the range that begins at (world, tile) this state; makes it when it does not exist.
  virtual void set_range_state(model::WorldId world, model::TileId first, std::string state) = 0;
  // Writes the `aborted` row of a claim, as the reaper does.
  virtual void abort_claim(const model::Claim& claim) = 0;
  // Forgets the log of changes (not the rows), so that older cursors see a gap.
  virtual void forget_changes() = 0;
};

struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>(ManualClock&)> make;
  friend void PrintTo(const StoreFactory& factory, std::ostream* out) { *out << factory.name; }
};

// The same formula as the engine's; the ports floor cannot see that.
[[nodiscard]] inline model::ClaimId claim_id(model::WorldId world, model::TileId tile,
                                             model::SpawnId spawn, model::PlayerId player) {
  std::vector<std::uint8_t> message{'h', 'u', 'n', 't', '1'};
  const auto put = [&message](std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) {
      message.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    }
  };
  put(world, 4);
  put(tile.value, 8);
  put(spawn, 8);
  put(player.high, 8);
  put(player.low, 8);
  return model::id_from_bytes(Sha256().of(message).data());
}

// The ledger as a map, and the check that nothing was made or lost.
class Books final : public LedgerVisitor {
 public:
  void on_spawn(const Spawn& spawn) override {
    EXPECT_TRUE(grants.empty()) << "spawns come before grants";
    EXPECT_TRUE(spawns.emplace(spawn.spawn, spawn).second) << "spawn " << spawn.spawn << " twice";
  }
  void on_grant(const model::Grant& grant) override {
    EXPECT_TRUE(grants.emplace(grant.claim, grant).second) << "a claim twice";
    if (!grant.aborted) ++granted[grant.spawn];
  }
  void expect_conserved() {
    for (const auto& [id, spawn] : spawns) {
      EXPECT_EQ(spawn.budget, spawn.remaining + granted[id]) << "spawn " << id;
      EXPECT_GE(spawn.remaining, 0);
      EXPECT_EQ(spawn.sold_out, !spawn.done && spawn.remaining == 0) << "spawn " << id;
    }
    for (const auto& [id, count] : granted) EXPECT_TRUE(spawns.contains(id)) << "spawn " << id;
  }

  std::map<model::SpawnId, Spawn> spawns;
  std::map<model::ClaimId, model::Grant> grants;
  std::map<model::SpawnId, std::int64_t> granted;
};

class StoreContract : public ::testing::TestWithParam<StoreFactory> {
 protected:
  static constexpr model::WorldId world = 1;
  static constexpr model::Tile here{10, -3};

  HuntStore& store() { return under_test_->store(); }
  ChangeFeed& feed() { return under_test_->feed(); }

  // Unwraps: a failed call fails the test with its message.
  template <class T>
  [[nodiscard]] T ok(boost::asio::awaitable<Result<T>> call) {
    Result<T> result = run(std::move(call));
    if (!result) {
      ADD_FAILURE() << name_of(result.error().code) << ": " << result.error().message;
      return T{};
    }
    return std::move(*result);
  }
  template <class T>
  [[nodiscard]] Errc error_of(boost::asio::awaitable<Result<T>> call) {
    const Result<T> result = run(std::move(call));
    EXPECT_FALSE(result.has_value());
    EXPECT_TRUE(result || !result.error().message.empty());
    return result ? Errc::internal : result.error().code;
  }

  static model::Burial burial(model::Tile tile, std::uint32_t budget, std::string key = {}) {
    model::Burial wish;
    wish.tile = tile;
    wish.table = "starlight";
    wish.budget = budget;
    wish.key = std::move(key);
    return wish;
  }
  model::SpawnId bury(model::Burial wish) {
    const auto buried = ok(store().bury(world, {std::move(wish)}));
    return buried.empty() ? 0 : buried.front().spawn;
  }
  model::SpawnId bury(model::Tile tile, std::uint32_t budget) { return bury(burial(tile, budget)); }

  static model::Claim claim(model::Tile tile, model::SpawnId spawn, std::uint64_t player,
                            std::string item = "lantern") {
    model::Claim made;
    made.world = world;
    made.tile = model::tile_id_of(tile);
    made.spawn = spawn;
    made.player = {0x1234, player};
    made.id = claim_id(world, made.tile, spawn, made.player);
    made.reward = std::move(item);
    made.rules = "00000000000000aa";
    made.seed = 77;
    return made;
  }
  std::vector<model::ClaimVerdict> grant(std::vector<model::Claim> claims) {
    auto call = ok(store().grant_claims(claims));
    EXPECT_EQ(call.verdicts.size(), claims.size());
    call.verdicts.resize(claims.size());
    for (std::size_t i = 0; i < claims.size(); ++i) EXPECT_EQ(call.verdicts[i].id, claims[i].id);
    return std::move(call.verdicts);
  }
  std::vector<model::ClaimVerdict> look_up(std::vector<model::Claim> claims) {
    auto call = ok(store().look_up_claims(claims));
    EXPECT_EQ(call.verdicts.size(), claims.size());
    call.verdicts.resize(claims.size());
    for (std::size_t i = 0; i < claims.size(); ++i) EXPECT_EQ(call.verdicts[i].id, claims[i].id);
    return std::move(call.verdicts);
  }
  model::ClaimVerdict grant_one(model::Claim one) {
    return std::move(grant({std::move(one)}).front());
  }
  model::TileRow row_of(model::Tile tile) {
    const model::TileId id = model::tile_id_of(tile);
    const auto chunks = ok(store().load_chunks({model::chunk_of(world, id)})).chunks;
    if (chunks.size() != 1) return {};
    for (const auto& row : chunks.front().rows) {
      if (row.tile == id) return row;
    }
    return {};
  }
  Books books() {
    Books all;
    const Result<void> read = run(store().read_ledger(all));
    EXPECT_TRUE(read.has_value());
    return all;
  }

  ManualClock clock_;
  std::unique_ptr<StoreUnderTest> under_test_ = GetParam().make(clock_);
};

[[nodiscard]] inline std::string name_of_factory(
    const ::testing::TestParamInfo<StoreFactory>& info) {
  return info.param.name;
}

}  // namespace hunt::ports::contract
