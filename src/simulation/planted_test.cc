// The checks check: each planted bug is found within 200 seeds of hunt sim, and by its own rule.
//
// The bugs here stand between a service and a port (Hooks); those of the service itself are in
// planted_service_test.cc. The program that ships has none of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "simulation/planted_ports.h"
#include "simulation/planted_support.h"
#include "simulation/watch.h"

namespace hunt::simulation {
namespace {

using engine::LedgerRule;
using planted::Awaited;

// A claim that is in the ledger gets another row when it comes again.
class GrantsTwice final : public planted::Store {
 public:
  explicit GrantsTwice(sim::SimStore& disk) : Store(disk), disk_(disk) {}
  Awaited<model::GrantCall> grant_claims(std::vector<model::Claim> claims) override {
    auto call = co_await inside_.grant_claims(std::move(claims));
    if (!call) co_return call;
    for (const auto& verdict : call->verdicts) {
      if (!verdict.repeat) continue;
      tamper(disk_, [&verdict](sim::SimDisk& disk) {
        model::Grant again = disk.ledger_[disk.by_claim_.at(verdict.id)];
        again.cursor = disk.ledger_.size() + 1;
        disk.ledger_.push_back(again);
      });
    }
    co_return call;
  }

 private:
  sim::SimStore& disk_;
};

TEST(SimPlanted, finds_a_claim_that_is_granted_twice) {
  Hooks hooks;
  hooks.server = [](sim::SimStore& disk) { return std::make_unique<GrantsTwice>(disk); };
  expect_found(hooks, LedgerRule::claim_once);
}

// "Take one if there is no row, and add the row", in one statement: a twin that waited for the lock
// looks at the rows of before, takes one more, and finds its row there (EvalPlanQual).
class OneStatement final : public planted::Store {
 public:
  explicit OneStatement(sim::SimStore& disk) : Store(disk), disk_(disk) {}
  Awaited<model::GrantCall> grant_claims(std::vector<model::Claim> claims) override {
    std::vector<model::Claim> unseen = claims;
    std::erase_if(unseen, [this](const model::Claim& claim) {
      return disk_.disk().by_claim_.contains(claim.id);
    });
    auto call = co_await inside_.grant_claims(std::move(claims));
    if (!call) co_return call;
    for (const auto& verdict : call->verdicts) {
      const auto twin = std::find_if(unseen.begin(), unseen.end(), [&verdict](const auto& claim) {
        return verdict.repeat && claim.id == verdict.id;
      });
      if (twin == unseen.end()) continue;
      const model::SpawnId spawn = twin->spawn;
      tamper(disk_, [spawn](sim::SimDisk& disk) { --disk.stock_.at(spawn).remaining; });
    }
    co_return call;
  }

 private:
  sim::SimStore& disk_;
};

TEST(SimPlanted, finds_the_race_of_a_single_statement) {
  Hooks hooks;
  hooks.server = [](sim::SimStore& disk) { return std::make_unique<OneStatement>(disk); };
  expect_found(hooks, LedgerRule::conserved, {.first_seed = 2});
}

// Acknowledges a stored message when it arrives; the work goes on, if nothing comes between.
class AcksFirst final : public planted::Stream {
 public:
  AcksFirst(ports::PositionStream& inside, sim::Host& host) : Stream(inside), host_(host) {}
  boost::asio::awaitable<ports::Settled> handle(ports::Delivery delivery) override {
    host_.spawn(go_on(std::move(delivery)));
    co_return ports::Settled::ack;
  }

