// Figures: what a process counts and times, each once: a member, and its row in the table beside
// it.
//
// Adding up lanes, /v1/stats, /metrics and reading them back go by these tables, so a new figure is
// a member and a row here, and the line that counts it. Counts by outcome stand in model/stats.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace hunt::model {

enum class FigureKind : std::uint8_t { counter, gauge };

struct Counts {
  std::uint64_t batches = 0;
  std::uint64_t grants = 0;
  std::uint64_t repeats = 0;
  std::uint64_t claims_waiting = 0;
  std::uint64_t claim_retries = 0;
  std::uint64_t claim_lookups = 0;
  std::uint64_t no_grant_known = 0;
  std::uint64_t shed = 0;
  std::uint64_t refused_too_large = 0;
  std::uint64_t refused_full = 0;
  std::uint64_t refused_late = 0;
  std::uint64_t refused_moved = 0;
  std::uint64_t refused_no_world = 0;
  std::uint64_t refused_store = 0;
  std::uint64_t cross_shard = 0;
  std::uint64_t looks_one_shard = 0;
  std::uint64_t looks_several_shards = 0;
  std::uint64_t loot_lookups = 0;
  std::uint64_t loot_misses = 0;
  std::uint64_t l1_chunks = 0;
  std::uint64_t l1_bytes = 0;
  std::uint64_t l1_evictions = 0;
  std::uint64_t chunks_loaded = 0;
  std::uint64_t l1_hits = 0;
  std::uint64_t l1_misses = 0;
  std::uint64_t l2_hits = 0;
  std::uint64_t l2_misses = 0;
  std::uint64_t cache_errors = 0;
  std::uint64_t distrusted_copies = 0;
  std::uint64_t distrusted_messages = 0;
  std::uint64_t distrusted_times = 0;
  std::uint64_t bus_unsent = 0;
  std::uint64_t bus_refused = 0;
  std::uint64_t bus_ignored = 0;
  std::uint64_t bus_overflown = 0;
  std::uint64_t bus_remade = 0;
  std::uint64_t bus_divided = 0;
  std::uint64_t bus_dead_letters = 0;
  std::uint64_t rules_rejected = 0;
  std::uint64_t rules_last_reload_success = 0;
  std::uint64_t rules_pending_seconds = 0;
  std::uint64_t rules_changes = 0;
  std::uint64_t rules_events_stopped = 0;
  std::uint64_t rules_stale_claims = 0;
  std::uint64_t feed_gaps = 0;
  std::uint64_t spawns_without_table = 0;
};

struct CountFigure {
  std::uint64_t Counts::*value;
  FigureKind kind;
  std::string_view name;    // in /v1/stats; "l1.hits" is hits in the object l1
  std::string_view metric;  // in /metrics, a counter without its "_total"; empty: not there
  std::string_view help;    // empty: the metric of the row before, with other labels
  std::string_view labels = {};
};

