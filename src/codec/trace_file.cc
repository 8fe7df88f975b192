#include "codec/trace_file.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <unordered_map>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::codec {
namespace {

enum : std::size_t { column_t, column_player, column_world, column_x, column_y, column_kind };
constexpr std::array<Column, 6> columns = {
    {{"t_ms"}, {"player"}, {"world"}, {"x"}, {"y"}, {"kind", false}}};
// Keeps times in microseconds and differences of two times inside int64.
constexpr std::int64_t t_ms_max = 253'402'300'799'999;  // the end of the year 9999

// Numbers for names, in order of first appearance.
class Names {
 public:
  // Nothing when there are `names_max` others already.
  std::optional<std::uint32_t> number_of(std::string_view name, std::size_t names_max) {
    // Files come in runs of the same name; that saves most look-ups.
    if (!names_.empty() && names_[last_] == name) return last_;
    std::string key(name);
    const auto found = numbers_.find(key);
    if (found != numbers_.end()) return last_ = found->second;
    if (names_.size() >= names_max) return {};
    last_ = static_cast<std::uint32_t>(names_.size());
    names_.push_back(key);
    numbers_.emplace(std::move(key), last_);
    return last_;
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::uint32_t last_ = 0;
};

class TraceReader {
 public:
  explicit TraceReader(LineReader lines, TraceOptions options)
      : rows_(std::move(lines), columns, options.format), options_(options) {}

  Result<TraceFile> read() {
    while (true) {
      auto more = rows_.next();
      if (more && !*more) break;
      auto read = more ? read_row() : Result<void>(tl::unexpected<Error>(more.error()));
      if (read) continue;
      if (options_.on_bad == OnBad::abort || must_stop(read.error())) {
        return tl::unexpected<Error>(std::move(read).error());
      }
      out_.bad.add(read.error());
    }
    if (out_.rows.empty()) return no_rows();
    out_.players = players_.take();
    out_.worlds = worlds_.take();
    out_.rows.shrink_to_fit();
    return std::move(out_);
  }

 private:
  // A wrong header, or more than fits: skipping rows does not help.
  bool must_stop(const Error& error) const {
    return error.field == over_limit || (rows_.fatal() && out_.rows.empty());
  }

  tl::unexpected<Error> no_rows() const {
    if (out_.bad.count > 0) {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: none of the {} rows can be used; the first: {}", rows_.name(),
                              with_commas(out_.bad.count), out_.bad.messages.front()));
    }
    return fail(Errc::invalid_argument,
                fmt::format("{}: the file has no rows; expected columns t_ms, player, world, x, y",
                            rows_.name()));
  }

  Result<void> read_row() {
    model::TraceRow row;
    HUNT_TRY(t_ms, read_time());
    HUNT_TRY(x, rows_.floor_tile(column_x));
    HUNT_TRY(y, rows_.floor_tile(column_y));
    HUNT_TRY(kind, read_kind());
    HUNT_TRY(player, read_name(column_player, players_, TraceOptions::players_max));
    HUNT_TRY(world, read_name(column_world, worlds_, TraceOptions::worlds_max));
    if (out_.rows.size() >= TraceOptions::rows_max) return too_many("rows", TraceOptions::rows_max);
    row.t_ms = t_ms;
    row.tile = {x, y};
    row.kind = kind;
    row.player = player;
    row.world = static_cast<std::uint16_t>(world);
    out_.rows.push_back(row);
    return {};
  }

  Result<std::int64_t> read_time() const {
    const auto t_ms = parse_i64(rows_.text(column_t));
    if (!t_ms || *t_ms < 0 || *t_ms > t_ms_max) {
      return rows_.bad(fmt::format("t_ms is \"{}\", expected Unix milliseconds (0 to {})",
                                   printable(rows_.text(column_t)), t_ms_max),
                       "t_ms");
    }
    if (!out_.rows.empty() && *t_ms < out_.rows.back().t_ms) {
      return rows_.bad(fmt::format("t_ms goes back from {} to {}; rows must be in time order",
                                   out_.rows.back().t_ms, *t_ms),
                       "t_ms");
    }
    return *t_ms;
  }

  Result<model::Kind> read_kind() const {
    const std::string_view text = rows_.text(column_kind);
    if (text.empty() || text == "step") return model::Kind::step;
    if (text == "dig") return model::Kind::dig;
    return rows_.bad(fmt::format("kind is \"{}\", expected step or dig", printable(text)), "kind");
  }

  Result<std::uint32_t> read_name(std::size_t column, Names& names, std::size_t names_max) {
    const std::string_view name = rows_.text(column);
    if (name.size() > limits::name_bytes_max) {
      return rows_.bad(
          fmt::format("{} is longer than {} bytes", columns[column].name, limits::name_bytes_max),
          columns[column].name);
    }
    const auto number = names.number_of(name, names_max);
    if (!number) return too_many(columns[column].name, names_max);
    return *number;
  }

  tl::unexpected<Error> too_many(std::string_view what, std::uint64_t count_max) const {
    return fail(Errc::too_large,
                fmt::format("{} row {}: the file has more than {} {}: split it", rows_.name(),
                            rows_.row(), with_commas(count_max), what),
                std::string(over_limit));
  }

  static constexpr std::string_view over_limit = "file";
  RowReader rows_;
  TraceOptions options_;
  TraceFile out_;
  Names players_;
  Names worlds_;
};

}  // namespace

Result<TraceFile> read_trace(LineReader lines, TraceOptions options) {
  return TraceReader(std::move(lines), options).read();
}

Result<TraceFile> read_trace_file(const std::string& path, TraceOptions options) {
  HUNT_TRY(lines, LineReader::open_file(path));
  return read_trace(std::move(lines), options);
}

}  // namespace hunt::codec
