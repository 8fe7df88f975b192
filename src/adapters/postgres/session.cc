#include "adapters/postgres/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "adapters/postgres/connect.h"
#include "adapters/postgres/failure.h"
#include "ports/store_trouble.h"

namespace hunt::postgres {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t calls_max = 1'024;  // waiting or under way; more are refused
// More wait here: what the server has read it will do, also for a caller who has given up.
constexpr std::size_t segments_inflight_max = 64;
// Longer than the server's own limits (statement_timeout): then the server or the way to it hangs.
constexpr auto answer_within = seconds(15);
// Between two calls of a line the server takes no longer than this, or half of the first of them.
constexpr std::int64_t pause_us_min = 1'000;
// When the transaction began, and now. By the server's clock: only the difference counts.
constexpr Statement server_clock_sql{"server_clock",
                                     "SELECT (extract(epoch FROM now()) * 1000000)::bigint,"
                                     " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"};
constexpr milliseconds retry_first(50);
constexpr milliseconds retry_max(2'000);

std::int64_t us_between(std::chrono::steady_clock::time_point from,
                        std::chrono::steady_clock::time_point until) noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(until - from).count();
}

}  // namespace

Session::Session(asio::any_io_executor io, const PostgresUrl& url, SessionOptions options)
    : io_(std::move(io)),
      url_(url),
      options_(std::move(options)),
      random_(options_.seed),
      connection_(nullptr, PQfinish),
      socket_(io_),
      watchdog_(io_) {}

Session::~Session() {
  if (socket_.is_open()) (void)socket_.release();  // libpq closes it
}

asio::awaitable<Result<std::vector<Rows>>> Session::call(std::vector<Step> steps) {
  HUNT_CO_TRY(call, co_await run(std::move(steps), false));
  if (call->error) co_return tl::unexpected<Error>(std::move(*call->error));
  co_return std::move(call->rows);
}

asio::awaitable<Timed> Session::call_timed(std::vector<Step> steps) {
  steps.push_back({&server_clock_sql, {}});
  const auto call = co_await run(std::move(steps), true);
  if (!call) co_return Timed{tl::unexpected<Error>(call.error()), {}};
  Call& done = **call;
  if (done.error) co_return Timed{tl::unexpected<Error>(std::move(*done.error)), done.times};
  done.rows.pop_back();
  co_return Timed{std::move(done.rows), done.times};
}

asio::awaitable<Result<std::shared_ptr<Session::Call>>> Session::run(std::vector<Step> steps,
                                                                     bool timed) {
  const auto self = shared_from_this();
  if (closed_) co_return fail(Errc::unavailable, "the store is closed: the process shuts down");
  if (waiting_.size() + inflight_.size() >= calls_max) {
    co_return fail(Errc::overloaded,
                   fmt::format("{}: {} calls wait for one connection", url_.shown(), calls_max));
  }
  if (unreachable_ && std::chrono::steady_clock::now() < retry_at_) {
    co_return tl::unexpected<Error>(*unreachable_);
  }
  ++calls_;
  auto call = std::make_shared<Call>(io_);
  call->steps = std::move(steps);
  call->timed = timed;
  call->entered = std::chrono::steady_clock::now();
  waiting_.push_back(call);
  if (ready_) {
    send_waiting();
  } else {
    connect_ahead();
  }
  while (!call->finished) {
    boost::system::error_code cancelled;
    co_await call->done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  co_return call;
}

void Session::connect_ahead() {
  if (ready_ || connecting_ || closed_) return;
  connecting_ = true;
  // Nothing in there throws: what goes wrong is told to the calls that wait.
  asio::co_spawn(io_, connect(), [self = shared_from_this()](const std::exception_ptr& thrown) {
    HUNT_ASSERT(!thrown);
  });
}

asio::awaitable<void> Session::connect() {
  const auto self = shared_from_this();
  auto pairs =
      url_.pairs({{"application_name", options_.application}, {"options", options_.settings}});
  const auto made =
      co_await make_connection(connection_, socket_, std::move(pairs), url_.shown(), closed_);
  connecting_ = false;
  if (closed_) co_return;
  if (made) {
    PQsetNoticeReceiver(connection_.get(), on_notice, this);
    ++connects_;
    retry_at_ = {};
    begin();
    co_return;
  }
  retry_later(made.error());
}

void Session::retry_later(const Error& why) {
  const auto pause = std::min(retry_max, retry_first * (1 << std::min(failures_++, 6)));
  const auto jitter = random_.below(static_cast<std::uint64_t>(pause.count()));
  retry_at_ = std::chrono::steady_clock::now() + pause / 2 + milliseconds(jitter);
  lose(why);
  unreachable_ = why;
}

// A pooler hands out process ids of its own. Sent ahead of every call, waited for by none: what a
// call does through a pooler is as right as any, but the next one may not find its statements.
bool Session::greet() {
  PGconn* connection = connection_.get();
  if (PQsendQueryParams(connection,
                        "SELECT pg_backend_pid()::bigint,"
                        " (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
                        0, nullptr, nullptr, nullptr, nullptr, 1) != 1 ||
      PQpipelineSync(connection) != 1) {
    return false;
  }
  inflight_.push_back({nullptr, nullptr, std::chrono::steady_clock::now(), true});
  return true;
}

void Session::take_greeting(const Rows& rows) {
  if (rows.integer(0, 0) != PQbackendPID(connection_.get())) {
    return retry_later(pooler_between(url_.shown()));
  }
  failures_ = 0;
  unreachable_.reset();
  last_done_ = std::chrono::steady_clock::now();
  server_free_us_ = server_busy_since_us_ = rows.integer(0, 1);
  way_us_ = us_between(inflight_.front().sent, last_done_);
}

void Session::begin() {
  boost::system::error_code failed;
  socket_.assign(PQsocket(connection_.get()), failed);
  if (failed || PQsetnonblocking(connection_.get(), 1) != 0 ||
      PQenterPipelineMode(connection_.get()) != 1) {
    return lose({Errc::unavailable, url_.shown() + ": the connection cannot be set up", {}});
  }
  ready_ = true;
  flushing_ = false;
  wait_cancelled_ = false;
  if (!greet()) return lose(lost_connection(connection_.get(), url_.shown()));
  watch_input();
  watch_time();
  send_waiting();
}

void Session::send_waiting() {
  bool sent = true;
  while (sent && !waiting_.empty() && inflight_.size() < segments_inflight_max) {
    const auto call = std::move(waiting_.front());
    waiting_.pop_front();
    sent = send(call);
    if (!sent) refuse(call, lost_connection(connection_.get(), url_.shown()));
  }
  if (!sent) return lose(lost_connection(connection_.get(), url_.shown()));
  flush();
}

bool Session::send(const std::shared_ptr<Call>& call) {
  PGconn* connection = connection_.get();
  const TimePoint now = std::chrono::steady_clock::now();
  for (const auto& step : call->steps) {
    if (!prepared_.insert(step.statement).second) continue;
    // Under a Sync of its own: whether it is prepared must not depend on what follows.
    if (PQsendPrepare(connection, step.statement->name, step.statement->sql, 0, nullptr) != 1 ||
        PQpipelineSync(connection) != 1) {
      return false;
    }
    inflight_.push_back({nullptr, step.statement, now, false});
  }
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const auto& step : call->steps) {
    step.params.point(values, lengths, formats);
    if (PQsendQueryPrepared(connection, step.statement->name, step.params.count(), values.data(),
                            lengths.data(), formats.data(), 1) != 1) {
      return false;
    }
  }
  // The rows leave before the commit, so its time is seen from here.
  if (call->timed && PQsendFlushRequest(connection) != 1) return false;
  if (PQpipelineSync(connection) != 1) return false;
  inflight_.push_back({call, nullptr, now, false});
  return true;
}

