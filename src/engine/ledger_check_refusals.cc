#include "engine/ledger_check_refusals.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"

namespace hunt::engine {
namespace {

std::int64_t copies_from_ns(const Question& question) {
  return question.asked_ns - limits::chunk_life_ns;
}

std::int64_t wall_us(const Question& question, std::int64_t at_ns) {
  return question.wall_start_us + at_ns / 1'000;
}

}  // namespace

bool RefusalCheck::could_be_closed(const Question& question) const {
  // The store judges by its own clock; whoever answers from a copy, by his.
  const std::int64_t from_ns = question.insists ? question.asked_ns : copies_from_ns(question);
  std::int64_t low_us = question.as_of_us.value_or(wall_us(question, question.asked_ns));
  std::int64_t high_us = question.as_of_us.value_or(wall_us(question, question.answered_ns));
  if (!question.insists) {
    low_us += question.clock_low_us;
    high_us += question.clock_high_us;
  }
  return tiles_.ever(question.world, question.tile, from_ns, question.answered_ns,
                     [low_us, high_us](const model::TileRow& row) {
                       return row.spawn != 0 &&
                              (row.closes_us <= high_us || row.window().opens_us > low_us);
                     });
}

// A copy without the spawn, or from before it opens; or the claim was of a spawn that is gone.
bool RefusalCheck::could_see_nothing(const Question& question) const {
  std::int64_t low_us = wall_us(question, question.asked_ns) + question.clock_low_us;
  if (question.as_of_us) low_us = *question.as_of_us;
  if (question.may_be_out || !only_spawn(question)) return true;
  return tiles_.ever(
      question.world, question.tile, copies_from_ns(question), question.answered_ns,
      [low_us](const model::TileRow& row) { return row.window().opens_us > low_us; });
}

std::optional<model::SpawnId> RefusalCheck::only_spawn(const Question& question) const {
  return tiles_.spawn_throughout(question.world, question.tile, copies_from_ns(question),
                                 question.answered_ns);
}

std::optional<std::string> RefusalCheck::wrong(const Question& question,
                                               model::Outcome outcome) const {
  const auto sold_out = [](const model::TileRow& row) { return row.spawn != 0 && row.sold_out; };
  // Stock never grows: of a spawn that a copy may still name, it is true whoever asks.
  const std::int64_t from_ns = copies_from_ns(question);
  switch (outcome) {
    case model::Outcome::found:
    case model::Outcome::busy:
    case model::Outcome::granted:
      return {};
    case model::Outcome::sold_out:
      if (tiles_.ever(question.world, question.tile, from_ns, question.answered_ns, sold_out)) {
        return {};
      }
      return "nothing that a copy may know was sold out by then";
    case model::Outcome::closed:
      if (could_be_closed(question)) return {};
      return "what lay there was open then";
    case model::Outcome::nothing:
    case model::Outcome::hint:
      if (could_see_nothing(question)) return {};
      return fmt::format("spawn {} lay there for as long as any copy lives",
                         only_spawn(question).value_or(0));
    case model::Outcome::capped:
    case model::Outcome::cooldown:
    case model::Outcome::rejected:
    case model::Outcome::expired:
      return "no rule and no row of the ledger says so";
  }
  return "it is no outcome";
}

std::optional<std::string> RefusalCheck::wrong_in_log(
    const Question& question, model::SpawnId spawn, model::Outcome outcome,
    const std::vector<std::int64_t>& as_ofs_us) const {
  const auto ever = [&](const auto& holds) {
    return tiles_.ever(question.world, question.tile, question.asked_ns, question.answered_ns,
                       holds);
  };
  if (outcome == model::Outcome::sold_out) {
    if (ever([spawn](const auto& row) { return row.spawn == spawn && row.sold_out; })) return {};
    return fmt::format("spawn {} was not sold out", spawn);
  }
  if (outcome == model::Outcome::nothing) {
    if (question.may_be_out) return {};
    if (ever([spawn](const auto& row) { return row.spawn != spawn; })) return {};
    return fmt::format("spawn {} lay on the tile all the time", spawn);
  }
  if (outcome == model::Outcome::closed) {
    std::int64_t low_us = wall_us(question, question.asked_ns);
    std::int64_t high_us = wall_us(question, question.answered_ns);
    for (const std::int64_t as_of_us : as_ofs_us) {
      low_us = std::min(low_us, as_of_us);
      high_us = std::max(high_us, as_of_us);
    }
    if (ever([=](const auto& row) {
          return row.spawn == spawn && (row.closes_us <= high_us || row.window().opens_us > low_us);
        })) {
      return {};
    }
    return fmt::format("spawn {} was open all the time", spawn);
  }
  return "no rule and no row of the ledger says so";
}

}  // namespace hunt::engine
