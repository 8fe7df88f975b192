// OpenStore: the store behind one --store flag, with its change feed, whichever kind it is.
//
// Not a port. The only place that knows which URL opens which adapter.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
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

// Checks the URL as far as that needs no opening. Errors: invalid_argument, which show no password.
[[nodiscard]] Result<void> check_store_url(const std::string& url);
// "sqlite:FILE" to FILE. Errors: invalid_argument.
[[nodiscard]] Result<std::string> sqlite_path(const std::string& url);
// For people: without user and password.
[[nodiscard]] std::string shown_store(const std::string& url);

// What the flag says in --help.
inline constexpr const char* store_help = "The truth: sqlite:FILE or postgres://HOST:PORT/DATABASE";

}  // namespace hunt::apps
