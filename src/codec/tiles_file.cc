#include "codec/tiles_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <unordered_map>

#include "base/text.h"
#include "codec/json_replies.h"
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

class TilesReader {
 public:
  TilesReader(LineReader lines, TilesOptions options)
      : rows_(std::move(lines), columns, options.format), options_(options) {}

  Result<TilesFile> read() {
    while (true) {
      auto more = rows_.next();
      if (more && !*more) break;
      auto read = more ? read_row() : Result<void>(tl::unexpected<Error>(more.error()));
      if (read) continue;
      const bool stop = full_ || (rows_.fatal() && out_.tiles.empty());
      if (options_.on_bad == OnBad::abort || stop) {
        return tl::unexpected<Error>(std::move(read).error());
      }
      out_.bad.add(read.error());
    }
    if (!out_.tiles.empty()) return std::move(out_);
    if (out_.bad.count == 0) {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: the file has no rows; expected columns x, y, table, budget",
                              rows_.name()));
    }
    return fail(Errc::invalid_argument,
                fmt::format("{}: none of the {} rows can be used; the first: {}", rows_.name(),
                            with_commas(out_.bad.count), out_.bad.messages.front()));
  }

 private:
  Result<void> read_row() {
    model::Burial burial;
    HUNT_TRY(x, rows_.whole_tile(column_x));
    HUNT_TRY(y, rows_.whole_tile(column_y));
    burial.tile = {x, y};
    if (!is_table_name(rows_.text(column_table))) {
      return rows_.bad(
          fmt::format("table is \"{}\", expected 1 to {} of a-z, 0-9, '_', '.' and '-'",
                      printable(rows_.text(column_table)), limits::name_bytes_max),
          "table");
    }
    burial.table = rows_.text(column_table);
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
    burial.key = rows_.text(column_key);
    HUNT_TRY(opens_us, read_time(column_opens, model::time_us_min));
    HUNT_TRY(closes_us, read_time(column_closes, model::time_us_max));
    if (closes_us <= opens_us) return rows_.bad("closes is not later than opens", "closes");
    burial.opens_us = opens_us;
    burial.closes_us = closes_us;
    return keep(std::move(burial));
  }

  Result<void> keep(model::Burial burial) {
    if (out_.tiles.size() >= TilesOptions::tiles_max) {
      full_ = true;
      return fail(Errc::too_large,
                  fmt::format("{} row {}: the file has more than {} tiles: split it", rows_.name(),
                              rows_.row(), with_commas(TilesOptions::tiles_max)));
    }
    const auto [earlier, fresh] =
        row_of_.emplace(model::tile_id_of(burial.tile).value, rows_.row());
    if (!fresh) {
      return rows_.bad(fmt::format("tile ({}, {}) stands in row {} already", burial.tile.x,
                                   burial.tile.y, earlier->second),
                       "x");
    }
    out_.tiles.push_back(std::move(burial));
    out_.rows.push_back(rows_.row());
    return {};
  }

  Result<std::int64_t> read_time(std::size_t column, std::int64_t when_absent) const {
    const std::string_view text = rows_.text(column);
    if (text.empty()) return when_absent;
    const auto time_us = parse_time_us(text);
    if (time_us) return *time_us;
    return rows_.bad(fmt::format("{} is \"{}\", expected a time such as 2026-11-23T18:30:00Z",
                                 columns[column].name, printable(text)),
                     columns[column].name);
  }

  RowReader rows_;
  TilesOptions options_;
  TilesFile out_;
  std::unordered_map<std::uint64_t, std::uint64_t> row_of_;
  bool full_ = false;
};

// Table names are plain, but a store may have been filled by other means.
std::string csv_cell(std::string_view text) {
  if (is_table_name(text)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out += '"';
}

std::string time_text(std::int64_t time_us) {
  const bool open_ended = time_us == model::time_us_min || time_us == model::time_us_max;
  return open_ended ? std::string() : format_time_us(time_us);
}

}  // namespace

Result<TilesFile> read_tiles(LineReader lines, TilesOptions options) {
  return TilesReader(std::move(lines), options).read();
}

Result<TilesFile> read_tiles_file(const std::string& path, TilesOptions options) {
  HUNT_TRY(lines, LineReader::open_file(path));
  return read_tiles(std::move(lines), options);
}

void write_tiles_header(FileFormat format, std::string& out) {
  if (format != FileFormat::jsonl) out += "x,y,table,budget,opens,closes\n";
}

void write_tiles(FileFormat format, std::span<const model::TileRow> rows, std::string& out) {
  for (const model::TileRow& row : rows) {
    const model::Tile tile = model::tile_of(row.tile);
    const std::string opens = time_text(row.opens_us);
    const std::string closes = time_text(row.closes_us);
    if (format == FileFormat::jsonl) {
      fmt::format_to(std::back_inserter(out), R"({{"x":{},"y":{},"table":)", tile.x, tile.y);
      append_json_string(out, row.table);
      fmt::format_to(std::back_inserter(out), R"(,"budget":{})", row.budget);
      if (!opens.empty()) fmt::format_to(std::back_inserter(out), R"(,"opens":"{}")", opens);
      if (!closes.empty()) fmt::format_to(std::back_inserter(out), R"(,"closes":"{}")", closes);
      out += "}\n";
    } else {
      fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{}\n", tile.x, tile.y,
                     csv_cell(row.table), row.budget, opens, closes);
    }
  }
}

}  // namespace hunt::codec
