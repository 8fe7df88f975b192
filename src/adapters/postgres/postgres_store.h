// PostgresStore: the truth of one shard in a PostgreSQL database.
//
// Not its change feed (postgres_feed.h). A thread of its own holds the connections, opened once and
// kept: some for grants, one for chunks, one for other reads, one for admins; calls of all lanes
// share them in pipelines. Long reads open one more while they last. Durable as the server is:
// synchronous_commit is never lowered. Safe to call from any lane; the caller's io_context outlives
// its calls. Pressure: too many calls waiting answer `overloaded`.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/postgres/interrupt.h"
#include "adapters/postgres/postgres_url.h"
#include "adapters/postgres/schema.h"
#include "base/result.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"

namespace hunt::postgres {

class Database;

inline constexpr std::size_t grant_connections_max = 16;

struct PostgresOptions {
  std::uint32_t shard = 0;            // of a new database; another one must say the same
  bool read_only = false;             // it must be there already, and of any shard
  std::size_t grant_connections = 2;  // from 1: one more brings 80 % more grants, up to the cores
  bool connect_ahead = false;         // open every connection at once, not at its first call
  Interrupt* interrupt = nullptr;     // ends open(). Lifetime: outlives that
  std::optional<SeedBytes> seed;      // of a new database; random when not given
  // For tests: instead of the server's clock. Lifetime: outlives the store.
  const ports::Clock* test_clock = nullptr;
};

struct PostgresFigures {
  std::uint64_t connects = 0;  // since the start: more than there are connections means trouble
  std::size_t connections = 0;
};

class PostgresStore final : public ports::HuntStore {
 public:
  // Opens the database, makes or updates the tables in it. A new one holds world 1 ("demo"), owns
  // every tile, and has an event seed. Blocks for as long as that takes. Errors: unavailable,
  // unauthorized, not_found (no such database), invalid_argument (another program's tables, or
  // another shard), unsupported (a newer schema).
  [[nodiscard]] static Result<std::unique_ptr<PostgresStore>> open(const PostgresUrl& url,
                                                                   PostgresOptions options);
  // The same another way. Over a Data API nothing is made or updated. Errors: also not_found
  // (nothing of ours is there).
  [[nodiscard]] static Result<std::unique_ptr<PostgresStore>> open(
      std::shared_ptr<const Database> database, PostgresOptions options);
  ~PostgresStore() override;
  PostgresStore(const PostgresStore&) = delete;
  PostgresStore& operator=(const PostgresStore&) = delete;

  // Ends the connections and joins the threads; calls under way are answered: what was sent to the
  // server may have happened (`unknown_outcome`). Calls after it are `unavailable`.
  void close();
  // Thread: any but the store's own. Waits for it.
  [[nodiscard]] PostgresFigures figures();

  [[nodiscard]] boost::asio::awaitable<Result<model::LoadCall>> load_chunks(
      std::vector<model::ChunkKey> keys) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> grant_claims(
      std::vector<model::Claim> claims) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> look_up_claims(
      std::vector<model::Claim> claims) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::StoreDoing>> doing() override;
  [[nodiscard]] boost::asio::awaitable<Result<std::optional<model::Grant>>> find_grant(
      model::ClaimId claim) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantPage>> grants_after(
      std::uint64_t cursor, std::uint32_t limit) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantsFound>> find_grants(
      model::GrantSearch search) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::Buried>>> bury(
      model::WorldId world, std::vector<model::Burial> burials) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::uint64_t>> close_tiles(
      model::WorldId world, std::vector<model::Tile> tiles) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::TilePage>> list_tiles(
      model::WorldId world, model::TileRect rect, model::TileId from, std::uint32_t limit) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::World>>> worlds() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::World>> create_world(
      model::WorldId id, std::string name) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::WorldStats>> world_stats(
      model::WorldId world) override;
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<model::TableCount>>> open_tables()
      override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> verify() override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> read_ledger(
      ports::LedgerVisitor& visitor) override;
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreInfo>> info() override;
  [[nodiscard]] boost::asio::awaitable<Result<ports::StoreSecrets>> secrets() override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> join_hunt(model::Hunt hunt,
                                                               model::HuntKey key) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesTimeline>> rules_timeline() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::RulesFiles>> rules_files(
      std::string version) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> set_rules_timeline(
      model::RulesTimeline timeline, std::vector<model::RulesOf> sets) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::ShardMap>> shard_map() override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> set_shard_map(model::ShardMap map) override;

 private:
  struct Parts;
  explicit PostgresStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace hunt::postgres
