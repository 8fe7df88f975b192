#include "rush/replay_here.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <queue>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "codec/recording_reader.h"
#include "engine/claim_id.h"
#include "engine/roll.h"
#include "engine/rollout.h"
#include "model/decision.h"

namespace hunt::rush {

namespace {

using codec::RecordedEvent;
using model::Outcome;

struct Place {
  model::WorldId world = 0;
  model::TileId tile;
  friend bool operator==(const Place&, const Place&) = default;
};
struct PlaceHash {
  std::size_t operator()(const Place& place) const noexcept {
    return model::Id128Hash()({place.world, place.tile.value});
  }
};

// A spawn as the recording tells it, and what is left of it now.
struct Spawn {
  model::SpawnId id = 0;
  Place place;
  std::int32_t table = -1;  // of the rules now; -1: they have none of that name
  model::TimeWindow window;
  std::uint32_t budget = 0;
  std::int64_t remaining = 0;
  bool sold_out_then = false;
  std::int64_t grants_then = 0;
  std::int64_t last_grant_us = model::time_us_min;
};

// A claim that waits for its turn. Orders: who is later comes first in a heap.
struct Due {
  std::int64_t at_us = 0;
  bool refused_then = false;  // after the grants of that moment
  std::uint64_t cursor = 0;
  model::ClaimId claim;
  std::uint32_t spawn = 0;
  std::int64_t as_of_us = 0;
  friend bool operator<(const Due& a, const Due& b) {
    return std::tie(b.at_us, b.refused_then, b.cursor, b.claim) <
           std::tie(a.at_us, a.refused_then, a.cursor, a.claim);
  }
};

class Play {
 public:
  explicit Play(const ReplayHereOptions& options)
      : options_(options), rules_(options.rules), roller_(options.event_seed) {
    out_.facts.rules_now = rules_.version;
    out_.facts.loot_known = true;
  }

  Result<ReplayRun> run(const std::string& path) {
    const auto begun = std::chrono::steady_clock::now();
    HUNT_CHECK(read_claims(path));
    if (spawns_.empty()) {
      return fail(Errc::not_found,
                  fmt::format("{} tells no loot, so nobody could find any: record with --store, or "
                              "play against a server with --target",
                              path));
    }
    by_same_rules_ = book_.all_by_rules(rules_.version);
    find_spawns_of_claims();
    set_stock();
    HUNT_CHECK(play(path));
    HUNT_CHECK(decide_until(model::time_us_max));
    out_.compared = book_.compare(out_.facts);
    out_.played_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::steady_clock::now() - begun)
                         .count();
    return std::move(out_);
  }

 private:
  [[nodiscard]] Result<codec::RecordingReader> open(const std::string& path) const {
    HUNT_TRY(blocks, codec::BlockReader::open_file(path));
    return codec::RecordingReader::open(std::move(blocks), codec::Pseudonyms(options_.key));
  }

  // What the recording says of claims and of loot, whenever it says it.
  Result<void> read_claims(const std::string& path) {
    HUNT_TRY(reader, open(path));
    RecordedEvent event;
    std::int64_t first_ms = -1;
    while (true) {
      HUNT_TRY(more, reader.next(event));
      if (!more) break;
      if (first_ms < 0) first_ms = event.t_ms;
      out_.recorded_ms = event.t_ms - first_ms;
      if (event.kind == RecordedEvent::Kind::claim) HUNT_CHECK(book_.record(event.claim));
      if (event.kind == RecordedEvent::Kind::loot) meet(event.loot);
      if (event.kind == RecordedEvent::Kind::lost) out_.lost += event.lost;
    }
    out_.cut_bytes = reader.blocks().cut_bytes();
    return {};
  }

