// Gateway: the operations of the Data API over PostgreSQL: from a request as it came to its answer.
//
// Not HTTP (server.h). Looks at the signature, then at the request, then at the database. Thread:
// its executor's. Lifetime: outlives the coroutines of answer(); close() ends what they wait for.
#pragma once
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/histogram.h"
#include "data_api/refusal.h"
#include "data_api/request.h"
#include "data_api/sigv4.h"
#include "gateway/options.h"
#include "gateway/pool.h"
#include "gateway/request_times.h"
#include "gateway/transactions.h"

namespace hunt::gateway {

struct Reply {
  std::string body;
  std::optional<data_api::Failure> failure;
};

// What the gateway counts, from its start.
struct Figures {
  // By operation, the last for what is none; and by failure, the last for none.
  std::array<std::array<std::uint64_t, data_api::failure_count + 1>, data_api::operation_count + 1>
      requests{};
  std::array<Histogram, data_api::operation_count> seconds;  // of those whose signature holds
  Histogram waited;                                          // for a connection
  std::uint64_t resets = 0;                                  // of sessions
};

class Gateway {
 public:
  // Lifetime: `options` outlives it.
  Gateway(boost::asio::any_io_executor io, const Options& options);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // `repeated`: the client says that it has sent this before. Lifetime: what the request names
  // outlives the call.
  [[nodiscard]] boost::asio::awaitable<Reply> answer(data_api::WireRequest request, bool repeated);

  // Once a second.
  void look(std::chrono::steady_clock::time_point now);
  // Transactions are rolled back, statements under way fail.
  void close();

  // Why requests cannot be answered, by all that is known; empty: they can.
  [[nodiscard]] std::string not_ready() const;
  [[nodiscard]] const Figures& figures() const noexcept { return figures_; }
  [[nodiscard]] const RequestTimes& times() const noexcept { return times_; }
  [[nodiscard]] std::size_t connections_max() const noexcept { return options_.connections_max; }
  [[nodiscard]] const Transactions& transactions() const noexcept { return transactions_; }
  // By the name of their resource; "*" is the one of every other.
  [[nodiscard]] const std::map<std::string, std::unique_ptr<Pool>, std::less<>>& pools()
      const noexcept {
    return pools_;
  }

 private:
  class Hold;
  struct Running;
  // What is known of a request beside its body, and what it took so far. Lifetime: answer()'s.
  struct Call {
    bool repeated = false;
    Spent spent;
  };
  using Sets = std::vector<std::vector<data_api::Bound>>;
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  [[nodiscard]] Awaitable<data_api::Answer<std::string>> perform(data_api::Operation operation,
                                                                 const data_api::AccessKey& key,
                                                                 std::string_view body, Call& call);
  [[nodiscard]] Awaitable<data_api::Answer<std::string>> statement(data_api::Request request,
                                                                   bool batch, Call& call);
  [[nodiscard]] Awaitable<data_api::Answer<std::string>> begin(data_api::Request request,
                                                               Call& call);
  [[nodiscard]] Awaitable<data_api::Answer<std::string>> end(data_api::Request request, bool commit,
                                                             Call& call);
  // A connection for the request: its transaction's, or one of the pool.
  [[nodiscard]] Awaitable<data_api::Answer<std::shared_ptr<Hold>>> hold(
      const data_api::Request& request, Call& call);
  // The statement, and what its columns are. Keeps the connection until it is done.
  [[nodiscard]] Awaitable<postgres::StatementAnswer> run(std::shared_ptr<Hold> hold,
                                                         std::string sql, Sets sets,
                                                         data_api::ResultOptions options,
                                                         bool without_limit);
  [[nodiscard]] Awaitable<void> run_on(std::shared_ptr<Running> running, std::shared_ptr<Hold> hold,
                                       std::string sql, Sets sets, data_api::ResultOptions options);
  [[nodiscard]] Awaitable<std::optional<postgres::StatementAnswer>> run_in_time(
      std::shared_ptr<Hold> hold, std::string sql, Sets sets, data_api::Request request);
  [[nodiscard]] Awaitable<void> clean(Pool* pool, Pool::Connection connection);
  [[nodiscard]] data_api::Answer<Pool*> pool_of(const std::string& resource);
  [[nodiscard]] data_api::Answer<postgres::Login> login_of(const data_api::Request& request) const;

  boost::asio::any_io_executor io_;
  const Options& options_;
  data_api::Verifier verifier_;
  std::map<std::string, std::unique_ptr<Pool>, std::less<>> pools_;
  Transactions transactions_;
  Figures figures_;
  RequestTimes times_;
  bool closed_ = false;
};

}  // namespace hunt::gateway
