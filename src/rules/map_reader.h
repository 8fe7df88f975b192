// MapReader: what the readers of an event file share: which keys a map may have, and shapes.
//
// Not the meaning of a value (parse.h, parse_tables.h). Lifetime: `file` and `out` outlive it.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "rules/keys.h"
#include "rules/yaml_keys.h"

namespace hunt::rules {

class MapReader : public YamlKeys {
 public:
  using YamlKeys::YamlKeys;

  // An error for each key that this map does not have (yet).
  void refuse_others(const YamlNode& map, In in);
  // False, and an error, where a value is no list or not as long as it should be.
  bool is_list(const YamlNode& node, std::string_view key, std::string_view of, std::size_t low,
               std::size_t high);
  // The same for a map, which is never empty.
  bool is_map(const YamlNode& node, std::string_view key, std::string_view of, std::size_t high);
};

}  // namespace hunt::rules
