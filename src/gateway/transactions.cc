#include "gateway/transactions.h"

#include <fmt/format.h>

#include <utility>

#include "base/random_bytes.h"
#include "base/text.h"

namespace hunt::gateway {

using data_api::Failure;
using data_api::refuse;

std::shared_ptr<Transaction> Transactions::begin(Transaction transaction) {
  transaction.id = to_hex(random_bytes<32>());
  transaction.begun = transaction.used = std::chrono::steady_clock::now();
  auto made = std::make_shared<Transaction>(std::move(transaction));
  open_.emplace(made->id, made);
  return made;
}

data_api::Answer<std::shared_ptr<Transaction>> Transactions::use(const data_api::Request& request) {
  const auto found = open_.find(request.transaction);
  if (found == open_.end()) {
    return refuse(Failure::transaction_not_found,
                  fmt::format("Transaction {} is not found", printable(request.transaction, 192)));
  }
  auto& transaction = *found->second;
  if (transaction.resource != request.resource || transaction.secret != request.secret) {
    return refuse(Failure::bad_request,
                  "The transaction was begun with another resourceArn or secretArn");
  }
  if (!request.database.empty() && request.database != transaction.database) {
    return refuse(Failure::bad_request, "Database name is not the same as transaction's");
  }
  if (transaction.busy) {
    return refuse(Failure::database_error, "Transaction is still running a query");
  }
  transaction.busy = true;
  return found->second;
}

void Transactions::rest(Transaction& transaction) {
  transaction.busy = false;
  transaction.used = std::chrono::steady_clock::now();
}

void Transactions::look(std::chrono::steady_clock::time_point now) {
  for (auto at = open_.begin(); at != open_.end();) {
    auto& one = *at->second;
    const bool idle = !one.busy && one.used + options_.transaction_idle_max <= now;
    const bool old = one.begun + options_.transaction_time_max <= now;
    if (!idle && !old) {
      ++at;
      continue;
    }
    ++expired_;
    one.connection->close();  // the server rolls back
    if (!one.busy) one.pool->give_back(std::move(one.connection));
    at = open_.erase(at);
  }
}

void Transactions::close() {
  for (auto& [id, one] : open_) {
    one->connection->close();
    if (!one->busy) one->pool->give_back(std::move(one->connection));
  }
  open_.clear();
}

}  // namespace hunt::gateway
