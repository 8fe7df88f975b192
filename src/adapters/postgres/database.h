// Database: how a store reaches its PostgreSQL: over connections of its own, or over a Data API.
//
// Not the store (postgres_store.h), which has the statements. Thread: any; it does not change.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "adapters/postgres/caller.h"
#include "adapters/postgres/conversation.h"
#include "adapters/postgres/interrupt.h"
#include "adapters/postgres/postgres_url.h"
#include "adapters/postgres/schema.h"
#include "base/result.h"

namespace hunt::postgres {

class Database {
 public:
  virtual ~Database() = default;

  // For people, without secrets.
  [[nodiscard]] virtual std::string shown() const = 0;
  // Whether the calls of this process are seen in pg_stat_activity by their names.
  [[nodiscard]] virtual bool names_its_sessions() const noexcept = 0;
  [[nodiscard]] virtual std::shared_ptr<Caller> caller(boost::asio::any_io_executor io,
                                                       SessionOptions options) const = 0;
  // For long reads. Lifetime: the interrupt outlives it.
  [[nodiscard]] virtual Result<std::unique_ptr<Conversation>> converse(
      Interrupt& interrupt) const = 0;

  // Whether there is a store in it; makes or updates it where `fresh` is given and this way can.
  // Errors: those of prepare_store() and check_store().
  [[nodiscard]] virtual Result<void> prepare(const NewStore* fresh, Interrupt* interrupt) const = 0;
  // See remake_parts(). Errors: also unsupported (nothing can be made this way).
  [[nodiscard]] virtual Result<void> remake(Interrupt& interrupt) const = 0;
};

// Over libpq.
[[nodiscard]] std::shared_ptr<const Database> database_at(const PostgresUrl& url);

}  // namespace hunt::postgres
