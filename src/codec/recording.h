// Recording: what a recorder saw on the bus, event by event, as `hunt replay` keeps it in a file.
//
// Values only: recording_writer.h writes them, recording_reader.h reads them back, and
// recording_blocks.h has the bytes. Times are wall milliseconds of the recorder and never go back.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/batch.h"
#include "model/claim.h"
#include "model/spawn.h"

namespace hunt::codec {

// How a batch came: asked (hunt.ask), stored (hunt.pos), or from a file of positions.
enum class Way : std::uint8_t { asked, stored, imported };
inline constexpr std::size_t way_count = 3;

struct RecordedPosition {
  std::uint32_t player = 0;  // into RecordingReader::players()
  model::Tile tile;
  model::Kind kind = model::Kind::step;
};

struct RecordedBatch {
  model::WorldId world = 0;
  std::uint32_t server = 0;  // the game server, by order of appearance; 0: not known
  Way way = Way::asked;
  std::vector<RecordedPosition> positions;  // 1 to limits::batch_positions_max
};

struct RecordedLoot {
  model::WorldId world = 0;
  model::TileRow row;
};

struct RecordedEvent {
  enum class Kind : std::uint8_t {
    batch,
    claim,  // a terminal outcome, as it was told
    loot,   // a tile's row, when the recording began or when it changed
    lost,   // so many batches the recorder could not keep
  };
  Kind kind = Kind::batch;
  std::int64_t t_ms = 0;
  RecordedBatch batch;
  // Player and claim are pseudonyms unless the reader has the key.
  model::ClaimEvent claim;
  std::uint32_t claim_player = 0;  // into RecordingReader::players()
  RecordedLoot loot;
  std::uint64_t lost = 0;
};

}  // namespace hunt::codec
