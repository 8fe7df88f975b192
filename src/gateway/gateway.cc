#include "gateway/gateway.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "data_api/reply.h"

namespace hunt::gateway {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using data_api::Answer;
using data_api::Failure;
using data_api::Operation;
using data_api::Refusal;
using data_api::refuse;
using data_api::Request;
using postgres::StatementAnswer;
using SteadyClock = std::chrono::steady_clock;

// Longer than the server's own limit: then the server or the way to it hangs.
constexpr std::chrono::seconds grace(5);
constexpr const char* any_resource = "*";
// A batch sends its statement again for each change of types.
constexpr std::size_t prepared_bytes_max = 8 * 1'024 * 1'024;
// Sets that are bound in one go: others have their turn in between.
constexpr std::size_t batch_piece = 500;
constexpr std::array<std::string_view, 4> reading_words = {"select", "values", "table", "show"};

std::int64_t ns_since(SteadyClock::time_point from) {
  return (SteadyClock::now() - from) / std::chrono::nanoseconds(1);
}

std::int64_t wall_us() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::microseconds(1);
}

// What becomes of a statement that failed. Whoever calls knows whether it was in a transaction, of
// which nothing is left when the connection is.
Refusal refusal_of(const postgres::StatementFailure& failure, bool in_transaction, bool late) {
  if (failure.state == "57014" && late) return {Failure::statement_timeout, "Request timed out"};
  if (!failure.lost) return {Failure::database_error, failure.message};
  if (in_transaction) {
    return {
        Failure::database_error,
        fmt::format("ERROR: {}; the transaction is rolled back; SQLState: 08006", failure.message)};
  }
  // Not an error that clients repeat by themselves: it may have been done.
  return {Failure::database_error,
          fmt::format("ERROR: {}; whether the statement took effect is not known; SQLState: 08007",
                      failure.message)};
}

}  // namespace

// A connection while a statement runs on it. When the last owner lets it go, it returns to its
// transaction or to its pool.
class Gateway::Hold {
 public:
  Hold(Gateway& gateway, Pool* pool, Pool::Connection connection,
       std::shared_ptr<Transaction> transaction)
      : gateway_(gateway),
        pool_(pool),
        connection_(std::move(connection)),
        transaction_(std::move(transaction)) {}
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() {
    if (!connection_) return;
    if (!settled_) connection_->close();  // nobody knows what is under way on it
    if (transaction_) {
      gateway_.transactions_.rest(*transaction_);
      if (connection_->usable() && connection_->in_transaction()) return;
      gateway_.transactions_.forget(*transaction_);
      marks_session_ = transaction_->marks_session;
    }
    let_go();
  }

  [[nodiscard]] postgres::PlainConnection& connection() const noexcept { return *connection_; }
  [[nodiscard]] bool in_transaction() const noexcept { return transaction_ != nullptr; }
  // A statement is sent; `settle()` when it is answered.
  void begin(bool marks_session) noexcept {
    settled_ = false;
    marks_session_ = marks_session_ || marks_session;
    if (transaction_) transaction_->marks_session = transaction_->marks_session || marks_session;
  }
  void settle() noexcept { settled_ = true; }
  // It may take long.
  void keep(Pool::Place place) noexcept { place_ = std::move(place); }
  // It goes on as a transaction's.
  [[nodiscard]] Pool::Connection take() noexcept { return std::move(connection_); }
  [[nodiscard]] Pool::Place take_place() noexcept { return std::move(place_); }

 private:
  void let_go() {
    const bool clean = !marks_session_ || gateway_.closed_ || !connection_->usable() ||
                       connection_->in_transaction();
    if (clean) return pool_->give_back(std::move(connection_));
    auto cleaning = gateway_.clean(pool_, std::move(connection_));
    asio::co_spawn(gateway_.io_, std::move(cleaning), [](const std::exception_ptr&) {});
  }

  Gateway& gateway_;
  Pool* pool_;
  Pool::Connection connection_;
  std::shared_ptr<Transaction> transaction_;
  Pool::Place place_;
  bool settled_ = true;
  bool marks_session_ = false;
};

// A statement that goes on when its caller has been told that it takes too long.
struct Gateway::Running {
  explicit Running(const asio::any_io_executor& io) : timer(io) {}
  asio::steady_timer timer;
  std::optional<StatementAnswer> answer;
};

