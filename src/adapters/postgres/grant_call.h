// How claims are asked for and looked up, and the answers read.
//
// Not the decision: that is the function grant_claims_packed() in the database (migrations.cc).
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "adapters/postgres/caller.h"
#include "model/claim.h"

namespace hunt::postgres {

// PROTOCOLS 4 in one transaction. Where another transaction was in the way (a deadlock, a lock held
// too long), once more tile by tile: what is locked does not keep the rest. Then an error may stand
// for a part of the claims: `unknown_outcome`. `test_now_us`: instead of the server's clock.
[[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> grant(
    Caller& caller, std::vector<model::Claim> claims, std::optional<std::int64_t> test_now_us);
// Asks for no claim at all, and needs all that a claim needs.
[[nodiscard]] boost::asio::awaitable<Result<void>> grant_nothing(Caller& caller);

// LaneStore::look_up_claims: one read, without a lock.
[[nodiscard]] boost::asio::awaitable<Result<model::GrantCall>> look_up(
    Caller& caller, std::vector<model::Claim> claims);

}  // namespace hunt::postgres
