// LaneTest: HttpTest with a lane that has a thread, a bus and a memory of its own, for what it is
// lent.
//
// Not for production. Call run_lane() instead of run().
#pragma once
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>

#include "adapters/http/http_test_support.h"
#include "adapters/http/lane_server.h"
#include "base/testing/count_allocations.h"

namespace hunt::http {

// Its memory knows all but the tile (2, -3): loot where x is 77, hints elsewhere.
class LaneTest : public HttpTest {
 protected:
  ~LaneTest() override {
    if (server) server->stop();
    if (thread.joinable()) thread.join();
    if (server) {
      EXPECT_EQ(server->connections(), 0U);
      server.reset();
    }
    work.reset();
    if (lane_thread.joinable()) lane_thread.join();
    lane_server.reset();  // before its loop
  }

  void run_lane() {
    lane_server =
        std::make_unique<LaneServer>(lane_loop, lane_bus, store, options.header_bytes_max);
    lane_server->answer_with({[this](model::Batch& batch, ports::Wait, model::BatchReply& reply) {
                                return answer(batch, reply);
                              },
                              [] { return std::int64_t{0}; }});
    lane_thread = std::thread([this] { lane_loop.run(); });
    run();
  }

  bool answer(const model::Batch& batch, model::BatchReply& reply) {
    reply.outcomes.clear();
    reply.claims.clear();
    for (const auto& position : batch.positions) {
      if (position.tile.x == 2) return false;
      if (position.tile.x == 77) {
        reply.outcomes.push_back({model::Outcome::found, 0, 0});
        reply.claims.emplace_back().claim = {0x77, 0x78};
        continue;
      }
      reply.outcomes.push_back({model::Outcome::hint, 8, -1});
    }
    ++at_once;
    return true;
  }

  // The fewest calls of operator new in a round of a hundred that send `text` and await its answer,
  // which ends with a brace. Neither this thread nor the lane's calls it; the front's does now and
  // then, so of many rounds the best one counts. UINT64_MAX: the connection broke.
  static std::uint64_t fewest_allocations(int descriptor, std::string_view text) {
    std::array<char, 4'096> answer{};
    std::uint64_t fewest = UINT64_MAX;
    for (int round = 0; round < 20; ++round) {
      const std::uint64_t before = allocation_count();
      for (int i = 0; i < 100; ++i) {
        if (::send(descriptor, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
          return UINT64_MAX;
        std::size_t count = 0;
        while (count < 10 || answer[count - 1] != '}') {
          const auto got = ::recv(descriptor, answer.data() + count, answer.size() - count, 0);
          if (got <= 0) return UINT64_MAX;
          count += static_cast<std::size_t>(got);
        }
      }
      fewest = std::min(fewest, allocation_count() - before);
    }
    return fewest;
  }

  asio::io_context lane_loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{lane_loop.get_executor()};
  FakeBus lane_bus;
  std::atomic<int> at_once = 0;
  std::thread lane_thread;
};

}  // namespace hunt::http
