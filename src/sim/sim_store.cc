#include "sim/sim_store.h"

#include <algorithm>

#include "base/sha256.h"
#include "model/limits.h"

namespace hunt::sim {

namespace {

constexpr std::int64_t poll_ns = 1'000'000;
constexpr std::int64_t future_us_max = 1'000'000;  // PROTOCOLS 3
constexpr std::size_t feed_batch_max = 4'096;
// An epoch raised on a server that was then lost may be known to pods and caches: the epochs of
// each timeline lie above all of the ones before. 2^13 epochs are 127 promotions.
constexpr std::uint64_t epochs_per_timeline = 64;

}  // namespace

SimStore::SimStore(const ports::Clock& clock, ports::Timer& timer, std::uint32_t shard)
    : clock_(clock), timer_(timer), shard_(shard) {}

boost::asio::awaitable<void> SimStore::pass_gate(Call call) {
  const bool& open = gates_open_[static_cast<std::size_t>(call)];
  do {
    co_await timer_.sleep_until(clock_.now_ns() + (open ? 0 : poll_ns));
  } while (!open);
}

boost::asio::awaitable<Result<void>> SimStore::enter(Call call) {
  ++call_counts_[static_cast<std::size_t>(call)];
  co_await pass_gate(call);
  if (auto error = fault_of(call, false)) co_return tl::unexpected<Error>(*error);
  co_return Result<void>{};
}

std::optional<Error> SimStore::fault_of(Call call, bool after_effect) {
  const auto found = std::find_if(faults_.begin(), faults_.end(), [&](const Fault& fault) {
    return fault.call == call && fault.after_effect == after_effect;
  });
  if (found == faults_.end()) return {};
  const Fault fault = *found;
  faults_.erase(found);
  return Error{fault.code, "an injected fault", {}};
}

boost::asio::awaitable<Result<std::vector<model::ChunkRows>>> SimStore::load_chunks(
    std::vector<model::ChunkKey> keys) {
  if (keys.size() > limits::chunks_per_load_max) co_return fail(Errc::too_large, "too many chunks");
  HUNT_CO_CHECK(co_await enter(Call::load_chunks));
  std::vector<model::ChunkRows> out;
  for (const auto& key : keys) {
    const Range& range = range_of({key.world, {key.chunk << model::chunk_id_shift}});
    out.push_back({key, {}, range.owned ? range.epoch : 0});
    const TileKey first{key.world, {key.chunk << model::chunk_id_shift}};
    for (auto at = tiles_.lower_bound(first);
         at != tiles_.end() && model::chunk_of(at->first.first, at->first.second) == key; ++at) {
      out.back().rows.push_back(at->second);
    }
  }
  co_await timer_.sleep_until(clock_.now_ns() + load_answer_delay_ns_);
  co_return out;
}

model::ClaimVerdict SimStore::decide(const model::Claim& claim, std::int64_t now_us) {
  model::ClaimVerdict verdict;
  verdict.id = claim.id;
  if (const auto known = by_claim_.find(claim.id); known != by_claim_.end()) {
    const model::Grant& grant = ledger_[known->second];
    verdict.outcome = grant.aborted ? model::Outcome::expired : model::Outcome::granted;
    verdict.repeat = !grant.aborted;
    if (!grant.aborted) {
      verdict.item = grant.item;
      verdict.rules = grant.rules;
    }
    return verdict;
  }
  verdict.moved = !owns({claim.world, claim.tile});
  const auto tile = tiles_.find({claim.world, claim.tile});
  if (verdict.moved || tile == tiles_.end() || tile->second.spawn != claim.spawn ||
      claim.spawn == 0) {
    return verdict;
  }
  const std::int64_t as_of_us = claim.as_of_us.value_or(now_us);
  if (!tile->second.eligible(as_of_us) || as_of_us > now_us + future_us_max) {
    verdict.outcome = model::Outcome::closed;
    return verdict;
  }
  Stock& stock = stock_.at(claim.spawn);
  if (stock.remaining == 0) {
    verdict.outcome = model::Outcome::sold_out;
    return verdict;
  }
  --stock.remaining;
  if (stock.remaining == 0) {
    tile->second.sold_out = true;
    changed(tile->first);
  }
  by_claim_.emplace(claim.id, ledger_.size());
  ledger_.push_back({ledger_.size() + 1, claim.id, false, claim.world, claim.tile, claim.spawn,
                     claim.player, claim.item, claim.rules, claim.seed, as_of_us, now_us});
  verdict.outcome = model::Outcome::granted;
  verdict.item = claim.item;
  verdict.rules = claim.rules;
  return verdict;
}

const SimStore::Range& SimStore::range_of(const TileKey& key) const {
  return std::prev(ranges_.upper_bound(key))->second;
}

void SimStore::changed(const TileKey& key) {
  ++tiles_.at(key).version;
  changes_.push_back(key);
  if (on_row_) on_row_(key.first, tiles_.at(key));
}

boost::asio::awaitable<Result<model::GrantCall>> SimStore::grant_claims(
    std::vector<model::Claim> claims) {
  if (claims.size() > limits::claims_per_call_max)
    co_return fail(Errc::too_large, "too many claims");
  HUNT_CO_CHECK(co_await enter(Call::grant_claims));
  model::GrantCall out;
  const std::int64_t now_us = clock_.wall_us();
  for (const auto& claim : claims) out.verdicts.push_back(decide(claim, now_us));
  if (auto error = fault_of(Call::grant_claims, true)) co_return tl::unexpected<Error>(*error);
  co_return out;
}

void SimStore::write_aborted(const model::Claim& claim) {
  by_claim_.emplace(claim.id, ledger_.size());
  ledger_.push_back({ledger_.size() + 1,
                     claim.id,
                     true,
                     claim.world,
                     claim.tile,
                     claim.spawn,
                     claim.player,
                     {},
                     {},
                     0,
                     clock_.wall_us(),
                     clock_.wall_us()});
}

boost::asio::awaitable<Result<std::optional<model::Grant>>> SimStore::find_grant(
    model::ClaimId claim) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  const auto known = by_claim_.find(claim);
  if (known == by_claim_.end()) co_return std::optional<model::Grant>{};
  co_return std::optional<model::Grant>(ledger_[known->second]);
}

