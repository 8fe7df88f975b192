#include "service/observer.h"

#include <algorithm>

namespace hunt::service {

namespace {

constexpr std::size_t finds_max = 64;
constexpr std::int64_t watched_for_ns = 5'000'000'000;

model::LatencySummary summary_of(const Histogram& histogram) {
  return {histogram.count(), histogram.quantile_ns(5'000), histogram.quantile_ns(9'900),
          histogram.quantile_ns(9'990), histogram.max_ns()};
}

void add(OutcomeCounts& to, const OutcomeCounts& from) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

void merge(LaneMetrics& to, const LaneMetrics& from) {
  add(to.positions, from.positions);
  add(to.claims, from.claims);
  to.batches += from.batches;
  to.grants += from.grants;
  to.repeats += from.repeats;
  to.claims_waiting += from.claims_waiting;
  to.claim_retries += from.claim_retries;
  to.shed += from.shed;
  to.l1_hits += from.l1_hits;
  to.l1_misses += from.l1_misses;
  to.loot_lookups += from.loot_lookups;
  to.loot_misses += from.loot_misses;
  to.chunks_loaded += from.chunks_loaded;
  to.l1.chunks += from.l1.chunks;
  to.l1.bytes += from.l1.bytes;
  to.l1.evictions += from.l1.evictions;
  to.answer.merge(from.answer);
  to.store_load.merge(from.store_load);
  to.store_grant.merge(from.store_grant);
  to.invalidation.merge(from.invalidation);
  if (to.store_error.empty()) to.store_error = from.store_error;
}

void widen(model::TileRect& bounds, bool& any, model::Tile tile) {
  if (!any) {
    bounds = {tile, tile};
    any = true;
  }
  bounds.low = {std::min(bounds.low.x, tile.x), std::min(bounds.low.y, tile.y)};
  bounds.high = {std::max(bounds.high.x, tile.x), std::max(bounds.high.y, tile.y)};
}

}  // namespace

struct Observer::Lane {
  mutable std::mutex mutex;
  LaneMetrics metrics;
  LiveSample sample;
  engine::Evidence evidence;
};

Observer::Observer(const ports::Clock& clock, std::size_t lane_count, About about)
    : clock_(clock), about_(std::move(about)), started_ns_(clock.now_ns()) {
  for (std::size_t i = 0; i < lane_count; ++i) lanes_.push_back(std::make_unique<Lane>());
}

Observer::~Observer() = default;

void Observer::publish(std::size_t lane, const LaneMetrics& metrics) {
  const std::lock_guard lock(lanes_[lane]->mutex);
  lanes_[lane]->metrics = metrics;
}

void Observer::publish(std::size_t lane, LiveSample sample) {
  const std::lock_guard lock(lanes_[lane]->mutex);
  lanes_[lane]->sample = std::move(sample);
}

void Observer::publish(std::size_t lane, engine::Evidence evidence) {
  const std::lock_guard lock(lanes_[lane]->mutex);
  lanes_[lane]->evidence = std::move(evidence);
}

model::Why Observer::why() const {
  engine::Evidence all;
  all.lane_count = static_cast<std::uint32_t>(lanes_.size());
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    const engine::Evidence& one = lane->evidence;
    all.answers.insert(all.answers.end(), one.answers.begin(), one.answers.end());
    all.claims.insert(all.claims.end(), one.claims.begin(), one.claims.end());
    all.round_trip_ns = std::max(all.round_trip_ns, one.round_trip_ns);
    all.lane_busy = std::max(all.lane_busy, one.lane_busy);
    all.claims_waiting += one.claims_waiting;
    all.claims_waiting_max += one.claims_waiting_max;
    all.grant_calls_inflight += one.grant_calls_inflight;
    all.grant_calls_max += one.grant_calls_max;
    if (all.store_error.empty()) all.store_error = one.store_error;
  }
  return engine::attribute(all);
}

bool Observer::watched() const {
  const std::lock_guard lock(mutex_);
  return watched_ns_ != INT64_MIN && clock_.now_ns() - watched_ns_ < watched_for_ns;
}

void Observer::on_finds(const std::vector<model::ClaimEvent>& events) {
  const std::lock_guard lock(mutex_);
  for (const auto& event : events) {
    if (event.outcome == model::Outcome::granted) finds_.push_back(event);
  }
  while (finds_.size() > finds_max) finds_.pop_front();
}

void Observer::set_rules(const model::RuleSet& rules) {
  const std::lock_guard lock(mutex_);
  rules_ = rules.version;
  event_.clear();
  for (const auto& event : rules.events) event_ += (event_.empty() ? "" : ", ") + event.name;
}

void Observer::set_rules_rejected(std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  rules_rejected_ = count;
}

void Observer::set_not_ready(std::string reason) {
  const std::lock_guard lock(mutex_);
  not_ready_ = std::move(reason);
}

std::string Observer::not_ready() const {
  const std::lock_guard lock(mutex_);
  return not_ready_;
}

model::Stats Observer::stats() const {
  LaneMetrics all;
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    merge(all, lane->metrics);
  }
  model::Stats stats;
  stats.version = about_.version;
  stats.store = about_.store;
  stats.uptime_ns = clock_.now_ns() - started_ns_;
  stats.lanes = static_cast<std::uint32_t>(lanes_.size());
  stats.positions = all.positions;
  stats.claims = all.claims;
  stats.batches = all.batches;
  stats.grants = all.grants;
  stats.repeats = all.repeats;
  stats.claims_waiting = all.claims_waiting;
  stats.claim_retries = all.claim_retries;
  stats.shed = all.shed;
  stats.l1_hits = all.l1_hits;
  stats.l1_misses = all.l1_misses;
  stats.loot_lookups = all.loot_lookups;
  stats.loot_misses = all.loot_misses;
  stats.chunks_loaded = all.chunks_loaded;
  stats.l1_chunks = all.l1.chunks;
  stats.l1_bytes = all.l1.bytes;
  stats.l1_evictions = all.l1.evictions;
  stats.answer = summary_of(all.answer);
  stats.store_load = summary_of(all.store_load);
  stats.store_grant = summary_of(all.store_grant);
  stats.invalidation = summary_of(all.invalidation);
  stats.store_error = all.store_error;
  const std::lock_guard lock(mutex_);
  stats.rules = rules_;
  stats.event = event_;
  stats.rules_rejected = rules_rejected_;
  return stats;
}

model::LiveView Observer::live() {
  model::LiveView view;
  bool any = false;
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    const LiveSample& sample = lane->sample;
    view.players.insert(view.players.end(), sample.players.begin(), sample.players.end());
    // Every lane sees the same loot: the lane that knows most of it speaks.
    if (sample.loot_open.size() + sample.loot_gone.size() >
        view.loot_open.size() + view.loot_gone.size()) {
      view.loot_open = sample.loot_open;
      view.loot_gone = sample.loot_gone;
    }
  }
  for (const auto& player : view.players) widen(view.bounds, any, player.tile);
  for (const auto& tile : view.loot_open) widen(view.bounds, any, tile);
  for (const auto& tile : view.loot_gone) widen(view.bounds, any, tile);
  const std::lock_guard lock(mutex_);
  watched_ns_ = clock_.now_ns();
  view.finds.assign(finds_.begin(), finds_.end());
  return view;
}

}  // namespace hunt::service