  void meet(const codec::RecordedLoot& loot) {
    const Place place{loot.world, loot.row.tile};
    auto [first, none_before] = first_rows_.try_emplace(place, loot.row);
    if (!none_before && loot.row.version < first->second.version) first->second = loot.row;
    if (loot.row.spawn == 0) return;
    const auto number = static_cast<std::uint32_t>(spawns_.size());
    const auto [at, added] = spawn_numbers_.try_emplace(loot.row.spawn, number);
    if (!added) return;
    Spawn spawn;
    spawn.id = loot.row.spawn;
    spawn.place = place;
    spawn.window = loot.row.window();
    spawn.budget = loot.row.budget;
    spawn.sold_out_then = loot.row.sold_out;
    if (const auto table = rules_.find_table(loot.row.table)) {
      spawn.table = static_cast<std::int32_t>(*table);
    }
    spawns_.push_back(spawn);
    spawns_of_[place].push_back(number);
  }

  void find_spawns_of_claims() {
    book_.for_each([this](model::ClaimId id, ReplayedClaim& claim) {
      const auto found = spawns_of_.find({claim.world, claim.tile});
      if (found == spawns_of_.end()) return;
      for (const std::uint32_t number : found->second) {
        Spawn& spawn = spawns_[number];
        if (ids_.of(claim.world, claim.tile, spawn.id, claim.player) != id) continue;
        claim.spawn = static_cast<std::int32_t>(number);
        if (claim.then->outcome == Outcome::granted) {
          ++spawn.grants_then;
          spawn.last_grant_us = std::max(spawn.last_grant_us, claim.at_us);
        }
        spawn.sold_out_then |= claim.then->outcome == Outcome::sold_out;
      }
    });
  }

  // Where a spawn sold out, what was granted then was what there was when the recording began.
  void set_stock() {
    for (Spawn& spawn : spawns_) {
      const std::int64_t budget = spawn.budget;
      spawn.remaining = spawn.sold_out_then ? std::min(spawn.grants_then, budget) : budget;
    }
    for (const auto& [place, row] : first_rows_) lie_there(place, row);
  }

  void lie_there(const Place& place, const model::TileRow& row) {
    Lying& lying = lying_[place];
    if (row.version < lying.version) return;
    lying.version = row.version;
    lying.spawn = row.spawn == 0 ? -1 : static_cast<std::int32_t>(spawn_numbers_.at(row.spawn));
    if (lying.spawn >= 0) spawns_[static_cast<std::size_t>(lying.spawn)].window = row.window();
  }

