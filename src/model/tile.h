// Where things lie: tiles, tile ids (Morton codes) and chunks of 32 x 32 tiles.
//
// Not about what lies there (that is spawn.h). The codes are the protocol's: PROTOCOLS 1, with test
// vectors in docs/REFERENCE.md. All functions are total: any two int32 coordinates are a tile.
#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace hunt::model {

using WorldId = std::uint32_t;

struct Tile {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend auto operator<=>(const Tile&, const Tile&) = default;
};

// The 64-bit Z-order code of (x + 2^31, y + 2^31), x in the even bits.
struct TileId {
  std::uint64_t value = 0;
  friend auto operator<=>(const TileId&, const TileId&) = default;
};

inline constexpr int chunk_side_bits = 5;
inline constexpr std::int32_t chunk_side_tiles = 1 << chunk_side_bits;  // 32, as a Hytale chunk
inline constexpr int chunk_id_shift = 2 * chunk_side_bits;

// A chunk of a world; `chunk` is tile_id >> 10.
struct ChunkKey {
  WorldId world = 0;
  std::uint64_t chunk = 0;
  friend auto operator<=>(const ChunkKey&, const ChunkKey&) = default;
};

// Chunk coordinates: floor(x / 32), floor(y / 32). In [-2^26, 2^26).
struct ChunkAt {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend auto operator<=>(const ChunkAt&, const ChunkAt&) = default;
};

namespace detail {
// Spreads 32 bits to the even bits of 64 (the usual magic masks).
[[nodiscard]] constexpr std::uint64_t spread(std::uint32_t value) noexcept {
  std::uint64_t v = value;
  v = (v | (v << 16)) & 0x0000ffff0000ffffULL;
  v = (v | (v << 8)) & 0x00ff00ff00ff00ffULL;
  v = (v | (v << 4)) & 0x0f0f0f0f0f0f0f0fULL;
  v = (v | (v << 2)) & 0x3333333333333333ULL;
  v = (v | (v << 1)) & 0x5555555555555555ULL;
  return v;
}
[[nodiscard]] constexpr std::uint32_t gather(std::uint64_t v) noexcept {
  v &= 0x5555555555555555ULL;
  v = (v | (v >> 1)) & 0x3333333333333333ULL;
  v = (v | (v >> 2)) & 0x0f0f0f0f0f0f0f0fULL;
  v = (v | (v >> 4)) & 0x00ff00ff00ff00ffULL;
  v = (v | (v >> 8)) & 0x0000ffff0000ffffULL;
  v = (v | (v >> 16)) & 0x00000000ffffffffULL;
  return static_cast<std::uint32_t>(v);
}
inline constexpr std::uint32_t sign_flip = 0x80000000U;  // + 2^31 modulo 2^32
}  // namespace detail

[[nodiscard]] constexpr TileId tile_id_of(Tile tile) noexcept {
  return {detail::spread(static_cast<std::uint32_t>(tile.x) ^ detail::sign_flip) |
          (detail::spread(static_cast<std::uint32_t>(tile.y) ^ detail::sign_flip) << 1)};
}

[[nodiscard]] constexpr Tile tile_of(TileId id) noexcept {
  return {static_cast<std::int32_t>(detail::gather(id.value) ^ detail::sign_flip),
          static_cast<std::int32_t>(detail::gather(id.value >> 1) ^ detail::sign_flip)};
}

// SQL stores tile_id - 2^63 as bigint, so that signed order is the code's order.
[[nodiscard]] constexpr std::int64_t to_sql(TileId id) noexcept {
  return static_cast<std::int64_t>(id.value ^ (std::uint64_t{1} << 63));
}
[[nodiscard]] constexpr TileId from_sql(std::int64_t stored) noexcept {
  return {static_cast<std::uint64_t>(stored) ^ (std::uint64_t{1} << 63)};
}

[[nodiscard]] constexpr ChunkAt chunk_at(Tile tile) noexcept {
  return {tile.x >> chunk_side_bits, tile.y >> chunk_side_bits};
}

[[nodiscard]] constexpr ChunkKey chunk_of(WorldId world, TileId id) noexcept {
  return {world, id.value >> chunk_id_shift};
}

[[nodiscard]] constexpr ChunkKey chunk_key(WorldId world, ChunkAt at) noexcept {
  return chunk_of(world, tile_id_of({at.x * chunk_side_tiles, at.y * chunk_side_tiles}));
}

// The first tile (lowest x and y) of a chunk, and its coordinates.
[[nodiscard]] constexpr Tile first_tile(std::uint64_t chunk) noexcept {
  return tile_of({chunk << chunk_id_shift});
}
[[nodiscard]] constexpr ChunkAt chunk_at(std::uint64_t chunk) noexcept {
  return chunk_at(first_tile(chunk));
}

// The chunk (dx, dy) chunks away; the coordinate space wraps around at its edges, as int32 does.
[[nodiscard]] constexpr ChunkAt neighbour(ChunkAt at, std::int32_t dx, std::int32_t dy) noexcept {
  constexpr std::int32_t half = 1 << 26;
  const auto wrap = [](std::int32_t v) { return ((v + half) & (2 * half - 1)) - half; };
  return {wrap(at.x + dx), wrap(at.y + dy)};
}

// A chunk and the eight around it: what a position in it is answered from.
[[nodiscard]] constexpr std::array<ChunkKey, 9> nine_around(ChunkKey key) noexcept {
  const ChunkAt at = chunk_at(key.chunk);
  std::array<ChunkKey, 9> nine;
  for (std::int32_t i = 0; i < 9; ++i) {
    nine[static_cast<std::size_t>(i)] = chunk_key(key.world, neighbour(at, i % 3 - 1, i / 3 - 1));
  }
  return nine;
}

// A rectangle of tiles, both corners included.
struct TileRect {
  Tile low;
  Tile high;
  [[nodiscard]] constexpr bool contains(Tile t) const noexcept {
    return t.x >= low.x && t.x <= high.x && t.y >= low.y && t.y <= high.y;
  }
};

inline constexpr TileRect everywhere{
    {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::min()},
    {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max()}};

struct ChunkKeyHash {
  [[nodiscard]] std::size_t operator()(const ChunkKey& key) const noexcept {
    std::uint64_t z = key.chunk ^ (std::uint64_t{key.world} * 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    return static_cast<std::size_t>(z ^ (z >> 31));
  }
};

}  // namespace hunt::model
