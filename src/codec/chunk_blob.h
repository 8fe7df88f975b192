// Rows of loot tiles of one chunk as compact bytes: what the shared cache keeps.
//
// Not a message between programs (that is flat_batch.h) and not for disks: whoever cannot read a
// blob loads the chunk from the store. The first byte is the version of the form; a table's name
// stands once, however many rows use it. Reading trusts nothing. Thread: any.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/spawn.h"

namespace hunt::codec {

// Requires: rows of one chunk, ordered by tile, no tile twice. Bound: 1,024 rows.
[[nodiscard]] std::string write_rows(std::span<const model::TileRow> rows);

// Rows of `chunk` (tile_id >> 10), in order. Errors: corrupt; unsupported (a newer form).
[[nodiscard]] Result<std::vector<model::TileRow>> read_rows(std::string_view bytes,
                                                            std::uint64_t chunk);

}  // namespace hunt::codec
