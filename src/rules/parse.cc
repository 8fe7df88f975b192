#include "rules/parse.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "model/limits.h"
#include "rules/yaml_keys.h"

namespace hunt::rules {

namespace {

using Kind = YamlNode::Kind;

constexpr std::array<std::string_view, 6> event_keys{"event",   "starts",      "ends",
                                                     "trigger", "hint_radius", "tables"};
constexpr std::array<std::string_view, 3> entry_keys{"item", "table", "weight"};
constexpr std::array<std::string_view, 2> trigger_words{"step", "dig"};

bool looks_like_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos;
}

// A decimal number without sign, quotes or leading zeros (which other tools read as octal).
std::optional<std::uint64_t> whole_number(const YamlNode& node) {
  if (node.kind != Kind::scalar || node.quoted) return {};
  if (node.text.size() > 1 && node.text.front() == '0') return {};
  return parse_u64(node.text);
}

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
    keys_.refuse_unknown(root, event_keys);
    if (const auto* value = keys_.require(root, "event")) event_.name = name(*value, "event");
    if (const auto* value = keys_.require(root, "tables")) tables(*value);
    if (const auto* value = YamlKeys::find(root, "starts")) {
      time(*value, "starts", event_.starts_us);
    }
    if (const auto* value = YamlKeys::find(root, "ends")) {
      event_.ends_at = value->at;
      time(*value, "ends", event_.ends_us);
    }
    if (const auto* value = YamlKeys::find(root, "trigger")) trigger(*value);
    if (const auto* value = YamlKeys::find(root, "hint_radius")) hint_radius(*value);
    return std::move(event_);
  }

 private:
  void error(Mark at, std::string message) { keys_.error(at, std::move(message)); }

  SourceName name(const YamlNode& node, std::string_view what) {
    if (node.kind == Kind::scalar && valid_name(node.text)) return {node.text, node.at};
    std::string hint;
    if (node.kind == Kind::scalar && !node.text.empty()) {
      std::string near = node.text.substr(0, limits::name_bytes_max);
      for (char& c : near) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (!valid_name({&c, 1})) c = '_';
      }
      hint = fmt::format("; try \"{}\"", near);
    }
    error(node.at, fmt::format("{}: expected a name of 1 to {} characters a-z, 0-9, \"_\", \".\" "
                               "or \"-\", {}{}",
                               what, limits::name_bytes_max, found(node), hint));
    return {{}, node.at};
  }

  void time(const YamlNode& node, std::string_view key, std::int64_t& out) {
    const auto time_us = node.kind == Kind::scalar ? parse_time_us(node.text) : std::nullopt;
    if (time_us) {
      out = *time_us;
      return;
    }
    error(node.at, fmt::format("{}: expected a time such as 2026-11-23T18:30:00Z or "
                               "2026-11-23T18:30:00+02:00, {}",
                               key, found(node)));
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

  void hint_radius(const YamlNode& node) {
    const auto tiles = whole_number(node);
    if (tiles && *tiles <= static_cast<std::uint64_t>(limits::hint_radius_tiles_max)) {
      event_.hint_radius_tiles = static_cast<std::int32_t>(*tiles);
      return;
    }
    error(node.at, fmt::format("hint_radius: expected a whole number of tiles from 0 to {}, {}",
                               limits::hint_radius_tiles_max, found(node)));
  }

  void tables(const YamlNode& node) {
    if (node.kind != Kind::map || node.children.empty()) {
      error(node.at, fmt::format("tables: expected a map from table names to lists of entries, {}",
                                 node.kind == Kind::map ? "found an empty map" : found(node)));
      return;
    }
    if (node.children.size() / 2 > limits::tables_max) {
      error(node.at, fmt::format("tables: {} tables, more than {}", node.children.size() / 2,
                                 limits::tables_max));
      return;
    }
    for (std::size_t i = 0; i < node.children.size(); i += 2) {
      SourceTable table{name(node.children[i], "table name"), {}};
      entries(node.children[i + 1], table);
      event_.tables.push_back(std::move(table));
    }
  }

  void entries(const YamlNode& node, SourceTable& table) {
    const std::string label = printable(table.name.text);
    if (node.kind != Kind::list) {
      error(node.at, fmt::format("table \"{}\": expected a list of entries such as "
                                 "\"- {{item: star_shard, weight: 60}}\", {}",
                                 label, found(node)));
      return;
    }
    if (node.children.empty()) {
      error(node.at, fmt::format("table \"{}\" is empty; a roll on it could give nothing", label));
    }
    if (node.children.size() > limits::entries_per_table_max) {
      error(node.at, fmt::format("table \"{}\" has {} entries, more than {}; nest tables instead",
                                 label, node.children.size(), limits::entries_per_table_max));
      return;
    }
    for (const auto& child : node.children) entry(child, table);
  }

  void entry(const YamlNode& node, SourceTable& table) {
    if (node.kind != Kind::map) {
      error(node.at, fmt::format("expected an entry such as {{item: star_shard, weight: 60}}, {}",
                                 found(node)));
      return;
    }
    keys_.refuse_unknown(node, entry_keys);
    SourceEntry entry;
    entry.at = node.at;
    const YamlNode* item = YamlKeys::find(node, "item");
    const YamlNode* nested = YamlKeys::find(node, "table");
    if (item != nullptr && nested != nullptr) {
      error(nested->at, "an entry is an item or a table, not both; make two entries");
    } else if (item == nullptr && nested == nullptr) {
      error(node.at, "an entry needs \"item\" or \"table\"");
    } else {
      entry.is_table = nested != nullptr;
      entry.target = name(entry.is_table ? *nested : *item, entry.is_table ? "table" : "item");
    }
    if (const auto* value = keys_.require(node, "weight")) entry.weight = weight(*value);
    table.entries.push_back(std::move(entry));
  }

  std::uint64_t weight(const YamlNode& node) {
    const auto value = whole_number(node);
    if (value && *value >= 1 && *value <= limits::weight_max) return *value;
    const std::string_view text = node.text;
    std::string_view advice;
    if (value && *value == 0) {
      advice = "; it could never be drawn: leave the entry out";
    } else if (node.quoted && looks_like_number(text)) {
      advice = "; remove the quotes";
    } else if (text.starts_with('-') && looks_like_number(text.substr(1))) {
      advice = "; a weight cannot be negative";
    } else if (text.ends_with('%') && looks_like_number(text.substr(0, text.size() - 1))) {
      advice = "; weights are relative, not percents: leave out the % sign";
    } else if (looks_like_number(text) && text.find('.') != std::string_view::npos) {
      advice = "; weights are relative: multiply all weights of the table, 0.5 and 1.5 is 1 and 3";
    } else if (looks_like_number(text) && text.size() > 9) {
      advice = "; weights are relative: divide all weights of the table";
    }
    error(node.at, fmt::format("weight: expected a whole number from 1 to {}, {}{}",
                               limits::weight_max, found(node), advice));
    return 0;
  }

  YamlKeys keys_;
  SourceEvent event_;
};

}  // namespace

bool valid_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= limits::name_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                  c == '-';
         });
}

SourceEvent parse_event(const YamlNode& root, std::string_view file, Diagnostics& out) {
  return EventParser(file, out).parse(root);
}

}  // namespace hunt::rules
