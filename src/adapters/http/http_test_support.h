// HttpTest: the server on a free loopback port over ports in memory, for the tests of this folder.
//
// Not for production. The lane runs on its own thread from run() to the end of the test.
#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "adapters/http/client.h"
#include "adapters/http/fake_ports.h"
#include "adapters/http/http_server.h"
#include "adapters/http/routes.h"

namespace hunt::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using std::chrono::milliseconds;

inline constexpr std::string_view admin = "admin-secret";
inline constexpr std::string_view uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
inline constexpr milliseconds patience{5'000};

inline std::string positions(int x, std::string_view world = "1") {
  return fmt::format(R"({{"world":{},"positions":[{{"player":"{}","x":{},"y":-3,"kind":"dig"}}]}})",
                     world, uuid, x);
}

class HttpTest : public ::testing::Test {
 protected:
  HttpTest() {
    store.known_worlds = {{1, "demo"}, {7, "north"}};
    options.port = 0;
    options.admin_token = admin;
  }
  ~HttpTest() override {
    if (!server) return;
    server->stop();
    thread.join();
    EXPECT_EQ(server->connections(), 0U);
  }

  void run() {
    Ports fakes{bus, store, monitor, rules, {&store}};
    fakes.settings = settings;
    fakes.explainer = &explainer;
    server = std::make_unique<HttpServer>(lane, fakes, options);
    if (lane_server == nullptr) {
      lane_server = std::make_unique<LaneServer>(lane, bus, store, options.header_bytes_max);
    }
    server->lend_to({lane_server.get()});
    const auto bound = server->listen();
    ASSERT_TRUE(bound.has_value()) << bound.error().message;
    port = *bound;
    server->start();
    thread = std::thread([this] { lane.run(); });
  }

  HttpResponse send(std::string_view method, std::string_view target, std::string body = {},
                    std::string_view token = {}) {
    const auto response = http_request(fmt::format("http://127.0.0.1:{}", port), method, target,
                                       std::move(body), token, patience);
    EXPECT_TRUE(response.has_value()) << (response ? "" : response.error().message);
    return response ? *response : HttpResponse{};
  }

  // The response has this status, and its error this code and these words.
  void expect_error(const HttpResponse& response, unsigned status, std::string_view code,
                    std::string_view says, std::string_view field = {}) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_NE(response.body.find(fmt::format(R"({{"error":{{"code":"{}")", code)),
              std::string::npos)
        << response.body;
    const auto error = error_of(response);
    EXPECT_NE(error.message.find(says), std::string::npos) << error.message;
    EXPECT_EQ(error.field, field) << error.message;
  }

  tcp::socket connect() {
    tcp::socket socket(client_loop);
    socket.connect({asio::ip::make_address("127.0.0.1"), port});
    return socket;
  }
  static void write(tcp::socket& socket, std::string_view text) {
    boost::system::error_code ignored;
    asio::write(socket, asio::buffer(text), ignored);
  }
  // All that comes until the server closes.
  static std::string read_all(tcp::socket& socket) {
    std::string text;
    boost::system::error_code error;
    asio::read(socket, asio::dynamic_buffer(text), error);
    return text;
  }
  // What the server says to raw bytes, up to its closing.
  std::string exchange(std::string_view text) {
    auto socket = connect();
    write(socket, text);
    return read_all(socket);
  }

  HttpOptions options;
  FakeBus bus;
  FakeStore store;
  FakeMonitor monitor;
  FakeRules rules;
  model::Settings settings;
  FakeExplainer explainer;
  asio::io_context lane{1};
  asio::io_context client_loop;
  std::unique_ptr<LaneServer> lane_server;  // on the same loop, unless the test makes another
  std::unique_ptr<HttpServer> server;
  std::thread thread;
  std::uint16_t port = 0;
};

}  // namespace hunt::http
