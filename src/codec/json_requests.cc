#include "codec/json_requests.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
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

static_assert(std::endian::native == std::endian::little);
std::uint64_t load8(const char* from) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}
std::uint32_t load4(const char* from) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

// The names that an object may have. The usual ones (up to seven letters, written without an
// escape) are recognised in one comparison of eight bytes, the closing quote among them.
template <std::size_t N>
struct FieldNames {
  std::array<std::string_view, N> names;
  std::array<std::uint64_t, N> words{};  // the name and its quote, as load8() reads them
  std::array<std::uint64_t, N> masks{};  // 0: too long, so it never matches

  template <class... Names>
  explicit constexpr FieldNames(Names... of) : names{std::string_view(of)...} {
    for (std::size_t i = 0; i < N; ++i) {
      if (names[i].size() > 7) {
        words[i] = 1;
        continue;
      }
      for (std::size_t at = 0; at <= names[i].size(); ++at) {
        const char letter = at < names[i].size() ? names[i][at] : '"';
        words[i] |= std::uint64_t{static_cast<unsigned char>(letter)} << (8 * at);
        masks[i] |= std::uint64_t{0xff} << (8 * at);
      }
    }
  }
  // The index of the name that stands at `raw` without an escape, or N. The body's padding covers
  // the reading.
  [[nodiscard]] std::size_t find_plain(const char* raw) const noexcept {
    const std::uint64_t word = load8(raw);
    for (std::size_t i = 0; i < N; ++i) {
      if ((word & masks[i]) == words[i]) return i;
    }
    return N;
  }
};
template <class... Names>
FieldNames(Names...) -> FieldNames<sizeof...(Names)>;

constexpr FieldNames request_fields("world", "positions", "wait");
constexpr FieldNames message_fields("world", "positions", "wait", "id");
constexpr FieldNames stored_fields("world", "positions", "wait", "reply_to");
constexpr FieldNames position_fields("player", "x", "y", "kind", "seq", "sent_at");
constexpr FieldNames tiles_fields("tiles");
constexpr FieldNames burial_fields("x", "y", "table", "budget", "key", "opens", "closes");
constexpr FieldNames tile_fields("x", "y");
constexpr FieldNames world_fields("name");

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

// The eight hexadecimal digits in `text`, first letter lowest, as a number. Sets bits of `bad`
// unless all eight are digits. Every byte is handled at once: a third of a batch's bytes are UUIDs.
std::uint64_t read_hex8(std::uint64_t text, std::uint64_t& bad) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101;
  // The top bit of each byte that is at least `low`, given that all are below 0x80.
  const auto at_least = [](std::uint64_t bytes, std::uint64_t low) {
    return bytes + (0x80 - low) * ones;
  };
  const std::uint64_t ascii = text & 0x7f * ones;
  const std::uint64_t lower = ascii | 0x20 * ones;
  const std::uint64_t digit = at_least(ascii, '0') & ~at_least(ascii, '9' + 1);
  const std::uint64_t letter = at_least(lower, 'a') & ~at_least(lower, 'f' + 1);
  bad |= (text | ~(digit | letter)) & 0x80 * ones;
  const std::uint64_t nibbles = (text & 0x0f * ones) + 9 * (text >> 6 & ones);
  std::uint64_t value = __builtin_bswap64(nibbles);
  value = (value | value >> 4) & 0x00ff00ff00ff00ff;
  value = (value | value >> 8) & 0x0000ffff0000ffff;
  return (value | value >> 16) & 0xffffffff;
}

// As model::parse_uuid, for the 36 bytes at `text`.
bool read_uuid(const char* text, model::PlayerId& player) noexcept {
  if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;
  const auto two = [text](std::size_t first, std::size_t second) {
    return load4(text + first) | std::uint64_t{load4(text + second)} << 32;
  };
  std::uint64_t bad = 0;
  player.high = read_hex8(load8(text), bad) << 32 | read_hex8(two(9, 14), bad);
  player.low = read_hex8(two(19, 24), bad) << 32 | read_hex8(load8(text + 28), bad);
  return bad == 0;
}

tl::unexpected<Error> unknown_field(std::string_view key, std::span<const std::string_view> names,
                                    const Where& where) {
  const std::string shown = printable(key);
  std::string path = where.at(shown).text();
  return fail(Errc::invalid_argument,
              fmt::format("{} is not a known field{}; known: {}", path, did_you_mean(key, names),
                          fmt::join(names, ", ")),
              path);
}

