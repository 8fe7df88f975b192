#include "importers/json_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse_options.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>
#include <charconv>
#include <cmath>
#include <numeric>

#include "base/text.h"

namespace hunt::importers {

std::optional<json::value> parse_source(const Source& source, Draft& draft) {
  std::string_view text = source.text;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (text.size() > source_bytes_max) {
    draft.problem({source.name, ""},
                  fmt::format("it has {} bytes, more than {}", with_commas(text.size()),
                              with_commas(source_bytes_max)));
    return {};
  }
  json::parse_options options;
  options.max_depth = 4 * depth_max;  // a container is a list in an object, and has conditions
  json::stream_parser parser({}, options);
  boost::system::error_code failed;
  const std::size_t read = parser.write_some(text.data(), text.size(), failed);
  if (!failed) parser.finish(failed);
  const bool rest = !failed && text.find_first_not_of(" \t\r\n", read) != std::string_view::npos;
  if (!failed && !rest) return parser.release();
  const auto line =
      1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(read), '\n');
  draft.problem({source.name, ""},
                fmt::format("line {} is no JSON: {}", line,
                            failed ? failed.message() : "something stands behind its end"));
  return {};
}

const json::value* find(const json::object& object, std::string_view key) noexcept {
  return object.if_contains(json::string_view(key.data(), key.size()));
}

std::string text_of(const json::object& object, std::string_view key) {
  const json::value* value = find(object, key);
  if (value == nullptr || !value->is_string()) return "";
  return std::string(value->get_string().data(), value->get_string().size());
}

Place below(const Place& place, std::string_view key) {
  return {place.file,
          place.path.empty() ? std::string(key) : fmt::format("{}.{}", place.path, key)};
}

Place below(const Place& place, std::size_t index) {
  return {place.file, fmt::format("{}[{}]", place.path, index)};
}

std::optional<std::uint64_t> whole_of(const json::value& value, std::uint64_t max) {
  double number = 0;
  if (value.is_uint64() || value.is_int64()) {
    if (value.is_int64() && value.get_int64() < 0) return {};
    const std::uint64_t whole =
        value.is_uint64() ? value.get_uint64() : static_cast<std::uint64_t>(value.get_int64());
    return whole <= max ? std::optional(whole) : std::nullopt;
  }
  if (!value.is_double()) return {};
  number = value.get_double();
  if (!(number >= 0) || number > static_cast<double>(max) || number != std::floor(number)) {
    return {};
  }
  return static_cast<std::uint64_t>(number);
}

std::uint64_t whole_at(const json::object& object, std::string_view key, std::uint64_t max,
                       std::uint64_t missing, Draft& draft, const Place& place) {
  const json::value* value = find(object, key);
  if (value == nullptr) return missing;
  const auto whole = whole_of(*value, max);
  if (!whole) {
    draft.problem(below(place, key), fmt::format("expected a whole number of at most {}, found {}",
                                                 max, shown(*value)));
  }
  return whole.value_or(missing);
}

std::optional<Fraction> decimal_of(const json::value& value) {
  constexpr int decimals_max = 9;
  if (const auto whole = whole_of(value, UINT64_MAX / denominator_max)) return Fraction{*whole, 1};
  if (!value.is_double() || !(value.get_double() >= 0) || value.get_double() > 1e9) return {};
  // The shortest text that reads back as the same number is what stands in the file.
  char text[64];
  const auto [end, error] =
      std::to_chars(text, text + sizeof text, value.get_double(), std::chars_format::fixed);
  if (error != std::errc{}) return {};
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
  int decimals = -1;
  for (const char* at = text; at != end; ++at) {
    if (*at == '.') {
      decimals = 0;
      continue;
    }
    if (decimals >= 0 && ++decimals > decimals_max) return {};
    numerator = numerator * 10 + static_cast<std::uint64_t>(*at - '0');
    if (decimals > 0) denominator *= 10;
  }
  const std::uint64_t common = std::gcd(numerator, denominator);
  return Fraction{numerator / common, denominator / common};
}

std::string shown(const json::value& value) {
  return printable(json::serialize(value), 48);
}

}  // namespace hunt::importers
