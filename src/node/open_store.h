// OpenStore: the store behind one --store flag, with its change feed, whichever kind it is.
// OpenStores: those of all flags, shard 0 first, with the map that they agree on.
//
// Not ports. The only place that knows which URL opens which adapter.
#pragma once
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/postgres/interrupt.h"
#include "base/result.h"
#include "model/hunt.h"
#include "model/hunt_owner.h"
#include "model/shard_map.h"
#include "node/store_url.h"
#include "ports/change_feed.h"
#include "ports/clock.h"
#include "ports/hunt_store.h"

namespace hunt::node {

// For whoever serves: a shard that is there opens within milliseconds, a far or busy one within
// seconds.
inline constexpr std::chrono::milliseconds wait_for_shards(5'000);

struct OpenStoreOptions {
  std::uint32_t shard = 0;
  bool read_only = false;                                     // it must be there already
  std::optional<std::array<std::uint8_t, 32>> new_seed = {};  // of a store made now
  // Whoever takes the feed tells the changes to other processes, too: one at a time. PostgreSQL's
  // feed is always so.
  bool feed_for_all = false;
  bool connect_ahead = false;  // for whoever serves: the first player waits for no connection
  std::size_t grant_connections = 2;  // of PostgreSQL
  // How long to wait for a shard behind the first one; then it opens later. 0: all must be open.
  std::chrono::milliseconds wait_for_shards{0};
  postgres::Interrupt* interrupt = nullptr;  // ends the opening. Lifetime: outlives the store
  // Without it the map and the hunt are not set right, and the map is not looked at.
  bool agree_on_map = true;
  std::string hunt = {};  // see service::agree_on_hunt(); empty: any hunt's stores will do
};

class OpenStore {
 public:
  // Lifetime: `clock` outlives the store.
  [[nodiscard]] static Result<std::unique_ptr<OpenStore>> open(const StoreUrl& url,
                                                               const ports::Clock& clock,
                                                               const OpenStoreOptions& options);
  virtual ~OpenStore() = default;
  OpenStore(const OpenStore&) = delete;
  OpenStore& operator=(const OpenStore&) = delete;

  [[nodiscard]] virtual ports::HuntStore& store() noexcept = 0;
  // Of PostgreSQL it holds the slot from the first call on: for whoever relays.
  [[nodiscard]] virtual ports::ChangeFeed& feed() = 0;
  virtual void close() = 0;
  // Why it cannot be asked yet; empty: it can.
  [[nodiscard]] virtual std::string waits_for() const { return {}; }

 protected:
  OpenStore() = default;
};

class OpenStores {
 public:
  OpenStores() = default;
  // Closes them: one that still opens asks the first one.
  ~OpenStores() { close(); }
  OpenStores(OpenStores&&) = default;
  OpenStores& operator=(OpenStores&&) = delete;

  // Opens them in order and agrees on the hunt and the map; a shard made now gets the event seed of
  // shard 0. `options.shard` is set by the place in the list. Lifetime: `clock` outlives the
  // stores. Errors: those of OpenStore::open(), service::agree_on_hunt() and agree_on_map(). With
  // `options.wait_for_shards` a shard that is lost or slow is no error: all its calls are
  // `unavailable` until it is open. The first one has to be: it says whose hunt this is.
  [[nodiscard]] static Result<OpenStores> open(const std::vector<StoreUrl>& urls,
                                               const ports::Clock& clock, OpenStoreOptions options);

  [[nodiscard]] std::size_t count() const noexcept { return all_.size(); }
  [[nodiscard]] OpenStore& shard(std::size_t number) { return *all_.at(number); }
  // By shard, whole or as one of the four parts.
  template <class Part = ports::HuntStore>
  [[nodiscard]] std::vector<Part*> stores() {
    std::vector<Part*> out;
    for (const auto& one : all_) out.push_back(&one->store());
    return out;
  }
  [[nodiscard]] const model::ShardMap& map() const noexcept { return map_; }
  [[nodiscard]] const model::Hunt& hunt() const noexcept { return hunt_; }
  // Whose they are, as shared servers are told it.
  [[nodiscard]] model::HuntOwner owner() const;
  // By shard: why it cannot be asked yet; empty: it can.
  [[nodiscard]] std::vector<std::string> waits_for() const;
  // May be called twice, and while calls are under way, which it ends.
  void close();

 private:
  [[nodiscard]] Result<void> open_first(const StoreUrl& url, const ports::Clock& clock,
                                        OpenStoreOptions& options, bool several);
  [[nodiscard]] Result<void> open_others(const std::vector<StoreUrl>& urls,
                                         const ports::Clock& clock, OpenStoreOptions options);
  [[nodiscard]] Result<void> open_others_later(const std::vector<StoreUrl>& urls,
                                               const ports::Clock& clock, OpenStoreOptions options);
  [[nodiscard]] Result<void> agree_on_map(const OpenStoreOptions& options);

  std::vector<std::unique_ptr<OpenStore>> all_;
  model::ShardMap map_;
  model::Hunt hunt_;
  std::string shown_;  // without secrets
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

// Closes the stores after so long, unless it is destroyed before: then whatever still waits for one
// of them is answered, so a shard that hangs keeps nobody longer. Lifetime: the stores outlive it.
class CloseAfter {
 public:
  CloseAfter(OpenStores& stores, std::chrono::nanoseconds pause);

 private:
  std::jthread thread_;
};

// Says to people what is unwise about these stores, though they can be opened.
void print_remarks(const std::vector<StoreUrl>& urls);

}  // namespace hunt::node