 private:
  boost::asio::awaitable<void> go_on(ports::Delivery delivery) {
    static_cast<void>(co_await handler_->handle(std::move(delivery)));
  }
  sim::Host& host_;
};

TEST(SimPlanted, finds_an_acknowledgement_before_the_work) {
  Hooks hooks;
  hooks.pod_stream = [](ports::PositionStream& stream, sim::Host& host) {
    return std::make_unique<AcksFirst>(stream, host);
  };
  expect_found(hooks, LedgerRule::accepted_told);
}

// What cannot be done now is given up instead of given back.
class DropsOnShed final : public planted::Stream {
 public:
  explicit DropsOnShed(ports::PositionStream& inside) : Stream(inside) {}
  boost::asio::awaitable<ports::Settled> handle(ports::Delivery delivery) override {
    const auto settled = co_await handler_->handle(std::move(delivery));
    co_return settled == ports::Settled::nak ? ports::Settled::ack : settled;
  }
};

TEST(SimPlanted, finds_claims_that_are_dropped_when_shedding) {
  Hooks hooks;
  hooks.pod_stream = [](ports::PositionStream& stream, sim::Host&) {
    return std::make_unique<DropsOnShed>(stream);
  };
  expect_found(hooks, LedgerRule::accepted_told);
}

// A burial makes a new row instead of changing the old one: versions begin again.
class VersionsBeginAgain final : public planted::Store {
 public:
  explicit VersionsBeginAgain(sim::SimStore& disk) : Store(disk), disk_(disk) {}
  Awaited<std::vector<model::Buried>> bury(model::WorldId world,
                                           std::vector<model::Burial> burials) override {
    const model::TileId tile = model::tile_id_of(burials.front().tile);
    auto buried = co_await inside_.bury(world, std::move(burials));
    if (!buried) co_return buried;
    tamper(disk_, [world, tile](sim::SimDisk& disk) { disk.tiles_.at({world, tile}).version = 1; });
    co_return buried;
  }

 private:
  sim::SimStore& disk_;
};

TEST(SimPlanted, finds_versions_that_go_back) {
  Hooks hooks;
  hooks.server = [](sim::SimStore& disk) { return std::make_unique<VersionsBeginAgain>(disk); };
  expect_found(hooks, LedgerRule::stale_bounded);
}

// Fills with what it read of a chunk first, as a replica does that hangs.
class ReadsReplica final : public planted::Store {
 public:
  using Rows = std::map<model::ChunkKey, model::ChunkRows>;
  ReadsReplica(ports::HuntStore& inside, std::shared_ptr<Rows> replica)
      : Store(inside), replica_(std::move(replica)) {}
  Awaited<model::LoadCall> load_chunks(std::vector<model::ChunkKey> keys) override {
    auto loaded = co_await inside_.load_chunks(std::move(keys));
    if (!loaded) co_return loaded;
    for (auto& rows : loaded->chunks) {
      const std::uint64_t epoch = rows.epoch;
      if (epoch == 0) continue;
      rows = replica_->try_emplace(rows.key, rows).first->second;
      rows.epoch = epoch;
    }
    co_return loaded;
  }

