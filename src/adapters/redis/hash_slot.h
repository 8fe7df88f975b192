// hash_slot(): which of a Redis Cluster's 16,384 slots a key belongs to.
//
// Not who owns the slot (servers.h). CRC16 (XMODEM) of what stands in the first {braces}, if
// anything does, else of the whole key, modulo 16,384: the Redis Cluster specification.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace hunt::redis {

inline constexpr std::size_t slot_count = 16'384;

namespace detail {
[[nodiscard]] constexpr std::array<std::uint16_t, 256> crc16_table() noexcept {
  std::array<std::uint16_t, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    auto crc = static_cast<std::uint16_t>(byte << 8);
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = (crc & 0x8000) != 0;
      crc = static_cast<std::uint16_t>(crc << 1);
      if (carry) crc ^= 0x1021;
    }
    table[byte] = crc;
  }
  return table;
}
inline constexpr std::array<std::uint16_t, 256> crc16 = crc16_table();
}  // namespace detail

[[nodiscard]] constexpr std::uint16_t hash_slot(std::string_view key) noexcept {
  const std::size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  std::uint16_t crc = 0;
  for (const char c : key) {
    const auto index = static_cast<std::uint8_t>((crc >> 8) ^ static_cast<std::uint8_t>(c));
    crc = static_cast<std::uint16_t>((crc << 8) ^ detail::crc16[index]);
  }
  return crc % slot_count;
}

}  // namespace hunt::redis