Gateway::Gateway(asio::any_io_executor io, const Options& options)
    : io_(std::move(io)),
      options_(options),
      verifier_(options.keys.access_keys, "rds-data", options.region),
      transactions_(options) {
  for (const auto& [arn, url] : options_.resources) {
    pools_.emplace(arn, std::make_unique<Pool>(io_, url, options_));
  }
  if (options_.any_resource) {
    pools_.emplace(any_resource, std::make_unique<Pool>(io_, *options_.any_resource, options_));
  }
}

Gateway::~Gateway() = default;

awaitable<Reply> Gateway::answer(data_api::WireRequest request, bool repeated) {
  const auto from = SteadyClock::now();
  Call call;
  call.repeated = repeated;
  const auto operation = data_api::operation_of(request.path);
  const auto key = verifier_.verify(request, wall_us());
  Answer<std::string> answer = tl::unexpected<Refusal>(Refusal());
  if (!key) {
    answer = tl::unexpected<Refusal>(key.error());
  } else if (!operation || request.method != "POST") {
    answer = refuse(Failure::unknown_operation,
                    request.path == "/ExecuteSql"
                        ? "ExecuteSql is removed; use ExecuteStatement or BatchExecuteStatement"
                        : "There is no such operation; see docs/DATA_API.md");
  } else {
    answer = co_await perform(*operation, **key, request.body, call);
    call.spent.ended = SteadyClock::now();
    call.spent.total_ns = (call.spent.ended - from) / std::chrono::nanoseconds(1);
    figures_.seconds[static_cast<std::size_t>(*operation)].record(call.spent.total_ns);
    times_.add(call.spent);
  }
  auto& counts =
      figures_
          .requests[operation ? static_cast<std::size_t>(*operation) : data_api::operation_count];
  Reply reply;
  if (answer) {
    ++counts[data_api::failure_count];
    reply.body = std::move(*answer);
  } else {
    ++counts[static_cast<std::size_t>(answer.error().failure)];
    reply.failure = answer.error().failure;
    reply.body = data_api::body_of(answer.error());
  }
  co_return reply;
}

awaitable<Answer<std::string>> Gateway::perform(Operation operation, const data_api::AccessKey& key,
                                                std::string_view body, Call& call) {
  auto request = data_api::read_request(operation, body);
  if (!request) co_return tl::unexpected<Refusal>(std::move(request.error()));
  const auto& allowed = key.secrets;
  if (!allowed.empty() &&
      std::find(allowed.begin(), allowed.end(), request->secret) == allowed.end()) {
    co_return refuse(Failure::access_denied,
                     fmt::format("The access key {} is not authorized to use the secret {}",
                                 printable(key.id), printable(request->secret, 570)));
  }
  switch (operation) {
    case Operation::execute:
      co_return co_await statement(std::move(*request), false, call);
    case Operation::batch_execute:
      co_return co_await statement(std::move(*request), true, call);
    case Operation::begin:
      co_return co_await begin(std::move(*request), call);
    case Operation::commit:
      co_return co_await end(std::move(*request), true, call);
    case Operation::rollback:
      break;
  }
  co_return co_await end(std::move(*request), false, call);
}

Answer<Pool*> Gateway::pool_of(const std::string& resource) {
  auto found = pools_.find(resource);
  if (found == pools_.end() || resource == any_resource) found = pools_.find(any_resource);
  if (found != pools_.end()) return found->second.get();
  return refuse(Failure::database_not_found,
                fmt::format("There is no resource {} here; the gateway has those of its --resource",
                            printable(resource, 570)));
}

Answer<postgres::Login> Gateway::login_of(const Request& request) const {
  const auto found = options_.keys.secrets.find(request.secret);
  if (found == options_.keys.secrets.end()) {
    return refuse(Failure::secrets_error,
                  fmt::format("There is no secret {} here; the gateway has those of its --keys",
                              printable(request.secret, 570)));
  }
  return postgres::Login{found->second.user, found->second.password, request.database};
}

