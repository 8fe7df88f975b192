// A store over a gateway: how many requests its calls are, and what becomes of them when locks,
// connections, the server or the gateway go.
#include <future>

#include "adapters/postgres/postgres_store_test_support.h"
#include "gateway/gateway_test_support.h"

namespace hunt::gateway {
namespace {

using data_api::Operation;
using model::Outcome;
using ports::contract::run;
using postgres::Audit;
using postgres::burial_of;
using postgres::claim_of;
using postgres::Load;
using postgres::plain_sql;
using postgres::PostgresStore;
using postgres::PostgresUrl;
using postgres::TestServer;
using std::chrono::milliseconds;

class DataApiStore : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<TestServer>(TestServer::Settings{
        "autovacuum = off", "commit_siblings = 0", "dynamic_shared_memory_type = sysv"});
  }
  static void TearDownTestSuite() { server_.reset(); }

  std::unique_ptr<PostgresStore> open() { return gateway_.opener()(url_, {}); }
  Result<model::GrantCall> grant(const std::vector<model::Claim>& claims) {
    return run(store_->grant_claims(claims));
  }
  model::GrantCall grant_surely(const std::vector<model::Claim>& claims) {
    for (int attempt = 0; attempt < 1'000; ++attempt) {
      if (auto call = grant(claims)) return std::move(*call);
      std::this_thread::sleep_for(milliseconds(10));
    }
    ADD_FAILURE() << "never answered";
    return {};
  }
  model::SpawnId bury(model::Tile at, std::uint32_t budget) {
    std::vector<model::Burial> wishes{burial_of(at, budget)};
    const auto buried = run(store_->bury(1, std::move(wishes)));
    EXPECT_TRUE(buried.has_value()) << buried.error().message;
    return buried ? buried->at(0).spawn : 0;
  }
  std::vector<model::Claim> many_claims() {
    std::vector<model::Claim> claims;
    for (std::int32_t i = 0; i < 20; ++i) {
      const model::Tile at{i * 33, -i};
      const auto spawn = bury(at, 200);
      for (std::uint64_t player = 0; player < 250; ++player) {
        claims.push_back(claim_of(at, spawn, player));
      }
    }
    return claims;
  }
  // Of all kinds.
  std::uint64_t requests() {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < data_api::operation_count; ++i) {
      sum += gateway_.answered(static_cast<Operation>(i));
    }
    return sum;
  }

  static std::unique_ptr<TestServer> server_;
  PostgresUrl url_ = server_->make_database();
  TestGateway gateway_{url_};
  std::unique_ptr<PostgresStore> store_ = open();
};
std::unique_ptr<TestServer> DataApiStore::server_;

TEST_F(DataApiStore, a_load_and_a_call_for_grants_are_one_request_each) {
  const auto spawn = bury({3, -4}, 5);
  const std::uint64_t before = requests();
  std::vector<model::ChunkKey> keys;
  for (std::int32_t i = 0; i < 64; ++i) {
    keys.push_back(model::chunk_of(1, model::tile_id_of({i * 64, 7})));
  }
  keys.push_back(model::chunk_of(1, model::tile_id_of({3, -4})));
  const auto loaded = run(store_->load_chunks(keys));
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(loaded->chunks.back().rows.at(0).spawn, spawn);
  EXPECT_EQ(requests(), before + 1);
  std::vector<model::Claim> claims;
  for (std::uint64_t player = 0; player < 6; ++player) {
    claims.push_back(claim_of({3, -4}, spawn, player, "a \"name\", {with} \\ all"));
  }
  const auto call = grant(claims);
  ASSERT_TRUE(call.has_value()) << call.error().message;
  EXPECT_EQ(call->verdicts[4].outcome, Outcome::granted);
  EXPECT_EQ(call->verdicts[4].reward, claims[4].reward);
  EXPECT_EQ(call->verdicts[5].outcome, Outcome::sold_out);
  EXPECT_GT(call->times.exec_us, 0);
  EXPECT_EQ(requests(), before + 2);
  ASSERT_TRUE(run(store_->look_up_claims(claims)).has_value());
  EXPECT_EQ(requests(), before + 3);
  EXPECT_EQ(store_->figures().connections, 5U);
}

