#include "rules/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "model/limits.h"
#include "rules/keys.h"
#include "rules/map_reader.h"

namespace hunt::rules {

namespace {

using Kind = YamlNode::Kind;

constexpr std::array<std::string_view, 2> trigger_words{"step", "dig"};
constexpr std::array<std::string_view, 7> day_words{"mon", "tue", "wed", "thu",
                                                    "fri", "sat", "sun"};

class EventParser {
 public:
  EventParser(std::string_view file, Diagnostics& out) : keys_(file, out) {
    event_.file = std::string(file);
  }

  SourceEvent parse(const YamlNode& root) {
    if (root.kind != Kind::map) {
      error(root.at, fmt::format("expected a map with \"event\" and \"tables\", {}", found(root)));
      return std::move(event_);
    }
    keys_.refuse_others(root, In::event);
    if (const auto* value = keys_.require(root, "event")) {
      event_.name = read_name(keys_, *value, "event");
    }
    if (const auto* value = keys_.require(root, "tables")) {
      event_.tables = parse_tables(*value, keys_);
    }
    when(root);
    if (const auto* value = YamlKeys::find(root, "enabled")) {
      event_.enabled = read_flag(keys_, *value, "enabled").value_or(true);
    }
    if (const auto* value = YamlKeys::find(root, "worlds")) worlds(*value);
    if (const auto* value = YamlKeys::find(root, "trigger")) trigger(*value);
    if (const auto* value = YamlKeys::find(root, "hint_radius")) {
      event_.hint_radius_tiles =
          read_hint_radius(keys_, *value).value_or(hint_radius_tiles_default);
    }
    if (const auto* value = YamlKeys::find(root, "rollout")) rollout(*value);
    if (const auto* value = YamlKeys::find(root, "tiers")) tiers(*value);
    if (const auto* value = YamlKeys::find(root, "announce")) {
      event_.announce = read_name(keys_, *value, "announce");
    }
    if (const auto* value = YamlKeys::find(root, "items")) items(*value);
    if (const auto* value = YamlKeys::find(root, "placement")) {
      event_.placements = parse_placement(*value, keys_);
    }
    return std::move(event_);
  }

 private:
  void error(Mark at, std::string message) { keys_.error(at, std::move(message)); }

  // zone, starts, ends, open and times: the zone first, since the others are read by it.
  void when(const YamlNode& root) {
    const YamlNode* zone = YamlKeys::find(root, "zone");
    if (zone != nullptr) read_zone(*zone);
    const Zone* const known = zone != nullptr ? &event_.zone : nullptr;
    const auto time = [&](std::string_view key, std::int64_t& out) {
      const YamlNode* node = YamlKeys::find(root, key);
      if (node == nullptr) return false;
      const auto time_us = read_time(keys_, *node, key, known);
      if (!time_us) event_.times_are_right = false;
      if (time_us) out = *time_us;
      if (key == "ends") event_.ends_at = node->at;
      return true;
    };
    const bool starts = time("starts", event_.starts_us);
    const bool ends = time("ends", event_.ends_us);
    for (const std::string_view key : {"open", "times"}) {
      const YamlNode* node = YamlKeys::find(root, key);
      if (node == nullptr) continue;
      if (!starts || !ends) {
        error(node->at, fmt::format("{}: needs {}; openings are computed ahead, at most {}", key,
                                    !starts && !ends ? "starts and ends"
                                    : starts         ? "ends"
                                                     : "starts",
                                    with_commas(limits::openings_max)));
        event_.times_are_right = false;
      }
      key == "open" ? openings(*node, key, event_.open) : times(*node);
    }
  }

  void read_zone(const YamlNode& node) {
    if (node.kind != Kind::scalar) {
      error(node.at, fmt::format("zone: expected a place such as Europe/Berlin, {}", found(node)));
    } else if (auto zone = Zone::find(node.text)) {
      event_.zone = std::move(*zone);
      return;
    } else {
      error(node.at, "zone: " + zone.error());
    }
    event_.times_are_right = false;
  }

  void times(const YamlNode& node) {
    if (!keys_.is_map(node, "times", "names to openings", limits::times_per_event_max)) return;
    for (std::size_t i = 0; i < node.children.size(); i += 2) {
      SourceTime time{read_key_name(keys_, node.children[i], "name of a time"), {}};
      openings(node.children[i + 1], printable(time.name.text), time.openings);
      event_.times.push_back(std::move(time));
    }
  }

  void openings(const YamlNode& node, std::string_view key, SourceOpenings& out) {
    out.at = node.at;
    if (!keys_.is_list(node, key, "openings such as {days: [fri, sat], from: \"18:00\", for: 6h}",
                       1, limits::openings_listed_max)) {
      return;
    }
    for (const auto& child : node.children) opening(child, out);
  }

