#include "adapters/postgres/connect.h"

#include <fmt/format.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "adapters/postgres/failure.h"

namespace hunt::postgres {
namespace {

namespace asio = boost::asio;
constexpr auto connect_within = std::chrono::seconds(5);

// libpq would print what the server only mentions.
void ignore(void*, const PGresult*) {}

// Cancels what waits at a socket when the time is over. Lifetime: it outlives nothing of its own.
class Deadline {
 public:
  Deadline(asio::posix::stream_descriptor& socket, std::chrono::seconds within)
      : timer_(socket.get_executor(), within), late_(std::make_shared<bool>(false)) {
    timer_.async_wait([&socket, late = late_](boost::system::error_code cancelled) {
      // Its owner is gone when it was the last to hold `late`.
      if (cancelled || late.use_count() == 1) return;
      *late = true;
      if (socket.is_open()) socket.cancel();
    });
  }
  [[nodiscard]] bool passed() const noexcept { return *late_; }

 private:
  asio::steady_timer timer_;
  std::shared_ptr<bool> late_;
};

}  // namespace

asio::awaitable<Result<void>> make_connection(OwnedConnection& connection,
                                              asio::posix::stream_descriptor& socket,
                                              PostgresUrl::Pairs pairs, std::string shown,
                                              const bool& closed) {
  const ConnectParams params(pairs);
  connection.reset(PQconnectStartParams(params.keys(), params.values(), 0));
  if (connection == nullptr) co_return fail(Errc::unavailable, "no memory for a connection");
  PQsetNoticeReceiver(connection.get(), ignore, nullptr);
  const Deadline deadline(socket, connect_within);
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (PQstatus(connection.get()) == CONNECTION_BAD || next == PGRES_POLLING_FAILED) {
      co_return tl::unexpected<Error>(lost_connection(connection.get(), shown));
    }
    // The socket may be another one after each step: of the next address.
    boost::system::error_code failed;
    socket.assign(PQsocket(connection.get()), failed);
    if (!failed) {
      co_await socket.async_wait(next == PGRES_POLLING_READING
                                     ? asio::posix::stream_descriptor::wait_read
                                     : asio::posix::stream_descriptor::wait_write,
                                 asio::redirect_error(asio::use_awaitable, failed));
    }
    if (socket.is_open()) (void)socket.release();
    if (closed || deadline.passed() || failed) {
      co_return fail(Errc::unavailable, fmt::format("PostgreSQL at {} does not answer within {} s",
                                                    shown, connect_within.count()));
    }
    next = PQconnectPoll(connection.get());
  }
  co_return Result<void>{};
}

}  // namespace hunt::postgres
