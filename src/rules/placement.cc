#include "rules/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "base/result.h"
#include "base/text.h"

namespace hunt::rules {

namespace {

// The words that one occurrence is placed by.
class Words {
 public:
  Words(Bytes seed, const std::string& event, std::uint32_t placement, std::uint32_t occurrence)
      : mac_(seed) {
    constexpr std::string_view begin = "hunt-place";
    message_.assign(begin.begin(), begin.end());
    message_.push_back(0);
    message_.insert(message_.end(), event.begin(), event.end());
    message_.push_back(0);
    put(placement);
    put(occurrence);
    block_at_ = message_.size();
  }

  // Without bias: a word of the last, incomplete round is not taken.
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t reject = (0 - bound) % bound;  // 2^64 mod bound
    std::uint64_t word = next();
    while (word > ~reject) word = next();
    return word % bound;
  }

 private:
  void put(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      message_.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  }

  std::uint64_t next() {
    if (left_ == 0) {
      message_.resize(block_at_);
      put(block_++);
      words_ = mac_.of(message_);
      left_ = 4;
    }
    const std::size_t at = 8 * (4 - left_--);
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i) word = (word << 8) | words_[at + i];
    return word;
  }

  HmacSha256 mac_;
  std::vector<std::uint8_t> message_;
  std::size_t block_at_ = 0;
  std::uint32_t block_ = 0;
  std::uint32_t left_ = 0;
  Digest256 words_{};
};

// Whether a tile is far enough from all that were placed: at most one lies in each cell whose side
// is that distance, so the nine cells around are enough.
class Spacing {
 public:
  explicit Spacing(const Placement& placement)
      : low_(placement.area.low), apart_(placement.apart_tiles) {}

  [[nodiscard]] bool fits(model::Tile tile) const {
    const std::int64_t cell_x = cell(tile.x, low_.x);
    const std::int64_t cell_y = cell(tile.y, low_.y);
    for (std::int64_t y = cell_y - 1; y <= cell_y + 1; ++y) {
      for (std::int64_t x = cell_x - 1; x <= cell_x + 1; ++x) {
        const auto other = cells_.find(key(x, y));
        if (other != cells_.end() && near(tile, other->second)) return false;
      }
    }
    return true;
  }
  void add(model::Tile tile) {
    cells_.emplace(key(cell(tile.x, low_.x), cell(tile.y, low_.y)), tile);
  }

 private:
  [[nodiscard]] std::int64_t cell(std::int32_t at, std::int32_t low) const {
    return (std::int64_t{at} - low) / apart_;
  }
  [[nodiscard]] static std::uint64_t key(std::int64_t x, std::int64_t y) {
    return static_cast<std::uint64_t>(x) << 32 | (static_cast<std::uint64_t>(y) & 0xffff'ffffU);
  }
  [[nodiscard]] bool near(model::Tile a, model::Tile b) const {
    const std::int64_t x = std::int64_t{a.x} - b.x;
    const std::int64_t y = std::int64_t{a.y} - b.y;
    return std::max(x < 0 ? -x : x, y < 0 ? -y : y) < apart_;
  }

  model::Tile low_;
  std::int64_t apart_;
  std::unordered_map<std::uint64_t, model::Tile> cells_;
};

}  // namespace

std::uint64_t room_for(const model::TileRect& area, std::uint32_t apart_tiles) {
  const auto along = [apart_tiles](std::uint64_t tiles) {
    return (tiles + apart_tiles - 1) / apart_tiles;
  };
  return along(width_of(area)) * along(height_of(area));
}

std::uint64_t room_for(const model::TileRect& area, const std::vector<model::TileRect>& except,
                       std::uint32_t apart_tiles) {
  std::uint64_t room = room_for(area, apart_tiles);
  for (const auto& one : except) {
    const model::Tile low{std::max(area.low.x, one.low.x), std::max(area.low.y, one.low.y)};
    const model::Tile high{std::min(area.high.x, one.high.x), std::min(area.high.y, one.high.y)};
    if (low.x > high.x || low.y > high.y) continue;
    // The strips below and above it, and what is left of them on both sides.
    std::uint64_t around = 0;
    if (low.y > area.low.y) {
      around += room_for({area.low, {area.high.x, low.y - 1}}, apart_tiles);
    }
    if (high.y < area.high.y) {
      around += room_for({{area.low.x, high.y + 1}, area.high}, apart_tiles);
    }
    if (low.x > area.low.x) {
      around += room_for({{area.low.x, low.y}, {low.x - 1, high.y}}, apart_tiles);
    }
    if (high.x < area.high.x) {
      around += room_for({{high.x + 1, low.y}, {area.high.x, high.y}}, apart_tiles);
    }
    room = std::min(room, around);
  }
  return room;
}

