// Recorder: listens on a bus and writes what it hears into a recording, `hunt replay record`.
//
// Not the file (codec/recording_writer.h). A lane hears, a thread of its own writes, so that a slow
// disk does not make the bus drop messages; between them a bounded queue. What does not fit into it
// is counted, and stands in the recording as lost. A block is on disk at the latest a second after
// its first event was heard, unless the disk is slower. Lifecycle: construct, start(), tick() now
// and then, finish(). Thread: the main thread.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/nats/connection.h"
#include "adapters/nats/nats_bus.h"
#include "adapters/nats/tap.h"
#include "adapters/system/system_clock.h"
#include "base/bounded_queue.h"
#include "base/result.h"
#include "codec/recording_writer.h"
#include "node/lane.h"
#include "rush/world_target.h"

namespace hunt::rush {

struct RecorderOptions {
  nats::ServerList servers;
  model::HuntName hunt;
};

struct RecorderFigures {
  std::uint64_t positions = 0;
  std::uint64_t claims = 0;  // told
  std::uint64_t loot = 0;    // rows
  std::uint64_t lost = 0;    // batches and claims that the queue had no room for
  std::uint64_t missed = 0;  // messages that the bus dropped, as far as it says
  std::uint64_t unread = 0;  // messages that are no batches
  std::uint64_t bytes = 0;   // of the file
};

class Recorder {
 public:
  static constexpr std::size_t events_waiting_max = 16'384;
  static constexpr std::int64_t flush_every_ns = 900'000'000;

  Recorder(const RecorderOptions& options, codec::RecordingWriter writer);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  // Connects and listens. With a store, what lies there is recorded first, and its worlds are known
  // by name. Errors: those of Connection::connect() and of the store.
  [[nodiscard]] Result<void> start(WorldTarget* store);
  // About ten times a second.
  void tick();
  // Why nothing more can be written.
  [[nodiscard]] std::optional<Error> failure() const;
  // Listens no more, and writes what was heard.
  [[nodiscard]] Result<void> finish();
  [[nodiscard]] RecorderFigures figures() const;

 private:
  struct Told {
    model::ClaimEvent event;
  };
  struct Row {
    model::WorldId world = 0;
    model::TileRow row;
  };
  struct Lost {
    std::uint64_t count = 0;
  };
  struct Tick {};
  struct Item {
    std::int64_t t_ms = 0;
    std::variant<Tick, nats::Heard, Told, Row, Lost> what;
  };

  [[nodiscard]] boost::asio::awaitable<Result<void>> listen();
  [[nodiscard]] boost::asio::awaitable<void> stop_listening();
  [[nodiscard]] Result<void> record_loot(WorldTarget& store);
  void put(Item item);
  void write_all();
  [[nodiscard]] Result<void> write(Item& item);
  [[nodiscard]] std::int64_t now_ms() const { return clock_.wall_us() / 1'000; }

  const system::SystemClock clock_;
  node::Lane lane_;
  std::unique_ptr<nats::Connection> connection_;
  std::unique_ptr<nats::NatsBus> bus_;
  std::unique_ptr<nats::Tap> tap_;
  const std::shared_ptr<nats::Figures> bus_figures_;
  std::vector<model::World> worlds_;
  codec::RecordingWriter writer_;  // the writing thread's
  BoundedQueue<Item> queue_{events_waiting_max};
  std::thread thread_;
  std::mutex put_mutex_;           // the queue's order, and unsaid_
  std::uint64_t unsaid_ = 0;       // lost, and not in the recording yet
  std::uint64_t missed_seen_ = 0;  // by the bus
  mutable std::mutex mutex_;       // for failure_
  std::optional<Error> failure_;
  std::atomic<std::uint64_t> positions_{0};
  std::atomic<std::uint64_t> claims_{0};
  std::atomic<std::uint64_t> loot_{0};
  std::atomic<std::uint64_t> lost_{0};
  std::atomic<std::uint64_t> unread_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace hunt::rush
