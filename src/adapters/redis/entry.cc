#include "adapters/redis/entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "codec/chunk_blob.h"
#include "model/outside.h"

namespace hunt::redis {

namespace {

constexpr std::int64_t life_ms = limits::chunk_life_ns / 1'000'000;
constexpr std::int64_t lease_ms_max = limits::cache_lease_ns_max / 1'000'000;

tl::unexpected<Error> odd(model::ChunkKey key) {
  return fail(Errc::corrupt,
              fmt::format("the cache's entry of chunk {}:{} cannot be read", key.world, key.chunk));
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

std::string field_of(model::TileId tile) {
  const model::Tile at = model::tile_of(tile);
  return fmt::format("{},{}", at.x, at.y);
}

Result<Fill> read_fill(std::string_view value, model::ChunkKey key) {
  const auto parts = numbered(value);
  if (!parts || parts->first > limits::cache_ms_max || parts->second > limits::epoch_max) {
    return odd(key);
  }
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
  if (change.epoch > limits::epoch_max) return odd(key);
  const bool fits = model::order_of(change.epoch, change.row.version) == parts->first;
  if (!fits || field_of(change.row.tile) != field) return odd(key);
  return change;
}

Result<Glance> glance_at(const Reply& hash, const ports::CacheAsk& ask, std::int64_t now_ms,
                         std::string_view owner) {
  if (hash.kind != Reply::Kind::list || hash.list.size() % 2 != 0) return odd(ask.key);
  std::optional<Fill> fill;
  std::vector<model::TileChange> changes;
  std::int64_t leased_until_ms = 0;
  bool is_ours = owner.empty() || hash.list.empty();
  for (std::size_t i = 0; i < hash.list.size(); i += 2) {
    const std::string& field = hash.list[i].text;
    const std::string& value = hash.list[i + 1].text;
    if (field == "#") {
      HUNT_TRY(read, read_fill(value, ask.key));
      fill = std::move(read);
    } else if (field == "l") {
      leased_until_ms = parse_i64(value).value_or(0);
    } else if (field == "h") {
      is_ours = is_ours || value == owner;
    } else if (field != "e") {
      HUNT_TRY(change, read_change(field, value, ask.key));
      changes.push_back(std::move(change));
    }
  }
  if (!is_ours) return odd(ask.key);
  Glance out;
  out.chunk.cache_ms = now_ms;
  if (fill) {
    // Nobody fills for longer than a life: what says so is not ours, or is of before the clock was
    // set back.
    if (fill->expires_ms - now_ms > life_ms) return odd(ask.key);
    const auto later = [&](const auto& change) { return change.epoch > fill->rows.epoch; };
    out.chunk.complete = now_ms < fill->expires_ms && fill->rows.epoch >= ask.epoch_min &&
                         std::none_of(changes.begin(), changes.end(), later);
  }
  const bool wanted = !out.chunk.complete || fill->expires_ms - now_ms < refresh_ms;
  out.lease_free = wanted && (leased_until_ms <= now_ms || leased_until_ms > now_ms + lease_ms_max);
  if (!out.chunk.complete) return out;
  out.chunk.life_ns = (fill->expires_ms - now_ms) * 1'000'000;
  out.chunk.rows.key = ask.key;
  out.chunk.rows.epoch = fill->rows.epoch;
  out.chunk.rows.rows = merged(*fill, changes);
  return out;
}

}  // namespace hunt::redis
