#include "codec/json_requests.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <variant>

#include "base/text.h"
#include "codec/json_body.h"
#include "model/limits.h"

namespace hunt::codec {

namespace {

constexpr FieldNames request_fields("world", "positions", "wait");
constexpr FieldNames message_fields("world", "positions", "wait", "id");
constexpr FieldNames stored_fields("world", "positions", "wait", "reply_to");
constexpr FieldNames position_fields("player", "x", "y", "kind", "seq", "sent_at");

std::uint32_t load4(const char* from) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
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

Result<model::WorldRef> read_world(sj::value& value, const Where& where) {
  if (value.raw_json_token().starts_with('"')) {
    HUNT_TRY(name, read_name(value, where, limits::name_bytes_max));
    return model::WorldRef(std::string(name));
  }
  if (describe(value).starts_with("the number ")) {
    HUNT_TRY(id, read_whole(value, where, Range<std::uint32_t>{1, UINT32_MAX}));
    return model::WorldRef(model::WorldId{id});
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
Result<std::monostate> read_positions(sj::object& body, std::size_t body_bytes,
                                      const FieldNames<N>& fields, std::optional<std::uint64_t>& id,
                                      PositionsRequest& request) {
  // The shortest position with its comma has 62 bytes, so this reserves enough.
  constexpr std::size_t position_bytes_min = 62;
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
  return std::monostate{};
}

void clear(PositionsRequest& request) {
  auto positions = std::move(request.batch.positions);
  positions.clear();
  request = {};
  request.batch.positions = std::move(positions);
}

}  // namespace

struct PositionsReader::Buffers {
  BodyParser parser;
};

PositionsReader::PositionsReader() : buffers_(std::make_unique<Buffers>()) {}
PositionsReader::~PositionsReader() = default;
PositionsReader::PositionsReader(PositionsReader&&) noexcept = default;
PositionsReader& PositionsReader::operator=(PositionsReader&&) noexcept = default;

Result<PositionsRequest> PositionsReader::parse(std::string_view body, Carrier carrier) {
  PositionsRequest request;
  HUNT_CHECK(parse_into(body, carrier, request));
  return request;
}

Result<void> PositionsReader::parse_into(std::string_view body, Carrier carrier,
                                         PositionsRequest& request) {
  last_id_.reset();
  clear(request);
  const auto read = buffers_->parser.parse<std::monostate>(body, [&](sj::object& root) {
    switch (carrier) {
      case Carrier::stream:
        return read_positions(root, body.size(), message_fields, last_id_, request);
      case Carrier::stored:
        return read_positions(root, body.size(), stored_fields, last_id_, request);
      case Carrier::http:
        break;
    }
    return read_positions(root, body.size(), request_fields, last_id_, request);
  });
  if (!read) return tl::unexpected<Error>(read.error());
  return {};
}

}  // namespace hunt::codec