void Session::flush() {
  if (flushing_) return;
  const int left = PQflush(connection_.get());
  if (left == 0) return;
  if (left < 0) return lose(lost_connection(connection_.get(), url_.shown()));
  flushing_ = true;
  socket_.async_wait(
      asio::posix::stream_descriptor::wait_write,
      [self = shared_from_this(), made = connects_](boost::system::error_code failed) {
        if (failed || !self->serves(made)) return;
        self->flushing_ = false;
        self->flush();
      });
}

void Session::watch_input() {
  socket_.async_wait(
      asio::posix::stream_descriptor::wait_read,
      [self = shared_from_this(), made = connects_](boost::system::error_code failed) {
        if (failed || !self->serves(made)) return;
        if (PQconsumeInput(self->connection_.get()) != 1) {
          return self->lose(lost_connection(self->connection_.get(), self->url_.shown()));
        }
        self->take_results();
        if (self->serves(made)) self->watch_input();
      });
}

void Session::watch_time() {
  watchdog_.expires_after(seconds(1));
  watchdog_.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
    if (cancelled || !self->ready_) return;
    const bool hangs =
        !self->inflight_.empty() &&
        std::chrono::steady_clock::now() - self->inflight_.front().sent > answer_within;
    if (!hangs) return self->watch_time();
    self->lose({Errc::unavailable,
                fmt::format("PostgreSQL at {} has not answered for {} s", self->url_.shown(),
                            answer_within.count()),
                {}});
  });
}

void Session::take_results() {
  bool ended = false;
  while (ready_ && !inflight_.empty() && PQisBusy(connection_.get()) == 0) {
    PGresult* result = PQgetResult(connection_.get());
    // One null stands between the results of two statements.
    if (result == nullptr && std::exchange(ended, true)) break;
    if (result == nullptr) continue;
    ended = false;
    take(result);
  }
  if (ready_ && PQstatus(connection_.get()) == CONNECTION_BAD) {
    return lose(lost_connection(connection_.get(), url_.shown()));
  }
  if (ready_ && !waiting_.empty()) send_waiting();
}

