// RefusalCheck: could the store have given that refusal, at some moment between question and
// answer?
//
// Not the check of grants (ledger_check*.h). Intuition: who insists on a terminal outcome hears the
// ledger of that time; everybody else may hear a copy, which is at most limits::chunk_life_ns old.
// `sold_out` of a spawn stays true, so it may be remembered for as long as a copy names the spawn.
// Where a failover lost rows, nothing is claimed. Units: ns of the watcher's clock; wall us.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/ledger_check_tiles.h"
#include "model/claim.h"

namespace hunt::engine {

// What somebody asked, and when he was answered.
struct Question {
  model::WorldId world = 0;
  model::TileId tile;
  std::int64_t asked_ns = 0;
  std::int64_t answered_ns = 0;
  std::int64_t wall_start_us = 0;          // the stores' wall clock at 0 of the watcher's
  bool insists = false;                    // he waits for a terminal outcome, or it was stored
  std::optional<std::int64_t> as_of_us{};  // of a stored message
  bool may_be_out = false;  // rules that count for it may be for other players or worlds
  // How wrong the clocks of those who answer may be.
  std::int64_t clock_low_us = 0;
  std::int64_t clock_high_us = 0;
};

class RefusalCheck {
 public:
  explicit RefusalCheck(const TileHistory& tiles) : tiles_(tiles) {}

  // Why a dig cannot have been told that; nothing when it can, or when it is no refusal.
  [[nodiscard]] std::optional<std::string> wrong(const Question& question,
                                                 model::Outcome outcome) const;
  // The one spawn of which any copy could have known then, when there is only one: a grant of it
  // that is older than the question is what who insists must hear.
  [[nodiscard]] std::optional<model::SpawnId> only_spawn(const Question& question) const;
  // Why the log of claims cannot have been told that of a claim of `spawn`, asked for first at
  // `question.asked_ns`, by messages stored as of `as_ofs_us` among others.
  [[nodiscard]] std::optional<std::string> wrong_in_log(
      const Question& question, model::SpawnId spawn, model::Outcome outcome,
      const std::vector<std::int64_t>& as_ofs_us) const;

 private:
  [[nodiscard]] bool could_be_closed(const Question& question) const;
  [[nodiscard]] bool could_see_nothing(const Question& question) const;

  const TileHistory& tiles_;
};

}  // namespace hunt::engine
