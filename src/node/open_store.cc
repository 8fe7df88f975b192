#include "node/open_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "adapters/postgres/postgres_feed.h"
#include "adapters/postgres/postgres_store.h"
#include "adapters/sqlite/file_guard.h"
#include "adapters/sqlite/sqlite_store.h"
#include "base/text.h"
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

}  // namespace

void print_remarks(const std::vector<StoreUrl>& urls) {
  for (const auto& url : urls) {
    const std::string* path = url.sqlite_path();
    const std::string remark = path != nullptr ? sqlite::open_to_others(*path) : std::string();
    if (!remark.empty()) std::fprintf(stderr, "hunt: %s\n", remark.c_str());
  }
}

Result<OpenStores> OpenStores::open(const std::vector<StoreUrl>& urls, const ports::Clock& clock,
                                    OpenStoreOptions options) {
  HUNT_CHECK(check_stores(urls));
  OpenStores out;
  for (const auto& url : urls) {
    options.shard = static_cast<std::uint32_t>(out.all_.size());
    HUNT_TRY(opened, OpenStore::open(url, clock, options));
    out.all_.push_back(std::move(opened));
    if (urls.size() == 1 || options.shard > 0 || options.read_only) continue;
    // One seed rolls for the event, whichever shard a claim is in.
    const auto secrets = run_here(out.all_[0]->store().secrets());
    if (!secrets && secrets.error().code == Errc::unauthorized) continue;  // it makes no store
    if (!secrets) return tl::unexpected<Error>(secrets.error());
    options.new_seed.emplace();
    if (secrets->seed_bytes.size() != options.new_seed->size()) {
      return fail(Errc::corrupt, fmt::format("{} has no event seed", url.shown()));
    }
    std::copy(secrets->seed_bytes.begin(), secrets->seed_bytes.end(), options.new_seed->begin());
  }
  const bool repair = options.agree_on_map && !options.read_only;
  HUNT_TRY(hunt, run_here(service::agree_on_hunt(out.stores(), options.hunt, repair)));
  out.hunt_ = std::move(hunt);
  out.shown_ = shown_stores(urls);
  if (!options.agree_on_map) return out;
  HUNT_TRY(map,
           run_here(service::agree_on_map(out.stores<ports::WorldStore>(), !options.read_only)));
  out.map_ = std::move(map);
  return out;
}

model::HuntOwner OpenStores::owner() const {
  return {to_hex(model::to_bytes(hunt_.id)), shown_};
}

void OpenStores::close() {
  for (const auto& one : all_) one->close();
}

Result<std::unique_ptr<OpenStore>> OpenStore::open(const StoreUrl& url, const ports::Clock& clock,
                                                   const OpenStoreOptions& options) {
  if (const postgres::PostgresUrl* server = url.postgres()) {
    postgres::PostgresOptions made;
    made.shard = options.shard;
    made.read_only = options.read_only;
    made.connect_ahead = options.connect_ahead;
    made.seed = options.new_seed;
    HUNT_TRY(store, postgres::PostgresStore::open(*server, made));
    return std::unique_ptr<OpenStore>(
        std::make_unique<OpenPostgres>(*server, clock, std::move(store)));
  }
  sqlite::SqliteOptions made{*url.sqlite_path(), clock, options.shard, options.read_only,
                             options.new_seed};
  made.feed_for_all = options.feed_for_all;
  HUNT_TRY(store, sqlite::SqliteStore::open(std::move(made)));
  return std::unique_ptr<OpenStore>(std::make_unique<OpenSqlite>(std::move(store)));
}

}  // namespace hunt::node
