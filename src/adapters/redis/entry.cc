#include "adapters/redis/entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "codec/chunk_blob.h"

namespace hunt::redis {

namespace {

tl::unexpected<Error> odd(model::ChunkKey key) {
  return fail(Errc::corrupt, fmt::format("the cache's entry {} cannot be read", key_of(key)));
}

struct Numbered {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::string_view rest;
};

// "first|second|rest"
std::optional<Numbered> numbered(std::string_view value) {
  const std::size_t one = value.find('|');
  if (one == std::string_view::npos) return std::nullopt;
  const std::size_t two = value.find('|', one + 1);
  if (two == std::string_view::npos) return std::nullopt;
  const auto first = parse_u64(value.substr(0, one));
  const auto second = parse_u64(value.substr(one + 1, two - one - 1));
  if (!first || !second) return std::nullopt;
  return Numbered{*first, *second, value.substr(two + 1)};
}

// Both in order of their tiles; the larger V wins.
std::vector<model::TileRow> merged(Fill& fill, std::vector<model::TileChange>& changes) {
  if (changes.empty()) return std::move(fill.rows.rows);
  std::sort(changes.begin(), changes.end(),
            [](const auto& a, const auto& b) { return a.row.tile < b.row.tile; });
  std::vector<model::TileRow> out;
  auto change = changes.begin();
  for (auto& row : fill.rows.rows) {
    for (; change != changes.end() && change->row.tile < row.tile; ++change) {
      out.push_back(std::move(change->row));
    }
    const bool changed = change != changes.end() && change->row.tile == row.tile;
    const bool newer = changed && model::order_of(change->epoch, change->row.version) >
                                      model::order_of(fill.rows.epoch, row.version);
    out.push_back(std::move(newer ? change->row : row));
    if (changed) ++change;
  }
  for (; change != changes.end(); ++change) out.push_back(std::move(change->row));
  return out;
}

}  // namespace

std::string key_of(model::ChunkKey key) {
  return fmt::format("hunt:{{{}:{}}}:c", key.world, key.chunk);
}

std::string field_of(model::TileId tile) {
  const model::Tile at = model::tile_of(tile);
  return fmt::format("{},{}", at.x, at.y);
}

Result<Fill> read_fill(std::string_view value, model::ChunkKey key) {
  const auto parts = numbered(value);
  if (!parts || parts->first > INT64_MAX) return odd(key);
  Fill fill;
  fill.expires_ms = static_cast<std::int64_t>(parts->first);
  fill.rows.key = key;
  fill.rows.epoch = parts->second;
  HUNT_TRY(rows, codec::read_rows(parts->rest, key.chunk));
  fill.rows.rows = std::move(rows);
  return fill;
}

Result<model::TileChange> read_change(std::string_view field, std::string_view value,
                                      model::ChunkKey key) {
  const auto parts = numbered(value);
  if (!parts) return odd(key);
  HUNT_TRY(rows, codec::read_rows(parts->rest, key.chunk));
  if (rows.size() != 1) return odd(key);
  model::TileChange change;
  change.world = key.world;
  change.row = std::move(rows.front());
  change.epoch = parts->first >> 40;
  const bool fits = model::order_of(change.epoch, change.row.version) == parts->first;
  if (!fits || field_of(change.row.tile) != field) return odd(key);
  return change;
}

Result<ports::CachedChunk> read_entry(const Reply& reply, model::ChunkKey key) {
  if (reply.list.size() < 3 || reply.list[2].kind != Reply::Kind::integer) return odd(key);
  ports::CachedChunk out;
  out.complete = reply.list[0].integer == 1;
  out.leased = reply.list[1].integer == 1;
  out.cache_ms = reply.list[2].integer;
  if (!out.complete) return out;
  if (reply.list.size() < 4 || reply.list[3].list.size() % 2 != 0) return odd(key);
  const std::vector<Reply>& hash = reply.list[3].list;
  std::optional<Fill> fill;
  std::vector<model::TileChange> changes;
  for (std::size_t i = 0; i < hash.size(); i += 2) {
    const std::string& field = hash[i].text;
    if (field == "#") {
      HUNT_TRY(read, read_fill(hash[i + 1].text, key));
      fill = std::move(read);
    } else if (field != "e" && field != "l") {
      HUNT_TRY(change, read_change(field, hash[i + 1].text, key));
      changes.push_back(std::move(change));
    }
  }
  if (!fill) return odd(key);
  out.life_ns = (fill->expires_ms - out.cache_ms) * 1'000'000;
  out.rows.key = key;
  out.rows.epoch = fill->rows.epoch;
  out.rows.rows = merged(*fill, changes);
  return out;
}

}  // namespace hunt::redis
