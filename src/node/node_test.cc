#include "node/node.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>

#include "adapters/http/client.h"
#include "adapters/system/system_clock.h"
#include "base/random_bytes.h"
#include "base/text.h"
#include "node/open_store.h"

namespace hunt::node {
namespace {

constexpr std::int64_t slow_ns = 200'000'000;

class NodeStart : public ::testing::Test {
 protected:
  NodeStart()
      : path_(std::filesystem::temp_directory_path() /
              ("hunt-node-" + to_hex(random_bytes<8>()) + ".db")) {
    const system::SystemClock clock;
    auto opened = OpenStore::open(StoreUrl::sqlite(path_), clock, {});
    HUNT_ASSERT(opened.has_value());
    model::Burial loot;
    loot.tile = {5, 5};
    loot.table = "starlight";
    loot.budget = 1;
    HUNT_ASSERT(run_here((*opened)->store().bury(1, {loot})).has_value());
    (*opened)->close();
  }
  ~NodeStart() override {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  }

  // Each lane reads the loot ahead by calls of its own, lane after lane.
  [[nodiscard]] NodeOptions slow_with_lanes(std::size_t lanes) const {
    NodeOptions options;
    options.stores = {StoreUrl::sqlite(path_)};
    options.listen = "127.0.0.1:0";
    options.lanes = lanes;
    options.heap_profile = false;
    options.wounds.slow_store_ns = slow_ns;
    return options;
  }

  const std::string path_;
};

Result<http::HttpResponse> ask(const Node& node, const char* method, const char* target,
                               std::string body) {
  return http::http_request(node.address(), method, target, std::move(body), "",
                            std::chrono::seconds(30));
}

TEST_F(NodeStart, answers_over_http_while_the_loot_is_read_ahead) {
  auto node = Node::open(slow_with_lanes(8));
  ASSERT_TRUE(node.has_value()) << node.error().message;
  auto started = std::async(std::launch::async, [&node] { return (*node)->start(); });
  const std::string step =
      R"({"world":1,"positions":[{"player":"00000000-0000-4000-8000-000000000001","x":5,"y":5}]})";
  auto reply = ask(**node, "POST", "/v1/positions", step);
  while (reply && reply->status == 503) reply = ask(**node, "POST", "/v1/positions", step);
  const auto ready = ask(**node, "GET", "/readyz", "");
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->status, 200U) << reply->body;
  ASSERT_TRUE(ready.has_value()) << ready.error().message;
  EXPECT_EQ(ready->status, 503U);
  EXPECT_NE(ready->body.find("the loot is being read ahead"), std::string::npos) << ready->body;

  const auto done = started.get();
  ASSERT_TRUE(done.has_value()) << done.error().message;
  EXPECT_EQ(ask(**node, "GET", "/readyz", "")->status, 200U);
  (*node)->stop();
}

}  // namespace
}  // namespace hunt::node
