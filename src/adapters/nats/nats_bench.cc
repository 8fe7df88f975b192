// Asks and stored positions over a real nats-server, from one client to one lane that answers at
// once, beside what cnats itself does with the same bytes: a bare echo over one reply subject, and
// bare publishing into the stream. One iteration is a fixed amount of work, kept in flight by
// several coroutines (or a window of messages). Names are <contestant>/<positions in a batch>.
#include <benchmark/benchmark.h>
#include <nats/nats.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "adapters/nats/connection.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/nats/nats_stream.h"
#include "adapters/nats/payload.h"
#include "adapters/nats/stored_asker.h"
#include "base/prng.h"
#include "base/testing/server_process.h"
#include "model/limits.h"

namespace hunt::nats {
namespace {

namespace asio = boost::asio;

// HUNT_BENCH_SMOKE makes the runs as short as they can be: for a check that this works at all.
const bool smoke = std::getenv("HUNT_BENCH_SMOKE") != nullptr;
constexpr std::size_t single_window = 512;  // messages in flight
constexpr std::size_t batch_window = 64;

std::size_t window_of(std::size_t positions) {
  return positions == 1 ? single_window : batch_window;
}
std::size_t messages_of(std::size_t positions) {
  if (smoke) return 256;
  return positions == 1 ? 200'000 : 20'000;
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "nats_bench: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
void must(natsStatus status) {
  if (status == NATS_OK) return;
  std::fprintf(stderr, "nats_bench: %s\n", natsStatus_GetText(status));
  std::exit(1);
}

class Server {
 public:
  Server() : port_(testing::free_port()) {
    const std::string path = folder_.file("nats.conf");
    std::ofstream(path) << fmt::format(
        "listen: 127.0.0.1:{}\njetstream {{ store_dir: \"{}\", max_file: 8GB }}\n", port_,
        folder_.file("jetstream"));
    testing::ServerCommand command;
    command.arguments = {"nats-server", "-c", path};
    command.folder = folder_.path();
    command.port = port_;
    process_.emplace(std::move(command));
    must(process_->start());
  }
  [[nodiscard]] std::string url() const { return fmt::format("nats://127.0.0.1:{}", port_); }

 private:
  testing::TemporaryFolder folder_{"hunt-nats-bench"};
  std::uint16_t port_;
  std::optional<testing::ServerProcess> process_;
};

const Server& server() {
  static const Server one;
  return one;
}

// A lane on a thread of its own, with its connection.
class Side {
 public:
  Side() {
    NatsOptions options;
    options.servers = must(parse_servers(server().url()));
    connection_ = Connection::make(loop_.get_executor(), options);
    thread_ = std::thread([this] { loop_.run(); });
    must(run(connection_->connect()));
  }
  ~Side() {
    run(connection_->close());
    loop_.stop();
    thread_.join();
  }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;

  template <class T>
  T run(asio::awaitable<T> task) {
    return asio::co_spawn(loop_, std::move(task), asio::use_future).get();
  }
  template <class Work>
  void call(Work work) {
    asio::post(loop_, asio::use_future(std::move(work))).get();
  }
  [[nodiscard]] Connection& connection() { return *connection_; }
  [[nodiscard]] asio::io_context& loop() { return loop_; }

 private:
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{loop_.get_executor()};
  std::unique_ptr<Connection> connection_;
  std::thread thread_;
};

model::Batch batch_of(std::size_t positions) {
  Prng random(7);
  model::Batch batch;
  for (std::size_t i = 0; i < positions; ++i) {
    const model::Tile tile{static_cast<std::int32_t>(random.below(4'096)), 5};
    batch.positions.push_back({{random.next(), random.next()}, tile, model::Kind::step, 0, 0});
  }
  return batch;
}

class Nothing final : public ports::BatchHandler, public ports::DeliveryHandler {
 public:
  explicit Nothing(ports::PositionStream* stream = nullptr) : stream_(stream) {}
  asio::awaitable<Result<model::BatchReply>> handle(model::Batch batch, ports::Wait) override {
    model::BatchReply reply;
    reply.outcomes.resize(batch.positions.size());
    co_return reply;
  }
  asio::awaitable<ports::Settled> handle(ports::Delivery delivery) override {
    model::BatchReply reply;
    reply.outcomes.resize(delivery.batch.positions.size());
    if (!delivery.reply_to.empty()) stream_->reply(delivery.reply_to, delivery.batch, reply);
    co_return ports::Settled::ack;
  }

 private:
  ports::PositionStream* stream_;
};

// Coroutines that ask until enough was asked, together `window`.
struct Asking {
  ports::Asker& asker;
  std::size_t positions;
  std::size_t left;
  std::atomic<std::size_t> answered{0};

  asio::awaitable<void> take() {
    const model::Batch batch = batch_of(positions);
    while (left > 0) {
      --left;
      const auto reply = must(co_await asker.ask(batch, ports::Wait::no));
      answered += reply.outcomes.size();
    }
  }
  void run(Side& side) {
    std::vector<std::future<void>> all;
    const std::size_t window = std::min(left, window_of(positions));
    for (std::size_t i = 0; i < window; ++i) {
      all.push_back(asio::co_spawn(side.loop(), take(), asio::use_future));
    }
    for (auto& one : all) one.get();
  }
};

void finish(benchmark::State& state, std::size_t positions, std::size_t answered) {
  if (answered != positions * messages_of(positions)) state.SkipWithError("not all was answered");
  state.SetItemsProcessed(static_cast<std::int64_t>(answered));
}

void measure(benchmark::State& state, Side& client, ports::Asker& asker, std::size_t positions) {
  Asking warm{asker, positions, 100};
  warm.run(client);
  Asking work{asker, positions, messages_of(positions)};
  for (auto _ : state) work.run(client);
  finish(state, positions, work.answered);
}

void bus_ask(benchmark::State& state) {
  const auto positions = static_cast<std::size_t>(state.range(0));
  Side lane;
  Side client;
  NatsBus serving(lane.connection(), BusOptions());
  NatsBus asking(client.connection(), BusOptions());
  Nothing handler;
  lane.call([&] { serving.serve(handler); });
  while (!client.run(asking.ask(batch_of(1), ports::Wait::no))) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the server does not know it yet
  }
  measure(state, client, asking, positions);
  lane.call([&] { serving.stop_serving(); });
  lane.run(serving.drain());
}

// ---- stored
// -------------------------------------------------------------------------------------------------

void stored_ask(benchmark::State& state) {
  const auto positions = static_cast<std::size_t>(state.range(0));
  Side lane;
  Side client;
  must(lane.run(lane.connection().prepare(StreamSettings(), {"0", "any"})));
  NatsStream serving(lane.connection(), StreamOptions());
  NatsBus hearing(client.connection(), BusOptions());
  StoredAsker asking(client.connection(), hearing);
  Nothing handler(&serving);
  lane.call([&] { serving.serve({0}, handler, limits::deliveries_inflight_max); });
  measure(state, client, asking, positions);
  lane.call([&] { serving.stop(); });
}

// ---- cnats alone
// -------------------------------------------------------------------------------------------------

class Bare {
 public:
  explicit Bare(bool asap) {
    natsOptions* options = nullptr;
    must(natsOptions_Create(&options));
    must(natsOptions_SetURL(options, server().url().c_str()));
    must(natsOptions_SetSendAsap(options, asap));
    must(natsConnection_Connect(&connection_, options));
    natsOptions_Destroy(options);
  }
  ~Bare() { natsConnection_Destroy(connection_); }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;
  [[nodiscard]] natsConnection* get() const { return connection_; }

 private:
  natsConnection* connection_ = nullptr;
};

struct Echo {
  std::string question;
  std::string answer;
  natsConnection* client = nullptr;
  std::size_t left = 0;      // to be sent
  std::size_t expected = 0;  // answers
  std::atomic<std::size_t> heard{0};
  std::mutex mutex;
  std::condition_variable all_heard;

  void ask() {
    must(natsConnection_PublishRequest(client, "bench.echo", "bench.reply", question.data(),
                                       static_cast<int>(question.size())));
  }
  static void on_question(natsConnection* connection, natsSubscription*, natsMsg* message,
                          void* closure) {
    const auto& echo = *static_cast<const Echo*>(closure);
    must(natsConnection_Publish(connection, natsMsg_GetReply(message), echo.answer.data(),
                                static_cast<int>(echo.answer.size())));
    natsMsg_Destroy(message);
  }
  static void on_answer(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
    natsMsg_Destroy(message);
    auto& echo = *static_cast<Echo*>(closure);
    if (echo.left > 0) {
      --echo.left;
      echo.ask();
    }
    if (++echo.heard < echo.expected) return;
    const std::lock_guard lock(echo.mutex);
    echo.all_heard.notify_all();
  }
  void run(std::size_t count, std::size_t window) {
    std::unique_lock lock(mutex);
    heard = 0;
    expected = count;
    left = count - window;
    for (std::size_t i = 0; i < window; ++i) ask();
    all_heard.wait(lock, [this] { return heard == expected; });
  }
};

void bare_echo(benchmark::State& state, bool asap) {
  const auto positions = static_cast<std::size_t>(state.range(0));
  Echo echo;
  Payloads payloads;
  codec::PositionsRequest request;
  request.batch = batch_of(positions);
  echo.question = payloads.write_request(request);
  model::BatchReply reply;
  reply.outcomes.resize(positions);
  echo.answer = payloads.write_answer(Form::flat, request.batch, reply);
  const Bare lane(asap);
  const Bare client(asap);
  echo.client = client.get();
  natsSubscription* questions = nullptr;
  natsSubscription* answers = nullptr;
  must(natsConnection_QueueSubscribe(&questions, lane.get(), "bench.echo", "hunt",
                                     Echo::on_question, &echo));
  must(natsConnection_Subscribe(&answers, client.get(), "bench.reply", Echo::on_answer, &echo));
  must(natsConnection_Flush(lane.get()));
  must(natsConnection_Flush(client.get()));
  const std::size_t window = window_of(positions);
  echo.run(window * 2, window);
  const std::size_t count = messages_of(positions);
  for (auto _ : state) echo.run(count, std::min(window, count));
  natsSubscription_Destroy(questions);
  natsSubscription_Destroy(answers);
  finish(state, positions, echo.heard * positions);
}

#define HUNT_RUN_ONCE Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond)

BENCHMARK(bus_ask)->Arg(1)->Arg(100)->Arg(256)->HUNT_RUN_ONCE;
BENCHMARK_CAPTURE(bare_echo, flusher, false)->Arg(1)->Arg(100)->Arg(256)->HUNT_RUN_ONCE;
BENCHMARK_CAPTURE(bare_echo, asap, true)->Arg(1)->Arg(100)->Arg(256)->HUNT_RUN_ONCE;
BENCHMARK(stored_ask)->Arg(100)->Arg(256)->HUNT_RUN_ONCE;

}  // namespace
}  // namespace hunt::nats

BENCHMARK_MAIN();
