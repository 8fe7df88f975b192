#include "codec/trace_file.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"

namespace hunt::codec {
namespace {

Result<TraceFile> read_all(TraceReader reader, const std::string& name) {
  TraceFile out;
  std::vector<model::TraceRow> rows;
  while (true) {
    HUNT_TRY(more, reader.next(rows));
    if (!more) break;
    if (out.rows.size() + rows.size() > TraceOptions::rows_max) {
      return fail(Errc::too_large,
                  fmt::format("{} has more than {} rows: split it", name,
                              with_commas(TraceOptions::rows_max)),
                  "file");
    }
    out.rows.insert(out.rows.end(), rows.begin(), rows.end());
  }
  if (out.rows.empty()) {
    return fail(
        Errc::invalid_argument,
        fmt::format("{}: the file has no rows; expected columns t_ms, player, world, x, y", name));
  }
  out.players = reader.players();
  out.worlds = reader.worlds();
  out.bad = reader.bad();
  out.rows.shrink_to_fit();
  return out;
}

}  // namespace

Result<TraceFile> read_trace(LineReader lines, TraceOptions options) {
  const std::string name = lines.name();
  return read_all(TraceReader::of_lines(std::move(lines), options), name);
}

Result<TraceFile> read_trace_file(const std::string& path, TraceOptions options) {
  HUNT_TRY(reader, TraceReader::open_file(path, options));
  return read_all(std::move(reader), path == "-" ? "standard input" : path);
}

}  // namespace hunt::codec
