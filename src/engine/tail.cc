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

// `of` tells of a timeline its shard and how long.
template <class Of>
std::uint32_t shard_of_most(const Tail& tail, Of of) {
  std::vector<std::int64_t> ns;  // by shard
  for (const Timeline& timeline : tail.slowest) {
    const auto [shard, took_ns] = of(timeline);
    if (shard >= ns.size()) ns.resize(shard + 1);
    ns[shard] += took_ns;
  }
  return static_cast<std::uint32_t>(std::max_element(ns.begin(), ns.end()) - ns.begin());
}

}  // namespace

std::int64_t fill_wait_of(const Timeline& timeline) {
  constexpr std::int64_t looks_ns_max = 200'000'000;
  const std::int64_t look_ns = timeline.of(Stage::l2);
  const std::int64_t awake_ns = look_ns - starved_in(timeline, look_ns);
  return std::max(timeline.fill_wait_ns, awake_ns - looks_ns_max);
}

void Part::add(const Timeline& timeline, std::int64_t stage_ns) {
  ns += stage_ns;
  ++count;
  if (is_store(stage)) {
    told += timeline.in_store(stage);
    untold += timeline.in_store(stage).told_ns * 2 < stage_ns ? 1 : 0;
  }
  fill_wait_ns += fill_wait_of(timeline);
  bus_way_ns += timeline.bus_way_ns;
  if (!is_before_lane(stage)) starved_ns += starved_in(timeline, stage_ns);
}

double Tail::starved_share() const {
  std::int64_t starved_ns = 0;
  for (const Part& part : parts) starved_ns += part.starved_ns;
  return total_ns == 0 ? 0 : static_cast<double>(starved_ns) / static_cast<double>(total_ns);
}

const Part* Tail::largest_on_lane() const {
  const Part* most = nullptr;
  for (const Part& part : parts) {
    if (!is_before_lane(part.stage) && (most == nullptr || part.ns > most->ns)) most = &part;
  }
  return most;
}

std::int64_t Tail::lane_ns() const {
  std::int64_t ns = 0;
  for (const Part& part : parts) ns += is_before_lane(part.stage) ? 0 : part.ns;
  return ns;
}

std::size_t slowest_first(std::vector<Timeline>& all) {
  if (all.empty()) return 0;
  const std::size_t count = std::max(std::min(all.size(), tail_min), all.size() / 100);
  std::nth_element(
      all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count) - 1, all.end(),
      [](const Timeline& a, const Timeline& b) { return a.whole_ns() > b.whole_ns(); });
  return count;
}

Tail tail_of(std::vector<Timeline> all) {
  all.resize(slowest_first(all));
  return whole_of(std::move(all));
}

Tail whole_of(std::vector<Timeline> all) {
  Tail tail;
  tail.count = static_cast<std::int64_t>(all.size());
  for (const Timeline& timeline : all) {
    tail.total_ns += timeline.total_ns;
    tail.telling_ns += timeline.telling_ns;
  }
  for (std::size_t s = 0; s < model::stage_count; ++s) {
    const auto stage = static_cast<Stage>(s);
    for (const Timeline& timeline : all) {
      const std::int64_t ns = timeline.of(stage);
      if (ns == 0) continue;
      part_of(tail, stage, timeline.shard_of(stage)).add(timeline, ns);
    }
    // A stage nobody was in is shown, too.
    const bool seen = std::any_of(tail.parts.begin(), tail.parts.end(),
                                  [stage](const Part& part) { return part.stage == stage; });
    if (!seen) part_of(tail, stage, 0);
  }
  tail.slowest = std::move(all);
  return tail;
}

std::uint32_t shard_of_fills(const Tail& tail) {
  return shard_of_most(tail, [](const Timeline& timeline) {
    return std::pair(timeline.fill_shard, timeline.fill_wait_ns);
  });
}

std::uint32_t shard_of_telling(const Tail& tail) {
  return shard_of_most(tail, [](const Timeline& timeline) {
    return std::pair(timeline.grant.shard, timeline.telling_ns);
  });
}

std::int64_t filled_by(const Tail& tail, const std::vector<const Part*>& parts,
                       std::int64_t fine_ns) {
  const auto filled_ns = [&parts](const Timeline& timeline) {
    std::int64_t ns = 0;
    for (const Part* part : parts) {
      if (timeline.shard_of(part->stage) == part->shard) ns += timeline.of(part->stage);
    }
    return ns;
  };
  std::int64_t all_ns = 0;
  for (const Timeline& timeline : tail.slowest) all_ns += filled_ns(timeline);
  return std::count_if(tail.slowest.begin(), tail.slowest.end(), [&](const Timeline& timeline) {
    const std::int64_t ns = filled_ns(timeline);
    if (ns == 0) return false;
    const bool by_itself = timeline.total_ns >= fine_ns && ns * 2 >= timeline.total_ns;
    return by_itself || ns * 2 * tail.count >= all_ns;
  });
}

std::int64_t percentile_of(const std::vector<Timeline>& all, Stage stage, std::size_t percent) {
  if (all.empty()) return 0;
  std::vector<std::int64_t> values;
  values.reserve(all.size());
  for (const auto& timeline : all) values.push_back(timeline.of(stage));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) * percent / 100);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace hunt::engine
