#include "sim/sim_store.h"

#include <algorithm>
#include <map>

#include "base/sha256.h"
#include "model/limits.h"
#include "ports/grant_finder.h"
#include "ports/store_checks.h"

namespace hunt::sim {

namespace {

constexpr std::int64_t poll_ns = 1'000'000;
constexpr std::size_t feed_batch_max = 4'096;

// Milliseconds since 2024 times 256: past all that was handed out before a restore.
std::uint64_t spawn_floor(std::int64_t wall_us) {
  const std::int64_t ms = wall_us / 1'000 - 1'704'067'200'000;
  return ms < 0 || ms >> 40 != 0 ? 0 : static_cast<std::uint64_t>(ms) << 8;
}

const std::vector<std::uint8_t> seed_bytes(32, 7);
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

boost::asio::awaitable<Result<model::LoadCall>> SimStore::load_chunks(
    std::vector<model::ChunkKey> keys) {
  if (keys.size() > limits::chunks_per_load_max) co_return fail(Errc::too_large, "too many chunks");
  HUNT_CO_CHECK(co_await enter(Call::load_chunks));
  model::LoadCall out;
  for (const auto& key : keys) {
    const Range& range = range_of({key.world, {key.chunk << model::chunk_id_shift}});
    out.chunks.push_back({key, {}, range.owned ? range.epoch : 0});
    const TileKey first{key.world, {key.chunk << model::chunk_id_shift}};
    for (auto at = tiles_.lower_bound(first);
         at != tiles_.end() && model::chunk_of(at->first.first, at->first.second) == key; ++at) {
      out.chunks.back().rows.push_back(at->second);
    }
  }
  co_await timer_.sleep_until(clock_.now_ns() + load_answer_delay_ns_);
  co_return out;
}

std::optional<model::LedgerEntry> SimStore::known(model::ClaimId claim) const {
  const auto known = by_claim_.find(claim);
  if (known == by_claim_.end()) return {};
  const model::Grant& grant = ledger_[known->second];
  return model::LedgerEntry{grant.aborted, grant.reward, grant.rules};
}

model::TileStock SimStore::stock_of(const TileKey& key) const {
  model::TileStock stock;
  stock.owned = owns(key);
  const auto tile = tiles_.find(key);
  if (tile == tiles_.end() || tile->second.spawn == 0) return stock;
  stock.spawn = tile->second.spawn;
  stock.window = tile->second.window();
  stock.remaining = stock_.at(stock.spawn).remaining;
  return stock;
}

model::ClaimVerdict SimStore::decide(const model::Claim& claim, std::int64_t now_us) {
  const TileKey key{claim.world, claim.tile};
  model::TileStock stock = stock_of(key);
  model::Claim asked = claim;
  if (!fenced_) asked.rules_seq = 0;
  const model::RulesTimeline none;
  const model::ClaimVerdict verdict =
      model::grant(asked, known(claim.id), stock, fenced_ ? rules_ : none, now_us);
  if (!verdict.is_new()) return verdict;
  stock_.at(claim.spawn).remaining = stock.remaining;
  if (stock.remaining == 0) {
    tiles_.at(key).sold_out = true;
    changed(key);
  }
  by_claim_.emplace(claim.id, ledger_.size());
  ledger_.push_back({ledger_.size() + 1, claim.id, false, claim.world, claim.tile, claim.spawn,
                     claim.player, claim.reward, claim.rules, claim.seed,
                     claim.judged_at_us(now_us), now_us});
  if (on_grant_) on_grant_(ledger_.back(), claim);
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

boost::asio::awaitable<Result<model::GrantCall>> SimStore::look_up_claims(
    std::vector<model::Claim> claims) {
  if (claims.size() > limits::claims_per_call_max)
    co_return fail(Errc::too_large, "too many claims");
  HUNT_CO_CHECK(co_await enter(Call::look_up_claims));
  model::GrantCall out;
  for (const auto& claim : claims) {
    out.verdicts.push_back(model::look_up(claim, known(claim.id), owns({claim.world, claim.tile})));
  }
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

boost::asio::awaitable<Result<model::GrantsFound>> SimStore::find_grants(
    model::GrantSearch search) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  ports::GrantFinder finder(search);
  for (auto row = ledger_.rbegin(); row != ledger_.rend(); ++row) {
    if (finder.wants(*row)) finder.take(*row);
  }
  co_return finder.found(search.from_us);
}

model::SpawnId SimStore::place(model::WorldId world, const model::Burial& burial) {
  const TileKey key{world, model::tile_id_of(burial.tile)};
  model::TileRow& row = tiles_[key];
  if (row.spawn != 0) stock_.at(row.spawn).done = true;
  row.tile = key.second;
  if (spawns_by_clock_) next_spawn_ = std::max(next_spawn_, spawn_floor(clock_.wall_us()));
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

boost::asio::awaitable<Result<std::vector<model::TableCount>>> SimStore::open_tables() {
  HUNT_CO_CHECK(co_await enter(Call::other));
  std::map<std::string, std::uint64_t> counts;
  for (const auto& [key, row] : tiles_) {
    if (row.spawn != 0 && !row.sold_out && row.closes_us > clock_.wall_us()) ++counts[row.table];
  }
  std::vector<model::TableCount> all;
  for (const auto& [table, spawns] : counts) all.push_back({table, spawns});
  co_return all;
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
  const Digest256 digest = Sha256().of(seed_bytes);
  info.seed = model::id_from_bytes(digest.data()).high;
  info.ledger_end = ledger_.size();
  if (confirmed_) info.told = confirmed_->grant;
  info.hunt = hunt_;
  info.ledger = {std::uint64_t{shard_ + 1} << 32 | 0x6c656467, 0x6572};
  co_return info;
}

boost::asio::awaitable<Result<ports::StoreSecrets>> SimStore::secrets() {
  HUNT_CO_CHECK(co_await enter(Call::other));
  ports::StoreSecrets secrets;
  secrets.seed_bytes = seed_bytes;
  secrets.hunt_key = hunt_key_;
  co_return secrets;
}

boost::asio::awaitable<Result<void>> SimStore::join_hunt(model::Hunt hunt, model::HuntKey key) {
  HUNT_CO_CHECK(co_await enter(Call::other));
  HUNT_CO_TRY(joins, ports::joins(hunt_, hunt));
  if (joins) {
    hunt_ = std::move(hunt);
    hunt_key_ = key;
  }
  co_return Result<void>{};
}

boost::asio::awaitable<Result<model::FeedStart>> SimStore::resume() {
  HUNT_CO_CHECK(co_await enter(Call::feed));
  if (!confirmed_) confirmed_ = model::FeedCursor{changes_.size(), 0};
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
  const model::FeedCursor told = confirmed_.value_or(model::FeedCursor{changes_.size(), 0});
  co_return model::FeedStart{{changes_.size(), told.grant, told.kept}, epoch_};
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