boost::asio::awaitable<Result<model::GrantPage>> SimStore::grants_after(std::uint64_t cursor,
                                                                        std::uint32_t limit) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  model::GrantPage page;
  page.next = cursor;
  for (std::uint64_t i = cursor; i < ledger_.size() && page.grants.size() < limit; ++i) {
    page.next = i + 1;
    if (!ledger_[i].aborted) page.grants.push_back(ledger_[i]);
  }
  co_return page;
}

model::SpawnId SimStore::place(model::WorldId world, const model::Burial& burial) {
  const TileKey key{world, model::tile_id_of(burial.tile)};
  model::TileRow& row = tiles_[key];
  if (row.spawn != 0) stock_.at(row.spawn).done = true;
  row.tile = key.second;
  row.spawn = (std::uint64_t{shard_} << 48) | next_spawn_++;
  row.table = burial.table;
  row.budget = burial.budget;
  row.opens_us = burial.opens_us;
  row.closes_us = burial.closes_us;
  row.buried_at_us = clock_.wall_us();
  row.sold_out = false;
  stock_[row.spawn] = {key, burial.budget, burial.budget, false};
  changed(key);
  return row.spawn;
}

boost::asio::awaitable<Result<std::vector<model::Buried>>> SimStore::bury(
    model::WorldId world, std::vector<model::Burial> burials) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  if (!worlds_.contains(world)) co_return fail(Errc::not_found, "there is no such world", "world");
  if (burials.size() > limits::tiles_per_request_max)
    co_return fail(Errc::too_large, "too many tiles");
  for (const auto& burial : burials) {
    if (burial.budget < 1 || burial.budget > limits::budget_max || burial.table.empty()) {
      co_return fail(Errc::invalid_argument, "a burial needs a table and a budget", "tiles");
    }
    if (owns({world, model::tile_id_of(burial.tile)})) continue;
    co_return fail(Errc::moved, "the tile's range belongs to another shard now", "tiles");
  }
  std::vector<model::Buried> out;
  for (const auto& burial : burials) {
    const auto key = keys_.find({world, burial.key});
    if (!burial.key.empty() && key != keys_.end()) {
      out.push_back({burial.tile, key->second, true});
      continue;
    }
    const model::SpawnId spawn = place(world, burial);
    if (!burial.key.empty()) keys_[{world, burial.key}] = spawn;
    out.push_back({burial.tile, spawn, false});
  }
  co_return out;
}

