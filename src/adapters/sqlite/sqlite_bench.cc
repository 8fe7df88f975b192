// Durable grants: SqliteStore with calls of 64 claims in flight, beside one transaction for each
// claim by the same statements in the same kind of file; the ceilings are the statements without
// commits, and the disk's syncs alone. Names are <contestant>/<case>. Files stand in $TMPDIR.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/grant_ledger.h"
#include "adapters/sqlite/sqlite_store.h"
#include "base/prng.h"
#include "model/limits.h"
#include "ports/clock.h"

namespace hunt::sqlite {
namespace {

namespace asio = boost::asio;

constexpr std::size_t tiles_count = 16'384;
// HUNT_BENCH_SMOKE makes the runs as short as they can be: for a check that this works at all.
const bool smoke = std::getenv("HUNT_BENCH_SMOKE") != nullptr;
const std::size_t store_claims = smoke ? 1'024 : 32'768;
const std::size_t single_claims = smoke ? 16 : 512;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "sqlite_bench: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

class RealClock final : public ports::Clock {
 public:
  [[nodiscard]] std::int64_t now_ns() const noexcept override {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  [[nodiscard]] std::int64_t wall_us() const noexcept override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};
const RealClock real_clock;

// Runs the coroutine to its end on an event loop of its own.
template <class T>
T run(asio::awaitable<Result<T>> work) {
  asio::io_context loop;
  std::optional<Result<T>> result;
  asio::co_spawn(loop, std::move(work), [&result](std::exception_ptr error, Result<T> value) {
    if (error) std::rethrow_exception(error);
    result = std::move(value);
  });
  loop.run();
  return must(std::move(*result));
}

// A directory with a store in which every claim of claims() can be granted.
class Place {
 public:
  Place() {
    std::string name = std::filesystem::temp_directory_path() / "hunt-sqlite-bench-XXXXXX";
    HUNT_ASSERT(mkdtemp(name.data()) != nullptr);
    directory_ = name;
    auto store = must(SqliteStore::open(SqliteOptions{path("full.db"), real_clock}));
    std::vector<model::Burial> burials;
    for (std::size_t i = 0; i < tiles_count; ++i) {
      model::Burial burial;
      burial.tile = {static_cast<std::int32_t>(i % 128) * 32, static_cast<std::int32_t>(i / 128)};
      burial.table = "starlight";
      burial.budget = limits::budget_max;
      burials.push_back(std::move(burial));
      if (burials.size() == limits::tiles_per_request_max || i + 1 == tiles_count) {
        for (auto& one : run(store->bury(1, std::move(burials)))) buried_.push_back(one);
        burials.clear();
      }
    }
    store->close();
  }
  ~Place() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
  // A copy of the store without a grant.
  [[nodiscard]] std::string fresh_store() const {
    const std::string copy = path("run.db");
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(copy + suffix);
    std::filesystem::copy_file(path("full.db"), copy);
    return copy;
  }
  // Claims of players nobody has seen, on any of the tiles.
  [[nodiscard]] std::vector<std::vector<model::Claim>> claims(std::size_t count,
                                                              std::size_t per_call) const {
    Prng prng(17);
    std::vector<std::vector<model::Claim>> calls;
    for (std::size_t i = 0; i < count; ++i) {
      if (i % per_call == 0) calls.emplace_back();
      const auto& at = buried_[prng.below(buried_.size())];
      model::Claim claim;
      claim.id = {prng.next(), prng.next()};
      claim.world = 1;
      claim.tile = model::tile_id_of(at.tile);
      claim.spawn = at.spawn;
      claim.player = {prng.next(), prng.next()};
      claim.reward = "star_shard";
      claim.rules = "0123456789abcdef";
      calls.back().push_back(std::move(claim));
    }
    return calls;
  }

