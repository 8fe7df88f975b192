#include "adapters/postgres/plain_connection.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "adapters/postgres/failure.h"
#include "adapters/postgres/own_functions.h"
#include "base/text.h"

namespace hunt::postgres {
namespace {

namespace asio = boost::asio;
using data_api::Bound;
using data_api::Column;
using data_api::ResultSet;

using OwnedResult = std::unique_ptr<PGresult, void (*)(PGresult*)>;

constexpr std::size_t message_bytes_max = 8 * 1'024;
constexpr std::size_t cell_bytes = 16;  // {"isNull":true}
constexpr int idle_reads_max = 4;       // a notice or a setting that changed; nobody sends more
// Sets that are sent, or results that are read, in one go: others have their turn in between.
constexpr std::size_t batch_piece = 500;
constexpr auto short_patience = std::chrono::seconds(20);

constexpr const char* catalogue_sql =
    "SELECT c.oid::text, a.attnum::text, c.relname::text, NOT a.attnotnull,"
    " a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false)"
    " FROM (SELECT DISTINCT t, n FROM unnest($1::oid[], $2::int2[]) AS u(t, n)) AS w"
    " JOIN pg_catalog.pg_class c ON c.oid = w.t"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid = w.t AND a.attnum = w.n"
    " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = w.t AND d.adnum = w.n"
    " UNION ALL SELECT oid::text, 'type', typname::text, NULL, NULL"
    " FROM pg_catalog.pg_type WHERE oid = ANY($3::oid[])";

}  // namespace

// The arrays that libpq wants of one set.
struct PlainConnection::Arguments {
  explicit Arguments(const std::vector<Bound>& set) {
    for (const auto& bound : set) {
      types.push_back(bound.type);
      values.push_back(bound.null ? nullptr : bound.bytes.c_str());
      lengths.push_back(static_cast<int>(bound.bytes.size()));
      formats.push_back(bound.binary ? 1 : 0);
    }
  }
  [[nodiscard]] int count() const { return static_cast<int>(types.size()); }
  std::vector<Oid> types;
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
};

namespace {

std::string part(const PGresult* result, int field, std::string_view label) {
  const char* text = PQresultErrorField(result, field);
  if (text == nullptr || *text == '\0') return {};
  return fmt::format("{}{}; ", label, std::string_view(text).substr(0, message_bytes_max));
}

StatementFailure failure_in(const PGresult* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  StatementFailure failure;
  if (state == nullptr) {
    failure.lost = true;
    return failure;
  }
  const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  failure.state = state;
  failure.message =
      part(result, PG_DIAG_MESSAGE_PRIMARY, fmt::format("{}: ", severity ? severity : "ERROR")) +
      part(result, PG_DIAG_MESSAGE_DETAIL, "Detail: ") +
      part(result, PG_DIAG_MESSAGE_HINT, "Hint: ") +
      part(result, PG_DIAG_STATEMENT_POSITION, "Position: ") +
      fmt::format("SQLState: {}", failure.state);
  return failure;
}

void take_columns(const PGresult* result, ResultSet& out) {
  out.has_rows = true;
  for (int i = 0; i < PQnfields(result); ++i) {
    Column column;
    column.name = PQfname(result, i);
    column.type = PQftype(result, i);
    column.modifier = PQfmod(result, i);
    column.table = PQftable(result, i);
    column.number = PQftablecol(result, i);
    out.columns.push_back(std::move(column));
  }
}

// What LISTEN brings is nobody's, and would be kept for ever.
void drop_notifications(PGconn* connection) {
  while (PGnotify* one = PQnotifies(connection)) PQfreemem(one);
}

// What comes of one statement, piece by piece.
class Collector {
 public:
  explicit Collector(KeepMax keep) : keep_(keep) {}

