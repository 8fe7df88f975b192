// DataApiSession: a Caller over a Data API: one statement is one request, several are a
// transaction.
//
// Not the connections (data_api_client.h). Nothing of a session lasts from call to call: settings
// are the database role's, and statements are not prepared. Of a call's times the commit is a part
// of the way: nobody tells it. Thread: its executor's.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/postgres/caller.h"
#include "adapters/postgres/data_api_client.h"
#include "adapters/postgres/data_api_sql.h"

namespace hunt::postgres {

class DataApiSession final : public Caller, public std::enable_shared_from_this<DataApiSession> {
 public:
  DataApiSession(std::shared_ptr<DataApiClient> client, const SessionOptions& options)
      : client_(std::move(client)), writes_(options.writes) {}

  using Caller::call;
  [[nodiscard]] boost::asio::awaitable<Result<std::vector<Rows>>> call(
      std::vector<Step> steps) override;
  [[nodiscard]] boost::asio::awaitable<Timed> call_timed(std::vector<Step> steps) override;
  void connect_ahead() override { client_->connect_ahead(); }
  [[nodiscard]] const std::optional<Error>& trouble() const noexcept override {
    return client_->trouble();
  }
  void close() override { client_->close(); }
  [[nodiscard]] std::size_t busy() const noexcept override { return client_->busy(); }
  [[nodiscard]] SessionFigures figures() const noexcept override {
    return {client_->connects(), calls_, client_->busy()};
  }

 private:
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  // `wait_us` grows by what was waited for a connection.
  [[nodiscard]] Awaitable<Result<std::vector<Rows>>> perform(std::vector<Step> steps, bool timed,
                                                             std::int64_t& wait_us);
  [[nodiscard]] Awaitable<Result<std::vector<Rows>>> run_transaction(std::vector<Step> steps,
                                                                     bool timed,
                                                                     std::int64_t& wait_us);
  [[nodiscard]] Awaitable<Result<Rows>> execute(Step step, SqlFrame frame, std::string transaction,
                                                std::int64_t& wait_us);
  [[nodiscard]] const std::string& text_of(const Step& step, SqlFrame frame);

  const std::shared_ptr<DataApiClient> client_;
  const bool writes_;
  std::map<std::pair<const Statement*, int>, std::string> texts_;  // by statement and frame
  std::uint64_t calls_ = 0;
};

}  // namespace hunt::postgres
