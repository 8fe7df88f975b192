// PlainConnection: one connection to a PostgreSQL server for statements that somebody else wrote,
// one at a time.
//
// Not for the hunt's own statements (session.h): nothing is prepared ahead and types are those that
// the caller names. Results are text, as sessions in UTC with ISO dates write it. Thread: its
// executor's. Lifetime: made by make_shared; close() before the last owner lets it go.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "adapters/postgres/connect.h"
#include "adapters/postgres/postgres_url.h"
#include "base/result.h"
#include "data_api/field.h"
#include "data_api/result_set.h"

namespace hunt::postgres {

// As whom, and to which database.
struct Login {
  std::string user;
  std::string password;  // empty: that of the URL, if any
  std::string database;
  friend bool operator==(const Login&, const Login&) = default;
};

struct PlainOptions {
  std::chrono::milliseconds statement_time_max{45'000};
  std::chrono::milliseconds idle_in_transaction_max{200'000};  // the server's own look
};

// Why a statement failed, in the server's words.
struct StatementFailure {
  std::string message;  // "ERROR: …; Detail: …; SQLState: 23505"
  std::string state;    // SQLSTATE; empty where the connection was lost
  bool lost = false;    // the connection is gone: nobody knows what the statement did
};
using StatementAnswer = tl::expected<data_api::ResultSet, StatementFailure>;

// What is kept of a result; what is more is read and dropped.
struct KeepMax {
  std::size_t row_bytes = 64 * 1'024;
  std::size_t bytes = 1'024 * 1'024;
};

class PlainConnection : public std::enable_shared_from_this<PlainConnection> {
 public:
  PlainConnection(boost::asio::any_io_executor io, const PostgresUrl& url, Login login,
                  PlainOptions options);
  ~PlainConnection();
  PlainConnection(const PlainConnection&) = delete;
  PlainConnection& operator=(const PlainConnection&) = delete;

  // Errors: those of make_connection().
  [[nodiscard]] boost::asio::awaitable<Result<void>> connect();

  // One statement with one set of parameters, or, with several, all of them as one transaction
  // without rows. Gives up after `patience`: then the connection is lost.
  [[nodiscard]] boost::asio::awaitable<StatementAnswer> run(
      std::string sql, std::vector<std::vector<data_api::Bound>> sets, KeepMax keep,
      std::chrono::milliseconds patience);
  [[nodiscard]] boost::asio::awaitable<StatementAnswer> run(std::string sql);
  // Fills in what the catalogue knows of these columns. What it does not, stays empty.
  [[nodiscard]] boost::asio::awaitable<data_api::ResultSet> describe(data_api::ResultSet result);

  // Looks once whether the database is a hunt's, and its functions are as they were made.
  [[nodiscard]] boost::asio::awaitable<void> look_at_functions();
  // Whether calls of these leave nothing behind in the session, for all that was seen.
  [[nodiscard]] bool knows(const std::vector<std::string>& functions) const noexcept;

  // Whether the next statement can be sent: looks at the socket, which may have been closed.
  [[nodiscard]] bool usable();
  [[nodiscard]] bool in_transaction() const noexcept;
  [[nodiscard]] bool transaction_failed() const noexcept;
  [[nodiscard]] const Login& login() const noexcept { return login_; }
  void close();

 private:
  struct Arguments;

  [[nodiscard]] bool send_one(const std::string& sql,
                              const std::vector<std::vector<data_api::Bound>>& sets);
  [[nodiscard]] bool send_set(const std::string& sql, const Arguments& arguments, bool prepare);
  // Several sets, in pieces; both outlive the call.
  [[nodiscard]] boost::asio::awaitable<bool> send_batch(
      const std::string& sql, const std::vector<std::vector<data_api::Bound>>& sets);
  // Whatever else is ready has its turn. False: the connection is gone, or late.
  [[nodiscard]] boost::asio::awaitable<bool> let_others();
  void flush();
  void watch(std::chrono::milliseconds patience);
  // Nothing came back: what is known of why.
  [[nodiscard]] StatementFailure lost();

  boost::asio::any_io_executor io_;
  const PostgresUrl url_;
  const Login login_;
  const PlainOptions options_;
  OwnedConnection connection_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer watchdog_;
  bool looked_ = false;  // at functions
  bool is_hunt_ = false;
  bool flushing_ = false;
  bool late_ = false;
  bool closed_ = false;
};

}  // namespace hunt::postgres
