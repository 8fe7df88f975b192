// GrantLedger: decides claims and writes the grants, inside the writer's transaction.
//
// Not a transaction of its own: what it returns is true once the writer has committed. Thread: the
// writer's.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/ranges.h"
#include "model/claim.h"
#include "ports/clock.h"

namespace hunt::sqlite {

class GrantLedger {
 public:
  GrantLedger(Connection& connection, const ports::Clock& clock);

  // PROTOCOLS 4 for one call that was asked at `asked_ns`. Verdicts in the order of the claims.
  [[nodiscard]] Result<model::GrantCall> grant(const std::vector<model::Claim>& claims,
                                               std::int64_t asked_ns);

 private:
  struct TileState {
    model::SpawnId spawn = 0;
    std::int64_t opens_us = 0;
    std::int64_t closes_us = 0;
    std::int64_t buried_at_us = 0;
    std::int64_t remaining = 0;
  };

  [[nodiscard]] Result<void> grant_on_tile(const std::vector<model::Claim>& claims,
                                           std::span<const std::size_t> order, std::int64_t now_us,
                                           std::vector<model::ClaimVerdict>& verdicts);
  [[nodiscard]] Result<TileState> read_tile(model::WorldId world, model::TileId tile);
  // True when the ledger has a row of this claim, which then is the verdict.
  [[nodiscard]] Result<bool> find(const model::Claim& claim, model::ClaimVerdict& verdict);
  [[nodiscard]] static model::Outcome judge(const model::Claim& claim, const TileState& tile,
                                            std::int64_t now_us);
  [[nodiscard]] Result<void> take(const model::Claim& claim, const TileState& tile,
                                  std::int64_t taken);

  const ports::Clock& clock_;
  Ranges ranges_;
  Statement tile_;
  Statement find_;
  Statement insert_;
  Statement take_;
  Statement sell_out_;
};

}  // namespace hunt::sqlite
