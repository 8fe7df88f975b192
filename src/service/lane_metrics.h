// LaneMetrics: the plain counters and histograms of one lane, written by its thread alone.
//
// Not shared: a copy is handed to the Observer now and then (observer.h). Each field is documented
// where it is shown, in model/stats.h.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "base/histogram.h"
#include "engine/l1.h"
#include "model/batch.h"
#include "service/stage_times.h"

namespace hunt::service {

using OutcomeCounts = std::array<std::uint64_t, model::outcome_count>;

struct LaneMetrics {
  OutcomeCounts positions{};
  OutcomeCounts claims{};
  std::uint64_t batches = 0;
  std::uint64_t grants = 0;
  std::uint64_t repeats = 0;
  std::uint64_t claims_waiting = 0;
  std::uint64_t claim_retries = 0;
  std::uint64_t shed = 0;
  std::uint64_t l1_hits = 0;
  std::uint64_t l1_misses = 0;
  std::uint64_t loot_lookups = 0;
  std::uint64_t loot_misses = 0;
  std::uint64_t chunks_loaded = 0;
  std::uint64_t l2_hits = 0;
  std::uint64_t l2_misses = 0;
  std::uint64_t cache_errors = 0;
  std::uint64_t cross_shard = 0;
  engine::L1Stats l1;
  Histogram answer;
  Histogram cache_read;
  Histogram store_load;
  Histogram store_grant;
  Histogram invalidation;
  StageTimes stages;
  std::string store_error;
  std::uint32_t store_error_shard = 0;

  // The last error while it lasts; the empty text: none.
  void set_store_error(const std::string& text, std::uint32_t shard) {
    store_error = text;
    store_error_shard = shard;
  }
  void count(model::Outcome outcome) noexcept { ++positions[static_cast<std::size_t>(outcome)]; }
  void count_claim(model::Outcome outcome) noexcept { ++claims[static_cast<std::size_t>(outcome)]; }
};

}  // namespace hunt::service
