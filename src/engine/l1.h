// L1: a lane's own cache of chunks, bounded in bytes, with the rules compiled in.
//
// Not shared, not the truth, and it never loads anything: the service does and calls put(). A
// chunk answers positions only while it and the eight around it are fresh (hints cross borders).
// Freshness (PROTOCOLS 7, promise B1): until its expiry, and, unless confirmations of its shard
// flow, at most limits::unconfirmed_life_ns after its load. Where the nine are of several shards,
// the least trusted of all shards counts. Thread: its lane's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/chunk.h"
#include "engine/chunk_index.h"
#include "engine/rollout.h"
#include "model/change.h"
#include "model/rule_set.h"

namespace hunt::engine {

struct L1Stats {
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t evictions = 0;
};

class L1 {
 public:
  // Bound: bytes_max holds chunks, spawns and index; at least a batch's chunks always fit.
  L1(std::size_t bytes_max, std::shared_ptr<const model::RuleSet> rules);
  ~L1();
  L1(const L1&) = delete;
  L1& operator=(const L1&) = delete;

  // Swaps the rules; every map is derived again when next used.
  void set_rules(std::shared_ptr<const model::RuleSet> rules);
  [[nodiscard]] const model::RuleSet& rules() const noexcept { return *rules_; }
  [[nodiscard]] const std::shared_ptr<const model::RuleSet>& shared_rules() const noexcept {
    return rules_;
  }

  // Worlds by their names, which is how events may name theirs. One that nobody has told of is
  // known by its id alone. Worlds are never renamed or removed.
  void know(const std::vector<model::World>& worlds);
  [[nodiscard]] bool knows(model::WorldId world) const noexcept { return worlds_.contains(world); }
  // Whether an event, of these rules or of others, is for that player in that world. Only an event
  // that is rolled out to some costs a hash.
  [[nodiscard]] bool is_for(const model::EventRules& event, model::WorldId world,
                            model::PlayerId player) const {
    return in_world(event, world) && rollout_.has(event, player);
  }

  // Where the pointer to the chunk stands, whatever the chunk's state; nullptr stands there when it
  // is not here. Its codes hold while now < good_until_ns and as_of < maps_until_us; where they do
  // not, usable() finds out. Lifetime: until the next put().
  [[nodiscard]] Chunk* const* place_of(model::WorldId world, model::ChunkAt at) const noexcept {
    return index_.place_of(world, at);
  }

  // The chunk, ready to answer for `now_ns` and `as_of_us`; nullptr when it, or a chunk around it,
  // is missing or stale: then want() says which. Marks it as used.
  [[nodiscard]] Chunk* usable(model::WorldId world, model::ChunkAt at, std::int64_t now_ns,
                              std::int64_t as_of_us);

  // Appends the chunks of the 3 x 3 around `at` that are missing or stale.
  void want(model::WorldId world, model::ChunkAt at, std::int64_t now_ns,
            std::vector<model::ChunkKey>& out) const;

  // Appends those of the 3 x 3 that wish for a refresh, each once until it is put again.
  void want_refresh(Chunk& chunk, std::int64_t now_ns, std::vector<model::ChunkKey>& out);

  // A load that was begun at `loaded_ns`. Rows that are older than what is here are ignored, and
  // so is a load of an epoch that is over. `expires_ns` is absolute; a refresh is wished for in
  // the last third of limits::chunk_life_ns before it, however short the life. When the rows were
  // read, which is a life before they expire or later, after all that is here was learnt, they
  // replace that: what was untrue in it ends so. `now_ns`: of this call, where it is known.
  void put(const model::ChunkRows& rows, std::int64_t loaded_ns, std::int64_t expires_ns,
           model::ShardId shard = 0, std::int64_t now_ns = INT64_MAX);

  // A changed row; ignored where the chunk is not here or has the same or a newer version.
  void apply(const model::TileChange& change, std::int64_t now_ns = INT64_MAX);

  // Confirmations of a shard. `heartbeat` says that everything committed until about now was
  // applied; `gap` that something may have been missed; `begin_epoch` that copies of earlier
  // epochs are void. Bound: shards_max.
  static constexpr std::uint32_t shards_max = 4'096;
  void heartbeat(std::int64_t now_ns, model::ShardId shard = 0);
  void gap(std::int64_t now_ns, model::ShardId shard = 0);
  void begin_epoch(model::ShardId shard, std::uint64_t epoch);
  [[nodiscard]] std::uint64_t epoch_of(model::ShardId shard) const noexcept {
    return shard < feeds_.size() ? feeds_[shard].epoch : 0;
  }
  // The newest epoch that was heard of, from the feed or with a copy; 0: none yet. What a store
  // said before it may be of a history that is lost.
  [[nodiscard]] std::uint64_t newest_epoch_of(model::ShardId shard) const noexcept {
    return shard < feeds_.size() ? feeds_[shard].newest_epoch : 0;
  }
  // Whether what the store said at `since_ns` may be repeated: the feed has flowed since, without a
  // gap, or it is no longer ago than limits::unconfirmed_life_ns.
  [[nodiscard]] bool confirms(model::ShardId shard, std::int64_t since_ns,
                              std::int64_t now_ns) const noexcept;
  // What a copy of the chunk must be of at least, or put() ignores it.
  [[nodiscard]] std::uint64_t epoch_of(model::ShardId shard, model::ChunkKey key) const noexcept;
  // Call at the start of each turn: what is not confirmed long enough stops being usable.
  void begin_turn(std::int64_t now_ns) noexcept;

