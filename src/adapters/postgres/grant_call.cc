#include "adapters/postgres/grant_call.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "adapters/postgres/failure.h"
#include "model/decision.h"

namespace hunt::postgres {
namespace {

using model::Claim;
using model::Outcome;

constexpr Statement grant_claims{
    "grant_claims_packed",
    "SELECT place, verdicts, item, rules, lock_us"
    " FROM grant_claims_packed($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};

constexpr Statement look_up_claims{
    "look_up_claims",
    "SELECT g.outcome = 'granted', g.item, g.rules, r.owned"
    " FROM unnest($1::bigint[], $2::bigint[], $3::uuid[]) WITH ORDINALITY"
    "   AS k(world, tile, claim, place)"
    " LEFT JOIN LATERAL range_of(k.world, k.tile) r ON true"
    " LEFT JOIN LATERAL (SELECT * FROM grants a WHERE a.claim_id = k.claim OFFSET 0) g ON true"
    " ORDER BY k.place"};

Params params_of(const std::vector<Claim>& claims, std::optional<std::int64_t> test_now_us) {
  Params params;
  const auto array = [&](auto member) {
    params.array(claims.size(), [&](std::size_t i) { return member(claims[i]); });
  };
  array([](const Claim& claim) { return std::int64_t{claim.world}; });
  array([](const Claim& claim) { return claim.tile; });
  array([](const Claim& claim) { return static_cast<std::int64_t>(claim.spawn); });
  array([](const Claim& claim) { return claim.player; });
  array([](const Claim& claim) { return claim.id; });
  array([](const Claim& claim) { return std::string_view(claim.reward); });
  array([](const Claim& claim) { return std::string_view(claim.rules); });
  array([](const Claim& claim) { return static_cast<std::int64_t>(claim.seed); });
  array([](const Claim& claim) { return claim.as_of_us; });
  params.add(test_now_us);
  array([](const Claim& claim) { return static_cast<std::int64_t>(claim.rules_seq); });
  return params;
}

Error another_version(std::string_view what) {
  return {Errc::corrupt,
          "grant_claims_packed() in the database has another version: " + std::string(what),
          {}};
}

// The function says each by a letter. A new grant is as it was asked for, unless a row says else.
Result<model::ClaimVerdict> verdict_of(char letter, const Claim& claim) {
  model::ClaimVerdict verdict;
  verdict.id = claim.id;
  switch (letter) {
    case 'g':
      verdict.reward = claim.reward;
      verdict.rules = claim.rules;
      [[fallthrough]];
    case 'r':
      verdict.outcome = Outcome::granted;
      verdict.repeat = letter == 'r';
      return verdict;
    case 's':
      verdict.outcome = Outcome::sold_out;
      return verdict;
    case 'c':
      verdict.outcome = Outcome::closed;
      return verdict;
    case 'n':
      verdict.outcome = Outcome::nothing;
      return verdict;
    case 'e':
      verdict.outcome = Outcome::expired;
      return verdict;
    case 'm':
      verdict.moved = true;
      return verdict;
    case 't':
      verdict.stale = true;
      return verdict;
    default:
      return tl::unexpected<Error>(
          another_version(std::string("its verdict \"") + letter + "\" is unknown"));
  }
}

// The first row has a letter for each claim; the others, what the ledger has of some of them, or
// which rules are in force as of them.
Result<model::GrantCall> answer_of(const Rows& rows, const std::vector<Claim>& claims) {
  const std::string_view letters = rows.size() == 0 ? std::string_view() : rows.text(0, 1);
  if (letters.size() != claims.size()) {
    return tl::unexpected<Error>(another_version("it has not answered every claim"));
  }
  model::GrantCall call;
  call.verdicts.reserve(claims.size());
  call.times.lock_us = rows.integer(0, 4);
  for (std::size_t i = 0; i < claims.size(); ++i) {
    HUNT_TRY(verdict, verdict_of(letters[i], claims[i]));
    call.verdicts.push_back(std::move(verdict));
  }
  for (int row = 1; row < rows.size(); ++row) {
    const std::uint64_t place = rows.natural(row, 0);
    if (place < 1 || place > claims.size()) {
      return tl::unexpected<Error>(another_version("it has answered a claim that was not asked"));
    }
    model::ClaimVerdict& verdict = call.verdicts[place - 1];
    if (!rows.is_null(row, 2)) verdict.reward = rows.text(row, 2);
    if (!rows.is_null(row, 3)) verdict.rules = rows.text(row, 3);
  }
  return call;
}

// Of the transaction. What holds a lock for longer than this is no grant.
constexpr Statement impatient{"impatient", "SELECT set_config('lock_timeout', '100ms', true)"};

// Of a failed one `lost` gets the times: what was in its way held it up for that long.
boost::asio::awaitable<Result<model::GrantCall>> grant_at_once(
    Caller& caller, std::vector<Claim> claims, std::optional<std::int64_t> test_now_us,
    model::CallTimes& lost, bool impatiently = false) {
  std::vector<Step> steps;
  if (impatiently) steps.push_back({&impatient, {}});
  steps.push_back({&grant_claims, params_of(claims, test_now_us)});
  auto done = co_await caller.call_timed(std::move(steps));
  if (!done.rows) {
    if (in_the_way(done.rows.error())) std::swap(done.times.lock_us, done.times.exec_us);
    lost += done.times;
    co_return tl::unexpected<Error>(std::move(done.rows.error()));
  }
  HUNT_CO_TRY(call, answer_of(done.rows->back(), claims));
  const std::int64_t lock_us = std::min(call.times.lock_us, done.times.exec_us);
  call.times = done.times;
  call.times.lock_us = lock_us;
  call.times.exec_us -= lock_us;
  co_return call;
}

}  // namespace

boost::asio::awaitable<Result<model::GrantCall>> grant(Caller& caller, std::vector<Claim> claims,
                                                       std::optional<std::int64_t> test_now_us) {
  if (claims.empty()) co_return model::GrantCall{};
  model::GrantCall all;
  auto together = co_await grant_at_once(caller, claims, test_now_us, all.times);
  if (together || !in_the_way(together.error())) co_return together;

  std::map<std::pair<model::WorldId, model::TileId>, std::vector<std::size_t>> tiles;
  for (std::size_t i = 0; i < claims.size(); ++i) {
    tiles[{claims[i].world, claims[i].tile}].push_back(i);
  }
  all.verdicts.resize(claims.size());
  bool some_granted = false;
  std::optional<Error> failed;
  for (const auto& [tile, places] : tiles) {
    std::vector<Claim> on_tile;
    for (const std::size_t place : places) on_tile.push_back(claims[place]);
    auto part = co_await grant_at_once(caller, std::move(on_tile), test_now_us, all.times, true);
    if (!part) {
      failed = std::move(part.error());
      if (in_the_way(*failed)) continue;  // the next tile may be free
      break;
    }
    some_granted = true;
    for (std::size_t i = 0; i < places.size(); ++i) {
      all.verdicts[places[i]] = std::move(part->verdicts[i]);
    }
    all.times += part->times;
  }
  if (failed && some_granted) {
    failed->code = Errc::unknown_outcome;
    failed->message += "; other tiles of the same call were granted";
  }
  if (failed) co_return tl::unexpected<Error>(std::move(*failed));
  co_return all;
}

boost::asio::awaitable<Result<model::GrantCall>> look_up(Caller& caller,
                                                         std::vector<Claim> claims) {
  Params params;
  params.array(claims.size(), [&](std::size_t i) { return std::int64_t{claims[i].world}; });
  params.array(claims.size(), [&](std::size_t i) { return claims[i].tile; });
  params.array(claims.size(), [&](std::size_t i) { return claims[i].id; });
  HUNT_CO_TRY(rows, co_await caller.call(look_up_claims, std::move(params)));
  if (rows.size() != static_cast<int>(claims.size())) {
    co_return fail(Errc::corrupt, "the look-up of claims has not answered every claim");
  }
  model::GrantCall call;
  call.verdicts.resize(claims.size());
  for (int row = 0; row < rows.size(); ++row) {
    std::optional<model::LedgerEntry> known;
    if (!rows.is_null(row, 0)) {
      known = model::LedgerEntry{!rows.truth(row, 0), std::string(rows.text(row, 1)),
                                 std::string(rows.text(row, 2))};
    }
    const bool owned = !rows.is_null(row, 3) && rows.truth(row, 3);
    const auto place = static_cast<std::size_t>(row);
    call.verdicts[place] = model::look_up(claims[place], known, owned);
  }
  co_return call;
}

boost::asio::awaitable<Result<void>> grant_nothing(Caller& caller) {
  Params params = params_of({}, {});
  HUNT_CO_CHECK(co_await caller.call(grant_claims, std::move(params)));
  co_return Result<void>{};
}

}  // namespace hunt::postgres
