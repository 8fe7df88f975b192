// PostgresStore::Parts: the connections of the store, and what each call does with them.
//
// Not for others: postgres_store.cc opens and closes them and has the calls of lanes and ledgers,
// postgres_worlds.cc those of worlds, postgres_care.cc the rest. Coroutines run on the thread of
// the connections.
#pragma once
#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <utility>

#include "adapters/postgres/caller.h"
#include "adapters/postgres/database.h"
#include "adapters/postgres/io_thread.h"
#include "adapters/postgres/ledger_reader.h"
#include "adapters/postgres/postgres_store.h"
#include "adapters/postgres/thread_time.h"
#include "ports/reply.h"

namespace hunt::postgres {

struct PostgresStore::Parts {
  Parts(std::shared_ptr<const Database> database_in, PostgresOptions options_in)
      : database(std::move(database_in)), options(options_in) {
    for (std::size_t i = 0; i < options.grant_connections; ++i) {
      grants.push_back(session("hunt grants", Use::grants, {}));
    }
    // A plan for any number of chunks: by the primary key, whatever the statistics say.
    chunks = session("hunt chunks", Use::reads,
                     "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
                     " -c plan_cache_mode=force_generic_plan");
    reads = session("hunt reads", Use::reads, {});
    admin = session("hunt admin", Use::changes, {});
  }

  enum class Use : std::uint8_t { reads, grants, changes };
  [[nodiscard]] std::shared_ptr<Caller> session(std::string application, Use use,
                                                std::string settings) {
    SessionOptions made;
    made.application = std::move(application);
    made.settings = std::move(settings);
    made.writes = use != Use::reads;
    made.repeatable = use != Use::changes;  // a claim is decided once, however often it is asked
    made.seed = ++seed;
    return database->caller(io.executor(), std::move(made));
  }
  [[nodiscard]] std::vector<std::shared_ptr<Caller>> sessions() const {
    auto all = grants;
    all.insert(all.end(), {chunks, reads, admin});
    return all;
  }
  [[nodiscard]] std::optional<std::int64_t> test_now_us() const {
    if (options.test_clock == nullptr) return {};
    return options.test_clock->wall_us();
  }
  [[nodiscard]] Caller& least_busy() const {
    // One that cannot connect is never busy, and no use.
    const auto load = [](const auto& session) {
      return std::pair(session->trouble().has_value(), session->busy());
    };
    return **std::min_element(grants.begin(), grants.end(),
                              [&load](const auto& a, const auto& b) { return load(a) < load(b); });
  }
  // Runs the call on the thread of the connections, and adds to its times how long that thread was
  // awake since it was asked: to get to the call, and during it.
  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> timed(boost::asio::awaitable<Result<T>> call) {
    return io.run(with_thread_time(std::move(call), std::chrono::steady_clock::now()));
  }
  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> with_thread_time(
      boost::asio::awaitable<Result<T>> call, std::chrono::steady_clock::time_point asked) {
    const auto late = std::chrono::steady_clock::now() - asked;
    const std::int64_t awake_ns = thread_time.awake_ns();
    auto done = co_await std::move(call);
    if (done) {
      const std::int64_t late_ns = std::chrono::nanoseconds(late).count();
      done->times.thread_us = (late_ns + thread_time.awake_ns() - awake_ns) / 1'000;
    }
    co_return done;
  }
  // Blocking work.
  template <class T, class Work>
  [[nodiscard]] boost::asio::awaitable<Result<T>> aside(Work work) {
    return ports::ask<T>([this,
                          work = std::move(work)](std::unique_ptr<ports::Reply<T>> reply) mutable {
      if (closed) {
        return reply->give(fail(Errc::unavailable, "the store is closed: the process shuts down"));
      }
      auto run = [work = std::move(work), reply = std::move(reply)]() mutable {
        reply->give(work());
      };
      boost::asio::post(slow, std::move(run));
    });
  }

  // A long read: `work` is given the conversation for it.
  template <class T, class Work>
  [[nodiscard]] boost::asio::awaitable<Result<T>> read_aside(Work work) {
    auto read = [this, work = std::move(work)]() mutable -> Result<T> {
      HUNT_TRY(opened, database->converse(interrupt));
      return work(*opened);
    };
    return aside<T>(std::move(read));
  }

  [[nodiscard]] boost::asio::awaitable<Result<model::LoadCall>> load(
      std::vector<model::ChunkKey> keys);
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> grant(
      std::vector<model::Claim> claims);
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> look_up(
      std::vector<model::Claim> claims);
  [[nodiscard]] boost::asio::awaitable<Result<model::StoreDoing>> look_around();
  [[nodiscard]] boost::asio::awaitable<Result<std::optional<model::Grant>>> find(
      model::ClaimId claim);
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantPage>> page(std::uint64_t cursor,
                                                                      std::uint32_t limit);
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::Buried>>> bury(
      model::WorldId world, std::vector<model::Burial> burials);
  [[nodiscard]] boost::asio::awaitable<Result<std::uint64_t>> close(model::WorldId world,
                                                                    std::vector<model::Tile> tiles);
  [[nodiscard]] boost::asio::awaitable<Result<model::TilePage>> list(model::WorldId world,
                                                                     model::TileRect rect,
                                                                     model::TileId from,
                                                                     std::uint32_t limit);
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::World>>> worlds();
  [[nodiscard]] boost::asio::awaitable<Result<model::World>> create_world(model::WorldId id,
                                                                          std::string name);
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreInfo>> info();
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreSecrets>> secrets();
  [[nodiscard]] boost::asio::awaitable<Result<void>> join_hunt(model::Hunt hunt,
                                                               model::HuntKey key);
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesTimeline>> rules_timeline();
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesFiles>> rules_files(std::string version);
  [[nodiscard]] boost::asio::awaitable<Result<void>> set_rules_timeline(
      model::RulesTimeline timeline, std::vector<model::RulesOf> sets);
  [[nodiscard]] Error lost_identity() const;
  [[nodiscard]] boost::asio::awaitable<Result<void>> verify_sessions();
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<std::string>>> verify_parts();
  [[nodiscard]] boost::asio::awaitable<Result<void>> verify_grants();
  [[nodiscard]] boost::asio::awaitable<Result<model::ShardMap>> shard_map();
  [[nodiscard]] boost::asio::awaitable<Result<void>> set_shard_map(model::ShardMap map);

  std::shared_ptr<const Database> database;
  PostgresOptions options;
  std::uint64_t seed = 0;
  CountedGrants counted;  // of the thread of `slow`
  std::atomic<bool> closed = false;
  ThreadTime thread_time;  // of the thread of `io`
  IoThread io;
  std::vector<std::shared_ptr<Caller>> grants;
  std::shared_ptr<Caller> chunks;
  std::shared_ptr<Caller> reads;
  std::shared_ptr<Caller> admin;
  Interrupt interrupt;  // of what `slow` waits for
  boost::asio::thread_pool slow{1};
};

}  // namespace hunt::postgres
