#include "apps/time_words.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "base/text.h"

namespace hunt::apps {

namespace {

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;

// "14:03" of the day before or of today, whichever was last.
std::optional<std::int64_t> clock_time(std::string_view text, std::int64_t now_us) {
  if (text.size() != 5 && text.size() != 8) return {};
  const std::string today = format_time_us(now_us).substr(0, 11);
  const auto at_us = parse_time_us(fmt::format("{}{}Z", today, text));
  if (!at_us) return {};
  return *at_us > now_us ? *at_us - day_us : *at_us;
}

std::optional<std::int64_t> unit_us(char unit) {
  switch (unit) {
    case 's':
      return second_us;
    case 'm':
      return 60 * second_us;
    case 'h':
      return 3'600 * second_us;
    case 'd':
      return day_us;
    default:
      return {};
  }
}

std::optional<std::int64_t> ago(std::string_view text, std::int64_t now_us) {
  constexpr std::uint64_t count_max = 10'000'000;
  if (text.empty()) return {};
  const auto unit = unit_us(text.back());
  const auto count = parse_u64(text.substr(0, text.size() - 1));
  if (!unit || !count || *count > count_max) return {};
  return now_us - static_cast<std::int64_t>(*count) * *unit;
}

}  // namespace

Result<std::int64_t> read_moment(std::string_view text, std::int64_t now_us) {
  if (const auto at_us = clock_time(text, now_us)) return *at_us;
  if (const auto at_us = parse_time_us(text)) return *at_us;
  return fail(
      Errc::invalid_argument,
      fmt::format("a time is 14:03 (UTC) or 2026-11-23T14:03:00Z, found \"{}\"", printable(text)));
}

Result<std::int64_t> read_since(std::string_view text, std::int64_t now_us) {
  if (const auto at_us = ago(text, now_us)) return *at_us;
  if (const auto at_us = read_moment(text, now_us)) return *at_us;
  return fail(Errc::invalid_argument,
              fmt::format("since when is 30s, 20m, 2h, 3d, 14:03 (UTC) or 2026-11-23T14:03:00Z, "
                          "found \"{}\"",
                          printable(text)));
}

}  // namespace hunt::apps
