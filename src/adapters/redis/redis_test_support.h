// What the tests of this folder share: real Redis servers, alone and as a cluster, and caches over
// them whose time a test moves.
//
// Not for production code. Servers listen on loopback only, keep nothing on disk but a cluster's
// node file, and end with their object.
#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "adapters/redis/redis_cache.h"
#include "base/testing/server_process.h"
#include "ports/contract/tile_cache_contract_fixture.h"

namespace hunt::redis {

// A person at redis-cli.
class Shell {
 public:
  explicit Shell(std::uint16_t port)
      : context_(redisConnectWithTimeout("127.0.0.1", port, {10, 0}), redisFree) {
    HUNT_ASSERT(context_ != nullptr && context_->err == 0);
    redisSetTimeout(context_.get(), {10, 0});
  }
  // Words as redis-cli takes them, without quotes. Errors come back as replies.
  Reply operator()(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const auto& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    const std::unique_ptr<void, void (*)(void*)> reply(
        redisCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(),
                         sizes.data()),
        freeReplyObject);
    return reply == nullptr ? Reply{} : copy_of(*static_cast<redisReply*>(reply.get()));
  }

 private:
  std::unique_ptr<redisContext, void (*)(redisContext*)> context_;
};

// Waits until it holds, at most 20 s; a machine that is busy only makes it slower.
inline bool eventually(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

class RedisServer {
 public:
  explicit RedisServer(const std::vector<std::string>& more = {}, std::uint16_t port = 0)
      : port_(port == 0 ? testing::free_port() : port), process_(command(more)) {
    start();
  }
  void start() {
    const auto started = process_.start();
    HUNT_ASSERT(started.has_value());
    // It listens before it serves.
    HUNT_ASSERT(eventually([this] { return !Shell(port_)({"PING"}).is_error("LOADING"); }));
  }
  [[nodiscard]] testing::ServerProcess& process() noexcept { return process_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string url() const { return fmt::format("redis://127.0.0.1:{}", port_); }
  Reply shell(const std::vector<std::string>& words) const { return Shell(port_)(words); }

 private:
  [[nodiscard]] testing::ServerCommand command(const std::vector<std::string>& more) const {
    testing::ServerCommand out;
    out.arguments = {
        "redis-server", "--port", std::to_string(port_),    "--bind", "127.0.0.1", "--save", "",
        "--appendonly", "no",     "--enable-debug-command", "yes"};
    out.arguments.insert(out.arguments.end(), more.begin(), more.end());
    out.folder = folder_.path();
    out.port = port_;
    return out;
  }

  testing::TemporaryFolder folder_{"hunt-redis"};
  std::uint16_t port_;
  testing::ServerProcess process_;
};

// Masters that share the slots evenly, and replicas of the first ones.
class RedisCluster {
 public:
  explicit RedisCluster(std::size_t masters, std::size_t replicas = 0) {
    for (std::size_t i = 0; i < masters + replicas; ++i) {
      std::uint16_t port = testing::free_port();
      while (port > 55'535) port = testing::free_port();  // the bus is 10,000 above
      const std::vector<std::string> more{"--cluster-enabled",
                                          "yes",
                                          "--cluster-node-timeout",
                                          "1000",
                                          "--cluster-replica-validity-factor",
                                          "0"};
      nodes_.push_back(std::make_unique<RedisServer>(more, port));
    }
    for (std::size_t i = 0; i < masters; ++i) {
      const std::size_t first = slot_count * i / masters;
      const std::size_t last = slot_count * (i + 1) / masters - 1;
      shell(i, {"CLUSTER", "ADDSLOTSRANGE", std::to_string(first), std::to_string(last)});
      shell(i, {"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    }
    for (std::size_t i = 1; i < nodes_.size(); ++i) {
      shell(i, {"CLUSTER", "MEET", "127.0.0.1", std::to_string(nodes_[0]->port())});
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) HUNT_ASSERT(is_whole(i));
    for (std::size_t i = 0; i < replicas; ++i) {
      const std::string id = this->id(i);
      const std::size_t replica = masters + i;
      HUNT_ASSERT(eventually([&] {
        return !shell(replica, {"CLUSTER", "REPLICATE", id}).is_error();
      }));
      HUNT_ASSERT(eventually([&] {
        return shell(replica, {"INFO", "replication"}).text.find("master_link_status:up") !=
               std::string::npos;
      }));
    }
  }
  [[nodiscard]] RedisServer& node(std::size_t i) { return *nodes_[i]; }
  Reply shell(std::size_t i, const std::vector<std::string>& words) {
    return nodes_[i]->shell(words);
  }
  [[nodiscard]] std::string id(std::size_t i) { return shell(i, {"CLUSTER", "MYID"}).text; }
  [[nodiscard]] bool is_whole(std::size_t seen_from) {
    return eventually([&] {
      const std::string info = shell(seen_from, {"CLUSTER", "INFO"}).text;
      const std::string known = fmt::format("cluster_known_nodes:{}\r", nodes_.size());
      return info.find("cluster_state:ok") != std::string::npos &&
             info.find(known) != std::string::npos;
    });
  }
  // Named after its first node: the others are found.
  [[nodiscard]] std::string url() const {
    return fmt::format("redis-cluster://127.0.0.1:{}", nodes_[0]->port());
  }
  void flush_all() {
    for (const auto& node : nodes_) node->shell({"FLUSHALL"});
  }

 private:
  std::vector<std::unique_ptr<RedisServer>> nodes_;
};

[[nodiscard]] inline RedisUrl url_of(const std::string& text) {
  auto url = parse_redis_url(text);
  HUNT_ASSERT(url.has_value());
  return std::move(*url);
}

// A cache over servers that exist already. Its deadline is long, since a test machine may be busy;
// tests of deadlines set their own.
class RedisUnderTest : public ports::contract::CacheUnderTest {
 public:
  static constexpr std::int64_t patient_ns = 20'000'000'000;

  explicit RedisUnderTest(const std::string& url, std::function<void()> flush = {},
                          std::int64_t deadline_ns = patient_ns, bool own_time = true,
                          const std::string& hunt = "hunt", const std::string& owner = {})
      : flush_(std::move(flush)) {
    RedisOptions options;
    options.hunt = *model::HuntName::parse(hunt);
    options.owner = {owner, owner.empty() ? "" : "sqlite:" + owner.substr(0, 1) + ".db"};
    options.deadline_ns = deadline_ns;
    if (own_time) options.test_time = [this] { return now_ms_; };
    cache_ = std::make_unique<RedisCache>(url_of(url), options, context_.get_executor());
  }
  [[nodiscard]] RedisCache& cache() override { return *cache_; }
  [[nodiscard]] boost::asio::io_context& context() override { return context_; }
  [[nodiscard]] std::int64_t now_ms() const override { return now_ms_; }
  void advance_ms(std::int64_t by_ms) override { now_ms_ += by_ms; }
  void lose_everything() override { flush_(); }

 private:
  std::function<void()> flush_;
  std::int64_t now_ms_ = 1'800'000'000'000;
  boost::asio::io_context context_;
  std::unique_ptr<RedisCache> cache_;
};

}  // namespace hunt::redis
