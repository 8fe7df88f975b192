#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <vector>

#include "base/hide_user.h"

namespace hunt {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Reads exactly `digits` decimal digits at `at`; -1 when they are not there.
int fixed_digits(std::string_view text, std::size_t at, std::size_t digits) noexcept {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

template <class Number>
std::optional<Number> parse_whole(std::string_view text) noexcept {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

}  // namespace

std::optional<std::string_view> nearest_word(std::string_view word,
                                             std::span<const std::string_view> known) {
  if (word.size() > 128) return {};
  const std::size_t allowed = std::max<std::size_t>(2, word.size() / 3);
  std::optional<std::string_view> best;
  std::size_t best_distance = allowed + 1;
  for (const auto candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const auto nearest = nearest_word(word, known);
  return nearest ? fmt::format(" (did you mean \"{}\"?)", *nearest) : std::string{};
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

bool from_hex(std::string_view text, std::span<std::uint8_t> out) noexcept {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

std::size_t percent_decode(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::array<std::uint8_t, 1> byte{static_cast<std::uint8_t>(text[i])};
    if (text[i] == '%') {
      if (!from_hex(text.substr(i + 1, 2), byte)) return i;
      i += 2;
    }
    out.push_back(static_cast<char>(byte[0]));
  }
  return std::string_view::npos;
}

namespace {

// The years 0 to 9999: what is outside could not be written with four digits.
constexpr std::int64_t time_us_earliest = -62'167'219'200'000'000;
constexpr std::int64_t time_us_latest = 253'402'300'799'999'999;

}  // namespace

std::string format_time_us(std::int64_t time_us) {
  using namespace std::chrono;
  // Not of a clock: of a row that somebody planted, say.
  if (time_us < time_us_earliest || time_us > time_us_latest) {
    return fmt::format("{} us since 1970", time_us);
  }
  const auto day = floor<days>(sys_time<microseconds>(microseconds(time_us)));
  const year_month_day date(day);
  const hh_mm_ss clock(microseconds(time_us) - day.time_since_epoch());
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

namespace {

// Also outside of the bounds, where a zone moves it there.
std::optional<std::int64_t> parse_any_time_us(std::string_view text) noexcept {
  using namespace std::chrono;
  const int year_value = fixed_digits(text, 0, 4);
  const int month_value = fixed_digits(text, 5, 2);
  const int day_value = fixed_digits(text, 8, 2);
  if (year_value < 1970 || month_value < 0 || day_value < 0 || text[4] != '-' || text[7] != '-') {
    return {};
  }
  const year_month_day date(year(year_value), month(static_cast<unsigned>(month_value)),
                            day(static_cast<unsigned>(day_value)));
  if (!date.ok()) return {};
  std::int64_t time_us = duration_cast<microseconds>(sys_days(date).time_since_epoch()).count();
  if (text.size() == 10) return time_us;
  const int hour = fixed_digits(text, 11, 2);
  const int minute = fixed_digits(text, 14, 2);
  if ((text[10] != 'T' && text[10] != ' ') || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      text[13] != ':') {
    return {};
  }
  time_us += (hour * 60 + minute) * std::int64_t{60'000'000};
  std::size_t at = 16;
  if (at < text.size() && text[at] == ':') {
    const int second = fixed_digits(text, at + 1, 2);
    if (second < 0 || second > 59) return {};
    time_us += second * std::int64_t{1'000'000};
    at += 3;
    if (at < text.size() && text[at] == '.') {
      std::int64_t unit = 100'000;
      const std::size_t first = ++at;
      for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
        time_us += (text[at] - '0') * unit;
      }
      if (at == first) return {};
    }
  }
  if (at + 1 == text.size() && text[at] == 'Z') return time_us;
  if (at + 6 != text.size() || (text[at] != '+' && text[at] != '-') || text[at + 3] != ':') {
    return {};
  }
  const int offset_hour = fixed_digits(text, at + 1, 2);
  const int offset_minute = fixed_digits(text, at + 4, 2);
  if (offset_hour < 0 || offset_hour > 14 || offset_minute < 0 || offset_minute > 59) return {};
  const std::int64_t offset_us = (offset_hour * 60 + offset_minute) * std::int64_t{60'000'000};
  return text[at] == '+' ? time_us - offset_us : time_us + offset_us;
}

}  // namespace

std::optional<std::int64_t> parse_time_us(std::string_view text) noexcept {
  const auto time_us = parse_any_time_us(text);
  if (!time_us || *time_us < 0 || *time_us > time_us_latest) return {};
  return time_us;
}

std::optional<std::uint64_t> parse_u64(std::string_view text) noexcept {
  return parse_whole<std::uint64_t>(text);
}

std::optional<std::int64_t> parse_i64(std::string_view text) noexcept {
  return parse_whole<std::int64_t>(text);
}

std::string with_commas(std::uint64_t value) {
  std::string out = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(out.size()) - 3; at > 0; at -= 3) {
    out.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return out;
}

std::string printable(std::string_view text, std::size_t length_max) {
  std::string out;
  const std::string shown = hide_user(text);  // before it is cut
  text = shown;
  for (const char c : text.substr(0, length_max)) {
    if (c >= 0x20 && c < 0x7f) {
      out.push_back(c);
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (text.size() > length_max) out += "...";
  return out;
}

}  // namespace hunt
