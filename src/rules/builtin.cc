// The built-in event, as the same text a designer would write.
#include "base/result.h"
#include "rules/load.h"

namespace hunt::rules {

std::string_view builtin_rules_text() noexcept {
  return R"yaml(# yaml-language-server: $schema=../../docs/rules.schema.json
#
# The Starlight Rush: the event that is in force when no rules are given.
event: starlight
trigger: step    # walking over the tile is enough; "dig" wants a dig
hint_radius: 8   # tiles: how near a player must be to be told the distance
tables:
  starlight:
    - {item: star_shard, weight: 600}
    - {item: glow_lantern, weight: 200}
    - {item: nebula_dye, weight: 120}
    - {item: meteor_trail, weight: 60}
    - {item: comet_cape, weight: 18}
    - {item: aurora_crown, weight: 2}
)yaml";
}

model::RuleSet builtin_rules() {
  const RulesFile file{"builtin", std::string(builtin_rules_text())};
  auto loaded = compile_rules({&file, 1}, 0);
  HUNT_ASSERT(loaded.has_value() && loaded->warnings.empty());
  return std::move(loaded->set);
}

}  // namespace hunt::rules
