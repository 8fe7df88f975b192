#include "rules/event_text.h"

#include <fmt/format.h>

#include <variant>

namespace hunt::rules {

std::string worlds_text(const model::EventRules& event) {
  std::string out;
  for (const auto& world : event.worlds) {
    if (!out.empty()) out += ", ";
    const auto* id = std::get_if<model::WorldId>(&world);
    out += id != nullptr ? std::to_string(*id) : std::get<std::string>(world);
  }
  return out.empty() ? "all" : out;
}

std::string announce_text(const model::EventRules& event) {
  return event.announce_from ? event.tiers[*event.announce_from] : "nothing";
}

std::vector<std::string> reach_sentences(const model::EventRules& event) {
  std::vector<std::string> out;
  if (!event.worlds.empty()) {
    out.push_back(fmt::format("It is in {}: {}.",
                              event.worlds.size() == 1 ? "this world" : "these worlds",
                              worlds_text(event)));
  }
  if (event.rollout_percent < 100) {
    out.push_back(
        fmt::format("It is for {} % of the players; which ones follows from its name and from "
                    "their ids. For the others nothing of it is there.",
                    event.rollout_percent));
  }
  if (event.announce_from) {
    const bool highest = *event.announce_from + 1 == event.tiers.size();
    out.push_back(fmt::format("Everybody is told when somebody finds an item of the tier {}{}.",
                              announce_text(event), highest ? "" : " or a higher one"));
  }
  return out;
}

std::string reach_text(const model::EventRules& event) {
  std::string out;
  if (!event.worlds.empty()) out += ", worlds " + worlds_text(event);
  if (event.rollout_percent < 100) {
    out += fmt::format(", for {} % of the players", event.rollout_percent);
  }
  if (event.announce_from) out += ", announces " + announce_text(event);
  return out;
}

}  // namespace hunt::rules
