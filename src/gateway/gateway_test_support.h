// TestGateway: a gateway of its own over a PostgreSQL server, on a port of its own, and stores that
// are opened over it.
//
// Not for production code.
#pragma once
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "adapters/postgres/data_api_database.h"
#include "adapters/postgres/postgres_test_support.h"
#include "gateway/gateway.h"
#include "gateway/server.h"

namespace hunt::gateway {

class TestGateway {
 public:
  static constexpr std::string_view resource = "arn:aws:rds:eu-north-1:1:cluster:hunt";
  static constexpr std::string_view secret = "arn:aws:secretsmanager:eu-north-1:1:secret:hunt";

  // Of any database of this server.
  explicit TestGateway(const postgres::PostgresUrl& url) {
    options_.port = testing::free_port();
    options_.any_resource = url;
    options_.keys.access_keys["AKID"] = {"AKID", "key", "token", {}};
    options_.keys.secrets[std::string(secret)] = {"hunt", ""};
    start();
  }
  ~TestGateway() { stop(); }
  TestGateway(const TestGateway&) = delete;
  TestGateway& operator=(const TestGateway&) = delete;

  void start() {
    io_.emplace(1);
    gateway_.emplace(io_->get_executor(), options_);
    server_.emplace(*io_, *gateway_, options_);
    const auto port = server_->listen();
    HUNT_ASSERT(port.has_value());
    server_->start();
    thread_ = std::thread([this] { io_->run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(*io_, [this] { server_->stop(); });
    thread_.join();
    server_.reset();
    gateway_.reset();
    io_.reset();
  }

  // The store of that database, which has to be there.
  [[nodiscard]] Result<std::unique_ptr<postgres::PostgresStore>> open(
      const postgres::PostgresUrl& url, postgres::PostgresOptions options) const {
    HUNT_TRY(database, postgres::database_at(url_of(url), environment));
    return postgres::PostgresStore::open(std::move(database), options);
  }
  // The same, made before where it is not there.
  [[nodiscard]] postgres::Opener opener() const {
    return [this](const postgres::PostgresUrl& url, postgres::PostgresOptions options) {
      postgres::open_store(url, options)->close();
      auto store = open(url, options);
      EXPECT_TRUE(store.has_value()) << store.error().message;
      HUNT_ASSERT(store.has_value());
      return std::move(*store);
    };
  }
  [[nodiscard]] postgres::DataApiUrl url_of(const postgres::PostgresUrl& url) const {
    return postgres::DataApiUrl::parse(
               fmt::format("data-api+http://127.0.0.1:{}?resource={}&secret={}&database={}",
                           options_.port, resource, secret, postgres::TestServer::name_of(url)))
        .value();
  }
  [[nodiscard]] static std::string environment(const std::string& name) {
    if (name == "AWS_ACCESS_KEY_ID") return "AKID";
    if (name == "AWS_SECRET_ACCESS_KEY") return "key";
    return name == "AWS_SESSION_TOKEN" ? "token" : "";
  }

  // There, and its answer here.
  template <class Work>
  auto on_loop(Work work) {
    std::promise<decltype(work())> done;
    boost::asio::post(*io_, [&] { done.set_value(work()); });
    return done.get_future().get();
  }

  // Requests answered since it was started, and connections it made.
  [[nodiscard]] std::uint64_t answered(data_api::Operation operation) {
    return on_loop([&] {
      std::uint64_t sum = 0;
      for (const auto count : gateway_->figures().requests[static_cast<std::size_t>(operation)]) {
        sum += count;
      }
      return sum;
    });
  }
  // Of sessions, which statements may have left something in.
  [[nodiscard]] std::uint64_t resets() {
    return on_loop([&] { return gateway_->figures().resets; });
  }
  [[nodiscard]] std::size_t transactions() {
    return on_loop([&] { return gateway_->transactions().size(); });
  }

 private:
  Options options_;
  std::optional<boost::asio::io_context> io_;
  std::optional<Gateway> gateway_;
  std::optional<Server> server_;
  std::thread thread_;
};

}  // namespace hunt::gateway
