#include "rules/scalars.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <numeric>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::rules {

namespace {

using Kind = YamlNode::Kind;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::string_view digits = "0123456789";

bool all_in(std::string_view text, std::string_view set) {
  return !text.empty() && text.find_first_not_of(set) == std::string_view::npos;
}

bool looks_like_number(std::string_view text) {
  return all_in(text, "0123456789.") && text.find_first_of(digits) != std::string_view::npos;
}

// A decimal number without sign, quotes or leading zeros (which other tools read as octal).
std::optional<std::uint64_t> whole_number(const YamlNode& node) {
  if (node.kind != Kind::scalar || node.quoted) return {};
  if (node.text.size() > 1 && node.text.front() == '0') return {};
  return parse_u64(node.text);
}

// 1_000 is a number to some; here it is text.
std::string_view underscore_advice(const YamlNode& node) {
  const bool grouped = node.text.find('_') != std::string::npos && node.text.front() != '_' &&
                       all_in(node.text, "0123456789_");
  return grouped ? "; remove the underscores" : "";
}

// Decimal digits without a leading zero.
std::optional<std::uint64_t> plain_number(std::string_view text) {
  if (!all_in(text, digits) || (text.size() > 1 && text.front() == '0')) return {};
  return parse_u64(text);
}

std::string range_advice(const YamlNode& node) {
  if (node.kind != Kind::scalar) return node.kind == Kind::list ? "; write 5..8, not a list" : "";
  if (node.quoted && plain_number(node.text)) return "; remove the quotes";
  const std::size_t dash = node.text.find('-');
  if (dash != std::string::npos && dash > 0) {
    const auto low = plain_number(std::string_view(node.text).substr(0, dash));
    const auto high = plain_number(std::string_view(node.text).substr(dash + 1));
    if (low && high) return fmt::format("; write {}..{}", *low, *high);
  }
  return std::string(underscore_advice(node));
}

struct Share {
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;  // 1 .. limits::chance_denominator_max
};

// "12.5 %" or "1/400", whatever its size.
std::optional<Share> share_of(std::string_view text) {
  constexpr std::size_t decimals_max = 7;
  if (const std::size_t line = text.find('/'); line != std::string_view::npos) {
    const auto above = plain_number(text.substr(0, line));
    const auto below = plain_number(text.substr(line + 1));
    if (!above || !below || *below == 0 || *below > limits::chance_denominator_max) return {};
    return Share{*above, *below};
  }
  if (!text.ends_with('%')) return {};
  text.remove_suffix(1);
  if (text.ends_with(' ')) text.remove_suffix(1);
  const std::size_t dot = text.find('.');
  const std::string_view decimals =
      dot == std::string_view::npos ? std::string_view("") : text.substr(dot + 1);
  const auto whole = plain_number(text.substr(0, dot));
  if (!whole || *whole > 1'000'000 || decimals.size() > decimals_max) return {};
  if (dot != std::string_view::npos && !all_in(decimals, digits)) return {};
  Share share{*whole, 100};
  for (const char digit : decimals) {
    share.numerator = share.numerator * 10 + static_cast<std::uint64_t>(digit - '0');
    share.denominator *= 10;
  }
  return share;
}

// For a number without a sign: most likely its writer means this.
std::string chance_advice(const YamlNode& node) {
  if (node.kind != Kind::scalar || !looks_like_number(node.text)) return "";
  const auto whole = plain_number(node.text);
  if (whole && *whole >= 1 && *whole < 100) return fmt::format("; write {} %", *whole);
  if (!node.text.starts_with("0.") || node.text.size() > 9) return "";
  const auto millionths = parse_u64((node.text.substr(2) + "0000000").substr(0, 7));
  if (!millionths || *millionths == 0) return "";
  return fmt::format("; write {:g} %", static_cast<double>(*millionths) / 100'000);
}

bool valid(std::string_view text, NameOf of) {
  return of == NameOf::item ? valid_item(text) : valid_name(text);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// What any YAML 1.2 tool takes for something else than text; empty: it is text.
std::string_view taken_for(std::string_view text) {
  const std::string word = lower(text);
  if (word == "true" || word == "false") return "true or false";
  if (word == "null") return "nothing";
  std::string_view rest = word;
  if (rest.starts_with('-')) rest.remove_prefix(1);
  if (rest == ".inf" || rest == ".nan") return "a number";
  if (rest.starts_with("0x") && all_in(rest.substr(2), "0123456789abcdef")) return "a number";
  if (rest.starts_with("0o") && all_in(rest.substr(2), "01234567")) return "a number";
  const std::size_t e = rest.find('e');
  if (e != std::string_view::npos) {
    std::string_view exponent = rest.substr(e + 1);
    if (exponent.starts_with('-')) exponent.remove_prefix(1);
    if (!all_in(exponent, digits)) return "";
    rest = rest.substr(0, e);
  }
  return looks_like_number(rest) && std::count(rest.begin(), rest.end(), '.') <= 1 ? "a number"
                                                                                   : "";
}

// The same for tools that read YAML 1.1, where it differs.
std::string_view taken_by_old_tools_for(std::string_view text) {
  const std::string word = lower(text);
  for (const std::string_view yes : {"yes", "on"}) {
    if (word == yes) return "true";
  }
  for (const std::string_view no : {"no", "off"}) {
    if (word == no) return "false";
  }
  if (text.size() == 10 && text[4] == '-' && text[7] == '-' && all_in(text, "0123456789-")) {
    return "a date";
  }
  const bool number = text.front() >= '0' && text.front() <= '9' &&
                      text.find_first_of("_:") != std::string_view::npos &&
                      all_in(text, "0123456789_:");
  return number ? "a number" : "";
}

SourceName wrong_name(YamlKeys& keys, const YamlNode& node, std::string_view what, NameOf of) {
  std::string hint;
  if (node.kind == Kind::scalar && !node.text.empty()) {
    std::string near = node.text.substr(0, limits::name_bytes_max);
    if (of == NameOf::thing) near = lower(near);
    for (char& c : near) {
      if (!valid({&c, 1}, of)) c = '_';
    }
    hint = fmt::format("; try \"{}\"", near);
  }
  keys.error(node.at,
             of == NameOf::item
                 ? fmt::format("{}: expected the id of an item, 1 to {} letters, digits, \"_\", "
                               "\".\", \"-\", \":\" or \"/\", {}{}",
                               what, limits::name_bytes_max, found(node), hint)
                 : fmt::format("{}: expected a name of 1 to {} characters a-z, 0-9, \"_\", \".\" "
                               "or \"-\", {}{}",
                               what, limits::name_bytes_max, found(node), hint));
  return {{}, node.at};
}

void warn_of_old_tools(YamlKeys& keys, const YamlNode& node) {
  const std::string_view other = taken_by_old_tools_for(node.text);
  if (other.empty()) return;
  keys.warning(node.at, fmt::format("the name \"{}\" is {} to YAML 1.1 tools; put it in quotes",
                                    node.text, other));
}

// "February 2026 has 28 days", for a date that the calendar does not have.
std::string no_such_day(std::string_view text) {
  using namespace std::chrono;
  static constexpr std::array<std::string_view, 12> months{
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return {};
  const auto year_value = parse_u64(text.substr(0, 4));
  const auto month_value = parse_u64(text.substr(5, 2));
  const auto day_value = parse_u64(text.substr(8, 2));
  if (!year_value || !month_value || !day_value) return {};
  if (*month_value < 1 || *month_value > 12) return "; a year has 12 months";
  const year_month_day_last last(year(static_cast<int>(*year_value)),
                                 month_day_last(month(static_cast<unsigned>(*month_value))));
  const auto days = static_cast<unsigned>(last.day());
  if (*day_value >= 1 && *day_value <= days) return {};
  return fmt::format("; {} {} has {} days", months[*month_value - 1], *year_value, days);
}

}  // namespace

bool valid_name(std::string_view text) noexcept {
  return !text.empty() && text.size() <= limits::name_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                  c == '-';
         });
}

bool valid_item(std::string_view text) noexcept {
  return !text.empty() && text.size() <= limits::name_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return valid_name({&c, 1}) || (c >= 'A' && c <= 'Z') || c == ':' || c == '/';
         });
}

