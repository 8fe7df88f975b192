#include "simulation/watch.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"

namespace hunt::simulation {

namespace {

constexpr std::int64_t stale_ns_max = limits::chunk_life_ns;  // B1
constexpr std::int64_t long_ago_ns = -86'400'000'000'000;
constexpr std::ptrdiff_t violations_max = 20;  // of each rule

std::uint64_t epoch_of(const sim::SimDisk& disk, model::WorldId world, model::TileId tile) {
  return std::prev(disk.ranges_.upper_bound({world, tile}))->second.epoch;
}

}  // namespace

Watch::Watch(Cluster& cluster)
    : cluster_(cluster),
      history_(Bytes(cluster.event_seed())),
      rules_(cluster, [this](engine::LedgerRule rule,
                             const std::string& sentence) { violated(rule, sentence); }),
      seen_(cluster.pod_count()) {
  history_.on_rules(cluster.rules());
  for (std::size_t shard = 0; shard < cluster.shards.size(); ++shard) {
    cluster.shards[shard]->disk().on_row(
        [this, shard](model::WorldId world, const model::TileRow& row) {
          on_row(shard, world, row);
        });
    cluster.shards[shard]->disk().on_grant(
        [this, shard](const model::Grant& grant, const model::Claim& claim) {
          rules_.on_grant(shard, grant, claim, tables_[grant.spawn]);
        });
    cluster.shards[shard]->disk().on_rules([this, shard](const model::RulesTimeline& timeline) {
      rules_.on_timeline(shard, timeline);
    });
  }
  cluster.bus.on_told([this](const model::ClaimEvent& event) {
    history_.on_told(event.claim, event.outcome, event.reward);
    check_log(event);
    cluster_.world.trace(event.claim.low);
  });
  cluster.stream.on_fate(
      [this](sim::StreamServer::Fate fate, sim::StreamServer::Key key,
             const sim::StreamServer::Message& message) { on_fate(fate, key, message); });
  cluster.stream.on_replied([this](const model::Batch& batch, const model::BatchReply& reply) {
    on_stored_reply(batch, reply);
  });
}

void Watch::violated(engine::LedgerRule rule, const std::string& sentence) {
  const auto same = std::count_if(violations_.begin(), violations_.end(),
                                  [rule](const auto& one) { return one.rule == rule; });
  if (same >= violations_max) return;
  violations_.push_back(
      {rule,
       fmt::format("{:.3f} s: {}", static_cast<double>(cluster_.world.now_ns()) / 1e9, sentence)});
}

void Watch::on_row(std::size_t shard, model::WorldId world, const model::TileRow& row) {
  const auto epoch = epoch_of(cluster_.shards[shard]->disk().disk(), world, row.tile);
  // What was there before the players came was always there.
  const bool first = cluster_.world.now_ns() <= 1;
  const auto at_ns = first ? long_ago_ns : cluster_.world.now_ns();
  tiles_.on_row(at_ns, world, row, epoch);
  const Changed changed{model::order_of(epoch, row.version), at_ns};
  if (at_ns >= b2_from_ns_) changed_.try_emplace({world, row.tile}, changed);
  if (row.spawn == 0) return;
  history_.on_burial(row.spawn, row.table);
  tables_[row.spawn] = row.table;  // of an event of that name
}

void Watch::on_failover(std::size_t shard) {
  rules_.on_failover(shard);
  const sim::SimDisk& disk = cluster_.shards[shard]->disk().disk();
  const std::int64_t until_ns = cluster_.world.now_ns() + stale_ns_max;
  for (const auto& [key, row] : disk.tiles_) tiles_.lose_after(key.first, row, until_ns);
}

void Watch::on_asked(const model::Batch& batch, bool stored) {
  positions_ += batch.positions.size();
  const std::int64_t now_ns = cluster_.world.now_ns();
  for (const auto& position : batch.positions) {
    history_.on_asked(batch.world, model::tile_id_of(position.tile), position.player, now_ns,
                      stored);
  }
}

void Watch::on_answer(std::int64_t sent_ns, const model::Batch& batch, ports::Wait wait,
                      const model::BatchReply& reply) {
  Second& second = this_second();
  second.answers += batch.positions.size();
  for (const auto& one : reply.outcomes) {
    second.terminal += model::is_terminal(one.outcome) ? 1 : 0;
    cluster_.world.trace(static_cast<std::uint64_t>(one.outcome));
  }
  check_answers(sent_ns, wait == ports::Wait::terminal, batch, reply);
}

Watch::Second& Watch::this_second() {
  const auto index = static_cast<std::size_t>(cluster_.world.now_ns() / 1'000'000'000);
  if (index >= seconds_.size()) seconds_.resize(index + 1);
  return seconds_[index];
}

void Watch::on_fate(sim::StreamServer::Fate fate, sim::StreamServer::Key key,
                    const sim::StreamServer::Message& message) {
  const std::int64_t now_ns = cluster_.world.now_ns();
  cluster_.world.trace(key.second * 4 + static_cast<std::uint64_t>(fate));
  if (fate == sim::StreamServer::Fate::stored) {
    stored_ns_[key] = now_ns;
    for (const auto& position : message.batch.positions) {
      const model::TileId tile = model::tile_id_of(position.tile);
      history_.on_stored(message.batch.world, tile, position.player,
                         message.batch.as_of_us.value_or(0));
      if (cluster_.map().shard_of(message.batch.world, tile) != key.first) continue;
      stored_by_owner_ns_.try_emplace(
          {message.batch.world, tile, position.player, message.batch.as_of_us.value_or(0)}, now_ns);
    }
  } else if (fate == sim::StreamServer::Fate::acked) {
    owed_.push_back({key.first, message.batch, stored_ns_[key], now_ns});
  } else {
    ++dead_;
  }
}

void Watch::check_owed(const Owed& owed) {
  const std::int64_t as_of_us = owed.batch.as_of_us.value_or(0);
  for (const auto& position : owed.batch.positions) {
    if (position.kind != model::Kind::dig) continue;
    const model::TileId tile = model::tile_id_of(position.tile);
    if (cluster_.map().shard_of(owed.batch.world, tile) != owed.shard) {
      check_passed_on(owed, position);
      continue;
    }
    // Sold out or closed or not: whoever was there when it could be seen is told something.
    const std::int64_t from_ns = owed.stored_ns - stale_ns_max;
    const auto spawn = tiles_.spawn_throughout(owed.batch.world, tile, from_ns, owed.acked_ns);
    const auto hidden = [as_of_us](const model::TileRow& row) {
      return !row.window().opened(as_of_us);
    };
    if (!spawn || tiles_.ever(owed.batch.world, tile, from_ns, owed.acked_ns, hidden)) continue;
    // What rules refuse claims nothing.
    if (may_be_out(*spawn, owed.batch.world, position.player, as_of_us)) continue;
    if (rules_.could_be_stopped(tables_[*spawn], owed.stored_ns, owed.acked_ns)) continue;
    const auto claim = claim_ids_.of(owed.batch.world, tile, *spawn, position.player);
    if (history_.was_told(claim)) continue;
    violated(engine::LedgerRule::accepted_told,
             fmt::format("a stored position at ({}, {}) was acknowledged, but its claim {} was "
                         "never told an outcome",
                         position.tile.x, position.tile.y, model::format_claim_id(claim)));
  }
}

// A position on another shard's stream is acknowledged when its own has it; what it comes to there
// is the other message's.
void Watch::check_passed_on(const Owed& owed, const model::Position& position) {
  const auto own = stored_by_owner_ns_.find({owed.batch.world, model::tile_id_of(position.tile),
                                             position.player, owed.batch.as_of_us.value_or(0)});
  if (own != stored_by_owner_ns_.end() && own->second <= owed.acked_ns) return;
  violated(engine::LedgerRule::accepted_told,
           fmt::format("a stored position at ({}, {}) was acknowledged on another shard's stream, "
                       "but never passed on",
                       position.tile.x, position.tile.y));
}

void Watch::check_ledgers() {
  for (const auto& shard : cluster_.shards) {
    const sim::SimDisk& disk = shard->disk().disk();
    engine::LedgerCheck check;
    for (const auto& [id, stock] : disk.stock_) {
      const bool sold_out = !stock.done && disk.tiles_.at(stock.tile).sold_out;
      check.on_spawn({id, stock.budget, stock.remaining, stock.done, sold_out});
    }
    for (const auto& grant : disk.ledger_) check.on_grant(grant);
    for (const auto& violation : check.finish().violations) {
      violated(violation.rule, violation.sentence);
    }
  }
}

void Watch::check_copies() {
  check_ends();
  rules_.look();
  const std::int64_t now_ns = cluster_.world.now_ns();
  for (std::size_t pod = 0; pod < cluster_.pod_count(); ++pod) {
    const service::Orchestrator* orchestrator = cluster_.orchestrator(pod);
    if (orchestrator == nullptr) continue;
    const sim::Host& host = *cluster_.world.host(cluster_.pod_node(pod));
    const engine::L1& l1 = orchestrator->memory();
    Seen& seen = seen_[pod];
    if (seen.life != host.life() || seen.evictions != l1.stats().evictions) seen = {};
    seen.life = host.life();
    seen.evictions = l1.stats().evictions;
    std::map<model::ChunkKey, const engine::Chunk*> chunks;
    l1.for_each([&chunks](const engine::Chunk& chunk) {
      chunks[model::chunk_key(chunk.world, chunk.at)] = &chunk;
    });
    tiles_.for_each_tile([&](model::WorldId world, model::TileId id) {
      const model::Tile tile = model::tile_of(id);
      const auto found = chunks.find(model::chunk_of(world, id));
      const engine::Chunk* chunk = found != chunks.end() ? found->second : nullptr;
      std::uint64_t& last = seen.orders[{world, id}];
      if (chunk == nullptr) {
        last = 0;
        return;
      }
      const auto spawn = std::find_if(
          chunk->spawns.begin(), chunk->spawns.end(),
          [local = engine::local_of(tile)](const auto& known) { return known.local == local; });
      const std::uint64_t order = spawn != chunk->spawns.end() ? spawn->order : 0;
      // A row that a failover lost is replaced by the one before it, which was read later.
      if (order < last && !tiles_.lost_any(world, id, now_ns, now_ns)) {
        violated(engine::LedgerRule::version_rises,
                 fmt::format("pod {} went back from {} to {} at ({}, {})", pod, last, order, tile.x,
                             tile.y));
      }
      last = order;
      const std::int64_t age_ns = tiles_.age_ns(world, id, order, now_ns);
      if (host.now_ns() >= chunk->own_expires_ns || age_ns <= stale_ns_max) return;
      violated(engine::LedgerRule::stale_bounded,
               fmt::format("pod {} keeps a row of ({}, {}) that is outdated for {} ms", pod, tile.x,
                           tile.y, age_ns / 1'000'000));
    });
  }
}

std::int64_t Watch::b2_due_ns() const noexcept {
  std::int64_t due_ns = INT64_MAX;
  for (const auto& [key, changed] : changed_) {
    const std::int64_t at_ns = changed.at_ns + visible_ns_max;
    if (at_ns > b2_checked_ns_) due_ns = std::min(due_ns, at_ns);
  }
  return due_ns;
}

void Watch::check_b2() {
  const std::int64_t now_ns = cluster_.world.now_ns();
  b2_checked_ns_ = now_ns;
  std::vector<sim::CacheNode> caches = cluster_.caches.states;  // a read may take a lease
  const auto check = [&](const auto& key, const Changed& changed, std::uint64_t order,
                         const std::string& where) {
    if (order >= changed.order) return;
    const model::Tile tile = model::tile_of(key.second);
    violated(engine::LedgerRule::stale_bounded,
             fmt::format("{} has not heard in {} ms that tile ({}, {}) changed", where,
                         (now_ns - changed.at_ns) / 1'000'000, tile.x, tile.y));
  };
  for (const auto& [key, changed] : changed_) {
    if (now_ns - changed.at_ns < visible_ns_max) continue;
    const model::ChunkKey chunk = model::chunk_of(key.first, key.second);
    const std::size_t index = cluster_.caches.index_of(chunk);
    const auto cached = caches[index].read({chunk, 0}, 1, cluster_.world.wall_us() / 1'000);
    for (const auto& row : cached.rows.rows) {
      if (row.tile != key.second) continue;
      check(key, changed, model::order_of(cached.rows.epoch, row.version), "a cache");
    }
    for (std::size_t pod = 0; pod < cluster_.pod_count(); ++pod) {
      const service::Orchestrator* orchestrator = cluster_.orchestrator(pod);
      if (orchestrator == nullptr) continue;
      const std::int64_t host_ns = cluster_.world.host(cluster_.pod_node(pod))->now_ns();
      orchestrator->memory().for_each([&](const engine::Chunk& copy) {
        if (model::chunk_key(copy.world, copy.at) != chunk || host_ns >= copy.own_expires_ns)
          return;
        const auto local = engine::local_of(model::tile_of(key.second));
        const auto at = std::find_if(copy.spawns.begin(), copy.spawns.end(),
                                     [local](const auto& one) { return one.local == local; });
        check(key, changed, at != copy.spawns.end() ? at->order : 0, fmt::format("pod {}", pod));
      });
    }
  }
}

void Watch::finish(bool drained) {
  if (drained) check_b2();
  if (drained) rules_.finish_settled();
  check_ledgers();
  for (const auto& shard : cluster_.shards) {
    for (const auto& grant : shard->disk().disk().ledger_) history_.on_grant(grant);
  }
  for (const auto& owed : owed_) check_owed(owed);
  for (const auto& violation : history_.finish(drained)) {
    violated(violation.rule, violation.sentence);
  }
}

}  // namespace hunt::simulation
