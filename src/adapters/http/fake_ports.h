// Ports in memory for the tests of this folder: what they answer is set by the test.
//
// Not a model of the hunt (sim/ is). Thread: the server's lane; set up before it runs.
#pragma once
#include <algorithm>
#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "adapters/http/api.h"

namespace hunt::http {

// x tells the outcome: 1 hint, 2 found (granted when waited for), 3 busy, else nothing.
class FakeBus final : public ports::Bus {
 public:
  boost::asio::awaitable<Result<model::BatchReply>> ask(model::Batch batch,
                                                        ports::Wait wait) override {
    ++asked_for;
    if (delay.count() > 0) {
      boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
      timer.expires_after(delay);
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    ++asked;
    last_world = batch.world;
    if (throws) throw std::runtime_error("the fake bus throws");
    if (error) co_return tl::unexpected(*error);
    model::BatchReply reply;
    for (const auto& position : batch.positions) {
      model::PositionOutcome outcome;
      if (position.tile.x == 1) {
        outcome.outcome = model::Outcome::hint;
        outcome.distance = 4;
      } else if (position.tile.x == 2) {
        const bool granted = wait == ports::Wait::terminal;
        outcome.outcome = granted ? model::Outcome::granted : model::Outcome::found;
        outcome.claim_index = static_cast<std::int32_t>(reply.claims.size());
        model::ClaimAnswer answer;
        answer.claim = {0xabc, 0xdef};
        if (granted) answer.reward = reward;
        reply.claims.push_back(answer);
      } else if (position.tile.x == 3) {
        outcome.outcome = model::Outcome::busy;
      }
      reply.outcomes.push_back(outcome);
    }
    co_return reply;
  }
  void serve(ports::BatchHandler&) override {}
  void stop_serving() override {}
  void publish(model::Invalidation) override {}
  boost::asio::awaitable<Result<void>> tell(std::vector<model::ClaimEvent>) override {
    co_return Result<void>{};
  }
  void on_invalidation(std::function<void(const model::Invalidation&)>) override {}
  void on_claims(std::function<void(const std::vector<model::ClaimEvent>&)>) override {}

  std::chrono::milliseconds delay{0};
  std::string reward = "star_map";  // of what is granted
  std::optional<Error> error;
  bool throws = false;
  std::atomic<int> asked_for = 0;
  std::atomic<int> asked = 0;  // and answered
  std::atomic<model::WorldId> last_world = 0;
};

class FakeStore final : public ports::WorldStore, public ports::Ledger {
 public:
  template <class T>
  using Answer = boost::asio::awaitable<Result<T>>;

