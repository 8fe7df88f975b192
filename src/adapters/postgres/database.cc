#include "adapters/postgres/database.h"

#include <utility>

#include "adapters/postgres/blocking.h"
#include "adapters/postgres/session.h"

namespace hunt::postgres {
namespace {

class DirectDatabase final : public Database {
 public:
  explicit DirectDatabase(const PostgresUrl& url) : url_(url) {}

  [[nodiscard]] std::string shown() const override { return url_.shown(); }
  [[nodiscard]] bool names_its_sessions() const noexcept override { return true; }
  [[nodiscard]] std::shared_ptr<Caller> caller(boost::asio::any_io_executor io,
                                               SessionOptions options) const override {
    return std::make_shared<Session>(std::move(io), url_, std::move(options));
  }
  [[nodiscard]] Result<std::unique_ptr<Conversation>> converse(
      Interrupt& interrupt) const override {
    // A long read is not a hung one.
    HUNT_TRY(opened,
             BlockingConnection::open(
                 url_, {{"application_name", "hunt reads"}, {"options", "-c statement_timeout=0"}},
                 &interrupt));
    return std::unique_ptr<Conversation>(std::make_unique<BlockingConnection>(std::move(opened)));
  }
  [[nodiscard]] Result<void> prepare(const NewStore* fresh, Interrupt* interrupt) const override {
    HUNT_TRY(connection, BlockingConnection::open(url_, {}, interrupt));
    HUNT_CHECK(connection.check_direct());
    return fresh == nullptr ? check_store(connection) : prepare_store(connection, *fresh);
  }
  [[nodiscard]] Result<void> remake(Interrupt& interrupt) const override {
    return remake_parts(url_, interrupt);
  }

 private:
  const PostgresUrl url_;
};

}  // namespace

std::shared_ptr<const Database> database_at(const PostgresUrl& url) {
  return std::make_shared<DirectDatabase>(url);
}

}  // namespace hunt::postgres
