#include "rush/rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "base/sha256.h"
#include "base/text.h"
#include "engine/claim_id.h"
#include "engine/roll.h"
#include "engine/rollout.h"
#include "load/crowd.h"
#include "rules/world_checks.h"

namespace hunt::rush {

namespace {

using rules::Placement;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::uint32_t players_per_server = 4'096;

Digest256 seed_of(std::uint64_t number) {
  std::array<std::uint8_t, 8> bytes{};
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return Sha256().of(bytes);
}

struct Spawn {
  model::Tile tile;
  model::TimeWindow window;
  std::uint32_t event = 0;
  std::uint32_t table = 0;
  std::uint32_t remaining = 0;
  std::uint32_t turn = 0;   // into turns_
  std::uint32_t world = 0;  // into worlds_
  bool in_world = true;     // the event is
};

// Which tiles of a world bear loot. Most have none, and are passed by one look at a bit.
class Loot {
 public:
  [[nodiscard]] std::uint32_t* find(model::Tile tile) {
    const std::uint64_t key = key_of(tile);
    if ((bits_[word_of(key)] & bit_of(key)) == 0) return nullptr;
    const auto at = spawns_.find(key);
    return at == spawns_.end() ? nullptr : &at->second;
  }
  void put(model::Tile tile, std::uint32_t spawn) {
    const std::uint64_t key = key_of(tile);
    bits_[word_of(key)] |= bit_of(key);
    spawns_[key] = spawn;
  }
  void take_away(model::Tile tile) { spawns_.erase(key_of(tile)); }

 private:
  static constexpr int bits_log2 = 22;

  [[nodiscard]] static std::uint64_t key_of(model::Tile tile) {
    return std::uint64_t{static_cast<std::uint32_t>(tile.x)} << 32 |
           static_cast<std::uint32_t>(tile.y);
  }
  [[nodiscard]] static std::uint64_t hash_of(std::uint64_t key) {
    return ((key ^ (key >> 29)) * 0x9e3779b97f4a7c15ULL) >> (64 - bits_log2);
  }
  [[nodiscard]] static std::size_t word_of(std::uint64_t key) { return hash_of(key) >> 6; }
  [[nodiscard]] static std::uint64_t bit_of(std::uint64_t key) {
    return std::uint64_t{1} << (hash_of(key) & 63);
  }

  std::vector<std::uint64_t> bits_ = std::vector<std::uint64_t>(std::size_t{1} << (bits_log2 - 6));
  std::unordered_map<std::uint64_t, std::uint32_t> spawns_;
};

struct WorldPlay {
  std::string name;
  model::TileRect rect;
  std::uint32_t first_player = 0;
  std::optional<load::Crowd> crowd;
  Loot loot;
  rules::TakenTiles taken = {};
};

// One occurrence of a placement, when it begins.
struct Turn {
  std::int64_t at_us = 0;
  const Placement* placement = nullptr;
  std::uint32_t occurrence = 1;
  std::uint64_t left = 0;  // finds
  std::uint32_t began_s = 0;
};

class Play {
 public:
  Play(const rules::LoadedRules& rules, const RehearsalOptions& options)
      : set_(rules.set),
        placements_(rules.placements),
        options_(options),
        seed_(seed_of(options.seed)),
        roller_(seed_),
        first_of_kind_(set_.tables.size(), -1),
        none_(options.players) {
    out_.seed = options.seed;
    out_.players = options.players;
    out_.hours = options.hours;
    out_.begin_us = begin_us();
    out_.bucket_s = options.hours <= 2 ? 60 : options.hours <= 48 ? 900 : 3'600;
    out_.finds_of_players.resize(options.players);
    open_.resize(set_.events.size());
    open_s_.resize(set_.events.size());
    make_worlds();
    make_classes();
    make_turns();
    for (const auto& one : placements_) static_cast<void>(kind_of(one.table));
  }

