#include "adapters/sqlite/sqlite_store.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "adapters/sqlite/checkpointer.h"
#include "adapters/sqlite/chunk_reader.h"
#include "adapters/sqlite/claim_finder.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/feed.h"
#include "adapters/sqlite/feed_mark.h"
#include "adapters/sqlite/file_guard.h"
#include "adapters/sqlite/grant_ledger.h"
#include "adapters/sqlite/job.h"
#include "adapters/sqlite/reader.h"
#include "adapters/sqlite/rules_tables.h"
#include "adapters/sqlite/schema.h"
#include "adapters/sqlite/tile_writer.h"
#include "adapters/sqlite/worker.h"
#include "base/random_bytes.h"
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

// A file that nobody has open. Reading such a one makes nothing beside it and needs no right to
// write; should somebody open it meanwhile, what was read may be half of the old and the new.
class StillFile {
 public:
  // Nothing where a log lies beside it: somebody has it open, or was killed.
  static std::optional<StillFile> look(const std::string& path) {
    StillFile file;
    file.path_ = path;
    if (!file.lies_still() || stat(path.c_str(), &file.seen_) != 0) return {};
    return file;
  }
  [[nodiscard]] Result<void> check() const {
    struct stat now {};
    if (lies_still() && stat(path_.c_str(), &now) == 0 && now.st_ino == seen_.st_ino &&
        now.st_size == seen_.st_size && now.st_mtim.tv_sec == seen_.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == seen_.st_mtim.tv_nsec) {
      return {};
    }
    return fail(Errc::unavailable,
                fmt::format("{} was opened by another process while it was read; try again, it is "
                            "read beside that one then",
                            path_));
  }

 private:
  [[nodiscard]] bool lies_still() const { return access((path_ + "-wal").c_str(), F_OK) != 0; }
  std::string path_;
  struct stat seen_ {};
};

Result<std::unique_ptr<Connection>> open_reader(const std::string& path, Connection::Mode mode) {
  HUNT_TRY(connection, Connection::open(path, mode));
  HUNT_CHECK(connection->execute(reader_settings));
  HUNT_CHECK(connection->execute("PRAGMA query_only = ON"));
  return connection;
}

}  // namespace

// In the order they are needed: threads last, so that they go first.
struct SqliteStore::Parts {
  struct Connections {
    std::unique_ptr<Connection> writer;  // null: read-only
    std::unique_ptr<Connection> chunks;
    std::unique_ptr<Connection> reads;
    std::unique_ptr<Connection> scans;
  };
  Parts(const ports::Clock& clock_in, std::unique_ptr<FileGuard> guard_in, Connections connections)
      : clock(clock_in),
        guard(std::move(guard_in)),
        writer_connection(std::move(connections.writer)),
        chunks_connection(std::move(connections.chunks)),
        reader_connection(std::move(connections.reads)),
        scans_connection(std::move(connections.scans)),
        chunk_reader(*chunks_connection),
        claim_finder(*chunks_connection),
        reader(*reader_connection, clock),
        kept_rules(*reader_connection),
        scanner(*scans_connection, clock) {}

  const ports::Clock& clock;
  std::unique_ptr<FileGuard> guard;               // outlives the connections; null: read-only
  std::unique_ptr<Connection> writer_connection;  // null: read-only
  std::optional<StillFile> still;                 // read-only, and nobody else had it open
  std::unique_ptr<Connection> chunks_connection;
  std::unique_ptr<Connection> reader_connection;
  std::unique_ptr<Connection> scans_connection;
  ChunkReader chunk_reader;
  ClaimFinder claim_finder;  // with the chunks: a long read must not hold up answers
  Reader reader;
  RulesTables kept_rules;
  Reader scanner;  // for what reads much: nobody's look-up waits behind it
  std::unique_ptr<GrantLedger> ledger;
  std::unique_ptr<TileWriter> tiles;
  std::unique_ptr<RulesTables> rules;
  std::unique_ptr<FeedMark> feed_mark;
  std::unique_ptr<Feed> feed;
  bool feed_for_all = false;
  std::unique_ptr<Checkpointer> checkpointer;
  Worker chunk_worker;
  Worker read_worker;
  Worker scan_worker;
  std::unique_ptr<Writer> writer;

