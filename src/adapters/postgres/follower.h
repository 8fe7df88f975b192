// Follower: keeps the stream of changes open and fills a ChangeLog from it.
//
// Not the port (postgres_feed.h). Makes the slot when there is none, and says where it begins: what
// lies before is gone. Opens the stream again by itself. Thread: its executor's.
#pragma once
#include <algorithm>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/postgres/change_log.h"
#include "adapters/postgres/replication.h"
#include "adapters/postgres/session.h"
#include "ports/clock.h"

namespace hunt::postgres {

class Follower final : public ChangeHandler, public std::enable_shared_from_this<Follower> {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Lifetime: `clock` outlives it; the session is the feed's own.
  Follower(boost::asio::any_io_executor io, const PostgresUrl& url,
           std::shared_ptr<Session> session, const ports::Clock& clock);

  // Runs until close().
  [[nodiscard]] boost::asio::awaitable<void> run();
  // Looks every few seconds whether the publication is still ours: what was taken out of it comes
  // to nobody's ears. Runs until close().
  [[nodiscard]] boost::asio::awaitable<void> watch();
  void close();

  // Waits until the stream is open. Errors: why it is not, after an attempt that failed.
  [[nodiscard]] boost::asio::awaitable<Result<void>> opened();
  // Reads all that is committed now into the log, or what it holds at most. Errors: unavailable,
  // deadline_exceeded.
  [[nodiscard]] boost::asio::awaitable<Result<void>> catch_up();
  // Waits for anything new, at most until `deadline`.
  [[nodiscard]] boost::asio::awaitable<void> changed(TimePoint deadline);
  // All up to this place was told.
  void forget(std::uint64_t place);
  // Goes on after a gap.
  void repaired() noexcept { broken_ = false; }

  [[nodiscard]] const ChangeLog& log() const noexcept { return log_; }
  // Changes before this place are gone.
  [[nodiscard]] std::uint64_t floor() const noexcept { return std::max(floor_, log_.gone()); }
  // Whether what was told lately may be wrong: too much at once, or another history.
  [[nodiscard]] bool broken() const noexcept { return broken_ || log_.lost(); }
  // The highest cursor of a grant that went by.
  [[nodiscard]] std::uint64_t newest_grant() const noexcept { return newest_grant_; }
  // How many grants went by.
  [[nodiscard]] std::uint64_t grants_heard() const noexcept { return grants_heard_; }

  void on_begin(std::uint64_t commit_lsn) override;
  void on_tile(model::WorldId world, model::TileRow row) override;
  void on_grant(std::uint64_t cursor) override;
  void on_commit(std::uint64_t end_lsn) override;
  void on_message(std::string_view prefix, std::string_view content) override;

 private:
  [[nodiscard]] boost::asio::awaitable<Result<void>> open();
  [[nodiscard]] boost::asio::awaitable<Result<std::string>> prepare_slot();
  [[nodiscard]] boost::asio::awaitable<Result<void>> make_publication();
  [[nodiscard]] boost::asio::awaitable<Result<void>> read();
  void tell();

  boost::asio::any_io_executor io_;
  const PostgresUrl url_;
  std::shared_ptr<Session> session_;
  const ports::Clock& clock_;
  std::shared_ptr<Replication> stream_;
  ChangeLog log_;
  std::uint64_t floor_ = 0;
  std::uint64_t newest_grant_ = 0;
  std::uint64_t grants_heard_ = 0;
  std::uint64_t asked_ = 0;  // of catch_up(): the last number written into the log
  std::uint64_t seen_ = 0;   // and the last one read
  std::uint64_t attempts_ = 0;
  std::optional<Error> failure_ = Error{Errc::unavailable, "the change feed is not open yet", {}};
  bool broken_ = false;
  bool spoiled_ = false;  // the publication was not ours for a while: the slot misses changes
  bool closed_ = false;
  std::vector<boost::asio::steady_timer*> waiting_;
  boost::asio::steady_timer look_again_;  // of watch()
};

}  // namespace hunt::postgres
