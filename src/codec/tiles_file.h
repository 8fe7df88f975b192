// Tiles files: loot to bury, from CSV or JSON Lines, and rows of a store written back as either.
//
// Columns: x, y, table, budget and optionally key, opens, closes (RFC 3339 times). Not the JSON of
// the HTTP routes, and no check that the table exists: the file does not know the rules. Written
// rows carry no key (a store does not list keys) and the budget of the burial, not what is left.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/row_reader.h"
#include "model/spawn.h"

namespace hunt::codec {

struct TilesOptions {
  static constexpr std::uint64_t tiles_max = 5'000'000;  // about 600 MB
  OnBad on_bad = OnBad::abort;
  FileFormat format = FileFormat::detect;
};

struct TilesFile {
  std::vector<model::Burial> tiles;  // at least one; no two on one tile
  std::vector<std::uint64_t> rows;   // where each stands in the file
  BadRows bad;                       // with OnBad::skip
};

// Errors name the file and the row: not_found, io, corrupt, too_large (tiles_max), and
// invalid_argument (columns, a bad row, a tile that stands twice, no rows). A wrong header or no
// good row is an error with OnBad::skip too.
[[nodiscard]] Result<TilesFile> read_tiles(LineReader lines, TilesOptions options);
[[nodiscard]] Result<TilesFile> read_tiles_file(const std::string& path, TilesOptions options);

// Append to `out` what a file begins with (nothing for JSON Lines), and rows, page by page.
void write_tiles_header(FileFormat format, std::string& out);
void write_tiles(FileFormat format, std::span<const model::TileRow> rows, std::string& out);

}  // namespace hunt::codec
