#include "codec/json_body.h"

#include "codec/json_syntax.h"
#include "codec/plain_text.h"

namespace hunt::codec {

std::string Where::text() const {
  if (list.empty()) return std::string(name);
  if (name.empty()) return fmt::format("{}[{}]", list, index);
  return fmt::format("{}[{}].{}", list, index, name);
}

tl::unexpected<Error> wrong(const Where& where, std::string_view sentence) {
  std::string field = where.text();
  std::string message =
      fmt::format("{} {}", field.empty() ? "the body" : std::string_view(field), sentence);
  return fail(Errc::invalid_argument, std::move(message), std::move(field));
}

tl::unexpected<Error> malformed(simdjson::error_code error) {
  return fail(Errc::corrupt, simdjson::error_message(error));
}

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

Result<std::string_view> read_name(sj::value& value, const Where& where, std::size_t bytes_max) {
  HUNT_TRY(text, read_string(value, where, "a string"));
  if (text.empty()) return wrong(where, "must not be empty");
  if (text.size() > bytes_max) {
    return wrong(where,
                 fmt::format("must have at most {} bytes, found {}", bytes_max, text.size()));
  }
  if (has_control_bytes(text)) {
    return wrong(where,
                 fmt::format("must have no control characters, found \"{}\"", printable(text)));
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

tl::unexpected<Error> unknown_field(std::string_view key, std::span<const std::string_view> names,
                                    const Where& where) {
  const std::string shown = printable(key);
  std::string path = where.at(shown).text();
  return fail(Errc::invalid_argument,
              fmt::format("{} is not a known field{}; known: {}", path, did_you_mean(key, names),
                          fmt::join(names, ", ")),
              path);
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

}  // namespace hunt::codec