  void start_writing(std::unique_ptr<Connection> checkpoints) {
    ledger = std::make_unique<GrantLedger>(*writer_connection, clock);
    tiles = std::make_unique<TileWriter>(*writer_connection, clock);
    rules = std::make_unique<RulesTables>(*writer_connection);
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
        [this] {
          if (!feed_for_all) feed->committed();
        });
  }

  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> write(
      std::function<Result<T>()> work, std::function<void(Result<T>&)> ended = {}) {
    return ask<T>([this, work = std::move(work),
                   ended = std::move(ended)](std::unique_ptr<Reply<T>> reply) mutable {
      if (!writer) {
        return reply->give(
            fail(Errc::io, fmt::format("{} is open for reading only", reader_connection->path())));
      }
      writer->submit(
          std::make_unique<Call<T>>(std::move(reply), std::move(work), std::move(ended)));
    });
  }

  template <class T>
  [[nodiscard]] boost::asio::awaitable<Result<T>> read(Worker& worker,
                                                       std::function<Result<T>()> work) {
    if (still) {
      work = [this, work = std::move(work)]() -> Result<T> {
        auto result = work();
        HUNT_CHECK(still->check());
        return result;
      };
    }
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
  std::unique_ptr<FileGuard> guard;
  std::unique_ptr<Connection> writer;
  std::unique_ptr<Connection> checkpoints;
  if (!options.read_only) {
    HUNT_TRY(guarded, FileGuard::open(options.path));
    guard = std::move(guarded);
    HUNT_TRY(connection, Connection::open(options.path, Connection::Mode::read_write));
    HUNT_CHECK(connection->execute(writer_settings));
    const NewStore fresh{options.shard, options.seed ? *options.seed : random_bytes<32>(),
                         options.clock.wall_us()};
    HUNT_CHECK(prepare_store(*connection, fresh));
    writer = std::move(connection);
    HUNT_TRY(for_checkpoints, Connection::open(options.path, Connection::Mode::read_write));
    // A connection that has read nothing does not know of the log: its checkpoints do nothing.
    HUNT_TRY(version, for_checkpoints->integer("PRAGMA user_version"));
    HUNT_ASSERT(version > 0);
    checkpoints = std::move(for_checkpoints);
  }
  // Where the store writes, its readers are not read-only at the level of the file: they need no
  // permissions that the writer does not have, and find the log the same way.
  auto mode = Connection::Mode::read_write;
  const auto still = options.read_only ? StillFile::look(options.path) : std::nullopt;
  if (options.read_only) {
    mode = still ? Connection::Mode::as_it_lies : Connection::Mode::read_only;
  }
  HUNT_TRY(chunks, open_reader(options.path, mode));
  if (options.read_only) HUNT_CHECK(check_store(*chunks));
  HUNT_TRY(reader, open_reader(options.path, mode));
  HUNT_TRY(scans, open_reader(options.path, mode));
  HUNT_TRY(feed, open_reader(options.path, mode));

  Parts::Connections connections;
  connections.writer = std::move(writer);
  connections.chunks = std::move(chunks);
  connections.reads = std::move(reader);
  connections.scans = std::move(scans);
  auto parts = std::make_unique<Parts>(options.clock, std::move(guard), std::move(connections));
  parts->still = still;
  parts->feed = std::make_unique<Feed>(std::move(feed), parts->clock,
                                       options.feed_for_all ? Feed::poll_often : Feed::poll_rarely);
  parts->feed_for_all = options.feed_for_all;
  if (parts->writer_connection) parts->start_writing(std::move(checkpoints));
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(parts)));
}

void SqliteStore::close() {
  if (parts_->writer) parts_->writer->close();
  parts_->chunk_worker.close();
  parts_->read_worker.close();
  parts_->scan_worker.close();
  parts_->feed->close();
  if (parts_->checkpointer) parts_->checkpointer->close();
}

boost::asio::awaitable<Result<model::LoadCall>> SqliteStore::load_chunks(
    std::vector<model::ChunkKey> keys) {
  HUNT_CO_CHECK(ports::check_count("chunks", keys.size(), limits::chunks_per_load_max));
  const std::int64_t asked_ns = parts_->clock.now_ns();
  auto loaded = parts_->read<model::LoadCall>(
      parts_->chunk_worker,
      [parts = parts_.get(), keys = std::move(keys), asked_ns]() -> Result<model::LoadCall> {
        const std::int64_t begun_ns = parts->clock.now_ns();
        HUNT_TRY(chunks, parts->chunk_reader.load(keys));
        model::LoadCall call{std::move(chunks), {}};
        call.times.lock_us = std::max<std::int64_t>(0, begun_ns - asked_ns) / 1'000;
        call.times.exec_us = (parts->clock.now_ns() - begun_ns) / 1'000;
        return call;
      });
  co_return co_await std::move(loaded);
}

