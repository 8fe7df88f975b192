#include "adapters/postgres/data_api_database.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "adapters/postgres/data_api_client.h"
#include "adapters/postgres/data_api_session.h"
#include "adapters/postgres/data_api_sql.h"
#include "adapters/postgres/schema_parts.h"
#include "data_api/client_reply.h"

namespace hunt::postgres {
namespace {

using data_api::Operation;

constexpr std::size_t grant_requests_at_once = 2;  // of each of the store's connections for grants
constexpr std::size_t read_requests_at_once = 4;
// The longest row has two kilobytes, and an answer a megabyte.
constexpr int rows_per_fetch = 400;
constexpr const char* cursor = "hunt_rows";

class DataApiConversation final : public Conversation {
 public:
  DataApiConversation(std::shared_ptr<DataApiAccess> access, Interrupt* interrupt) {
    DataApiClientOptions options;
    options.at_once = 1;
    options.interrupt = interrupt;
    options.answer_within = std::chrono::seconds(50);  // the service gives a statement 45
    client_ = std::make_shared<DataApiClient>(io_.get_executor(), std::move(access), options);
  }
  ~DataApiConversation() override {
    if (!request_.transaction.empty()) (void)run(client_->ask(Operation::rollback, request_));
    client_->close();
    io_.restart();
    io_.run();
  }
  DataApiConversation(const DataApiConversation&) = delete;
  DataApiConversation& operator=(const DataApiConversation&) = delete;

  [[nodiscard]] Result<Rows> query(const std::string& sql, const Params& params = {}) override {
    data_api::Request request = request_;
    request.sql = named_sql(sql, params);
    request.sets.push_back(named_params(params));
    request.result.long_strings = true;
    HUNT_TRY(answer, run(client_->ask(Operation::execute, std::move(request))));
    auto read = data_api::read_rows(answer.body);
    if (read) return rows_of(*read);
    return fail(read.error().code, fmt::format("{}: {}", shown(), read.error().message));
  }
  [[nodiscard]] Result<void> begin_snapshot() override {
    HUNT_TRY(begun, run(client_->ask(Operation::begin, request_)));
    HUNT_TRY(transaction, data_api::read_transaction(begun.body));
    request_.transaction = transaction;
    HUNT_CHECK(query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"));
    return {};
  }
  [[nodiscard]] const std::string& shown() const noexcept override { return client_->shown(); }

 protected:
  [[nodiscard]] Result<void> begin_stream(const std::string& sql) override {
    HUNT_CHECK(query(fmt::format("DECLARE {} NO SCROLL CURSOR FOR {}", cursor, sql)));
    return {};
  }
  [[nodiscard]] Result<Rows> next_of_stream() override {
    HUNT_TRY(rows, query(fmt::format("FETCH {} FROM {}", rows_per_fetch, cursor)));
    if (rows.size() == 0) HUNT_CHECK(query(fmt::format("CLOSE {}", cursor)));
    return rows;
  }

 private:
  template <class T>
  Result<T> run(boost::asio::awaitable<Result<T>> call) {
    std::optional<Result<T>> out;
    auto done = [&out](const std::exception_ptr& thrown, Result<T> result) {
      out.emplace(thrown ? fail(Errc::internal, "an exception in the store; please report")
                         : std::move(result));
    };
    boost::asio::co_spawn(io_, std::move(call), std::move(done));
    io_.restart();
    while (!out) io_.run_one();
    return std::move(*out);
  }

  boost::asio::io_context io_{1};
  std::shared_ptr<DataApiClient> client_;
  data_api::Request request_;  // with the transaction, while there is one
};

class DataApiDatabase final : public Database {
 public:
  explicit DataApiDatabase(std::shared_ptr<DataApiAccess> access) : access_(std::move(access)) {}

  [[nodiscard]] std::string shown() const override { return access_->url().shown(); }
  [[nodiscard]] bool names_its_sessions() const noexcept override { return false; }
  [[nodiscard]] std::shared_ptr<Caller> caller(boost::asio::any_io_executor io,
                                               SessionOptions options) const override {
    DataApiClientOptions made;
    made.at_once = options.writes ? grant_requests_at_once : read_requests_at_once;
    if (!options.repeatable) made.at_once = 1;
    made.writes = options.writes;
    made.repeatable = options.repeatable;
    made.seed = options.seed;
    auto client = std::make_shared<DataApiClient>(std::move(io), access_, made);
    return std::make_shared<DataApiSession>(std::move(client), options);
  }
  [[nodiscard]] Result<std::unique_ptr<Conversation>> converse(
      Interrupt& interrupt) const override {
    return std::unique_ptr<Conversation>(
        std::make_unique<DataApiConversation>(access_, &interrupt));
  }
  [[nodiscard]] Result<void> prepare(const NewStore* fresh, Interrupt* interrupt) const override {
    DataApiConversation talk(access_, interrupt);
    auto checked = check_store(talk);
    if (!checked) {
      Error error = std::move(checked.error());
      const bool lacks = error.code == Errc::not_found || error.code == Errc::unsupported;
      if (lacks) error.message += fmt::format("; {}", needs_postgres);
      return tl::unexpected<Error>(std::move(error));
    }
    if (fresh != nullptr) return check_shard(talk, fresh->shard);
    return {};
  }
  [[nodiscard]] Result<void> remake(Interrupt& interrupt) const override {
    DataApiConversation talk(access_, &interrupt);
    HUNT_TRY(rows, talk.query(list_parts_sql));
    const auto missing = missing_parts(rows);
    if (missing.empty()) return {};  // somebody has made it again
    return fail(Errc::corrupt, fmt::format("missing or changed in {}: {}; {}", talk.shown(),
                                           postgres::shown(missing), needs_postgres));
  }

 private:
  const std::shared_ptr<DataApiAccess> access_;
};

}  // namespace

Result<std::shared_ptr<const Database>> database_at(const DataApiUrl& url,
                                                    data_api::Environment environment) {
  HUNT_TRY(access, DataApiAccess::make(url, std::move(environment)));
  return std::shared_ptr<const Database>(std::make_shared<DataApiDatabase>(std::move(access)));
}

}  // namespace hunt::postgres