boost::asio::awaitable<Result<std::uint64_t>> SimStore::close_tiles(
    model::WorldId world, std::vector<model::Tile> tiles) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  std::uint64_t closed = 0;
  for (const auto& tile : tiles) {
    const auto at = tiles_.find({world, model::tile_id_of(tile)});
    const std::int64_t now_us = clock_.wall_us();
    if (at == tiles_.end() || at->second.spawn == 0 || at->second.closes_us <= now_us) continue;
    at->second.closes_us = now_us;
    changed(at->first);
    ++closed;
  }
  co_return closed;
}

boost::asio::awaitable<Result<model::TilePage>> SimStore::list_tiles(model::WorldId world,
                                                                     model::TileRect rect,
                                                                     model::TileId from,
                                                                     std::uint32_t limit) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  model::TilePage page;
  for (auto at = tiles_.lower_bound({world, from}); at != tiles_.end(); ++at) {
    if (at->first.first != world) break;
    if (at->second.spawn == 0 || !rect.contains(model::tile_of(at->first.second))) continue;
    if (page.rows.size() == limit) {
      page.next = at->first.second;
      break;
    }
    page.rows.push_back(at->second);
  }
  co_return page;
}

boost::asio::awaitable<Result<std::vector<model::World>>> SimStore::worlds() {
  HUNT_CO_CHECK(co_await enter(Call::other));
  std::vector<model::World> out;
  for (const auto& [id, name] : worlds_) out.push_back({id, name});
  co_return out;
}

boost::asio::awaitable<Result<model::World>> SimStore::create_world(model::WorldId id,
                                                                    std::string name) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  if (name.empty() || name.size() > limits::name_bytes_max) {
    co_return fail(Errc::invalid_argument, "a world's name has 1 to 64 bytes", "name");
  }
  for (const auto& [known, known_name] : worlds_) {
    if (known_name == name && (id == 0 || id == known)) co_return model::World{known, name};
    if (known_name == name || known == id) {
      co_return fail(Errc::already_exists, "another world has this id or name", "world");
    }
  }
  if (id == 0 && worlds_.rbegin()->first == UINT32_MAX) {
    co_return fail(Errc::too_large, "no world id is left", "world");
  }
  if (id == 0) id = worlds_.rbegin()->first + 1;
  worlds_[id] = name;
  co_return model::World{id, std::move(name)};
}

boost::asio::awaitable<Result<model::WorldStats>> SimStore::world_stats(model::WorldId world) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  if (!worlds_.contains(world)) co_return fail(Errc::not_found, "there is no such world", "world");
  model::WorldStats stats;
  for (const auto& [key, row] : tiles_) {
    if (key.first != world || row.spawn == 0) continue;
    const model::Tile tile = model::tile_of(key.second);
    if (stats.tiles == 0) stats.bounds = {tile, tile};
    stats.bounds.low = {std::min(stats.bounds.low.x, tile.x), std::min(stats.bounds.low.y, tile.y)};
    stats.bounds.high = {std::max(stats.bounds.high.x, tile.x),
                         std::max(stats.bounds.high.y, tile.y)};
    ++stats.tiles;
    if (row.sold_out) ++stats.sold_out;
    if (!row.sold_out && row.eligible(clock_.wall_us())) ++stats.open;
    stats.budget += row.budget;
    stats.remaining += static_cast<std::uint64_t>(stock_.at(row.spawn).remaining);
  }
  for (const auto& grant : ledger_) {
    if (grant.world == world && !grant.aborted) ++stats.grants;
  }
  co_return stats;
}