SourceName read_name(YamlKeys& keys, const YamlNode& node, std::string_view what, NameOf of) {
  if (node.kind != Kind::scalar || !valid(node.text, of)) return wrong_name(keys, node, what, of);
  if (!node.quoted) {
    const std::string_view other = taken_for(node.text);
    if (!other.empty()) {
      keys.error(node.at, fmt::format("{}: {} is {} to other YAML tools; put it in quotes: \"{}\"",
                                      what, node.text, other, node.text));
      return {{}, node.at};
    }
    warn_of_old_tools(keys, node);
  }
  return {node.text, node.at};
}

SourceName read_key_name(YamlKeys& keys, const YamlNode& node, std::string_view what, NameOf of) {
  if (node.kind != Kind::scalar || !valid(node.text, of)) return wrong_name(keys, node, what, of);
  if (!node.quoted) warn_of_old_tools(keys, node);
  return {node.text, node.at};
}

std::optional<std::int64_t> read_time(YamlKeys& keys, const YamlNode& node, std::string_view key,
                                      const Zone* zone) {
  if (node.kind == Kind::scalar) {
    const bool date_alone = node.text.size() == 10;
    const auto time_us = parse_time_us(node.text);
    if (time_us && !(date_alone && zone != nullptr)) return time_us;
    const auto local_us = date_alone ? time_us : parse_time_us(node.text + "Z");
    if (local_us && zone != nullptr) {
      const std::int64_t found_us = zone->at_local(*local_us).time_us;
      // Else it could not be written so that it can be read again.
      if (parse_time_us(format_time_us(found_us)) == found_us) return found_us;
    } else if (local_us) {
      keys.error(node.at, fmt::format("{}: \"{}\" has no offset and the file has no zone; write "
                                      "zone: Europe/Berlin or {}+01:00",
                                      key, node.text, node.text));
      return {};
    }
  }
  const std::string advice = node.kind == Kind::scalar ? no_such_day(node.text) : "";
  keys.error(node.at, fmt::format("{}: expected a time such as 2026-11-23T18:30:00Z or "
                                  "2026-11-23T18:30:00+02:00, {}{}",
                                  key, found(node), advice));
  return {};
}