awaitable<Answer<std::shared_ptr<Gateway::Hold>>> Gateway::hold(const Request& request,
                                                                Call& call) {
  if (!request.transaction.empty()) {
    auto transaction = transactions_.use(request);
    if (!transaction) co_return tl::unexpected<Refusal>(std::move(transaction.error()));
    auto& one = **transaction;
    call.spent.pool = one.pool;
    co_return std::make_shared<Hold>(*this, one.pool, one.connection, *transaction);
  }
  const auto pool = pool_of(request.resource);
  if (!pool) co_return tl::unexpected<Refusal>(pool.error());
  call.spent.pool = *pool;
  auto login = login_of(request);
  if (!login) co_return tl::unexpected<Refusal>(std::move(login.error()));
  // A transaction begins, or a statement without a limit.
  Pool::Place place;
  if (request.sql.empty() || request.continue_after_timeout) {
    place = (*pool)->long_place();
    if (!place) {
      co_return refuse(Failure::service_unavailable,
                       "Transactions hold all the connections that they may have; try again later");
    }
  }
  const auto from = SteadyClock::now();
  auto connection = co_await (*pool)->take(std::move(*login), !call.repeated);
  call.spent.pool_ns = ns_since(from);
  figures_.waited.record(call.spent.pool_ns);
  if (!connection) co_return tl::unexpected<Refusal>(std::move(connection.error()));
  auto hold = std::make_shared<Hold>(*this, *pool, std::move(*connection), nullptr);
  hold->keep(std::move(place));
  co_return hold;
}

awaitable<StatementAnswer> Gateway::run(std::shared_ptr<Hold> hold, std::string sql, Sets sets,
                                        data_api::ResultOptions options, bool without_limit) {
  postgres::KeepMax keep;
  keep.row_bytes = data_api::row_bytes_max;
  keep.bytes = options.as_json ? data_api::formatted_bytes_max : data_api::response_bytes_max;
  const auto patience =
      without_limit ? options_.transaction_time_max : options_.statement_time_max + grace;
  auto& connection = hold->connection();
  auto answer = co_await connection.run(std::move(sql), std::move(sets), keep, patience);
  if (answer && options.metadata && !options.as_json && answer->has_rows && connection.usable()) {
    answer = co_await connection.describe(std::move(*answer));
  }
  // What libpq has taken for it once, it keeps.
  if (answer && answer->row_too_large && !hold->in_transaction()) connection.close();
  co_return answer;
}

awaitable<void> Gateway::run_on(std::shared_ptr<Running> running, std::shared_ptr<Hold> hold,
                                std::string sql, Sets sets, data_api::ResultOptions options) {
  const bool failed = hold->connection().transaction_failed();
  if (!failed) (void)co_await hold->connection().run("SET statement_timeout = 0");
  running->answer = co_await run(hold, std::move(sql), std::move(sets), options, true);
  const bool can_reset = hold->connection().usable() && !hold->connection().transaction_failed();
  if (can_reset) (void)co_await hold->connection().run("RESET statement_timeout");
  hold->settle();
  hold.reset();
  running->timer.cancel();
}

awaitable<std::optional<StatementAnswer>> Gateway::run_in_time(std::shared_ptr<Hold> hold,
                                                               std::string sql, Sets sets,
                                                               Request request) {
  if (!request.continue_after_timeout) {
    auto answer = co_await run(hold, std::move(sql), std::move(sets), request.result, false);
    hold->settle();
    co_return answer;
  }
  const auto running = std::make_shared<Running>(io_);
  running->timer.expires_after(options_.statement_time_max);
  asio::co_spawn(io_,
                 run_on(running, std::move(hold), std::move(sql), std::move(sets), request.result),
                 [](const std::exception_ptr&) {});
  boost::system::error_code ignored;
  co_await running->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return std::move(running->answer);
}

