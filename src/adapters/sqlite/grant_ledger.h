// GrantLedger: reads what a decision on claims needs and writes the grants, inside the writer's
// transaction.
//
// Not the decision (model/decision.h), and not a transaction of its own: what it returns is true
// once the writer has committed. Thread: the writer's.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "adapters/sqlite/claim_finder.h"
#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/ranges.h"
#include "adapters/sqlite/rules_tables.h"
#include "model/claim.h"
#include "model/decision.h"
#include "ports/clock.h"

namespace hunt::sqlite {

class GrantLedger {
 public:
  GrantLedger(Connection& connection, const ports::Clock& clock);

  // PROTOCOLS 4 for one call that was asked at `asked_ns`. Verdicts in the order of the claims.
  [[nodiscard]] Result<model::GrantCall> grant(const std::vector<model::Claim>& claims,
                                               std::int64_t asked_ns);

 private:
  [[nodiscard]] Result<void> grant_on_tile(const std::vector<model::Claim>& claims,
                                           std::span<const std::size_t> order,
                                           const model::RulesTimeline& rules, std::int64_t now_us,
                                           std::vector<model::ClaimVerdict>& verdicts);
  [[nodiscard]] Result<model::TileStock> read_tile(model::WorldId world, model::TileId tile);
  [[nodiscard]] Result<void> take(const model::Claim& claim, const model::TileStock& tile,
                                  std::int64_t taken);

  const ports::Clock& clock_;
  Ranges ranges_;
  ClaimFinder finder_;
  RulesTables rules_;
  Statement tile_;
  Statement insert_;
  Statement take_;
  Statement sell_out_;
};

}  // namespace hunt::sqlite
