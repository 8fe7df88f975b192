// Small text helpers: the nearest known word, hex, UUIDs, times, numbers with separators.
//
// Not a formatter (that is fmt) and not a parser of anything larger than one token.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hunt {

// The known word nearest to `word` by edit distance, when it is near enough to be meant
// (at most a third of the length, at least 2 edits); else nothing.
[[nodiscard]] std::optional<std::string_view> nearest_word(std::string_view word,
                                                           std::span<const std::string_view> known);

// " (did you mean \"x\"?)" for the nearest word, or an empty string.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       std::span<const std::string_view> known);

[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);
// Lower or upper case, exactly 2 digits per byte of `out`; false on anything else.
[[nodiscard]] bool from_hex(std::string_view text, std::span<std::uint8_t> out) noexcept;
// `text` without its %XX escapes, as a URL has them, into `out`. Returns where a % is not followed
// by two digits, or npos.
[[nodiscard]] std::size_t percent_decode(std::string_view text, std::string& out);

// RFC 3339 in UTC with microseconds ("2026-11-23T18:30:17.123456Z").
// Units: microseconds since 1970-01-01T00:00:00Z.
[[nodiscard]] std::string format_time_us(std::int64_t time_us);
// Accepts "YYYY-MM-DD", "YYYY-MM-DDTHH:MM[:SS[.f]]" with "Z" or "+HH:MM" (a date alone is UTC
// midnight); years 1970 to 9999; nothing when it is no such time.
[[nodiscard]] std::optional<std::int64_t> parse_time_us(std::string_view text) noexcept;

// Whole decimal numbers without sign, spaces or leading '+'; nothing when out of range.
[[nodiscard]] std::optional<std::uint64_t> parse_u64(std::string_view text) noexcept;
[[nodiscard]] std::optional<std::int64_t> parse_i64(std::string_view text) noexcept;

// 1234567 -> "1,234,567".
[[nodiscard]] std::string with_commas(std::uint64_t value);

// `text` with control and non-ASCII bytes as \xNN, cut to `length_max`, for use in messages.
[[nodiscard]] std::string printable(std::string_view text, std::size_t length_max = 64);

}  // namespace hunt
