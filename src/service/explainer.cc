#include "service/explainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/explain.h"
#include "model/limits.h"

namespace hunt::service {

using boost::asio::awaitable;
using model::GrantFacts;
using model::TileFacts;

namespace {

// Each costs a search of the ledger.
constexpr std::size_t searched_max = 3;

bool newer(const GrantFacts& a, const GrantFacts& b) {
  return a.row.at_us > b.row.at_us;
}

// Of an event that opens again and again: the opening of now, else the next one, else the last.
model::TimeWindow opening_near(const model::EventRules& event, std::int64_t now_us) {
  if (event.openings.empty()) return event.window();
  if (const auto* now = model::opening_at(event.openings, now_us)) return *now;
  for (const auto& one : event.openings) {
    if (one.opens_us > now_us) return one;
  }
  return event.openings.back();
}

}  // namespace

struct Explainer::Look {
  model::ExplanationFacts facts;
  struct Shard {
    model::ShardId number = 0;
    ports::HuntStore* store = nullptr;  // nullptr: it cannot be read (any more)
  };
  std::vector<Shard> shards;

  void lose(Shard& shard, const std::string& why) {
    shard.store = nullptr;
    facts.missing.push_back(
        fmt::format("shard {} cannot be read, and what it has of this is not in "
                    "the answer: {}",
                    shard.number, why));
  }
  void add(model::ShardId shard, model::Grant row) {
    GrantFacts grant;
    grant.row = std::move(row);
    grant.shard = shard;
    facts.grants.push_back(std::move(grant));
  }
};

Explainer::Explainer(std::vector<ExplainedShard> shards, const ports::RulesSource& rules,
                     const ports::Clock& clock)
    : shards_(std::move(shards)), rules_(rules), clock_(clock) {}

// Memory before the ledger: what was granted meanwhile is in both then.
awaitable<Result<model::Explanation>> Explainer::explain(model::Question question) {
  HUNT_ASSERT((question.claim || question.player) && (question.world || !question.tile));
  if (question.claim && *question.claim == model::ClaimId()) {
    co_return fail(Errc::invalid_argument,
                   "no claim is all zeros: that stands for a position that never became one; ask "
                   "by the player",
                   "claim");
  }
  Look look;
  look.facts.question = question;
  look.facts.now_us = clock_.wall_us();
  look.facts.back_to_us = question.from_us;
  for (const auto* lane : lanes_) lane->recall(question, look.facts.memory);
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    look.shards.push_back({static_cast<model::ShardId>(i), shards_[i].store});
    if (shards_[i].store == nullptr) look.lose(look.shards.back(), shards_[i].trouble);
  }
  co_await read_worlds(look);
  if (question.claim) {
    co_await find_claim(look, *question.claim);
  } else {
    co_await find_of_player(look);
  }
  if (question.tile) co_await find_at_tile(look);
  co_await find_remembered(look);
  std::stable_sort(look.facts.grants.begin(), look.facts.grants.end(), newer);
  const std::size_t count = look.facts.grants.size();
  look.facts.grants_count = std::max<std::uint64_t>(look.facts.grants_count, count);
  if (count > limits::grants_found_max) look.facts.grants.resize(limits::grants_found_max);
  co_await read_tiles(look);
  co_await read_told(look);
  co_await read_takers(look);
  co_await read_places(look);
  for (auto& grant : look.facts.grants) draw_again(look, grant);
  co_return engine::explain(look.facts);
}

// They are in every shard.
awaitable<void> Explainer::read_worlds(Look& look) {
  for (auto& shard : look.shards) {
    if (shard.store == nullptr) continue;
    auto worlds = co_await shard.store->worlds();
    if (worlds) {
      look.facts.worlds = std::move(*worlds);
      co_return;
    }
    look.lose(shard, worlds.error().message);
  }
}

awaitable<void> Explainer::find_claim(Look& look, model::ClaimId claim) {
  for (auto& shard : look.shards) {
    if (shard.store == nullptr) continue;
    auto found = co_await shard.store->find_grant(claim);
    if (!found) {
      look.lose(shard, found.error().message);
    } else if (found->has_value()) {
      look.add(shard.number, std::move(**found));
      co_return;
    }
  }
}

awaitable<void> Explainer::find_of_player(Look& look) {
  const model::Question& question = look.facts.question;
  model::GrantSearch search;
  search.player = question.player;
  search.from_us = question.from_us;
  search.until_us = question.until_us;
  search.world = question.world;
  if (question.tile) search.tile = model::tile_id_of(*question.tile);
  for (auto& shard : look.shards) {
    if (shard.store == nullptr) continue;
    auto found = co_await shard.store->find_grants(search);
    if (!found) {
      look.lose(shard, found.error().message);
      continue;
    }
    look.facts.grants_count += found->count;
    look.facts.back_to_us = std::max(look.facts.back_to_us, found->back_to_us);
    for (auto& row : found->newest) look.add(shard.number, std::move(row));
  }
}

// The player's claim on what lies on the tile of the question, however long ago it was granted.
awaitable<void> Explainer::find_at_tile(Look& look) {
  const model::Question& question = look.facts.question;
  const model::TileId tile = model::tile_id_of(*question.tile);
  co_await read_tile(look, *question.world, tile);
  if (!question.player || look.facts.tiles.empty()) co_return;
  const auto claim =
      claim_ids_.of(*question.world, tile, look.facts.tiles.front().row.spawn, *question.player);
  if (!look.facts.has_grant(claim)) co_await find_claim(look, claim);
}

awaitable<void> Explainer::find_remembered(Look& look) {
  for (std::size_t i = 0; i < look.facts.memory.claims.size(); ++i) {
    const model::RecentClaim& claim = look.facts.memory.claims[i];
    if (claim.is_claim() && !look.facts.has_grant(claim.claim))
      co_await find_claim(look, claim.claim);
  }
}

