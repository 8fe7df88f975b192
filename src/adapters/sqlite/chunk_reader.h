// ChunkReader: the rows of chunks, one range scan each, all from one snapshot.
//
// Not a cache. Thread: one, that of its connection.
#pragma once
#include <vector>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/ranges.h"
#include "model/spawn.h"

namespace hunt::sqlite {

class ChunkReader {
 public:
  explicit ChunkReader(Connection& connection);
  [[nodiscard]] Result<std::vector<model::ChunkRows>> load(
      const std::vector<model::ChunkKey>& keys);

 private:
  Connection& connection_;
  Ranges ranges_;
  Statement rows_;
};

}  // namespace hunt::sqlite
