// StageTimes: how long each stage at each resource took: histograms of one lane, for /metrics.
//
// Not the sample behind `hunt why` (engine::Reservoir): counts of everything since the start, no
// pairing of stages. Fixed size: made for a number of shards. Thread: its lane's; copies are handed
// to the Observer.
#pragma once
#include <cstdint>
#include <vector>

#include "base/histogram.h"
#include "base/result.h"
#include "engine/timeline.h"
#include "model/why.h"

namespace hunt::service {

class StageTimes {
 public:
  struct Series {
    model::Stage stage = model::Stage::queue;
    std::uint32_t shard = 0;
    bool worked = false;  // else waited
    Histogram seconds;
  };

  StageTimes() = default;
  explicit StageTimes(std::size_t shards) {
    for (std::size_t s = 0; s < model::stage_count; ++s) {
      const auto stage = static_cast<model::Stage>(s);
      first_.push_back(series_.size());
      const std::size_t resources = model::is_of_shard(stage) ? shards : 1;
      for (std::uint32_t shard = 0; shard < resources; ++shard) {
        series_.push_back({stage, shard, model::is_work(stage), {}});
      }
    }
    work_ = series_.size();
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      series_.push_back({model::Stage::store_load, shard, true, {}});
      series_.push_back({model::Stage::store_grant, shard, true, {}});
    }
  }

  // Stages that took no time are not counted: nobody was there.
  void record(const engine::Timeline& timeline) noexcept {
    for (std::size_t s = 0; s < model::stage_count; ++s) {
      const auto stage = static_cast<model::Stage>(s);
      if (timeline.stages_ns[s] == 0) continue;
      const std::size_t shard = timeline.shard_of(stage);
      // What the store executes is its work; the rest of the call is waited for.
      const bool load = stage == model::Stage::store_load;
      const bool store = load || stage == model::Stage::store_grant;
      const std::int64_t worked_ns = store ? timeline.in_store(stage).exec_ns : 0;
      series_[first_[s] + shard].seconds.record(timeline.stages_ns[s] - worked_ns);
      if (worked_ns > 0) series_[work_ + 2 * shard + (load ? 0 : 1)].seconds.record(worked_ns);
    }
  }

  void merge(const StageTimes& other) {
    if (series_.empty()) *this = StageTimes(other.first_, other.work_, other.series_);
    HUNT_ASSERT(other.series_.empty() || series_.size() == other.series_.size());
    for (std::size_t i = 0; i < other.series_.size(); ++i) {
      series_[i].seconds.merge(other.series_[i].seconds);
    }
  }

  [[nodiscard]] const std::vector<Series>& series() const noexcept { return series_; }

 private:
  // As many series, all empty.
  StageTimes(std::vector<std::size_t> first, std::size_t work, std::vector<Series> series)
      : first_(std::move(first)), work_(work), series_(std::move(series)) {
    for (auto& one : series_) one.seconds.clear();
  }

  std::vector<std::size_t> first_;  // by stage
  std::size_t work_ = 0;
  std::vector<Series> series_;
};

}  // namespace hunt::service
