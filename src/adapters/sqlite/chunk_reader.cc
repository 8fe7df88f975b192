#include "adapters/sqlite/chunk_reader.h"

#include "adapters/sqlite/rows.h"

namespace hunt::sqlite {

ChunkReader::ChunkReader(Connection& connection)
    : connection_(connection),
      ranges_(connection),
      rows_(connection, "SELECT " HUNT_TILE_COLUMNS
                        " FROM loot_tiles t"
                        " WHERE t.world = ?1 AND t.tile_id BETWEEN ?2 AND ?3 ORDER BY t.tile_id") {}

Result<std::vector<model::ChunkRows>> ChunkReader::load(const std::vector<model::ChunkKey>& keys) {
  HUNT_TRY(snapshot, Snapshot::begin(connection_));
  HUNT_TRY(epochs, ranges_.epochs());
  std::vector<model::ChunkRows> chunks;
  chunks.reserve(keys.size());
  for (const auto& key : keys) {
    const model::TileId first{key.chunk << model::chunk_id_shift};
    const model::TileId last{first.value | ((std::uint64_t{1} << model::chunk_id_shift) - 1)};
    model::ChunkRows chunk;
    chunk.key = key;
    chunk.epoch = epochs.of(key.world, first);
    Cursor row = rows_.bind(key.world, first, last);
    for (;;) {
      HUNT_TRY(present, row.step());
      if (!present) break;
      chunk.rows.push_back(tile_row(row));
    }
    chunks.push_back(std::move(chunk));
  }
  return chunks;
}

}  // namespace hunt::sqlite
