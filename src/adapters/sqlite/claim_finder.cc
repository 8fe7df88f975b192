#include "adapters/sqlite/claim_finder.h"

namespace hunt::sqlite {

ClaimFinder::ClaimFinder(Connection& connection)
    : connection_(connection),
      ranges_(connection),
      find_(connection, "SELECT outcome, item, rules FROM grants WHERE claim_id = ?1") {}

Result<std::optional<model::LedgerEntry>> ClaimFinder::find(model::ClaimId claim) {
  Cursor row = find_.bind(claim);
  HUNT_TRY(present, row.step());
  if (!present) return std::nullopt;
  return model::LedgerEntry{row.text(0) == "aborted", row.text(1), row.text(2)};
}

Result<model::GrantCall> ClaimFinder::look_up(const std::vector<model::Claim>& claims) {
  HUNT_TRY(snapshot, Snapshot::begin(connection_));
  model::GrantCall call;
  call.verdicts.resize(claims.size());
  for (std::size_t i = 0; i < claims.size(); ++i) {
    HUNT_TRY(known, find(claims[i].id));
    HUNT_TRY(owned, ranges_.owned(claims[i].world, claims[i].tile));
    call.verdicts[i] = model::look_up(claims[i], known, owned);
  }
  return call;
}

}  // namespace hunt::sqlite
