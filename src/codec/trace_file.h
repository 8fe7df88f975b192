// Trace files: who walked where and when, recorded by a game, from CSV or JSON Lines.
//
// Columns: t_ms (Unix milliseconds), player, world, x, y and optionally kind (step or dig).
// Fractional x and y are floored, negatives too. Rows must be in time order. Not the crowd made of
// them: load/walks.h. Whole in memory, 24 bytes a row.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/row_reader.h"
#include "model/trace.h"

namespace hunt::codec {

struct TraceOptions {
  static constexpr std::uint64_t rows_max = 50'000'000;  // 1.2 GB
  static constexpr std::size_t players_max = 1'000'000;
  static constexpr std::size_t worlds_max = 65'536;
  OnBad on_bad = OnBad::abort;
  FileFormat format = FileFormat::detect;
};

struct TraceFile {
  std::vector<model::TraceRow> rows;  // at least one
  std::vector<std::string> players;   // names, by TraceRow::player
  std::vector<std::string> worlds;    // names, by TraceRow::world
  BadRows bad;                        // with OnBad::skip
};

// Errors name the file and the row: not_found, io, corrupt, too_large (rows_max), and
// invalid_argument (columns, a bad row, no rows). A wrong header or no good row is an error with
// OnBad::skip too.
[[nodiscard]] Result<TraceFile> read_trace(LineReader lines, TraceOptions options);
[[nodiscard]] Result<TraceFile> read_trace_file(const std::string& path, TraceOptions options);

}  // namespace hunt::codec
