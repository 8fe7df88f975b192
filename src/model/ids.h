// Identities: players (UUIDs), claims (128 bits), spawns, seeds.
//
// Not how a claim id is made (engine/claim_id.h). Values: copied and compared, nothing else.
#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hunt::model {

// 128 bits, big-endian when written as bytes or text.
struct Id128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend auto operator<=>(const Id128&, const Id128&) = default;
};

using PlayerId = Id128;         // a UUID
using ClaimId = Id128;          // the first 128 bits of a SHA-256
using SpawnId = std::uint64_t;  // shard << 48 | durable sequence; 0 is "no spawn"
using SeedId = std::uint64_t;   // first 64 bits of SHA-256(event seed)
using Version = std::uint64_t;  // of a tile's row, from 1, bumped by the store

[[nodiscard]] std::array<std::uint8_t, 16> to_bytes(Id128 id) noexcept;
[[nodiscard]] Id128 id_from_bytes(const std::uint8_t* sixteen_bytes) noexcept;

// Players: "8-4-4-4-12" hexadecimal, any case, any version. Nothing when it is no UUID.
[[nodiscard]] std::optional<PlayerId> parse_uuid(std::string_view text) noexcept;
[[nodiscard]] std::string format_uuid(PlayerId player);

// Claims: 32 hexadecimal digits.
[[nodiscard]] std::optional<ClaimId> parse_claim_id(std::string_view text) noexcept;
[[nodiscard]] std::string format_claim_id(ClaimId claim);

// Seeds and rules versions are shown as 16 hexadecimal digits.
[[nodiscard]] std::string format_u64_hex(std::uint64_t value);
[[nodiscard]] std::optional<std::uint64_t> parse_u64_hex(std::string_view text) noexcept;

struct Id128Hash {
  // The ids are random bits already (claims) or mixed here (players may be sequential).
  [[nodiscard]] std::size_t operator()(const Id128& id) const noexcept {
    std::uint64_t z = id.low ^ (id.high * 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    return static_cast<std::size_t>(z ^ (z >> 31));
  }
};

}  // namespace hunt::model
