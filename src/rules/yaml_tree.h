// YAML text to a small tree with places: the part of YAML that is data and nothing else.
//
// Not a general YAML reader: one document, no anchors, aliases or tags, no duplicate keys, no tabs
// in the indentation, UTF-8 only. Not typed either: scalars stay text, parse.h says what they mean.
// The limits hold while the text is read, before a tree can grow. A pure function; any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "rules/diagnostic.h"

namespace hunt::rules {

struct YamlNode {
  enum class Kind : std::uint8_t { null, scalar, list, map };
  Kind kind = Kind::null;
  Mark at;
  bool quoted = false;             // scalars: written in quotes or as a block
  std::string text;                // scalars
  std::vector<YamlNode> children;  // lists: the items; maps: key, value, key, value ...
};

// `file` only names the text in the error. Errors: everything the text can do wrong, with its
// place. Bound: limits::rules_bytes_max, rules_nodes_max, rules_depth_max.
[[nodiscard]] tl::expected<YamlNode, Diagnostic> read_yaml(std::string_view file,
                                                           std::string_view text);

}  // namespace hunt::rules
