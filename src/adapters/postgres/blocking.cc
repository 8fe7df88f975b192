#include "adapters/postgres/blocking.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "adapters/postgres/failure.h"

namespace hunt::postgres {
namespace {

constexpr auto greeting_within = std::chrono::milliseconds(10'000);

}  // namespace

Result<BlockingConnection> BlockingConnection::open(const PostgresUrl& url,
                                                    const PostgresUrl::Pairs& more,
                                                    Interrupt* interrupt) {
  const auto pairs = url.pairs(more);
  const ConnectParams params(pairs);
  BlockingConnection made(PQconnectdbParams(params.keys(), params.values(), 0), url.shown());
  if (PQstatus(made.connection_.get()) != CONNECTION_OK) {
    return tl::unexpected<Error>(lost_connection(made.connection_.get(), url.shown()));
  }
  if (interrupt != nullptr) {
    if (!interrupt->watch(PQsocket(made.connection_.get()))) {
      return fail(Errc::unavailable, "the store is closed: the process shuts down");
    }
    made.connection_.get_deleter().interrupt = interrupt;
  }
  PQsetNoticeReceiver(
      made.connection_.get(), [](void*, const PGresult*) {}, nullptr);
  return made;
}

Result<void> BlockingConnection::execute(const std::string& sql) {
  const Rows rows(PQexec(connection_.get(), sql.c_str()));
  return rows.check(shown_);
}

Result<Rows> BlockingConnection::query(const std::string& sql, const Params& params) {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  params.point(values, lengths, formats);
  if (PQsendQueryParams(connection_.get(), sql.c_str(), params.count(), nullptr, values.data(),
                        lengths.data(), formats.data(), 1) != 1) {
    return tl::unexpected<Error>(lost_connection(connection_.get(), shown_));
  }
  if (patience_) HUNT_CHECK(wait_for_answer());
  const Rows rows(PQgetResult(connection_.get()));
  while (PGresult* rest = PQgetResult(connection_.get())) PQclear(rest);
  HUNT_CHECK(rows.check(shown_));
  return rows;
}

Result<void> BlockingConnection::begin_snapshot() {
  return execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

Result<void> BlockingConnection::check_direct() {
  const auto before =
      std::exchange(patience_, std::min(patience_.value_or(greeting_within), greeting_within));
  auto rows = query("SELECT pg_backend_pid()::bigint");
  patience_ = before;
  if (!rows && rows.error().code == Errc::deadline_exceeded) {
    return fail(Errc::unavailable,
                fmt::format("{} lets us in and does not answer; is the server stuck, or is it a "
                            "pooler (such as PgBouncer) without a free connection? Name the server "
                            "itself in --store",
                            shown_));
  }
  if (!rows) return tl::unexpected<Error>(std::move(rows.error()));
  if (rows->integer(0, 0) == PQbackendPID(connection_.get())) return {};
  Error error = pooler_between(shown_);
  error.code = Errc::unsupported;
  return tl::unexpected<Error>(std::move(error));
}

Result<void> BlockingConnection::wait_for_answer() {
  const auto deadline = std::chrono::steady_clock::now() + *patience_;
  while (PQisBusy(connection_.get()) == 1) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd socket{PQsocket(connection_.get()), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&socket, 1, static_cast<int>(left.count())) == 0) {
      return fail(Errc::deadline_exceeded,
                  fmt::format("{}: no answer within {} ms; is the server stuck?", shown_,
                              patience_->count()));
    }
    if (PQconsumeInput(connection_.get()) != 1) {
      return tl::unexpected<Error>(lost_connection(connection_.get(), shown_));
    }
  }
  return {};
}

Result<void> BlockingConnection::begin_stream(const std::string& sql) {
  if (PQsendQueryParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 1) !=
          1 ||
      PQsetSingleRowMode(connection_.get()) != 1) {
    return tl::unexpected<Error>(lost_connection(connection_.get(), shown_));
  }
  return {};
}

Result<Rows> BlockingConnection::next_of_stream() {
  const Rows rows(PQgetResult(connection_.get()));
  auto good = rows.check(shown_);
  if (good && rows.size() == 1) return rows;
  while (PGresult* rest = PQgetResult(connection_.get())) PQclear(rest);
  if (!good) return tl::unexpected<Error>(std::move(good.error()));
  return rows;
}

}  // namespace hunt::postgres
