// The decision on a claim at each of its edges, for any store, and what model/decision.h makes of
// it.
//
// Not a suite: hunt_store_contract.h plays the cases. Each has a tile of its own. Its times lie at
// and beside the moments that count: when the tile was buried, now, and a second ahead of it.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/decision.h"
#include "model/limits.h"

namespace hunt::ports::contract {

// What became of the tile before the claim that the case is about.
enum class Past : std::uint8_t {
  untouched,
  last_one,         // asked in one call with a repeat, which has no part in the stock
  twins,            // asked twice in one call, with two items
  sold_out,         // somebody else has it
  known,            // in the ledger, with another item
  replaced,         // another spawn lies there; the claim is asked of both
  known_replaced,   // in the ledger, and another spawn lies there
  empty,            // the claim is of no spawn
  aborted,          // given up in the ledger
  elsewhere,        // the range is another store's by now
  known_elsewhere,  // in the ledger, and the range is another store's by now
};
inline constexpr std::size_t past_count = 11;

struct DecisionCase {
  Past past = Past::untouched;
  model::Tile tile;
  model::TimeWindow window;  // as wished
  std::optional<std::int64_t> as_of_us;
  model::SpawnId spawn = 0;        // the first
  model::SpawnId later_spawn = 0;  // where that was replaced

  [[nodiscard]] bool is(std::initializer_list<Past> any) const {
    return std::find(any.begin(), any.end(), past) != any.end();
  }
  [[nodiscard]] bool moves() const { return is({Past::elsewhere, Past::known_elsewhere}); }
  [[nodiscard]] std::string shown(std::int64_t now_us) const {
    const auto from_now = [now_us](std::int64_t at_us) {
      if (at_us == model::time_us_min || at_us == model::time_us_max) return std::string("never");
      return fmt::format("now {:+}", at_us - now_us);
    };
    return fmt::format("past {}, opens {}, closes {}, as of {}", static_cast<int>(past),
                       from_now(window.opens_us), from_now(window.closes_us),
                       as_of_us ? from_now(*as_of_us) : "the clock");
  }
};

// All of them. Where a range begins that holds those that move, and no other: at `far`.
[[nodiscard]] inline std::vector<DecisionCase> decision_cases(std::int64_t buried_us,
                                                              std::int64_t now_us,
                                                              model::Tile far) {
  std::set<std::int64_t> edges;
  for (const std::int64_t at_us : {buried_us, now_us, now_us + limits::as_of_ahead_us_max}) {
    edges.insert({at_us - 1, at_us, at_us + 1});
  }
  std::vector<model::TimeWindow> windows{{}};
  for (const std::int64_t at_us : edges) {
    windows.push_back({at_us, model::time_us_max});
    windows.push_back({model::time_us_min, at_us});
    windows.push_back({at_us, at_us + 1});
  }
  std::vector<DecisionCase> cases;
  for (const auto& window : windows) {
    std::set<std::optional<std::int64_t>> as_ofs{std::nullopt, model::time_us_min,
                                                 model::time_us_max};
    as_ofs.insert(edges.begin(), edges.end());
    for (const std::int64_t edge_us : {window.opens_us, window.closes_us}) {
      if (edge_us == model::time_us_min || edge_us == model::time_us_max) continue;
      as_ofs.insert({edge_us - 1, edge_us, edge_us + 1});
    }
    for (std::size_t past = 0; past < past_count; ++past) {
      for (const auto& as_of_us : as_ofs) {
        DecisionCase one{static_cast<Past>(past), {}, window, as_of_us};
        if (one.past == Past::aborted && as_of_us) continue;  // each costs a connection
        const auto index = static_cast<std::int32_t>(cases.size());
        one.tile = {index % 100, index / 100};
        if (one.moves()) one.tile = {far.x + one.tile.x, far.y + one.tile.y};
        cases.push_back(one);
      }
    }
  }
  return cases;
}

// A store of one transaction at a time that only decides.
class DecisionModel {
 public:
  void bury(model::Tile tile, model::SpawnId spawn, model::TimeWindow window,
            std::int64_t remaining) {
    tiles_[model::tile_id_of(tile)] = {true, spawn, window, remaining};
  }
  void disown(model::Tile tile) { tiles_.at(model::tile_id_of(tile)).owned = false; }
  void abort(const model::Claim& claim) { ledger_[claim.id] = {true, {}, {}}; }
  model::ClaimVerdict grant(const model::Claim& claim, std::int64_t now_us) {
    std::optional<model::LedgerEntry> known;
    if (const auto at = ledger_.find(claim.id); at != ledger_.end()) known = at->second;
    model::TileStock& tile = tiles_.at(claim.tile);
    const auto verdict = model::grant(claim, known, tile, {}, now_us);
    if (verdict.is_new()) ledger_[claim.id] = {false, claim.reward, claim.rules};
    return verdict;
  }
  [[nodiscard]] std::int64_t remaining(model::Tile tile) const {
    return tiles_.at(model::tile_id_of(tile)).remaining;
  }

 private:
  std::map<model::TileId, model::TileStock> tiles_;
  std::map<model::ClaimId, model::LedgerEntry> ledger_;
};

[[nodiscard]] inline std::string shown(const model::ClaimVerdict& verdict) {
  if (verdict.moved) return "moved";
  return fmt::format("{}{} {} {}", name_of(verdict.outcome), verdict.repeat ? " again" : "",
                     verdict.reward, verdict.rules);
}

}  // namespace hunt::ports::contract
