// What a call says of its time is where the time was: the way, a lock, the statement, the commit,
// or the line behind our own calls.
#include <future>

#include "adapters/postgres/byte_gate_test_support.h"
#include "adapters/postgres/postgres_store_test_support.h"

namespace hunt::postgres {
namespace {

using ports::contract::run;
using std::chrono::milliseconds;

class PostgresTimes : public ::testing::Test {
 protected:
  static constexpr model::Tile here{3, -4};

  // A grant after one that has connected and prepared; how long it took, and its times.
  struct Seen {
    std::int64_t took_us = 0;
    model::CallTimes times;
    [[nodiscard]] std::int64_t way_us() const {
      return took_us - times.wait_us - times.lock_us - times.exec_us - times.commit_us;
    }
  };
  Seen grant() {
    const auto begun = std::chrono::steady_clock::now();
    std::vector<model::Claim> claims{claim_of(here, spawn_, ++player_)};
    const auto call = run(store_->grant_claims(std::move(claims)));
    EXPECT_TRUE(call.has_value()) << (call ? "" : call.error().message);
    const auto took = std::chrono::steady_clock::now() - begun;
    return {std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
            call ? call->times : model::CallTimes{}};
  }
  void warm_up() {
    for (int i = 0; i < 4; ++i) (void)grant();  // on each connection
  }
  void through_gate() {
    gate_ = std::make_unique<ByteGate>(TestServer::shared().port());
    store_ =
        open_store(PostgresUrl::parse(fmt::format("postgres://hunt@127.0.0.1:{}/{}?sslmode=disable",
                                                  gate_->port(), TestServer::name_of(url_)))
                       .value());
    // All at once, so that each connection is opened and has its statements.
    std::vector<std::future<void>> calls;
    for (int i = 0; i < 8; ++i) {
      calls.push_back(std::async(std::launch::async, [this, player = ++player_] {
        std::vector<model::Claim> claims{claim_of(here, spawn_, player)};
        EXPECT_TRUE(run(store_->grant_claims(std::move(claims))).has_value());
      }));
    }
    for (auto& call : calls) call.wait();
  }

