#include "adapters/postgres/data_api_session.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "data_api/client_reply.h"

namespace hunt::postgres {
namespace {

using boost::asio::awaitable;
using data_api::Operation;
using Clock = std::chrono::steady_clock;

// Whatever answers with 200 in its place, such as a proxy, has committed nothing for all we know.
bool tells_commit(std::string_view body) {
  return body.find("\"transactionStatus\"") != std::string_view::npos;
}

}  // namespace

awaitable<Result<std::vector<Rows>>> DataApiSession::call(std::vector<Step> steps) {
  const auto self = shared_from_this();
  std::int64_t wait_us = 0;
  co_return co_await perform(std::move(steps), false, wait_us);
}

awaitable<Timed> DataApiSession::call_timed(std::vector<Step> steps) {
  const auto self = shared_from_this();
  const auto from = Clock::now();
  model::CallTimes times;
  auto rows = co_await perform(std::move(steps), true, times.wait_us);
  if (!rows) {
    const std::int64_t took_us = (Clock::now() - from) / std::chrono::microseconds(1);
    times.exec_us = std::max<std::int64_t>(0, took_us - times.wait_us);
  } else if (const Rows& last = rows->back(); last.size() > 0) {
    times.exec_us = std::max<std::int64_t>(0, last.integer(last.size() - 1, last.columns() - 1));
  }
  co_return Timed{std::move(rows), times};
}

awaitable<Result<std::vector<Rows>>> DataApiSession::perform(std::vector<Step> steps, bool timed,
                                                             std::int64_t& wait_us) {
  ++calls_;
  if (steps.size() > 1) co_return co_await run_transaction(std::move(steps), timed, wait_us);
  SqlFrame frame;
  frame.timed = timed;
  frame.patient = writes_ && steps[0].params.count() > 0;
  HUNT_CO_TRY(rows, co_await execute(std::move(steps[0]), frame, std::string(), wait_us));
  std::vector<Rows> all(1, std::move(rows));
  co_return all;
}

// What its statements did is not there before the commit, so until then nothing is unknown.
awaitable<Result<std::vector<Rows>>> DataApiSession::run_transaction(std::vector<Step> steps,
                                                                     bool timed,
                                                                     std::int64_t& wait_us) {
  data_api::Request request;
  auto begun = co_await client_->ask(Operation::begin, request);
  if (!begun && begun.error().code == Errc::unknown_outcome) {
    begun.error().code = Errc::unavailable;
  }
  if (!begun) co_return tl::unexpected<Error>(std::move(begun.error()));
  wait_us += begun->wait_us;
  HUNT_CO_TRY(transaction, data_api::read_transaction(begun->body));
  request.transaction = transaction;
  std::vector<Rows> all;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    SqlFrame frame;
    frame.timed = timed && i + 1 == steps.size();
    auto rows = co_await execute(std::move(steps[i]), frame, transaction, wait_us);
    if (rows) {
      all.push_back(std::move(*rows));
      continue;
    }
    (void)co_await client_->ask(Operation::rollback, request);
    Error error = std::move(rows.error());
    if (error.code == Errc::unknown_outcome) error.code = Errc::unavailable;
    co_return tl::unexpected<Error>(std::move(error));
  }
  auto committed = co_await client_->ask(Operation::commit, request);
  if (committed && tells_commit(committed->body)) {
    wait_us += committed->wait_us;
    co_return all;
  }
  // It may be open still, with its locks. Where it was committed after all, nothing is there.
  (void)co_await client_->ask(Operation::rollback, request);
  if (!committed) co_return tl::unexpected<Error>(std::move(committed.error()));
  co_return fail(writes_ ? Errc::unknown_outcome : Errc::unavailable,
                 client_->shown() + ": the answer does not say whether it was committed");
}

awaitable<Result<Rows>> DataApiSession::execute(Step step, SqlFrame frame, std::string transaction,
                                                std::int64_t& wait_us) {
  data_api::Request request;
  request.sql = text_of(step, frame);
  request.transaction = std::move(transaction);
  request.sets.push_back(named_params(step.params));
  request.result.as_json = step.statement->large;
  request.result.long_strings = true;
  HUNT_CO_TRY(answer, co_await client_->ask(Operation::execute, std::move(request)));
  wait_us += answer.wait_us;
  auto read = data_api::read_rows(answer.body);
  if (read) co_return rows_of(*read);
  Error error = std::move(read.error());
  error.message = client_->shown() + ": " + error.message;
  // It was done, for all we know: only what came of it cannot be read.
  if (writes_) error.code = Errc::unknown_outcome;
  co_return tl::unexpected<Error>(std::move(error));
}

const std::string& DataApiSession::text_of(const Step& step, SqlFrame frame) {
  const std::pair key(step.statement, (frame.timed ? 1 : 0) + (frame.patient ? 2 : 0));
  const auto known = texts_.find(key);
  if (known != texts_.end()) return known->second;
  return texts_.emplace(key, named_sql(step.statement->sql, step.params, frame)).first->second;
}

}  // namespace hunt::postgres
