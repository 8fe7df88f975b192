#include "codec/trace_reader.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "codec/recording_reader.h"
#include "model/limits.h"

namespace hunt::codec {

class TraceReader::Source {
 public:
  Source() = default;
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  // Up to rows_per_call_max rows; none at the end.
  virtual Result<void> fill(std::vector<model::TraceRow>& rows) = 0;

  std::vector<std::string> players;
  std::vector<std::string> worlds;
  BadRows bad;
  std::uint64_t cut_bytes = 0;
};

namespace {

enum : std::size_t { column_t, column_player, column_world, column_x, column_y, column_kind };
constexpr std::array<Column, 6> columns = {
    {{"t_ms"}, {"player"}, {"world"}, {"x"}, {"y"}, {"kind", false}}};

// Numbers for names, in order of first appearance.
class Numbers {
 public:
  explicit Numbers(std::vector<std::string>& names) : names_(names) {}
  // Nothing when there are `names_max` others already.
  std::optional<std::uint32_t> of(std::string_view name, std::size_t names_max) {
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

 private:
  std::vector<std::string>& names_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::uint32_t last_ = 0;
};

class Lines final : public TraceReader::Source {
 public:
  Lines(LineReader lines, TraceOptions options)
      : rows_(std::move(lines), columns, options.format), options_(options) {}

  Result<void> fill(std::vector<model::TraceRow>& rows) override {
    while (rows.size() < TraceReader::rows_per_call_max) {
      auto more = rows_.next();
      if (more && !*more) return end();
      auto row = more ? read_row() : Result<model::TraceRow>(tl::unexpected<Error>(more.error()));
      if (row) {
        rows.push_back(*row);
        last_ms_ = row->t_ms;
        ++good_;
        continue;
      }
      if (options_.on_bad == OnBad::abort || must_stop(row.error())) {
        return tl::unexpected<Error>(std::move(row).error());
      }
      bad.add(row.error());
    }
    return {};
  }

 private:
  // A wrong header, or more than fits: skipping rows does not help.
  [[nodiscard]] bool must_stop(const Error& error) const {
    return error.field == over_limit || (rows_.fatal() && good_ == 0);
  }

  [[nodiscard]] Result<void> end() const {
    if (good_ > 0 || bad.count == 0) return {};
    return fail(Errc::invalid_argument,
                fmt::format("{}: none of the {} rows can be used; the first: {}", rows_.name(),
                            with_commas(bad.count), bad.messages.front()));
  }

  Result<model::TraceRow> read_row() {
    HUNT_TRY(t_ms, read_time());
    HUNT_TRY(x, rows_.floor_tile(column_x));
    HUNT_TRY(y, rows_.floor_tile(column_y));
    HUNT_TRY(kind, read_kind());
    HUNT_TRY(player, read_name(column_player, player_numbers_, TraceOptions::players_max));
    HUNT_TRY(world, read_name(column_world, world_numbers_, TraceOptions::worlds_max));
    return model::TraceRow{t_ms, {x, y}, player, static_cast<std::uint16_t>(world), kind};
  }

