#include "node/open_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "adapters/postgres/data_api_database.h"
#include "adapters/postgres/postgres_feed.h"
#include "adapters/postgres/postgres_store.h"
#include "adapters/sqlite/file_guard.h"
#include "adapters/sqlite/sqlite_store.h"
#include "base/log.h"
#include "base/text.h"
#include "node/open_later.h"
#include "service/hunts.h"
#include "service/shard_maps.h"

namespace hunt::node {
namespace {

class OpenSqlite final : public OpenStore {
 public:
  explicit OpenSqlite(std::unique_ptr<sqlite::SqliteStore> store) : store_(std::move(store)) {}
  [[nodiscard]] ports::HuntStore& store() noexcept override { return *store_; }
  [[nodiscard]] ports::ChangeFeed& feed() override { return *store_; }
  void close() override { store_->close(); }

 private:
  std::unique_ptr<sqlite::SqliteStore> store_;
};

class OpenPostgres final : public OpenStore {
 public:
  OpenPostgres(postgres::PostgresUrl url, const ports::Clock& clock,
               std::unique_ptr<postgres::PostgresStore> store)
      : url_(std::move(url)), clock_(clock), store_(std::move(store)) {}
  [[nodiscard]] ports::HuntStore& store() noexcept override { return *store_; }
  [[nodiscard]] ports::ChangeFeed& feed() override {
    if (!feed_) feed_ = std::make_unique<postgres::PostgresFeed>(url_, clock_);
    return *feed_;
  }
  void close() override {
    if (feed_) feed_->close();
    store_->close();
  }

 private:
  postgres::PostgresUrl url_;
  const ports::Clock& clock_;
  std::unique_ptr<postgres::PostgresStore> store_;
  std::unique_ptr<postgres::PostgresFeed> feed_;
};

// Nobody can follow its changes: check_followed() says so to people before.
class NoFeed final : public ports::ChangeFeed {
 public:
  template <class T>
  using Answer = boost::asio::awaitable<Result<T>>;
  Answer<model::FeedStart> resume() override { co_return none(); }
  Answer<model::FeedCursor> now() override { co_return none(); }
  Answer<model::ChangeBatch> next(model::FeedCursor, std::int64_t) override { co_return none(); }
  Answer<void> secure(model::FeedCursor) override { co_return none(); }
  Answer<void> confirm(model::FeedCursor) override { co_return none(); }
  Answer<model::FeedStart> repair() override { co_return none(); }

 private:
  static tl::unexpected<Error> none() {
    return fail(Errc::unsupported, postgres::needs_postgres, "store");
  }
};

class OpenDataApi final : public OpenStore {
 public:
  explicit OpenDataApi(std::unique_ptr<postgres::PostgresStore> store) : store_(std::move(store)) {}
  [[nodiscard]] ports::HuntStore& store() noexcept override { return *store_; }
  [[nodiscard]] ports::ChangeFeed& feed() override { return feed_; }
  void close() override { store_->close(); }

