// The gateway over a real PostgreSQL, with less patience than the real service has: pools that are
// full, transactions that nobody ends, statements that take too long.
#include "gateway/gateway.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <thread>

#include "adapters/postgres/postgres_test_support.h"
#include "adapters/system/process.h"
#include "gateway/metrics.h"
#include "gateway/why.h"

namespace hunt::gateway {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using postgres::TestServer;

constexpr std::string_view resource = "arn:aws:rds:eu-north-1:1:cluster:hunt";
constexpr std::string_view secret = "arn:aws:secretsmanager:eu-north-1:1:secret:hunt";

Options options_for(const postgres::PostgresUrl& url) {
  Options options;
  options.any_resource = url;
  options.connections_max = 2;
  options.wait_max = 300ms;
  options.keys.access_keys["AKID"] = {"AKID", "key", "", {}};
  options.keys.secrets[std::string(secret)] = {"hunt", ""};
  return options;
}

// A gateway on a thread of its own, asked as a client does.
class Running {
 public:
  explicit Running(Options options) : options_(std::move(options)) {
    thread_ = std::thread([this] { io_.run(); });
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  template <class Work>
  auto on_loop(Work work) {
    std::promise<decltype(work())> done;
    asio::post(io_, [&] {
      if constexpr (std::is_void_v<decltype(work())>) {
        work();
        done.set_value();
      } else {
        done.set_value(work());
      }
    });
    return done.get_future().get();
  }
  ~Running() {
    on_loop([this] { gateway_.close(); });
    work_.reset();
    thread_.join();
  }

  // `more` continues the JSON object.
  std::future<Reply> begin_ask(std::string path, const std::string& more, bool repeated = false) {
    return asio::co_spawn(io_, ask_on_loop(std::move(path), body_of(more), repeated),
                          asio::use_future);
  }
  Reply ask(std::string path, const std::string& more, bool repeated = false) {
    return begin_ask(std::move(path), more, repeated).get();
  }
  std::future<Reply> begin_execute(const std::string& sql, const std::string& more = {},
                                   bool repeated = false) {
    return begin_ask("/Execute", fmt::format(R"(,"sql":"{}"{})", sql, more), repeated);
  }
  Reply execute(const std::string& sql, const std::string& more = {}, bool repeated = false) {
    return begin_execute(sql, more, repeated).get();
  }
  std::string begin() {
    const std::string body = ask("/BeginTransaction", "").body;
    const auto at = body.find(":\"") + 2;
    return body.substr(at, body.find('"', at) - at);
  }
  static std::string within(const std::string& transaction) {
    return fmt::format(R"(,"transactionId":"{}")", transaction);
  }

  // As the server does once a second, but `ahead` of time.
  void look(std::chrono::milliseconds ahead) {
    on_loop([&] { gateway_.look(std::chrono::steady_clock::now() + ahead); });
  }
  std::size_t transactions() {
    return on_loop([&] { return gateway_.transactions().size(); });
  }
  PoolFigures pool() {
    return on_loop([&] { return gateway_.pools().begin()->second->figures(); });
  }
  std::string metrics() {
    return on_loop([&] { return metrics_text(gateway_, {}); });
  }
  std::string why() {
    return on_loop([&] { return why_body(gateway_, std::chrono::steady_clock::now()); });
  }
  std::string not_ready() {
    return on_loop([&] { return gateway_.not_ready(); });
  }

 private:
  static std::string body_of(const std::string& more) {
    return fmt::format(R"({{"resourceArn":"{}","secretArn":"{}"{}}})", resource, secret, more);
  }
  asio::awaitable<Reply> ask_on_loop(std::string path, std::string body, bool repeated) {
    const std::string time = data_api::write_amz_time(
        std::chrono::system_clock::now().time_since_epoch() / std::chrono::microseconds(1));
    data_api::WireRequest request;
    request.method = "POST";
    request.path = path;
    request.body = body;
    request.headers.emplace_back("Host", "h");
    request.headers.emplace_back("X-Amz-Date", time);
    data_api::Scope scope;
    scope.date = time.substr(0, 8);
    scope.region = "eu-north-1";
    scope.service = "rds-data";
    const std::string made = data_api::authorization_for(request, time, scope, "AKID", "key");
    request.headers.emplace_back("Authorization", made);
    co_return co_await gateway_.answer(request, repeated);
  }

  Options options_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  Gateway gateway_{io_.get_executor(), options_};
  std::thread thread_;
};

void expect_failure(const Reply& reply, data_api::Failure failure, std::string_view words = "") {
  ASSERT_TRUE(reply.failure.has_value()) << reply.body;
  EXPECT_EQ(data_api::kind_of(*reply.failure).name, data_api::kind_of(failure).name) << reply.body;
  EXPECT_NE(reply.body.find(words), std::string::npos) << reply.body;
}
void expect_done(const Reply& reply, std::string_view words = "") {
  EXPECT_FALSE(reply.failure.has_value()) << reply.body;
  EXPECT_NE(reply.body.find(words), std::string::npos) << reply.body;
}

class GatewayTest : public ::testing::Test {
 protected:
  postgres::PostgresUrl url_ = TestServer::shared().make_database();
  Options options_ = options_for(url_);
};

TEST_F(GatewayTest, keeps_connections_and_answers) {
  Running gateway(options_);
  for (int i = 0; i < 50; ++i) expect_done(gateway.execute("select 7"), R"([[{"longValue":7}]])");
  EXPECT_EQ(gateway.pool().connects, 1U);
  EXPECT_NE(gateway.metrics().find(
                R"(hunt_data_api_requests_total{operation="ExecuteStatement",result="ok"} 50)"),
            std::string::npos);
  gateway.look(10min);
  EXPECT_EQ(gateway.pool().open, 0U) << "idle connections are closed";
  expect_done(gateway.execute("select 7"));
}

TEST_F(GatewayTest, refuses_when_no_connection_comes_back_and_a_repeat_at_once) {
  options_.connections_max = 1;
  Running gateway(options_);
  const auto only = gateway.begin();
  const auto from = std::chrono::steady_clock::now();
  expect_failure(gateway.execute("select 1"), data_api::Failure::service_unavailable, "in use");
  EXPECT_GE(std::chrono::steady_clock::now() - from, 300ms);
  auto waits = gateway.begin_execute("select 1");
  // Behind it in the queue, and yet answered: it does not wait.
  expect_failure(gateway.execute("select 1", "", true), data_api::Failure::service_unavailable);
  expect_done(gateway.ask("/CommitTransaction", Running::within(only)));
  expect_done(waits.get());
  EXPECT_EQ(gateway.pool().refused_full, 2U);
  expect_done(gateway.execute("select 1", "", true));
}

TEST_F(GatewayTest, serves_those_who_wait_in_order_and_in_full) {
  options_.wait_max = 60s;
  Running gateway(options_);
  std::vector<std::future<Reply>> all;
  for (int i = 0; i < 500; ++i) {
    all.push_back(gateway.begin_execute("select pg_sleep(0.001)"));
  }
  for (auto& one : all) expect_done(one.get());
  const auto figures = gateway.pool();
  EXPECT_LE(figures.open, 2U);
  EXPECT_EQ(figures.waiting, 0U);
  EXPECT_EQ(figures.idle, figures.open);
}

TEST_F(GatewayTest, bounds_those_who_wait) {
  options_.connections_max = 1;
  options_.waiting_max = 3;
  options_.wait_max = 60s;
  Running gateway(options_);
  const auto only = gateway.begin();
  const auto from = std::chrono::steady_clock::now();
  std::vector<std::future<Reply>> all;
  for (int i = 0; i < 10; ++i) all.push_back(gateway.begin_execute("select 1"));
  for (std::size_t i = 3; i < all.size(); ++i) {
    expect_failure(all[i].get(), data_api::Failure::service_unavailable);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - from, 50s) << "they did not wait";
  EXPECT_EQ(gateway.pool().waiting, 3U);
  expect_done(gateway.ask("/CommitTransaction", Running::within(only)));
  for (std::size_t i = 0; i < 3; ++i) expect_done(all[i].get());
}

TEST_F(GatewayTest, keeps_one_connection_of_eight_for_calls_without_a_transaction) {
  options_.connections_max = 8;
  Running gateway(options_);
  std::vector<std::string> all;
  for (int i = 0; i < 7; ++i) all.push_back(gateway.begin());
  expect_failure(gateway.ask("/BeginTransaction", ""), data_api::Failure::service_unavailable);
  expect_failure(gateway.execute("select 1", R"(,"continueAfterTimeout":true)"),
                 data_api::Failure::service_unavailable);
  expect_done(gateway.execute("select 1"));
  expect_done(gateway.ask("/RollbackTransaction", Running::within(all.back())));
  expect_done(gateway.execute("select 1", R"(,"continueAfterTimeout":true)"));
  EXPECT_EQ(gateway.begin().size(), 64U);
}

TEST_F(GatewayTest, keeps_one_connection_of_few_for_calls_without_a_transaction) {
  for (const std::size_t connections : {2U, 3U, 7U}) {
    options_.connections_max = connections;
    Running gateway(options_);
    for (std::size_t i = 1; i < connections; ++i) EXPECT_EQ(gateway.begin().size(), 64U);
    expect_failure(gateway.ask("/BeginTransaction", ""), data_api::Failure::service_unavailable);
    expect_done(gateway.execute("select 1"));
  }
}

TEST_F(GatewayTest, leaves_nothing_of_a_call_in_the_session_of_the_next) {
  options_.connections_max = 1;
  options_.wait_max = 60s;
  Running gateway(options_);
  expect_done(
      gateway.execute("create function quietly() returns text language sql as 'select "
                      "set_config(''application_name'', ''left'', false)'"));
  for (const std::string sql :
       {R"(select U&\"\\0073et_config\"('application_name', 'left', false))",
        R"(select query_to_xml('select set_config(''application_name'', ''left'', false)',)"
        R"( false, false, ''))",
        R"(select U&\"\\0070g_advisory_lock\"(4242))", R"(select quietly())"}) {
    expect_done(gateway.execute(sql));
    expect_done(gateway.execute("select current_setting('application_name')"), "hunt data-api");
    expect_done(gateway.execute("select count(*) from pg_locks where locktype = 'advisory'"),
                R"({"longValue":0})");
  }
  EXPECT_EQ(gateway.pool().connects, 1U);
}

TEST_F(GatewayTest, does_a_batch_of_as_many_sets_as_there_may_be) {
  Running gateway(options_);
  expect_done(gateway.execute("create table t (a int)"));
  std::string sets = "[]";
  for (std::size_t i = 1; i < data_api::batch_sets_max; ++i) sets += ",[]";
  const std::string more = R"x(,"sql":"insert into t values (1)","parameterSets":[)x" + sets + "]";
  expect_done(gateway.ask("/BatchExecute", more));
  expect_done(gateway.execute("select count(*) from t"),
              fmt::format(R"({{"longValue":{}}})", data_api::batch_sets_max));
  const auto id = gateway.begin();
  auto cut = gateway.begin_ask("/BatchExecute", more + Running::within(id));
  std::this_thread::sleep_for(20ms);
  gateway.look(25h);  // its transaction is over, most likely while it is sent
  (void)cut.get();
  expect_done(gateway.execute("select count(*) from t"),
              fmt::format(R"({{"longValue":{}}})", data_api::batch_sets_max));
}

TEST_F(GatewayTest, counts_rows_of_nothing) {
  Running gateway(options_);
  for (const std::string what : {"null", "''", ""}) {
    expect_failure(gateway.execute("select " + what + " from generate_series(1, 200000)"),
                   data_api::Failure::unsupported_result);
  }
}

TEST_F(GatewayTest, keeps_no_rows_of_a_batch) {
  Running gateway(options_);
  const double before = system::process_figures().resident_bytes;
  expect_done(gateway.ask(
      "/BatchExecute", R"x(,"sql":"select repeat('x', 1000), :n from generate_series(1, 200000)",)x"
                       R"x("parameterSets":[[{"name":"n","value":{"longValue":1}}],)x"
                       R"x([{"name":"n","value":{"isNull":true}}]])x"));
  EXPECT_LT(system::process_figures().resident_bytes - before, 100e6) << "of two results of 200 MB";
  expect_done(gateway.execute("select 1"));
}

TEST_F(GatewayTest, says_so_where_a_refused_result_is_of_what_was_done) {
  Running gateway(options_);
  expect_done(gateway.execute("create table t (a int[])"));
  expect_failure(gateway.execute("insert into t values ('{null}') returning a"),
                 data_api::Failure::unsupported_result, "took effect");
  expect_done(gateway.execute("select count(*) from t"), R"({"longValue":1})");
}

TEST_F(GatewayTest, ends_what_runs_when_it_closes) {
  std::future<Reply> plain;
  std::future<Reply> without_end;
  const auto from = std::chrono::steady_clock::now();
  {
    Running gateway(options_);
    plain = gateway.begin_execute("select pg_sleep(600)");
    without_end = gateway.begin_execute("select pg_sleep(600)", R"(,"continueAfterTimeout":true)");
    std::this_thread::sleep_for(200ms);
  }
  expect_failure(plain.get(), data_api::Failure::database_error, "SQLState: 08007");
  expect_failure(without_end.get(), data_api::Failure::database_error, "SQLState: 08007");
  EXPECT_LT(std::chrono::steady_clock::now() - from, 40s);
}

TEST_F(GatewayTest, rolls_back_what_nobody_ends) {
  Running gateway(options_);
  expect_done(gateway.execute("create table t (id int)"));
  const auto idle = gateway.begin();
  expect_done(gateway.execute("insert into t values (1)", Running::within(idle)));
  gateway.look(170s);
  EXPECT_EQ(gateway.transactions(), 1U);
  gateway.look(181s);
  EXPECT_EQ(gateway.transactions(), 0U);
  expect_failure(gateway.execute("select 1", Running::within(idle)),
                 data_api::Failure::transaction_not_found);
  expect_done(gateway.execute("select count(*) from t"), R"({"longValue":0})");
}

TEST_F(GatewayTest, ends_a_transaction_after_a_day_although_it_is_used) {
  options_.transaction_time_max = 1'000ms;
  Running gateway(options_);
  const auto old = gateway.begin();
  auto slow = gateway.begin_execute("select pg_sleep(5)", Running::within(old));
  std::this_thread::sleep_for(50ms);
  gateway.look(2s);
  expect_failure(slow.get(), data_api::Failure::database_error, "SQLState: 08006");
  EXPECT_EQ(gateway.transactions(), 0U);
  EXPECT_LE(gateway.pool().open, 1U);
}

TEST_F(GatewayTest, stays_flat_under_thousands_of_abandoned_transactions) {
  options_.connections_max = 8;
  Running gateway(options_);
  for (int round = 0; round < 250; ++round) {
    for (int i = 0; i < 7; ++i) EXPECT_EQ(gateway.begin().size(), 64U);
    gateway.look(181s);
  }
  EXPECT_EQ(gateway.transactions(), 0U);
  EXPECT_EQ(gateway.pool().open, 0U);
  EXPECT_NE(gateway.metrics().find("hunt_data_api_transactions_expired_total 1750"),
            std::string::npos);
  expect_done(gateway.execute("select 1"));
}

TEST_F(GatewayTest, stops_a_statement_that_takes_too_long) {
  options_.statement_time_max = 200ms;
  Running gateway(options_);
  expect_failure(gateway.execute("select pg_sleep(20)"), data_api::Failure::statement_timeout,
                 "\"dbConnectionId\":");
  expect_done(gateway.execute("select count(*) from pg_stat_activity where state = 'active'"
                              " and query like '%pg_sleep(20)%' and pid <> pg_backend_pid()"),
              R"({"longValue":0})");
  const auto id = gateway.begin();
  expect_failure(gateway.execute("select pg_sleep(20)", Running::within(id)),
                 data_api::Failure::statement_timeout);
  expect_failure(gateway.execute("select 1", Running::within(id)),
                 data_api::Failure::database_error, "25P02");
}

TEST_F(GatewayTest, lets_a_statement_go_on_where_it_is_told_to) {
  options_.statement_time_max = 200ms;
  Running gateway(options_);
  expect_done(gateway.execute("create table t (id int)"));
  const std::string goes_on = R"(,"continueAfterTimeout":true)";
  expect_failure(gateway.execute("insert into t select 1 from pg_sleep(0.6)", goes_on),
                 data_api::Failure::statement_timeout);
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (gateway.execute("select count(*) from t").body.find("\"longValue\":1") ==
         std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    std::this_thread::sleep_for(20ms);
  }
  // The session that was without a limit has one again.
  for (int i = 0; i < 4; ++i) {
    expect_done(gateway.execute("select current_setting('statement_timeout')"), "200ms");
  }
  expect_done(gateway.execute("select 1", goes_on));
}

TEST_F(GatewayTest, tells_a_database_that_is_away_and_finds_it_again) {
  TestServer server({"fsync = off"});
  auto options = options_for(server.url("postgres"));
  Running gateway(options);
  expect_done(gateway.execute("select 1"));
  EXPECT_EQ(gateway.not_ready(), "");
  server.stop();
  expect_failure(gateway.execute("select 1"), data_api::Failure::database_unavailable);
  EXPECT_NE(gateway.not_ready(), "");
  server.start();
  const auto end = std::chrono::steady_clock::now() + 60s;
  while (!gateway.not_ready().empty()) {
    ASSERT_LT(std::chrono::steady_clock::now(), end);
    gateway.look(0s);
    std::this_thread::sleep_for(20ms);
  }
  expect_done(gateway.execute("select 1"));
}

TEST_F(GatewayTest, says_that_nobody_knows_where_the_server_went_away_in_a_statement) {
  TestServer server({"fsync = off"});
  Running gateway(options_for(server.url("postgres")));
  auto slow = gateway.begin_execute("select pg_sleep(30)");
  std::this_thread::sleep_for(200ms);
  server.process().stop(SIGKILL);
  expect_failure(slow.get(), data_api::Failure::database_error, "SQLState: 08007");
}

TEST_F(GatewayTest, says_where_the_time_of_requests_goes) {
  options_.connections_max = 1;
  options_.wait_max = 60s;
  Running gateway(options_);
  EXPECT_NE(gateway.why().find("no requests"), std::string::npos);
  for (int i = 0; i < 6; ++i) expect_done(gateway.execute("select pg_sleep(0.2)"));
  EXPECT_NE(gateway.why().find(R"("verdict":"PostgreSQL of * takes the time)"), std::string::npos)
      << gateway.why();
  // The last of them waits for all others.
  std::vector<std::future<Reply>> all;
  for (int i = 0; i < 12; ++i) all.push_back(gateway.begin_execute("select pg_sleep(0.2)"));
  for (auto& one : all) expect_done(one.get());
  EXPECT_NE(gateway.why().find(R"("verdict":"requests wait for a connection to *)"),
            std::string::npos)
      << gateway.why();
}

// Whether the session was reset after the call: a reset forgets what a sequence gave last. Twice,
// for a gateway that sees a function for the first time does not know it yet.
bool is_reset_by(Running& gateway, const std::string& call) {
  for (int i = 0; i < 2; ++i) {
    expect_done(gateway.execute("select nextval('numbers')"));
    expect_done(gateway.execute(call));
  }
  return gateway.execute("select currval('numbers')").failure.has_value();
}

constexpr const char* grant_nothing =
    "select verdicts from grant_claims_packed(cast('{}' as bigint[]), cast('{}' as bigint[]),"
    " cast('{}' as bigint[]), cast('{}' as uuid[]), cast('{}' as uuid[]), cast('{}' as text[]),"
    " cast('{}' as text[]), cast('{}' as bigint[]), cast('{}' as bigint[]), null,"
    " cast('{}' as bigint[]))";
constexpr const char* own_calls[] = {"select now_us()", "select owned from range_of(1, 1)",
                                     "select ledger_settled()", grant_nothing};

TEST_F(GatewayTest, resets_no_session_after_the_functions_of_a_hunt_while_they_are_its_own) {
  postgres::open_store(url_, {})->close();
  options_.connections_max = 1;
  Running gateway(options_);
  expect_done(gateway.execute("create sequence numbers"));
  for (const char* call : own_calls) EXPECT_FALSE(is_reset_by(gateway, call)) << call;
  EXPECT_TRUE(is_reset_by(gateway, "select server_timeline()")) << "nobody says so of this one";
  // What they leave behind is nothing, indeed.
  expect_done(
      gateway.execute(
          "select (select count(*) from pg_settings where source = 'session')"
          " + (select count(*) from pg_locks where locktype = 'advisory')"
          " + (select count(*) from pg_prepared_statements)"
          " + (select count(*) from pg_cursors where name <> '')"  // else that of this very query
          " + (select count(*) from pg_class where relpersistence = 't')"),
      R"({"longValue":0})");
}

TEST_F(GatewayTest, takes_no_function_of_somebody_elses_for_one_of_a_hunt) {
  options_.connections_max = 1;
  {
    Running gateway(options_);
    expect_done(gateway.execute("create sequence numbers"));
    expect_done(
        gateway.execute("create function now_us() returns bigint language sql as 'select"
                        " setseed(0.5); select 1::bigint'"));
    EXPECT_TRUE(is_reset_by(gateway, "select now_us()"));
    expect_done(gateway.execute("drop function now_us()"));
  }
  postgres::open_store(url_, {})->close();
  {
    Running gateway(options_);
    EXPECT_FALSE(is_reset_by(gateway, "select now_us()"));
  }
  {
    Running gateway(options_);
    expect_done(
        gateway.execute("create function now_us(bigint) returns bigint language sql as"
                        " 'select $1'"));
    EXPECT_TRUE(is_reset_by(gateway, "select now_us()")) << "another could be meant";
    expect_done(gateway.execute("drop function now_us(bigint)"));
  }
  Running gateway(options_);
  expect_done(
      gateway.execute("create or replace function ledger_settled() returns bigint language"
                      " sql as 'select 1::bigint'"));
  EXPECT_TRUE(is_reset_by(gateway, "select now_us()")) << "one of them was changed";
}

TEST_F(GatewayTest, drops_a_result_that_is_too_large_and_goes_on) {
  Running gateway(options_);
  const auto id = gateway.begin();
  expect_failure(gateway.execute("select repeat('x', 1000) from generate_series(1, 50000)",
                                 Running::within(id)),
                 data_api::Failure::unsupported_result);
  expect_done(gateway.execute("select 1", Running::within(id)));
  expect_done(gateway.ask("/CommitTransaction", Running::within(id)));
}

}  // namespace
}  // namespace hunt::gateway
