// One event file: the tree to typed source structs that still know their places.
//
// Not the meaning across tables and files (compile.h): here stand the language's words, types and
// ranges. Every mistake of the file is reported, and reading goes on behind it. Pure; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/rule_set.h"
#include "rules/yaml_tree.h"

namespace hunt::rules {

inline constexpr std::int32_t hint_radius_tiles_default = 8;

struct SourceName {
  std::string text;  // empty: missing or wrong, and already reported
  Mark at;
};

struct SourceEntry {
  Mark at;
  bool is_table = false;  // else an item
  SourceName target;
  std::uint64_t weight = 0;  // 0: wrong, and already reported
};

struct SourceTable {
  SourceName name;
  std::vector<SourceEntry> entries;
};

struct SourceEvent {
  std::string file;
  SourceName name;
  model::Trigger trigger = model::Trigger::step;
  std::int32_t hint_radius_tiles = hint_radius_tiles_default;
  std::int64_t starts_us = model::time_us_min;
  std::int64_t ends_us = model::time_us_max;
  Mark ends_at;
  std::vector<SourceTable> tables;
};

// 1 to limits::name_bytes_max of a-z, 0-9, "_", "." and "-".
[[nodiscard]] bool valid_name(std::string_view text) noexcept;

// What could be read; mistakes go to `out`. Parts that were wrong keep their defaults.
[[nodiscard]] SourceEvent parse_event(const YamlNode& root, std::string_view file,
                                      Diagnostics& out);

}  // namespace hunt::rules
