// RowReader: rows with named fields from CSV or JSON Lines, whichever the file turns out to be.
//
// Not a reader of values: a field is text, and the caller says what it must be. Not a general CSV
// parser: a row is one line, so a quoted field holds no line end. CSV starts with a header that
// names the columns in any order; JSON Lines has one flat object a line with the same names. Row
// numbers are line numbers, the header being row 1, so that an editor finds them; empty lines are
// skipped. One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/line_reader.h"

namespace hunt::codec {

enum class FileFormat : std::uint8_t { detect, csv, jsonl };
[[nodiscard]] std::optional<FileFormat> parse_file_format(std::string_view text) noexcept;

// What a bad row does to a file: abort keeps none of its rows, skip keeps all the others.
enum class OnBad : std::uint8_t { abort, skip };

struct BadRows {
  static constexpr std::size_t messages_max = 10;
  std::uint64_t count = 0;
  std::vector<std::string> messages;  // of the first ones
  void add(const Error& error);
};

struct Column {
  std::string_view name;
  bool required = true;
};

class RowReader {
 public:
  // Lifetime: `columns` outlives the reader (it is a constant table of the caller).
  RowReader(LineReader lines, std::span<const Column> columns, FileFormat format);
  ~RowReader();
  RowReader(RowReader&&) noexcept;
  RowReader& operator=(RowReader&&) = delete;

  // The next row; false at the end. Errors name the file, the row and the field. Reading may go on
  // after one unless fatal() is true: then the header is wrong or the file cannot be read further.
  [[nodiscard]] Result<bool> next();

  // The fields of the row, in the order of `columns`. Empty text: absent or null.
  [[nodiscard]] std::string_view text(std::size_t column) const noexcept;
  [[nodiscard]] std::uint64_t row() const noexcept { return lines_.row(); }
  [[nodiscard]] bool fatal() const noexcept { return fatal_ || lines_.broken(); }
  [[nodiscard]] const std::string& name() const noexcept { return lines_.name(); }

  // invalid_argument with "<file> row <n>: <what>".
  [[nodiscard]] tl::unexpected<Error> bad(std::string_view what, std::string_view field = {}) const;

  // Coordinates in tiles. Errors: not a decimal number, outside int32. floor_tile() also takes
  // fractions and floors them, so that -0.5 lies on tile -1; whole_tile() refuses them.
  [[nodiscard]] Result<std::int32_t> floor_tile(std::size_t column) const;
  [[nodiscard]] Result<std::int32_t> whole_tile(std::size_t column) const;

 private:
  struct Json;
  struct Field {
    std::size_t at = 0;
    std::size_t size = 0;
  };
  [[nodiscard]] Result<void> read_header(std::string_view line);
  [[nodiscard]] Result<void> read_csv(std::string_view line);
  [[nodiscard]] Result<void> read_json(std::string_view line);
  [[nodiscard]] Result<void> check_required() const;
  [[nodiscard]] Result<bool> split(std::string_view line);
  [[nodiscard]] std::optional<std::size_t> column_of(std::string_view column) const noexcept;
  [[nodiscard]] std::string known_columns() const;
  void put(std::size_t column, std::string_view value);

  LineReader lines_;
  std::span<const Column> columns_;
  FileFormat format_;
  bool started_ = false;
  bool fatal_ = false;
  std::vector<std::size_t> order_;  // CSV: the column of each cell
  std::vector<std::string> cells_;  // CSV: of the line being read
  std::size_t cell_count_ = 0;
  std::string values_;         // the row's texts, one after the other
  std::vector<Field> fields_;  // where each column's text lies in values_
  std::unique_ptr<Json> json_;
};

}  // namespace hunt::codec