// Rows of one object, and of one metric, stand together.
inline constexpr CountFigure count_figures[] = {
    {&Counts::batches, FigureKind::counter, "batches", "hunt_batches", "Batches answered."},
    {&Counts::grants, FigureKind::counter, "grants", "hunt_grants", "New grants by this process."},
    {&Counts::repeats, FigureKind::counter, "repeats", "hunt_grant_repeats",
     "Grants of before, told again."},
    {&Counts::claims_waiting, FigureKind::gauge, "claims_waiting", "hunt_claims_waiting",
     "Claims found and not yet decided."},
    {&Counts::claim_retries, FigureKind::counter, "claim_retries", "hunt_claim_retries",
     "Grant calls repeated after an error, or in another epoch."},
    {&Counts::claim_lookups, FigureKind::counter, "claim_lookups", "hunt_claim_lookups",
     "Positions that are refused, of which the ledger was asked."},
    {&Counts::no_grant_known, FigureKind::counter, "no_grant_known", "hunt_no_grant_known",
     "Positions refused without asking the store: the ledger never has a grant of their claim."},
    {&Counts::shed, FigureKind::counter, "shed", "hunt_shed",
     "Positions answered busy, by stage and class.", R"(stage="queue",class="position")"},
    {&Counts::refused_too_large, FigureKind::counter, "refused.too_large", "hunt_batches_refused",
     "Batches that got an error instead of outcomes, by its reason.", R"(reason="too_large")"},
    {&Counts::refused_full, FigureKind::counter, "refused.full", "hunt_batches_refused", "",
     R"(reason="full")"},
    {&Counts::refused_late, FigureKind::counter, "refused.late", "hunt_batches_refused", "",
     R"(reason="late")"},
    {&Counts::refused_moved, FigureKind::counter, "refused.moved", "hunt_batches_refused", "",
     R"(reason="moved")"},
    {&Counts::refused_no_world, FigureKind::counter, "refused.no_world", "hunt_batches_refused", "",
     R"(reason="no_world")"},
    {&Counts::refused_store, FigureKind::counter, "refused.store", "hunt_batches_refused", "",
     R"(reason="store")"},
    {&Counts::cross_shard, FigureKind::counter, "cross_shard", "hunt_cross_shard",
     "Stored positions passed on to their shard."},
    {&Counts::looks_one_shard, FigureKind::counter, "looks.one_shard", "hunt_shard_looks",
     "Positions of one batch in 17, by whether what they need is of one shard or of several.",
     R"(shards="one")"},
    {&Counts::looks_several_shards, FigureKind::counter, "looks.several_shards", "hunt_shard_looks",
     "", R"(shards="several")"},
    {&Counts::loot_lookups, FigureKind::counter, "l1.loot_lookups", "hunt_loot_lookups",
     "Positions on a tile that bears loot."},
    {&Counts::loot_misses, FigureKind::counter, "l1.loot_misses", "hunt_loot_misses",
     "Those of them that waited for a chunk."},
    {&Counts::l1_chunks, FigureKind::gauge, "l1.chunks", "hunt_l1_chunks", "Chunks in memory."},
    {&Counts::l1_bytes, FigureKind::gauge, "l1.bytes", "hunt_l1_bytes",
     "Bytes of the chunks in memory."},
    {&Counts::l1_evictions, FigureKind::counter, "l1.evictions", "hunt_l1_evictions",
     "Chunks dropped to stay within the bound."},
    {&Counts::chunks_loaded, FigureKind::counter, "l1.chunks_loaded", "hunt_chunks_loaded",
     "Chunks read from the store."},
    {&Counts::l1_hits, FigureKind::counter, "l1.hits", "hunt_cache_lookups",
     "Look-ups by cache level: of positions in l1, of chunks in l2.", R"(level="l1",result="hit")"},
    {&Counts::l1_misses, FigureKind::counter, "l1.misses", "hunt_cache_lookups", "",
     R"(level="l1",result="miss")"},
    {&Counts::l2_hits, FigureKind::counter, "l2.hits", "hunt_cache_lookups", "",
     R"(level="l2",result="hit")"},
    {&Counts::l2_misses, FigureKind::counter, "l2.misses", "hunt_cache_lookups", "",
     R"(level="l2",result="miss")"},
    {&Counts::cache_errors, FigureKind::counter, "l2.errors", "hunt_cache_errors",
     "Calls of the shared cache that failed."},
    {&Counts::distrusted_copies, FigureKind::counter, "distrusted.copies", "hunt_distrusted",
     "What came from outside and was not believed, by its kind.", R"(kind="copy")"},
    {&Counts::distrusted_messages, FigureKind::counter, "distrusted.messages", "hunt_distrusted",
     "", R"(kind="message")"},
    {&Counts::distrusted_times, FigureKind::counter, "distrusted.times", "hunt_distrusted", "",
     R"(kind="time")"},
    {&Counts::bus_unsent, FigureKind::counter, "bus.unsent", "hunt_bus_unsent",
     "Messages for NATS that could not be sent."},
    {&Counts::bus_refused, FigureKind::counter, "bus.refused", "hunt_bus_refused",
     "What the NATS server did not let this user do."},
    {&Counts::bus_ignored, FigureKind::counter, "bus.ignored", "hunt_bus_ignored",
     "Messages in our inboxes that are not what they say."},
    {&Counts::bus_overflown, FigureKind::counter, "bus.overflown", "hunt_bus_overflown",
     "Times that messages came faster than they were taken."},
    {&Counts::bus_remade, FigureKind::counter, "bus.remade", "hunt_bus_remade",
     "Streams and consumers that were lost and are there again."},
    {&Counts::bus_divided, FigureKind::counter, "bus.divided", "hunt_bus_divided",
     "Messages told in parts or cut, being too large for the server."},
    {&Counts::bus_dead_letters, FigureKind::counter, "bus.dead_letters", "hunt_dead_letters",
     "Stored messages that can never succeed, kept as dead letters by this process."},
    {&Counts::rules_rejected, FigureKind::counter, "rules_rejected", "hunt_rules_rejected",
     "Rule files refused; the old rules stayed."},
    {&Counts::rules_last_reload_success, FigureKind::gauge, "rules_last_reload_success",
     "hunt_rules_last_reload_success", "1: the rule files are what is in force; 0: refused."},
    {&Counts::rules_pending_seconds, FigureKind::gauge, "rules_pending_seconds",
     "hunt_rules_pending_seconds", "For how long the rule files are not what is in force."},
    {&Counts::rules_changes, FigureKind::gauge, "rules_changes", "hunt_rules_changes",
     "Number of the last change of the timeline of rules that is known here."},
    {&Counts::rules_events_stopped, FigureKind::gauge, "rules_events_stopped",
     "hunt_rules_events_stopped", "Events that are stopped by hand (hunt rules stop)."},
    {&Counts::rules_stale_claims, FigureKind::counter, "rules_stale_claims",
     "hunt_rules_stale_claims", "Claims rolled again because the store had other rules in force."},
    {&Counts::feed_gaps, FigureKind::counter, "feed_gaps", "hunt_feed_gaps",
     "Gaps of the change feeds followed here; all copies were read anew."},
    {&Counts::spawns_without_table, FigureKind::gauge, "spawns_without_table",
     "hunt_spawns_without_table",
     "Open spawns whose table no rule has; digging there finds nothing."},
};
static_assert(std::size(count_figures) * sizeof(std::uint64_t) == sizeof(Counts),
              "each count has its row");

