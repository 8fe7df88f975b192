// Histogram: counts of durations in log-linear buckets, 32 per octave, so a figure is within 3.2 %.
//
// Not thread-safe: one per lane, merged when read. Fixed size (about 9 KB), no allocation, no lock.
// Units: nanoseconds. Values above value_ns_max count in the last bucket; max() stays exact.
#pragma once
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace hunt {

class Histogram {
 public:
  static constexpr int sub_bits = 5;     // 32 buckets per octave
  static constexpr int octave_max = 37;  // 2^37 ns = 137 s
  static constexpr std::int64_t value_ns_max = (std::int64_t{1} << octave_max) - 1;
  static constexpr std::size_t bucket_count = (octave_max - sub_bits + 1) << sub_bits;

  void record(std::int64_t value_ns, std::uint64_t times = 1) noexcept {
    value_ns = std::max<std::int64_t>(value_ns, 0);
    max_ns_ = std::max(max_ns_, value_ns);
    sum_ns_ += static_cast<std::uint64_t>(value_ns) * times;
    count_ += times;
    buckets_[bucket_of(value_ns)] += times;
  }

  void merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < bucket_count; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ns_ += other.sum_ns_;
    max_ns_ = std::max(max_ns_, other.max_ns_);
  }

  // What was recorded since `earlier`, a copy of this one. The greatest of it is known to its
  // bucket.
  void subtract(const Histogram& earlier) noexcept {
    std::int64_t greatest_ns = 0;
    for (std::size_t i = 0; i < bucket_count; ++i) {
      buckets_[i] -= earlier.buckets_[i];
      if (buckets_[i] > 0) greatest_ns = upper_edge_ns(i);
    }
    count_ -= earlier.count_;
    sum_ns_ -= earlier.sum_ns_;
    max_ns_ = max_ns_ > earlier.max_ns_ ? max_ns_ : std::min(greatest_ns, max_ns_);
  }

  void clear() noexcept { *this = Histogram{}; }

  // The value below or at which `per_mille_tenths` / 10,000 of the records lie; 9,900 is p99.
  // The upper edge of the bucket, never above max(). 0 when empty.
  [[nodiscard]] std::int64_t quantile_ns(std::uint32_t per_ten_thousand) const noexcept {
    if (count_ == 0) return 0;
    const std::uint64_t rank =
        std::max<std::uint64_t>(1, (count_ * per_ten_thousand + 9'999) / 10'000);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < bucket_count; ++i) {
      seen += buckets_[i];
      if (seen >= rank) return std::min(upper_edge_ns(i), max_ns_);
    }
    return max_ns_;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t sum_ns() const noexcept { return sum_ns_; }
  [[nodiscard]] std::int64_t max_ns() const noexcept { return max_ns_; }

  // Records at or below `edge_ns`, for cumulative exposition; exact at bucket edges.
  [[nodiscard]] std::uint64_t count_at_or_below(std::int64_t edge_ns) const noexcept {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < bucket_count && upper_edge_ns(i) <= edge_ns; ++i) {
      seen += buckets_[i];
    }
    return seen;
  }

  [[nodiscard]] static constexpr std::size_t bucket_of(std::int64_t value_ns) noexcept {
    const auto value = static_cast<std::uint64_t>(std::min(value_ns, value_ns_max));
    if (value < (1U << sub_bits)) return static_cast<std::size_t>(value);
    const int octave = static_cast<int>(std::bit_width(value)) - 1;  // >= sub_bits
    const int shift = octave - sub_bits;
    const std::uint64_t sub = (value >> shift) & ((1U << sub_bits) - 1);
    return (static_cast<std::size_t>(shift + 1) << sub_bits) + static_cast<std::size_t>(sub);
  }

  [[nodiscard]] static constexpr std::int64_t upper_edge_ns(std::size_t bucket) noexcept {
    if (bucket < (1U << sub_bits)) return static_cast<std::int64_t>(bucket);
    const std::size_t shift = (bucket >> sub_bits) - 1;
    const std::uint64_t sub = (bucket & ((1U << sub_bits) - 1)) | (1U << sub_bits);
    return static_cast<std::int64_t>(((sub + 1) << shift) - 1);
  }

 private:
  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ns_ = 0;
  std::int64_t max_ns_ = 0;
};

}  // namespace hunt
