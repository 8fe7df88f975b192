// ChunkIndex: (world, chunk x, chunk y) to Chunk*, open addressing with linear probing.
//
// Not an owner. Own code and not a library map because the hot loop reads it once per position and
// its slots must be 24 bytes with an inlined probe; docs/decisions/ has the measurement.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/chunk.h"

namespace hunt::engine {

class ChunkIndex {
 public:
  ChunkIndex() : slots_(64) {}

  [[nodiscard]] Chunk* find(model::WorldId world, model::ChunkAt at) const noexcept {
    const std::uint64_t key = key_of(at);
    for (std::size_t i = start_of(world, key);; i = (i + 1) & (slots_.size() - 1)) {
      const Slot& slot = slots_[i];
      if (slot.chunk == nullptr) return nullptr;
      if (slot.key == key && slot.world == world) return slot.chunk;
    }
  }

  void prefetch(model::WorldId world, model::ChunkAt at) const noexcept {
    __builtin_prefetch(&slots_[start_of(world, key_of(at))]);
  }

  void insert(Chunk* chunk) {
    if ((count_ + 1) * 2 > slots_.size()) rehash(slots_.size() * 2);
    place(chunk);
    ++count_;
  }

  void erase(const Chunk* chunk) noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t hole = start_of(chunk->world, key_of(chunk->at));
    while (slots_[hole].chunk != chunk) hole = (hole + 1) & mask;
    // Backward shift: a later slot moves into the hole unless it already sits at or after its
    // start.
    for (std::size_t i = (hole + 1) & mask; slots_[i].chunk != nullptr; i = (i + 1) & mask) {
      const std::size_t start = start_of(slots_[i].world, slots_[i].key);
      if (((i - start) & mask) >= ((i - hole) & mask)) {
        slots_[hole] = slots_[i];
        hole = i;
      }
    }
    slots_[hole] = Slot{};
    --count_;
  }

  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return slots_.size() * sizeof(Slot); }

 private:
  struct Slot {
    std::uint64_t key = 0;
    Chunk* chunk = nullptr;
    model::WorldId world = 0;
  };

  [[nodiscard]] static std::uint64_t key_of(model::ChunkAt at) noexcept {
    return (std::uint64_t{static_cast<std::uint32_t>(at.x)} << 32) |
           static_cast<std::uint32_t>(at.y);
  }
  [[nodiscard]] std::size_t start_of(model::WorldId world, std::uint64_t key) const noexcept {
    std::uint64_t z = (key + world) * 0x9e3779b97f4a7c15ULL;
    z ^= z >> 32;
    return static_cast<std::size_t>(z) & (slots_.size() - 1);
  }
  void place(Chunk* chunk) noexcept {
    const std::uint64_t key = key_of(chunk->at);
    std::size_t i = start_of(chunk->world, key);
    while (slots_[i].chunk != nullptr) i = (i + 1) & (slots_.size() - 1);
    slots_[i] = Slot{key, chunk, chunk->world};
  }
  void rehash(std::size_t slot_count) {
    std::vector<Slot> old(slot_count);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.chunk != nullptr) place(slot.chunk);
    }
  }

  std::vector<Slot> slots_;  // a power of two, at most half full
  std::size_t count_ = 0;
};

}  // namespace hunt::engine
