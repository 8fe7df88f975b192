// Replication: one connection that PostgreSQL streams the changes of our publication over.
//
// Not the meaning of the changes (pgoutput.h). Format: the PostgreSQL manual, "Streaming
// Replication Protocol". What was told is fed back each second and when asked for. Thread: its
// executor's.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "adapters/postgres/connect.h"
#include "adapters/postgres/pgoutput.h"
#include "adapters/postgres/postgres_url.h"
#include "base/result.h"

namespace hunt::postgres {

// Error::field where the publication was missing when a change was made that is to be read now.
inline constexpr const char* no_publication = "publication";

class Replication : public std::enable_shared_from_this<Replication> {
 public:
  // Lifetime: `handler` outlives the stream.
  Replication(const boost::asio::any_io_executor& io, ChangeHandler& handler)
      : handler_(handler), connection_(nullptr, PQfinish), socket_(io), feedback_(io) {}
  ~Replication() { release(); }
  Replication(const Replication&) = delete;
  Replication& operator=(const Replication&) = delete;

  // Connects and starts where the slot was confirmed last. Errors: unavailable (also while another
  // process reads the slot), unauthorized (the user lacks REPLICATION), not_found (no slot).
  [[nodiscard]] boost::asio::awaitable<Result<void>> open(const PostgresUrl& url, std::string slot);
  // Reads and hands on what has arrived; waits for something. Errors: unavailable, corrupt,
  // not_found with `no_publication`.
  [[nodiscard]] boost::asio::awaitable<Result<void>> read();
  // All up to this place was told; it need not be sent again.
  void told(std::uint64_t lsn);
  // With the next feedback, `told` moves on to what the server says when nothing is held back.
  void set_idle(bool idle) noexcept { idle_ = idle; }
  // Wakes read(), which fails then. Thread: the same.
  void close();

 private:
  [[nodiscard]] Result<void> take(std::string_view message);
  [[nodiscard]] Error why_ended();
  [[nodiscard]] boost::asio::awaitable<Result<void>> start(std::string slot);
  void feed_back();
  void watch();
  void release();

  ChangeHandler& handler_;
  PgOutput decoder_;
  OwnedConnection connection_;
  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer feedback_;
  std::string shown_;
  std::uint64_t told_lsn_ = 0;
  std::uint64_t server_lsn_ = 0;  // nothing up to here is still to come
  bool idle_ = false;
  bool closed_ = false;
};

}  // namespace hunt::postgres
