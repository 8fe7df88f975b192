// What worlds are changed by: burials, tiles, names of worlds.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "codec/json_body.h"
#include "codec/json_requests.h"
#include "model/limits.h"

namespace hunt::codec {

namespace {

constexpr FieldNames tiles_fields("tiles");
constexpr FieldNames burial_fields("x", "y", "table", "budget", "key", "opens", "closes");
constexpr FieldNames tile_fields("x", "y");
constexpr FieldNames world_fields("name");

Result<void> read_burial(sj::object& object, const Where& where, model::Burial& burial) {
  HUNT_CHECK(read_fields(
      object, burial_fields, 3, where,
      [&burial](std::size_t field, sj::value& value, const Where& at) -> Result<void> {
        switch (field) {
          case 0:
          case 1: {
            HUNT_TRY(coordinate, read_whole(value, at, coordinate_range));
            (field == 0 ? burial.tile.x : burial.tile.y) = coordinate;
            return {};
          }
          case 2: {
            HUNT_TRY(table, read_name(value, at, limits::name_bytes_max));
            burial.table = table;
            return {};
          }
          case 3: {
            HUNT_TRY(budget, read_whole(value, at, Range<std::uint32_t>{1, limits::budget_max}));
            burial.budget = budget;
            return {};
          }
          case 4: {
            HUNT_TRY(key, read_name(value, at, limits::burial_key_bytes_max));
            burial.key = key;
            return {};
          }
          default: {
            HUNT_TRY(time_us, read_time(value, at));
            (field == 5 ? burial.opens_us : burial.closes_us) = time_us;
            return {};
          }
        }
      }));
  if (burial.closes_us <= burial.opens_us) {
    return wrong(where.at("closes"), "must be later than opens, or nobody can ever take it");
  }
  return {};
}

Result<std::vector<model::Burial>> read_burials(sj::object& body) {
  std::vector<model::Burial> burials;
  HUNT_CHECK(read_fields(
      body, tiles_fields, 1, {}, [&burials](std::size_t, sj::value& value, const Where& where) {
        return read_list(value, where.name, limits::tiles_per_request_max,
                         [&burials](sj::object& object, const Where& at) {
                           return read_burial(object, at, burials.emplace_back());
                         });
      }));
  return burials;
}

Result<void> read_tile(sj::object& object, const Where& where, model::Tile& tile) {
  return read_fields(object, tile_fields, 2, where,
                     [&tile](std::size_t field, sj::value& value, const Where& at) -> Result<void> {
                       HUNT_TRY(coordinate, read_whole(value, at, coordinate_range));
                       (field == 0 ? tile.x : tile.y) = coordinate;
                       return {};
                     });
}

Result<std::vector<model::Tile>> read_tiles(sj::object& body) {
  std::vector<model::Tile> tiles;
  HUNT_CHECK(read_fields(body, tiles_fields, 1, {},
                         [&tiles](std::size_t, sj::value& value, const Where& where) {
                           return read_list(value, where.name, limits::tiles_per_request_max,
                                            [&tiles](sj::object& object, const Where& at) {
                                              return read_tile(object, at, tiles.emplace_back());
                                            });
                         }));
  return tiles;
}

Result<std::string> read_world_name(sj::object& body) {
  std::string name;
  HUNT_CHECK(
      read_fields(body, world_fields, 1, {},
                  [&name](std::size_t, sj::value& value, const Where& where) -> Result<void> {
                    HUNT_TRY(text, read_string(value, where, "a string"));
                    name = text;
                    return {};
                  }));
  HUNT_CHECK(check_world_name(name));
  return name;
}

}  // namespace

Result<std::vector<model::Burial>> parse_burials(std::string_view body) {
  return BodyParser().parse<std::vector<model::Burial>>(body, read_burials);
}

Result<std::vector<model::Tile>> parse_tiles(std::string_view body) {
  return BodyParser().parse<std::vector<model::Tile>>(body, read_tiles);
}

Result<std::string> parse_world_name(std::string_view body) {
  return BodyParser().parse<std::string>(body, read_world_name);
}

Result<void> check_world_name(std::string_view name) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_plain = [&is_digit](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  };
  const bool fits = !name.empty() && name.size() <= limits::name_bytes_max;
  if (fits && std::all_of(name.begin(), name.end(), is_plain) &&
      !std::all_of(name.begin(), name.end(), is_digit)) {
    return {};
  }
  return fail(Errc::invalid_argument,
              fmt::format("name must be 1 to {} letters, digits, '-', '_' or '.', and not digits "
                          "alone (that is an id), found \"{}\"",
                          limits::name_bytes_max, printable(name)),
              "name");
}

}  // namespace hunt::codec
