// Every bound of the system, by name. Units stand last in each name.
//
// Not configuration: these are the hard edges. Where a value can be set lower by a flag, the flag's
// default and this bound stand together in docs/REFERENCE.md.
#pragma once
#include <cstddef>
#include <cstdint>

namespace hunt::limits {

// One batch: 4,096 positions of 24 bytes fit the 256 KiB body with room for JSON names.
inline constexpr std::size_t batch_positions_max = 4'096;
inline constexpr std::size_t subject_bytes_max = 256;
inline constexpr std::size_t body_bytes_max = 256 * 1'024;
// What a client reads of one reply: 4,096 claims with the longest rewards, in JSON or binary.
inline constexpr std::size_t reply_bytes_max = 8 * 1'024 * 1'024;
// One request for tiles; the rest goes into further requests.
inline constexpr std::size_t tiles_per_request_max = 1'000;
inline constexpr std::size_t tiles_per_page_max = 10'000;
inline constexpr std::size_t grants_per_page_max = 1'000;
inline constexpr std::size_t json_depth_max = 16;
inline constexpr std::size_t name_bytes_max = 64;  // worlds, tables, items, events
inline constexpr std::size_t burial_key_bytes_max = 128;
inline constexpr std::uint32_t budget_max = 1'000'000;  // players who may take one spawn

// Shards of one hunt: each costs every process its connections, and each lane a round of calls.
inline constexpr std::size_t shards_max = 64;  // guess: far above what 28,000 players need

// A hunt's name is a part of subjects, streams and keys of the cache.
inline constexpr std::size_t hunt_name_bytes_max = 32;

// Rules.
inline constexpr std::size_t rules_bytes_max = 1'024 * 1'024;
inline constexpr std::size_t rules_files_bytes_max = 16 * 1'024 * 1'024;  // all files together
inline constexpr std::size_t rules_nodes_max = 100'000;
inline constexpr std::size_t rules_depth_max = 32;
inline constexpr std::size_t rules_files_max = 256;
inline constexpr std::size_t rules_turns_max = 32;     // of a timeline: to roll back to
inline constexpr std::size_t rules_stopped_max = 256;  // events that are stopped
inline constexpr std::size_t rules_note_bytes_max = 200;
inline constexpr std::size_t tables_max = 4'096;
inline constexpr std::size_t entries_per_table_max = 4'096;
inline constexpr std::size_t table_nesting_max = 8;
inline constexpr std::uint64_t weight_max = 1'000'000'000;
inline constexpr std::size_t always_per_table_max = 16;
inline constexpr std::size_t pools_per_table_max = 16;
inline constexpr std::uint32_t rolls_per_pool_max = 64;
inline constexpr std::uint32_t count_max = 1'000'000;  // of an item in one entry
inline constexpr std::uint32_t chance_denominator_max = 1'000'000'000;
// One find, whatever is drawn: its draws, its different items, and the text that the ledger keeps.
inline constexpr std::size_t draws_per_find_max = 64;
inline constexpr std::size_t items_per_find_max = 16;
inline constexpr std::size_t reward_bytes_max = 1'024;
inline constexpr std::size_t odds_states_max = 100'000;  // of a pool whose entries are distinct
inline constexpr std::size_t openings_listed_max = 16;   // of an event, and of each named time
inline constexpr std::size_t openings_max = 2'000;       // what they come to
inline constexpr std::size_t times_per_event_max = 4;
inline constexpr std::size_t times_per_table_max = 4;  // with the tables below: 16 kinds of odds
inline constexpr std::size_t tiers_max = 8;
inline constexpr std::size_t worlds_per_event_max = 256;
inline constexpr std::int32_t hint_radius_tiles_max = 32;  // one chunk: hints look at the 8 around

// Claims. 64 a call: 256 gives 5 % more for 3.6 times the p99 (PostgreSQL, measured).
inline constexpr std::size_t claims_per_call_max = 64;
inline constexpr std::int64_t claim_linger_ns =
    2'000'000;  // up to the next, as the store gets slow
inline constexpr std::int64_t claim_linger_ns_max = 10'000'000;
// A stored position has another machine's time; further ahead of the store's clock it is wrong.
inline constexpr std::int64_t as_of_ahead_us_max = 1'000'000;
inline constexpr std::size_t claims_waiting_max = 16'384;   // per lane; full answers `busy`
inline constexpr std::size_t claim_calls_inflight_max = 8;  // per lane and shard

// What `hunt explain` looks at: rows of each ledger, a page of what it found, and what is told of
// it; the tiles looked up for it; and what each lane remembers of claims, of refusals and of what
// it shed: so many of each.
inline constexpr std::uint64_t grants_searched_max = 1'000'000;
inline constexpr std::size_t grants_found_max = 20;
inline constexpr std::size_t stories_max = 50;
inline constexpr std::size_t tiles_explained_max = 16;
inline constexpr std::size_t recent_claims_max = 16'384;  // 72 bytes each
inline constexpr std::size_t shed_spans_max = 64;

// Chunk loading.
inline constexpr std::size_t chunks_per_load_max = 256;
inline constexpr std::size_t loads_inflight_max = 64;           // per lane
inline constexpr std::size_t store_reads_inflight_max = 8;      // per lane and shard, with a cache
inline constexpr std::size_t hot_set_tiles_max = 100'000;       // loot that is looked at ahead
inline constexpr std::size_t hot_set_chunks_max = 32'768;       // as many as a lane's memory holds
inline constexpr std::int64_t prewarm_ns_max = 10'000'000'000;  // then serve without the rest
inline constexpr std::int64_t chunk_life_ns = 30'000'000'000;   // promise B1
inline constexpr std::int64_t unconfirmed_life_ns =
    1'000'000'000;                                              // when invalidations do not flow
inline constexpr std::int64_t feed_silence_ns = 3'000'000'000;  // then they do not flow

// The shared cache: commands under way, and their bytes, per lane and node; full is `overloaded`.
inline constexpr std::size_t cache_commands_inflight_max = 4'096;
inline constexpr std::size_t cache_bytes_inflight_max = 32 * 1'024 * 1'024;
inline constexpr std::size_t cache_reply_bytes_max = 16 * 1'024 * 1'024;
inline constexpr std::size_t cache_nodes_shown_max = 64;  // in figures, the first by address

// Figures of a world that are kept for whoever looks are this old at most; and loot tables whose
// open spawns a store counts: more than rules can have.
inline constexpr std::int64_t world_figures_age_ns_max = 60'000'000'000;
inline constexpr std::size_t tables_counted_max = 2 * tables_max;

// A relay's changed rows that the cache has not taken yet, and its grants that the bus has not.
inline constexpr std::size_t relay_rows_waiting_max = 65'536;

// Stored messages that one lane works at; the stream keeps the others.
inline constexpr std::size_t deliveries_inflight_max = 256;
// Batches that one lane has taken and not answered yet; full answers `overloaded`.
inline constexpr std::size_t asks_inflight_max = 16'384;
// One connection to the bus: bytes not sent yet (full is `overloaded`), messages and bytes that a
// subscription holds (what is above is lost, seen as a gap), acknowledgements that one call waits
// for at once, and the rows of one invalidation.
inline constexpr std::size_t bus_out_bytes_max = 8 * 1'024 * 1'024;
inline constexpr std::size_t bus_messages_pending_max = 65'536;
inline constexpr std::size_t bus_pending_bytes_max = 64 * 1'024 * 1'024;
inline constexpr std::size_t bus_acks_waiting_max = 256;
inline constexpr std::size_t invalidation_rows_max = 4'096;
// The least max_payload of a NATS server: one claim's event, one position and what is said about a
// dead letter fit, with room to spare. Larger messages are told in parts or cut.
inline constexpr std::size_t bus_message_bytes_min = 4'096;
// What a NATS server takes unless it is told otherwise: 4,096 outcomes, each with one item.
inline constexpr std::size_t bus_message_bytes_usual = 1'024 * 1'024;
// Deliveries of a stored shard that all its consumers together have not settled yet.
inline constexpr std::size_t stream_ack_pending_max = 16'384;
// A step that waited this long for its turn is answered `busy`; digs and stored ones never are.
inline constexpr std::int64_t step_age_ns_max = 2'000'000'000;

// A lane that has not turned for this long is stuck: /livez fails.
inline constexpr std::int64_t lane_still_ns_max = 10'000'000'000;

// Streams (/v1/stream). Per process: grants and refusals kept to be sent; who is further behind
// reads the store. Per stream: batches in flight, bytes to be sent before reading pauses, claims
// whose refusal it is owed.
inline constexpr std::size_t stream_grants_kept_max = 8'192;
inline constexpr std::size_t stream_refusals_kept_max = 16'384;
inline constexpr std::size_t stream_batches_inflight_max = 256;
inline constexpr std::size_t stream_out_bytes_max = 4 * 1'024 * 1'024;
inline constexpr std::size_t stream_claims_expected_max = 16'384;

// A request of a game server waits at most this long for a terminal outcome.
inline constexpr std::int64_t answer_deadline_ns = 5'000'000'000;
inline constexpr std::uint32_t retry_after_ms = 250;  // told with `busy`

}  // namespace hunt::limits
