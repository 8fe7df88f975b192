// DataApiClient: the requests of one user to a Data API: signed, over a bounded number of
// connections that are kept.
//
// Not statements (data_api_sql.h). Waits while a database wakes up; sends a request again only
// where nothing was done, or doing it again does no harm: never one of a transaction, nor its
// begin, of which nobody knows what became. While nobody can be reached, calls fail at once.
// Thread: its executor's. Lifetime: made by make_shared; ends after close(), when its handlers ran.
#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "adapters/postgres/data_api_access.h"
#include "adapters/postgres/interrupt.h"
#include "base/prng.h"
#include "base/result.h"
#include "data_api/request.h"

namespace hunt::postgres {

struct DataApiClientOptions {
  // Connections, and requests under way. Those of a transaction that has begun come on top: who
  // waits for its locks must not keep it from its end.
  std::size_t at_once = 2;
  bool writes = false;             // a request without an answer is `unknown_outcome`
  bool repeatable = true;          // the same statement again does no harm
  std::uint64_t seed = 1;          // of the jitter between attempts to connect
  Interrupt* interrupt = nullptr;  // of a caller that waits. Lifetime: outlives the client
  std::chrono::milliseconds answer_within{15'000};  // also the wait for a turn
  // How long a database may take to wake up.
  std::chrono::milliseconds resume_within{60'000};
};

struct DataApiAnswer {
  std::string body;
  std::int64_t wait_us = 0;  // how long its request waited for a connection
  std::string date;          // by the server's clock, as HTTP has it
};

class DataApiClient : public std::enable_shared_from_this<DataApiClient> {
 public:
  DataApiClient(boost::asio::any_io_executor io, std::shared_ptr<DataApiAccess> access,
                DataApiClientOptions options);
  ~DataApiClient();
  DataApiClient(const DataApiClient&) = delete;
  DataApiClient& operator=(const DataApiClient&) = delete;

  // Resource, secret and database are the access's. Errors: those of HuntStore, unauthorized,
  // too_large.
  [[nodiscard]] boost::asio::awaitable<Result<DataApiAnswer>> ask(data_api::Operation operation,
                                                                  data_api::Request request);
  // Makes a connection without a request, where there is none.
  void connect_ahead();
  // Why nobody could be reached, after an attempt that failed.
  [[nodiscard]] const std::optional<Error>& trouble() const noexcept { return unreachable_; }
  // Requests under way fail.
  void close();
  [[nodiscard]] std::size_t busy() const noexcept { return busy_ + waiters_.size(); }
  [[nodiscard]] std::uint64_t connects() const noexcept { return connects_; }
  [[nodiscard]] const std::string& shown() const noexcept { return access_->url().shown(); }

 private:
  class Link;
  struct Reply;
  struct Lost;
  struct Waiter {
    explicit Waiter(const boost::asio::any_io_executor& io) : timer(io) {}
    boost::asio::steady_timer timer;
    bool called = false;
  };
  using Exchanged = tl::expected<Reply, Lost>;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  // `now`: nobody is waited for.
  [[nodiscard]] Awaitable<Result<void>> take_turn(bool now);
  void give_turn();
  [[nodiscard]] Awaitable<Result<std::shared_ptr<Link>>> connect();
  [[nodiscard]] Awaitable<Result<std::shared_ptr<Link>>> reach();
  [[nodiscard]] Awaitable<void> connect_and_keep();
  [[nodiscard]] std::shared_ptr<Link> kept_link();
  void keep(std::shared_ptr<Link> link);
  [[nodiscard]] Awaitable<Exchanged> exchange(std::shared_ptr<Link> link, std::string_view path,
                                              const std::string& body);
  // `again`: it may be sent twice. `in_transaction`: it waits for no turn.
  [[nodiscard]] Awaitable<Exchanged> post(std::string_view path, const std::string& body,
                                          bool again, bool in_transaction);
  [[nodiscard]] Awaitable<void> pause(std::chrono::milliseconds time);
  [[nodiscard]] Error error_of(const Lost& lost) const;

  boost::asio::any_io_executor io_;
  const std::shared_ptr<DataApiAccess> access_;
  const DataApiClientOptions options_;
  Prng random_;
  std::list<std::shared_ptr<Link>> idle_;  // used last comes last
  std::set<std::shared_ptr<Link>> active_;
  std::deque<std::shared_ptr<Waiter>> waiters_;
  std::set<boost::asio::steady_timer*> pauses_;
  std::size_t busy_ = 0;
  std::optional<Error> unreachable_;
  std::chrono::steady_clock::time_point retry_at_{};
  int failures_ = 0;
  bool connecting_ahead_ = false;
  bool closed_ = false;
  std::uint64_t connects_ = 0;
};

}  // namespace hunt::postgres
