#include "codec/json_shard_map.h"

#include <fmt/format.h>

#include <iterator>

#include "base/text.h"
#include "codec/json_body.h"
#include "model/limits.h"

namespace hunt::codec {

namespace {

constexpr FieldNames map_fields("shards", "ranges", "version");
constexpr FieldNames range_fields("world", "first_tile", "shard", "state", "epoch");

Result<std::uint64_t> read_first_tile(sj::value& value, const Where& where) {
  HUNT_TRY(text, read_string(value, where, "a tile id in quotes, such as \"0\""));
  const auto tile = parse_u64(text);
  if (!tile) {
    return wrong(where, fmt::format("must be a tile id, found \"{}\"", printable(text)));
  }
  if ((*tile & ((std::uint64_t{1} << model::chunk_id_shift) - 1)) != 0) {
    return wrong(where,
                 fmt::format("must be the first tile of a chunk (a multiple of {}), found {}",
                             1U << model::chunk_id_shift, *tile));
  }
  return *tile;
}

Result<void> read_range(sj::object& object, const Where& where, model::ShardRange& range) {
  return read_fields(
      object, range_fields, 3, where,
      [&range](std::size_t field, sj::value& value, const Where& at) -> Result<void> {
        constexpr auto most = std::numeric_limits<std::uint32_t>::max();
        if (field == 0) {
          HUNT_TRY(world, read_whole(value, at, Range<std::uint32_t>{0, most}));
          range.first.world = world;
        } else if (field == 1) {
          HUNT_TRY(tile, read_first_tile(value, at));
          range.first.chunk = tile >> model::chunk_id_shift;
        } else if (field == 2) {
          HUNT_TRY(shard, read_whole(value, at, Range<std::uint32_t>{0, most}));
          range.shard = shard;
        }
        return {};  // state and epoch are each store's own
      });
}

Result<void> check(const model::ShardMap& map) {
  if (map.ranges.empty()) {
    return wrong({{}, 0, "ranges"}, "is empty: the map does not cover anything");
  }
  if (map.ranges.size() > map_ranges_max) {
    return wrong({{}, 0, "ranges"}, fmt::format("holds {} ranges, and a map has at most {}",
                                                map.ranges.size(), map_ranges_max));
  }
  if (map.ranges.front().first != model::ChunkKey{}) {
    return wrong(
        {"ranges", 0, {}},
        fmt::format("begins at world {} and first_tile \"{}\": the map does not cover what "
                    "is before that; expected world 0 and first_tile \"0\"",
                    map.ranges.front().first.world,
                    map.ranges.front().first.chunk << model::chunk_id_shift));
  }
  for (std::size_t i = 0; i < map.ranges.size(); ++i) {
    const model::ShardRange& range = map.ranges[i];
    if (i > 0 && !(map.ranges[i - 1].first < range.first)) {
      return wrong(
          {"ranges", i, {}},
          "begins where the range before it begins, or before that: they overlap; expected "
          "ranges sorted by world and first_tile");
    }
    if (range.shard < map.shards) continue;
    return wrong({"ranges", i, "shard"},
                 fmt::format("names shard {}, and the map is of {}; expected 0 to {}", range.shard,
                             map.shards, map.shards - 1));
  }
  return {};
}

Result<model::ShardMap> read_map(sj::object& body) {
  model::ShardMap map;
  map.ranges.clear();
  HUNT_CHECK(
      read_fields(body, map_fields, 2, {},
                  [&map](std::size_t field, sj::value& value, const Where& where) -> Result<void> {
                    if (field == 1) {
                      return read_list(value, where.name, limits::body_bytes_max,
                                       [&map](sj::object& object, const Where& at) {
                                         return read_range(object, at, map.ranges.emplace_back());
                                       });
                    }
                    const auto most =
                        static_cast<std::uint32_t>(field == 0 ? limits::shards_max : 0xffff'ffffU);
                    HUNT_TRY(number, read_whole(value, where, Range<std::uint32_t>{1, most}));
                    (field == 0 ? map.shards : map.version) = number;
                    return {};
                  }));
  HUNT_CHECK(check(map));
  return map;
}

}  // namespace

Result<model::ShardMap> parse_shard_map(std::string_view text) {
  return BodyParser().parse<model::ShardMap>(text, read_map);
}

void write_shard_map(const model::ShardMap& map, std::string& out) {
  fmt::format_to(std::back_inserter(out), R"({{"version":{},"shards":{},"ranges":[)", map.version,
                 map.shards);
  for (std::size_t i = 0; i < map.ranges.size(); ++i) {
    const model::ShardRange& range = map.ranges[i];
    fmt::format_to(std::back_inserter(out), R"({}{{"world":{},"first_tile":"{}","shard":{}}})",
                   i == 0 ? "" : ",", range.first.world, range.first.chunk << model::chunk_id_shift,
                   range.shard);
  }
  out += "]}";
}

}  // namespace hunt::codec