 private:
  std::string directory_;
  std::vector<model::Buried> buried_;
};

Place& place() {
  static Place one;
  return one;
}

void count_granted(const model::GrantCall& call, std::size_t& granted) {
  for (const auto& verdict : call.verdicts) {
    if (verdict.outcome == model::Outcome::granted && !verdict.repeat) ++granted;
  }
}

struct Work {
  ports::LaneStore& store;
  std::vector<std::vector<model::Claim>> calls;
  std::size_t next = 0;
  std::size_t granted = 0;
};

asio::awaitable<void> send_calls(Work* work) {
  while (work->next < work->calls.size()) {
    auto claims = std::move(work->calls[work->next++]);
    const auto call = co_await work->store.grant_claims(std::move(claims));
    count_granted(must(std::move(call)), work->granted);
  }
}

void store_calls(benchmark::State& state, std::size_t in_flight) {
  auto store = must(SqliteStore::open(SqliteOptions{place().fresh_store(), real_clock}));
  Work work{*store, place().claims(store_claims, limits::claims_per_call_max)};
  for (auto _ : state) {
    asio::io_context loop;
    for (std::size_t i = 0; i < in_flight; ++i) {
      asio::co_spawn(loop, send_calls(&work), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
      });
    }
    loop.run();
  }
  if (work.granted != store_claims) state.SkipWithError("a claim was not granted");
  state.SetItemsProcessed(static_cast<std::int64_t>(work.granted));
  store->close();
}

// The ledger's own statements without the store's threads: `per_transaction` claims to a commit.
void plain_transactions(benchmark::State& state, std::size_t count, std::size_t per_transaction) {
  auto connection = must(Connection::open(place().fresh_store(), Connection::Mode::read_write));
  must(connection->execute("PRAGMA cache_size = -16384; PRAGMA synchronous = FULL"));
  GrantLedger ledger(*connection, real_clock);
  const auto calls = place().claims(count, std::min(per_transaction, limits::claims_per_call_max));
  const std::size_t calls_per_transaction = per_transaction / calls.front().size();
  std::size_t granted = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < calls.size();) {
      must(connection->execute("BEGIN IMMEDIATE"));
      for (std::size_t n = 0; n < calls_per_transaction && i < calls.size(); ++n, ++i) {
        count_granted(must(ledger.grant(calls[i], real_clock.now_ns())), granted);
      }
      must(connection->execute("COMMIT"));
    }
  }
  if (granted != count) state.SkipWithError("a claim was not granted");
  state.SetItemsProcessed(static_cast<std::int64_t>(granted));
}

void transaction_per_claim(benchmark::State& state) {
  plain_transactions(state, single_claims, 1);
}
void statements_without_commits(benchmark::State& state) {
  plain_transactions(state, store_claims, store_claims);
}

// Syncs a second after appending one page: what a transaction for each claim can reach at most.
void page_and_sync(benchmark::State& state) {
  const std::string path = place().path("pages");
  const int file = open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
  HUNT_ASSERT(file >= 0);
  const std::array<char, 4'096> page{};
  for (auto _ : state) {
    for (std::size_t i = 0; i < single_claims; ++i) {
      const auto at = static_cast<off_t>(i * page.size());
      if (pwrite(file, page.data(), page.size(), at) < 0 || fdatasync(file) != 0) {
        state.SkipWithError("cannot write");
      }
    }
  }
  close(file);
  state.SetItemsProcessed(static_cast<std::int64_t>(single_claims));
}

#define HUNT_RUN_ONCE Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond)

BENCHMARK_CAPTURE(store_calls, 64_in_flight, 64)->HUNT_RUN_ONCE;
BENCHMARK_CAPTURE(store_calls, 8_in_flight, 8)->HUNT_RUN_ONCE;
BENCHMARK_CAPTURE(store_calls, 1_in_flight, 1)->HUNT_RUN_ONCE;
BENCHMARK(transaction_per_claim)->HUNT_RUN_ONCE;
BENCHMARK(statements_without_commits)->HUNT_RUN_ONCE;
BENCHMARK(page_and_sync)->HUNT_RUN_ONCE;

}  // namespace
}  // namespace hunt::sqlite

BENCHMARK_MAIN();