  Result<Rehearsal> run() {
    HUNT_CHECK(few_enough());
    const std::uint32_t seconds = options_.hours * 3'600;
    for (std::uint32_t s = 0; s < seconds; ++s) {
      now_s_ = s;
      now_us_ = out_.begin_us + s * second_us;
      expire();
      HUNT_CHECK(take_turns());
      for (std::size_t i = 0; i < open_.size(); ++i) {
        open_[i] = set_.events[i].holds(now_us_);
        open_s_[i] += open_[i];
      }
      if (s % out_.bucket_s == 0) {
        out_.buckets.emplace_back().finds.resize(out_.classes.size());
      }
      for (WorldPlay& world : worlds_) step(world);
      if ((s + 1) % out_.bucket_s == 0) close_bucket();
      if (options_.tell && s % 60 == 59) options_.tell(s + 1, seconds);
    }
    finish();
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::int64_t begin_us() const {
    std::int64_t begin_us = model::time_us_max;
    for (const auto& one : placements_) {
      const std::int64_t starts_us = set_.events[one.event].starts_us;
      if (starts_us != model::time_us_min) begin_us = std::min(begin_us, starts_us);
    }
    return begin_us == model::time_us_max ? 0 : begin_us;  // without starts any time will do
  }

  void make_worlds() {
    for (const auto& one : placements_) {
      auto at = std::find_if(worlds_.begin(), worlds_.end(),
                             [&one](const WorldPlay& world) { return world.name == one.world; });
      if (at == worlds_.end()) {
        worlds_.push_back({one.world, one.area, 0, {}, {}, {}});
        at = std::prev(worlds_.end());
      }
      at->rect.low = {std::min(at->rect.low.x, one.area.low.x),
                      std::min(at->rect.low.y, one.area.low.y)};
      at->rect.high = {std::max(at->rect.high.x, one.area.high.x),
                       std::max(at->rect.high.y, one.area.high.y)};
    }
    const auto count = static_cast<std::uint32_t>(worlds_.size());
    std::uint32_t first = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t players = options_.players / count + (i < options_.players % count);
      worlds_[i].first_player = first;
      out_.worlds.push_back({worlds_[i].name, players, worlds_[i].rect});
      first += players;
      if (players == 0) continue;
      load::CrowdOptions how;
      how.seed = options_.seed + i;
      how.players = players;
      how.batch_players = std::min(players, players_per_server);
      how.world = i + 1;
      how.rect = worlds_[i].rect;
      worlds_[i].crowd.emplace(how);
    }
  }

  // Tiers of all events whose loot is placed, by name; without any, the items.
  void make_classes() {
    class_of_.assign(set_.events.size(), std::vector<std::int32_t>(set_.items.size(), -1));
    for (const auto& one : placements_) {
      const auto& event = set_.events[one.event];
      std::vector<std::size_t> classes;
      for (const auto& tier : event.tiers) classes.push_back(class_named(tier));
      for (const auto& item : event.item_tiers) {
        class_of_[one.event][item.item] = static_cast<std::int32_t>(classes[item.tier]);
      }
    }
    out_.by_tier = !out_.classes.empty();
    if (out_.by_tier) {
      out_.classes.emplace_back("no tier");
    } else {
      out_.classes = set_.items;
      for (auto& classes : class_of_) std::iota(classes.begin(), classes.end(), 0);
    }
  }

  std::size_t class_named(const std::string& name) {
    const auto at = std::find(out_.classes.begin(), out_.classes.end(), name);
    if (at == out_.classes.end()) out_.classes.push_back(name);
    return static_cast<std::size_t>(std::find(out_.classes.begin(), out_.classes.end(), name) -
                                    out_.classes.begin());
  }

  void make_turns() {
    const std::int64_t end_us = out_.begin_us + options_.hours * 3'600 * second_us - 1;
    for (const auto& one : placements_) {
      const auto& event = set_.events[one.event];
      for (const auto number : rules::occurrences_due(event, one, out_.begin_us, end_us)) {
        const auto window = rules::occurrence(event, one, number);
        if (window->opens_us > end_us) continue;
        turns_.push_back({window->opens_us, &one, number, 0, 0});
        spawns_all_ += one.spawns;
      }
    }
    std::stable_sort(turns_.begin(), turns_.end(),
                     [](const Turn& a, const Turn& b) { return a.at_us < b.at_us; });
    items_.resize(set_.items.size());
  }

  [[nodiscard]] Result<void> few_enough() const {
    if (spawns_all_ <= RehearsalOptions::spawns_max) return {};
    return fail(Errc::too_large,
                fmt::format("{} spawns are put out in {} hours, more than {} can be played; play "
                            "fewer hours, or fewer files at a time",
                            with_commas(spawns_all_), options_.hours,
                            with_commas(RehearsalOptions::spawns_max)),
                "hours");
  }

  Result<void> take_turns() {
    for (; next_turn_ < turns_.size() && turns_[next_turn_].at_us <= now_us_; ++next_turn_) {
      HUNT_CHECK(bury(turns_[next_turn_]));
    }
    return {};
  }

