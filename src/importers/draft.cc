#include "importers/draft.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>

#include "base/text.h"

namespace hunt::importers {

namespace {

constexpr std::size_t problems_max = 50;
constexpr std::size_t name_bytes_max = 64;

bool is_item_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' ||
         c == ':' || c == '/';
}

// What a comment may hold: nothing ends the line.
std::string plain(const std::string& text) {
  std::string out;
  for (const char c : text) out += c >= ' ' && c <= '~' ? c : '?';
  return out;
}

std::string range_text(Range range) {
  return range.low == range.high ? fmt::format("{}", range.low)
                                 : fmt::format("{}..{}", range.low, range.high);
}

void write_notes(std::string& out, std::string_view indent, const std::vector<std::string>& notes) {
  for (const auto& note : notes) out += fmt::format("{}# {}\n", indent, plain(note));
}

}  // namespace

std::optional<Fraction> product(Fraction a, Fraction b) noexcept {
  const std::uint64_t left = std::gcd(a.numerator, b.denominator);
  const std::uint64_t right = std::gcd(b.numerator, a.denominator);
  Fraction out;
  if (__builtin_mul_overflow(a.numerator / left, b.numerator / right, &out.numerator) ||
      __builtin_mul_overflow(a.denominator / right, b.denominator / left, &out.denominator) ||
      out.denominator > denominator_max) {
    return {};
  }
  return out;
}

std::optional<Fraction> sum(Fraction a, Fraction b) noexcept {
  const std::uint64_t common = std::gcd(a.denominator, b.denominator);
  std::uint64_t left = 0;
  std::uint64_t right = 0;
  Fraction out;
  if (__builtin_mul_overflow(a.numerator, b.denominator / common, &left) ||
      __builtin_mul_overflow(b.numerator, a.denominator / common, &right) ||
      __builtin_add_overflow(left, right, &out.numerator) ||
      __builtin_mul_overflow(a.denominator, b.denominator / common, &out.denominator)) {
    return {};
  }
  const std::uint64_t divisor = std::gcd(out.numerator, out.denominator);
  return Fraction{out.numerator / divisor, out.denominator / divisor};
}

Fraction rest_of(Fraction chance) noexcept {
  return {chance.denominator - chance.numerator, chance.denominator};
}

std::string Draft::free_name(const std::string& wanted) {
  std::string name = wanted.substr(0, name_bytes_max);
  for (int& i = numbers_[wanted]; by_name_.count(name) != 0;) {
    const std::string end = fmt::format(".{}", ++i + 1);
    name = wanted.substr(0, name_bytes_max - end.size()) + end;
  }
  return name;
}

bool Draft::count_entry(const Place& place) {
  if (++counted_ <= entries_max) return !gives_up_;
  if (!gives_up_) problem(place, fmt::format("more than {} entries", with_commas(entries_max)));
  gives_up_ = true;
  return false;
}

void Draft::problem(Place place, std::string text) {
  if (problems_.size() < problems_max) {
    problems_.push_back({std::move(place), std::move(text)});
  } else {
    gives_up_ = true;
  }
}

void Draft::begin(const std::string& table, const Place& place) {
  const auto [at, fresh] = by_name_.emplace(table, tables_.size());
  if (!fresh) {
    return problem(place, fmt::format("there is a table \"{}\" already ({})", table,
                                      places_[at->second].file));
  }
  if (tables_.size() == tables_max) {
    problem(place, fmt::format("more than {} tables", with_commas(tables_max)));
    gives_up_ = true;
  }
  tables_.push_back({table, {}, {}, {}});
  places_.push_back(place);
}

void Draft::fill(Table table) {
  const std::size_t at = by_name_.at(table.name);
  const auto gives_none = [](const Entry& entry) {
    return entry.kind == Entry::Kind::nothing || entry.count.high == 0;
  };
  std::erase_if(table.always, gives_none);
  for (auto& pool : table.pools) {
    for (auto& entry : pool.draw) {
      if (!gives_none(entry)) continue;
      std::vector<std::string> notes = std::move(entry.notes);
      entry = nothing(entry.weight);
      entry.notes = std::move(notes);
    }
  }
  std::erase_if(table.pools, [](const Pool& pool) {
    return pool.rolls.high == 0 || pool.chance.is_zero() || pool.draw.empty();
  });
  if (table.always.empty() && table.pools.empty()) {  // others may draw from it
    table.pools.push_back({{1, 1}, {1, 1}, false, {nothing()}});
  }
  entries_ += table.always.size();
  for (const auto& pool : table.pools) entries_ += pool.draw.size();
  if (entries_ > entries_max) {
    problem(places_[at],
            fmt::format("more than {} entries in all tables", with_commas(entries_max)));
    gives_up_ = true;
  }
  tables_[at] = std::move(table);
}

std::string Draft::table_name(std::string_view path, const Place& place) {
  constexpr std::string_view vanilla = "minecraft:";
  if (path.starts_with(vanilla)) path.remove_prefix(vanilla.size());
  std::string name;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    name += c == '/' || c == ':' || c == ' ' ? '.' : static_cast<char>(std::tolower(byte));
  }
  const bool good =
      !name.empty() && name.size() <= name_bytes_max &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
      });
  if (!good) {
    problem(place, fmt::format("\"{}\" cannot be the name of a table: expected 1 to {} letters, "
                               "digits, _ . - and / between them",
                               printable(path), name_bytes_max));
  }
  return name;
}