// How long things take. T is a Histogram where they are recorded, a summary where they are shown.
template <class T>
struct Latencies {
  T answer{};
  T claim{};
  T cache_read{};
  T store_load{};
  T store_grant{};
  T invalidation{};
};

template <class T>
struct LatencyFigure {
  T Latencies<T>::*value;
  std::string_view name;       // in /v1/stats
  std::string_view metric;     // in /metrics, as a summary: quantiles of the last ten seconds
  std::string_view histogram;  // the same since the start: buckets that can be added up
  std::string_view help;
};

template <class T>
inline constexpr LatencyFigure<T> latency_figures[] = {
    {&Latencies<T>::answer, "answer", "hunt_answer_seconds", "hunt_answer_latency_seconds",
     "A batch, from arrival to reply."},
    {&Latencies<T>::claim, "claim", "hunt_claim_seconds", "hunt_claim_latency_seconds",
     "A claim, from found to its terminal outcome."},
    {&Latencies<T>::cache_read, "cache_read", "hunt_cache_read_seconds",
     "hunt_cache_read_latency_seconds", "One read of the shared cache, of up to 256 chunks."},
    {&Latencies<T>::store_load, "store_load", "hunt_store_load_seconds",
     "hunt_store_load_latency_seconds", "One load call to the store."},
    {&Latencies<T>::store_grant, "store_grant", "hunt_store_grant_seconds",
     "hunt_store_grant_latency_seconds", "One grant call, commit included."},
    {&Latencies<T>::invalidation, "invalidation", "hunt_invalidation_lag_seconds",
     "hunt_invalidation_latency_seconds", "From commit to applied in memory."},
};
static_assert(std::size(latency_figures<char>) == sizeof(Latencies<char>),
              "each latency has its row");

}  // namespace hunt::model
