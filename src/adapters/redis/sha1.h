// sha1_hex(): the name under which Redis keeps a script.
//
// Not for anything secret: EVALSHA wants SHA-1, so SHA-1 it is. Bound: texts of scripts.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace hunt::redis {

[[nodiscard]] inline std::string sha1_hex(std::string_view text) {
  std::string message(text);
  message.push_back(static_cast<char>(0x80));
  while (message.size() % 64 != 56) message.push_back('\0');
  const std::uint64_t bits = text.size() * 8;
  for (int shift = 56; shift >= 0; shift -= 8) message.push_back(static_cast<char>(bits >> shift));
  std::array<std::uint32_t, 5> hash{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (std::size_t at = 0; at < message.size(); at += 64) {
    std::array<std::uint32_t, 80> word{};
    for (std::size_t i = 0; i < 64; ++i) {
      word[i / 4] = word[i / 4] << 8 | static_cast<std::uint8_t>(message[at + i]);
    }
    for (std::size_t i = 16; i < 80; ++i) {
      word[i] = std::rotl(word[i - 3] ^ word[i - 8] ^ word[i - 14] ^ word[i - 16], 1);
    }
    auto [a, b, c, d, e] = hash;
    for (std::size_t i = 0; i < 80; ++i) {
      std::uint32_t mix = b ^ c ^ d;
      std::uint32_t constant = i < 40 ? 0x6ed9eba1 : 0xca62c1d6;
      if (i < 20) {
        mix = (b & c) | (~b & d);
        constant = 0x5a827999;
      } else if (i >= 40 && i < 60) {
        mix = (b & c) | (b & d) | (c & d);
        constant = 0x8f1bbcdc;
      }
      const std::uint32_t next = std::rotl(a, 5) + mix + e + constant + word[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    hash = {hash[0] + a, hash[1] + b, hash[2] + c, hash[3] + d, hash[4] + e};
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::uint32_t part : hash) {
    for (int shift = 28; shift >= 0; shift -= 4) out.push_back(digits[part >> shift & 15]);
  }
  return out;
}

}  // namespace hunt::redis