std::string Draft::item_name(std::string_view id, const Place& place) {
  if (id.empty() || id.size() > name_bytes_max ||
      !std::all_of(id.begin(), id.end(), is_item_char)) {
    problem(place, fmt::format("\"{}\" cannot be an item: expected 1 to {} letters, digits and "
                               "_ - . : /",
                               printable(id), name_bytes_max));
  }
  return std::string(id);
}

bool Draft::may_be_empty(const Entry& entry, std::map<std::string, bool>& known,
                         std::size_t depth) const {
  if (entry.kind == Entry::Kind::nothing || entry.count.low == 0) return true;
  if (entry.kind == Entry::Kind::item) return false;
  const auto at = by_name_.find(entry.name);
  return at != by_name_.end() && may_be_empty(tables_[at->second], known, depth + 1);
}

bool Draft::may_be_empty(const Table& table, std::map<std::string, bool>& known,
                         std::size_t depth) const {
  if (depth > depth_max) return true;
  if (const auto at = known.find(table.name); at != known.end()) return at->second;
  const auto empty = [&](const Entry& entry) { return may_be_empty(entry, known, depth); };
  const bool result = std::all_of(table.always.begin(), table.always.end(), empty) &&
                      std::all_of(table.pools.begin(), table.pools.end(), [&](const Pool& pool) {
                        return !pool.chance.is_one() || pool.rolls.low == 0 ||
                               std::any_of(pool.draw.begin(), pool.draw.end(), empty);
                      });
  known[table.name] = result;
  return result;
}

// Weights are whole numbers of ours: all of a pool by their common denominator.
void Draft::make_whole(Pool& pool, const Place& place) {
  std::uint64_t common = 1;
  bool fits = true;
  for (const auto& entry : pool.draw) {
    const std::uint64_t more =
        entry.weight.denominator / std::gcd(common, entry.weight.denominator);
    fits = fits && !__builtin_mul_overflow(common, more, &common);
  }
  std::uint64_t divisor = 0;
  for (auto& entry : pool.draw) {
    std::uint64_t& whole = entry.weight.numerator;
    fits = fits && !__builtin_mul_overflow(whole, common / entry.weight.denominator, &whole);
    entry.weight.denominator = 1;
    divisor = std::gcd(divisor, whole);
  }
  if (fits && common > 1 && divisor > 1) {
    for (auto& entry : pool.draw) entry.weight.numerator /= divisor;
  }
  fits = fits && std::all_of(pool.draw.begin(), pool.draw.end(), [](const Entry& entry) {
           return entry.weight.numerator <= weight_max;
         });
  if (!fits) {
    problem(place, fmt::format("its weights have too many digits: as whole numbers one would be "
                               "above {}",
                               with_commas(weight_max)));
  }
}

void Draft::write_entry(std::string& out, const Entry& entry, bool weighted) const {
  const std::string indent(weighted ? 10 : 6, ' ');
  write_notes(out, indent, entry.notes);
  out += indent + "- {";
  if (entry.kind == Entry::Kind::nothing) {
    out += "nothing: true";
  } else {
    // In quotes: to tools that read YAML 1.1 "no" is false.
    out +=
        fmt::format("{}: \"{}\"", entry.kind == Entry::Kind::item ? "item" : "table", entry.name);
  }
  if (weighted) out += fmt::format(", weight: {}", entry.weight.numerator);
  const bool one = entry.count.low == 1 && entry.count.high == 1;
  if (entry.kind == Entry::Kind::item && !one) {
    out += fmt::format(", count: {}", range_text(entry.count));
  }
  out += "}\n";
}

ImportResult Draft::write() && {
  for (const auto& [table, place] : needed_) {
    if (by_name_.count(table) == 0) {
      problem(place, fmt::format("it draws from \"{}\", which is in none of the files: name its "
                                 "file, too",
                                 table));
    }
  }
  if (tables_.empty() && problems_.empty()) problem({}, "there is no table in these files");
  for (std::size_t i = 0; i < tables_.size(); ++i) {
    for (auto& pool : tables_[i].pools) make_whole(pool, places_[i]);
  }
  if (!problems_.empty()) return tl::unexpected(std::move(problems_));
  std::string out = fmt::format("event: \"{}\"\ntables:\n", options_.event);
  std::map<std::string, bool> known;
  for (const auto& table : tables_) {
    write_notes(out, "  ", table.notes);
    out += fmt::format("  \"{}\":\n", table.name);
    if (may_be_empty(table, known, 0)) out += "    may_be_empty: true\n";
    if (!table.always.empty()) out += "    always:\n";
    for (const auto& entry : table.always) write_entry(out, entry, false);
    out += table.pools.empty() ? "" : "    pools:\n";
    for (const auto& pool : table.pools) {
      write_notes(out, "      ", pool.notes);
      std::string keys;
      if (pool.rolls.low != 1 || pool.rolls.high != 1) {
        keys += fmt::format("rolls: {}\n        ", range_text(pool.rolls));
      }
      if (!pool.chance.is_one()) {
        keys +=
            fmt::format("chance: {}/{}\n        ", pool.chance.numerator, pool.chance.denominator);
      }
      if (pool.distinct) keys += "distinct: true\n        ";
      out += fmt::format("      - {}draw:\n", keys);
      for (const auto& entry : pool.draw) write_entry(out, entry, true);
    }
  }
  return Imported{std::move(out), std::move(remarks_)};
}

}  // namespace hunt::importers
