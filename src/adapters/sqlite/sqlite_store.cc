#include "adapters/sqlite/sqlite_store.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <functional>
#include <utility>

#include "adapters/sqlite/checkpointer.h"
#include "adapters/sqlite/chunk_reader.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/feed.h"
#include "adapters/sqlite/feed_lock.h"
#include "adapters/sqlite/feed_mark.h"
#include "adapters/sqlite/grant_ledger.h"
#include "adapters/sqlite/job.h"
#include "adapters/sqlite/reader.h"
#include "adapters/sqlite/schema.h"
#include "adapters/sqlite/tile_writer.h"
#include "adapters/sqlite/worker.h"
#include "model/limits.h"
#include "ports/store_checks.h"

namespace hunt::sqlite {
namespace {

// Pages kept in memory per connection, in KiB (negative for SQLite). For the writer the hot part of
// the indexes of some hundred thousand grants, a guess. Of a reader every commit of the writer
// makes the pages worthless; the kernel keeps them anyway.
constexpr const char* reader_settings = "PRAGMA cache_size = -2048; PRAGMA temp_store = MEMORY;";
// FULL: the log is synced in every commit, which is the promise. Checkpoints are not the writer's.
constexpr const char* writer_settings =
    "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;"
    "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;";

constexpr std::uint32_t shard_max = 32'767;  // spawn ids are signed 64 bits in SQL

// Straight from the kernel: whoever knows the seed knows every roll of the event.
SeedBytes random_seed() {
  SeedBytes seed{};
  HUNT_ASSERT(getrandom(seed.data(), seed.size(), 0) == static_cast<ssize_t>(seed.size()));
  return seed;
}

Result<std::unique_ptr<Connection>> open_reader(const std::string& path, bool read_only) {
  // Not read-only at the level of the file where the store writes: a reader then needs no
  // permissions that the writer does not have, and finds the log the same way.
  const auto mode = read_only ? Connection::Mode::read_only : Connection::Mode::read_write;
  HUNT_TRY(connection, Connection::open(path, mode));
  HUNT_CHECK(connection->execute(reader_settings));
  HUNT_CHECK(connection->execute("PRAGMA query_only = ON"));
  return connection;
}

}  // namespace

// In the order they are needed: threads last, so that they go first.
struct SqliteStore::Parts {
  Parts(const ports::Clock& clock_in, std::unique_ptr<Connection> for_writer,
        std::unique_ptr<Connection> for_chunks, std::unique_ptr<Connection> for_reader)
      : clock(clock_in),
        writer_connection(std::move(for_writer)),
        chunks_connection(std::move(for_chunks)),
        reader_connection(std::move(for_reader)),
        chunk_reader(*chunks_connection),
        reader(*reader_connection, clock) {}

  const ports::Clock& clock;
  std::unique_ptr<Connection> writer_connection;  // null: read-only
  std::unique_ptr<Connection> chunks_connection;
  std::unique_ptr<Connection> reader_connection;
  ChunkReader chunk_reader;
  Reader reader;
  std::unique_ptr<GrantLedger> ledger;
  std::unique_ptr<TileWriter> tiles;
  std::unique_ptr<FeedMark> feed_mark;
  std::unique_ptr<FeedLock> feed_lock;  // of whoever follows the feed

  std::unique_ptr<Feed> feed;
  std::unique_ptr<Checkpointer> checkpointer;
  Worker chunk_worker;
  Worker read_worker;
  std::unique_ptr<Writer> writer;