  void take(const PGresult* result) {
    switch (PQresultStatus(result)) {
      case PGRES_SINGLE_TUPLE:
      case PGRES_TUPLES_OK:
        return take_rows(result);
      case PGRES_COMMAND_OK:
        if (const auto count = parse_u64(PQcmdTuples(const_cast<PGresult*>(result)))) {
          result_.updated += *count;
        }
        return;
      case PGRES_EMPTY_QUERY:
        return fail("ERROR: the statement is empty; SQLState: 42601");
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH:
        copies_ = true;
        return fail(
            "ERROR: COPY needs a connection of its own, "
            "which the Data API does not have; "
            "SQLState: 0A000");
      case PGRES_PIPELINE_ABORTED:
      case PGRES_PIPELINE_SYNC:
        return;
      default:
        if (!failure_) failure_ = failure_in(result);
    }
  }
  [[nodiscard]] bool copies() const noexcept { return copies_; }
  [[nodiscard]] std::optional<StatementFailure>& failure() noexcept { return failure_; }
  [[nodiscard]] ResultSet& result() noexcept { return result_; }

 private:
  void fail(std::string message) {
    if (failure_) return;
    failure_ = StatementFailure{message, message.substr(message.size() - 5), false};
  }

  void take_rows(const PGresult* result) {
    if (keep_.bytes == 0) return;  // of a batch
    if (!result_.has_rows) take_columns(result, result_);
    for (int i = 0; i < PQntuples(result) && !result_.too_large; ++i) {
      std::size_t bytes = 0;
      std::vector<data_api::Cell> row;
      row.reserve(result_.columns.size());
      for (int j = 0; j < PQnfields(result); ++j) {
        const auto length = static_cast<std::size_t>(PQgetlength(result, i, j));
        bytes += length;
        row.emplace_back();
        if (PQgetisnull(result, i, j) != 0) continue;
        row.back().emplace(PQgetvalue(result, i, j), length);
      }
      // As the wire has it: NULLs and empty texts are bytes, too.
      bytes_ += bytes + cell_bytes * (1 + row.size());
      result_.row_too_large = result_.row_too_large || bytes > keep_.row_bytes;
      result_.too_large = result_.row_too_large || bytes_ > keep_.bytes;
      result_.rows.push_back(std::move(row));
      if (result_.too_large) result_.rows.clear();
    }
  }

  KeepMax keep_;
  std::size_t bytes_ = 0;
  bool copies_ = false;
  std::optional<StatementFailure> failure_;
  ResultSet result_;
};

std::string settings_of(const PlainOptions& options) {
  return fmt::format(
      "-c statement_timeout={} -c lock_timeout=0 -c idle_in_transaction_session_timeout={}"
      " -c timezone=UTC -c datestyle=ISO,YMD -c intervalstyle=postgres -c bytea_output=hex"
      " -c standard_conforming_strings=on -c extra_float_digits=1"
      " -c client_min_messages=error"
      // So the server sees that we are gone also in the middle of a statement, and stops it.
      " -c client_connection_check_interval=5000",
      options.statement_time_max.count(), options.idle_in_transaction_max.count());
}

std::string list_of(const std::vector<std::string>& words) {
  return fmt::format("{{{}}}", fmt::join(words, ","));
}

}  // namespace

PlainConnection::PlainConnection(asio::any_io_executor io, const PostgresUrl& url, Login login,
                                 PlainOptions options)
    : io_(std::move(io)),
      url_(url),
      login_(std::move(login)),
      options_(options),
      connection_(nullptr, PQfinish),
      socket_(io_),
      watchdog_(io_) {}

PlainConnection::~PlainConnection() {
  if (socket_.is_open()) (void)socket_.release();  // libpq closes it
}

asio::awaitable<Result<void>> PlainConnection::connect() {
  const auto self = shared_from_this();
  PostgresUrl::Pairs more{{"application_name", "hunt data-api"}, {"user", login_.user}};
  if (!login_.password.empty()) more.emplace_back("password", login_.password);
  if (!login_.database.empty()) more.emplace_back("dbname", login_.database);
  more.emplace_back("options", settings_of(options_));
  auto pairs = url_.pairs(more);
  auto made =
      co_await make_connection(connection_, socket_, std::move(pairs), url_.shown(), closed_);
  if (!made) {
    connection_.reset();
    co_return made;
  }
  PQsetnonblocking(connection_.get(), 1);
  boost::system::error_code failed;
  socket_.assign(PQsocket(connection_.get()), failed);
  if (failed) co_return fail(Errc::unavailable, "the socket of a connection: " + failed.message());
  co_return Result<void>{};
}

bool PlainConnection::send_set(const std::string& sql, const Arguments& arguments, bool prepare) {
  PGconn* connection = connection_.get();
  if (prepare &&
      PQsendPrepare(connection, "", sql.c_str(), arguments.count(), arguments.types.data()) != 1) {
    return false;
  }
  return PQsendQueryPrepared(connection, "", arguments.count(), arguments.values.data(),
                             arguments.lengths.data(), arguments.formats.data(), 0) == 1;
}

asio::awaitable<bool> PlainConnection::send_batch(const std::string& sql,
                                                  const std::vector<std::vector<Bound>>& sets) {
  if (PQenterPipelineMode(connection_.get()) != 1) co_return false;
  std::vector<Oid> prepared;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const Arguments arguments(sets[i]);
    const bool prepare = i == 0 || prepared != arguments.types;
    if (prepare) prepared = arguments.types;
    if (!send_set(sql, arguments, prepare)) co_return false;
    if (i % batch_piece == batch_piece - 1) {
      flush();
      if (!co_await let_others()) co_return false;
    }
  }
  co_return PQpipelineSync(connection_.get()) == 1;
}

