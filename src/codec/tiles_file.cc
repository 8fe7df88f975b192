#include "codec/tiles_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "codec/plain_text.h"
#include "model/limits.h"

namespace hunt::codec {
namespace {

enum : std::size_t {
  column_x,
  column_y,
  column_table,
  column_budget,
  column_key,
  column_opens,
  column_closes
};
constexpr std::array<Column, 7> columns = {
    {{"x"}, {"y"}, {"table"}, {"budget"}, {"key", false}, {"opens", false}, {"closes", false}}};

// What the rules accept as the name of a table.
bool is_table_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::name_bytes_max &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
                  c == '-';
         });
}

// Small numbers in few bytes: seven bits in each, the last one without the eighth.
char* put_number(char* at, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) *at++ = static_cast<char>(value | 0x80U);
  *at++ = static_cast<char>(value);
  return at;
}

std::uint64_t take_number(const char*& at) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
}

// Row, table and budget; opens, closes and key where they are given.
constexpr std::size_t packed_bytes_max = 3 * 10 + 1 + 2 * 8 + 10 + limits::burial_key_bytes_max;
enum : unsigned { has_opens = 1, has_closes = 2, has_key = 4 };

}  // namespace

void TilesFile::add(const model::Burial& burial, std::uint32_t table, std::uint64_t row) {
  if (block_bytes - block_used_ < packed_bytes_max) {
    blocks_.push_back(std::make_unique<char[]>(block_bytes));
    block_used_ = 0;
  }
  places_.push_back(
      {model::tile_id_of(burial.tile), (blocks_.size() - 1) * block_bytes + block_used_});
  char* const begin = &blocks_.back()[block_used_];
  char* at = put_number(begin, row);
  at = put_number(at, table);
  at = put_number(at, burial.budget);
  const bool opens = burial.opens_us != model::time_us_min;
  const bool closes = burial.closes_us != model::time_us_max;
  const bool key = !burial.key.empty();
  *at++ = static_cast<char>((opens ? has_opens : 0U) | (closes ? has_closes : 0U) |
                            (key ? has_key : 0U));
  const auto put_time = [&at](std::int64_t time_us) {
    std::memcpy(at, &time_us, sizeof time_us);
    at += sizeof time_us;
  };
  if (opens) put_time(burial.opens_us);
  if (closes) put_time(burial.closes_us);
  if (key) {
    at = put_number(at, burial.key.size());
    at += burial.key.copy(at, burial.key.size());
  }
  block_used_ += static_cast<std::size_t>(at - begin);
}

std::uint64_t TilesFile::row(std::size_t index) const {
  const char* at = packed(index);
  return take_number(at);
}

model::Burial TilesFile::burial(std::size_t index) const {
  const char* at = packed(index);
  take_number(at);  // the row
  model::Burial burial;
  burial.tile = model::tile_of(places_[index].tile);
  burial.table = tables_[take_number(at)];
  burial.budget = static_cast<std::uint32_t>(take_number(at));
  const auto given = static_cast<unsigned char>(*at++);
  const auto take_time = [&at](std::int64_t& time_us) {
    std::memcpy(&time_us, at, sizeof time_us);
    at += sizeof time_us;
  };
  if ((given & has_opens) != 0) take_time(burial.opens_us);
  if ((given & has_closes) != 0) take_time(burial.closes_us);
  burial.key = key(index);
  return burial;
}

std::string_view TilesFile::key(std::size_t index) const {
  const char* at = packed(index);
  for (int i = 0; i < 3; ++i) take_number(at);  // row, table and budget
  const auto given = static_cast<unsigned char>(*at++);
  if ((given & has_key) == 0) return {};
  if ((given & has_opens) != 0) at += sizeof(std::int64_t);
  if ((given & has_closes) != 0) at += sizeof(std::int64_t);
  const std::uint64_t size = take_number(at);
  return {at, size};
}

class TilesReader {
 public:
  TilesReader(LineReader lines, TilesOptions options)
      : rows_(std::move(lines), columns, options.format), options_(std::move(options)) {}

