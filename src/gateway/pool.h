// Pool: the connections to one database cluster, a bounded number of them, and who waits for one.
//
// Not transactions (gateway.h): who has a connection has it until it gives it back. Connections are
// kept for the next call of the same role and database; where there is no room for another, the one
// idle longest is closed. Thread: its executor's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "adapters/postgres/plain_connection.h"
#include "data_api/refusal.h"
#include "gateway/options.h"

namespace hunt::gateway {

struct PoolFigures {
  std::size_t open = 0;  // connections
  std::size_t idle = 0;
  std::size_t waiting = 0;
  std::uint64_t connects = 0;
  std::uint64_t connect_failures = 0;
  std::uint64_t refused_full = 0;  // nobody gave one back in time, or too many waited
};

class Pool {
 public:
  using Connection = std::shared_ptr<postgres::PlainConnection>;

  // Lifetime: `options` outlives it.
  Pool(boost::asio::any_io_executor io, postgres::PostgresUrl url, const Options& options);

  // A connection for one call. Errors: service_unavailable (all are in use, and none came back in
  // time; at once where `may_wait` is not set), database_unavailable, database_error (the server
  // lets nobody in by that name).
  [[nodiscard]] boost::asio::awaitable<data_api::Answer<Connection>> take(postgres::Login login,
                                                                          bool may_wait);
  // For the next one; one that is closed or in a transaction is let go.
  void give_back(Connection connection);

  // The right to hold a connection for long, as transactions do; it ends with its last copy. Of
  // eight connections one is kept for calls that do not, and of two or more at least one. Null: no
  // more may.
  using Place = std::shared_ptr<void>;
  [[nodiscard]] Place long_place();

  // Closes what has been idle too long, and tries again where nobody answered. Once a second.
  void look(std::chrono::steady_clock::time_point now);
  // Whoever has a connection sees it closed.
  void close();

  // Why nothing can be had: nobody answers there.
  [[nodiscard]] const std::string& trouble() const noexcept { return trouble_; }
  [[nodiscard]] PoolFigures figures() const noexcept;
  // The database that is used where a request names none.
  [[nodiscard]] const std::string& database() const noexcept { return database_; }

 private:
  struct Idle {
    Connection connection;
    std::chrono::steady_clock::time_point since;
  };
  struct Waiter {
    explicit Waiter(const boost::asio::any_io_executor& io) : timer(io) {}
    boost::asio::steady_timer timer;
    bool called = false;
  };

  // Connections that can be had now and are promised to nobody.
  [[nodiscard]] bool has_room() const noexcept;
  [[nodiscard]] boost::asio::awaitable<bool> wait_for_turn();
  [[nodiscard]] boost::asio::awaitable<data_api::Answer<Connection>> make(postgres::Login login);
  [[nodiscard]] boost::asio::awaitable<void> try_again(postgres::Login login);
  [[nodiscard]] Connection idle_for(const postgres::Login& login);
  void call_next();
  [[nodiscard]] tl::unexpected<data_api::Refusal> full();

  boost::asio::any_io_executor io_;
  const postgres::PostgresUrl url_;
  std::string database_;
  const Options& options_;
  std::list<Idle> idle_;  // used last comes last
  std::set<Connection> lent_;
  std::list<Waiter*> waiters_;
  std::size_t open_ = 0;  // in use and idle
  std::size_t held_long_ = 0;
  std::size_t promised_ = 0;  // to waiters that are called and have not come yet
  std::optional<postgres::Login> tried_last_;
  std::string trouble_;
  bool trying_ = false;
  bool closed_ = false;
  PoolFigures figures_;
};

}  // namespace hunt::gateway
