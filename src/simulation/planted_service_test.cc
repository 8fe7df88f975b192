// The checks check, in the service: each bug of base/planted.h is found within 200 seeds of hunt
// sim, by its own rule. This program has its own objects of the files that ask for them.
#include <gtest/gtest.h>

#include "base/planted.h"
#include "simulation/planted_support.h"

namespace hunt {
namespace {
Planted bug_now = Planted::none;
}  // namespace

bool planted(Planted bug) noexcept {
  return bug == bug_now;
}

namespace simulation {
namespace {

using engine::LedgerRule;

void expect_found_in_service(Planted bug, LedgerRule rule, const Hunt& hunt = {}) {
  bug_now = bug;
  expect_found({}, rule, hunt);
  bug_now = Planted::none;
}

// A player who comes back after the opening is told `closed` for ever.
TEST(SimPlantedService, finds_refusals_that_are_remembered_for_ever) {
  expect_found_in_service(Planted::remembers_refusals, LedgerRule::refusal_true,
                          {.first_seed = 78});
}

// A position that was accepted in time is judged as of when somebody got to it.
TEST(SimPlantedService, finds_a_stored_claim_that_loses_its_time_of_acceptance) {
  expect_found_in_service(Planted::drops_as_of, LedgerRule::as_of_true);
}

TEST(SimPlantedService, finds_a_foreign_position_that_loses_its_time_of_acceptance) {
  expect_found_in_service(Planted::foreign_loses_as_of, LedgerRule::accepted_told);
}

// Off by what the read took: a fraction of a millisecond, of thirty seconds.
TEST(SimPlantedService, finds_a_life_that_is_counted_from_the_end_of_the_read) {
  expect_found_in_service(Planted::life_from_read_end, LedgerRule::copy_in_time);
}

TEST(SimPlantedService, finds_an_insisting_winner_who_hears_a_copy) {
  expect_found_in_service(Planted::winner_hears_copy, LedgerRule::win_for_ever);
}

// An error of the store is taken for a verdict.
TEST(SimPlantedService, finds_an_error_that_is_told_as_a_refusal) {
  expect_found_in_service(Planted::refuses_on_error, LedgerRule::refusal_true);
}

// Newer rules, which the store knows first, are not for the player of a claim.
TEST(SimPlantedService, finds_a_claim_that_is_rolled_for_who_is_out_of_the_rollout) {
  expect_found_in_service(Planted::rolls_for_outsiders, LedgerRule::reach_true);
}

// The void outcome of a claim that another shard owns now is taken for a verdict.
TEST(SimPlantedService, finds_a_moved_claim_that_is_told_nothing) {
  expect_found_in_service(Planted::moved_is_nothing, LedgerRule::refusal_true, {.first_seed = 7});
}

TEST(SimPlantedService, finds_refusals_that_the_log_is_not_told) {
  expect_found_in_service(Planted::tells_no_refusals, LedgerRule::accepted_told);
}

// The relay confirms what it has read, and dies before it told it.
TEST(SimPlantedService, finds_a_relay_that_confirms_what_it_did_not_tell) {
  expect_found_in_service(Planted::confirms_untold, LedgerRule::grant_told, {.first_seed = 25});
}

// Files of an older revision, as a late mount has them, replace newer rules.
TEST(SimPlantedService, finds_an_older_revision_that_wins) {
  expect_found_in_service(Planted::takes_older, LedgerRule::revision_rises);
}

// A claim says that whoever rolled it knows the newest change, as the desk does when it is sent:
// one that was rolled before a stop gets past it.
TEST(SimPlantedService, finds_a_claim_that_is_said_to_be_rolled_by_the_newest_rules) {
  expect_found_in_service(Planted::rolled_by_newest, LedgerRule::stop_holds);
}

// The memory of who has no grant of what is sold out takes one claim for another.
TEST(SimPlantedService, finds_a_winner_who_is_taken_for_another_player) {
  expect_found_in_service(Planted::few_bits_of_claims, LedgerRule::win_for_ever);
}

// It is filled while there is something left: who was looked up then may win yet.
TEST(SimPlantedService, finds_a_claim_that_is_written_off_before_it_is_sold_out) {
  expect_found_in_service(Planted::no_grant_too_early, LedgerRule::refusal_true);
}

}  // namespace
}  // namespace simulation
}  // namespace hunt