awaitable<void> Explainer::read_tile(Look& look, model::WorldId world, model::TileId tile) {
  auto& tiles = look.facts.tiles;
  if (tiles.size() >= limits::tiles_explained_max) co_return;
  if (look.facts.tile_at(world, tile) != nullptr) co_return;
  const model::Tile at = model::tile_of(tile);
  const model::TileRect rect{at, at};
  for (auto& shard : look.shards) {
    if (shard.store == nullptr) continue;
    auto page = co_await shard.store->list_tiles(world, rect, tile, 1);
    if (!page && page.error().code != Errc::not_found) look.lose(shard, page.error().message);
    if (!page || page->rows.empty()) continue;
    TileFacts found;
    found.world = world;
    found.row = std::move(page->rows.front());
    const auto rules = rules_.current();
    const auto table = rules == nullptr ? std::nullopt : rules->find_table(found.row.table);
    if (table) {
      const model::EventRules& event = rules->events[rules->tables[*table].event];
      found.event = opening_near(event, look.facts.now_us);
      found.event_enabled = event.enabled && !event.stopped;
      found.in_world = look.facts.worlds.empty() || event.in_world(look.facts.world_of(world));
      found.rollout_percent = event.rollout_percent;
      std::optional<model::PlayerId> player = look.facts.question.player;
      if (const auto& claims = look.facts.memory.claims; !player && !claims.empty()) {
        player = claims.front().player;
      }
      if (player) found.in_rollout = rollout_.has(event, *player);
    }
    tiles.push_back(std::move(found));
    co_return;
  }
}

awaitable<void> Explainer::read_tiles(Look& look) {
  for (std::size_t i = 0; i < look.facts.grants.size(); ++i) {
    const model::Grant& row = look.facts.grants[i].row;
    co_await read_tile(look, row.world, row.tile);
  }
  for (std::size_t i = 0; i < look.facts.memory.claims.size(); ++i) {
    const model::RecentClaim& claim = look.facts.memory.claims[i];
    co_await read_tile(look, claim.world, claim.tile);
  }
}

awaitable<void> Explainer::read_told(Look& look) {
  for (auto& shard : look.shards) {
    const auto here = [&shard](const auto& grant) { return grant.shard == shard.number; };
    auto& grants = look.facts.grants;
    if (shard.store == nullptr || std::none_of(grants.begin(), grants.end(), here)) continue;
    const auto info = co_await shard.store->info();
    if (!info) look.lose(shard, info.error().message);
    for (auto& grant : grants) {
      if (info && here(grant)) grant.told_to = info->told;
    }
  }
}

// Of tiles on which the player got nothing: who got it.
awaitable<void> Explainer::read_takers(Look& look) {
  std::size_t searched = 0;
  for (auto& tile : look.facts.tiles) {
    if (!tile.row.sold_out || searched == searched_max) continue;
    ++searched;
    model::GrantSearch search;
    search.spawn = tile.row.spawn;
    search.from_us = tile.row.buried_at_us;
    for (auto& shard : look.shards) {
      if (shard.store == nullptr) continue;
      auto found = co_await shard.store->find_grants(search);
      if (!found) look.lose(shard, found.error().message);
      if (!found || found->count == 0) continue;
      tile.granted = found->count;
      tile.last = std::move(found->newest.front());
    }
  }
}

awaitable<void> Explainer::read_places(Look& look) {
  std::size_t searched = 0;
  for (auto& grant : look.facts.grants) {
    const TileFacts* tile = look.facts.tile_at(grant.row.world, grant.row.tile);
    auto& shard = look.shards[grant.shard];
    if (shard.store == nullptr || searched == searched_max) continue;
    if (tile == nullptr || tile->row.spawn != grant.row.spawn) {
      grant.place = 0;
      continue;
    }
    ++searched;
    model::GrantSearch search;
    search.spawn = grant.row.spawn;
    search.from_us = tile->row.buried_at_us;
    search.until_us = grant.row.at_us;
    search.last = grant.row.cursor;
    grant.budget = tile->row.budget;
    auto found = co_await shard.store->find_grants(search);
    if (!found) look.lose(shard, found.error().message);
    if (!found || found->back_to_us > search.from_us) continue;
    grant.place = found->count;
    grant.first = std::move(found->oldest);
  }
}

void Explainer::draw_again(Look& look, GrantFacts& grant) {
  const model::Grant& row = grant.row;
  const auto rules = rules_.of_version(row.rules);
  const TileFacts* tile = look.facts.tile_at(row.world, row.tile);
  const bool lies_there = tile != nullptr && tile->row.spawn == row.spawn;
  const auto table =
      rules != nullptr && lies_there ? rules->find_table(tile->row.table) : std::nullopt;
  if (!roller_) {
    grant.roll_unknown = "the event seed cannot be read here, so it cannot be drawn again";
  } else if (row.seed != roller_->seed_id()) {
    grant.roll_unknown = "it was drawn with another event seed than the one of now";
  } else if (rules == nullptr) {
    grant.roll_unknown =
        "those rules are not in force here any more; `hunt rules odds` shows the weights of their "
        "file";
  } else if (!lies_there) {
    grant.roll_unknown = "its table is not known: that loot is not on the tile any more";
  } else if (!table) {
    grant.roll_unknown =
        fmt::format("those rules have no table {}, which the tile names now", tile->row.table);
  } else {
    const std::uint32_t index = table.value_or(0);  // g++ 12 does not see that there is one
    grant.roll = roller_->picks(*rules, index, row.claim, row.as_of_us);
    grant.rolled = roller_->reward(*rules, index, row.claim, row.as_of_us);
  }
}

}  // namespace hunt::service
