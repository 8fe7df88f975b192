// Latencies as they are shown: quantiles of a while, and cumulative histograms since the start,
// with an example of each bucket.
//
// Not where they are recorded (base/histogram.h). Quantiles of several processes cannot be put
// together; the buckets can be added up. Plain values. Units: nanoseconds.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "model/ids.h"

namespace hunt::model {

struct LatencySummary {
  std::uint64_t count = 0;
  std::int64_t sum_ns = 0;
  std::int64_t p50_ns = 0;
  std::int64_t p99_ns = 0;
  std::int64_t p999_ns = 0;
  std::int64_t max_ns = 0;
};

// Two edges an octave, from 16 us to 12.9 s, so beyond limits::answer_deadline_ns. Both are edges
// of Histogram, too, so counts are exact.
struct LatencyEdges {
  static constexpr int octave_min = 14;
  static constexpr std::size_t count = 40;
  [[nodiscard]] static constexpr std::int64_t ns(std::size_t index) noexcept {
    const std::int64_t octave_ns = std::int64_t{1} << (octave_min + static_cast<int>(index / 2));
    return octave_ns + (index % 2 == 0 ? 0 : octave_ns / 2) - 1;
  }
  // The first edge that is not below; `count` when all are.
  [[nodiscard]] static constexpr std::size_t index_of(std::int64_t value_ns) noexcept {
    if (value_ns <= ns(0)) return 0;
    const auto value = static_cast<std::uint64_t>(value_ns);
    const int octave = static_cast<int>(std::bit_width(value)) - 1;
    const bool upper_half = (value >> (octave - 1) & 1U) != 0;
    const auto index = static_cast<std::size_t>(2 * (octave - octave_min) + (upper_half ? 2 : 1));
    return index < count ? index : count;
  }
};

// One thing that took so long, by the id of a claim: a hash, which says nothing of the player.
struct Exemplar {
  ClaimId claim;
  std::int64_t value_ns = 0;
  std::int64_t at_us = 0;  // wall clock; 0: there is none
};

// The newest of each bucket; the last is of what is beyond all edges.
struct Exemplars {
  std::array<Exemplar, LatencyEdges::count + 1> newest{};

  void put(std::int64_t value_ns, ClaimId claim, std::int64_t now_us) noexcept {
    newest[LatencyEdges::index_of(value_ns)] = {claim, value_ns, now_us};
  }
  void merge(const Exemplars& other) noexcept {
    for (std::size_t i = 0; i < newest.size(); ++i) {
      if (other.newest[i].at_us > newest[i].at_us) newest[i] = other.newest[i];
    }
  }
};

// How often something took at most so long, since the start.
struct LatencyBuckets {
  std::array<std::uint64_t, LatencyEdges::count> at_or_below{};
  Exemplars examples;
};

}  // namespace hunt::model