boost::asio::awaitable<Result<void>> SimStore::read_ledger(ports::LedgerVisitor& visitor) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  for (const auto& [id, stock] : stock_) {
    const bool sold_out = !stock.done && tiles_.at(stock.tile).sold_out;
    visitor.on_spawn({id, stock.tile.first, stock.tile.second, stock.budget, stock.remaining,
                      stock.done, sold_out});
  }
  for (const auto& grant : ledger_) visitor.on_grant(grant);
  co_return Result<void>{};
}

boost::asio::awaitable<Result<ports::StoreInfo>> SimStore::info() {
  HUNT_CO_CHECK(co_await enter(Call::other));
  ports::StoreInfo info;
  info.shard = shard_;
  info.epoch = epoch_;
  info.seed_bytes.assign(32, 7);
  const Digest256 digest = Sha256().of(info.seed_bytes);
  info.seed = model::id_from_bytes(digest.data()).high;
  info.ledger_end = ledger_.size();
  co_return info;
}

boost::asio::awaitable<Result<model::FeedStart>> SimStore::resume() {
  HUNT_CO_CHECK(co_await enter(Call::feed));
  if (!confirmed_) confirmed_ = model::FeedCursor{changes_.size(), ledger_.size()};
  co_return model::FeedStart{*confirmed_, epoch_};
}

boost::asio::awaitable<Result<void>> SimStore::secure(model::FeedCursor /*cursor*/) {
  return enter(Call::secure);
}

boost::asio::awaitable<Result<void>> SimStore::confirm(model::FeedCursor cursor) {
  HUNT_CO_CHECK(co_await enter(Call::feed));
  confirmed_ = cursor;
  co_return Result<void>{};
}

boost::asio::awaitable<Result<model::FeedStart>> SimStore::repair() {
  HUNT_CO_CHECK(co_await enter(Call::feed));
  std::uint64_t newest = epoch_;
  for (const auto& [first, range] : ranges_) newest = std::max(newest, range.epoch);
  epoch_ = std::max(newest + 1, timeline_ > 1 ? timeline_ * epochs_per_timeline : 0);
  for (auto& [first, range] : ranges_) range.epoch = epoch_;
  slot_lost_ = false;
  promoted_ = false;
  const std::uint64_t told = confirmed_ ? confirmed_->grant : ledger_.size();
  co_return model::FeedStart{{changes_.size(), told}, epoch_};
}

boost::asio::awaitable<Result<model::FeedCursor>> SimStore::now() {
  HUNT_CO_CHECK(co_await enter(Call::feed));
  co_return model::FeedCursor{changes_.size(), ledger_.size()};
}

boost::asio::awaitable<Result<model::ChangeBatch>> SimStore::next(model::FeedCursor after,
                                                                  std::int64_t wait_ns) {
  HUNT_CO_CHECK(co_await enter(Call::feed));
  const std::int64_t deadline_ns = clock_.now_ns() + wait_ns;
  while (!slot_lost_ && changes_.size() <= after.change && ledger_.size() <= after.grant &&
         clock_.now_ns() < deadline_ns) {
    co_await timer_.sleep_until(std::min(deadline_ns, clock_.now_ns() + poll_ns));
  }
  model::ChangeBatch batch;
  batch.next = after;
  if (slot_lost_) {
    batch.gap = true;
    batch.next = {changes_.size(), after.grant};
    co_return batch;
  }
  std::set<TileKey> seen;
  for (; batch.next.change < changes_.size() && seen.size() < feed_batch_max; ++batch.next.change) {
    seen.insert(changes_[batch.next.change]);
  }
  for (const auto& key : seen) {
    batch.tiles.push_back({key.first, tiles_.at(key), range_of(key).epoch});
  }
  for (; batch.next.grant < ledger_.size() && batch.grants.size() < feed_batch_max;
       ++batch.next.grant) {
    if (!ledger_[batch.next.grant].aborted) batch.grants.push_back(ledger_[batch.next.grant]);
  }
  co_return batch;
}

}  // namespace hunt::sim
