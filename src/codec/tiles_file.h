// Tiles files: loot to bury, from CSV or JSON Lines, and rows of a store written back as either.
//
// Columns: x, y, table, budget and optionally key, opens, closes (RFC 3339 times). Not the JSON of
// the HTTP routes, and no rules: whether a table exists is asked of the caller. Written rows carry
// no key (a store does not list keys) and the budget of the burial, not what is left.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/row_reader.h"
#include "model/spawn.h"

namespace hunt::codec {

struct TilesOptions {
  static constexpr std::uint64_t tiles_max = 5'000'000;  // TilesFile has the bytes that they take
  static constexpr std::uint64_t tables_max = 65'536;
  OnBad on_bad = OnBad::abort;
  FileFormat format = FileFormat::detect;
  // What is wrong with a table, or nothing. Asked once for each; none: all are taken.
  std::function<std::string(std::string_view table)> check_table = {};
};

// The good rows of a file, in the order of their tiles, so that neighbours are buried together
// whatever the file's own order was; at least one, and no two on one tile or with one key.
// Bound: 16 bytes a tile and about 10 more, 8 for each time, and the key: 130 MB for tiles_max;
// while it is read 32 more for each key.
class TilesFile {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }
  // With `row`, where it stands in the file.
  [[nodiscard]] model::Burial burial(std::size_t index) const;
  [[nodiscard]] model::TileId tile(std::size_t index) const { return places_[index].tile; }
  // Lifetime: the file's. Empty: it has none.
  [[nodiscard]] std::string_view key(std::size_t index) const;
  [[nodiscard]] std::uint64_t row(std::size_t index) const;

  BadRows bad;  // with OnBad::skip

 private:
  friend class TilesReader;
  static constexpr std::size_t block_bytes = 1U << 20U;
  struct Place {
    model::TileId tile;
    std::uint64_t at = 0;  // where its packed rest begins: block and byte
  };
  [[nodiscard]] const char* packed(std::size_t index) const {
    return &blocks_[places_[index].at / block_bytes][places_[index].at % block_bytes];
  }
  void add(const model::Burial& burial, std::uint32_t table, std::uint64_t row);

  std::vector<Place> places_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t block_used_ = block_bytes;  // of the last one
  std::vector<std::string> tables_;
};

// Errors name the file and the row: not_found, io, corrupt, too_large (tiles_max), and
// invalid_argument (columns, a bad row, a tile or a key that stands twice, no rows). A wrong header
// or no good row is an error with OnBad::skip too.
[[nodiscard]] Result<TilesFile> read_tiles(LineReader lines, TilesOptions options);
[[nodiscard]] Result<TilesFile> read_tiles_file(const std::string& path, TilesOptions options);

// The latest time that a file can hold: the end of the year 9999, as parse_time_us() reads.
inline constexpr std::int64_t written_time_us_max = 253'402'300'799'999'999;

// Append to `out` what a file begins with (nothing for JSON Lines), and rows, page by page. What
// read_tiles() would refuse is left out: loot that never opens (it closes before), and tables whose
// names no rules can have. Returns how many that were. Times before 1970 and after 9999 are written
// as what they mean there: always open, or never.
void write_tiles_header(FileFormat format, std::string& out);
std::size_t write_tiles(FileFormat format, std::span<const model::TileRow> rows, std::string& out);

}  // namespace hunt::codec