  void start_writing(std::unique_ptr<Connection> checkpoints, bool feed_for_all) {
    ledger = std::make_unique<GrantLedger>(*writer_connection, clock);
    tiles = std::make_unique<TileWriter>(*writer_connection, clock);
    feed_mark = std::make_unique<FeedMark>(*writer_connection);
    checkpointer = std::make_unique<Checkpointer>(std::move(checkpoints));
    const auto told = [](void* to, sqlite3*, const char*, int pages) {
      static_cast<Checkpointer*>(to)->committed(pages);
      return SQLITE_OK;
    };
    sqlite3_wal_hook(writer_connection->handle(), told, checkpointer.get());
    // Who follows the feed for all writes nothing that it tells: what it hears of is others' work.
    writer = std::make_unique<Writer>(
        *writer_connection, [this] { checkpointer->pause(); },
        [this, feed_for_all] {
          if (!feed_for_all) feed->committed();
        });
  }

  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> write(std::function<Result<T>()> work) {
    return ask<T>([this, work = std::move(work)](std::unique_ptr<Reply<T>> reply) mutable {
      if (!writer) {
        return reply->give(
            fail(Errc::io, fmt::format("{} is open for reading only", reader_connection->path())));
      }
      writer->submit(std::make_unique<Call<T>>(std::move(reply), std::move(work)));
    });
  }

  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> read(Worker& worker,
                                                       std::function<Result<T>()> work) {
    return ask<T>([&worker, work = std::move(work)](std::unique_ptr<Reply<T>> reply) mutable {
      worker.submit(std::make_unique<Call<T>>(std::move(reply), std::move(work)));
    });
  }

  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> refuse(Error error) {
    return ask<T>([error = std::move(error)](std::unique_ptr<Reply<T>> reply) mutable {
      reply->give(tl::unexpected<Error>(std::move(error)));
    });
  }
};

SqliteStore::SqliteStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

SqliteStore::~SqliteStore() {
  close();
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(SqliteOptions options) {
  if (options.shard > shard_max) {
    return fail(Errc::invalid_argument,
                fmt::format("shard {} is out of range: at most {}", options.shard, shard_max));
  }
  std::unique_ptr<Connection> writer;
  std::unique_ptr<Connection> checkpoints;
  if (!options.read_only) {
    HUNT_TRY(connection, Connection::open(options.path, Connection::Mode::read_write));
    HUNT_CHECK(connection->execute(writer_settings));
    const NewStore fresh{options.shard, options.seed ? *options.seed : random_seed(),
                         options.clock.wall_us()};
    HUNT_CHECK(prepare_store(*connection, fresh));
    writer = std::move(connection);
    HUNT_TRY(for_checkpoints, Connection::open(options.path, Connection::Mode::read_write));
    checkpoints = std::move(for_checkpoints);
  }
  HUNT_TRY(chunks, open_reader(options.path, options.read_only));
  if (options.read_only) HUNT_CHECK(check_store(*chunks));
  HUNT_TRY(reader, open_reader(options.path, options.read_only));
  HUNT_TRY(feed, open_reader(options.path, options.read_only));

  auto parts = std::make_unique<Parts>(options.clock, std::move(writer), std::move(chunks),
                                       std::move(reader));
  parts->feed = std::make_unique<Feed>(std::move(feed), parts->clock,
                                       options.feed_for_all ? Feed::poll_often : Feed::poll_rarely);
  parts->feed_lock = std::make_unique<FeedLock>(options.path, options.feed_for_all);
  if (parts->writer_connection) parts->start_writing(std::move(checkpoints), options.feed_for_all);
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(parts)));
}

void SqliteStore::close() {
  if (parts_->writer) parts_->writer->close();
  parts_->chunk_worker.close();
  parts_->read_worker.close();
  parts_->feed->close();
  if (parts_->checkpointer) parts_->checkpointer->close();
}

boost::asio::awaitable<Result<std::vector<model::ChunkRows>>> SqliteStore::load_chunks(
    std::vector<model::ChunkKey> keys) {
  using Answer = std::vector<model::ChunkRows>;
  if (auto checked = ports::check_count("chunks", keys.size(), limits::chunks_per_load_max);
      !checked) {
    return parts_->refuse<Answer>(std::move(checked.error()));
  }
  return parts_->read<Answer>(parts_->chunk_worker, [parts = parts_.get(), keys = std::move(keys)] {
    return parts->chunk_reader.load(keys);
  });
}

boost::asio::awaitable<Result<model::GrantCall>> SqliteStore::grant_claims(
    std::vector<model::Claim> claims) {
  if (auto checked = ports::check_count("claims", claims.size(), limits::claims_per_call_max);
      !checked) {
    return parts_->refuse<model::GrantCall>(std::move(checked.error()));
  }
  const std::int64_t asked_ns = parts_->clock.now_ns();
  return parts_->write<model::GrantCall>(
      [parts = parts_.get(), claims = std::move(claims), asked_ns] {
        return parts->ledger->grant(claims, asked_ns);
      });
}

boost::asio::awaitable<Result<std::optional<model::Grant>>> SqliteStore::find_grant(
    model::ClaimId claim) {
  return parts_->read<std::optional<model::Grant>>(
      parts_->read_worker,
      [parts = parts_.get(), claim] { return parts->reader.find_grant(claim); });
}

boost::asio::awaitable<Result<model::GrantPage>> SqliteStore::grants_after(std::uint64_t cursor,
                                                                           std::uint32_t limit) {
  return parts_->read<model::GrantPage>(parts_->read_worker, [parts = parts_.get(), cursor, limit] {
    return parts->reader.grants_after(cursor, limit);
  });
}