TEST_F(DataApiStore, what_a_store_asks_all_day_resets_no_session) {
  const auto spawn = bury({3, -4}, 500);
  std::uint64_t player = 0;
  const auto ask_all = [&] {
    const std::vector<model::Claim> claims{claim_of({3, -4}, spawn, player++)};
    ASSERT_TRUE(grant(claims).has_value());
    ASSERT_TRUE(run(store_->look_up_claims(claims)).has_value());
    const std::vector<model::ChunkKey> keys{model::chunk_of(1, model::tile_id_of({3, -4}))};
    ASSERT_TRUE(run(store_->load_chunks(keys)).has_value());
    ASSERT_TRUE(run(store_->rules_timeline()).has_value());
  };
  // A connection that meets such a function for the first time looks at it behind a reset.
  for (int i = 0; i < 50; ++i) ask_all();
  const std::uint64_t before = gateway_.resets();
  for (int i = 0; i < 50; ++i) ask_all();
  EXPECT_EQ(gateway_.resets(), before);
}

TEST_F(DataApiStore, rules_that_are_too_large_for_it_are_refused_with_what_to_do) {
  const auto files_of = [](std::size_t count) {
    model::RulesFiles files;
    for (std::size_t i = 0; i < count; ++i) {
      files.push_back({fmt::format("{}.yaml", i), std::string(1'000'000, 'x')});
    }
    return files;
  };
  model::RulesTimeline timeline;
  timeline.seq = 1;
  timeline.turns.push_back({"a", 0, 1, "test", ""});
  const auto refused = run(store_->set_rules_timeline(timeline, {{"a", files_of(5)}}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::too_large);
  EXPECT_NE(refused.error().message.find("send less, or over postgres://"), std::string::npos)
      << refused.error().message;
  const auto direct = postgres::open_store(url_, {});
  ASSERT_TRUE(run(direct->set_rules_timeline(timeline, {{"a", files_of(12)}})).has_value());
  const auto unread = run(store_->rules_files("a"));
  ASSERT_FALSE(unread.has_value());
  EXPECT_EQ(unread.error().code, Errc::too_large);
  EXPECT_NE(unread.error().message.find("the files of rules a"), std::string::npos)
      << unread.error().message;
  EXPECT_NE(unread.error().message.find("over postgres://"), std::string::npos);
  direct->close();
}

// 37 full chunks are more than the ten megabytes of an answer.
TEST_F(DataApiStore, chunks_full_of_loot_are_loaded_in_parts_of_one_snapshot) {
  constexpr std::int32_t side = model::chunk_side_tiles;
  std::vector<model::ChunkKey> keys;
  for (std::int32_t chunk = 0; chunk < 37; ++chunk) {
    std::vector<model::Burial> wishes;
    for (std::int32_t i = 0; i < side * side; ++i) {
      wishes.push_back(burial_of({chunk * side + i % side, i / side}, 1));
      if (wishes.size() < limits::tiles_per_request_max && i + 1 < side * side) continue;
      ASSERT_TRUE(run(store_->bury(1, std::exchange(wishes, {}))).has_value());
    }
    keys.push_back(model::chunk_of(1, model::tile_id_of({chunk * side, 0})));
  }
  const std::uint64_t before = requests();
  const auto loaded = run(store_->load_chunks(keys));
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(requests(), before + 1 + 5) << "once too large, then begin, snapshot, two, commit";
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(loaded->chunks[i].key, keys[i]);
    EXPECT_EQ(loaded->chunks[i].rows.size(), std::size_t{side} * side);
    EXPECT_EQ(model::chunk_of(1, loaded->chunks[i].rows.at(0).tile), keys[i]);
  }
  EXPECT_EQ(run(store_->world_stats(1))->tiles, 37U * side * side);
  const Audit audit(*store_);
}