  // What the rules say of a table, side by side, since it is read for each position on a spawn.
  struct TableInForce {
    std::int32_t index = -1;  // into the rules' tables; -1: they do not have it
    bool must_dig = false;
    // While it holds, whoever triggers a spawn of it may claim that. Never, where it takes a look
    // at who that is, or at the event's openings.
    model::TimeWindow for_all{model::time_us_max, model::time_us_min};
  };
  [[nodiscard]] const TableInForce& in_force(const Spawn& spawn) const noexcept {
    return in_force_[spawn.table];
  }
  // The table of a spawn, or nothing when the rules do not have it.
  [[nodiscard]] const model::LootTable* table_of(const Spawn& spawn) const noexcept {
    const std::int32_t index = in_force(spawn).index;
    return index < 0 ? nullptr : &rules_->tables[static_cast<std::size_t>(index)];
  }

  void for_each(const std::function<void(const Chunk&)>& visit) const;
  [[nodiscard]] L1Stats stats() const noexcept;

  static constexpr std::uint32_t several_shards = UINT32_MAX;

 private:
  // How far the confirmations of a shard are trusted.
  struct Feed {
    std::uint64_t epoch = 0;
    std::uint64_t newest_epoch = 0;
    std::int64_t loaded_floor_ns = INT64_MIN;  // earlier loads are not confirmed long enough
    std::int64_t grace_floor_ns = INT64_MIN;
    std::int64_t grace_until_ns = INT64_MIN;
    std::int64_t last_heartbeat_ns = INT64_MIN;
    std::int64_t continuous_since_ns = INT64_MAX;  // loads from then on are covered by the feed
  };
  [[nodiscard]] Feed& feed(model::ShardId shard);
  [[nodiscard]] const Feed& trust_of(std::uint32_t shard) const noexcept {
    return shard < feeds_.size() ? feeds_[shard] : least_trusted_;
  }
  void find_least_trusted() noexcept;
  [[nodiscard]] bool in_world(const model::EventRules& event, model::WorldId world) const {
    return event.worlds.empty() || is_listed(event, world);
  }
  [[nodiscard]] bool is_listed(const model::EventRules& event, model::WorldId world) const;
  [[nodiscard]] TableInForce in_force_of(std::string_view table) const noexcept;
  [[nodiscard]] Spawn spawn_of(const model::TileRow& row, std::uint64_t epoch);
  void derive(Chunk& chunk, std::int64_t as_of_us);
  void derive_maps(Chunk& chunk, std::int64_t as_of_us);
  void add_open_loot(const Chunk& around, std::int32_t radius, model::Tile origin,
                     std::int64_t as_of_us, Window& window, std::int64_t& until_us) const;
  // The nine look again at their times when next used; at their maps, too, when loot changed.
  void mark_around(model::WorldId world, model::ChunkAt at, bool loot_changed) noexcept;
  // Loot on a tile changed: who may hint at it derives the maps again.
  void mark_in_reach(const Chunk& chunk, std::int32_t local) noexcept;
  void evict(const Chunk* keep);
  void remove(std::size_t position);
  void distrust_all() noexcept;
  [[nodiscard]] std::int64_t good_until(const Chunk& chunk) const noexcept;
  [[nodiscard]] bool fresh(const Chunk* chunk, std::int64_t now_ns) const noexcept;

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t evictions_ = 0;
  std::shared_ptr<const model::RuleSet> rules_;
  std::unordered_map<model::WorldId, model::World> worlds_;
  mutable Rollout rollout_;                // a context to hash in
  std::vector<std::int32_t> radii_tiles_;  // distinct hint radii of the events, > 0
  ChunkIndex index_;
  std::vector<std::unique_ptr<Chunk>> chunks_;  // CLOCK order
  std::size_t hand_ = 0;
  std::unordered_map<std::string, std::uint16_t> table_names_;  // name -> Spawn::table
  std::vector<TableInForce> in_force_;                          // by Spawn::table
  std::vector<Feed> feeds_;                                     // by shard
  Feed least_trusted_;  // the worst of each field that counts
};

}  // namespace hunt::engine
