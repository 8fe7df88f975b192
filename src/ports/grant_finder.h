// GrantFinder: what a look through a ledger for some player or spawn has found so far; and where
// such a look begins and ends.
//
// Not a store: each of them shows its rows to it, newest first. Thread: the caller's.
#pragma once
#include <cstdint>
#include <utility>

#include "base/result.h"
#include "model/claim.h"
#include "model/limits.h"

namespace hunt::ports {

class GrantFinder {
 public:
  explicit GrantFinder(const model::GrantSearch& search) : search_(search) {}

  [[nodiscard]] bool wants(const model::Grant& row) const noexcept {
    if (search_.player && row.player != *search_.player) return false;
    if (search_.spawn && row.spawn != *search_.spawn) return false;
    if (search_.world && row.world != *search_.world) return false;
    if (search_.tile && row.tile != *search_.tile) return false;
    if (row.cursor > search_.last) return false;
    return row.at_us >= search_.from_us && row.at_us <= search_.until_us;
  }
  // Requires: it is wanted, and older than the one before.
  void take(model::Grant row) {
    ++found_.count;
    if (found_.newest.size() < limits::grants_found_max) found_.newest.push_back(row);
    found_.oldest = std::move(row);
  }
  // `back_to_us`: see GrantsFound.
  [[nodiscard]] model::GrantsFound found(std::int64_t back_to_us) {
    found_.back_to_us = back_to_us;
    return std::move(found_);
  }

 private:
  model::GrantSearch search_;
  model::GrantsFound found_;
};

// Rows from `first` to `last`; none where it is above.
struct LedgerSpan {
  std::uint64_t first = 1;
  std::uint64_t last = 0;
  bool cut = false;  // older ones were wanted, too, and are too many
};

// A row is committed a while after its time was taken: two that are this far apart are in order.
inline constexpr std::int64_t ledger_disorder_us = 60'000'000;

// The first cursor from `low` to `high` whose row is of `since_us` or later; high + 1: none is.
// `time_at(cursor)`: Result<std::int64_t>, the time of the first row at that cursor or after it.
template <class TimeAt>
Result<std::uint64_t> first_since(std::uint64_t low, std::uint64_t high, std::int64_t since_us,
                                  const TimeAt& time_at) {
  while (low <= high) {
    const std::uint64_t middle = low + (high - low) / 2;
    HUNT_TRY(at_us, time_at(middle));
    if (at_us >= since_us) {
      high = middle - 1;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// What has to be looked at between the cursors `low` (at least 1) and `high` of a ledger.
template <class TimeAt>
Result<LedgerSpan> span_of(const model::GrantSearch& search, std::uint64_t low, std::uint64_t high,
                           const TimeAt& time_at) {
  LedgerSpan span{low, high, false};
  if (search.until_us < INT64_MAX - ledger_disorder_us) {
    HUNT_TRY(after, first_since(low, high, search.until_us + ledger_disorder_us, time_at));
    span.last = after - 1;
  }
  if (search.from_us > INT64_MIN + ledger_disorder_us) {
    HUNT_TRY(first, first_since(low, span.last, search.from_us - ledger_disorder_us, time_at));
    span.first = first;
  }
  if (span.last >= span.first && span.last - span.first >= limits::grants_searched_max) {
    span.first = span.last - limits::grants_searched_max + 1;
    span.cut = true;
  }
  return span;
}

}  // namespace hunt::ports