std::optional<std::int32_t> read_time_of_day(YamlKeys& keys, const YamlNode& node,
                                             std::string_view key) {
  const std::string& text = node.text;
  const bool shaped = node.kind == Kind::scalar && text.size() == 5 && text[2] == ':';
  const auto hour = shaped ? parse_u64(text.substr(0, 2)) : std::nullopt;
  const auto minute = shaped ? parse_u64(text.substr(3, 2)) : std::nullopt;
  if (hour && minute && *hour <= 23 && *minute <= 59) {
    return static_cast<std::int32_t>(*hour * 60 + *minute);
  }
  const auto number = whole_number(node);
  if (number && *number >= 60 && *number < 24 * 60) {
    const std::string meant = fmt::format("{:02}:{:02}", *number / 60, *number % 60);
    keys.error(node.at, fmt::format("{}: found {}; a tool may have read {} as a number, put it in "
                                    "quotes: \"{}\"",
                                    key, *number, meant, meant));
    return {};
  }
  std::string_view advice;
  if (text == "24:00") advice = "; midnight is \"00:00\" of the next day";
  if (text.size() == 4 && text[1] == ':') advice = "; write two digits for the hour";
  keys.error(node.at, fmt::format("{}: expected a time of day from \"00:00\" to \"23:59\", {}{}",
                                  key, found(node), advice));
  return {};
}

std::optional<std::int64_t> read_duration(YamlKeys& keys, const YamlNode& node,
                                          std::string_view key, const DurationBounds& bounds) {
  if (node.kind == Kind::scalar && node.text.size() >= 2) {
    static constexpr std::string_view units = "smhd";
    static constexpr std::array<std::int64_t, 4> seconds{1, 60, 3'600, 86'400};
    const auto unit = units.find(node.text.back());
    const std::string_view number = std::string_view(node.text).substr(0, node.text.size() - 1);
    const auto count = number.front() == '0' ? std::nullopt : parse_u64(number);
    if (unit != std::string_view::npos && count && *count <= 9'999'999) {
      const std::int64_t time_us = static_cast<std::int64_t>(*count) * seconds[unit] * second_us;
      if (time_us >= bounds.low_us && time_us <= bounds.high_us) return time_us;
      keys.error(node.at, fmt::format("{}: expected {}, {}", key, bounds.text, found(node)));
      return {};
    }
  }
  const std::string_view advice = whole_number(node) ? "; add the unit: s, m, h or d" : "";
  keys.error(node.at, fmt::format("{}: expected a duration such as 90m, 6h or 2d, {}{}", key,
                                  found(node), advice));
  return {};
}

SourceName read_world(YamlKeys& keys, const YamlNode& node, std::string_view key) {
  const auto id = node.kind == Kind::scalar && !node.quoted ? parse_u64(node.text) : std::nullopt;
  if (id && *id >= 1 && *id <= std::numeric_limits<model::WorldId>::max()) {
    return {std::to_string(*id), node.at};
  }
  if (id) {
    keys.error(node.at, fmt::format("{}: an id is from 1 to {}, {}", key,
                                    std::numeric_limits<model::WorldId>::max(), found(node)));
    return {"", node.at};
  }
  if (node.kind == Kind::scalar && valid_item(node.text)) {
    return read_name(keys, node, key, NameOf::item);
  }
  keys.error(node.at,
             fmt::format("{}: expected the name of a world or its id, {}", key, found(node)));
  return {"", node.at};
}

