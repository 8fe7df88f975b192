#include "base/moment.h"

#include <fmt/format.h>

#include <optional>

#include "base/text.h"

namespace hunt {

namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;
constexpr std::uint64_t span_s_max = 366ULL * 86'400;

// "1h30m" in microseconds.
std::optional<std::int64_t> parse_span(std::string_view text) {
  std::uint64_t sum_s = 0;
  if (text.empty()) return {};
  while (!text.empty()) {
    const auto digits = text.find_first_not_of("0123456789");
    if (digits == std::string_view::npos || digits == 0 || digits > 9) return {};
    const auto count = parse_u64(text.substr(0, digits));
    const char unit = text[digits];
    const std::uint64_t unit_s = unit == 's' ? 1 : unit == 'm' ? 60 : unit == 'h' ? 3'600 : 0;
    if (!count || unit_s == 0) return {};
    sum_s += *count * unit_s;
    if (sum_s > span_s_max) return {};
    text.remove_prefix(digits + 1);
  }
  return static_cast<std::int64_t>(sum_s) * second_us;
}

// "14:03" or "14:03:20" as a part of the day.
std::optional<std::int64_t> parse_time_of_day(std::string_view text) {
  if ((text.size() != 5 && text.size() != 8) || text[2] != ':') return {};
  const auto hour = parse_u64(text.substr(0, 2));
  const auto minute = parse_u64(text.substr(3, 2));
  if (!hour || !minute || *hour > 23 || *minute > 59) return {};
  std::uint64_t second = 0;
  if (text.size() == 8) {
    const auto read = parse_u64(text.substr(6, 2));
    if (text[5] != ':' || !read || *read > 59) return {};
    second = *read;
  }
  return static_cast<std::int64_t>((*hour * 60 + *minute) * 60 + second) * second_us;
}

}  // namespace

Result<std::int64_t> parse_moment(std::string_view text, std::int64_t now_us,
                                  const std::string& field) {
  if (const auto span = parse_span(text)) return now_us - *span;
  if (const auto of_day = parse_time_of_day(text)) {
    const std::int64_t today_us = now_us - now_us % day_us + *of_day;
    return today_us <= now_us ? today_us : today_us - day_us;
  }
  const auto time_us = parse_time_us(text);
  if (!time_us) {
    return fail(Errc::invalid_argument,
                fmt::format("\"{}\" is no time; expected a time of day in UTC (14:03), how long "
                            "ago (20m, 90s, 1h30m), or a time with its date (2026-11-29T14:03Z)",
                            printable(text)),
                field);
  }
  if (*time_us > now_us) {
    return fail(
        Errc::invalid_argument,
        fmt::format("{} is in the future: it is {} now", shown_time(*time_us), shown_time(now_us)),
        field);
  }
  return *time_us;
}

std::string shown_time(std::int64_t time_us) {
  return format_time_us(time_us).substr(0, 19) + "Z";
}

std::string shown_time_of_day(std::int64_t time_us) {
  return format_time_us(time_us).substr(11, 8);
}

std::string shown_span(std::int64_t span_us) {
  const std::int64_t seconds = (span_us + second_us / 2) / second_us;
  if (seconds < 60) return fmt::format("{} s", seconds);
  const std::int64_t large = seconds < 3'600 ? 60 : seconds < 86'400 ? 3'600 : 86'400;
  const std::int64_t small = large == 60 ? 1 : large == 3'600 ? 60 : 3'600;
  const std::string_view large_unit = large == 60 ? "min" : large == 3'600 ? "h" : "d";
  const std::string_view small_unit = small == 1 ? "s" : small == 60 ? "min" : "h";
  const std::int64_t rest = seconds % large / small;
  std::string text = fmt::format("{} {}", seconds / large, large_unit);
  if (rest > 0) text += fmt::format(" {} {}", rest, small_unit);
  return text;
}

}  // namespace hunt
