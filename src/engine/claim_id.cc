#include "engine/claim_id.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace hunt::engine {
namespace {

std::uint8_t* put_big_endian(std::uint8_t* out, std::uint64_t value, int bytes) noexcept {
  for (int i = bytes - 1; i >= 0; --i) *out++ = static_cast<std::uint8_t>(value >> (8 * i));
  return out;
}

}  // namespace

model::ClaimId ClaimIds::of(model::WorldId world, model::TileId tile, model::SpawnId spawn,
                            model::PlayerId player) {
  std::array<std::uint8_t, 5 + 4 + 8 + 8 + 16> message{'h', 'u', 'n', 't', '1'};
  std::uint8_t* at = message.data() + 5;
  at = put_big_endian(at, world, 4);
  at = put_big_endian(at, tile.value, 8);
  at = put_big_endian(at, spawn, 8);
  at = put_big_endian(at, player.high, 8);
  at = put_big_endian(at, player.low, 8);
  HUNT_ASSERT(at == message.data() + message.size());
  const Digest256 digest = sha_.of(message);
  return model::id_from_bytes(digest.data());
}

}  // namespace hunt::engine