std::optional<bool> read_flag(YamlKeys& keys, const YamlNode& node, std::string_view key) {
  const bool plain = node.kind == Kind::scalar && !node.quoted;
  if (plain && node.text == "true") return true;
  if (plain && node.text == "false") return false;
  keys.error(node.at, fmt::format("{}: expected true or false, {}", key, found(node)));
  return {};
}

std::optional<std::int32_t> read_hint_radius(YamlKeys& keys, const YamlNode& node) {
  const auto tiles = whole_number(node);
  if (tiles && *tiles <= static_cast<std::uint64_t>(limits::hint_radius_tiles_max)) {
    return static_cast<std::int32_t>(*tiles);
  }
  keys.error(node.at, fmt::format("hint_radius: expected a whole number of tiles from 0 to {}, {}",
                                  limits::hint_radius_tiles_max, found(node)));
  return {};
}

std::optional<model::Range> read_range(YamlKeys& keys, const YamlNode& node, std::string_view key,
                                       std::uint32_t high, std::string_view zero) {
  const bool text = node.kind == Kind::scalar;
  const std::size_t dots = text ? node.text.find("..") : std::string::npos;
  const auto number = dots == std::string::npos ? whole_number(node) : std::nullopt;
  auto low = number;
  auto top = number;
  if (dots != std::string::npos) {
    low = plain_number(node.text.substr(0, dots));
    top = plain_number(node.text.substr(dots + 2));
  }
  if (!low || !top) {
    keys.error(node.at, fmt::format("{}: expected a whole number or a range such as 5..8, {}{}",
                                    key, found(node), range_advice(node)));
  } else if (*low > *top) {
    keys.error(node.at,
               fmt::format("{}: {}..{} is empty; write {}..{}", key, *low, *top, *top, *low));
  } else if (*top > high) {
    keys.error(node.at,
               fmt::format("{}: expected numbers from 0 to {}, {}", key, high, found(node)));
  } else if (*top == 0) {
    keys.error(node.at, fmt::format("{}: {} {}", key, node.text, zero));
  } else {
    return model::Range{static_cast<std::uint32_t>(*low), static_cast<std::uint32_t>(*top)};
  }
  return {};
}

std::optional<model::Chance> read_chance(YamlKeys& keys, const YamlNode& node) {
  const auto share = node.kind == Kind::scalar ? share_of(node.text) : std::nullopt;
  if (!share) {
    keys.error(node.at, fmt::format("chance: expected a percent with at most 7 decimals such as "
                                    "5 %, or a fraction of numbers up to {} such as 1/400, {}{}",
                                    with_commas(limits::chance_denominator_max), found(node),
                                    chance_advice(node)));
    return {};
  }
  const auto [numerator, denominator] = *share;
  if (numerator > 0 && numerator < denominator) {
    const std::uint64_t common = std::gcd(numerator, denominator);
    return model::Chance{static_cast<std::uint32_t>(numerator / common),
                         static_cast<std::uint32_t>(denominator / common)};
  }
  const std::string_view what = numerator == 0            ? "is never; remove the pool"
                                : numerator > denominator ? "is more than certain"
                                                          : "is certain; leave chance out";
  keys.error(node.at, fmt::format("chance: {} {}", node.text, what));
  return {};
}

std::uint64_t read_weight(YamlKeys& keys, const YamlNode& node) {
  const auto value = whole_number(node);
  if (value && *value >= 1 && *value <= limits::weight_max) return *value;
  const std::string_view text = node.text;
  std::string_view advice = node.kind == Kind::scalar ? underscore_advice(node) : "";
  if (value && *value == 0) {
    advice = "; it could never be drawn: leave the entry out";
  } else if (node.quoted && looks_like_number(text)) {
    advice = "; remove the quotes";
  } else if (text.starts_with('-') && looks_like_number(text.substr(1))) {
    advice = "; a weight cannot be negative";
  } else if (text.ends_with('%') && looks_like_number(text.substr(0, text.size() - 1))) {
    advice =
        "; weights are relative, not percents: leave out the % sign; for an absolute chance make a "
        "pool with chance: 5 %";
  } else if (looks_like_number(text) && text.find('.') != std::string_view::npos) {
    advice = "; weights are relative: multiply all weights of the table, 0.5 and 1.5 is 1 and 3";
  } else if (looks_like_number(text) && text.size() > 9) {
    advice = "; weights are relative: divide all weights of the table";
  }
  keys.error(node.at, fmt::format("weight: expected a whole number from 1 to {}, {}{}",
                                  limits::weight_max, found(node), advice));
  return 0;
}

}  // namespace hunt::rules