bool PlainConnection::send_one(const std::string& sql,
                               const std::vector<std::vector<Bound>>& sets) {
  static const std::vector<Bound> none;
  const Arguments arguments(sets.empty() ? none : sets.front());  // points into the set
  return PQsendQueryParams(connection_.get(), sql.c_str(), arguments.count(),
                           arguments.types.data(), arguments.values.data(),
                           arguments.lengths.data(), arguments.formats.data(), 0) == 1 &&
         PQsetSingleRowMode(connection_.get()) == 1;
}

asio::awaitable<bool> PlainConnection::let_others() {
  co_await asio::post(io_, asio::use_awaitable);
  co_return connection_ && !closed_ && !late_;
}

void PlainConnection::flush() {
  if (flushing_ || !connection_) return;
  if (PQflush(connection_.get()) != 1) return;  // all of it left, or reading will say what is wrong
  flushing_ = true;
  socket_.async_wait(asio::posix::stream_descriptor::wait_write,
                     [self = shared_from_this()](boost::system::error_code failed) {
                       self->flushing_ = false;
                       if (!failed && !self->closed_) self->flush();
                     });
}

void PlainConnection::watch(std::chrono::milliseconds patience) {
  late_ = false;
  watchdog_.expires_after(patience);
  watchdog_.async_wait([weak = weak_from_this()](boost::system::error_code cancelled) {
    const auto self = weak.lock();
    if (cancelled || !self || self->closed_) return;
    self->late_ = true;
    boost::system::error_code ignored;
    self->socket_.cancel(ignored);
  });
}

StatementFailure PlainConnection::lost() {
  std::string said = late_ ? "no answer in time" : "the connection was lost";
  close();
  return {std::move(said), {}, true};
}

asio::awaitable<StatementAnswer> PlainConnection::run(std::string sql) {
  std::vector<std::vector<Bound>> none;
  return run(std::move(sql), std::move(none), KeepMax(), short_patience);
}

asio::awaitable<StatementAnswer> PlainConnection::run(std::string sql,
                                                      std::vector<std::vector<Bound>> sets,
                                                      KeepMax keep,
                                                      std::chrono::milliseconds patience) {
  const auto self = shared_from_this();
  if (!connection_) co_return tl::unexpected<StatementFailure>(lost());
  const bool batch = sets.size() > 1;
  watch(patience);
  bool sent = false;
  if (batch) {
    sent = co_await send_batch(sql, sets);
  } else {
    sent = send_one(sql, sets);
  }
  if (!sent) co_return tl::unexpected<StatementFailure>(lost());
  sets.clear();
  if (batch) keep.bytes = 0;
  flush();
  Collector collector(keep);
  std::size_t taken = 0;
  for (bool done = false; !done;) {
    while (connection_ && PQisBusy(connection_.get()) == 1) {
      boost::system::error_code failed;
      co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                                  asio::redirect_error(asio::use_awaitable, failed));
      if (failed || closed_ || late_ || PQconsumeInput(connection_.get()) != 1) {
        // What the server said last, such as that it stops, is not what came of the statement.
        co_return tl::unexpected<StatementFailure>(lost());
      }
      drop_notifications(connection_.get());
      flush();
    }
    if (!connection_) co_return tl::unexpected<StatementFailure>(lost());
    if (++taken % batch_piece == 0 && !co_await let_others()) {
      co_return tl::unexpected<StatementFailure>(lost());
    }
    const OwnedResult result(PQgetResult(connection_.get()), PQclear);
    if (result == nullptr) {
      if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        co_return tl::unexpected<StatementFailure>(lost());
      }
      done = !batch;
      // The next of a batch, row by row, too: no result is ever whole in memory.
      if (batch) (void)PQsetSingleRowMode(connection_.get());
      continue;
    }
    done = batch && PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC;
    collector.take(result.get());
    if (collector.copies()) {
      close();
      done = true;
    }
  }
  watchdog_.cancel();
  if (batch && connection_) (void)PQexitPipelineMode(connection_.get());
  if (auto& failure = collector.failure()) {
    if (failure->lost) co_return tl::unexpected<StatementFailure>(lost());
    co_return tl::unexpected<StatementFailure>(std::move(*failure));
  }
  co_return std::move(collector.result());
}

