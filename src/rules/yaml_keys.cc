#include "rules/yaml_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace hunt::rules {

const YamlNode* YamlKeys::find(const YamlNode& map, std::string_view key) {
  for (std::size_t i = 0; i + 1 < map.children.size(); i += 2) {
    if (map.children[i].text == key) return &map.children[i + 1];
  }
  return nullptr;
}

const YamlNode* YamlKeys::require(const YamlNode& map, std::string_view key) {
  const YamlNode* value = find(map, key);
  if (value == nullptr) error(map.at, fmt::format("the key \"{}\" is missing", key));
  return value;
}

void YamlKeys::refuse_unknown(const YamlNode& map, std::span<const std::string_view> known) {
  for (std::size_t i = 0; i < map.children.size() && !out_.full(); i += 2) {
    const YamlNode& key = map.children[i];
    if (std::find(known.begin(), known.end(), key.text) == known.end()) refuse(key, known);
  }
}

void YamlKeys::refuse(const YamlNode& key, std::span<const std::string_view> known) {
  error(key.at, fmt::format("unknown key \"{}\"{}; the keys here are {}", printable(key.text),
                            did_you_mean(key.text, known), fmt::join(known, ", ")));
}

std::uint64_t YamlKeys::whole(const YamlNode& node, std::string_view key, std::uint64_t low,
                              std::uint64_t high) {
  const bool plain = node.kind == YamlNode::Kind::scalar && !node.quoted;
  const auto value = plain ? parse_u64(node.text) : std::optional<std::uint64_t>{};
  if (value && *value >= low && *value <= high) return *value;
  error(node.at,
        fmt::format("{}: expected a whole number from {} to {}, {}", key, low, high, found(node)));
  return low;
}

Result<void> YamlKeys::finish() {
  if (out_.errors() == 0) return {};
  std::string message;
  for (const auto& diagnostic : out_.take()) {
    message += (message.empty() ? "" : "\n") + format(diagnostic);
  }
  return fail(Errc::invalid_argument, std::move(message));
}

std::string found(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return "found nothing";
    case YamlNode::Kind::list:
      return "found a list";
    case YamlNode::Kind::map:
      return "found a map";
    case YamlNode::Kind::scalar:
      break;
  }
  return fmt::format("found \"{}\"{}", printable(node.text), node.quoted ? " in quotes" : "");
}

}  // namespace hunt::rules
