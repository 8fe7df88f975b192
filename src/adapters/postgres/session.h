// Session: one connection to a PostgreSQL server, used by many calls at once.
//
// Not a pool (postgres_store.h has two or three of them). libpq in pipeline mode: a call is one or
// more prepared statements and one Sync, so it is one transaction, and the next call leaves without
// waiting for its end. A call is done when its Sync is answered, not before: a result is no commit.
// Connects when first used and again by itself; while it cannot, calls fail at once. Thread: its
// executor's. Lifetime: made by make_shared; ends after close(), when its handlers have run.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "adapters/postgres/caller.h"
#include "adapters/postgres/connect.h"
#include "adapters/postgres/postgres_url.h"
#include "base/prng.h"
#include "base/result.h"

namespace hunt::postgres {

class Session final : public Caller, public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::any_io_executor io, const PostgresUrl& url, SessionOptions options);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  using Caller::call;
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<Rows>>> call(
      std::vector<Step> steps) override;
  // The server tells its times before the commit, so that what is left is the way. That costs the
  // server one more statement.
  [[nodiscard]] boost::asio::awaitable<Timed> call_timed(std::vector<Step> steps) override;
  void connect_ahead() override;
  [[nodiscard]] const std::optional<Error>& trouble() const noexcept override {
    return unreachable_;
  }
  void close() override;
  [[nodiscard]] std::size_t busy() const noexcept override {
    return waiting_.size() + inflight_.size();
  }
  [[nodiscard]] SessionFigures figures() const noexcept override;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  struct Call {
    explicit Call(const boost::asio::any_io_executor& io) : done(io, TimePoint::max()) {}
    std::vector<Step> steps;
    std::vector<Rows> rows;
    std::optional<Error> error;
    bool finished = false;
    bool timed = false;
    TimePoint entered;
    TimePoint answered;  // its last statement; only where it is timed
    model::CallTimes times;
    boost::asio::steady_timer done;
  };
  // What one Sync ends: a call, the preparation of a statement, or the greeting.
  struct Segment {
    std::shared_ptr<Call> call;
    const Statement* prepared = nullptr;
    TimePoint sent;
    bool greeting = false;  // whether the server itself is at the other end
  };

  [[nodiscard]] boost::asio::awaitable<void> connect();
  void retry_later(const Error& why);
  // Whether the connection is still the one of this number.
  [[nodiscard]] bool serves(std::uint64_t made) const noexcept {
    return ready_ && made == connects_;
  }
  void begin();
  [[nodiscard]] bool greet();
  void take_greeting(const Rows& rows);
  void send_waiting();
  [[nodiscard]] bool send(const std::shared_ptr<Call>& call);
  void flush();
  void watch_input();
  void watch_time();
  void take_results();
  void take(PGresult* result);
  void end_segment();
  // The call at its end; before it was taken: why not.
  [[nodiscard]] boost::asio::awaitable<Result<std::shared_ptr<Call>>> run(std::vector<Step> steps,
                                                                          bool timed);
  void take_times(Call* call, TimePoint sent);
  void finish(const std::shared_ptr<Call>& call);
  void refuse(const std::shared_ptr<Call>& call, const Error& error);
  void lose(const Error& why);
  static void on_notice(void* session, const PGresult* notice);

  boost::asio::any_io_executor io_;
  const PostgresUrl url_;
  const SessionOptions options_;
  Prng random_;
  std::int64_t server_busy_since_us_ = 0;  // by the server's clock, with calls of this session
  std::int64_t server_free_us_ = 0;
  std::int64_t server_took_us_ = 0;  // for the last segment
  std::int64_t way_us_ = 0;          // there and back, of the last that told its times
  TimePoint last_done_;              // by our clock, when that of the server was server_free_us_
  OwnedConnection connection_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer watchdog_;
  std::deque<std::shared_ptr<Call>> waiting_;
  std::deque<Segment> inflight_;
  std::unordered_set<const Statement*> prepared_;
  std::optional<Error> unprepared_;   // why a statement could not be prepared
  std::optional<Error> unreachable_;  // the last attempt to connect
  TimePoint retry_at_{};
  int failures_ = 0;
  bool connecting_ = false;
  bool ready_ = false;
  bool flushing_ = false;
  bool closed_ = false;
  bool wait_cancelled_ = false;  // of a commit for its standby
  std::uint64_t connects_ = 0;
  std::uint64_t calls_ = 0;
};

}  // namespace hunt::postgres