  Result<void> play(const std::string& path) {
    HUNT_TRY(reader, open(path));
    RecordedEvent event;
    while (true) {
      HUNT_TRY(more, reader.next(event));
      if (!more) return {};
      HUNT_CHECK(decide_until(event.t_ms * 1'000));
      if (event.kind == RecordedEvent::Kind::loot) {
        lie_there({event.loot.world, event.loot.row.tile}, event.loot.row);
      }
      if (event.kind != RecordedEvent::Kind::batch) continue;
      ++out_.batches;
      for (const auto& position : event.batch.positions) {
        ++out_.positions;
        HUNT_CHECK(look(event, position, reader.players()[position.player]));
      }
    }
  }

  Result<void> look(const RecordedEvent& event, const codec::RecordedPosition& position,
                    model::PlayerId player) {
    const Place place{event.batch.world, model::tile_id_of(position.tile)};
    const auto lying = lying_.find(place);
    if (lying == lying_.end() || lying->second.spawn < 0) return {};
    const auto number = static_cast<std::uint32_t>(lying->second.spawn);
    const std::uint64_t visit = std::uint64_t{number} << 32 | position.player;
    if (visits_.contains(visit)) return {};
    const Spawn& spawn = spawns_[number];
    const model::ClaimId id = ids_.of(place.world, place.tile, spawn.id, player);
    ReplayedClaim* then = book_.find(id);
    // By the same rules each claim was told then: what is missing, the recorder did not hear.
    if (then == nullptr && by_same_rules_) return {};
    if (then != nullptr) then->seen = true;
    // By when it was decided then: the clock of the store, not that of the recorder.
    const std::int64_t t_us = event.t_ms * 1'000;
    const std::int64_t as_of_us = then != nullptr && then->then ? then->at_us : t_us;
    if (!may_claim(spawn, place.world, position.kind, player, as_of_us)) return {};
    visits_.insert(visit);
    Due due{t_us, false, 0, id, number, as_of_us};
    if (then == nullptr || !then->then) {
      players_of_new_.emplace(id, player);
      return decide(due);
    }
    due.refused_then = then->then->outcome != Outcome::granted;
    due.cursor = then->cursor;
    due.at_us = std::max(t_us, then->at_us);
    if (due.refused_then) due.at_us = std::max(due.at_us, spawn.last_grant_us);
    waiting_.push(due);
    return {};
  }

  // Whether the rules let the position claim; as engine/answer.cc judges.
  bool may_claim(const Spawn& spawn, model::WorldId world, model::Kind kind, model::PlayerId player,
                 std::int64_t as_of_us) {
    if (spawn.table < 0) return false;
    const auto& table = rules_.tables[static_cast<std::size_t>(spawn.table)];
    const model::EventRules& event = rules_.events[table.event];
    if (!spawn.window.opened(as_of_us) || !event.holds(as_of_us)) return false;
    if (event.trigger == model::Trigger::dig && kind != model::Kind::dig) return false;
    const model::World named{world, world == 1 ? "demo" : ""};
    return event.in_world(named) && rollout_.has(event, player);
  }

  Result<void> decide_until(std::int64_t now_us) {
    while (!waiting_.empty() && waiting_.top().at_us <= now_us) {
      const Due due = waiting_.top();
      waiting_.pop();
      HUNT_CHECK(decide(due));
    }
    return {};
  }

  Result<void> decide(const Due& due) {
    Spawn& spawn = spawns_[due.spawn];
    const ReplayedClaim* then = book_.find(due.claim);
    ReplayedClaim where;
    where.player = then != nullptr ? then->player : players_of_new_.at(due.claim);
    where.world = spawn.place.world;
    where.tile = spawn.place.tile;
    where.spawn = static_cast<std::int32_t>(due.spawn);
    model::Claim claim;
    claim.id = due.claim;
    claim.world = where.world;
    claim.tile = where.tile;
    claim.spawn = spawn.id;
    claim.player = where.player;
    claim.rules = rules_.version;
    claim.as_of_us = due.as_of_us;
    claim.reward =
        roller_.reward(rules_, static_cast<std::uint32_t>(spawn.table), due.claim, due.as_of_us);
    model::TileStock stock{true, spawn.id, spawn.window, spawn.remaining};
    const auto verdict = model::grant(claim, {}, stock, {}, std::max(due.at_us, due.as_of_us));
    spawn.remaining = stock.remaining;
    players_of_new_.erase(due.claim);
    return book_.replay(due.claim, where, verdict.outcome, verdict.reward);
  }

  struct Lying {
    model::Version version = 0;
    std::int32_t spawn = -1;  // into spawns_
  };

  const ReplayHereOptions& options_;
  const model::RuleSet& rules_;
  engine::Roller roller_;
  engine::ClaimIds ids_;
  engine::Rollout rollout_;
  ReplayRun out_;
  ReplayBook book_;
  bool by_same_rules_ = false;
  std::vector<Spawn> spawns_;
  std::unordered_map<model::SpawnId, std::uint32_t> spawn_numbers_;
  std::unordered_map<Place, std::vector<std::uint32_t>, PlaceHash> spawns_of_;
  std::unordered_map<Place, model::TileRow, PlaceHash> first_rows_;
  std::unordered_map<Place, Lying, PlaceHash> lying_;
  std::unordered_set<std::uint64_t> visits_;  // spawn and player that have claimed
  std::unordered_map<model::ClaimId, model::PlayerId, model::Id128Hash> players_of_new_;
  std::priority_queue<Due> waiting_;
};

}  // namespace

Result<ReplayRun> replay_here(const std::string& path, const ReplayHereOptions& options) {
  return Play(options).run(path);
}

}  // namespace hunt::rush
