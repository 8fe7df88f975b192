// Which requests a client sends twice, and what becomes of a commit that nobody confirms.
#include "adapters/postgres/data_api_client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <functional>
#include <optional>
#include <tuple>
#include <vector>

#include "adapters/postgres/data_api_checkup.h"
#include "adapters/postgres/data_api_session.h"

namespace hunt::postgres {
namespace {

namespace asio = boost::asio;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using data_api::Operation;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr const char* no_rows = R"({"numberOfRecordsUpdated":0})";
constexpr const char* resuming = R"({"message":"resuming"})";
constexpr Statement nothing_sql{"nothing", "SELECT"};

class DataApiClients : public testing::Test {
 protected:
  // What is answered to the request of that path; empty: the connection is closed.
  using Answers = std::function<std::string(const std::string& path)>;

  DataApiClients() { spawn(listen()); }
  // They end when their sockets do, with the loop.
  void spawn(asio::awaitable<void> work) {
    asio::co_spawn(io_, std::move(work), [](const std::exception_ptr&) {});
  }
  std::shared_ptr<DataApiClient> client(DataApiClientOptions options) {
    const auto url = DataApiUrl::parse(
        fmt::format("data-api+http://127.0.0.1:{}?resource=arn:aws:rds:eu-north-1:1:cluster:a"
                    "&secret=arn:aws:secretsmanager:x:1:secret:s&database=d",
                    acceptor_.local_endpoint().port()));
    auto access = DataApiAccess::make(*url, [](const std::string& name) {
      return std::string(name.starts_with("AWS_ACCESS") || name.starts_with("AWS_SECRET") ? "x"
                                                                                          : "");
    });
    return std::make_shared<DataApiClient>(io_.get_executor(), *access, options);
  }
  template <class T>
  T run(asio::awaitable<T> task) {
    std::optional<T> out;
    asio::co_spawn(io_, std::move(task),
                   [&out](const std::exception_ptr&, T result) { out.emplace(std::move(result)); });
    while (!out) io_.run_one();
    return std::move(*out);
  }
  asio::awaitable<void> listen() {
    for (;;) {
      auto [failed, socket] = co_await acceptor_.async_accept(as_result);
      if (failed) co_return;
      spawn(talk(std::move(socket)));
    }
  }
  asio::awaitable<void> talk(tcp::socket socket) {
    boost::beast::flat_buffer buffer;
    for (;;) {
      bhttp::request<bhttp::string_body> request;
      const auto [unread, count] = co_await bhttp::async_read(socket, buffer, request, as_result);
      if (unread) co_return;
      if (silent_ && request.body().find("transactionId") == std::string::npos) {
        held_.push_back(std::move(socket));
        co_return;
      }
      paths_.emplace_back(request.target().data(), request.target().size());
      bhttp::response<bhttp::string_body> response(bhttp::status::ok, 11);
      response.body() = answers_(paths_.back());
      if (response.body().empty()) co_return;
      response.set(bhttp::field::date, "Sun, 06 Nov 1994 08:49:37 GMT");
      if (response.body() == resuming) {
        response.result(bhttp::status::bad_request);
        response.set("x-amzn-ErrorType", "DatabaseResumingException");
      }
      response.prepare_payload();
      const auto [unsent, sent] = co_await bhttp::async_write(socket, response, as_result);
      if (unsent) co_return;
    }
  }

  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  Answers answers_;
  bool silent_ = false;  // requests outside of transactions are read and not answered
  std::vector<tcp::socket> held_;
  std::vector<std::string> paths_;
};

TEST_F(DataApiClients, only_a_statement_of_its_own_is_sent_again) {
  for (const auto& [operation, transaction, times] :
       {std::tuple(Operation::execute, "", 2U), std::tuple(Operation::execute, "t", 1U),
        std::tuple(Operation::begin, "", 1U), std::tuple(Operation::commit, "t", 1U)}) {
    const auto asker = client({});
    data_api::Request request;
    request.sql = "SELECT";
    request.sets.resize(1);
    answers_ = [](const std::string&) { return no_rows; };
    ASSERT_TRUE(run(asker->ask(Operation::execute, request)).has_value());
    paths_.clear();
    // The link that is kept is closed without a word; others are answered.
    answers_ = [this](const std::string&) { return paths_.size() == 1 ? "" : no_rows; };
    request.transaction = transaction;
    const auto answer = run(asker->ask(operation, request));
    EXPECT_EQ(paths_.size(), times) << data_api::operation_names[static_cast<int>(operation)];
    EXPECT_EQ(answer.has_value(), times == 2);
    asker->close();
  }
}

TEST_F(DataApiClients, a_commit_that_nobody_confirms_is_unknown_and_rolled_back) {
  DataApiClientOptions options;
  options.writes = true;
  const auto asker = client(options);
  SessionOptions session_options;
  session_options.writes = true;
  const auto session = std::make_shared<DataApiSession>(asker, session_options);
  std::string confirmed = "{}";
  answers_ = [&confirmed](const std::string& path) -> std::string {
    if (path == "/BeginTransaction") return R"({"transactionId":"t"})";
    return path == "/CommitTransaction" ? confirmed : no_rows;
  };
  const auto steps = [] {
    std::vector<Step> two(2);
    for (auto& step : two) step.statement = &nothing_sql;
    return two;
  };
  const auto unknown = run(session->call(steps()));
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code, Errc::unknown_outcome) << unknown.error().message;
  EXPECT_EQ(paths_.back(), "/RollbackTransaction");
  confirmed = R"({"transactionStatus":"Transaction Committed"})";
  const auto done = run(session->call(steps()));
  EXPECT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(paths_.back(), "/CommitTransaction");
  session->close();
}

TEST_F(DataApiClients, a_database_that_wakes_up_is_waited_for_but_not_for_ever) {
  DataApiClientOptions options;
  options.writes = true;
  options.resume_within = std::chrono::milliseconds(2'000);
  const auto asker = client(options);
  data_api::Request request;
  request.sql = "SELECT";
  request.sets.resize(1);
  answers_ = [this](const std::string&) { return paths_.size() < 3 ? resuming : no_rows; };
  const auto answer = run(asker->ask(Operation::execute, request));
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(paths_.size(), 3U);
  EXPECT_EQ(seconds_of_http_date(answer->date), 784'111'777);
  EXPECT_EQ(seconds_of_http_date("yesterday"), 0);
  // It did nothing, so it is not unknown what it did.
  answers_ = [](const std::string&) { return resuming; };
  const auto never = run(asker->ask(Operation::execute, request));
  ASSERT_FALSE(never.has_value());
  EXPECT_EQ(never.error().code, Errc::unavailable) << never.error().message;
  asker->close();
}

TEST_F(DataApiClients, a_request_waits_for_its_turn_and_one_of_a_transaction_does_not) {
  DataApiClientOptions options;
  options.at_once = 1;
  options.answer_within = std::chrono::milliseconds(300);
  const auto asker = client(options);
  data_api::Request request;
  request.sql = "SELECT";
  request.sets.resize(1);
  answers_ = [](const std::string&) { return no_rows; };
  std::optional<Errc> waited;
  std::optional<bool> within;
  silent_ = true;  // so the first has the only turn
  asio::co_spawn(io_, asker->ask(Operation::execute, request),
                 [](const std::exception_ptr&, const Result<DataApiAnswer>&) {});
  asio::co_spawn(io_, asker->ask(Operation::execute, request),
                 [&](const std::exception_ptr&, const Result<DataApiAnswer>& result) {
                   waited = result ? Errc::internal : result.error().code;
                 });
  request.transaction = "t";
  asio::co_spawn(io_, asker->ask(Operation::execute, request),
                 [&](const std::exception_ptr&, const Result<DataApiAnswer>& result) {
                   within = result.has_value();
                 });
  while (!waited || !within) io_.run_one();
  EXPECT_TRUE(*within);
  EXPECT_EQ(*waited, Errc::overloaded);
  asker->close();
}

TEST_F(DataApiClients, what_is_too_large_for_a_request_is_said_and_not_sent) {
  const auto asker = client({});
  data_api::Request request;
  request.sql = "SELECT";
  request.sets.resize(1);
  request.sets[0].push_back({"p1", std::string(4 * 1'024 * 1'024, 'x'), {}});
  answers_ = [](const std::string&) { return no_rows; };
  const auto answer = run(asker->ask(Operation::execute, request));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::too_large);
  EXPECT_NE(answer.error().message.find("postgres://"), std::string::npos);
  EXPECT_TRUE(paths_.empty());
  asker->close();
}

}  // namespace
}  // namespace hunt::postgres
