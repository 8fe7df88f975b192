#include "apps/explain_stores.h"

#include <memory>

#include "adapters/system/system_clock.h"
#include "codec/json_explain.h"
#include "node/open_store.h"
#include "node/rules_watch.h"
#include "ports/world_directory.h"
#include "service/explainer.h"

namespace hunt::apps {

namespace {

Result<model::WorldId> world_of(const std::vector<service::ExplainedShard>& shards,
                                const std::string& text) {
  const model::WorldRef ref = model::world_ref_of(text);
  for (const auto& shard : shards) {
    if (shard.store == nullptr) continue;
    ports::WorldDirectory worlds(*shard.store);
    HUNT_TRY(world, node::run_here(worlds.find(ref)));
    return world.id;
  }
  if (const auto* id = std::get_if<model::WorldId>(&ref)) return *id;
  return fail(Errc::unavailable, "no store can be read, so the world's name is not known", "world");
}

}  // namespace

Result<std::string> explain_stores(const std::vector<node::StoreUrl>& urls,
                                   const Explained& asked) {
  const system::SystemClock clock;
  std::vector<std::unique_ptr<node::OpenStore>> stores;
  std::vector<service::ExplainedShard> shards;
  for (const auto& url : urls) {
    node::OpenStoreOptions how;
    how.read_only = true;
    how.shard = static_cast<std::uint32_t>(shards.size());
    auto opened = node::OpenStore::open(url, clock, how);
    if (!opened) {
      shards.push_back({nullptr, opened.error().message});
      continue;
    }
    stores.push_back(std::move(*opened));
    shards.push_back({&stores.back()->store()});
  }
  node::RulesWatch::Options rules_options;
  rules_options.path = asked.rules_path;
  HUNT_TRY(rules, node::RulesWatch::open(std::move(rules_options)));
  model::Question question = asked.question;
  if (!asked.world.empty()) {
    HUNT_TRY(world, world_of(shards, asked.world));
    question.world = world;
  }
  service::Explainer explainer(shards, *rules, clock);
  for (const auto& shard : shards) {
    if (shard.store == nullptr) continue;
    // Whoever may only read has no seed: then the roll is not shown.
    const auto secrets = node::run_here(shard.store->secrets());
    if (secrets && secrets->seed_bytes.size() == 32) explainer.set_seed(secrets->seed_bytes);
    break;
  }
  HUNT_TRY(explanation, node::run_here(explainer.explain(std::move(question))));
  return codec::write_explanation(explanation);
}

}  // namespace hunt::apps
