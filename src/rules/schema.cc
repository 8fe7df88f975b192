// The table of keys as a JSON Schema and as a page.
#include <fmt/format.h>

#include "rules/keys.h"

namespace hunt::rules {

namespace {

// The types that keys share. Names that other YAML tools read as numbers need quotes there, too.
constexpr std::string_view definitions = R"json(    "name": {
      "description": "1 to 64 characters a-z, 0-9, \"_\", \".\" or \"-\".",
      "type": "string",
      "pattern": "^[a-z0-9_.-]{1,64}$"
    },
    "item": {
      "description": "The game's id of an item: 1 to 64 letters, digits, \"_\", \".\",)json"
                                         R"json( \"-\", \":\" or \"/\".",
      "type": "string",
      "pattern": "^[A-Za-z0-9_.:/-]{1,64}$"
    },
    "zone": {
      "description": "A place of the IANA time zone data.",
      "type": "string",
      "pattern": "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
      "examples": ["Europe/Berlin", "Asia/Seoul", "UTC"]
    },
    "time": {
      "description": "RFC 3339; without an offset by the clocks of the zone; a date)json"
                                         R"json( alone is its midnight.",
      "type": "string",
      "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})json"
                                         R"json((\\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?$",
      "examples": ["2026-11-23T18:30:00Z", "2026-11-23T18:30:00+02:00",)json"
                                         R"json( "2026-11-23T18:30", "2026-11-23"]
    },
    "time_with_offset": {
      "type": "string",
      "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$|(Z|[+-][0-9]{2}:[0-9]{2})$"
    },
    "time_of_day": {
      "description": "Hours and minutes, in quotes: some tools read 18:30 as a number.",
      "type": "string",
      "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$",
      "examples": ["18:30"]
    },
    "duration": {
      "description": "A whole number and one of s, m, h and d.",
      "type": "string",
      "pattern": "^[1-9][0-9]{0,6}[smhd]$",
      "examples": ["90m", "6h", "2d"]
    },
    "count": {
      "description": "A whole number, or a range such as 5..8.",
      "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": 1000000 },
        { "type": "string", "pattern": "^(0|[1-9][0-9]{0,6})\\.\\.[1-9][0-9]{0,6}$" }
      ]
    },
    "rolls": {
      "description": "A whole number, or a range such as 1..3.",
      "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": 64 },
        { "type": "string", "pattern": "^(0|[1-9][0-9]?)\\.\\.[1-9][0-9]?$" }
      ]
    },
    "chance": {
      "description": "A percent or a fraction.",
      "type": "string",
      "pattern": "^(0|[1-9][0-9]?)(\\.[0-9]{1,7})? ?%$|^[1-9][0-9]*/[1-9][0-9]{0,9}$",
      "examples": ["5 %", "0.5 %", "1/400"]
    },
    "world": {
      "description": "The name of a world, or its id.",
      "anyOf": [
        { "type": "integer", "minimum": 1, "maximum": 4294967295 },
        { "$ref": "#/definitions/item" }
      ]
    },
    "tile": {
      "description": "x and y of a tile.",
      "type": "array",
      "minItems": 2,
      "maxItems": 2,
      "items": { "type": "integer", "minimum": -2147483648, "maximum": 2147483647 }
    },
    "openings": {
      "type": "array",
      "minItems": 1,
      "maxItems": 16,
      "items": { "$ref": "#/definitions/opening" }
    },
    "entries": {
      "type": "array",
      "minItems": 1,
      "maxItems": 4096,
      "items": { "$ref": "#/definitions/entry" }
    },
    "table": {
      "anyOf": [{ "$ref": "#/definitions/entries" }, { "$ref": "#/definitions/long_table" }]
    })json";

std::string json_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c != '`') out += c;
  }
  return out;
}

// "required", "properties" and the end of one map, each line behind `indent`.
std::string properties(In map, std::string_view indent) {
  std::string required;
  std::string list;
  for (const auto& key : all_keys()) {
    if (key.in != map) continue;
    if (key.required()) {
      required += fmt::format("{}\"{}\"", required.empty() ? "" : ", ", key.name);
    }
    list +=
        fmt::format("{}{}  \"{}\": {{ {}, \"description\": \"{}\" }}", list.empty() ? "" : ",\n",
                    indent, key.name, key.schema, json_text(key.meaning));
  }
  std::string out =
      fmt::format("{}\"type\": \"object\",\n{}\"additionalProperties\": false,\n", indent, indent);
  if (!required.empty()) out += fmt::format("{}\"required\": [{}],\n", indent, required);
  return out + fmt::format("{}\"properties\": {{\n{}\n{}}}", indent, list, indent);
}

std::string_view heading_of(In map) {
  switch (map) {
    case In::event:
      return "An event";
    case In::opening:
      return "An opening, in `open` and `times`";
    case In::item:
      return "Facts of an item, in `items`";
    case In::table:
      return "A table in its long form";
    case In::pool:
      return "A pool, in `pools`";
    case In::entry:
      return "An entry of a pool, or of a table in its short form";
    case In::given:
      return "An entry of `always`";
    case In::placement:
      return "A placement";
    case In::area:
      return "An area, in `except`";
  }
  return "";
}

// What a map says beyond its keys.
std::string_view rest_of(In map) {
  switch (map) {
    case In::table:
      return R"json(,
      "anyOf": [{ "required": ["pools"] }, { "required": ["always"] }])json";
    case In::entry:
      return R"json(,
      "oneOf": [
        { "required": ["item"] }, { "required": ["table"] }, { "required": ["nothing"] }
      ],
      "dependencies": { "count": ["item"] })json";
    case In::given:
      return R"json(,
      "oneOf": [{ "required": ["item"] }, { "required": ["table"] }],
      "dependencies": { "count": ["item"] })json";
    default:
      return "";
  }
}

}  // namespace

std::string schema_text() {
  std::string out = R"json({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "hunt rules: one event",
  "description": "One event per file. For editors; `hunt rules check` is the judge and)json"
                    R"json( also checks references, cycles and times.",
  "definitions": {
)json";
  out += definitions;
  for (const In map : all_maps) {
    if (map == In::event) continue;
    out += fmt::format(",\n    \"{}\": {{\n{}", name_of(map), properties(map, "      "));
    out += rest_of(map);
    out += "\n    }";
  }
  out += "\n  },\n" + properties(In::event, "  ");
  out += R"json(,
  "dependencies": {
    "open": ["starts", "ends"],
    "times": ["starts", "ends"],
    "items": ["tiers"],
    "announce": ["tiers"]
  },
  "allOf": [
    {
      "if": { "not": { "required": ["zone"] } },
      "then": {
        "properties": {
          "starts": { "$ref": "#/definitions/time_with_offset" },
          "ends": { "$ref": "#/definitions/time_with_offset" }
        }
      }
    },
    {
      "if": { "required": ["rollout"], "properties": { "rollout": { "maximum": 99 } } },
      "then": { "required": ["hint_radius"], "properties": { "hint_radius": { "const": 0 } } }
    }
  ]
}
)json";
  return out;
}

std::string reference_text() {
  std::string out;
  for (const In map : all_maps) {
    out += fmt::format("{}**{}**\n\n| key | value | default | bounds | |\n|---|---|---|---|---|\n",
                       out.empty() ? "" : "\n", heading_of(map));
    for (const auto& key : all_keys()) {
      if (key.in != map) continue;
      out += fmt::format("| `{}` | {} | {} | {} | {} |\n", key.name, key.written, key.fallback,
                         key.bounds, key.meaning);
    }
  }
  return out;
}

}  // namespace hunt::rules
