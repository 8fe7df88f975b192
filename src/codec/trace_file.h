// Trace files whole in memory: who walked where and when, 24 bytes a row.
//
// Not the reading (trace_reader.h), which is row by row, and not the crowd made of them
// (load/walks.h).
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/trace_reader.h"
#include "model/trace.h"

namespace hunt::codec {

struct TraceFile {
  std::vector<model::TraceRow> rows;  // at least one
  std::vector<std::string> players;   // names, by TraceRow::player
  std::vector<std::string> worlds;    // names, by TraceRow::world
  BadRows bad;                        // with OnBad::skip
};

// Errors: those of TraceReader; too_large (TraceOptions::rows_max), invalid_argument (no rows).
[[nodiscard]] Result<TraceFile> read_trace(LineReader lines, TraceOptions options);
[[nodiscard]] Result<TraceFile> read_trace_file(const std::string& path, TraceOptions options);

}  // namespace hunt::codec
