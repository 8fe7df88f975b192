// ClaimIds: makes the id of a claim, the same wherever and however often it is made.
//
// Not a registry: a pure function of (world, tile, spawn, player). One claim per player and spawn
// follows from it. Owns a SHA-256 context, so: one object per thread; a call does not allocate.
#pragma once
#include "base/sha256.h"
#include "model/ids.h"
#include "model/tile.h"

namespace hunt::engine {

class ClaimIds {
 public:
  // The first 128 bits of SHA-256("hunt1" | world u32 | tile u64 | spawn u64 | player 16 bytes),
  // numbers big-endian, tile as the unsigned Z-order code. Test vectors (world, x, y, tile, spawn,
  // player: claim), also checked by claim_id_test.cc:
  //   1, 0, 0, 13835058055282163712, 1, 00000000-0000-0000-0000-000000000000:
  //     342674f9bae0cef2404122bf47ab73a6
  //   1, 10, -3, 7686143364045646566, 1, 01234567-89ab-cdef-0123-456789abcdef:
  //     2d8022772e7ea6ea960b0b766f266c08
  //   4294967295, 2147483647, -2147483648, 6148914691236517205, 844424930131975,
  //   ffffffff-ffff-4fff-bfff-ffffffffffff:
  //     922ce1e6280a3240ce747e490a02c404
  [[nodiscard]] model::ClaimId of(model::WorldId world, model::TileId tile, model::SpawnId spawn,
                                  model::PlayerId player);

 private:
  Sha256 sha_;
};

}  // namespace hunt::engine