boost::asio::awaitable<Result<std::vector<model::Buried>>> SqliteStore::bury(
    model::WorldId world, std::vector<model::Burial> burials) {
  using Answer = std::vector<model::Buried>;
  if (auto checked = ports::check_count("burials", burials.size(), limits::tiles_per_request_max);
      !checked) {
    return parts_->refuse<Answer>(std::move(checked.error()));
  }
  return parts_->write<Answer>([parts = parts_.get(), world, burials = std::move(burials)] {
    return parts->tiles->bury(world, burials);
  });
}

boost::asio::awaitable<Result<std::uint64_t>> SqliteStore::close_tiles(
    model::WorldId world, std::vector<model::Tile> tiles) {
  if (auto checked = ports::check_count("tiles", tiles.size(), limits::tiles_per_request_max);
      !checked) {
    return parts_->refuse<std::uint64_t>(std::move(checked.error()));
  }
  return parts_->write<std::uint64_t>([parts = parts_.get(), world, tiles = std::move(tiles)] {
    return parts->tiles->close(world, tiles);
  });
}

boost::asio::awaitable<Result<model::TilePage>> SqliteStore::list_tiles(model::WorldId world,
                                                                        model::TileRect rect,
                                                                        model::TileId from,
                                                                        std::uint32_t limit) {
  return parts_->read<model::TilePage>(parts_->read_worker,
                                       [parts = parts_.get(), world, rect, from, limit] {
                                         return parts->reader.list_tiles(world, rect, from, limit);
                                       });
}

boost::asio::awaitable<Result<std::vector<model::World>>> SqliteStore::worlds() {
  return parts_->read<std::vector<model::World>>(
      parts_->read_worker, [parts = parts_.get()] { return parts->reader.worlds(); });
}

boost::asio::awaitable<Result<model::World>> SqliteStore::create_world(model::WorldId id,
                                                                       std::string name) {
  return parts_->write<model::World>([parts = parts_.get(), id, name = std::move(name)] {
    return parts->tiles->create_world(id, name);
  });
}

boost::asio::awaitable<Result<model::WorldStats>> SqliteStore::world_stats(model::WorldId world) {
  return parts_->read<model::WorldStats>(parts_->read_worker, [parts = parts_.get(), world] {
    return parts->reader.world_stats(world);
  });
}

boost::asio::awaitable<Result<void>> SqliteStore::read_ledger(ports::LedgerVisitor& visitor) {
  return parts_->read<void>(parts_->read_worker, [parts = parts_.get(), &visitor] {
    return parts->reader.read_ledger(visitor);
  });
}

boost::asio::awaitable<Result<ports::StoreInfo>> SqliteStore::info() {
  return parts_->read<ports::StoreInfo>(parts_->read_worker,
                                        [parts = parts_.get()] { return parts->reader.info(); });
}

boost::asio::awaitable<Result<model::FeedStart>> SqliteStore::resume() {
  auto taken = parts_->feed_lock->take();
  if (!taken) return parts_->refuse<model::FeedStart>(std::move(taken).error());
  return parts_->write<model::FeedStart>(
      [parts = parts_.get()] { return parts->feed_mark->resume(); });
}

// What a reader sees was synced before it could be seen, and a file does not fail over.
boost::asio::awaitable<Result<void>> SqliteStore::secure(model::FeedCursor /*cursor*/) {
  co_return Result<void>{};
}

boost::asio::awaitable<Result<void>> SqliteStore::confirm(model::FeedCursor cursor) {
  return parts_->write<void>(
      [parts = parts_.get(), cursor] { return parts->feed_mark->confirm(cursor); });
}

boost::asio::awaitable<Result<model::FeedStart>> SqliteStore::repair() {
  return parts_->write<model::FeedStart>(
      [parts = parts_.get()] { return parts->feed_mark->repair(); });
}

boost::asio::awaitable<Result<model::FeedCursor>> SqliteStore::now() {
  return ask<model::FeedCursor>(
      [parts = parts_.get()](std::unique_ptr<Reply<model::FeedCursor>> reply) {
        parts->feed->now(std::move(reply));
      });
}

boost::asio::awaitable<Result<model::ChangeBatch>> SqliteStore::next(model::FeedCursor after,
                                                                     std::int64_t wait_ns) {
  return ask<model::ChangeBatch>(
      [parts = parts_.get(), after, wait_ns](std::unique_ptr<Reply<model::ChangeBatch>> reply) {
        parts->feed->next(after, wait_ns, std::move(reply));
      });
}

}  // namespace hunt::sqlite