  PostgresUrl url_ = TestServer::shared().make_database();
  std::unique_ptr<ByteGate> gate_;
  std::unique_ptr<PostgresStore> store_ = open_store(url_);
  model::SpawnId spawn_ = run(store_->bury(1, {burial_of(here, 1'000)})).value().at(0).spawn;
  std::uint64_t player_ = 0;
};

TEST_F(PostgresTimes, a_slow_way_is_what_is_left) {
  through_gate();
  gate_->set_delay(milliseconds(60));
  Seen slow = grant();
  for (int i = 0; i < 5 && slow.times.commit_us >= 50'000; ++i) slow = grant();  // a busy disk
  EXPECT_GE(slow.way_us(), 110'000) << slow.took_us;
  EXPECT_LT(slow.times.commit_us, 50'000) << "the way is no part of it";
  EXPECT_LT(slow.times.exec_us + slow.times.lock_us + slow.times.wait_us, 50'000);
}

TEST_F(PostgresTimes, of_many_calls_on_a_slow_way_none_is_in_line) {
  through_gate();
  gate_->set_delay(milliseconds(60));
  std::vector<std::future<Result<model::GrantCall>>> calls;
  for (int i = 0; i < 12; ++i) {
    calls.push_back(std::async(std::launch::async, [this, player = ++player_] {
      std::vector<model::Claim> claims{claim_of(here, spawn_, player)};
      return run(store_->grant_claims(std::move(claims)));
    }));
    std::this_thread::sleep_for(milliseconds(10));
  }
  for (auto& call : calls) EXPECT_LT(call.get().value().times.wait_us, 60'000);
}

TEST_F(PostgresTimes, a_lock_and_the_line_behind_who_waits_for_it) {
  warm_up();
  Transaction other(url_);
  other.run("SELECT 1 FROM loot_tiles FOR UPDATE");
  std::vector<std::future<Seen>> calls;
  for (int i = 0; i < 4; ++i) {
    calls.push_back(std::async(std::launch::async, [this, player = player_ + 100 + i] {
      const auto begun = std::chrono::steady_clock::now();
      std::vector<model::Claim> claims{claim_of(here, spawn_, static_cast<std::uint64_t>(player))};
      const auto call = run(store_->grant_claims(std::move(claims)));
      const auto took = std::chrono::steady_clock::now() - begun;
      return Seen{std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
                  call.value().times};
    }));
  }
  ASSERT_TRUE(comes_true(url_, somebody_waits));
  std::this_thread::sleep_for(milliseconds(200));
  other.run("ROLLBACK");
  int locked = 0;
  int in_line = 0;
  for (auto& call : calls) {
    const Seen seen = call.get();
    locked += seen.times.lock_us >= 150'000 ? 1 : 0;
    in_line += seen.times.wait_us >= 150'000 ? 1 : 0;
    EXPECT_GE(seen.times.lock_us + seen.times.wait_us, 150'000);
    EXPECT_LT(seen.way_us(), 100'000);
  }
  EXPECT_GE(locked, 1);
  EXPECT_GE(in_line, 1) << "two connections have four calls";
}

// The first fails at the lock after its patience, and is tried tile by tile; the one behind it on
// the connection waits for that long.
TEST_F(PostgresTimes, what_calls_that_fail_take_is_no_way) {
  url_ = PostgresUrl::parse(fmt::format("postgres://hunt@127.0.0.1:{}/{}?sslmode=disable"
                                        "&options=-c%20lock_timeout%3D400ms",
                                        TestServer::shared().port(), TestServer::name_of(url_)))
             .value();
  store_ = open_store(url_);
  warm_up();
  constexpr model::Tile elsewhere{40, 40};
  const model::SpawnId other_spawn =
      run(store_->bury(1, {burial_of(elsewhere, 1'000)})).value().at(0).spawn;
  Transaction other(url_);
  other.run(lock_sql(here));
  std::vector<std::future<Seen>> calls;
  for (int i = 0; i < 6; ++i) {
    calls.push_back(std::async(std::launch::async, [this, other_spawn, i] {
      const auto begun = std::chrono::steady_clock::now();
      const auto player = static_cast<std::uint64_t>(1'000 + 10 * i);
      std::vector<model::Claim> claims{claim_of(here, spawn_, player),
                                       claim_of(elsewhere, other_spawn, player + 1)};
      const auto call = run(store_->grant_claims(std::move(claims)));
      const auto took = std::chrono::steady_clock::now() - begun;
      return Seen{std::chrono::duration_cast<std::chrono::microseconds>(took).count(),
                  call ? call->times : model::CallTimes{}};
    }));
  }
  ASSERT_TRUE(comes_true(url_, somebody_waits));
  std::this_thread::sleep_for(milliseconds(500));
  other.run("ROLLBACK");
  int locked = 0;
  for (auto& call : calls) {
    const Seen seen = call.get();
    if (seen.times.exec_us == 0) continue;  // it failed as a whole
    locked += seen.times.lock_us >= 150'000 ? 1 : 0;
    EXPECT_LT(seen.way_us(), 150'000) << seen.took_us << ": " << seen.times.wait_us << " wait "
                                      << seen.times.lock_us << " lock " << seen.times.exec_us;
  }
  EXPECT_GE(locked, 1);
}

TEST_F(PostgresTimes, whose_locks_are_in_the_way_is_told) {
  warm_up();
  const auto grant_later = [this](std::uint64_t player) {
    return std::async(std::launch::async, [this, player] {
      return run(store_->grant_claims({claim_of(here, spawn_, player)}));
    });
  };
  model::StoreDoing doing;
  {
    Transaction other(url_);
    other.run(lock_sql(here));
    auto call = grant_later(1'000);
    ASSERT_TRUE(comes_true(url_, somebody_waits));
    doing = run(store_->doing()).value();
    EXPECT_EQ(doing.locked, 1U);
    EXPECT_EQ(doing.locked_by_others, 1U);
    other.run("ROLLBACK");
    EXPECT_TRUE(call.get().has_value());
  }
  ASSERT_TRUE(plain_sql(url_,
                        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
                        " 'BEGIN PERFORM pg_sleep(0.7); RETURN NEW; END';"
                        "CREATE TRIGGER slow BEFORE INSERT ON grants FOR EACH ROW"
                        " EXECUTE FUNCTION slow()")
                  .has_value());
  auto first = grant_later(1'001);
  auto second = grant_later(1'002);
  ASSERT_TRUE(comes_true(url_, somebody_waits));
  doing = run(store_->doing()).value();
  EXPECT_EQ(doing.locked, 1U);
  EXPECT_EQ(doing.locked_by_others, 0U);
  EXPECT_TRUE(first.get().has_value());
  EXPECT_TRUE(second.get().has_value());
}

TEST_F(PostgresTimes, a_slow_statement_is_execution) {
  ASSERT_TRUE(plain_sql(url_,
                        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS"
                        " 'BEGIN PERFORM pg_sleep(0.12); RETURN NEW; END';"
                        "CREATE TRIGGER slow BEFORE INSERT ON grants FOR EACH ROW"
                        " EXECUTE FUNCTION slow()")
                  .has_value());
  warm_up();
  const Seen slow = grant();
  EXPECT_GE(slow.times.exec_us, 110'000);
  EXPECT_LT(slow.times.lock_us + slow.times.commit_us + slow.times.wait_us, 60'000);
  EXPECT_LT(slow.way_us(), 60'000);
}

}  // namespace
}  // namespace hunt::postgres
