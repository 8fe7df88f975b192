#include "engine/explain_text.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/reward.h"

namespace hunt::engine {

namespace {

std::string shown_window(const model::TimeWindow& window) {
  const bool opens = window.opens_us != model::time_us_min;
  const bool closes = window.closes_us != model::time_us_max;
  if (!opens && !closes) return "always open";
  std::string out = "open";
  if (opens) out += fmt::format(" from {}", shown_utc(window.opens_us));
  if (closes) out += fmt::format(" until {}", shown_utc(window.closes_us));
  return out;
}

std::string shown_roll(const model::GrantFacts& grant) {
  const model::Grant& row = grant.row;
  std::string out =
      fmt::format("roll by rules {} and seed {}: ", row.rules, model::format_u64_hex(row.seed));
  if (!grant.rolled) return out + grant.roll_unknown;
  for (const auto& pick : grant.roll) {
    if (&pick != &grant.roll.front()) out += ", then ";
    out += fmt::format("table {} drew {} of {}, which is {} (weight {})", pick.table,
                       with_commas(pick.number + 1), with_commas(pick.of), pick.picked,
                       with_commas(pick.weight));
  }
  if (grant.roll.empty()) out += "nothing is drawn";
  if (grant.roll.empty() || grant.roll.back().picked != model::stacks_of(*grant.rolled)) {
    out += fmt::format("; together that is {}", shown_reward(*grant.rolled));
  }
  if (*grant.rolled != row.reward) {
    out += fmt::format("; the ledger has {}, as the table was when it was granted",
                       shown_reward(row.reward));
  }
  return out;
}

std::string shown_first(const model::GrantFacts& grant) {
  if (*grant.place == 0) return "who was first is not known: that loot is not on the tile any more";
  std::string out = fmt::format("number {} of at most {} players who get this loot",
                                with_commas(*grant.place), with_commas(grant.budget));
  if (*grant.place == 1) return out + ": it was the first";
  if (!grant.first) return out;
  return out + fmt::format("; the first was player {} at {}",
                           model::format_uuid(grant.first->player), shown_utc(grant.first->at_us));
}

std::string shown_told(const model::GrantFacts& grant) {
  if (!grant.told_to) {
    return fmt::format(
        "not told: no relay has ever followed the ledger of shard {}; start `hunt "
        "relay`, or let the game read GET /v1/grants",
        grant.shard);
  }
  if (grant.row.cursor <= *grant.told_to) {
    return fmt::format(
        "told: all rows up to {} were; if the player has it not, ask the game's "
        "inventory for this claim: what it did with it is not known here",
        *grant.told_to);
  }
  return fmt::format(
      "not told: the relay of shard {} has told rows up to {} only; see that it runs "
      "(GET /readyz has its warning), or let the game read GET /v1/grants",
      grant.shard, *grant.told_to);
}

}  // namespace

std::string shown_utc(std::int64_t time_us) {
  std::string text = format_time_us(time_us);
  if (!text.ends_with('Z')) return text;  // no time of a clock
  text.resize(19);
  text[10] = ' ';
  return text + " UTC";
}

std::string shown_world(const model::ExplanationFacts& facts, model::WorldId world) {
  for (const auto& one : facts.worlds) {
    if (one.id == world) return fmt::format("world {} ({})", world, one.name);
  }
  return fmt::format("world {}", world);
}

std::string shown_place(const model::ExplanationFacts& facts, model::WorldId world,
                        model::TileId tile) {
  const model::Tile at = model::tile_of(tile);
  return fmt::format("tile {},{} of {}", at.x, at.y, shown_world(facts, world));
}

std::string shown_reward(std::string_view reward) {
  std::string out;
  model::for_each_stack(reward, [&out](const model::ItemStack& stack) {
    if (!out.empty()) out += ", ";
    if (stack.count != 1) out += with_commas(stack.count) + " ";
    out += stack.item;
  });
  if (out.empty()) return "nothing";
  const std::string_view tier = model::announced_tier(reward);
  return tier.empty() ? out : fmt::format("{} (announced as {})", out, tier);
}

void add_grant_lines(const model::GrantFacts& grant, Lines& to) {
  if (grant.place) to.push_back(shown_first(grant));
  to.push_back(shown_roll(grant));
  to.push_back(shown_told(grant));
}

void add_taker_lines(const model::TileFacts& tile, Lines& to) {
  std::string line =
      fmt::format("{} of {} were granted since it was buried at {}", with_commas(tile.granted),
                  with_commas(tile.row.budget), shown_utc(tile.row.buried_at_us));
  if (tile.last) {
    line += fmt::format("; the last went to player {} at {}", model::format_uuid(tile.last->player),
                        shown_utc(tile.last->at_us));
  }
  to.push_back(std::move(line));
}

void add_window_lines(const model::TileFacts& tile, Lines& to) {
  to.push_back("the loot is " + shown_window(tile.row.window()));
  to.push_back("its event is " + shown_window(tile.event) +
               (tile.event_enabled ? "" : ", but switched off by its rules, or stopped by hand"));
}

void add_notes(const model::ExplanationFacts& facts, Lines& to) {
  if (facts.grants_count > facts.grants.size()) {
    to.push_back(fmt::format("the player has {} grants of that time; these are the newest",
                             with_commas(facts.grants_count)));
  }
  if (facts.back_to_us > facts.question.from_us) {
    to.push_back(
        fmt::format("the ledger was searched back to {}: for what is older give a time "
                    "(--around), a tile or the claim",
                    shown_utc(facts.back_to_us)));
  }
  const model::Memory& memory = facts.memory;
  if (!memory.asked) {
    to.emplace_back(
        "no running process was asked: only those know of refusals, of `busy`, and of "
        "what is on its way");
    return;
  }
  to.push_back(
      fmt::format("this process remembers what the store decided since {}, what it refused "
                  "itself since {}, and `busy` since {}; others may know more",
                  shown_utc(memory.verdicts_since_us), shown_utc(memory.refusals_since_us),
                  shown_utc(memory.shed_since_us)));
}

}  // namespace hunt::engine
