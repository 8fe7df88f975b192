#include "engine/tail.h"

#include <utility>

namespace hunt::engine {

namespace {

using model::Stage;

constexpr std::size_t tail_min = 5;

// When it had no core is not known, only how long: each wait has its share of it.
std::int64_t starved_in(const Timeline& timeline, std::int64_t wait_ns) {
  const std::int64_t here_ns =
      timeline.total_ns - timeline.of(Stage::bus) - timeline.of(Stage::front);
  if (here_ns <= 0) return 0;
  const double part = static_cast<double>(wait_ns) / static_cast<double>(here_ns);
  return std::min(wait_ns,
                  static_cast<std::int64_t>(static_cast<double>(timeline.starved_ns) * part));
}

Part& part_of(Tail& tail, Stage stage, std::uint32_t shard) {
  auto at = std::find_if(tail.parts.begin(), tail.parts.end(), [&](const Part& part) {
    return part.stage > stage || (part.stage == stage && part.shard >= shard);
  });
  if (at == tail.parts.end() || at->stage != stage || at->shard != shard) {
    at = tail.parts.insert(at, Part{stage, shard});
  }
  return *at;
}

}  // namespace

std::size_t slowest_first(std::vector<Timeline>& all) {
  if (all.empty()) return 0;
  const std::size_t count = std::max(std::min(all.size(), tail_min), all.size() / 100);
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count) - 1, all.end(),
                   [](const Timeline& a, const Timeline& b) { return a.total_ns > b.total_ns; });
  return count;
}

Tail tail_of(std::vector<Timeline> all) {
  Tail tail;
  tail.count = static_cast<std::int64_t>(slowest_first(all));
  all.resize(static_cast<std::size_t>(tail.count));
  for (const Timeline& timeline : all) tail.total_ns += timeline.total_ns;
  for (std::size_t s = 0; s < model::stage_count; ++s) {
    const auto stage = static_cast<Stage>(s);
    for (const Timeline& timeline : all) {
      const std::int64_t ns = timeline.of(stage);
      if (ns == 0) continue;
      Part& part = part_of(tail, stage, timeline.shard_of(stage));
      part.ns += ns;
      ++part.count;
      if (is_store(stage)) part.told += timeline.in_store(stage);
      part.fill_wait_ns += timeline.fill_wait_ns;
      part.bus_way_ns += timeline.bus_way_ns;
      if (!is_before_lane(stage)) part.starved_ns += starved_in(timeline, ns);
    }
    // A stage nobody was in is shown, too.
    const bool seen = std::any_of(tail.parts.begin(), tail.parts.end(),
                                  [stage](const Part& part) { return part.stage == stage; });
    if (!seen) part_of(tail, stage, 0);
  }
  tail.slowest = std::move(all);
  return tail;
}

std::int64_t filled_by(const Tail& tail, const std::vector<const Part*>& parts) {
  return std::count_if(tail.slowest.begin(), tail.slowest.end(), [&](const Timeline& timeline) {
    std::int64_t ns = 0;
    for (const Part* part : parts) {
      if (timeline.shard_of(part->stage) == part->shard) ns += timeline.of(part->stage);
    }
    return ns > 0 && ns * 2 >= tail.mean_ns();
  });
}

std::int64_t p99_of(const std::vector<Timeline>& all, Stage stage) {
  if (all.empty()) return 0;
  std::vector<std::int64_t> values;
  values.reserve(all.size());
  for (const auto& timeline : all) values.push_back(timeline.of(stage));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) * 99 / 100);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace hunt::engine