  Answer<std::optional<model::Grant>> find_grant(model::ClaimId claim) override {
    for (const auto& grant : grants) {
      if (grant.claim == claim) co_return grant;
    }
    co_return std::nullopt;
  }
  Answer<model::GrantPage> grants_after(std::uint64_t cursor, std::uint32_t limit) override {
    model::GrantPage page;
    page.next = cursor;
    for (const auto& grant : grants) {
      if (grant.cursor <= cursor || page.grants.size() == limit) continue;
      page.grants.push_back(grant);
      page.next = grant.cursor;
    }
    co_return page;
  }
  Answer<model::GrantsFound> find_grants(model::GrantSearch) override {
    co_return model::GrantsFound{};
  }
  Answer<std::vector<model::Buried>> bury(model::WorldId,
                                          std::vector<model::Burial> burials) override {
    if (error) co_return tl::unexpected(*error);
    std::vector<model::Buried> out;
    for (const auto& burial : burials) {
      const bool unchanged =
          !burial.key.empty() && std::find(keys.begin(), keys.end(), burial.key) != keys.end();
      if (!burial.key.empty()) keys.push_back(burial.key);
      model::TileRow row;
      row.tile = model::tile_id_of(burial.tile);
      row.spawn = rows.size() + 1;
      row.version = 1;
      row.table = burial.table;
      row.budget = burial.budget;
      if (!unchanged) rows.push_back(row);
      out.push_back({burial.tile, row.spawn, unchanged});
    }
    co_return out;
  }
  Answer<std::uint64_t> close_tiles(model::WorldId, std::vector<model::Tile> tiles) override {
    co_return tiles.size();
  }
  Answer<model::TilePage> list_tiles(model::WorldId, model::TileRect rect, model::TileId from,
                                     std::uint32_t limit) override {
    model::TilePage page;
    for (const auto& row : rows) {
      if (row.tile < from || !rect.contains(model::tile_of(row.tile))) continue;
      if (page.rows.size() == limit) {
        page.next = row.tile;
        break;
      }
      page.rows.push_back(row);
    }
    co_return page;
  }
  Answer<std::vector<model::World>> worlds() override {
    ++worlds_read;
    co_return known_worlds;
  }
  Answer<model::World> create_world(model::WorldId id, std::string name) override {
    for (const auto& world : known_worlds) {
      if (world.name == name && (id == 0 || id == world.id)) co_return world;
      if (world.name == name || world.id == id) {
        co_return fail(Errc::already_exists, "the id or the name is another world's");
      }
    }
    model::World world{id == 0 ? static_cast<model::WorldId>(known_worlds.size() + 1) : id,
                       std::move(name)};
    known_worlds.push_back(world);
    co_return world;
  }
  Answer<model::WorldStats> world_stats(model::WorldId) override {
    model::WorldStats stats;
    stats.tiles = rows.size();
    co_return stats;
  }
  Answer<void> read_ledger(ports::LedgerVisitor&) override { co_return Result<void>{}; }
  Answer<ports::StoreInfo> info() override {
    ports::StoreInfo out;
    out.epoch = 3;
    out.ledger = ledger;
    if (!grants.empty()) out.ledger_end = grants.back().cursor;
    co_return out;
  }

  std::vector<model::World> known_worlds;
  model::LedgerId ledger{0x1edce00000000000, 1};
  std::vector<model::Grant> grants;
  std::vector<model::TileRow> rows;
  std::vector<std::string> keys;
  std::optional<Error> error;
  int worlds_read = 0;
};

// Says what it was asked.
class FakeExplainer final : public ports::Explainer {
 public:
  boost::asio::awaitable<Result<model::Explanation>> explain(model::Question question) override {
    asked = question;
    co_return explanation;
  }

  std::optional<model::Question> asked;
  model::Explanation explanation;
};

class FakeMonitor final : public ports::Monitor {
 public:
  [[nodiscard]] model::Stats stats() const override { return figures; }
  [[nodiscard]] model::LiveView live() override { return view; }
  [[nodiscard]] model::Why why() const override { return cause; }
  [[nodiscard]] std::string why_evidence() const override { return evidence; }
  [[nodiscard]] model::Process process() const override { return who; }
  [[nodiscard]] model::WhyPast why_since(std::int64_t from_us) const override {
    asked_us = from_us;
    return kept;
  }
  [[nodiscard]] model::WhyPast why_at(std::int64_t at_us) const override {
    asked_us = at_us;
    return kept;
  }
  [[nodiscard]] std::string not_ready() const override { return reason; }
  [[nodiscard]] std::string warning() const override { return worry; }
  [[nodiscard]] std::vector<Part> parts() const override { return known; }

  std::vector<Part> known;
  model::Stats figures;
  model::LiveView view;
  model::Why cause;
  std::string evidence = "hunt evidence 1\n";
  model::Process who;
  model::WhyPast kept;
  mutable std::int64_t asked_us = 0;
  std::string worry;
  std::string reason;
};

class FakeRules final : public ports::RulesSource {
 public:
  FakeRules() {
    auto rules = std::make_shared<model::RuleSet>();
    rules->version = "00112233aabbccdd";
    rules->tables.push_back({"starlight", 0, 0, 1, 1});
    rules_ = std::move(rules);
  }
  [[nodiscard]] std::shared_ptr<const model::RuleSet> current() const override { return rules_; }

 private:
  std::shared_ptr<const model::RuleSet> rules_;
};

}  // namespace hunt::http
