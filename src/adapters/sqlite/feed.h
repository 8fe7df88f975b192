// FeedReader: what was committed after a cursor. Feed: the thread that keeps readers waiting until
// there is something.
//
// Not the relay. Commits of this process wake it at once, where it makes any; those of other
// processes are noticed by PRAGMA data_version, now and then while somebody waits.
#pragma once
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/job.h"
#include "model/change.h"
#include "ports/clock.h"

namespace hunt::sqlite {

class FeedReader {
 public:
  explicit FeedReader(Connection& connection);
  [[nodiscard]] Result<model::FeedCursor> now();
  // Empty when nothing follows `after`.
  [[nodiscard]] Result<model::ChangeBatch> read(model::FeedCursor after);
  // A number that differs once another connection has committed.
  [[nodiscard]] Result<std::int64_t> data_version();

 private:
  struct Span {  // of the change log; empty when oldest > newest
    std::uint64_t oldest = 1;
    std::uint64_t newest = 0;
    std::uint64_t newest_grant = 0;
  };
  [[nodiscard]] Result<Span> span();
  [[nodiscard]] Result<void> read_tiles(model::ChangeBatch& batch);
  [[nodiscard]] Result<void> read_grants(model::ChangeBatch& batch);

  Connection& connection_;
  Statement span_;
  Statement tiles_;
  Statement grants_;
  Statement data_version_;
};

class Feed {
 public:
  // How often it looks for commits of other processes: rarely where they are the exception.
  static constexpr std::chrono::milliseconds poll_rarely{100};
  static constexpr std::chrono::milliseconds poll_often{10};

  // Lifetime: `clock` outlives the feed.
  Feed(std::unique_ptr<Connection> connection, const ports::Clock& clock,
       std::chrono::milliseconds poll_every);
  ~Feed() { close(); }

  // Thread: any, for all of these.
  void now(std::unique_ptr<Reply<model::FeedCursor>> reply);
  void next(model::FeedCursor after, std::int64_t wait_ns,
            std::unique_ptr<Reply<model::ChangeBatch>> reply);
  void committed();  // by this process
  void close();      // those who wait get `unavailable`

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Waiter {
    model::FeedCursor after;
    Time deadline;
    std::unique_ptr<Reply<model::ChangeBatch>> reply;
    bool fresh = true;  // not looked at yet
  };

  void serve();
  void wait(std::unique_lock<std::mutex>& lock);
  // Answers the waiters for whom there is something, or whose time is over.
  // `committed_ns`: when the oldest commit since the last look was made; 0 when there was none.
  void answer(std::vector<Waiter>& waiters, std::int64_t committed_ns);
  void answer_now(std::vector<std::unique_ptr<Reply<model::FeedCursor>>>& asked);

  const ports::Clock& clock_;
  const std::chrono::milliseconds poll_every_;
  std::unique_ptr<Connection> connection_;
  FeedReader reader_;
  std::int64_t data_version_ = 0;  // the thread's
  std::vector<Waiter> waiting_;    // the thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Waiter> arrived_;
  std::size_t waiting_count_ = 0;  // of waiting_, for those who arrive
  std::vector<std::unique_ptr<Reply<model::FeedCursor>>> asked_now_;
  std::int64_t committed_ns_ = 0;  // of the oldest commit not looked at yet; 0: none
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace hunt::sqlite
