#include "gateway/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/log.h"

namespace hunt::gateway {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using data_api::Answer;
using data_api::Failure;
using data_api::refuse;
using SteadyClock = std::chrono::steady_clock;

std::string database_of(const postgres::PostgresUrl& url) {
  for (const auto& [key, value] : url.pairs()) {
    if (key == "dbname") return value;
  }
  return {};
}

// The server's own sentence of what libpq says about a connection, with its SQLSTATE, which libpq
// does not keep.
data_api::Refusal refusal_of(const Error& error) {
  if (error.code == Errc::unavailable) {
    return {Failure::database_unavailable,
            "The database does not let anybody in now, or nobody answers there; try again"};
  }
  const auto words = error.message.find("FATAL:");
  if (words == std::string::npos) {
    return {Failure::database_error,
            "FATAL: the database does not let the secret's role in; see the gateway's log; "
            "SQLState: 28000"};
  }
  std::string said = error.message.substr(words, error.message.find(';', words) - words);
  if (const auto spaces = said.find(":  "); spaces != std::string::npos) said.erase(spaces + 1, 1);
  const bool no_database = said.find("database \"") != std::string::npos;
  const bool no_password = said.find("password") != std::string::npos;
  return {Failure::database_error,
          fmt::format("{}; SQLState: {}", said,
                      no_database ? "3D000" : (no_password ? "28P01" : "28000"))};
}

}  // namespace

Pool::Pool(asio::any_io_executor io, postgres::PostgresUrl url, const Options& options)
    : io_(std::move(io)), url_(std::move(url)), database_(database_of(url_)), options_(options) {
  const auto& secrets = options_.keys.secrets;
  if (secrets.empty()) return;
  const auto& role = secrets.begin()->second;
  tried_last_ = postgres::Login{role.user, role.password, database_};
  trouble_ = "the database has not answered yet";
}

bool Pool::has_room() const noexcept {
  const std::size_t in_use = open_ - idle_.size();
  return in_use + promised_ < options_.connections_max;
}

awaitable<Answer<Pool::Connection>> Pool::take(postgres::Login login, bool may_wait) {
  if (login.database.empty()) login.database = database_;
  if (closed_) co_return refuse(Failure::service_unavailable, "The gateway is stopping; try again");
  const bool free = waiters_.empty() && has_room();
  if (!free && (!may_wait || waiters_.size() >= options_.waiting_max)) co_return full();
  if (!free && !co_await wait_for_turn()) co_return full();
  for (;;) {
    auto connection = idle_for(login);
    if (!connection) break;
    if (connection->usable()) {
      lent_.insert(connection);
      co_return connection;
    }
    connection->close();
    --open_;
  }
  if (open_ >= options_.connections_max && !idle_.empty()) {
    idle_.front().connection->close();
    idle_.pop_front();
    --open_;
  }
  co_return co_await make(std::move(login));
}

awaitable<bool> Pool::wait_for_turn() {
  Waiter waiter(io_);
  waiter.timer.expires_after(options_.wait_max);
  const auto place = waiters_.insert(waiters_.end(), &waiter);
  boost::system::error_code ignored;
  co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (!waiter.called) waiters_.erase(place);
  if (waiter.called) --promised_;
  co_return waiter.called && !closed_;
}

void Pool::call_next() {
  if (waiters_.empty() || !has_room()) return;
  Waiter* next = waiters_.front();
  waiters_.pop_front();
  next->called = true;
  ++promised_;
  next->timer.cancel();
}

awaitable<Answer<Pool::Connection>> Pool::make(postgres::Login login) {
  ++open_;
  tried_last_ = login;
  const postgres::PlainOptions how{options_.statement_time_max,
                                   options_.transaction_idle_max + std::chrono::seconds(20)};
  auto connection = std::make_shared<postgres::PlainConnection>(io_, url_, std::move(login), how);
  const auto made = co_await connection->connect();
  if (made && !closed_) {
    ++figures_.connects;
    trouble_.clear();
    lent_.insert(connection);
    co_return connection;
  }
  connection->close();
  --open_;
  call_next();
  if (made) co_return refuse(Failure::service_unavailable, "The gateway is stopping; try again");
  ++figures_.connect_failures;
  log(LogLevel::warning, "database", made.error().message);
  auto refusal = refusal_of(made.error());
  trouble_ = refusal.failure == Failure::database_unavailable ? made.error().message : "";
  co_return tl::unexpected<data_api::Refusal>(std::move(refusal));
}

Pool::Connection Pool::idle_for(const postgres::Login& login) {
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&login](const Idle& one) {
    return one.connection->login() == login;
  });
  if (found == idle_.rend()) return {};
  auto connection = std::move(found->connection);
  idle_.erase(std::next(found).base());
  return connection;
}

void Pool::give_back(Connection connection) {
  lent_.erase(connection);
  if (closed_ || !connection->usable() || connection->in_transaction()) {
    connection->close();
    --open_;
  } else {
    idle_.push_back({std::move(connection), SteadyClock::now()});
  }
  call_next();
}

Pool::Place Pool::long_place() {
  const std::size_t all = options_.connections_max;
  const std::size_t kept = all == 1 ? 0 : std::max<std::size_t>(1, all / 8);
  if (held_long_ >= all - kept) {
    ++figures_.refused_full;
    return {};
  }
  ++held_long_;
  return {static_cast<void*>(this), [this](void*) { --held_long_; }};
}

void Pool::look(SteadyClock::time_point now) {
  while (!idle_.empty() && idle_.front().since + options_.idle_connection_max <= now) {
    idle_.front().connection->close();
    idle_.pop_front();
    --open_;
  }
  if (trouble_.empty() || trying_ || closed_ || !tried_last_ || !has_room()) return;
  trying_ = true;
  asio::co_spawn(io_, try_again(*tried_last_),
                 [this](const std::exception_ptr&) { trying_ = false; });
}

awaitable<void> Pool::try_again(postgres::Login login) {
  auto connection = co_await take(std::move(login), false);
  if (connection) give_back(std::move(*connection));
}

void Pool::close() {
  closed_ = true;
  for (auto& one : idle_) one.connection->close();
  for (const auto& one : lent_) one->close();
  open_ -= idle_.size();
  idle_.clear();
  for (auto* waiter : waiters_) waiter->timer.cancel();
}

PoolFigures Pool::figures() const noexcept {
  PoolFigures all = figures_;
  all.open = open_;
  all.idle = idle_.size();
  all.waiting = waiters_.size();
  return all;
}

tl::unexpected<data_api::Refusal> Pool::full() {
  ++figures_.refused_full;
  return refuse(Failure::service_unavailable,
                fmt::format("All {} connections of this resource are in use; try again later",
                            options_.connections_max));
}

}  // namespace hunt::gateway
