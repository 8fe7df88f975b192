#include "adapters/postgres/replication.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "adapters/postgres/failure.h"
#include "adapters/postgres/params.h"
#include "ports/feed_held.h"

namespace hunt::postgres {
namespace {

namespace asio = boost::asio;
constexpr auto feedback_every = std::chrono::seconds(1);
constexpr std::size_t header_bytes = 1 + 8 + 8 + 8;  // of XLogData
constexpr int messages_per_read_max = 1'000;         // then others have their turn on the loop

std::uint64_t natural_at(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

}  // namespace

asio::awaitable<Result<void>> Replication::open(const PostgresUrl& url, std::string slot) {
  const auto self = shared_from_this();
  shown_ = url.shown();
  // wal_sender_timeout: how long the slot stays taken after its reader has vanished.
  auto pairs = url.pairs({{"application_name", "hunt relay"},
                          {"replication", "database"},
                          {"options", "-c wal_sender_timeout=10s"}});
  auto done = co_await make_connection(connection_, socket_, std::move(pairs), shown_, closed_);
  if (done) done = co_await start(std::move(slot));
  if (done) watch();
  co_return done;
}

asio::awaitable<Result<void>> Replication::start(std::string slot) {
  PGconn* connection = connection_.get();
  const std::string command = fmt::format(
      "START_REPLICATION SLOT \"{}\" LOGICAL 0/0 (proto_version '1', publication_names 'hunt',"
      " binary 'true', messages 'true')",
      slot);
  if (PQsendQuery(connection, command.c_str()) != 1) {
    co_return tl::unexpected<Error>(lost_connection(connection, shown_));
  }
  boost::system::error_code failed;
  socket_.assign(PQsocket(connection), failed);
  while (!failed && !closed_ && PQisBusy(connection) != 0) {
    co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, failed));
    if (PQconsumeInput(connection) != 1) break;
  }
  if (failed || closed_) co_return fail(Errc::unavailable, "the change feed is closed");
  PGresult* result = PQgetResult(connection);
  const Rows owner(result);
  if (PQresultStatus(result) == PGRES_COPY_BOTH) co_return Result<void>{};
  if (result == nullptr) co_return tl::unexpected<Error>(lost_connection(connection, shown_));
  Error error = failure_of(result, shown_);
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state != nullptr && std::string_view(state) == "55006") {
    error = {Errc::unavailable,
             shown_ +
                 ": another relay holds the change feed; several processes on one store need --bus "
                 "nats:// and hunt relay",
             std::string(ports::feed_held)};
  }
  if (state != nullptr && std::string_view(state) == "42704") error.code = Errc::not_found;
  co_return tl::unexpected<Error>(std::move(error));
}

asio::awaitable<Result<void>> Replication::read() {
  const auto self = shared_from_this();
  for (int messages = 0; messages < messages_per_read_max;) {
    if (closed_) co_return fail(Errc::unavailable, "the change feed is closed");
    char* buffer = nullptr;
    const int size = PQgetCopyData(connection_.get(), &buffer, 1);
    if (size > 0) {
      const std::unique_ptr<char, void (*)(void*)> owner(buffer, PQfreemem);
      HUNT_CO_CHECK(take({buffer, static_cast<std::size_t>(size)}));
      ++messages;
    } else if (size < 0) {
      co_return tl::unexpected<Error>(why_ended());
    } else if (messages > 0) {
      co_return Result<void>{};
    } else {
      boost::system::error_code failed;
      co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                                  asio::redirect_error(asio::use_awaitable, failed));
      if (failed || closed_) co_return fail(Errc::unavailable, "the change feed is closed");
      if (PQconsumeInput(connection_.get()) != 1) {
        co_return tl::unexpected<Error>(lost_connection(connection_.get(), shown_));
      }
    }
  }
  co_return Result<void>{};
}

Error Replication::why_ended() {
  PGresult* result = PQgetResult(connection_.get());
  const Rows owner(result);
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (state == nullptr) return lost_connection(connection_.get(), shown_);
  Error error = failure_of(result, shown_);
  if (std::string_view(state) != "42704") return error;
  error.code = Errc::not_found;
  error.field = no_publication;
  return error;
}

Result<void> Replication::take(std::string_view message) {
  if (message[0] == 'w' && message.size() >= header_bytes) {
    server_lsn_ = std::max(server_lsn_, natural_at(message, 1));
    return decoder_.take(message.substr(header_bytes), handler_);
  }
  if (message[0] == 'k' && message.size() >= 1 + 8 + 8 + 1) {
    server_lsn_ = std::max(server_lsn_, natural_at(message, 1));
    if (message[1 + 8 + 8] != 0) feed_back();
    return {};
  }
  return fail(Errc::corrupt, shown_ + ": the change stream holds something that is no message");
}

void Replication::told(std::uint64_t lsn) {
  told_lsn_ = std::max(told_lsn_, lsn);
}

void Replication::feed_back() {
  if (closed_) return;
  if (idle_) told_lsn_ = std::max(told_lsn_, server_lsn_);
  std::string message = "r";
  const auto put = [&message](std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8)
      message.push_back(static_cast<char>(value >> shift));
  };
  put(std::max(server_lsn_, told_lsn_));  // written
  put(told_lsn_);                         // flushed: what the slot is confirmed by
  put(told_lsn_);                         // applied
  put(0);                                 // our clock; nobody looks at it
  message.push_back('\0');
  // Lost with the connection, and sent again a second later. Fits any socket's buffer.
  if (PQputCopyData(connection_.get(), message.data(), static_cast<int>(message.size())) == 1) {
    (void)PQflush(connection_.get());
  }
}

void Replication::watch() {
  feedback_.expires_after(feedback_every);
  feedback_.async_wait([self = shared_from_this()](boost::system::error_code cancelled) {
    if (cancelled || self->closed_) return;
    self->feed_back();
    self->watch();
  });
}

void Replication::close() {
  if (std::exchange(closed_, true)) return;
  feedback_.cancel();
  if (socket_.is_open()) socket_.cancel();
}

void Replication::release() {
  if (socket_.is_open()) (void)socket_.release();  // libpq closes it
}

}  // namespace hunt::postgres
