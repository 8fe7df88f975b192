// Transactions: those that clients have open, each with a connection of its own.
//
// Not SQL: who commits is gateway.h. One that nobody calls for three minutes is rolled back by
// closing its connection, and so is one after 24 hours. Thread: its executor's.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "data_api/refusal.h"
#include "data_api/request.h"
#include "gateway/pool.h"

namespace hunt::gateway {

struct Transaction {
  std::string id;
  std::string resource;
  std::string secret;
  std::string database;
  Pool* pool = nullptr;
  Pool::Connection connection;
  Pool::Place place;
  std::chrono::steady_clock::time_point begun;
  std::chrono::steady_clock::time_point used;
  bool busy = false;           // a statement is under way
  bool marks_session = false;  // something may be left behind in its session
};

class Transactions {
 public:
  // Lifetime: `options` outlives it.
  explicit Transactions(const Options& options) : options_(options) {}

  // Sets id and times.
  std::shared_ptr<Transaction> begin(Transaction transaction);
  // The one of a request, which is busy from now on. Errors: transaction_not_found, bad_request (of
  // another resource, secret or database), database_error (busy).
  [[nodiscard]] data_api::Answer<std::shared_ptr<Transaction>> use(
      const data_api::Request& request);
  // A statement is done.
  void rest(Transaction& transaction);
  // It is over; what becomes of its connection is the caller's.
  void forget(const Transaction& transaction) { open_.erase(transaction.id); }

  // Ends those whose time is over. Returns nothing: their connections are closed and given back.
  void look(std::chrono::steady_clock::time_point now);
  void close();

  [[nodiscard]] std::size_t size() const noexcept { return open_.size(); }
  [[nodiscard]] std::uint64_t expired() const noexcept { return expired_; }

 private:
  const Options& options_;
  std::map<std::string, std::shared_ptr<Transaction>, std::less<>> open_;
  std::uint64_t expired_ = 0;
};

}  // namespace hunt::gateway
