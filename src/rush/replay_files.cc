#include "rush/replay_files.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <vector>

#include "base/sha256.h"
#include "base/text.h"
#include "model/limits.h"

namespace hunt::rush {

namespace {

model::PlayerId player_named(const std::string& name) {
  if (const auto id = model::parse_uuid(name)) return *id;
  const std::string text = "hunt trace player " + name;
  const auto digest =
      Sha256().of({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  return model::id_from_bytes(digest.data());
}

Result<model::WorldId> world_named(const std::string& name) {
  model::WorldId id = 0;
  const char* end = name.data() + name.size();
  const auto [at, failed] = std::from_chars(name.data(), end, id);
  if (failed == std::errc{} && at == end && id > 0) return id;
  return fail(Errc::invalid_argument,
              fmt::format("world is \"{}\"; a recording knows worlds by their ids, expected a "
                          "number from 1",
                          printable(name)),
              "world");
}

// Ids for the names of a trace, as they come.
class Ids {
 public:
  Result<void> meet(const codec::TraceReader& trace) {
    for (std::size_t i = players.size(); i < trace.players().size(); ++i) {
      players.push_back(player_named(trace.players()[i]));
    }
    for (std::size_t i = worlds.size(); i < trace.worlds().size(); ++i) {
      HUNT_TRY(world, world_named(trace.worlds()[i]));
      worlds.push_back(world);
    }
    return {};
  }
  std::vector<model::PlayerId> players;
  std::vector<model::WorldId> worlds;
};

}  // namespace

Result<Converted> import_trace(codec::TraceReader& trace, codec::RecordingWriter& recording) {
  Converted out;
  Ids ids;
  std::vector<model::TraceRow> rows;
  model::Batch batch;
  std::int64_t batch_ms = 0;
  const auto write = [&]() -> Result<void> {
    out.positions += batch.positions.size();
    recording.block().add_batch(batch_ms, 0, codec::Way::imported, batch);
    batch.positions.clear();
    return recording.keep_bounded();
  };
  while (true) {
    HUNT_TRY(more, trace.next(rows));
    if (!more) break;
    HUNT_CHECK(ids.meet(trace));
    for (const auto& row : rows) {
      const model::WorldId world = ids.worlds[row.world];
      const bool fits = row.t_ms == batch_ms && world == batch.world &&
                        batch.positions.size() < limits::batch_positions_max;
      if (!fits) HUNT_CHECK(write());
      batch.world = world;
      batch_ms = row.t_ms;
      batch.positions.push_back({ids.players[row.player], row.tile, row.kind});
    }
  }
  HUNT_CHECK(write());
  if (out.positions == 0) return fail(Errc::invalid_argument, "the trace has no rows");
  HUNT_CHECK(recording.flush());
  out.bytes = recording.bytes();
  out.cut_bytes = trace.cut_bytes();
  return out;
}

Result<Converted> export_trace(codec::TraceReader& trace, bool json_lines, codec::OutputFile& out) {
  Converted done;
  std::vector<model::TraceRow> rows;
  std::string text = json_lines ? "" : "t_ms,player,world,x,y,kind\n";
  while (true) {
    HUNT_TRY(more, trace.next(rows));
    if (!more) break;
    for (const auto& row : rows) {
      const std::string& player = trace.players()[row.player];
      const std::string& world = trace.worlds()[row.world];
      const char* kind = row.kind == model::Kind::dig ? "dig" : "step";
      if (json_lines) {
        fmt::format_to(std::back_inserter(text),
                       R"({{"t_ms":{},"player":"{}","world":{},"x":{},"y":{},"kind":"{}"}})"
                       "\n",
                       row.t_ms, player, world, row.tile.x, row.tile.y, kind);
      } else {
        fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{}\n", row.t_ms, player, world,
                       row.tile.x, row.tile.y, kind);
      }
    }
    done.positions += rows.size();
    HUNT_CHECK(out.write(text));
    text.clear();
  }
  HUNT_CHECK(out.write(text));
  HUNT_CHECK(out.close());
  done.cut_bytes = trace.cut_bytes();
  return done;
}

}  // namespace hunt::rush
