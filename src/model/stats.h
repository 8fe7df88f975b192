// Figures of a running orchestrator: what /v1/stats, /metrics, the page and the reports show.
//
// Not where they are counted (service/lane_metrics.h): a snapshot by value. Plain counts and
// latencies stand in model/figures.h.
#pragma once
#include <array>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "model/batch.h"
#include "model/claim.h"
#include "model/figures.h"
#include "model/spawn.h"
#include "model/why.h"

namespace hunt::model {

struct LatencySummary {
  std::uint64_t count = 0;
  std::int64_t sum_ns = 0;
  std::int64_t p50_ns = 0;
  std::int64_t p99_ns = 0;
  std::int64_t p999_ns = 0;
  std::int64_t max_ns = 0;
};

// How often a stage at a resource took at most so long, since the start: a cumulative histogram.
// Every second power of two, from a microsecond to 17 seconds.
struct StageSeconds {
  static constexpr std::size_t edge_count = 13;
  [[nodiscard]] static constexpr std::int64_t edge_ns(std::size_t index) noexcept {
    return (std::int64_t{1} << (10 + 2 * index)) - 1;
  }
  Stage stage = Stage::queue;
  std::string resource;
  bool worked = false;  // else waited
  std::array<std::uint64_t, edge_count> at_or_below{};
  std::uint64_t count = 0;
  std::uint64_t sum_ns = 0;
};

// This process as its machine sees it, by the names that every exporter of Prometheus uses.
struct ProcessFigures {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double virtual_bytes = 0;
  double threads = 0;
  double open_fds = 0;
  double max_fds = 0;
  double start_time_seconds = 0;  // since 1970
};

struct ProcessFigure {
  double ProcessFigures::*value;
  FigureKind kind;
  std::string_view metric;
  std::string_view help;
};

inline constexpr ProcessFigure process_figures[] = {
    {&ProcessFigures::cpu_seconds, FigureKind::counter, "process_cpu_seconds",
     "CPU time, of user and system."},
    {&ProcessFigures::resident_bytes, FigureKind::gauge, "process_resident_memory_bytes",
     "Memory that is in RAM."},
    {&ProcessFigures::virtual_bytes, FigureKind::gauge, "process_virtual_memory_bytes",
     "Addresses in use."},
    {&ProcessFigures::threads, FigureKind::gauge, "process_threads", "Threads."},
    {&ProcessFigures::open_fds, FigureKind::gauge, "process_open_fds",
     "Open files and connections."},
    {&ProcessFigures::max_fds, FigureKind::gauge, "process_max_fds", "Most that there may be."},
    {&ProcessFigures::start_time_seconds, FigureKind::gauge, "process_start_time_seconds",
     "When it was started, in seconds since 1970."},
};
static_assert(std::size(process_figures) * sizeof(double) == sizeof(ProcessFigures));

// A store that refuses claims or look-ups now, and why.
struct StoreFailing {
  std::uint32_t shard = 0;
  std::int64_t since_ns = 0;  // how long so far
  std::string reason;
};

struct Stats : Counts {
  std::string version;
  std::string rules;  // rules version in force
  std::string event;  // names of the events in force, comma separated
  std::string store;  // URL without secrets
  std::int64_t uptime_ns = 0;
  std::uint32_t lanes = 0;
  std::array<std::uint64_t, outcome_count> positions{};  // answers given, by outcome
  std::array<std::uint64_t, outcome_count> claims{};     // terminal outcomes, by outcome
  Latencies<LatencySummary> lately;                      // of the last ten seconds
  Latencies<LatencySummary> since_start;
  std::vector<StageSeconds> stages;
  std::uint32_t shards = 0;  // stores of this process
  std::vector<StoreFailing> stores_failing;
  std::string store_error;                 // of the first of them, or empty
  std::vector<TableCount> tables_missing;  // tables that no rule has, with their open spawns
  std::string warning;  // what is not as it should be though requests can be served, or empty
  std::int64_t relay_silence_ns = 0;  // since a relay was heard; of several shards the longest
};

// A sample for the live page.
struct LivePlayer {
  std::uint32_t tag = 0;  // a short stable number of the player; not the id
  Tile tile;
  Kind kind = Kind::step;
};

struct LiveView {
  std::vector<LivePlayer> players;  // Bound: 2,048; newest position of each
  std::vector<ClaimEvent> finds;    // Bound: 64; newest last
  std::vector<Tile> loot_open;      // Bound: 4,096; a fixed sample of the loot in L1
  std::vector<Tile> loot_gone;      // sold out, of the same sample
  TileRect bounds;                  // of what is shown
};

}  // namespace hunt::model
