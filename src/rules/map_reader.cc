#include "rules/map_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace hunt::rules {

using Kind = YamlNode::Kind;

void MapReader::refuse_others(const YamlNode& map, In in) {
  for (std::size_t i = 0; i < map.children.size() && !full(); i += 2) {
    const YamlNode& key = map.children[i];
    const auto is_it = [&](const auto& one) { return one.in == in && one.name == key.text; };
    const auto known = all_keys();
    if (std::any_of(known.begin(), known.end(), is_it)) continue;
    const auto later = later_keys();
    const auto one = std::find_if(later.begin(), later.end(), is_it);
    if (one == later.end()) {
      refuse(key, key_names(in));
    } else {
      error(key.at, fmt::format("{}: not yet: {}", key.text, one->why));
    }
  }
}

bool MapReader::is_list(const YamlNode& node, std::string_view key, std::string_view of,
                        std::size_t low, std::size_t high) {
  if (node.kind != Kind::list) {
    error(node.at, fmt::format("{}: expected a list of {}, {}", key, of, found(node)));
    return false;
  }
  if (node.children.size() >= low && node.children.size() <= high) return true;
  error(node.at, fmt::format("{}: expected {} to {} {}, found {}", key, low, high, of,
                             node.children.size()));
  return false;
}

bool MapReader::is_map(const YamlNode& node, std::string_view key, std::string_view of,
                       std::size_t high) {
  if (node.kind != Kind::map || node.children.empty()) {
    error(node.at, fmt::format("{}: expected a map from {}, {}", key, of,
                               node.kind == Kind::map ? "found an empty map" : found(node)));
    return false;
  }
  if (node.children.size() / 2 <= high) return true;
  error(node.at, fmt::format("{}: {} {}, more than {}", key, node.children.size() / 2, key, high));
  return false;
}

}  // namespace hunt::rules
