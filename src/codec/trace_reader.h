// TraceReader: who walked where and when, row by row, from any file that tells it: a recording of
// `hunt replay`, CSV or JSON Lines, plain or gzip.
//
// Not the whole file in memory (trace_file.h) and not what else a recording tells
// (recording_reader.h). The columns of text: t_ms (Unix milliseconds), player, world, x, y and
// optionally kind (step or dig). Fractional x and y are floored, negatives too. Rows are in time
// order. Memory: the rows of one call, and the names: TraceOptions. Move-only; one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/row_reader.h"
#include "model/trace.h"

namespace hunt::codec {

struct TraceOptions {
  static constexpr std::uint64_t rows_max = 50'000'000;  // of a TraceFile: 1.2 GB
  static constexpr std::size_t players_max = 1'000'000;
  static constexpr std::size_t worlds_max = 65'536;
  OnBad on_bad = OnBad::abort;  // of text alone: a recording is whole, or cut at its end
  FileFormat format = FileFormat::detect;
};

class TraceReader {
 public:
  static constexpr std::size_t rows_per_call_max = 65'536;

  // What the file is shows in its first bytes; "-" and pipes are text. Errors: not_found, io,
  // corrupt, unsupported.
  [[nodiscard]] static Result<TraceReader> open_file(const std::string& path, TraceOptions options);
  [[nodiscard]] static TraceReader of_lines(LineReader lines, TraceOptions options);
  ~TraceReader();
  TraceReader(TraceReader&&) noexcept;
  TraceReader& operator=(TraceReader&&) noexcept;

  // The next rows, at least one, into `rows` (which it clears first); false at the end. A file
  // without any is no error here. Errors name the file and the row: io, corrupt, too_large, and
  // invalid_argument (columns, a bad row). A wrong header or no good row is one with OnBad::skip,
  // too. Nothing is read after one.
  [[nodiscard]] Result<bool> next(std::vector<model::TraceRow>& rows);

  // Names by TraceRow::player and TraceRow::world, of all rows so far. In a recording players are
  // pseudonyms and worlds are ids.
  [[nodiscard]] const std::vector<std::string>& players() const noexcept;
  [[nodiscard]] const std::vector<std::string>& worlds() const noexcept;
  // Rows that OnBad::skip left out so far.
  [[nodiscard]] const BadRows& bad() const noexcept;
  // Of a recording, at its end: what was cut there, as a killed recorder leaves it.
  [[nodiscard]] std::uint64_t cut_bytes() const noexcept;

  // Where rows come from. Internal.
  class Source;

 private:
  explicit TraceReader(std::unique_ptr<Source> source);
  std::unique_ptr<Source> source_;
};

}  // namespace hunt::codec
