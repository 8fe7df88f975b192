#include "rush/recorder.h"

#include <chrono>
#include <thread>

#include "base/thread_name.h"

namespace hunt::rush {

namespace {

constexpr std::int64_t room_every_ns = 1'000'000;

nats::NatsOptions connect_as(const RecorderOptions& options,
                             const std::shared_ptr<nats::Figures>& figures) {
  nats::NatsOptions how;
  how.servers = options.servers;
  how.hunt = options.hunt;
  how.client_name = "hunt replay record";
  how.figures = figures;
  return how;
}

}  // namespace

Recorder::Recorder(const RecorderOptions& options, codec::RecordingWriter writer)
    : bus_figures_(std::make_shared<nats::Figures>()), writer_(std::move(writer)) {
  connection_ = nats::Connection::make(lane_.executor(), connect_as(options, bus_figures_));
  bytes_ = writer_.bytes();
  lane_.start("listen");
  thread_ = std::thread([this] {
    name_thread("record");
    write_all();
  });
}

Recorder::~Recorder() {
  if (!thread_.joinable()) return;  // finish() was called
  lane_.run(stop_listening());
  lane_.stop();
  queue_.close();
  thread_.join();
}

boost::asio::awaitable<Result<void>> Recorder::listen() {
  HUNT_CO_CHECK(co_await connection_->connect());
  nats::Tap::Ears ears;
  ears.on_batch = [this](nats::Heard heard) { put({now_ms(), std::move(heard)}); };
  ears.world_named = [this](const std::string& name) -> std::optional<model::WorldId> {
    for (const auto& world : worlds_) {
      if (world.name == name) return world.id;
    }
    return {};
  };
  tap_ = std::make_unique<nats::Tap>(*connection_, std::move(ears));
  bus_ = std::make_unique<nats::NatsBus>(*connection_, nats::BusOptions());
  bus_->on_claims([this](const std::vector<model::ClaimEvent>& events) {
    for (const auto& event : events) put({now_ms(), Told{event}});
  });
  bus_->on_invalidation([this](const model::Invalidation& news) {
    for (const auto& change : news.tiles) put({now_ms(), Row{change.world, change.row}});
  });
  // While the bus is away nobody knows what passes.
  connection_->watch([this](bool connected) {
    if (!connected) put({now_ms(), Lost{0}});
  });
  co_return Result<void>{};
}

boost::asio::awaitable<void> Recorder::stop_listening() {
  if (tap_ != nullptr) unread_ = tap_->unread();
  tap_.reset();
  bus_.reset();
  co_await connection_->close();
}

Result<void> Recorder::start(WorldTarget* store) {
  if (store != nullptr) {
    HUNT_TRY(worlds, store->worlds());
    worlds_ = std::move(worlds);
  }
  HUNT_CHECK(lane_.run(listen()));
  return store != nullptr ? record_loot(*store) : Result<void>();
}

// Rows that change meanwhile are heard, too; the higher version counts, whichever comes first.
Result<void> Recorder::record_loot(WorldTarget& store) {
  for (const auto& world : worlds_) {
    std::optional<model::TileId> from = model::TileId{};
    while (from) {
      HUNT_TRY(page, store.list(world.id, *from));
      for (auto& row : page.rows) {
        // The whole of it is wanted: wait for the disk.
        while (queue_.depth() > events_waiting_max / 2 && !failure()) {
          std::this_thread::sleep_for(std::chrono::nanoseconds(room_every_ns));
        }
        put({now_ms(), Row{world.id, std::move(row)}});
      }
      from = page.next;
    }
  }
  return {};
}

void Recorder::put(Item item) {
  const std::lock_guard lock(put_mutex_);
  if (unsaid_ > 0) {
    Item lost{item.t_ms, Lost{unsaid_}};
    if (queue_.try_push(lost)) unsaid_ = 0;
  }
  const bool counts = !std::holds_alternative<Tick>(item.what);
  if (queue_.try_push(item) || !counts) return;
  ++unsaid_;
  ++lost_;
}

void Recorder::tick() {
  {
    const std::lock_guard lock(put_mutex_);
    const std::uint64_t missed = bus_figures_->overflown;
    unsaid_ += missed - std::exchange(missed_seen_, missed);
  }
  put({now_ms(), Tick{}});
}

Result<void> Recorder::write(Item& item) {
  codec::BlockEncoder& block = writer_.block();
  if (auto* heard = std::get_if<nats::Heard>(&item.what)) {
    const auto way = heard->stored ? codec::Way::stored : codec::Way::asked;
    block.add_batch(item.t_ms, heard->server, way, heard->batch);
    positions_ += heard->batch.positions.size();
  } else if (auto* told = std::get_if<Told>(&item.what)) {
    block.add_claim(item.t_ms, told->event);
    ++claims_;
  } else if (auto* row = std::get_if<Row>(&item.what)) {
    block.add_loot(item.t_ms, row->world, row->row);
    ++loot_;
  } else if (auto* lost = std::get_if<Lost>(&item.what)) {
    block.add_lost(item.t_ms, lost->count);
  }
  return writer_.keep_bounded();
}

// After a failure what comes is dropped: the file is good as it is.
void Recorder::write_all() {
  std::vector<Item> items;
  std::int64_t flushed_ns = clock_.now_ns();
  bool failed = false;
  const auto see = [this, &failed](const Result<void>& written) {
    bytes_ = writer_.bytes();
    if (written) return;
    failed = true;
    const std::lock_guard lock(mutex_);
    failure_ = written.error();
  };
  while (queue_.pop_all(items)) {
    for (auto& item : items) {
      if (!failed) see(write(item));
    }
    if (failed || clock_.now_ns() - flushed_ns < flush_every_ns) continue;
    see(writer_.flush());
    flushed_ns = clock_.now_ns();
  }
  if (!failed) see(writer_.flush());
}

std::optional<Error> Recorder::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

Result<void> Recorder::finish() {
  lane_.run(stop_listening());
  lane_.stop();
  tick();
  queue_.close();
  thread_.join();
  if (failure_) return tl::unexpected<Error>(*failure_);
  return {};
}

RecorderFigures Recorder::figures() const {
  RecorderFigures out;
  out.positions = positions_;
  out.claims = claims_;
  out.loot = loot_;
  out.lost = lost_;
  out.missed = bus_figures_->overflown;
  out.unread = unread_;
  out.bytes = bytes_;
  return out;
}

}  // namespace hunt::rush
