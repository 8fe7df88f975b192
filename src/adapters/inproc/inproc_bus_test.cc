// The in-process bus between real threads: answers come home, bounds hold, a slow listener sees
// gaps.
#include "adapters/inproc/inproc_bus.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

namespace hunt::inproc {
namespace {

namespace asio = boost::asio;

class OneMoment final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override { return 1; }
  [[nodiscard]] std::int64_t wall_us() const noexcept override { return 1; }
};
const OneMoment a_clock;

struct Loop {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread{[this] { context.run(); }};
  ~Loop() { stop(); }
  void stop() {
    context.stop();
    if (thread.joinable()) thread.join();
  }
  template <class T>
  T run(asio::awaitable<T> task) {
    return asio::co_spawn(context, std::move(task), asio::use_future).get();
  }
};

// Answers each position with a hint whose distance is the number of the handler's thread.
class Echo final : public ports::BatchHandler {
 public:
  explicit Echo(std::uint16_t number) : number_(number) {}
  asio::awaitable<Result<model::BatchReply>> handle(model::Batch batch, ports::Wait) override {
    thread = std::this_thread::get_id();
    received_ns = batch.received_ns;
    if (gate.valid()) gate.wait();
    model::BatchReply reply;
    reply.outcomes.assign(batch.positions.size(), {model::Outcome::hint, number_, -1});
    co_return reply;
  }
  std::thread::id thread;
  std::int64_t received_ns = 0;
  std::shared_future<void> gate;  // held back until set, when given

 private:
  std::uint16_t number_;
};

model::Batch batch_of(std::size_t positions) {
  model::Batch batch;
  batch.positions.resize(positions);
  return batch;
}

TEST(InprocBus, answers_on_the_serving_lane_and_resumes_the_asker) {
  InprocBus hub(a_clock);
  Echo echo(7);
  Loop serving;
  Loop asking;
  const auto server = hub.endpoint(serving.context.get_executor());
  const auto client = hub.endpoint(asking.context.get_executor());
  server->serve(echo);
  const auto reply = asking.run(client->ask(batch_of(3), ports::Wait::no));
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->outcomes.size(), 3U);
  EXPECT_EQ(reply->outcomes[0].distance, 7);
  EXPECT_EQ(echo.thread, serving.thread.get_id());
  EXPECT_EQ(echo.received_ns, 1) << "the wait for the lane is to be seen";
  server->stop_serving();
  const auto refused = asking.run(client->ask(batch_of(1), ports::Wait::no));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  serving.stop();
  asking.stop();
}

TEST(InprocBus, a_lane_asks_itself_first_and_others_in_turn) {
  InprocBus hub(a_clock);
  Echo one(1);
  Echo two(2);
  Loop first;
  Loop second;
  Loop asking;
  const auto bus_one = hub.endpoint(first.context.get_executor());
  const auto bus_two = hub.endpoint(second.context.get_executor());
  const auto client = hub.endpoint(asking.context.get_executor());
  bus_one->serve(one);
  bus_two->serve(two);
  for (int i = 0; i < 4; ++i) {
    const auto own = second.run(bus_two->ask(batch_of(1), ports::Wait::no));
    EXPECT_EQ(own.value().outcomes[0].distance, 2);
  }
  const auto a = asking.run(client->ask(batch_of(1), ports::Wait::no));
  const auto b = asking.run(client->ask(batch_of(1), ports::Wait::no));
  EXPECT_EQ(a.value().outcomes[0].distance + b.value().outcomes[0].distance, 3);
  for (Loop* loop : {&first, &second, &asking}) loop->stop();
}

TEST(InprocBus, too_many_asks_in_flight_are_overloaded_and_none_is_lost) {
  InprocBus hub(a_clock, {.asks_inflight_max = 2});
  Echo echo(1);
  std::promise<void> open;
  echo.gate = open.get_future().share();
  Loop serving;
  Loop asking;
  const auto server = hub.endpoint(serving.context.get_executor());
  const auto client = hub.endpoint(asking.context.get_executor());
  server->serve(echo);
  std::vector<std::future<Result<model::BatchReply>>> replies;
  for (int i = 0; i < 5; ++i) {
    replies.push_back(asio::co_spawn(asking.context, client->ask(batch_of(1), ports::Wait::no),
                                     asio::use_future));
  }
  std::size_t overloaded = 0;
  for (std::size_t i = 2; i < 5; ++i) {
    const auto reply = replies[i].get();
    if (!reply && reply.error().code == Errc::overloaded) ++overloaded;
  }
  EXPECT_EQ(overloaded, 3U);
  open.set_value();
  EXPECT_TRUE(replies[0].get().has_value());
  EXPECT_TRUE(replies[1].get().has_value());
  serving.stop();
  asking.stop();
}

TEST(InprocBus, a_listener_that_falls_behind_loses_messages_and_sees_the_gap) {
  InprocBus hub(a_clock, {.messages_waiting_max = 4});
  Loop listening;
  Loop telling;
  const auto listener = hub.endpoint(listening.context.get_executor());
  const auto teller = hub.endpoint(telling.context.get_executor());
  std::vector<std::uint64_t> seen;
  listener->on_invalidation([&](const model::Invalidation& what) { seen.push_back(what.seq); });
  std::promise<void> open;
  const auto gate = open.get_future().share();
  asio::post(listening.context, [gate] { gate.wait(); });
  for (std::uint64_t seq = 1; seq <= 10; ++seq) {
    model::Invalidation message;
    message.seq = seq;
    teller->publish(std::move(message));
  }
  open.set_value();
  std::promise<void> drained;
  asio::post(listening.context, [&] { drained.set_value(); });
  drained.get_future().wait();
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 3, 4}));
  listening.stop();
  telling.stop();
}

}  // namespace
}  // namespace hunt::inproc
