// How JSON bodies are read, strictly: fields by name, lists, numbers, names and times.
//
// Not which bodies there are (json_requests.h). Unknown and repeated fields are errors, and each
// error names its place, what was found and what was expected. For this folder's .cc files alone.
// Thread: a plain value.
#pragma once
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::codec {

namespace sj = simdjson::ondemand;

static_assert(std::endian::native == std::endian::little);
inline std::uint64_t load8(const char* from) noexcept {
  std::uint64_t word = 0;
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

// Where in the body something is: `list[index].name`, `list[index]` or `name`. Written out only
// when an error needs it.
struct Where {
  std::string_view list;
  std::size_t index = 0;
  std::string_view name;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] Where at(std::string_view field) const { return {list, index, field}; }
};

tl::unexpected<Error> wrong(const Where& where, std::string_view sentence);

// A bare sentinel: explain() turns it into the syntax error with its offset.
tl::unexpected<Error> malformed(simdjson::error_code error);

// What stands at `value`, for messages: `the number 10.5`, `the string "abc"`, `an array`.
std::string describe(sj::value& value);

tl::unexpected<Error> wrong_kind(const Where& where, std::string_view expected, sj::value& value);

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

inline constexpr Range<std::int32_t> coordinate_range{std::numeric_limits<std::int32_t>::min(),
                                                      std::numeric_limits<std::int32_t>::max()};

inline Result<std::string_view> read_string(sj::value& value, const Where& where,
                                            std::string_view expected) {
  std::string_view text;
  const auto error = value.get_string().get(text);
  if (error == simdjson::INCORRECT_TYPE) return wrong_kind(where, expected, value);
  if (error) return malformed(error);
  return text;
}

Result<std::string_view> read_name(sj::value& value, const Where& where, std::size_t bytes_max);

Result<std::int64_t> read_time(sj::value& value, const Where& where);

tl::unexpected<Error> unknown_field(std::string_view key, std::span<const std::string_view> names,
                                    const Where& where);

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

// The error as the client reads it, with the place of a syntax error.
Error explain(Error error, std::string_view body);

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

}  // namespace hunt::codec