  Result<void> bury(Turn& turn) {
    const Placement& placement = *turn.placement;
    const auto world = static_cast<std::size_t>(
        std::find_if(worlds_.begin(), worlds_.end(),
                     [&](const WorldPlay& one) { return one.name == placement.world; }) -
        worlds_.begin());
    const auto& event = set_.events[placement.event];
    const auto placed =
        rules::place(seed_, event.name, placement, turn.occurrence, worlds_[world].taken);
    if (placed.tiles.size() < placement.spawns) {
      return fail(
          Errc::too_large,
          rules::format({placement.file, placement.at, rules::Severity::error,
                         fmt::format("placement: {} of {} spawns found a place in {} tries",
                                     with_commas(placed.tiles.size()),
                                     with_commas(placement.spawns), with_commas(placed.tries))}));
    }
    const auto window = *rules::occurrence(event, placement, turn.occurrence);
    const bool in_world = rules::may_be_in(event, placement.world);
    for (const auto tile : placed.tiles) {
      worlds_[world].loot.put(tile, static_cast<std::uint32_t>(spawns_.size()));
      spawns_.push_back({tile, window, placement.event, placement.table, placement.budget,
                         static_cast<std::uint32_t>(&turn - turns_.data()),
                         static_cast<std::uint32_t>(world), in_world});
    }
    if (window.closes_us != model::time_us_max) {
      expiries_.push_back({window.closes_us, spawns_.size() - placed.tiles.size(), spawns_.size()});
    }
    KindOutcome& kind = kind_of(placement.table);
    kind.placed += placement.units();
    ++kind.turns;
    turn.left = placement.units();
    turn.began_s = now_s_;
    placed_.insert(placement.event);
    return {};
  }

  KindOutcome& kind_of(std::uint32_t table) {
    if (first_of_kind_[table] < 0) {
      first_of_kind_[table] = static_cast<std::int32_t>(out_.kinds.size());
      out_.kinds.push_back({set_.tables[table].name});
    }
    return out_.kinds[static_cast<std::size_t>(first_of_kind_[table])];
  }

  // What nobody found in time.
  void expire() {
    std::erase_if(expiries_, [this](const Expiry& one) {
      if (one.at_us > now_us_) return false;
      for (std::size_t i = one.first; i < one.last; ++i) {
        if (spawns_[i].remaining == 0) continue;
        kind_of(spawns_[i].table).expired += spawns_[i].remaining;
        spawns_[i].remaining = 0;
        take_away(spawns_[i]);
      }
      return true;
    });
  }

  // Other loot may lie there from now on.
  void take_away(const Spawn& spawn) {
    WorldPlay& world = worlds_[spawn.world];
    world.loot.take_away(spawn.tile);
    world.taken.erase(model::tile_id_of(spawn.tile).value);
  }

  // A second of everybody in a world.
  void step(WorldPlay& world) {
    if (!world.crowd) return;
    std::uint32_t player = world.first_player;
    for (std::uint32_t i = 0; i < world.crowd->servers(); ++i) {
      world.crowd->next_batch(batch_);
      out_.positions += batch_.positions.size();
      for (const auto& position : batch_.positions) {
        const std::uint32_t* spawn = world.loot.find(position.tile);
        if (spawn != nullptr) look(*spawn, player, position);
        ++player;
      }
    }
  }

  void look(std::uint32_t index, std::uint32_t player, const model::Position& position) {
    Spawn& spawn = spawns_[index];
    const auto& event = set_.events[spawn.event];
    const bool digs = position.kind == model::Kind::dig || event.hint_radius_tiles > 0;
    if (spawn.remaining == 0 || !open_[spawn.event] || !spawn.window.holds(now_us_)) return;
    if (event.trigger == model::Trigger::dig && !digs) return;
    if (!spawn.in_world || !rollout_.has(event, position.player)) return;
    if (!finders_.insert(std::uint64_t{index} << 32 | player).second) return;
    if (--spawn.remaining == 0) take_away(spawn);
    ++kind_of(spawn.table).found;
    Turn& turn = turns_[spawn.turn];
    if (--turn.left == 0) sold_out_s_[spawn.table].push_back(now_s_ + 1 - turn.began_s);
    if (out_.finds_of_players[player]++ == 0) --none_;
    give(spawn, ids_.of(batch_.world, model::tile_id_of(spawn.tile), index + 1, position.player));
  }

  void give(const Spawn& spawn, model::ClaimId claim) {
    std::vector<std::uint64_t>& finds = out_.buckets.back().finds;
    given_.clear();
    for (const auto& stack : roller_.roll(set_, spawn.table, claim, now_us_).all()) {
      ItemSum& item = items_[stack.item];
      ++item.finds;
      item.count += stack.count;
      item.event = spawn.event;
      const std::int32_t known = class_of_[spawn.event][stack.item];
      const std::size_t at = known < 0 ? finds.size() - 1 : static_cast<std::size_t>(known);
      if (std::find(given_.begin(), given_.end(), at) != given_.end()) continue;
      given_.push_back(at);
      ++finds[at];
    }
  }

