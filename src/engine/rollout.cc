#include "engine/rollout.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/result.h"
#include "model/limits.h"

namespace hunt::engine {

std::uint32_t Rollout::number_of(std::string_view event, model::PlayerId player) {
  constexpr std::string_view salt = "hunt-rollout";
  HUNT_ASSERT(event.size() <= limits::name_bytes_max);
  std::array<std::uint8_t, salt.size() + limits::name_bytes_max + 16> message{};
  auto* end = std::copy(salt.begin(), salt.end(), message.begin());
  end = std::copy(event.begin(), event.end(), end);
  const auto id = model::to_bytes(player);
  end = std::copy(id.begin(), id.end(), end);
  const auto size = static_cast<std::size_t>(end - message.data());
  const Digest256 digest = sha_.of(Bytes(message).first(size));
  return std::uint32_t{digest[0]} << 24 | std::uint32_t{digest[1]} << 16 |
         std::uint32_t{digest[2]} << 8 | digest[3];
}

}  // namespace hunt::engine
