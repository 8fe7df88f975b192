// OpenStore: the store behind one --store flag, with its change feed, whichever kind it is.
// OpenStores: those of all flags, shard 0 first, with the map that they agree on.
//
// Not ports. The only place that knows which URL opens which adapter.
#pragma once
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/shard_map.h"
#include "ports/change_feed.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"

namespace hunt::apps {

struct OpenStoreOptions {
  std::uint32_t shard = 0;
  bool read_only = false;                                     // it must be there already
  std::optional<std::array<std::uint8_t, 32>> new_seed = {};  // of a store made now
  // Whoever takes the feed tells the changes to other processes, too: one at a time. PostgreSQL's
  // feed is always so.
  bool feed_for_all = false;
  bool connect_ahead = false;  // for whoever serves: the first player waits for no connection
  bool agree_on_map = true;    // of several: without it the map is not looked at, nor set right
};

class OpenStore {
 public:
  // Lifetime: `clock` outlives the store.
  [[nodiscard]] static Result<std::unique_ptr<OpenStore>> open(const std::string& url,
                                                               const ports::Clock& clock,
                                                               const OpenStoreOptions& options);
  virtual ~OpenStore() = default;
  OpenStore(const OpenStore&) = delete;
  OpenStore& operator=(const OpenStore&) = delete;

  [[nodiscard]] virtual ports::HuntStore& store() noexcept = 0;
  // Of PostgreSQL it holds the slot from the first call on: for whoever relays.
  [[nodiscard]] virtual ports::ChangeFeed& feed() = 0;
  virtual void close() = 0;

 protected:
  OpenStore() = default;
};

class OpenStores {
 public:
  // Opens them in order and agrees on the map; a shard made now gets the event seed of shard 0.
  // `options.shard` is set by the place in the list. Lifetime: `clock` outlives the stores. Errors:
  // those of OpenStore::open() and service::agree_on_map().
  [[nodiscard]] static Result<OpenStores> open(const std::vector<std::string>& urls,
                                               const ports::Clock& clock, OpenStoreOptions options);

  [[nodiscard]] std::size_t count() const noexcept { return all_.size(); }
  [[nodiscard]] OpenStore& shard(std::size_t number) { return *all_.at(number); }
  // By shard.
  [[nodiscard]] std::vector<ports::HuntStore*> stores();
  [[nodiscard]] const model::ShardMap& map() const noexcept { return map_; }
  void close();

 private:
  std::vector<std::unique_ptr<OpenStore>> all_;
  model::ShardMap map_;
};

// Runs one call of a store to its end, here, while no lane does.
template <class T>
Result<T> run_here(boost::asio::awaitable<Result<T>> call) {
  std::optional<Result<T>> out;
  boost::asio::io_context context;
  boost::asio::co_spawn(context, std::move(call),
                        [&out](std::exception_ptr failure, Result<T> one) {
                          if (failure) std::rethrow_exception(failure);
                          out.emplace(std::move(one));
                        });
  context.run();
  return std::move(*out);
}

// Checks all of them, and that several are of a kind that can be a shard. Errors: invalid_argument,
// which show no password.
[[nodiscard]] Result<void> check_store_urls(const std::vector<std::string>& urls);
// Checks the URL as far as that needs no opening. Errors: invalid_argument, which show no password.
[[nodiscard]] Result<void> check_store_url(const std::string& url);
// Whether it begins as the URL of a store does; the rest may be anything.
[[nodiscard]] bool has_store_scheme(std::string_view text);
// "sqlite:FILE" to FILE. Errors: invalid_argument.
[[nodiscard]] Result<std::string> sqlite_path(const std::string& url);
// For people: without user and password.
[[nodiscard]] std::string shown_store(const std::string& url);
[[nodiscard]] std::string shown_stores(const std::vector<std::string>& urls);

// What the flag says in --help.
inline constexpr const char* store_help =
    "The truth: sqlite:FILE or postgres://HOST:PORT/DATABASE; of several shards, once for each, in "
    "order";

}  // namespace hunt::apps