  Result<std::int64_t> read_time() const {
    const auto t_ms = parse_i64(rows_.text(column_t));
    if (!t_ms || *t_ms < 0 || *t_ms > trace_t_ms_max) {
      return rows_.bad(fmt::format("t_ms is \"{}\", expected Unix milliseconds (0 to {})",
                                   printable(rows_.text(column_t)), trace_t_ms_max),
                       "t_ms");
    }
    if (*t_ms < last_ms_) {
      return rows_.bad(
          fmt::format("t_ms goes back from {} to {}; rows must be in time order", last_ms_, *t_ms),
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

  Result<std::uint32_t> read_name(std::size_t column, Numbers& numbers, std::size_t names_max) {
    const std::string_view name = rows_.text(column);
    if (name.size() > limits::name_bytes_max) {
      return rows_.bad(
          fmt::format("{} is longer than {} bytes", columns[column].name, limits::name_bytes_max),
          columns[column].name);
    }
    const auto number = numbers.of(name, names_max);
    if (number) return *number;
    return fail(Errc::too_large,
                fmt::format("{} row {}: the file has more than {} {}: split it", rows_.name(),
                            rows_.row(), with_commas(names_max), columns[column].name),
                std::string(over_limit));
  }

  static constexpr std::string_view over_limit = "file";
  RowReader rows_;
  TraceOptions options_;
  Numbers player_numbers_{players};
  Numbers world_numbers_{worlds};
  std::int64_t last_ms_ = 0;
  std::uint64_t good_ = 0;
};

class Recorded final : public TraceReader::Source {
 public:
  explicit Recorded(RecordingReader reader) : reader_(std::move(reader)) {}

  Result<void> fill(std::vector<model::TraceRow>& rows) override {
    // A batch has no more than limits::batch_positions_max.
    while (rows.size() + limits::batch_positions_max <= TraceReader::rows_per_call_max) {
      HUNT_TRY(more, reader_.next(event_));
      if (!more) break;
      if (event_.kind != RecordedEvent::Kind::batch) continue;
      HUNT_TRY(world, world_number(event_.batch.world));
      for (const auto& position : event_.batch.positions) {
        rows.push_back({event_.t_ms, position.tile, position.player, world, position.kind});
      }
    }
    for (std::size_t i = players.size(); i < reader_.players().size(); ++i) {
      players.push_back(model::format_uuid(reader_.players()[i]));
    }
    cut_bytes = reader_.blocks().cut_bytes();
    return {};
  }

 private:
  Result<std::uint16_t> world_number(model::WorldId world) {
    const auto [at, added] =
        world_numbers_.try_emplace(world, static_cast<std::uint16_t>(worlds.size()));
    if (!added) return at->second;
    if (worlds.size() >= TraceOptions::worlds_max) {
      return fail(Errc::too_large,
                  fmt::format("{} has more than {} worlds", reader_.blocks().name(),
                              with_commas(TraceOptions::worlds_max)));
    }
    worlds.push_back(std::to_string(world));
    return at->second;
  }

  RecordingReader reader_;
  RecordedEvent event_;
  std::unordered_map<model::WorldId, std::uint16_t> world_numbers_;
};

}  // namespace

TraceReader::TraceReader(std::unique_ptr<Source> source) : source_(std::move(source)) {}
TraceReader::~TraceReader() = default;
TraceReader::TraceReader(TraceReader&&) noexcept = default;
TraceReader& TraceReader::operator=(TraceReader&&) noexcept = default;

Result<TraceReader> TraceReader::open_file(const std::string& path, TraceOptions options) {
  if (is_recording(path)) {
    HUNT_TRY(blocks, BlockReader::open_file(path));
    HUNT_TRY(reader, RecordingReader::open(std::move(blocks), {}));
    return TraceReader(std::make_unique<Recorded>(std::move(reader)));
  }
  HUNT_TRY(lines, LineReader::open_file(path));
  return of_lines(std::move(lines), options);
}

TraceReader TraceReader::of_lines(LineReader lines, TraceOptions options) {
  return TraceReader(std::make_unique<Lines>(std::move(lines), options));
}

Result<bool> TraceReader::next(std::vector<model::TraceRow>& rows) {
  rows.clear();
  HUNT_CHECK(source_->fill(rows));
  return !rows.empty();
}

const std::vector<std::string>& TraceReader::players() const noexcept {
  return source_->players;
}
const std::vector<std::string>& TraceReader::worlds() const noexcept {
  return source_->worlds;
}
const BadRows& TraceReader::bad() const noexcept {
  return source_->bad;
}
std::uint64_t TraceReader::cut_bytes() const noexcept {
  return source_->cut_bytes;
}

}  // namespace hunt::codec
