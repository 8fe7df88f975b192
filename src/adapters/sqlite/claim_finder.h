// ClaimFinder: what the ledger says of a claim.
//
// Not a decision (model/decision.h). Within a transaction of the writer it sees what that has
// written, elsewhere what was committed. Thread: that of its connection.
#pragma once
#include <optional>
#include <vector>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/ranges.h"
#include "model/claim.h"
#include "model/decision.h"

namespace hunt::sqlite {

class ClaimFinder {
 public:
  explicit ClaimFinder(Connection& connection);

  [[nodiscard]] Result<std::optional<model::LedgerEntry>> find(model::ClaimId claim);
  // LaneStore::look_up_claims, from one snapshot. Not within a transaction.
  [[nodiscard]] Result<model::GrantCall> look_up(const std::vector<model::Claim>& claims);

 private:
  Connection& connection_;
  Ranges ranges_;
  Statement find_;
};

}  // namespace hunt::sqlite
