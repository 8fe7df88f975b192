// StageTimes: how long each stage at each resource took: histograms of one lane, for /metrics.
//
// Not the sample behind `hunt why` (engine::Reservoir): counts of everything since the start, no
// pairing of stages. Fixed size: made for a number of shards. Thread: its lane's; copies are handed
// to the Observer.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "base/histogram.h"
#include "base/result.h"
#include "engine/timeline.h"
#include "model/stats.h"
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
  StageTimes(model::TimelineOf whose, std::size_t shards) : whose_(whose) {
    for (const auto& facts : model::stages) {
      if (!has(facts.stage)) continue;
      first_[index_of(facts.stage)] = series_.size();
      add(facts.stage, model::is_of_shard(facts.stage) ? shards : 1, facts.work);
    }
    for (const auto stage : {model::Stage::store_load, model::Stage::store_grant}) {
      if (!has(stage)) continue;
      work_[index_of(stage)] = series_.size();
      add(stage, shards, true);
    }
  }

  // Stages that took no time are not counted: nobody was there.
  void record(const engine::Timeline& timeline) noexcept {
    for (std::size_t s = 0; s < model::stage_count; ++s) {
      const auto stage = static_cast<model::Stage>(s);
      if (timeline.stages_ns[s] == 0 || !has(stage)) continue;
      const std::size_t shard = timeline.shard_of(stage);
      // What the store executes is its work; the rest of the call is waited for.
      const bool store = stage == model::Stage::store_load || stage == model::Stage::store_grant;
      const std::int64_t worked_ns = store ? timeline.in_store(stage).exec_ns : 0;
      series_[first_[s] + shard].seconds.record(timeline.stages_ns[s] - worked_ns);
      if (worked_ns > 0) series_[work_[s] + shard].seconds.record(worked_ns);
    }
  }

  void merge(const StageTimes& other) {
    if (series_.empty()) {
      *this = other;
      return;
    }
    HUNT_ASSERT(other.series_.empty() || series_.size() == other.series_.size());
    for (std::size_t i = 0; i < other.series_.size(); ++i) {
      series_[i].seconds.merge(other.series_[i].seconds);
    }
  }

  [[nodiscard]] model::TimelineOf whose() const noexcept { return whose_; }
  [[nodiscard]] const std::vector<Series>& series() const noexcept { return series_; }

 private:
  [[nodiscard]] static std::size_t index_of(model::Stage stage) noexcept {
    return static_cast<std::size_t>(stage);
  }
  // A claim by itself waits for a call and is in one.
  [[nodiscard]] bool has(model::Stage stage) const noexcept {
    return whose_ == model::TimelineOf::answer || stage == model::Stage::claim_wait ||
           stage == model::Stage::store_grant;
  }
  void add(model::Stage stage, std::size_t resources, bool worked) {
    for (std::uint32_t shard = 0; shard < resources; ++shard) {
      series_.push_back({stage, shard, worked, {}});
    }
  }

  model::TimelineOf whose_ = model::TimelineOf::answer;
  std::array<std::size_t, model::stage_count> first_{};  // by stage: of its resources
  std::array<std::size_t, model::stage_count> work_{};   // the same, of what a store executes
  std::vector<Series> series_;
};

}  // namespace hunt::service