  void close_bucket() {
    RehearsalBucket& bucket = out_.buckets.back();
    for (const auto& kind : out_.kinds) bucket.left.push_back(kind.left());
    bucket.with_none = none_;
  }

  // Where loot of the event is placed, but the event is not.
  [[nodiscard]] std::vector<std::string> worlds_without(std::uint32_t event) const {
    std::vector<std::string> out;
    for (const auto& one : placements_) {
      if (one.event != event || rules::may_be_in(set_.events[event], one.world)) continue;
      if (std::find(out.begin(), out.end(), one.world) == out.end()) out.push_back(one.world);
    }
    return out;
  }

  void finish() {
    for (auto& [table, times] : sold_out_s_) {
      std::sort(times.begin(), times.end());
      kind_of(table).sold_out = static_cast<std::uint32_t>(times.size());
      kind_of(table).sold_out_s = times[(times.size() - 1) / 2];
    }
    for (std::uint32_t i = 0; i < open_s_.size(); ++i) {
      const bool places = std::any_of(placements_.begin(), placements_.end(),
                                      [i](const Placement& one) { return one.event == i; });
      if (!places) continue;
      const auto& event = set_.events[i];
      out_.events.push_back({event.name, event.starts_us, placed_.contains(i), open_s_[i],
                             event.rollout_percent, worlds_without(i)});
    }
    for (auto& bucket : out_.buckets) bucket.left.resize(out_.kinds.size());  // placed later
    for (std::uint32_t i = 0; i < items_.size(); ++i) {
      if (items_[i].finds == 0) continue;
      ItemOutcome item{set_.items[i], "", items_[i].finds, items_[i].count};
      const std::int32_t at = class_of_[items_[i].event][i];
      if (out_.by_tier && at >= 0) item.tier = out_.classes[static_cast<std::size_t>(at)];
      out_.items.push_back(std::move(item));
    }
    std::stable_sort(out_.items.begin(), out_.items.end(),
                     [](const auto& a, const auto& b) { return a.finds > b.finds; });
    std::sort(out_.finds_of_players.begin(), out_.finds_of_players.end());
  }

  struct Expiry {
    std::int64_t at_us = 0;
    std::size_t first = 0;  // into spawns_
    std::size_t last = 0;
  };
  struct ItemSum {
    std::uint64_t finds = 0;
    std::uint64_t count = 0;
    std::uint32_t event = 0;  // that gave it last
  };

  const model::RuleSet& set_;
  const std::vector<Placement>& placements_;
  const RehearsalOptions& options_;
  Digest256 seed_;
  engine::Roller roller_;
  engine::ClaimIds ids_;
  engine::Rollout rollout_;
  Rehearsal out_;
  std::vector<WorldPlay> worlds_;
  std::vector<Turn> turns_;
  std::size_t next_turn_ = 0;
  std::vector<Spawn> spawns_;
  std::vector<Expiry> expiries_;
  std::vector<std::int32_t> first_of_kind_;          // by table, into out_.kinds; -1: none yet
  std::vector<std::vector<std::int32_t>> class_of_;  // by event and item; -1: none
  std::vector<bool> open_;                           // by event
  std::vector<std::uint32_t> open_s_;                // by event, so far
  std::unordered_set<std::uint32_t> placed_;         // events
  std::uint64_t spawns_all_ = 0;                     // of all turns
  std::map<std::uint32_t, std::vector<std::uint32_t>> sold_out_s_;  // by table, of its turns
  std::vector<ItemSum> items_;
  std::vector<std::size_t> given_;             // classes, by the find at hand
  std::unordered_set<std::uint64_t> finders_;  // spawn and player
  model::Batch batch_;
  std::uint32_t now_s_ = 0;
  std::int64_t now_us_ = 0;
  std::uint64_t none_ = 0;
};

}  // namespace

std::uint64_t Rehearsal::finds() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& kind : kinds) sum += kind.found;
  return sum;
}

Result<Rehearsal> rehearse(const rules::LoadedRules& rules, const RehearsalOptions& options) {
  if (rules.placements.empty()) {
    return fail(Errc::invalid_argument,
                "no event has placement, so there is nothing to find; add it to the file", "path");
  }
  HUNT_ASSERT(options.players >= 1 && options.players <= RehearsalOptions::players_max);
  HUNT_ASSERT(options.hours >= 1 && options.hours <= RehearsalOptions::hours_max);
  return Play(rules, options).run();
}

}  // namespace hunt::rush
