#include "rules/parse_placement.h"

#include <fmt/format.h>

#include <limits>
#include <optional>

#include "base/text.h"
#include "model/limits.h"
#include "rules/placement.h"

namespace hunt::rules {

namespace {

using Kind = YamlNode::Kind;

constexpr std::int64_t hour_us = 3'600'000'000;

std::optional<std::int32_t> coordinate(const YamlNode& node) {
  const auto value = node.kind == Kind::scalar && !node.quoted ? parse_i64(node.text)
                                                               : std::optional<std::int64_t>{};
  if (!value || *value < std::numeric_limits<std::int32_t>::min() ||
      *value > std::numeric_limits<std::int32_t>::max()) {
    return {};
  }
  return static_cast<std::int32_t>(*value);
}

class PlacementParser {
 public:
  explicit PlacementParser(MapReader& maps) : maps_(maps) {}

  SourcePlacement placement(const YamlNode& node) {
    SourcePlacement out;
    out.at = node.at;
    if (node.kind != Kind::map) {
      maps_.error(node.at, fmt::format("expected a placement such as {{table: chest, world: main, "
                                       "from: [0, 0], to: [511, 511], spawns: 100}}, {}",
                                       found(node)));
      return out;
    }
    maps_.refuse_others(node, In::placement);
    right_ = true;
    if (const auto* value = require(node, "table")) out.table = name(*value, "table");
    if (const auto* value = require(node, "world")) out.world = world(*value);
    out.area = area(node);
    if (const auto* value = require(node, "spawns")) {
      out.spawns = number(*value, "spawns", spawns_max);
    }
    if (const auto* value = YamlKeys::find(node, "budget")) {
      out.budget = number(*value, "budget", limits::budget_max);
    }
    if (const auto* value = YamlKeys::find(node, "apart")) {
      out.apart_tiles = number(*value, "apart", apart_tiles_max);
    }
    if (const auto* value = YamlKeys::find(node, "except")) except(*value, out.except);
    if (const auto* value = YamlKeys::find(node, "every")) {
      out.every_at = value->at;
      const auto every_us =
          read_duration(maps_, *value, "every", {hour_us, 90 * 24 * hour_us, "1 hour to 90 days"});
      right_ = right_ && every_us.has_value();
      out.every_us = every_us.value_or(0);
    }
    out.right = right_;
    return out;
  }

 private:
  void error(Mark at, std::string message) {
    maps_.error(at, std::move(message));
    right_ = false;
  }

  const YamlNode* require(const YamlNode& node, std::string_view key) {
    const YamlNode* value = maps_.require(node, key);
    right_ = right_ && value != nullptr;
    return value;
  }

  SourceName name(const YamlNode& node, std::string_view key) {
    SourceName out = read_name(maps_, node, key);
    right_ = right_ && !out.text.empty();
    return out;
  }

  // Whether there is one is seen when it is buried.
  SourceName world(const YamlNode& node) {
    SourceName out = read_world(maps_, node, "world");
    right_ = right_ && !out.text.empty();
    return out;
  }

  std::uint32_t number(const YamlNode& node, std::string_view key, std::uint32_t high) {
    const auto value =
        node.kind == Kind::scalar && !node.quoted ? parse_u64(node.text) : std::nullopt;
    if (value && *value >= 1 && *value <= high) return static_cast<std::uint32_t>(*value);
    error(node.at, fmt::format("{}: expected a whole number from 1 to {}, {}", key,
                               with_commas(high), found(node)));
    return 1;
  }

  // "from" and "to" of a map.
  model::TileRect area(const YamlNode& node) {
    const YamlNode* from = require(node, "from");
    const YamlNode* to = require(node, "to");
    const auto low = from == nullptr ? std::nullopt : corner(*from, "from");
    const auto high = to == nullptr ? std::nullopt : corner(*to, "to");
    if (!low || !high) return {};
    const model::TileRect out{*low, *high};
    if (high->x < low->x || high->y < low->y) {
      error(to->at, fmt::format("to: [{}, {}] is before from, [{}, {}]; from is the corner with "
                                "the lowest x and y, to the one with the highest",
                                high->x, high->y, low->x, low->y));
      return {};
    }
    if (width_of(out) > area_tiles_max / height_of(out)) {
      error(to->at, fmt::format("to: the area has {} x {} tiles, more than {} together",
                                with_commas(width_of(out)), with_commas(height_of(out)),
                                with_commas(area_tiles_max)));
      return {};
    }
    return out;
  }

  std::optional<model::Tile> corner(const YamlNode& node, std::string_view key) {
    const bool pair = node.kind == Kind::list && node.children.size() == 2;
    const auto x = pair ? coordinate(node.children[0]) : std::nullopt;
    const auto y = pair ? coordinate(node.children[1]) : std::nullopt;
    if (x && y) return model::Tile{*x, *y};
    error(node.at,
          fmt::format("{}: expected a tile such as [-2048, 2047], x and y as whole "
                      "numbers of 32 bits, {}",
                      key,
                      pair ? fmt::format("found [{}, {}]", printable(node.children[0].text),
                                         printable(node.children[1].text))
                           : found(node)));
    return {};
  }

  void except(const YamlNode& node, std::vector<model::TileRect>& out) {
    if (!maps_.is_list(node, "except", "areas such as {from: [-8, -8], to: [7, 7]}", 1,
                       except_max)) {
      right_ = false;
      return;
    }
    for (const auto& child : node.children) {
      if (child.kind != Kind::map) {
        error(child.at, fmt::format("expected an area such as {{from: [-8, -8], to: [7, 7]}}, {}",
                                    found(child)));
        continue;
      }
      maps_.refuse_others(child, In::area);
      out.push_back(area(child));
    }
  }

  MapReader& maps_;
  bool right_ = true;  // the placement that is being read, so far
};

}  // namespace

std::vector<SourcePlacement> parse_placement(const YamlNode& node, MapReader& maps) {
  std::vector<SourcePlacement> all;
  if (!maps.is_list(node, "placement", "placements such as {table: chest, world: main, …}", 1,
                    placements_max)) {
    return all;
  }
  PlacementParser parser(maps);
  for (const auto& child : node.children) all.push_back(parser.placement(child));
  return all;
}

}  // namespace hunt::rules