void Session::take(PGresult* result) {
  const Rows rows(result);  // owns it
  const Segment& segment = inflight_.front();
  switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
      return end_segment();
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
      if (segment.call) {
        segment.call->rows.push_back(rows);
        segment.call->answered = std::chrono::steady_clock::now();
      }
      if (segment.greeting) take_greeting(rows);
      return;
    case PGRES_FATAL_ERROR: {
      Error error = failure_of(result, url_.shown());
      if (segment.prepared != nullptr) {
        prepared_.erase(segment.prepared);
        unprepared_ = std::move(error);
      } else if (segment.call && !segment.call->error) {
        segment.call->error = unprepared_ ? *unprepared_ : std::move(error);
      }
      // The end of the connection: without it, this loop would wait for a Sync that never comes.
      if (PQstatus(connection_.get()) == CONNECTION_BAD) {
        lose(lost_connection(connection_.get(), url_.shown()));
      }
      return;
    }
    default:
      return;  // what stands behind an error in the same segment
  }
}

void Session::end_segment() {
  const auto call = std::move(inflight_.front().call);
  const TimePoint sent = inflight_.front().sent;
  inflight_.pop_front();
  if (!call) return take_times(nullptr, sent);
  unprepared_.reset();
  if (std::exchange(wait_cancelled_, false) && !call->error) {
    call->error = Error{options_.writes ? Errc::unknown_outcome : Errc::unavailable,
                        url_.shown() +
                            ": committed, but no standby has confirmed it: a failover "
                            "may lose it; call again",
                        {}};
  }
  take_times(call.get(), sent);
  finish(call);
}

// In line behind our own earlier calls it was for as long as the server worked on them without a
// pause, but no longer than their answers were outstanding here. Who tells no times (a call that
// failed, the preparation of a statement) was worked on from when the one before it had ended, or
// it had arrived, until its own answer: by our clock, which stands beside the server's since then.
void Session::take_times(Call* call, TimePoint sent) {
  const TimePoint now = std::chrono::steady_clock::now();
  const bool tells = call != nullptr && call->timed && !call->error;
  std::int64_t begun_us = 0;
  std::int64_t exec_us = 0;
  std::int64_t commit_us = 0;
  if (tells) {
    begun_us = call->rows.back().integer(0, 0);
    exec_us = std::max<std::int64_t>(0, call->rows.back().integer(0, 1) - begun_us);
    commit_us = us_between(call->answered, now);
  } else {
    const std::int64_t since_last_us = us_between(last_done_, now);
    exec_us = std::clamp<std::int64_t>(us_between(sent, now) - way_us_, 0, since_last_us);
    begun_us = server_free_us_ + since_last_us - exec_us;
  }
  const std::int64_t pause_us = std::max(pause_us_min, server_took_us_ / 2);
  if (begun_us - server_free_us_ > pause_us) server_busy_since_us_ = begun_us;
  const std::int64_t in_line_us = std::clamp<std::int64_t>(
      begun_us - server_busy_since_us_, 0, std::max<std::int64_t>(0, us_between(sent, last_done_)));
  if (call != nullptr && call->timed) {
    call->times.wait_us = us_between(call->entered, sent) + in_line_us;
    call->times.exec_us = exec_us;
    call->times.commit_us = commit_us;
  }
  server_took_us_ = exec_us + commit_us;
  server_free_us_ = begun_us + server_took_us_;
  if (tells) {
    way_us_ = std::max<std::int64_t>(0, us_between(sent, now) - in_line_us - server_took_us_);
  }
  last_done_ = now;
}

void Session::finish(const std::shared_ptr<Call>& call) {
  call->finished = true;
  call->done.cancel();
}

void Session::refuse(const std::shared_ptr<Call>& call, const Error& error) {
  call->error = error;
  finish(call);
}

void Session::lose(const Error& why) {
  ready_ = false;
  watchdog_.cancel();
  if (socket_.is_open()) {
    socket_.cancel();
    (void)socket_.release();
  }
  connection_.reset();
  prepared_.clear();
  unprepared_.reset();
  const auto inflight = std::exchange(inflight_, {});
  const auto waiting = std::exchange(waiting_, {});
  Error unknown = why;
  if (options_.writes) {
    unknown.code = Errc::unknown_outcome;
    unknown.field = ports::connection_field;
    unknown.message += "; it may or may not have happened: call again";
  }
  for (const auto& segment : inflight) {
    if (segment.call) refuse(segment.call, unknown);
  }
  for (const auto& call : waiting) refuse(call, why);
}

void Session::close() {
  if (std::exchange(closed_, true)) return;
  if (connecting_) {
    if (socket_.is_open()) socket_.cancel();
    for (const auto& call : std::exchange(waiting_, {})) {
      refuse(call, {Errc::unavailable, "the store is closed: the process shuts down", {}});
    }
    return;
  }
  lose({Errc::unavailable, "the store is closed: the process shuts down", {}});
}

SessionFigures Session::figures() const noexcept {
  return {connects_, calls_, inflight_.size()};
}

void Session::on_notice(void* session, const PGresult* notice) {
  const char* state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  // "canceling wait for synchronous replication …": the only warning in a commit.
  if (state != nullptr && severity != nullptr && std::string_view(state) == "01000" &&
      std::string_view(severity) == "WARNING") {
    static_cast<Session*>(session)->wait_cancelled_ = true;
  }
}

}  // namespace hunt::postgres