// Calls `read(field index, value, where)` for each field of the object; refuses unknown and
// repeated ones, and the absence of one of the first `required` names.
template <std::size_t N, class Read>
Result<void> read_fields(sj::object& object, const FieldNames<N>& fields, std::size_t required,
                         const Where& where, Read read) {
  std::uint32_t seen = 0;
  for (auto entry : object) {
    if (const auto error = entry.error()) return malformed(error);
    sj::field& field = entry.value_unsafe();  // copying it costs more than reading it
    std::size_t index = fields.find_plain(field.key().raw());
    if (index == N) {
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return malformed(error);
      const auto found = std::find(fields.names.begin(), fields.names.end(), key);
      if (found == fields.names.end()) return unknown_field(key, fields.names, where);
      index = static_cast<std::size_t>(found - fields.names.begin());
    }
    const std::string_view name = fields.names[index];
    const std::uint32_t bit = 1U << index;
    if ((seen & bit) != 0) return wrong(where.at(name), "is given twice; keep one");
    seen |= bit;
    HUNT_CHECK(read(index, field.value(), where.at(name)));
  }
  for (std::size_t i = 0; i < required; ++i) {
    if ((seen & (1U << i)) == 0) return wrong(where.at(fields.names[i]), "is missing");
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
    if (const auto error = entry.error()) return malformed(error);
    sj::value& item = entry.value_unsafe();
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

// The usual spelling, exactly 36 plain characters, is read where it stands; whatever else takes the
// way through an unescaped copy and its messages.
Result<void> read_player(sj::value& value, const Where& where, model::PlayerId& player) {
  const char* token = value.raw_json_token().data();
  if (token[0] == '"' && token[37] == '"' && read_uuid(token + 1, player)) {
    if (const auto error = value.get_raw_json_string().error()) return malformed(error);
    return {};
  }
  HUNT_TRY(text, read_string(value, where, "a UUID string"));
  if (text.size() == 36 && read_uuid(text.data(), player)) return {};
  return wrong(where, fmt::format("must be a UUID like \"0f8fad5b-d9cb-469f-a165-70867728950e\", "
                                  "found the string \"{}\"",
                                  printable(text, 48)));
}

Result<void> read_kind(sj::value& value, const Where& where, model::Kind& kind) {
  HUNT_TRY(text, read_string(value, where, "\"step\" or \"dig\""));
  if (text != "step" && text != "dig") {
    return wrong(where, fmt::format("must be \"step\" or \"dig\", found the string \"{}\"",
                                    printable(text)));
  }
  kind = text == "dig" ? model::Kind::dig : model::Kind::step;
  return {};
}

template <class Number>
Result<void> read_into(Number& number, sj::value& value, const Where& where, Range<Number> range) {
  HUNT_TRY(found, read_whole(value, where, range));
  number = found;
  return {};
}

Result<void> read_position(sj::object& object, const Where& where, model::Position& position) {
  return read_fields(
      object, position_fields, 3, where,
      [&position](std::size_t field, sj::value& value, const Where& at) -> Result<void> {
        switch (field) {
          case 0:
            return read_player(value, at, position.player);
          case 1:
            return read_into(position.tile.x, value, at, coordinate_range);
          case 2:
            return read_into(position.tile.y, value, at, coordinate_range);
          case 3:
            return read_kind(value, at, position.kind);
          case 4:
            return read_into(position.seq, value, at, Range<std::uint64_t>{0, UINT64_MAX});
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

Result<void> check_reply_to(std::string_view subject) {
  if (subject.size() <= limits::subject_bytes_max) return {};
  return fail(Errc::too_large,
              fmt::format("has {} bytes; a subject has at most {}", subject.size(),
                          limits::subject_bytes_max),
              "reply_to");
}

template <std::size_t N>
Result<PositionsRequest> read_positions(sj::object& body, std::size_t body_bytes,
                                        const FieldNames<N>& fields,
                                        std::optional<std::uint64_t>& id) {
  // The shortest position with its comma has 62 bytes, so this reserves enough.
  constexpr std::size_t position_bytes_min = 62;
  PositionsRequest request;
  auto& positions = request.batch.positions;
  HUNT_CHECK(read_fields(
      body, fields, 2, {},
      [&](std::size_t field, sj::value& value, const Where& where) -> Result<void> {
        if (field == 0) {
          HUNT_TRY(world, read_world(value, where));
          request.world = std::move(world);
          if (const auto* known = std::get_if<model::WorldId>(&request.world)) {
            request.batch.world = *known;
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
        if (field == 3 && fields.names[3] == "reply_to") {
          HUNT_TRY(subject, read_string(value, where, "a subject"));
          request.reply_to = subject;
          return check_reply_to(subject);
        }
        if (field == 3) {
          HUNT_TRY(found, read_whole(value, where, Range<std::uint64_t>{0, UINT64_MAX}));
          id = found;
          return {};
        }
        positions.reserve(std::min(body_bytes / position_bytes_min, limits::batch_positions_max));
        return read_list(value, where.name, limits::batch_positions_max,
                         [&positions](sj::object& object, const Where& at) {
                           return read_position(object, at, positions.emplace_back());
                         });
      }));
  request.id = id;
  return request;
}

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

Result<PositionsRequest> PositionsReader::parse(std::string_view body, Carrier carrier) {
  last_id_.reset();
  return buffers_->parser.parse<PositionsRequest>(body, [&](sj::object& root) {
    switch (carrier) {
      case Carrier::stream:
        return read_positions(root, body.size(), message_fields, last_id_);
      case Carrier::stored:
        return read_positions(root, body.size(), stored_fields, last_id_);
      case Carrier::http:
        break;
    }
    return read_positions(root, body.size(), request_fields, last_id_);
  });
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
