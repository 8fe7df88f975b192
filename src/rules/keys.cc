#include "rules/keys.h"

namespace hunt::rules {

namespace {

constexpr std::string_view no_history =
    "rules do not know in this version what a player had before";

constexpr std::string_view ref_name = R"("$ref": "#/definitions/name")";
constexpr std::string_view ref_item = R"("$ref": "#/definitions/item")";
constexpr std::string_view ref_time = R"("$ref": "#/definitions/time")";
constexpr std::string_view ref_tile = R"("$ref": "#/definitions/tile")";
constexpr std::string_view ref_world = R"("$ref": "#/definitions/world")";
constexpr std::string_view ref_openings = R"("$ref": "#/definitions/openings")";

constexpr Key keys[] = {
    {In::event, "event", ref_name, "name", "required", "unique over all files",
     "The event's name."},
    {In::event, "enabled", R"("type": "boolean", "default": true)", "`true`, `false`", "`true`", "",
     "`false`: nothing of the event can be found, as if its loot were not there. Nothing is "
     "deleted."},
    {In::event, "worlds",
     R"("type": "array", "minItems": 1, "maxItems": 256, "uniqueItems": true, )"
     R"("items": {"$ref": "#/definitions/world"})",
     "list of names or ids", "all worlds", "1 to 256, of the store",
     "The worlds in which the event is. In the others it is as if its loot were not there."},
    {In::event, "rollout", R"("type": "integer", "minimum": 1, "maximum": 100, "default": 100)",
     "percent of the players", "100", "1 to 100; below 100 needs `hint_radius: 0`",
     "For so many of all players the event is there; which ones follows from the event's name. For "
     "the others it is as if its loot were not there. A higher number only adds players."},
    {In::event, "zone", R"("$ref": "#/definitions/zone")", "`Europe/Berlin`", "`UTC`",
     "a place of the IANA time zone data",
     "The zone of every time in the file that has no offset of its own."},
    {In::event, "starts", ref_time, "time", "always", "", "Nothing is found before."},
    {In::event, "ends", ref_time, "time", "never", "after `starts`",
     "From then on the event is `closed`."},
    {In::event, "open", ref_openings, "list of openings", "all of it",
     "1 to 16; needs `starts` and `ends`; at most 2,000 openings",
     "When the event is open between `starts` and `ends`. Outside of it loot is `closed`."},
    {In::event, "times",
     R"("type": "object", "minProperties": 1, "maxProperties": 4, )"
     R"("propertyNames": {"$ref": "#/definitions/name"}, )"
     R"("additionalProperties": {"$ref": "#/definitions/openings"})",
     "names with openings each", "none", "1 to 4 names; needs `starts` and `ends`",
     "Named times, for `during`."},
    {In::event, "trigger", R"("enum": ["step", "dig"], "default": "step")", "`step`, `dig`",
     "`step`", "", "What finds loot: walking over it (a dig is a step too), or only digging."},
    {In::event, "hint_radius", R"("type": "integer", "minimum": 0, "maximum": 32, "default": 8)",
     "tiles", "8", "0 to 32",
     "A player who finds nothing is told the distance to the nearest open loot within so many "
     "tiles. 0: no hints."},
    {In::event, "tiers",
     R"("type": "array", "minItems": 2, "maxItems": 8, "uniqueItems": true, )"
     R"("items": {"$ref": "#/definitions/name"})",
     "list of names", "none", "2 to 8",
     "Names for how rare items are, from low to high. They change no odds."},
    {In::event, "items",
     R"("type": "object", "minProperties": 1, "maxProperties": 4096, )"
     R"("propertyNames": {"$ref": "#/definitions/item"}, )"
     R"("additionalProperties": {"$ref": "#/definitions/facts_of_an_item"})",
     "items with their facts", "none", "1 to 4,096; needs `tiers`",
     "What is to be known of items."},
    {In::event, "announce", ref_name, "name", "nothing", "one of `tiers`",
     "A grant with an item of this tier or a higher one is told with `announce` and its highest "
     "tier; the game tells its players."},
    {In::event, "tables",
     R"("type": "object", "minProperties": 1, "maxProperties": 4096, )"
     R"("propertyNames": {"$ref": "#/definitions/name"}, )"
     R"("additionalProperties": {"$ref": "#/definitions/table"})",
     "names, each with a list of entries or a table in its long form", "required",
     "1 to 4,096 over all files",
     "Loot tables. Loot is buried with a table's name; the find draws from it."},
    {In::event, "placement",
     R"("type": "array", "minItems": 1, "maxItems": 64, )"
     R"("items": {"$ref": "#/definitions/placement"})",
     "list of placements", "none", "1 to 64",
     "Where `hunt rules bury` buries how much loot. Without it loot is buried with `hunt world "
     "import` or over HTTP."},
    {In::opening, "days",
     R"("type": "array", "minItems": 1, "maxItems": 7, "uniqueItems": true, )"
     R"("items": {"enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]})",
     "list of `mon` `tue` `wed` `thu` `fri` `sat` `sun`", "every day", "",
     "The days on which it opens."},
    {In::opening, "from", R"("$ref": "#/definitions/time_of_day")", "`\"18:00\"`", "required",
     "00:00 to 23:59",
     "When it opens, by the clocks of the zone. What spring skips opens when the gap is over; "
     "what autumn repeats opens the first time."},
    {In::opening, "for", R"("$ref": "#/definitions/duration")", "`90m`, `6h`", "required",
     "1 minute to 31 days", "How long it is open. A day is 24 hours here."},
    {In::item, "tier", ref_name, "name", "required", "one of `tiers`", "How rare the item is."},
    {In::table, "always",
     R"("type": "array", "minItems": 1, "maxItems": 16, "items": {"$ref": "#/definitions/given"})",
     "list of entries without weight", "none", "1 to 16", "What every find gives."},
    {In::table, "pools",
     R"("type": "array", "minItems": 1, "maxItems": 16, "items": {"$ref": "#/definitions/pool"})",
     "list of pools", "none, with `always`", "1 to 16",
     "What a find draws from: each of them in turn. A table that is a list of entries is one "
     "pool."},
    {In::table, "may_be_empty", R"("type": "boolean", "default": false)", "`true`, `false`",
     "`false`", "", "`true`: a find of this table may give nothing at all."},
    {In::pool, "draw", R"("$ref": "#/definitions/entries")", "list of entries", "required",
     "1 to 4,096", "The entries of which one is drawn with each roll."},
    {In::pool, "rolls", R"("$ref": "#/definitions/rolls")", "`2`, `1..3`", "1", "0 to 64",
     "How often an entry is drawn; of a range each number is equally likely."},
    {In::pool, "chance", R"("$ref": "#/definitions/chance")", "`5 %`, `0.5 %`, `1/400`", "certain",
     "above 0, below 1; at most 7 decimals, and 1,000,000,000 below the line",
     "Whether the pool takes part in a find: all of its rolls, or none."},
    {In::pool, "distinct", R"("type": "boolean", "default": false)", "`true`, `false`", "`false`",
     "as many entries as rolls",
     "`true`: an entry that was drawn is not drawn again by this find."},
    {In::entry, "item", ref_item, "item", "this, `table` or `nothing`", "",
     "What the player gets."},
    {In::entry, "table", ref_name, "name", "this, `item` or `nothing`", "of any file",
     "What a find of that table gives."},
    {In::entry, "nothing", R"("const": true)", "`true`", "this, `item` or `table`", "",
     "The roll gives nothing."},
    {In::entry, "weight", R"("type": "integer", "minimum": 1, "maximum": 1000000000)",
     "whole number", "required", "1 to 1,000,000,000",
     "How often, relative to the other entries of the table. Not a percent."},
    {In::entry, "count", R"("$ref": "#/definitions/count")", "`3`, `5..8`", "1",
     "0 to 1,000,000; of an item",
     "How many of the item; of a range each number is equally likely."},
    {In::entry, "during", ref_name, "name", "always", "one of `times`",
     "The entry is drawn only then; at other times it is as if it were not there."},
    {In::given, "item", ref_item, "item", "this or `table`", "", "What the player gets."},
    {In::given, "table", ref_name, "name", "this or `item`", "of any file",
     "What a find of that table gives."},
    {In::given, "count", R"("$ref": "#/definitions/count")", "`3`, `5..8`", "1",
     "0 to 1,000,000; of an item",
     "How many of the item; of a range each number is equally likely."},
    {In::placement, "table", ref_name, "name", "required", "of this file",
     "What a find of this loot draws from."},
    {In::placement, "world", ref_world, "name or id", "required", "of the store",
     "The world in which it lies."},
    {In::placement, "from", ref_tile, "`[-2048, -2048]`", "required", "",
     "The corner of the area with the lowest x and y."},
    {In::placement, "to", ref_tile, "`[2047, 2047]`", "required",
     "not before `from`; 1,099,511,627,776 tiles",
     "The corner with the highest x and y; both corners belong to it."},
    {In::placement, "except",
     R"("type": "array", "minItems": 1, "maxItems": 64, "items": {"$ref": "#/definitions/area"})",
     "list of areas", "none", "1 to 64", "Where nothing is placed."},
    {In::placement, "spawns", R"("type": "integer", "minimum": 1, "maximum": 100000)",
     "whole number", "required", "1 to 100,000", "On how many tiles loot is buried."},
    {In::placement, "budget", R"("type": "integer", "minimum": 1, "maximum": 1000000)",
     "whole number", "1", "1 to 1,000,000", "How many players find each of them."},
    {In::placement, "apart", R"("type": "integer", "minimum": 1, "maximum": 256)", "tiles", "1",
     "1 to 256", "How far from each other they are at least, along x or y."},
    {In::placement, "every", R"("$ref": "#/definitions/duration")", "`24h`, `7d`", "once",
     "1 hour to 90 days; needs `starts`",
     "How long loot lies before the next, at other places, takes its turn."},
    {In::area, "from", ref_tile, "`[-8, -8]`", "required", "",
     "The corner with the lowest x and y."},
    {In::area, "to", ref_tile, "`[7, 7]`", "required", "not before `from`",
     "The corner with the highest x and y; both corners belong to it."},
};

constexpr LaterKey later[] = {
    {In::event, "limits", no_history},    {In::event, "cooldown", no_history},
    {In::event, "max_speed", no_history}, {In::event, "bonus", no_history},
    {In::event, "pity", no_history},      {In::table, "pity", no_history},
    {In::pool, "pity", no_history},       {In::entry, "pity", no_history},
};

}  // namespace

std::string_view name_of(In map) noexcept {
  switch (map) {
    case In::event:
      return "event";
    case In::opening:
      return "opening";
    case In::item:
      return "facts_of_an_item";
    case In::table:
      return "long_table";
    case In::pool:
      return "pool";
    case In::entry:
      return "entry";
    case In::given:
      return "given";
    case In::placement:
      return "placement";
    case In::area:
      return "area";
  }
  return "";
}

std::span<const Key> all_keys() noexcept {
  return keys;
}

std::span<const LaterKey> later_keys() noexcept {
  return later;
}

std::vector<std::string_view> key_names(In map) {
  std::vector<std::string_view> names;
  for (const auto& key : keys) {
    if (key.in == map) names.push_back(key.name);
  }
  return names;
}

}  // namespace hunt::rules