 private:
  std::shared_ptr<Rows> replica_;
};

TEST(SimPlanted, finds_stale_fills) {
  Hooks hooks;
  const auto replica = std::make_shared<ReadsReplica::Rows>();
  hooks.pod_store = [replica](ports::HuntStore& store, sim::Host& host) {
    if (host.world().now_ns() <= 1) replica->clear();  // another run
    return std::make_unique<ReadsReplica>(store, replica);
  };
  expect_found(hooks, LedgerRule::stale_bounded, {.seconds = 45, .positions_per_second = 300});
}

// Tells the feed that all was told as soon as it was read.
class ConfirmsEarly final : public planted::Feed {
 public:
  explicit ConfirmsEarly(ports::ChangeFeed& inside) : Feed(inside) {}
  Awaited<model::ChangeBatch> next(model::FeedCursor after, std::int64_t wait_ns) override {
    auto batch = co_await inside_.next(after, wait_ns);
    if (!batch || batch->gap || batch->grants.empty()) co_return batch;
    static_cast<void>(co_await inside_.confirm(batch->next));
    co_return batch;
  }
};

TEST(SimPlanted, finds_a_feed_that_is_confirmed_before_it_was_told) {
  Hooks hooks;
  hooks.relay_feed = [](ports::ChangeFeed& feed, sim::Host&) {
    return std::make_unique<ConfirmsEarly>(feed);
  };
  expect_found(hooks, LedgerRule::grant_told, {.first_seed = 4});
}

// Tells grants that a failover may still lose.
class NoBarrier final : public planted::Feed {
 public:
  explicit NoBarrier(ports::ChangeFeed& inside) : Feed(inside) {}
  Awaited<void> secure(model::FeedCursor) override { co_return Result<void>{}; }
};

TEST(SimPlanted, finds_grants_that_are_told_before_they_are_safe) {
  Hooks hooks;
  hooks.relay_feed = [](ports::ChangeFeed& feed, sim::Host&) {
    return std::make_unique<NoBarrier>(feed);
  };
  expect_found(hooks, LedgerRule::told_is_granted, {.first_seed = 6});
}

// Does not write changed rows into the cache.
class DropsUpdates final : public planted::Cache {
 public:
  explicit DropsUpdates(ports::TileCache& inside) : Cache(inside) {}
  Awaited<void> update(std::vector<model::TileChange>) override { co_return Result<void>{}; }
};

TEST(SimPlanted, finds_changes_that_never_reach_the_cache) {
  Hooks hooks;
  hooks.relay_cache = [](ports::TileCache& cache, sim::Host&) {
    return std::make_unique<DropsUpdates>(cache);
  };
  expect_found(hooks, LedgerRule::stale_bounded);
}

// Tells changes a little later than everyone has to know of them.
class TellsLate final : public planted::Feed {
 public:
  TellsLate(ports::ChangeFeed& inside, sim::Host& host) : Feed(inside), host_(host) {}
  Awaited<model::ChangeBatch> next(model::FeedCursor after, std::int64_t wait_ns) override {
    auto batch = co_await inside_.next(after, wait_ns);
    if (batch && !batch->tiles.empty()) {
      co_await host_.sleep_until(host_.now_ns() + visible_ns_max);
    }
    co_return batch;
  }

 private:
  sim::Host& host_;
};

TEST(SimPlanted, finds_changes_that_are_told_too_late) {
  Hooks hooks;
  hooks.relay_feed = [](ports::ChangeFeed& feed, sim::Host& host) {
    return std::make_unique<TellsLate>(feed, host);
  };
  expect_found(hooks, LedgerRule::stale_bounded);
}

// Fills a chunk with the first half of its rows and calls it complete.
class FillsHalf final : public planted::Cache {
 public:
  explicit FillsHalf(ports::TileCache& inside) : Cache(inside) {}
  Awaited<void> fill(std::vector<ports::ChunkFill> fills) override {
    for (auto& fill : fills) fill.rows.rows.resize(fill.rows.rows.size() / 2);
    return inside_.fill(std::move(fills));
  }
};

TEST(SimPlanted, finds_chunks_that_are_complete_too_early) {
  Hooks hooks;
  hooks.pod_cache = [](ports::TileCache& cache, sim::Host&) {
    return std::make_unique<FillsHalf>(cache);
  };
  expect_found(hooks, LedgerRule::stale_bounded);
}

TEST(SimPlanted, finds_a_pod_with_another_map) {
  Hooks hooks;
  hooks.pod_map = [](model::ShardMap& map, std::uint64_t pod) {
    if (pod % 3 != 0) return;
    for (auto& range : map.ranges) range.shard = (range.shard + 1) % map.shards;
  };
  expect_found(hooks, LedgerRule::stale_bounded);
}

TEST(SimPlanted, finds_spawn_ids_that_begin_again_at_a_restart) {
  Hooks hooks;
  hooks.promoted = [](sim::SimDisk& disk) {
    constexpr std::uint64_t number_bits = (std::uint64_t{1} << 48) - 1;
    if (!disk.stock_.empty()) disk.next_spawn_ = disk.stock_.begin()->first & number_bits;
    disk.spawns_by_clock_ = false;
  };
  expect_found(hooks, LedgerRule::conserved, {.first_seed = 4});
}

}  // namespace
}  // namespace hunt::simulation
