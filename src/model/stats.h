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
#include "model/latency.h"
#include "model/spawn.h"
#include "model/why.h"

namespace hunt::model {

// Whose time it is: that of a batch, from arrival to reply, or of a claim, from found to terminal.
enum class TimelineOf : std::uint8_t { answer, claim };
inline constexpr std::string_view timeline_names[] = {"answer", "claim"};
[[nodiscard]] constexpr std::string_view name_of(TimelineOf timeline) noexcept {
  return timeline_names[static_cast<std::size_t>(timeline)];
}

// How often a stage at a resource took at most so long, since the start: a cumulative histogram.
// Every second power of two, from a microsecond to 17 seconds.
struct StageSeconds {
  static constexpr std::size_t edge_count = 13;
  [[nodiscard]] static constexpr std::int64_t edge_ns(std::size_t index) noexcept {
    return (std::int64_t{1} << (10 + 2 * index)) - 1;
  }
  TimelineOf timeline = TimelineOf::answer;
  Stage stage = Stage::queue;
  std::string resource;
  bool worked = false;  // else waited
  std::array<std::uint64_t, edge_count> at_or_below{};
  std::uint64_t count = 0;
  std::uint64_t sum_ns = 0;
};

// What is under way in a stage that has a bound, over all lanes.
struct StageUse {
  Stage stage = Stage::queue;
  std::string resource;
  std::uint64_t inflight = 0;  // now
  std::uint64_t limit = 0;
  // Each of them for as long as it was under way, since the start: what this grows by in a second
  // is the mean number under way (Little's law).
  std::int64_t inflight_ns = 0;
  double used = 0;  // of the limit, the mean of the last ten seconds
};

// What a lane's thread had of a core, and how long it was ready without one, since the start.
struct LaneUse {
  std::int64_t busy_ns = 0;
  std::int64_t starved_ns = 0;
};

// One server of the shared cache, as all lanes see it.
struct CacheNode {
  std::string address;         // "127.0.0.1:6379"
  bool answers = false;        // to every lane: it is neither silent nor given up for a while
  std::uint64_t inflight = 0;  // commands
  std::uint64_t replies = 0;
  std::uint64_t reply_ns = 0;  // how long all of them took together
  std::uint64_t failures = 0;  // connections that failed or were lost
  std::uint64_t late = 0;      // commands without an answer in time
  std::uint64_t refused = 0;   // commands not sent: too many were under way, or nobody answered
};

// One consumer of the stored positions, as NATS tells it: of the whole hunt, not of this process.
struct StoredBacklog {
  std::string shard;              // "0", "1", …, or "any"
  std::uint64_t pending = 0;      // stored, and not delivered to anybody yet
  std::uint64_t at_work = 0;      // delivered, and not settled
  std::uint64_t redelivered = 0;  // of these, more than once
};

// This process as its machine sees it, by the names that every exporter of Prometheus uses.
struct ProcessFigures {
  double cpu_seconds = 0;
  double resident_bytes = 0;
  double used_bytes = 0;
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
    {&ProcessFigures::used_bytes, FigureKind::gauge, "hunt_memory_used_bytes",
     "Memory that cannot be dropped: without the pages of files; compared with the limit."},
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
  std::string rules;                       // rules version in force
  std::uint64_t rules_revision = 0;        // of its files' lock; 0: none
  std::vector<std::string> rules_stopped;  // events that are stopped
  std::string event;                       // names of the events in force, comma separated
  std::string store;                       // URL without secrets
  std::int64_t uptime_ns = 0;
  std::uint32_t lanes = 0;
  std::array<std::uint64_t, outcome_count> positions{};  // answers given, by outcome
  std::array<std::uint64_t, outcome_count> claims{};     // terminal outcomes, by outcome
  Latencies<LatencySummary> lately;                      // of the last ten seconds
  Latencies<LatencySummary> since_start;
  Latencies<LatencyBuckets> buckets;  // since the start
  std::vector<StageSeconds> stages;
  std::vector<StageUse> bounds;            // of the stages that have one
  std::vector<LaneUse> lane_use;           // by lane
  std::vector<CacheNode> cache_nodes;      // Bound: limits::cache_nodes_shown_max
  std::vector<StoredBacklog> backlogs;     // by shard; none without NATS, or before it was asked
  std::uint64_t memory_limit_bytes = 0;    // at which this process drains and ends; 0: none
  std::uint32_t shards = 0;                // stores of this process
  std::vector<std::uint64_t> shard_looks;  // by shard: the positions of `looks`; one shard: none
  std::vector<StoreFailing> stores_failing;
  std::string store_error;                 // of the first of them, or empty
  std::vector<TableCount> tables_missing;  // tables that no rule has, with their open spawns
  std::string warning;  // what is not as it should be though requests can be served, or empty
  std::int64_t relay_silence_ns = 0;  // since a relay was heard; of several shards the longest
  std::vector<std::int64_t> relay_silences_ns;  // by shard
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