TEST_F(DataApiStore, what_is_not_there_is_said_and_nothing_is_made) {
  const auto empty = server_->make_database();
  const auto opened = gateway_.open(empty, {});
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Errc::not_found);
  EXPECT_NE(opened.error().message.find("postgres://"), std::string::npos);
  EXPECT_EQ(postgres::plain_number(empty,
                                   "SELECT count(*) FROM pg_class WHERE relnamespace ="
                                   " 'public'::regnamespace"),
            0);
  postgres::PostgresOptions other;
  other.shard = 3;
  const auto wrong = gateway_.open(url_, other);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code, Errc::invalid_argument) << wrong.error().message;
  ASSERT_TRUE(run(store_->verify()).has_value());
  ASSERT_TRUE(plain_sql(url_, "ALTER FUNCTION raise_epoch RENAME TO gone").has_value());
  const auto missing = run(store_->verify());
  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().message.find("raise_epoch"), std::string::npos);
  EXPECT_NE(missing.error().message.find("postgres://"), std::string::npos);
}

// It gives way to the lock, and the other tile is granted.
TEST_F(DataApiStore, a_lock_holds_up_its_own_tile_only) {
  const auto free = bury({1, 1}, 1);
  const auto taken = bury({2, 2}, 1);
  std::optional<postgres::Transaction> other(url_);
  other->run(postgres::lock_sql({2, 2}));
  const std::vector<model::Claim> claims{claim_of({1, 1}, free, 1), claim_of({2, 2}, taken, 1)};
  const auto call = grant(claims);
  ASSERT_FALSE(call.has_value());
  EXPECT_EQ(call.error().code, Errc::unknown_outcome) << call.error().message;
  EXPECT_EQ(gateway_.transactions(), 0U);
  other.reset();
  const auto again = grant_surely(claims);
  EXPECT_TRUE(again.verdicts[0].repeat) << "it was granted beside the lock";
  EXPECT_EQ(again.verdicts[1].outcome, Outcome::granted);
  EXPECT_FALSE(again.verdicts[1].repeat);
}

TEST_F(DataApiStore, connections_killed_in_commit_lose_nothing_and_grant_once) {
  const auto claims = many_claims();
  ASSERT_TRUE(plain_sql(url_, fmt::format("ALTER DATABASE {} SET commit_delay = 4000",
                                          TestServer::name_of(url_)))
                  .has_value());
  Load load(url_, {}, claims, 3, gateway_.opener());
  ASSERT_NO_FATAL_FAILURE(load.play_kills(url_, "hunt data-api", 40));
  EXPECT_GT(load.unknown(), 5U);
  load.expect_kept(*store_);
}

TEST_F(DataApiStore, a_server_that_crashes_under_load_loses_nothing_that_was_told) {
  const auto claims = many_claims();
  Load load(url_, {}, claims, 3, gateway_.opener());
  const auto away = [] {
    server_->crash();
    std::this_thread::sleep_for(milliseconds(50));
    server_->start();
  };
  ASSERT_NO_FATAL_FAILURE(load.play_outages(2, away));
  load.expect_kept(*store_);
}

TEST_F(DataApiStore, a_gateway_that_goes_and_comes_is_found_again) {
  const auto claims = many_claims();
  Load load(url_, {}, claims, 3, gateway_.opener());
  const auto away = [this] {
    gateway_.stop();
    std::this_thread::sleep_for(milliseconds(100));
    gateway_.start();
  };
  ASSERT_NO_FATAL_FAILURE(load.play_outages(3, away));
  load.expect_kept(*store_);
}

TEST_F(DataApiStore, a_store_that_is_closed_answers_everybody) {
  const auto spawn = bury({1, 1}, 50);
  postgres::Transaction other(url_);
  other.run(postgres::lock_sql({1, 1}));
  std::vector<std::future<Result<model::GrantCall>>> calls;
  for (std::uint64_t player = 0; player < 12; ++player) {
    const std::vector<model::Claim> claims{claim_of({1, 1}, spawn, player)};
    calls.push_back(std::async(std::launch::async, [this, claims] { return grant(claims); }));
  }
  ASSERT_TRUE(postgres::comes_true(url_, postgres::somebody_waits));
  store_->close();
  for (auto& call : calls) {
    const auto answer = call.get();
    ASSERT_FALSE(answer.has_value());
    EXPECT_TRUE(answer.error().code == Errc::unavailable ||
                answer.error().code == Errc::unknown_outcome)
        << answer.error().message;
  }
}

}  // namespace
}  // namespace hunt::gateway
