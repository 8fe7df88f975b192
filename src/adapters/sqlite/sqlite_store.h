// SqliteStore: the truth in one SQLite file, with its change feed.
//
// Not a server: one process writes grants at a high rate, others may read the file and make small
// changes with plain SQL. Durable: a call that returned survives kill -9 and power loss (WAL,
// synchronous = FULL). Threads of its own: one that writes, with group commit; one for chunks; one
// for look-ups; one for reads of much; one for the feed; one for checkpoints. Safe to call from any
// lane; the caller's io_context outlives its calls. Pressure: a full queue answers `overloaded`.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ports/change_feed.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"

namespace hunt::sqlite {

struct SqliteOptions {
  std::string path;
  const ports::Clock& clock;  // Lifetime: outlives the store.
  std::uint32_t shard = 0;    // of a new store; at most 32,767
  bool read_only = false;     // the file must exist; writes are refused
  std::optional<std::array<std::uint8_t, 32>> seed =
      std::nullopt;  // of a new store; random when not given
  // Whoever takes the feed tells the changes to other processes, too: one at a time. Else any
  // number may take it, each for itself, while nobody tells them to others.
  bool feed_for_all = false;
};

class SqliteStore final : public ports::HuntStore, public ports::ChangeFeed {
 public:
  // Opens or creates the file. A new one holds world 1 ("demo"), owns every tile, and has an event
  // seed. Errors: io (path, permission), invalid_argument (another program's database),
  // unsupported (a newer schema), corrupt (no database), not_found (read_only and empty).
  [[nodiscard]] static Result<std::unique_ptr<SqliteStore>> open(SqliteOptions options);
  ~SqliteStore() override;
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  // Finishes what is queued, answers feed readers with `unavailable`, joins the threads. Calls
  // after it are answered `unavailable`.
  void close();

  [[nodiscard]] boost::asio::awaitable<Result<model::LoadCall>> load_chunks(
      std::vector<model::ChunkKey> keys) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> grant_claims(
      std::vector<model::Claim> claims) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> look_up_claims(
      std::vector<model::Claim> claims) override;
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

  [[nodiscard]] boost::asio::awaitable<Result<model::FeedStart>> resume() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::FeedCursor>> now() override;
  [[nodiscard]] boost::asio::awaitable<Result<model::ChangeBatch>> next(
      model::FeedCursor after, std::int64_t wait_ns) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> secure(model::FeedCursor cursor) override;
  [[nodiscard]] boost::asio::awaitable<Result<void>> confirm(model::FeedCursor cursor) override;
  [[nodiscard]] boost::asio::awaitable<Result<model::FeedStart>> repair() override;

 private:
  struct Parts;
  explicit SqliteStore(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace hunt::sqlite
