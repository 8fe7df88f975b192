// Part and Tail: the slowest 1 % of a sample, by stage and resource.
//
// Not what is to blame for it (cause.h). Pure values.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "engine/timeline.h"
#include "model/why.h"

namespace hunt::engine {

[[nodiscard]] inline bool is_store(model::Stage stage) noexcept {
  return stage == model::Stage::store_load || stage == model::Stage::store_grant;
}
// What a batch meets before it comes to a lane, and after.
[[nodiscard]] inline bool is_before_lane(model::Stage stage) noexcept {
  return stage == model::Stage::bus || stage == model::Stage::front;
}

// How long it waited until somebody else had filled the cache. Who still waits has not told, but a
// look is given up after 50 ms, and a batch makes a few: what is longer is no look.
[[nodiscard]] std::int64_t fill_wait_of(const Timeline& timeline);

// One stage at one resource, of the timelines of a tail that were there.
struct Part {
  model::Stage stage = model::Stage::queue;
  std::uint32_t shard = 0;
  std::int64_t ns = 0;
  std::int64_t count = 0;  // timelines
  InStore told{};
  std::int64_t untold = 0;  // timelines of which the store has told less than half
  std::int64_t fill_wait_ns = 0;
  std::int64_t bus_way_ns = 0;
  std::int64_t starved_ns = 0;   // of `ns` at most
  bool at_connections = false;   // not at the lane, but at the thread of a store's connections
  bool on_full_machine = false;  // at a store that shares the machine with us
  std::int64_t missed = 0;       // of l2: so many looks found nothing, and hardly any found it all

  void add(const Timeline& timeline, std::int64_t stage_ns);
  [[nodiscard]] double starved_share() const {
    return ns == 0 ? 0.0 : static_cast<double>(starved_ns) / static_cast<double>(ns);
  }
  [[nodiscard]] std::int64_t mean_ns() const { return count == 0 ? 0 : ns / count; }
  // Most of it was stored on the bus, and not on its way.
  [[nodiscard]] bool is_backlog() const {
    return stage == model::Stage::bus && bus_way_ns * 2 < ns;
  }
  // Most of it waited until somebody else had filled the cache.
  [[nodiscard]] bool is_fill_wait() const {
    return stage == model::Stage::l2 && fill_wait_ns * 2 > ns;
  }
  [[nodiscard]] std::string resource() const { return model::resource_of(stage, shard); }
};

// The slowest 1 %, at least five where there are as many. Shares are of the stages.
struct Tail {
  std::vector<Part> parts;  // every stage, in order; those of shards once for each shard seen
  std::vector<Timeline> slowest;
  std::int64_t total_ns = 0;    // of all stages
  std::int64_t telling_ns = 0;  // after them
  std::int64_t count = 0;

  [[nodiscard]] std::int64_t mean_ns() const { return count == 0 ? 0 : total_ns / count; }
  [[nodiscard]] std::int64_t telling_mean_ns() const { return count == 0 ? 0 : telling_ns / count; }
  [[nodiscard]] std::int64_t whole_mean_ns() const { return mean_ns() + telling_mean_ns(); }
  [[nodiscard]] double share(const Part& part) const {
    return total_ns == 0 ? 0.0 : static_cast<double>(part.ns) / static_cast<double>(total_ns);
  }
  // How much of all of it was a wait for a core: of a part that waited for one half of its time the
  // other half is not counted.
  [[nodiscard]] double starved_share() const;
  [[nodiscard]] const Part& largest() const {
    return *std::max_element(parts.begin(), parts.end(),
                             [](const Part& a, const Part& b) { return a.ns < b.ns; });
  }
  // From the lane on: without what comes before.
  [[nodiscard]] const Part* largest_on_lane() const;
  [[nodiscard]] std::int64_t lane_ns() const;
  [[nodiscard]] const Part* find(model::Stage stage, std::uint32_t shard) const {
    const auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
      return part.stage == stage && part.shard == shard;
    });
    return found == parts.end() ? nullptr : &*found;
  }
};

// How many the slowest 1 % are, at least five where there are as many; they are moved to the front.
[[nodiscard]] std::size_t slowest_first(std::vector<Timeline>& all);
[[nodiscard]] Tail tail_of(std::vector<Timeline> all);
// The same of all of them, not of the slowest alone.
[[nodiscard]] Tail whole_of(std::vector<Timeline> all);
// Of which shard the chunks are that it waits for others to fill the cache with; of several, most.
[[nodiscard]] std::uint32_t shard_of_fills(const Tail& tail);
// Of which shard most of what is told late was granted.
[[nodiscard]] std::uint32_t shard_of_telling(const Tail& tail);
// How many of the tail these parts fill, so that one outlier does not count for all: they take half
// at least of what they take on average; or half of that one by itself, which is not fine (from
// `fine_ns` on), however much longer an outlier beside it is.
[[nodiscard]] std::int64_t filled_by(const Tail& tail, const std::vector<const Part*>& parts,
                                     std::int64_t fine_ns);
[[nodiscard]] std::int64_t percentile_of(const std::vector<Timeline>& all, model::Stage stage,
                                         std::size_t percent);

}  // namespace hunt::engine
