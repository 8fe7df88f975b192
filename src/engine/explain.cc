#include "engine/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "engine/explain_text.h"
#include "model/limits.h"

namespace hunt::engine {

namespace {

using model::ExplanationFacts;
using model::Fate;
using model::Outcome;
using model::RecentClaim;
using model::Story;
using model::TileFacts;

const RecentClaim* remembered(const ExplanationFacts& facts, model::ClaimId claim) {
  for (const auto& one : facts.memory.claims) {
    if (one.claim == claim && one.outcome == Outcome::granted) return &one;
  }
  return nullptr;
}

// Who asks may be wrong about whose claim it is, or where.
std::string other_owner(const ExplanationFacts& facts, model::PlayerId player,
                        model::WorldId world) {
  const auto& question = facts.question;
  if (!question.claim) return {};
  if (question.player && *question.player != player) {
    return fmt::format("This is the claim of another player, {}, and not of {}. ",
                       model::format_uuid(player), model::format_uuid(*question.player));
  }
  if (question.world && *question.world != world) {
    return fmt::format("This is a claim of {}, and not of {}. ", shown_world(facts, world),
                       shown_world(facts, *question.world));
  }
  return {};
}

Story story_of(const ExplanationFacts& facts, const model::GrantFacts& grant) {
  const model::Grant& row = grant.row;
  Story story;
  story.fate = row.aborted ? Fate::given_up : Fate::granted;
  story.claim = row.claim;
  story.player = row.player;
  story.world = row.world;
  story.tile = model::tile_of(row.tile);
  story.at_us = row.at_us;
  story.rules = row.rules;
  story.sentence = other_owner(facts, row.player, row.world);
  story.lines.push_back(fmt::format(
      "claim {} on {}; row {} of the ledger of shard {}", model::format_claim_id(row.claim),
      shown_place(facts, row.world, row.tile), row.cursor, grant.shard));
  if (row.aborted) {
    story.sentence += fmt::format("Given up at {}: the ledger says that it is never granted.",
                                  shown_utc(row.at_us));
    return story;
  }
  story.reward = row.reward;
  story.told = grant.told_to && row.cursor <= *grant.told_to;
  story.sentence += fmt::format("Granted: {} to player {} at {}, {}.", shown_reward(row.reward),
                                model::format_uuid(row.player), shown_utc(row.at_us),
                                *story.told ? "and told to the game" : "but not told to it yet");
  add_grant_lines(grant, story.lines);
  if (const RecentClaim* again = remembered(facts, row.claim); again != nullptr && again->repeat) {
    story.lines.push_back(
        fmt::format("the player came again, last at {}: each player gets a spawn once, and is told "
                    "the same reward again",
                    shown_utc(again->last_us)));
  }
  return story;
}

// Whether it is the spawn that lies there now which the position met.
bool met(const TileFacts* tile, const RecentClaim& claim) {
  return tile != nullptr && tile->row.spawn != 0 && tile->row.buried_at_us <= claim.last_us;
}

std::string who(const RecentClaim& claim) {
  return fmt::format("player {}", model::format_uuid(claim.player));
}

void tell_lost(const ExplanationFacts& facts, const RecentClaim& claim, Story& story) {
  story.fate = Fate::lost;
  story.certain = facts.missing.empty();
  story.sentence += fmt::format("Lost: {} was told at {} that it is granted, and {}.", who(claim),
                                shown_utc(claim.first_us),
                                facts.missing.empty() ? "the ledger does not have it any more"
                                                      : "no ledger that can be read has it");
  story.lines.emplace_back(
      "the store was restored from an older copy since, or a failover lost it (OPERATIONS: Backup "
      "and restore)");
  story.lines.emplace_back(
      "if the same loot still lies there, the next dig has the same claim; else bury some for the "
      "player");
}

void tell_waiting(const RecentClaim& claim, Story& story) {
  story.fate = Fate::waiting;
  story.sentence += fmt::format(
      "On its way: the claim of {} was taken at {}, and the store has not "
      "decided it yet.",
      who(claim), shown_utc(claim.first_us));
  story.lines.emplace_back(
      "it is repeated until the store answers: `hunt why` says what it waits "
      "for");
}

void tell_sold_out(const TileFacts* tile, const RecentClaim& claim, Story& story) {
  story.fate = Fate::sold_out;
  story.sentence += fmt::format("Sold out: {} came at {}, when others had taken all of it.",
                                who(claim), shown_utc(claim.first_us));
  if (met(tile, claim)) add_taker_lines(*tile, story.lines);
}

void tell_closed(const TileFacts* tile, const RecentClaim& claim, Story& story) {
  story.fate = Fate::closed;
  const bool lies = met(tile, claim);
  const auto open = [&claim](const model::TimeWindow& window) {
    return window.opened(claim.last_us) && !window.closed(claim.last_us);
  };
  const bool in_time = lies && open(tile->row.window()) && open(tile->event);
  const bool stopped = in_time && !tile->event_enabled;
  story.sentence += fmt::format(
      "Closed: {} came at {}, when {}.", who(claim), shown_utc(claim.last_us),
      stopped ? "nothing of the event there was granted: it is switched off by its rules, or "
                "stopped by hand"
              : "the loot there was not open");
  if (lies) add_window_lines(*tile, story.lines);
  if (in_time && !stopped) {
    story.lines.emplace_back(
        "that is how it stands now, and it was otherwise then: the event was stopped by hand, or "
        "its rules or the times of the loot have changed since");
  }
}

bool is_for_others(const TileFacts& tile) {
  return tile.row.spawn != 0 && (!tile.in_world || !tile.in_rollout);
}

std::string for_others(const ExplanationFacts& facts, const TileFacts& tile) {
  if (!tile.in_world) {
    return fmt::format("Not for this world: by its rules the event of the loot there is not in {}.",
                       shown_world(facts, tile.world));
  }
  return fmt::format(
      "Not for this player: the event of the loot there is rolled out to {} % of the players, and "
      "the player is not one of them.",
      tile.rollout_percent);
}

void tell_gone(const ExplanationFacts& facts, const TileFacts* tile, const RecentClaim& claim,
               Story& story) {
  if (tile != nullptr && is_for_others(*tile)) {
    story.fate = Fate::closed;
    story.sentence += for_others(facts, *tile);
    story.lines.push_back(fmt::format("{} came at {}", who(claim), shown_utc(claim.first_us)));
    return;
  }
  story.fate = Fate::gone;
  story.sentence += fmt::format("Gone: {} came at {} for loot that was not on the tile any more.",
                                who(claim), shown_utc(claim.first_us));
  if (tile == nullptr || tile->row.spawn == 0) {
    story.lines.emplace_back("the tile was emptied: nothing lies there now");
  } else {
    story.lines.push_back(
        fmt::format("the tile was buried anew at {}; what lies there now is other "
                    "loot, which the player may take",
                    shown_utc(tile->row.buried_at_us)));
  }
}

void tell_shed(const RecentClaim& claim, Story& story) {
  story.fate = Fate::shed;
  story.sentence += fmt::format(
      "Not taken: the hunt was overloaded and answered {} `busy` {} time{}, last at {}.",
      who(claim), claim.times, claim.times == 1 ? "" : "s", shown_utc(claim.last_us));
  story.lines.push_back(
      fmt::format("nothing was decided: the game server is told to send it again "
                  "after {} ms",
                  limits::retry_after_ms));
}

// Of what the process remembers and the ledger does not have.
Story story_of(const ExplanationFacts& facts, const RecentClaim& claim) {
  const TileFacts* tile = facts.tile_at(claim.world, claim.tile);
  Story story;
  if (claim.is_claim()) story.claim = claim.claim;
  story.player = claim.player;
  story.world = claim.world;
  story.tile = model::tile_of(claim.tile);
  story.at_us = claim.last_us;
  story.sentence = other_owner(facts, claim.player, claim.world);
  story.lines.push_back(claim.is_claim()
                            ? fmt::format("claim {} on {}", model::format_claim_id(claim.claim),
                                          shown_place(facts, claim.world, claim.tile))
                            : fmt::format("on {}", shown_place(facts, claim.world, claim.tile)));
  if (claim.times > 1 && claim.outcome != Outcome::busy) {
    story.lines.push_back(fmt::format("answered so {} times, from {} to {}", claim.times,
                                      shown_utc(claim.first_us), shown_utc(claim.last_us)));
  }
  switch (claim.outcome) {
    case Outcome::granted:
      tell_lost(facts, claim, story);
      break;
    case Outcome::found:
      tell_waiting(claim, story);
      break;
    case Outcome::sold_out:
      tell_sold_out(tile, claim, story);
      break;
    case Outcome::closed:
      tell_closed(tile, claim, story);
      break;
    case Outcome::nothing:
    case Outcome::hint:
      tell_gone(facts, tile, claim, story);
      break;
    case Outcome::busy:
      tell_shed(claim, story);
      break;
    case Outcome::expired:
      story.fate = Fate::given_up;
      story.sentence += fmt::format("Given up: {} was told at {} that it is never granted.",
                                    who(claim), shown_utc(claim.last_us));
      break;
    case Outcome::capped:
    case Outcome::cooldown:
    case Outcome::rejected:
      story.fate = Fate::refused;
      story.sentence +=
          fmt::format("Refused: {} came at {}, and a limit of the event said `{}`.", who(claim),
                      shown_utc(claim.last_us), model::name_of(claim.outcome));
      break;
  }
  return story;
}

// What lies on the tile that was asked about says why nothing came of it, where nobody saw it.
void conclude(const ExplanationFacts& facts, const TileFacts& tile, Story& story) {
  const auto fate = [&story](Fate what, std::string sentence) {
    story.fate = what;
    story.sentence = std::move(sentence);
  };
  const model::TimeWindow window = tile.row.window();
  if (tile.row.sold_out) {
    fate(Fate::sold_out, "Probably sold out: others have taken all that lay there.");
    add_taker_lines(tile, story.lines);
  } else if (!tile.event_enabled) {
    fate(Fate::closed,
         "Closed: the event of the loot there is switched off by its rules, or stopped by hand.");
    add_window_lines(tile, story.lines);
  } else if (is_for_others(tile)) {
    fate(Fate::closed, for_others(facts, tile));
    story.lines.emplace_back("for everybody else its loot is as if it were not there");
  } else if (window.closed(facts.now_us) || tile.event.closed(facts.now_us)) {
    fate(Fate::closed, "Probably closed: the loot there is not open any more.");
    add_window_lines(tile, story.lines);
  } else if (!window.opened(facts.now_us) || !tile.event.opened(facts.now_us)) {
    fate(Fate::closed, "Not open yet: nobody can have got what lies there.");
    add_window_lines(tile, story.lines);
  } else {
    story.lines.push_back(fmt::format(
        "loot lies open there since {}, and the player has none of it: a dig would get it",
        shown_utc(std::max(window.opens_us, tile.event.opens_us))));
  }
}

void add_unseen_lines(const ExplanationFacts& facts, Story& story) {
  for (const auto& span : facts.memory.shed_unread) {
    story.lines.push_back(fmt::format(
        "this process refused {} positions unread between {} and {}: the player's may be among "
        "them",
        with_commas(span.positions), shown_utc(span.from_us), shown_utc(span.until_us)));
  }
  if (facts.question.claim) {
    story.lines.emplace_back(
        "it was refused longer ago than is remembered, is of another hunt, never was, or was lost "
        "when a store was restored from an older copy");
  } else {
    story.lines.emplace_back(
        "what never arrived and what was refused longer ago than is remembered look the same: see "
        "in the game server's log whether it sent the position, and what it was answered");
  }
}

Story unseen(const ExplanationFacts& facts) {
  const auto& question = facts.question;
  Story story;
  story.certain = false;
  story.claim = question.claim;
  story.player = question.player;
  story.world = question.world;
  story.tile = question.tile.value_or(model::Tile{});
  const std::string what = question.claim
                               ? fmt::format("claim {}", model::format_claim_id(*question.claim))
                               : fmt::format("player {}", model::format_uuid(*question.player));
  story.sentence = facts.missing.empty()
                       ? fmt::format(
                             "Nothing is known of {}: no grant, and nothing that a process "
                             "remembers.",
                             what)
                       : fmt::format("Nothing was found of {}, but not all could be read.", what);
  if (question.tile) {
    const auto id = model::tile_id_of(*question.tile);
    story.lines.push_back(fmt::format("on {}", shown_place(facts, *question.world, id)));
    const TileFacts* tile = facts.tile_at(*question.world, id);
    if (tile != nullptr && tile->row.spawn != 0) {
      conclude(facts, *tile, story);
    } else if (facts.missing.empty()) {
      story.lines.emplace_back("no loot lies there now");
    }
  }
  add_unseen_lines(facts, story);
  return story;
}

}  // namespace

model::Explanation explain(const ExplanationFacts& facts) {
  HUNT_ASSERT(facts.question.claim || facts.question.player);
  model::Explanation out;
  for (const auto& grant : facts.grants) out.stories.push_back(story_of(facts, grant));
  for (const auto& claim : facts.memory.claims) {
    if (!facts.has_grant(claim.claim)) out.stories.push_back(story_of(facts, claim));
  }
  std::stable_sort(out.stories.begin(), out.stories.end(),
                   [](const Story& a, const Story& b) { return a.at_us > b.at_us; });
  if (out.stories.size() > limits::stories_max) out.stories.resize(limits::stories_max);
  if (out.stories.empty()) out.stories.push_back(unseen(facts));
  out.answer = out.stories.front().sentence;
  out.missing = facts.missing;
  out.complete = facts.missing.empty();
  add_notes(facts, out.notes);
  return out;
}

}  // namespace hunt::engine
