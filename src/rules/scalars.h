// Single values of rules files: names, times, durations, numbers.
//
// Not the keys (parse.h). Each says what is wrong with a value, where, and what to write instead,
// and then gives the value that stands for "wrong, and already reported". Pure; any thread.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "model/rule_set.h"
#include "rules/yaml_keys.h"
#include "rules/zones.h"

namespace hunt::rules {

struct SourceName {
  std::string text;  // empty: missing or wrong, and already reported
  Mark at;
};

// 1 to limits::name_bytes_max of a-z, 0-9, "_", "." and "-".
[[nodiscard]] bool valid_name(std::string_view text) noexcept;
// The game's id of an item: letters of both cases, ":" and "/" as well.
[[nodiscard]] bool valid_item(std::string_view text) noexcept;

enum class NameOf : std::uint8_t { thing, item };

// The name in a value, or in a key of a map: a value that other tools take for no text is wrong.
[[nodiscard]] SourceName read_name(YamlKeys& keys, const YamlNode& node, std::string_view what,
                                   NameOf of = NameOf::thing);
[[nodiscard]] SourceName read_key_name(YamlKeys& keys, const YamlNode& node, std::string_view what,
                                       NameOf of = NameOf::thing);

// The name of a world, or its id in digits.
[[nodiscard]] SourceName read_world(YamlKeys& keys, const YamlNode& node, std::string_view key);

// `zone`: of the file, nullptr where it names none.
[[nodiscard]] std::optional<std::int64_t> read_time(YamlKeys& keys, const YamlNode& node,
                                                    std::string_view key, const Zone* zone);
// Minutes after midnight.
[[nodiscard]] std::optional<std::int32_t> read_time_of_day(YamlKeys& keys, const YamlNode& node,
                                                           std::string_view key);
struct DurationBounds {
  std::int64_t low_us = 60'000'000;
  std::int64_t high_us = 31 * 86'400'000'000;
  std::string_view text = "1 minute to 31 days";
};
// Microseconds.
[[nodiscard]] std::optional<std::int64_t> read_duration(YamlKeys& keys, const YamlNode& node,
                                                        std::string_view key,
                                                        const DurationBounds& bounds = {});
[[nodiscard]] std::optional<bool> read_flag(YamlKeys& keys, const YamlNode& node,
                                            std::string_view key);
[[nodiscard]] std::optional<std::int32_t> read_hint_radius(YamlKeys& keys, const YamlNode& node);
// "3" or "5..8": numbers from 0 to `high`, the highest at least 1; `zero` says what is wrong with
// 0.
[[nodiscard]] std::optional<model::Range> read_range(YamlKeys& keys, const YamlNode& node,
                                                     std::string_view key, std::uint32_t high,
                                                     std::string_view zero);
// "5 %" or "1/400": above 0 and below 1, in lowest terms.
[[nodiscard]] std::optional<model::Chance> read_chance(YamlKeys& keys, const YamlNode& node);
// 0: wrong.
[[nodiscard]] std::uint64_t read_weight(YamlKeys& keys, const YamlNode& node);

}  // namespace hunt::rules