  void opening(const YamlNode& node, SourceOpenings& out) {
    if (node.kind != Kind::map) {
      error(node.at, fmt::format("expected an opening such as {{days: [fri, sat], from: \"18:00\", "
                                 "for: 6h}}, {}",
                                 found(node)));
      return;
    }
    keys_.refuse_others(node, In::opening);
    Recurring one;
    if (const auto* value = YamlKeys::find(node, "days")) one.days = days(*value);
    const YamlNode* from = keys_.require(node, "from");
    const YamlNode* length = keys_.require(node, "for");
    const auto minutes = from == nullptr ? std::nullopt : read_time_of_day(keys_, *from, "from");
    const auto for_us = length == nullptr ? std::nullopt : read_duration(keys_, *length, "for");
    if (!minutes || !for_us || one.days == 0) return;
    one.from_minutes = *minutes;
    one.for_us = *for_us;
    out.recurring.push_back(one);
    out.from_at.push_back(from->at);
  }

  // 0: wrong.
  std::uint8_t days(const YamlNode& node) {
    if (!keys_.is_list(node, "days", "days such as [fri, sat]", 1, day_words.size())) return 0;
    std::uint8_t out = 0;
    for (const auto& child : node.children) {
      const auto day = std::find(day_words.begin(), day_words.end(), child.text);
      if (child.kind != Kind::scalar || day == day_words.end()) {
        error(child.at, fmt::format("days: expected mon, tue, wed, thu, fri, sat or sun, {}{}",
                                    found(child), did_you_mean(child.text, day_words)));
        return 0;
      }
      const auto bit = static_cast<std::uint8_t>(1U << (day - day_words.begin()));
      if ((out & bit) != 0) error(child.at, fmt::format("days: \"{}\" is here twice", *day));
      out = static_cast<std::uint8_t>(out | bit);
    }
    return out;
  }

  void worlds(const YamlNode& node) {
    if (!keys_.is_list(node, "worlds", "names of worlds or their ids", 1,
                       limits::worlds_per_event_max)) {
      return;
    }
    for (const auto& child : node.children) {
      SourceName world = read_world(keys_, child, "worlds");
      const auto same = [&world](const SourceName& other) { return other.text == world.text; };
      if (!world.text.empty() && std::any_of(event_.worlds.begin(), event_.worlds.end(), same)) {
        error(world.at, fmt::format("worlds: \"{}\" is here twice", world.text));
      }
      event_.worlds.push_back(std::move(world));
    }
  }

  // Requires: hint_radius was read.
  void rollout(const YamlNode& node) {
    const std::uint64_t percent = keys_.whole(node, "rollout", 1, 100);
    event_.rollout_percent = static_cast<std::uint32_t>(percent);
    const bool plain = node.kind == Kind::scalar && !node.quoted;
    const bool is_right = plain && parse_u64(node.text) == percent;
    if (!is_right || percent == 100 || event_.hint_radius_tiles == 0) return;
    error(node.at, fmt::format("rollout: {} needs hint_radius: 0; hints would lead the other {} % "
                               "to loot that they cannot take",
                               percent, 100 - percent));
  }

  void trigger(const YamlNode& node) {
    if (node.kind == Kind::scalar && node.text == "step") return;
    if (node.kind == Kind::scalar && node.text == "dig") {
      event_.trigger = model::Trigger::dig;
      return;
    }
    error(node.at, fmt::format("trigger: expected step or dig, {}{}", found(node),
                               did_you_mean(node.text, trigger_words)));
  }

  void tiers(const YamlNode& node) {
    if (!keys_.is_list(node, "tiers", "names from low to high", 2, limits::tiers_max)) return;
    for (const auto& child : node.children) {
      SourceName tier = read_name(keys_, child, "tier");
      const auto same = [&tier](const SourceName& other) { return other.text == tier.text; };
      if (!tier.text.empty() && std::any_of(event_.tiers.begin(), event_.tiers.end(), same)) {
        error(tier.at, fmt::format("tiers: \"{}\" is here twice", tier.text));
      }
      event_.tiers.push_back(std::move(tier));
    }
  }

  void items(const YamlNode& node) {
    event_.items_at = node.at;
    if (!keys_.is_map(node, "items", "items to their facts, such as comet_cape: {tier: legendary}",
                      limits::entries_per_table_max)) {
      return;
    }
    for (std::size_t i = 0; i < node.children.size(); i += 2) {
      SourceItem item{read_key_name(keys_, node.children[i], "item", NameOf::item), {}};
      const YamlNode& facts = node.children[i + 1];
      if (facts.kind != Kind::map) {
        error(facts.at, fmt::format("item \"{}\": expected its facts, such as {{tier: legendary}}, "
                                    "{}",
                                    printable(item.name.text), found(facts)));
        continue;
      }
      keys_.refuse_others(facts, In::item);
      if (const auto* value = keys_.require(facts, "tier")) {
        item.tier = read_name(keys_, *value, "tier");
      }
      event_.items.push_back(std::move(item));
    }
  }

  MapReader keys_;
  SourceEvent event_;
};

}  // namespace

SourceEvent parse_event(const YamlNode& root, std::string_view file, Diagnostics& out) {
  return EventParser(file, out).parse(root);
}

}  // namespace hunt::rules