awaitable<Answer<std::string>> Gateway::statement(Request request, bool batch, Call& call) {
  auto sql = data_api::read_sql(request.sql);
  if (!sql) co_return tl::unexpected<Refusal>(std::move(sql.error()));
  if (sql->controls_transaction) {
    co_return refuse(Failure::bad_request,
                     "Transactions begin and end with BeginTransaction, CommitTransaction and "
                     "RollbackTransaction, not with a statement");
  }
  Sets sets;
  for (const auto& set : request.sets) {
    auto bound = data_api::bind(*sql, set);
    if (!bound) co_return tl::unexpected<Refusal>(std::move(bound.error()));
    sets.push_back(std::move(*bound));
    if (sets.size() % batch_piece == 0) co_await asio::post(io_, asio::use_awaitable);
  }
  const std::size_t count = request.sets.size();
  request.sets.clear();
  if (count == 0) co_return data_api::batch_reply(0);
  if (data_api::settle_types(sets) * sql->text.size() > prepared_bytes_max) {
    co_return refuse(Failure::bad_request,
                     "The types of the parameters change too often from set to set; give each "
                     "parameter one type, or send fewer sets");
  }
  auto held = co_await hold(request, call);
  if (!held) co_return tl::unexpected<Refusal>(std::move(held.error()));
  const bool in_transaction = (*held)->in_transaction();
  const data_api::ResultOptions options = request.result;
  const bool known = (*held)->connection().knows(sql->calls);
  (*held)->begin(sql->marks_session || !known || request.continue_after_timeout);
  const auto from = SteadyClock::now();
  const auto answer =
      co_await run_in_time(std::move(*held), std::move(sql->text), std::move(sets), request);
  call.spent.database_ns = ns_since(from);
  if (!answer) co_return refuse(Failure::statement_timeout, "Request timed out");
  const bool late = SteadyClock::now() - from >= options_.statement_time_max;
  if (!*answer) {
    co_return tl::unexpected<Refusal>(refusal_of(answer->error(), in_transaction, late));
  }
  if (batch) co_return data_api::batch_reply(count);
  auto reply = data_api::execute_reply(**answer, options);
  const bool reads =
      std::find(reading_words.begin(), reading_words.end(), sql->first_word) != reading_words.end();
  if (!reply && !in_transaction && !reads) {
    reply.error().message += "; the statement took effect, only its rows cannot be told";
  }
  co_return reply;
}

awaitable<Answer<std::string>> Gateway::begin(Request request, Call& call) {
  auto held = co_await hold(request, call);
  if (!held) co_return tl::unexpected<Refusal>(std::move(held.error()));
  auto& one = **held;
  one.begin(false);
  const auto from = SteadyClock::now();
  const auto begun = co_await one.connection().run("BEGIN");
  call.spent.database_ns = ns_since(from);
  one.settle();
  if (!begun) co_return tl::unexpected<Refusal>(refusal_of(begun.error(), true, false));
  Transaction transaction;
  transaction.resource = std::move(request.resource);
  transaction.secret = std::move(request.secret);
  transaction.database = one.connection().login().database;
  transaction.pool = *pool_of(transaction.resource);
  transaction.connection = one.take();
  transaction.place = one.take_place();
  co_return data_api::begin_reply(transactions_.begin(std::move(transaction))->id);
}

awaitable<Answer<std::string>> Gateway::end(Request request, bool commit, Call& call) {
  auto held = co_await hold(request, call);
  if (!held) co_return tl::unexpected<Refusal>(std::move(held.error()));
  auto& one = **held;
  const bool failed = one.connection().transaction_failed();
  one.begin(false);
  const auto from = SteadyClock::now();
  const auto ended = co_await one.connection().run(commit && !failed ? "COMMIT" : "ROLLBACK");
  call.spent.database_ns = ns_since(from);
  one.settle();
  if (!ended) co_return tl::unexpected<Refusal>(refusal_of(ended.error(), !commit, false));
  if (commit && failed) {
    co_return refuse(Failure::database_error,
                     "ERROR: a statement of the transaction failed, so it is rolled back; "
                     "SQLState: 25P02");
  }
  co_return data_api::end_reply(commit ? "Transaction Committed" : "Rollback Complete");
}

awaitable<void> Gateway::clean(Pool* pool, Pool::Connection connection) {
  ++figures_.resets;
  const auto done = co_await connection->run("DISCARD ALL");
  if (!done) connection->close();
  co_await connection->look_at_functions();
  pool->give_back(std::move(connection));
}

void Gateway::look(SteadyClock::time_point now) {
  times_.look(now);
  transactions_.look(now);
  for (auto& [arn, pool] : pools_) pool->look(now);
}

void Gateway::close() {
  closed_ = true;
  transactions_.close();
  for (auto& [arn, pool] : pools_) pool->close();
}

std::string Gateway::not_ready() const {
  if (closed_) return "it is stopping";
  for (const auto& [arn, pool] : pools_) {
    if (pool->trouble().empty()) return {};
  }
  return pools_.empty() ? "it has no resource" : pools_.begin()->second->trouble();
}

}  // namespace hunt::gateway
