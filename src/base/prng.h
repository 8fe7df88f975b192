// Prng: a seeded integer generator (xoshiro256**, Blackman and Vigna 2018, seeded by splitmix64).
//
// Not for loot: rolls are HMAC-SHA256 (engine/roll.h). For generated load, jitter, the simulator.
// Integers only, so that a seed gives the same run on every machine. One per component.
#pragma once
#include <array>
#include <cstdint>

namespace hunt {

// A probability as integers: numerator / denominator.
struct Ratio {
  std::uint64_t numerator = 0;
  std::uint64_t denominator = 1;
};

// One step of splitmix64: also a good mixer of a 64-bit value.
[[nodiscard]] constexpr std::uint64_t splitmix64(std::uint64_t& state) noexcept {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class Prng {
 public:
  explicit constexpr Prng(std::uint64_t seed) noexcept {
    for (auto& word : state_) word = splitmix64(seed);
  }

  [[nodiscard]] constexpr std::uint64_t next() noexcept {
    const std::uint64_t result = rotate(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotate(state_[3], 45);
    return result;
  }

  // Uniform in [0, bound), without bias (rejection). Bound: bound >= 1.
  [[nodiscard]] constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    const std::uint64_t reject = (0 - bound) % bound;  // 2^64 mod bound
    std::uint64_t word = next();
    while (word < reject) word = next();
    return word % bound;
  }

  // Uniform in [low, high], both included.
  [[nodiscard]] constexpr std::int64_t between(std::int64_t low, std::int64_t high) noexcept {
    const auto width = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + below(width));
  }

  [[nodiscard]] constexpr bool chance(Ratio ratio) noexcept {
    return below(ratio.denominator) < ratio.numerator;
  }

  // A generator of its own for a part, so that parts do not disturb each other's sequence.
  [[nodiscard]] constexpr Prng split() noexcept { return Prng(next()); }

 private:
  static constexpr std::uint64_t rotate(std::uint64_t value, int bits) noexcept {
    return (value << bits) | (value >> (64 - bits));
  }
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace hunt