  Result<TilesFile> read() {
    std::optional<Error> stopped;
    while (!stopped) {
      auto more = rows_.next();
      if (more && !*more) break;
      auto read = more ? read_row() : Result<void>(tl::unexpected<Error>(more.error()));
      if (read) continue;
      const bool none = rows_.fatal() && out_.places_.empty();
      if (options_.on_bad == OnBad::abort || full_ || none) {
        stopped = std::move(read).error();
      } else {
        note_bad(rows_.row(), read.error().message);
      }
    }
    sort();  // also what a bad row has ended: a tile that stands twice may come before
    drop_repeated_keys();
    if (stopped && (bad_.empty() || options_.on_bad == OnBad::skip)) {
      return tl::unexpected<Error>(std::move(*stopped));
    }
    if (options_.on_bad == OnBad::abort && !bad_.empty()) {
      return fail(Errc::invalid_argument, bad_.front().message, "x");
    }
    for (Bad& one : bad_) out_.bad.messages.push_back(std::move(one.message));
    return finish();
  }

 private:
  struct Bad {
    std::uint64_t row = 0;
    std::string message;
  };
  struct Table {
    std::uint32_t number = 0;
    std::string trouble;
  };

  Result<TilesFile> finish() {
    if (!out_.places_.empty()) return std::move(out_);
    if (out_.bad.count == 0) {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: the file has no rows; expected columns x, y, table, budget",
                              rows_.name()));
    }
    return fail(Errc::invalid_argument,
                fmt::format("{}: none of the {} rows can be used; the first: {}", rows_.name(),
                            with_commas(out_.bad.count), out_.bad.messages.front()));
  }

  // Keeps the first ones of the file.
  void note_bad(std::uint64_t row, std::string message) {
    ++out_.bad.count;
    if (bad_.size() == BadRows::messages_max && bad_.back().row < row) return;
    const auto later = [](std::uint64_t at, const Bad& other) { return at < other.row; };
    bad_.insert(std::upper_bound(bad_.begin(), bad_.end(), row, later), {row, std::move(message)});
    if (bad_.size() > BadRows::messages_max) bad_.pop_back();
  }

  // By tile; of those on one tile the first of the file stays.
  void sort() {
    auto& places = out_.places_;
    std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
      return std::pair(a.tile, a.at) < std::pair(b.tile, b.at);
    });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (kept > 0 && places[i].tile == places[kept - 1].tile) {
        const model::Tile tile = model::tile_of(places[i].tile);
        const std::uint64_t row = out_.row(i);
        note_bad(row, fmt::format("{} row {}: tile ({}, {}) stands in row {} already", rows_.name(),
                                  row, tile.x, tile.y, out_.row(kept - 1)));
      } else {
        places[kept++] = places[i];
      }
    }
    places.resize(kept);
  }

  // A key is of one burial: of rows with the same the first of the file stays.
  void drop_repeated_keys() {
    struct Keyed {
      std::string_view key;
      std::uint64_t row = 0;
      std::size_t place = 0;
    };
    auto& places = out_.places_;
    std::vector<Keyed> keyed;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (const auto key = out_.key(i); !key.empty()) keyed.push_back({key, out_.row(i), i});
    }
    std::sort(keyed.begin(), keyed.end(), [](const Keyed& a, const Keyed& b) {
      return std::pair(a.key, a.row) < std::pair(b.key, b.row);
    });
    std::vector<bool> repeats(places.size(), false);
    for (std::size_t first = 0, i = 1; i < keyed.size(); ++i) {
      if (keyed[i].key != keyed[first].key) {
        first = i;
        continue;
      }
      repeats[keyed[i].place] = true;
      note_bad(keyed[i].row,
               fmt::format("{} row {}: the key \"{}\" stands in row {} already", rows_.name(),
                           keyed[i].row, printable(keyed[i].key), keyed[first].row));
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (!repeats[i]) places[kept++] = places[i];
    }
    places.resize(kept);
  }

  Result<void> read_row() {
    model::Burial burial;
    HUNT_TRY(x, rows_.whole_tile(column_x));
    HUNT_TRY(y, rows_.whole_tile(column_y));
    burial.tile = {x, y};
    HUNT_TRY(table, find_table(rows_.text(column_table)));
    const auto budget = parse_u64(rows_.text(column_budget));
    if (!budget || *budget < 1 || *budget > limits::budget_max) {
      return rows_.bad(fmt::format("budget is \"{}\", expected a whole number from 1 to {}",
                                   printable(rows_.text(column_budget)), limits::budget_max),
                       "budget");
    }
    burial.budget = static_cast<std::uint32_t>(*budget);
    if (rows_.text(column_key).size() > limits::burial_key_bytes_max) {
      return rows_.bad(fmt::format("key is longer than {} bytes", limits::burial_key_bytes_max),
                       "key");
    }
    if (has_control_bytes(rows_.text(column_key))) {
      return rows_.bad(
          fmt::format("key has control characters: \"{}\"", printable(rows_.text(column_key))),
          "key");
    }
    burial.key = rows_.text(column_key);
    HUNT_TRY(opens_us, read_time(column_opens, model::time_us_min));
    HUNT_TRY(closes_us, read_time(column_closes, model::time_us_max));
    if (closes_us <= opens_us) return rows_.bad("closes is not later than opens", "closes");
    burial.opens_us = opens_us;
    burial.closes_us = closes_us;
    if (out_.places_.size() >= TilesOptions::tiles_max) {
      full_ = true;
      return fail(Errc::too_large,
                  fmt::format("{} row {}: the file has more than {} tiles: split it", rows_.name(),
                              rows_.row(), with_commas(TilesOptions::tiles_max)));
    }
    out_.add(burial, table, rows_.row());
    return {};
  }

  Result<std::uint32_t> find_table(std::string_view name) {
    auto found = tables_.find(name);
    if (found == tables_.end()) {
      if (!is_table_name(name)) {
        return rows_.bad(
            fmt::format("table is \"{}\", expected 1 to {} of a-z, 0-9, '_', '.' and '-'",
                        printable(name), limits::name_bytes_max),
            "table");
      }
      if (out_.tables_.size() >= TilesOptions::tables_max) {
        full_ = true;
        return fail(Errc::too_large,
                    fmt::format("{} row {}: the file names more than {} tables", rows_.name(),
                                rows_.row(), with_commas(TilesOptions::tables_max)));
      }
      Table table{static_cast<std::uint32_t>(out_.tables_.size()),
                  options_.check_table ? options_.check_table(name) : std::string()};
      out_.tables_.emplace_back(name);
      found = tables_.emplace(name, std::move(table)).first;
    }
    if (!found->second.trouble.empty()) return rows_.bad(found->second.trouble, "table");
    return found->second.number;
  }

  Result<std::int64_t> read_time(std::size_t column, std::int64_t when_absent) const {
    const std::string_view text = rows_.text(column);
    if (text.empty()) return when_absent;
    const auto time_us = parse_time_us(text);
    if (time_us) return *time_us;
    return rows_.bad(fmt::format("{} is \"{}\", expected a time of the years 1970 to 9999 (UTC) "
                                 "such as 2026-11-23T18:30:00Z",
                                 columns[column].name, printable(text)),
                     columns[column].name);
  }

  RowReader rows_;
  TilesOptions options_;
  TilesFile out_;
  std::vector<Bad> bad_;                              // by row
  std::map<std::string, Table, std::less<>> tables_;  // by name
  bool full_ = false;
};

