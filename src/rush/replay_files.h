// Traces into recordings and back: `hunt replay import` and `export`.
//
// Not the reading of either (codec/trace_reader.h). Players of a trace who are no UUIDs get one
// each that follows from their name. One thread.
#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"
#include "codec/output_file.h"
#include "codec/pseudonyms.h"
#include "codec/recording_writer.h"
#include "codec/trace_reader.h"

namespace hunt::rush {

struct Converted {
  std::uint64_t positions = 0;
  std::uint64_t bytes = 0;      // of the recording
  std::uint64_t cut_bytes = 0;  // of a recording that was read
};

// Rows of the same moment and world become a batch. Errors: those of codec::TraceReader and
// codec::RecordingWriter; invalid_argument (a world that is no id, no rows).
[[nodiscard]] Result<Converted> import_trace(codec::TraceReader& trace,
                                             codec::RecordingWriter& recording);
// As CSV, or as JSON Lines. Errors also: those of codec::OutputFile.
[[nodiscard]] Result<Converted> export_trace(codec::TraceReader& trace, bool json_lines,
                                             codec::OutputFile& out);

}  // namespace hunt::rush
