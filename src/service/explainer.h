// Explainer: gathers from all ledgers, the rules and the lanes' memory what is known of a claim or
// a player, and has engine/explain.h say what it comes to.
//
// Not a decision, and nothing is written. Looks by claim where it has one; by player it searches
// the newest rows of each ledger. Lifecycle: construct, set_seed() and remember(), then ask.
// Thread: one executor's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "engine/claim_id.h"
#include "engine/roll.h"
#include "engine/rollout.h"
#include "ports/clock.h"
#include "ports/explainer.h"
#include "ports/hunt_store.h"
#include "ports/rules_source.h"
#include "service/recent_claims.h"

namespace hunt::service {

// A store, or why there is none.
struct ExplainedShard {
  ports::HuntStore* store = nullptr;
  std::string trouble = {};
};

class Explainer final : public ports::Explainer {
 public:
  // By shard. Lifetime: all of it outlives this.
  Explainer(std::vector<ExplainedShard> shards, const ports::RulesSource& rules,
            const ports::Clock& clock);
  // Without the event seed (32 bytes) no roll is shown.
  void set_seed(Bytes event_seed) { roller_.emplace(event_seed); }
  // Lifetime: the lane's memory outlives the last question.
  void remember(const RecentClaims& lane) { lanes_.push_back(&lane); }

  [[nodiscard]] boost::asio::awaitable<Result<model::Explanation>> explain(
      model::Question question) override;

 private:
  struct Look;  // one question on its way

  [[nodiscard]] boost::asio::awaitable<void> read_worlds(Look& look);
  [[nodiscard]] boost::asio::awaitable<void> find_claim(Look& look, model::ClaimId claim);
  [[nodiscard]] boost::asio::awaitable<void> find_of_player(Look& look);
  [[nodiscard]] boost::asio::awaitable<void> find_at_tile(Look& look);
  [[nodiscard]] boost::asio::awaitable<void> find_remembered(Look& look);
  [[nodiscard]] boost::asio::awaitable<void> read_tile(Look& look, model::WorldId world,
                                                       model::TileId tile);
  [[nodiscard]] boost::asio::awaitable<void> read_tiles(Look& look);
  [[nodiscard]] boost::asio::awaitable<void> read_told(Look& look);
  [[nodiscard]] boost::asio::awaitable<void> read_takers(Look& look);
  [[nodiscard]] boost::asio::awaitable<void> read_places(Look& look);
  void draw_again(Look& look, model::GrantFacts& grant);

  const std::vector<ExplainedShard> shards_;
  const ports::RulesSource& rules_;
  const ports::Clock& clock_;
  std::optional<engine::Roller> roller_;
  engine::ClaimIds claim_ids_;
  engine::Rollout rollout_;
  std::vector<const RecentClaims*> lanes_;
};

}  // namespace hunt::service
