// The keys of the language: one table, from which the parser takes what it knows, and from which
// docs/rules.schema.json and the reference of keys in docs/RULES.md are made.
//
// Not the meaning of a value (parse.h). Constant data; any thread.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hunt::rules {

// The maps of a file.
enum class In : std::uint8_t {
  event,
  opening,
  item,
  table,
  pool,
  entry,
  given,
  placement,
  area,
};
inline constexpr In all_maps[] = {In::event, In::opening, In::item,      In::table, In::pool,
                                  In::entry, In::given,   In::placement, In::area};
[[nodiscard]] std::string_view name_of(In map) noexcept;

struct Key {
  In in;
  std::string_view name;
  std::string_view schema;    // of its value, the inside of a JSON object
  std::string_view written;   // what its value looks like, for people
  std::string_view fallback;  // "required", or what holds without the key
  std::string_view bounds;
  std::string_view meaning;  // one or two sentences

  [[nodiscard]] bool required() const noexcept { return fallback == "required"; }
};

[[nodiscard]] std::span<const Key> all_keys() noexcept;
[[nodiscard]] std::vector<std::string_view> key_names(In map);

// Keys that the language is to have and this version does not: refused, with the reason.
struct LaterKey {
  In in;
  std::string_view name;
  std::string_view why;
};
[[nodiscard]] std::span<const LaterKey> later_keys() noexcept;

// The whole JSON Schema (draft-07), and the reference as Markdown tables.
[[nodiscard]] std::string schema_text();
[[nodiscard]] std::string reference_text();

}  // namespace hunt::rules