boost::asio::awaitable<Result<model::GrantCall>> SqliteStore::grant_claims(
    std::vector<model::Claim> claims) {
  HUNT_CO_CHECK(ports::check_count("claims", claims.size(), limits::claims_per_call_max));
  const std::int64_t asked_ns = parts_->clock.now_ns();
  auto granted = parts_->write<model::GrantCall>(
      [parts = parts_.get(), claims = std::move(claims), asked_ns] {
        return parts->ledger->grant(claims, asked_ns);
      },
      // The others of its group, and their commit.
      [parts = parts_.get(), asked_ns](Result<model::GrantCall>& call) {
        if (!call) return;
        const std::int64_t took_us = (parts->clock.now_ns() - asked_ns) / 1'000;
        call->times.commit_us =
            std::max<std::int64_t>(0, took_us - call->times.lock_us - call->times.exec_us);
      });
  co_return co_await std::move(granted);
}

boost::asio::awaitable<Result<model::GrantCall>> SqliteStore::look_up_claims(
    std::vector<model::Claim> claims) {
  if (auto checked = ports::check_count("claims", claims.size(), limits::claims_per_call_max);
      !checked) {
    return parts_->refuse<model::GrantCall>(std::move(checked.error()));
  }
  return parts_->read<model::GrantCall>(parts_->chunk_worker,
                                        [parts = parts_.get(), claims = std::move(claims)] {
                                          return parts->claim_finder.look_up(claims);
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

boost::asio::awaitable<Result<model::GrantsFound>> SqliteStore::find_grants(
    model::GrantSearch search) {
  return parts_->read<model::GrantsFound>(parts_->scan_worker, [parts = parts_.get(), search] {
    return parts->scanner.find_grants(search);
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
  return parts_->read<model::TilePage>(parts_->scan_worker,
                                       [parts = parts_.get(), world, rect, from, limit] {
                                         return parts->scanner.list_tiles(world, rect, from, limit);
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
  return parts_->read<model::WorldStats>(parts_->scan_worker, [parts = parts_.get(), world] {
    return parts->scanner.world_stats(world);
  });
}

boost::asio::awaitable<Result<void>> SqliteStore::read_ledger(ports::LedgerVisitor& visitor) {
  return parts_->read<void>(parts_->scan_worker, [parts = parts_.get(), &visitor] {
    return parts->scanner.read_ledger(visitor);
  });
}

boost::asio::awaitable<Result<std::vector<model::TableCount>>> SqliteStore::open_tables() {
  return parts_->read<std::vector<model::TableCount>>(
      parts_->scan_worker, [parts = parts_.get()] { return parts->scanner.open_tables(); });
}

// An empty transaction: it needs the write lock, as a grant does.
boost::asio::awaitable<Result<void>> SqliteStore::verify() {
  return parts_->write<void>([parts = parts_.get()] { return parts->guard->still_there(); });
}

boost::asio::awaitable<Result<ports::StoreInfo>> SqliteStore::info() {
  return parts_->read<ports::StoreInfo>(parts_->read_worker,
                                        [parts = parts_.get()] { return parts->reader.info(); });
}

boost::asio::awaitable<Result<ports::StoreSecrets>> SqliteStore::secrets() {
  return parts_->read<ports::StoreSecrets>(
      parts_->read_worker, [parts = parts_.get()] { return parts->reader.secrets(); });
}

boost::asio::awaitable<Result<void>> SqliteStore::join_hunt(model::Hunt hunt, model::HuntKey key) {
  return parts_->write<void>([parts = parts_.get(), hunt = std::move(hunt), key] {
    return parts->tiles->join_hunt(hunt, key);
  });
}

boost::asio::awaitable<Result<model::RulesTimeline>> SqliteStore::rules_timeline() {
  return parts_->read<model::RulesTimeline>(
      parts_->read_worker, [parts = parts_.get()] { return parts->kept_rules.timeline(); });
}

boost::asio::awaitable<Result<model::RulesFiles>> SqliteStore::rules_files(std::string version) {
  return parts_->read<model::RulesFiles>(parts_->read_worker,
                                         [parts = parts_.get(), version = std::move(version)] {
                                           return parts->kept_rules.files(version);
                                         });
}

boost::asio::awaitable<Result<void>> SqliteStore::set_rules_timeline(
    model::RulesTimeline timeline, std::vector<model::RulesOf> sets) {
  return parts_->write<void>(
      [parts = parts_.get(), timeline = std::move(timeline), sets = std::move(sets)] {
        return parts->rules->set(timeline, sets);
      });
}

boost::asio::awaitable<Result<model::FeedStart>> SqliteStore::resume() {
  if (parts_->guard == nullptr) {
    return parts_->refuse<model::FeedStart>(
        {Errc::io,
         fmt::format("{} is open for reading only", parts_->reader_connection->path()),
         {}});
  }
  auto taken = parts_->guard->take_feed(parts_->feed_for_all);
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
