// ChunkIndex: (world, chunk x, chunk y) to Chunk*, in two steps like a page table: a small hash
// table of regions of 16 x 16 chunks, and in each region an array.
//
// Not an owner of chunks. Own code and not a library map because the hot loop reads it once per
// position: the table of regions is nearly empty, so that its first slot is nearly always the right
// one and the branch on it foreseen, and few regions hold all pointers of a world side by side.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/chunk.h"

namespace hunt::engine {

class ChunkIndex {
 public:
  ChunkIndex() : slots_(slots_min) {}

  [[nodiscard]] Chunk* find(model::WorldId world, model::ChunkAt at) const noexcept {
    return *place_of(world, at);
  }
  // Where find() reads, for those who fetch many places ahead of reading them. Never null.
  // Lifetime: until the next insert or erase.
  [[nodiscard]] Chunk* const* place_of(model::WorldId world, model::ChunkAt at) const noexcept {
    const Region* region = slot_of(world, region_of(at)).region.get();
    return region == nullptr ? &absent : &region->chunks[offset_of(at)];
  }

  // Requires: there is none at its place.
  void insert(Chunk* chunk) {
    if ((regions_ + 1) * emptiness > slots_.size()) rehash(slots_.size() * 2);
    Slot& slot = slot_of(chunk->world, region_of(chunk->at));
    if (slot.region == nullptr) {
      slot = {region_of(chunk->at), chunk->world, std::make_unique<Region>()};
      ++regions_;
    }
    slot.region->chunks[offset_of(chunk->at)] = chunk;
    ++slot.region->count;
    ++count_;
  }

  // Requires: it was inserted.
  void erase(const Chunk* chunk) noexcept {
    Slot& slot = slot_of(chunk->world, region_of(chunk->at));
    slot.region->chunks[offset_of(chunk->at)] = nullptr;
    --count_;
    if (--slot.region->count > 0) return;
    slot.region.reset();
    --regions_;
    close_gap(static_cast<std::size_t>(&slot - slots_.data()));
  }

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return slots_.size() * sizeof(Slot) + regions_ * sizeof(Region);
  }

 private:
  static constexpr int region_side_bits = 4;
  static constexpr std::size_t slots_min = 64;
  static constexpr std::size_t emptiness = 8;  // at least so many slots a region

  static constexpr Chunk* absent = nullptr;

  struct Region {
    std::array<Chunk*, std::size_t{1} << (2 * region_side_bits)> chunks{};
    std::uint32_t count = 0;  // of them not null
  };
  struct Slot {
    std::uint64_t key = 0;
    model::WorldId world = 0;
    std::unique_ptr<Region> region;
  };

  [[nodiscard]] static std::uint64_t region_of(model::ChunkAt at) noexcept {
    return (std::uint64_t{static_cast<std::uint32_t>(at.x >> region_side_bits)} << 32) |
           static_cast<std::uint32_t>(at.y >> region_side_bits);
  }
  [[nodiscard]] static std::size_t offset_of(model::ChunkAt at) noexcept {
    constexpr std::uint32_t side_max = (1U << region_side_bits) - 1;
    return (static_cast<std::uint32_t>(at.y) & side_max) << region_side_bits |
           (static_cast<std::uint32_t>(at.x) & side_max);
  }
  [[nodiscard]] std::size_t start_of(model::WorldId world, std::uint64_t key) const noexcept {
    std::uint64_t z = (key + world) * 0x9e3779b97f4a7c15ULL;
    z ^= z >> 32;
    return static_cast<std::size_t>(z) & (slots_.size() - 1);
  }
  // The slot of that region, or the free one where it would be.
  [[nodiscard]] const Slot& slot_of(model::WorldId world, std::uint64_t key) const noexcept {
    const Slot* slots = slots_.data();
    for (std::size_t i = start_of(world, key);; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots[i];
      if (slot.key == key && slot.world == world) return slot;
      if (slot.region == nullptr) return slot;
    }
  }
  [[nodiscard]] Slot& slot_of(model::WorldId world, std::uint64_t key) noexcept {
    return const_cast<Slot&>(std::as_const(*this).slot_of(world, key));
  }
  // Later slots move into the hole unless they already sit at or after their start.
  void close_gap(std::size_t hole) noexcept {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = (hole + 1) & mask; slots_[i].region != nullptr; i = (i + 1) & mask) {
      const std::size_t start = start_of(slots_[i].world, slots_[i].key);
      if (((i - start) & mask) >= ((i - hole) & mask)) {
        slots_[hole] = std::move(slots_[i]);
        hole = i;
      }
    }
    slots_[hole] = Slot{};
  }
  void rehash(std::size_t slot_count) {
    std::vector<Slot> old(slot_count);
    old.swap(slots_);
    for (Slot& slot : old) {
      if (slot.region != nullptr) slot_of(slot.world, slot.key) = std::move(slot);
    }
  }

  std::vector<Slot> slots_;  // a power of two
  std::size_t regions_ = 0;
  std::size_t count_ = 0;  // chunks
};

}  // namespace hunt::engine
