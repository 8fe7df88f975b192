#include "codec/json_requests.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "base/text.h"
#include "codec/json_syntax.h"
#include "model/limits.h"

namespace hunt::codec {

namespace {

namespace sj = simdjson::ondemand;

using FieldNames = std::span<const std::string_view>;

constexpr std::array<std::string_view, 3> request_fields = {"world", "positions", "wait"};
constexpr std::array<std::string_view, 6> position_fields = {"player", "x",   "y",
                                                             "kind",   "seq", "sent_at"};
constexpr std::array<std::string_view, 1> tiles_fields = {"tiles"};
constexpr std::array<std::string_view, 7> burial_fields = {"x",   "y",     "table", "budget",
                                                           "key", "opens", "closes"};
constexpr std::array<std::string_view, 2> tile_fields = {"x", "y"};
constexpr std::array<std::string_view, 1> world_fields = {"name"};

// Where in the body something is: `list[index].name`, `list[index]` or `name`. Written out only
// when an error needs it.
struct Where {
  std::string_view list;
  std::size_t index = 0;
  std::string_view name;

  [[nodiscard]] std::string text() const {
    if (list.empty()) return std::string(name);
    if (name.empty()) return fmt::format("{}[{}]", list, index);
    return fmt::format("{}[{}].{}", list, index, name);
  }
  [[nodiscard]] Where at(std::string_view field) const { return {list, index, field}; }
};

tl::unexpected<Error> wrong(const Where& where, std::string_view sentence) {
  std::string field = where.text();
  std::string message =
      fmt::format("{} {}", field.empty() ? "the body" : std::string_view(field), sentence);
  return fail(Errc::invalid_argument, std::move(message), std::move(field));
}

// A bare sentinel: parse_with turns it into the syntax error with its offset.
tl::unexpected<Error> malformed(simdjson::error_code error) {
  return fail(Errc::corrupt, simdjson::error_message(error));
}

// What stands at `value`, for messages: `the number 10.5`, `the string "abc"`, `an array`.
std::string describe(sj::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  if (token.empty()) return "nothing";
  switch (token.front()) {
    case '{':
      return "an object";
    case '[':
      return "an array";
    case '"':
      return fmt::format("the string {}", printable(token, 48));
    case 't':
    case 'f':
    case 'n':
      return printable(token, 48);
    default:
      return fmt::format("the number {}", printable(token, 48));
  }
}

tl::unexpected<Error> wrong_kind(const Where& where, std::string_view expected, sj::value& value) {
  return wrong(where, fmt::format("must be {}, found {}", expected, describe(value)));
}

template <class Number>
struct Range {
  Number low;
  Number high;
};

// Reads a whole number of `range`.
template <class Number>
Result<Number> read_whole(sj::value& value, const Where& where, Range<Number> range) {
  simdjson::error_code error{};
  if constexpr (std::is_signed_v<Number>) {
    std::int64_t number = 0;
    error = value.get_int64().get(number);
    if (!error && number >= range.low && number <= range.high) return static_cast<Number>(number);
  } else {
    std::uint64_t number = 0;
    error = value.get_uint64().get(number);
    if (!error && number >= range.low && number <= range.high) return static_cast<Number>(number);
  }
  std::string found;
  if (error) {
    found = describe(value);
    if (!found.starts_with("the number ")) {
      return wrong(where, fmt::format("must be a whole number, found {}", found));
    }
    if (found.find_first_of(".eE", std::strlen("the number ")) != std::string::npos) {
      return wrong(where, fmt::format("must be a whole number, found {}; floor it first",
                                      found.substr(std::strlen("the number "))));
    }
  }
  return wrong(where, fmt::format("must be between {} and {}{}{}", range.low, range.high,
                                  found.empty() ? "" : ", found ", found));
}

constexpr Range<std::int32_t> coordinate_range{std::numeric_limits<std::int32_t>::min(),
                                               std::numeric_limits<std::int32_t>::max()};

Result<std::string_view> read_string(sj::value& value, const Where& where,
                                     std::string_view expected) {
  std::string_view text;
  const auto error = value.get_string().get(text);
  if (error == simdjson::INCORRECT_TYPE) return wrong_kind(where, expected, value);
  if (error) return malformed(error);
  return text;
}

Result<std::string_view> read_name(sj::value& value, const Where& where, std::size_t bytes_max) {
  HUNT_TRY(text, read_string(value, where, "a string"));
  if (text.empty()) return wrong(where, "must not be empty");
  if (text.size() > bytes_max) {
    return wrong(where,
                 fmt::format("must have at most {} bytes, found {}", bytes_max, text.size()));
  }
  return text;
}

Result<std::int64_t> read_time(sj::value& value, const Where& where) {
  constexpr std::string_view expected = "a time like \"2026-11-23T18:30:00Z\"";
  HUNT_TRY(text, read_string(value, where, expected));
  const auto time_us = parse_time_us(text);
  if (!time_us) {
    return wrong(where,
                 fmt::format("must be {}, found the string \"{}\"", expected, printable(text)));
  }
  return *time_us;
}

constexpr std::array<std::uint8_t, 256> make_hex_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(0xff);
  for (std::uint8_t i = 0; i < 10; ++i) values[static_cast<std::size_t>('0' + i)] = i;
  for (std::uint8_t i = 0; i < 6; ++i) {
    values[static_cast<std::size_t>('a' + i)] = static_cast<std::uint8_t>(10 + i);
    values[static_cast<std::size_t>('A' + i)] = static_cast<std::uint8_t>(10 + i);
  }
  return values;
}

// As model::parse_uuid, without a branch per digit: a third of a batch's bytes are UUIDs.
bool read_uuid(std::string_view text, model::PlayerId& player) noexcept {
  static constexpr auto values = make_hex_values();
  if (text.size() != 36) return false;
  if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
  unsigned seen = 0;
  const auto digits = [&text, &seen](std::size_t from, std::size_t count) {
    std::uint64_t value = 0;
    for (std::size_t i = from; i < from + count; ++i) {
      const std::uint8_t digit = values[static_cast<unsigned char>(text[i])];
      seen |= digit;
      value = value << 4 | (digit & 15U);
    }
    return value;
  };
  player.high = digits(0, 8) << 32 | digits(9, 4) << 16 | digits(14, 4);
  player.low = digits(19, 4) << 48 | digits(24, 12);
  return seen < 16;
}

// The name that stands at `raw` without an escape, or end(). The body's padding covers the reading.
FieldNames::iterator find_plain(const char* raw, FieldNames names) noexcept {
  return std::find_if(names.begin(), names.end(), [raw](std::string_view name) {
    return std::memcmp(raw, name.data(), name.size()) == 0 && raw[name.size()] == '"';
  });
}

tl::unexpected<Error> unknown_field(std::string_view key, FieldNames names, const Where& where) {
  const std::string shown = printable(key);
  std::string path = where.at(shown).text();
  return fail(Errc::invalid_argument,
              fmt::format("{} is not a known field{}; known: {}", path, did_you_mean(key, names),
                          fmt::join(names, ", ")),
              path);
}

// Calls `read(field index, value, where)` for each field of the object; refuses unknown and
// repeated ones, and the absence of one of the first `required` names.
template <class Read>
Result<void> read_fields(sj::object& object, FieldNames names, std::size_t required,
                         const Where& where, Read read) {
  std::uint32_t seen = 0;
  for (auto entry : object) {
    sj::field field;
    if (const auto error = std::move(entry).get(field)) return malformed(error);
    auto found = find_plain(field.key().raw(), names);
    if (found == names.end()) {
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return malformed(error);
      found = std::find(names.begin(), names.end(), key);
      if (found == names.end()) return unknown_field(key, names, where);
    }
    const auto index = static_cast<std::size_t>(found - names.begin());
    const std::uint32_t bit = 1U << index;
    if ((seen & bit) != 0) return wrong(where.at(*found), "is given twice; keep one");
    seen |= bit;
    HUNT_CHECK(read(index, field.value(), where.at(*found)));
  }
  for (std::size_t i = 0; i < required; ++i) {
    if ((seen & (1U << i)) == 0) return wrong(where.at(names[i]), "is missing");
  }
  return {};
}

// Calls `read(object, where)` for each object of the array `list`.
template <class Read>
Result<void> read_list(sj::value& value, std::string_view list, std::size_t count_max, Read read) {
  sj::array array;
  if (const auto error = value.get_array().get(array)) {
    if (error != simdjson::INCORRECT_TYPE) return malformed(error);
    return wrong_kind({{}, 0, list}, "an array of objects", value);
  }
  std::size_t count = 0;
  for (auto entry : array) {
    const Where where{list, count, {}};
    sj::value item;
    if (const auto error = std::move(entry).get(item)) return malformed(error);
    if (++count > count_max) {
      return fail(Errc::too_large,
                  fmt::format("{} holds more than {} entries; send the rest in another request",
                              list, with_commas(count_max)),
                  std::string(list));
    }
    sj::object object;
    if (const auto error = item.get_object().get(object)) {
      if (error != simdjson::INCORRECT_TYPE) return malformed(error);
      return wrong_kind(where, "an object", item);
    }
    HUNT_CHECK(read(object, where));
  }
  return {};
}

Result<void> read_position(sj::object& object, const Where& where, model::Position& position) {
  return read_fields(
      object, position_fields, 3, where,
      [&position](std::size_t field, sj::value value, const Where& at) -> Result<void> {
        switch (field) {
          case 0: {
            HUNT_TRY(text, read_string(value, at, "a UUID string"));
            if (!read_uuid(text, position.player)) {
              return wrong(at, fmt::format("must be a UUID like \"0f8fad5b-d9cb-469f-a165-"
                                           "70867728950e\", found the string \"{}\"",
                                           printable(text, 48)));
            }
            return {};
          }
          case 1: {
            HUNT_TRY(x, read_whole(value, at, coordinate_range));
            position.tile.x = x;
            return {};
          }
          case 2: {
            HUNT_TRY(y, read_whole(value, at, coordinate_range));
            position.tile.y = y;
            return {};
          }
          case 3: {
            HUNT_TRY(text, read_string(value, at, "\"step\" or \"dig\""));
            if (text != "step" && text != "dig") {
              return wrong(at, fmt::format("must be \"step\" or \"dig\", found the string \"{}\"",
                                           printable(text)));
            }
            position.kind = text == "dig" ? model::Kind::dig : model::Kind::step;
            return {};
          }
          case 4: {
            HUNT_TRY(seq, read_whole(value, at, Range<std::uint64_t>{0, UINT64_MAX}));
            position.seq = seq;
            return {};
          }
          default: {
            HUNT_TRY(time_us, read_time(value, at));
            position.sent_at_us = time_us;
            return {};
          }
        }
      });
}

Result<WorldRef> read_world(sj::value& value, const Where& where) {
  if (value.raw_json_token().starts_with('"')) {
    HUNT_TRY(name, read_name(value, where, limits::name_bytes_max));
    return WorldRef(std::string(name));
  }
  if (describe(value).starts_with("the number ")) {
    HUNT_TRY(id, read_whole(value, where, Range<std::uint32_t>{1, UINT32_MAX}));
    return WorldRef(model::WorldId{id});
  }
  return wrong_kind(where, "a world's id or its name", value);
}

Result<PositionsRequest> read_positions(sj::object& body, std::size_t body_bytes) {
  // The shortest position with its comma has 62 bytes, so this reserves enough.
  constexpr std::size_t position_bytes_min = 62;
  PositionsRequest request;
  auto& positions = request.batch.positions;
  HUNT_CHECK(read_fields(
      body, request_fields, 2, {},
      [&](std::size_t field, sj::value value, const Where& where) -> Result<void> {
        if (field == 0) {
          HUNT_TRY(world, read_world(value, where));
          request.world = std::move(world);
          if (const auto* id = std::get_if<model::WorldId>(&request.world)) {
            request.batch.world = *id;
          }
          return {};
        }
        if (field == 2) {
          HUNT_TRY(wait, read_string(value, where, "\"terminal\""));
          if (wait != "terminal") {
            return wrong(where, fmt::format("must be \"terminal\" or absent, found the string "
                                            "\"{}\"",
                                            printable(wait)));
          }
          request.wait_terminal = true;
          return {};
        }
        positions.reserve(std::min(body_bytes / position_bytes_min, limits::batch_positions_max));
        return read_list(value, where.name, limits::batch_positions_max,
                         [&positions](sj::object& object, const Where& at) {
                           return read_position(object, at, positions.emplace_back());
                         });
      }));
  return request;
}

Result<void> read_burial(sj::object& object, const Where& where, model::Burial& burial) {
  HUNT_CHECK(read_fields(
      object, burial_fields, 3, where,
      [&burial](std::size_t field, sj::value value, const Where& at) -> Result<void> {
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
      body, tiles_fields, 1, {}, [&burials](std::size_t, sj::value value, const Where& where) {
        return read_list(value, where.name, limits::tiles_per_request_max,
                         [&burials](sj::object& object, const Where& at) {
                           return read_burial(object, at, burials.emplace_back());
                         });
      }));
  return burials;
}

Result<void> read_tile(sj::object& object, const Where& where, model::Tile& tile) {
  return read_fields(object, tile_fields, 2, where,
                     [&tile](std::size_t field, sj::value value, const Where& at) -> Result<void> {
                       HUNT_TRY(coordinate, read_whole(value, at, coordinate_range));
                       (field == 0 ? tile.x : tile.y) = coordinate;
                       return {};
                     });
}

Result<std::vector<model::Tile>> read_tiles(sj::object& body) {
  std::vector<model::Tile> tiles;
  HUNT_CHECK(read_fields(body, tiles_fields, 1, {},
                         [&tiles](std::size_t, sj::value value, const Where& where) {
                           return read_list(value, where.name, limits::tiles_per_request_max,
                                            [&tiles](sj::object& object, const Where& at) {
                                              return read_tile(object, at, tiles.emplace_back());
                                            });
                         }));
  return tiles;
}

Result<std::string> read_world_name(sj::object& body) {
  std::string name;
  HUNT_CHECK(read_fields(body, world_fields, 1, {},
                         [&name](std::size_t, sj::value value, const Where& where) -> Result<void> {
                           HUNT_TRY(text, read_string(value, where, "a string"));
                           name = text;
                           return {};
                         }));
  HUNT_CHECK(check_world_name(name));
  return name;
}

Error explain(Error error, std::string_view body) {
  if (error.code == Errc::too_large) return error;
  if (error.code == Errc::corrupt && error.message.find("UTF-8") != std::string::npos) {
    return {Errc::invalid_argument, "the body is not valid UTF-8; JSON must be UTF-8", {}};
  }
  if (auto syntax = find_syntax_error(body)) return std::move(*syntax);
  if (error.code != Errc::corrupt) return error;
  return {Errc::invalid_argument, fmt::format("the body is not valid JSON: {}", error.message), {}};
}

// The parser's memory, and the body with the padding that its vector loads may read.
struct BodyParser {
  sj::parser parser;
  std::vector<char> padded;

  // Parses `body` and hands its root object to `read`.
  template <class Value, class Read>
  Result<Value> parse(std::string_view body, Read read) {
    if (body.size() > limits::body_bytes_max) {
      return fail(Errc::too_large,
                  fmt::format("the body has {} bytes; at most {} are read: send several requests",
                              with_commas(body.size()), with_commas(limits::body_bytes_max)));
    }
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
      return fail(Errc::invalid_argument, "the body is empty; a JSON object is expected");
    }
    if (padded.size() < body.size() + simdjson::SIMDJSON_PADDING) {
      padded.resize(body.size() + simdjson::SIMDJSON_PADDING);
    }
    std::memcpy(padded.data(), body.data(), body.size());
    std::memset(padded.data() + body.size(), ' ', simdjson::SIMDJSON_PADDING);
    auto value = parse_padded<Value>(body.size(), read);
    if (!value) return tl::unexpected(explain(std::move(value).error(), body));
    return value;
  }

  template <class Value, class Read>
  Result<Value> parse_padded(std::size_t size, Read read) {
    sj::document document;
    if (const auto error = parser.iterate(padded.data(), size, padded.size()).get(document)) {
      return malformed(error);
    }
    sj::object root;
    if (const auto error = document.get_object().get(root)) {
      if (error != simdjson::INCORRECT_TYPE) return malformed(error);
      return fail(Errc::invalid_argument, "the body must be a JSON object");
    }
    HUNT_TRY(value, read(root));
    if (document.current_location().error() != simdjson::OUT_OF_BOUNDS)
      return malformed(simdjson::TRAILING_CONTENT);
    return value;
  }
};

}  // namespace

struct PositionsReader::Buffers {
  BodyParser parser;
};

PositionsReader::PositionsReader() : buffers_(std::make_unique<Buffers>()) {}
PositionsReader::~PositionsReader() = default;
PositionsReader::PositionsReader(PositionsReader&&) noexcept = default;
PositionsReader& PositionsReader::operator=(PositionsReader&&) noexcept = default;

Result<PositionsRequest> PositionsReader::parse(std::string_view body) {
  return buffers_->parser.parse<PositionsRequest>(
      body, [&body](sj::object& root) { return read_positions(root, body.size()); });
}

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
