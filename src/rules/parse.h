// One event file: the tree to typed source structs that still know their places.
//
// Not the meaning across tables and files (compile.h): here stand the language's words, types and
// ranges. Every mistake of the file is reported, and reading goes on behind it. Pure but for the
// machine's time zone data; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/rule_set.h"
#include "rules/openings.h"
#include "rules/parse_placement.h"
#include "rules/parse_tables.h"
#include "rules/scalars.h"
#include "rules/yaml_tree.h"
#include "rules/zones.h"

namespace hunt::rules {

inline constexpr std::int32_t hint_radius_tiles_default = 8;

// A list of openings: each with the place of its "from".
struct SourceOpenings {
  Mark at;
  std::vector<Recurring> recurring;  // empty: none, or all of them wrong
  std::vector<Mark> from_at;
};

struct SourceTime {
  SourceName name;
  SourceOpenings openings;
};

struct SourceItem {
  SourceName name;
  SourceName tier;
};

struct SourceEvent {
  std::string file;
  SourceName name;
  bool enabled = true;
  std::vector<SourceName> worlds;  // names, or ids in digits
  std::uint32_t rollout_percent = 100;
  Zone zone = Zone::utc();
  model::Trigger trigger = model::Trigger::step;
  std::int32_t hint_radius_tiles = hint_radius_tiles_default;
  std::int64_t starts_us = model::time_us_min;
  std::int64_t ends_us = model::time_us_max;
  Mark ends_at;
  bool times_are_right = true;  // else a wrong start or end is already reported
  SourceOpenings open;
  std::vector<SourceTime> times;
  std::vector<SourceName> tiers;
  std::optional<SourceName> announce;
  Mark items_at;
  std::vector<SourceItem> items;
  std::vector<SourceTable> tables;
  std::vector<SourcePlacement> placements;
};

// What could be read; mistakes go to `out`. Parts that were wrong keep their defaults.
[[nodiscard]] SourceEvent parse_event(const YamlNode& root, std::string_view file,
                                      Diagnostics& out);

}  // namespace hunt::rules