 private:
  std::unique_ptr<postgres::PostgresStore> store_;
  NoFeed feed_;
};

postgres::PostgresOptions postgres_options(const OpenStoreOptions& options) {
  postgres::PostgresOptions made;
  made.shard = options.shard;
  made.read_only = options.read_only;
  made.connect_ahead = options.connect_ahead;
  made.grant_connections = options.grant_connections;
  made.seed = options.new_seed;
  made.interrupt = options.interrupt;
  return made;
}

// Who may write is told so when the store opens; who only reads has to hear the same: he would look
// for tiles in other shards than they are in.
Result<void> check_place(OpenStore& opened, const StoreUrl& url, const OpenStoreOptions& options) {
  if (!options.read_only || !options.agree_on_map) return {};
  HUNT_TRY(info, run_here(opened.store().info()));
  if (info.shard == options.shard) return {};
  return fail(Errc::invalid_argument,
              fmt::format("{} is shard {}, but stands at place {} of the --store flags, which "
                          "count from 0: put them in order",
                          url.shown(), info.shard, options.shard),
              "store");
}

}  // namespace

void print_remarks(const std::vector<StoreUrl>& urls) {
  for (const auto& url : urls) {
    const std::string* path = url.sqlite_path();
    const std::string remark = path != nullptr ? sqlite::open_to_others(*path) : std::string();
    if (!remark.empty()) log(LogLevel::warning, "store", remark);
    const auto* data_api = url.data_api();
    if (data_api == nullptr || data_api->tls() || url.is_here()) continue;
    log(LogLevel::warning, "store",
        fmt::format("{} is another machine: session token and rows go there in clear; use "
                    "data-api+https://",
                    url.shown()));
  }
}

Result<OpenStores> OpenStores::open(const std::vector<StoreUrl>& urls, const ports::Clock& clock,
                                    OpenStoreOptions options) {
  HUNT_CHECK(check_stores(urls));
  OpenStores out;
  out.shown_ = shown_stores(urls);
  const bool several = urls.size() > 1;
  HUNT_CHECK(out.open_first(urls[0], clock, options, several));
  const bool later = several && options.wait_for_shards.count() > 0;
  HUNT_CHECK(later ? out.open_others_later(urls, clock, options)
                   : out.open_others(urls, clock, options));
  if (options.agree_on_map) HUNT_CHECK(out.agree_on_map(options));
  return out;
}

// One seed rolls for the event, whichever shard a claim is in.
Result<void> OpenStores::open_first(const StoreUrl& url, const ports::Clock& clock,
                                    OpenStoreOptions& options, bool several) {
  HUNT_TRY(opened, OpenStore::open(url, clock, options));
  HUNT_CHECK(check_place(*opened, url, options));
  all_.push_back(std::move(opened));
  if (!several) return {};
  const auto secrets = run_here(all_[0]->store().secrets());
  // Who may not see the seed, as the user of a relay or of an audit, makes no store.
  if (!secrets && secrets.error().code == Errc::unauthorized) return {};
  if (!secrets) return tl::unexpected<Error>(secrets.error());
  if (secrets->seed_bytes.empty()) return {};
  options.new_seed.emplace();
  if (secrets->seed_bytes.size() != options.new_seed->size()) {
    return fail(Errc::corrupt, fmt::format("{} has no event seed", url.shown()));
  }
  std::copy(secrets->seed_bytes.begin(), secrets->seed_bytes.end(), options.new_seed->begin());
  return {};
}

Result<void> OpenStores::open_others(const std::vector<StoreUrl>& urls, const ports::Clock& clock,
                                     OpenStoreOptions options) {
  for (std::size_t shard = 1; shard < urls.size(); ++shard) {
    options.shard = static_cast<std::uint32_t>(shard);
    HUNT_TRY(opened, OpenStore::open(urls[shard], clock, options));
    HUNT_CHECK(check_place(*opened, urls[shard], options));
    all_.push_back(std::move(opened));
  }
  const bool repair = options.agree_on_map && !options.read_only;
  HUNT_TRY(hunt, run_here(service::agree_on_hunt(stores(), options.hunt, repair)));
  hunt_ = std::move(hunt);
  return {};
}

// All at the same time. What another hunt's shard would answer is never served: each is looked at
// when it opens, however late that is.
Result<void> OpenStores::open_others_later(const std::vector<StoreUrl>& urls,
                                           const ports::Clock& clock, OpenStoreOptions options) {
  const bool repair = options.agree_on_map && !options.read_only;
  ports::HuntStore& first = all_[0]->store();
  HUNT_TRY(hunt, run_here(service::agree_on_hunt({&first}, options.hunt, repair)));
  hunt_ = std::move(hunt);
  const auto deadline = OpenLater::Clock::now() + options.wait_for_shards;
  std::vector<OpenLater*> later;
  for (std::size_t shard = 1; shard < urls.size(); ++shard) {
    options.shard = static_cast<std::uint32_t>(shard);
    auto admit = [&first, shard, hunt = hunt_, repair](ports::HuntStore& store) {
      return run_here(service::join_hunt(first, store, shard, hunt, repair));
    };
    auto one = std::make_unique<OpenLater>(urls[shard], clock, options, std::move(admit));
    later.push_back(one.get());
    all_.push_back(std::move(one));
  }
  for (OpenLater* one : later) HUNT_CHECK(one->wait_until(deadline));
  return {};
}

// Where a shard is not open yet, the first one's map is the newest: it takes each before the
// others do.
Result<void> OpenStores::agree_on_map(const OpenStoreOptions& options) {
  const auto waits = waits_for();
  const bool all =
      std::all_of(waits.begin(), waits.end(), [](const std::string& why) { return why.empty(); });
  HUNT_TRY(map,
           run_here(all ? service::agree_on_map(stores<ports::WorldStore>(), !options.read_only)
                        : service::map_of_first(stores<ports::WorldStore>())));
  map_ = std::move(map);
  return {};
}

std::vector<std::string> OpenStores::waits_for() const {
  std::vector<std::string> all;
  for (const auto& one : all_) all.push_back(one->waits_for());
  return all;
}

CloseAfter::CloseAfter(OpenStores& stores, std::chrono::nanoseconds pause)
    : thread_([&stores, pause](const std::stop_token& stop) {
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any never;
        never.wait_for(lock, stop, pause, [] { return false; });
        if (!stop.stop_requested()) stores.close();
      }) {}

model::HuntOwner OpenStores::owner() const {
  return {to_hex(model::to_bytes(hunt_.id)), shown_};
}

void OpenStores::close() {
  for (const auto& one : all_) one->close();
}

Result<std::unique_ptr<OpenStore>> OpenStore::open(const StoreUrl& url, const ports::Clock& clock,
                                                   const OpenStoreOptions& options) {
  if (const postgres::PostgresUrl* server = url.postgres()) {
    HUNT_TRY(store, postgres::PostgresStore::open(*server, postgres_options(options)));
    return std::unique_ptr<OpenStore>(
        std::make_unique<OpenPostgres>(*server, clock, std::move(store)));
  }
  if (const postgres::DataApiUrl* gateway = url.data_api()) {
    HUNT_TRY(database, postgres::database_at(*gateway));
    HUNT_TRY(store, postgres::PostgresStore::open(std::move(database), postgres_options(options)));
    return std::unique_ptr<OpenStore>(std::make_unique<OpenDataApi>(std::move(store)));
  }
  sqlite::SqliteOptions made{*url.sqlite_path(), clock, options.shard, options.read_only,
                             options.new_seed};
  made.feed_for_all = options.feed_for_all;
  HUNT_TRY(store, sqlite::SqliteStore::open(std::move(made)));
  return std::unique_ptr<OpenStore>(std::make_unique<OpenSqlite>(std::move(store)));
}

}  // namespace hunt::node