asio::awaitable<ResultSet> PlainConnection::describe(ResultSet result) {
  std::vector<std::string> tables;
  std::vector<std::string> numbers;
  std::vector<std::string> types;
  for (const auto& column : result.columns) {
    types.push_back(std::to_string(column.type));
    if (column.table == 0 || column.number <= 0) continue;
    tables.push_back(std::to_string(column.table));
    numbers.push_back(std::to_string(column.number));
  }
  std::vector<std::vector<Bound>> sets(1);
  for (const auto* words : {&tables, &numbers, &types}) {
    Bound bound;
    bound.bytes = list_of(*words);
    sets[0].push_back(std::move(bound));
  }
  const KeepMax keep{1'024 * 1'024, 16 * 1'024 * 1'024};
  const auto found = co_await run(catalogue_sql, std::move(sets), keep, short_patience);
  if (!found) co_return result;  // told without
  for (const auto& row : found->rows) {
    for (auto& column : result.columns) {
      if (row[1] == "type" && row[0] == std::to_string(column.type)) {
        column.type_name = row[2].value_or("");
      } else if (row[0] == std::to_string(column.table) &&
                 row[1] == std::to_string(column.number)) {
        column.table_name = row[2].value_or("");
        column.nullable = row[3] == "t";
        column.auto_increment = row[4] == "t";
      }
    }
  }
  co_return result;
}

asio::awaitable<void> PlainConnection::look_at_functions() {
  if (looked_) co_return;
  looked_ = true;
  std::vector<std::vector<Bound>> sets(1);
  sets[0].resize(1);
  sets[0][0].bytes = list_of(own_function_names());
  const auto found =
      co_await run(list_own_functions_sql, std::move(sets), KeepMax(), short_patience);
  is_hunt_ = found && are_own_functions(*found);
}

bool PlainConnection::knows(const std::vector<std::string>& functions) const noexcept {
  return functions.empty() ||
         (is_hunt_ && std::all_of(functions.begin(), functions.end(), is_own_function));
}

bool PlainConnection::usable() {
  if (!connection_ || closed_) return false;
  // A server that goes says so first: its words are one read, the end of the connection the next.
  for (int reads = 0; reads < idle_reads_max; ++reads) {
    pollfd readable{PQsocket(connection_.get()), POLLIN, 0};
    if (::poll(&readable, 1, 0) == 0) return PQstatus(connection_.get()) == CONNECTION_OK;
    if (PQconsumeInput(connection_.get()) != 1) return false;
    drop_notifications(connection_.get());
  }
  return false;
}

bool PlainConnection::in_transaction() const noexcept {
  if (!connection_) return false;
  const auto status = PQtransactionStatus(connection_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool PlainConnection::transaction_failed() const noexcept {
  return connection_ && PQtransactionStatus(connection_.get()) == PQTRANS_INERROR;
}

void PlainConnection::close() {
  closed_ = true;
  watchdog_.cancel();
  if (socket_.is_open()) {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
    (void)socket_.release();
  }
  connection_.reset();
}

}  // namespace hunt::postgres