std::uint64_t tries_max(const Placement& placement) {
  return std::max(tries_at_least, tries_per_spawn_max * placement.spawns);
}

std::optional<model::TimeWindow> occurrence(const model::EventRules& event,
                                            const Placement& placement, std::uint32_t number) {
  HUNT_ASSERT(number >= 1);
  if (placement.every_us == 0) return event.window();
  const std::int64_t before = number - 1;
  if (before > (event.ends_us - event.starts_us) / placement.every_us) return {};
  const std::int64_t opens_us = event.starts_us + before * placement.every_us;
  if (opens_us >= event.ends_us) return {};
  return model::TimeWindow{opens_us, std::min(opens_us + placement.every_us, event.ends_us)};
}

std::optional<std::uint64_t> occurrences_of(const model::EventRules& event,
                                            const Placement& placement) {
  if (placement.every_us == 0) return 1;
  if (event.ends_us == model::time_us_max) return {};
  const std::int64_t whole_us = event.ends_us - event.starts_us;
  return static_cast<std::uint64_t>((whole_us - 1) / placement.every_us + 1);
}

std::vector<std::uint32_t> occurrences_due(const model::EventRules& event,
                                           const Placement& placement, std::int64_t now_us,
                                           std::int64_t until_us) {
  std::uint32_t number = 1;
  if (placement.every_us != 0 && now_us > event.starts_us) {
    number = static_cast<std::uint32_t>((now_us - event.starts_us) / placement.every_us) + 1;
  }
  std::vector<std::uint32_t> due;
  for (auto window = occurrence(event, placement, number); window;
       window = occurrence(event, placement, ++number)) {
    if (!due.empty() && window->opens_us > until_us) break;
    if (!window->closed(now_us)) due.push_back(number);
    if (placement.every_us == 0) break;
  }
  return due;
}

Placed place(Bytes event_seed, const std::string& event, const Placement& placement,
             std::uint32_t occurrence, TakenTiles& taken) {
  Words words(event_seed, event, placement.number, occurrence);
  Spacing spacing(placement);
  const std::uint64_t width = width_of(placement.area);
  const std::uint64_t height = height_of(placement.area);
  const std::uint64_t most = tries_max(placement);
  Placed placed;
  while (placed.tiles.size() < placement.spawns && placed.tries < most) {
    ++placed.tries;
    const auto x = static_cast<std::int64_t>(words.below(width));
    const auto y = static_cast<std::int64_t>(words.below(height));
    const model::Tile tile{static_cast<std::int32_t>(placement.area.low.x + x),
                           static_cast<std::int32_t>(placement.area.low.y + y)};
    const bool excepted =
        std::any_of(placement.except.begin(), placement.except.end(),
                    [tile](const model::TileRect& one) { return one.contains(tile); });
    if (excepted || !spacing.fits(tile)) continue;
    if (!taken.insert(model::tile_id_of(tile).value).second) continue;
    spacing.add(tile);
    placed.tiles.push_back(tile);
  }
  return placed;
}

std::string supply_text(const Placement& placement) {
  std::string out =
      fmt::format("{} {} in {}, for {} {} each", with_commas(placement.spawns),
                  placement.spawns == 1 ? "place" : "places", placement.world,
                  with_commas(placement.budget), placement.budget == 1 ? "player" : "players");
  constexpr std::int64_t hour_us = 3'600'000'000;
  const std::int64_t every = placement.every_us;
  if (every != 0 && every % (24 * hour_us) == 0) {
    out += every == 24 * hour_us ? ", anew every day"
                                 : fmt::format(", anew every {} days", every / (24 * hour_us));
  } else if (every != 0) {
    out += fmt::format(", anew every {} minutes", every * 60 / hour_us);
  }
  return out;
}

std::string placement_text(const Placement& placement) {
  const auto area_text = [](const model::TileRect& area) {
    return fmt::format("[{}, {}] to [{}, {}]", area.low.x, area.low.y, area.high.x, area.high.y);
  };
  std::string out = supply_text(placement) + ", from " + area_text(placement.area);
  for (const auto& area : placement.except) out += " except " + area_text(area);
  if (placement.apart_tiles > 1) out += fmt::format(", {} apart", placement.apart_tiles);
  return out;
}

std::string burial_key(const std::string& event, const Placement& placement,
                       std::uint32_t occurrence, std::size_t spawn) {
  return fmt::format("{}/{}/{}/{}", event, placement.number, occurrence, spawn);
}

}  // namespace hunt::rules