Result<TilesFile> read_tiles(LineReader lines, TilesOptions options) {
  return TilesReader(std::move(lines), std::move(options)).read();
}

Result<TilesFile> read_tiles_file(const std::string& path, TilesOptions options) {
  HUNT_TRY(lines, LineReader::open_file(path));
  return read_tiles(std::move(lines), std::move(options));
}

void write_tiles_header(FileFormat format, std::string& out) {
  if (format != FileFormat::jsonl) out += "x,y,table,budget,opens,closes\n";
}

std::size_t write_tiles(FileFormat format, std::span<const model::TileRow> rows, std::string& out) {
  std::size_t left_out = 0;
  for (const model::TileRow& row : rows) {
    const model::Tile tile = model::tile_of(row.tile);
    const bool opens_ever =
        row.opens_us < row.closes_us && row.opens_us <= written_time_us_max && row.closes_us >= 0;
    if (!opens_ever || !is_table_name(row.table)) {
      ++left_out;
      continue;
    }
    const std::string opens = row.opens_us >= 0 ? format_time_us(row.opens_us) : "";
    const std::string closes =
        row.closes_us <= written_time_us_max ? format_time_us(row.closes_us) : "";
    if (format == FileFormat::jsonl) {
      fmt::format_to(std::back_inserter(out), R"({{"x":{},"y":{},"table":"{}","budget":{})", tile.x,
                     tile.y, row.table, row.budget);
      if (!opens.empty()) fmt::format_to(std::back_inserter(out), R"(,"opens":"{}")", opens);
      if (!closes.empty()) fmt::format_to(std::back_inserter(out), R"(,"closes":"{}")", closes);
      out += "}\n";
    } else {
      fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{}\n", tile.x, tile.y, row.table,
                     row.budget, opens, closes);
    }
  }
  return left_out;
}

}  // namespace hunt::codec
