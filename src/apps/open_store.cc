#include "apps/open_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "adapters/postgres/postgres_feed.h"
#include "adapters/postgres/postgres_store.h"
#include "adapters/sqlite/sqlite_store.h"
#include "base/text.h"
#include "model/limits.h"
#include "service/shard_maps.h"

namespace hunt::apps {
namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

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

Result<std::string> sqlite_path(const std::string& url) {
  if (url.starts_with(sqlite_scheme) && url.size() > sqlite_scheme.size()) {
    return url.substr(sqlite_scheme.size());
  }
  // Nothing after the scheme is shown: other stores' URLs may hold a password.
  return fail(Errc::invalid_argument,
              fmt::format("cannot open a store \"{}…\"; expected sqlite:FILE",
                          printable(url.substr(0, url.find(':') + 1))),
              "store");
}

bool has_store_scheme(std::string_view text) {
  return text.starts_with(sqlite_scheme) || postgres::PostgresUrl::matches(text);
}

Result<void> check_store_url(const std::string& url) {
  if (postgres::PostgresUrl::matches(url)) {
    HUNT_CHECK(postgres::PostgresUrl::parse(url));
    return {};
  }
  if (sqlite_path(url)) return {};
  return fail(Errc::invalid_argument,
              fmt::format("cannot open a store \"{}…\"; this version opens sqlite:FILE and "
                          "postgres://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE",
                          printable(url.substr(0, url.find(':') + 1))),
              "store");
}

std::string shown_store(const std::string& url) {
  if (!postgres::PostgresUrl::matches(url)) return url;
  const auto parsed = postgres::PostgresUrl::parse(url);
  return parsed ? "postgres://" + parsed->shown() : "postgres://…";
}

std::string shown_stores(const std::vector<std::string>& urls) {
  std::string shown;
  for (const auto& url : urls) {
    if (!shown.empty()) shown += ", ";
    shown += shown_store(url);
  }
  return shown;
}

Result<void> check_store_urls(const std::vector<std::string>& urls) {
  if (urls.size() > limits::shards_max) {
    return fail(Errc::invalid_argument,
                fmt::format("at most {} shards, found {}", limits::shards_max, urls.size()),
                "store");
  }
  for (const auto& url : urls) {
    HUNT_CHECK(check_store_url(url));
    if (urls.size() > 1 && !postgres::PostgresUrl::matches(url)) {
      return fail(Errc::invalid_argument,
                  fmt::format("{} cannot be one of several shards: give one --store, or "
                              "postgres:// for each",
                              shown_store(url)),
                  "store");
    }
    if (std::count(urls.begin(), urls.end(), url) > 1) {
      return fail(
          Errc::invalid_argument,
          fmt::format("{} is given twice: each shard has a database of its own", shown_store(url)),
          "store");
    }
  }
  return {};
}

Result<OpenStores> OpenStores::open(const std::vector<std::string>& urls, const ports::Clock& clock,
                                    OpenStoreOptions options) {
  HUNT_CHECK(check_store_urls(urls));
  OpenStores out;
  for (const auto& url : urls) {
    options.shard = static_cast<std::uint32_t>(out.all_.size());
    HUNT_TRY(opened, OpenStore::open(url, clock, options));
    out.all_.push_back(std::move(opened));
    if (urls.size() == 1 || options.shard > 0 || options.read_only) continue;
    // One seed rolls for the event, whichever shard a claim is in.
    HUNT_TRY(info, run_here(out.all_[0]->store().info()));
    options.new_seed.emplace();
    if (info.seed_bytes.size() != options.new_seed->size()) {
      return fail(Errc::corrupt, fmt::format("{} has no event seed", shown_store(url)));
    }
    std::copy(info.seed_bytes.begin(), info.seed_bytes.end(), options.new_seed->begin());
  }
  if (!options.agree_on_map) return out;
  HUNT_TRY(map, run_here(service::agree_on_map(out.stores(), !options.read_only)));
  out.map_ = std::move(map);
  return out;
}

std::vector<ports::HuntStore*> OpenStores::stores() {
  std::vector<ports::HuntStore*> out;
  for (const auto& one : all_) out.push_back(&one->store());
  return out;
}

void OpenStores::close() {
  for (const auto& one : all_) one->close();
}

Result<std::unique_ptr<OpenStore>> OpenStore::open(const std::string& url,
                                                   const ports::Clock& clock,
                                                   const OpenStoreOptions& options) {
  HUNT_CHECK(check_store_url(url));
  if (postgres::PostgresUrl::matches(url)) {
    HUNT_TRY(parsed, postgres::PostgresUrl::parse(url));
    postgres::PostgresOptions made;
    made.shard = options.shard;
    made.read_only = options.read_only;
    made.connect_ahead = options.connect_ahead;
    made.seed = options.new_seed;
    HUNT_TRY(store, postgres::PostgresStore::open(parsed, made));
    return std::unique_ptr<OpenStore>(
        std::make_unique<OpenPostgres>(std::move(parsed), clock, std::move(store)));
  }
  HUNT_TRY(path, sqlite_path(url));
  sqlite::SqliteOptions made{path, clock, options.shard, options.read_only, options.new_seed};
  made.feed_for_all = options.feed_for_all;
  HUNT_TRY(store, sqlite::SqliteStore::open(std::move(made)));
  return std::unique_ptr<OpenStore>(std::make_unique<OpenSqlite>(std::move(store)));
}

}  // namespace hunt::apps
