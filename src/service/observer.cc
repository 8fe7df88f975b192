#include "service/observer.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::size_t finds_max = 64;
constexpr std::int64_t watched_for_ns = 5'000'000'000;
// What "the minutes before" are: looks of the last ten minutes but the last half a minute.
constexpr std::int64_t look_every_ns = 10'000'000'000;
constexpr std::int64_t before_ns_min = 30'000'000'000;
constexpr std::size_t looks_max = 60;

model::LatencySummary summary_of(const Histogram& histogram) {
  return {histogram.count(), histogram.quantile_ns(5'000), histogram.quantile_ns(9'900),
          histogram.quantile_ns(9'990), histogram.max_ns()};
}

model::StageSeconds seconds_of(const StageTimes::Series& series) {
  model::StageSeconds out;
  out.stage = series.stage;
  out.resource = model::resource_of(series.stage, series.shard);
  out.worked = series.worked;
  out.count = series.seconds.count();
  out.sum_ns = series.seconds.sum_ns();
  for (std::size_t i = 0; i < out.at_or_below.size(); ++i) {
    out.at_or_below[i] = series.seconds.count_at_or_below(model::StageSeconds::edge_ns(i));
  }
  return out;
}

// 0 when there are none.
std::int64_t median(std::vector<std::int64_t> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
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
  to.l2_hits += from.l2_hits;
  to.l2_misses += from.l2_misses;
  to.cache_errors += from.cache_errors;
  to.cross_shard += from.cross_shard;
  to.l1.chunks += from.l1.chunks;
  to.l1.bytes += from.l1.bytes;
  to.l1.evictions += from.l1.evictions;
  to.answer.merge(from.answer);
  to.cache_read.merge(from.cache_read);
  to.store_load.merge(from.store_load);
  to.store_grant.merge(from.store_grant);
  to.invalidation.merge(from.invalidation);
  to.stages.merge(from.stages);
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
    : clock_(clock),
      about_(std::move(about)),
      started_ns_(clock.now_ns()),
      relay_heard_ns_(about_.shards, started_ns_) {
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
  {
    const std::lock_guard lock(lanes_[lane]->mutex);
    lanes_[lane]->evidence = std::move(evidence);
  }
  if (lane == 0) remember_tail();
}

void Observer::remember_tail() {
  const std::int64_t now_ns = clock_.now_ns();
  {
    const std::lock_guard lock(mutex_);
    if (!looks_.empty() && now_ns - looks_.back().at_ns < look_every_ns) return;
  }
  const engine::Evidence all = gather();
  const Look look{now_ns, engine::tail_mean_ns(all.answers), engine::tail_mean_ns(all.claims)};
  const std::lock_guard lock(mutex_);
  looks_.push_back(look);
  while (looks_.size() > looks_max) looks_.pop_front();
}

engine::Evidence Observer::gather() const {
  engine::Evidence all;
  all.lane_count = static_cast<std::uint32_t>(lanes_.size());
  for (const auto& lane : lanes_) {
    const std::lock_guard lock(lane->mutex);
    const engine::Evidence& one = lane->evidence;
    all.answers.insert(all.answers.end(), one.answers.begin(), one.answers.end());
    all.claims.insert(all.claims.end(), one.claims.begin(), one.claims.end());
    const std::size_t shards = std::max(all.round_trip_ns.size(), one.round_trip_ns.size());
    all.round_trip_ns.resize(shards);
    for (std::size_t shard = 0; shard < one.round_trip_ns.size(); ++shard) {
      all.round_trip_ns[shard] = std::max(all.round_trip_ns[shard], one.round_trip_ns[shard]);
    }
    if (one.lane_busy + one.lane_starved > all.lane_busy + all.lane_starved) {
      all.lane_busy = one.lane_busy;
      all.lane_starved = one.lane_starved;
    }
    all.claims_waiting += one.claims_waiting;
    all.claims_waiting_max += one.claims_waiting_max;
    all.grant_calls_inflight += one.grant_calls_inflight;
    all.grant_calls_max += one.grant_calls_max;
    if (!all.store_error.empty()) continue;
    all.store_error = one.store_error;
    all.store_error_shard = one.store_error_shard;
  }
  return all;
}

model::Why Observer::why() const {
  engine::Evidence all = gather();
  const std::int64_t now_ns = clock_.now_ns();
  std::vector<std::int64_t> answers;
  std::vector<std::int64_t> claims;
  {
    const std::lock_guard lock(mutex_);
    for (const Look& look : looks_) {
      if (now_ns - look.at_ns < before_ns_min) continue;
      if (look.answers_ns > 0) answers.push_back(look.answers_ns);
      if (look.claims_ns > 0) claims.push_back(look.claims_ns);
    }
  }
  all.answers_before_ns = median(std::move(answers));
  all.claims_before_ns = median(std::move(claims));
  model::Why why = engine::attribute(all);
  why.warning = warning();
  return why;
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

void Observer::heard_relay(model::ShardId shard) {
  const std::lock_guard lock(mutex_);
  if (shard < relay_heard_ns_.size()) relay_heard_ns_[shard] = clock_.now_ns();
}

bool Observer::heard_relays() const {
  const std::lock_guard lock(mutex_);
  return std::none_of(relay_heard_ns_.begin(), relay_heard_ns_.end(),
                      [this](std::int64_t heard_ns) { return heard_ns == started_ns_; });
}

Observer::Silence Observer::silence() const {
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ns = clock_.now_ns();
  Silence longest;
  for (model::ShardId shard = 0; shard < relay_heard_ns_.size(); ++shard) {
    const std::int64_t silent_ns = now_ns - relay_heard_ns_[shard];
    if (silent_ns > longest.ns) longest = {shard, silent_ns};
  }
  return longest;
}

void Observer::set_trouble(std::string trouble) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
}

std::string Observer::warning() const {
  {
    const std::lock_guard lock(mutex_);
    if (!trouble_.empty()) return trouble_;
  }
  const Silence longest = silence();
  if (longest.ns <= limits::feed_silence_ns) return {};
  return fmt::format(
      "no relay of shard {} is heard for {} s: changed tiles show up to a second late and grants "
      "are not told; {}",
      longest.shard, longest.ns / 1'000'000'000,
      about_.relays_here ? "the store's change feed does not answer"
                         : "is `hunt relay` running with this store and bus?");
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
  stats.l2_hits = all.l2_hits;
  stats.l2_misses = all.l2_misses;
  stats.cache_errors = all.cache_errors;
  stats.cross_shard = all.cross_shard;
  stats.l1_chunks = all.l1.chunks;
  stats.l1_bytes = all.l1.bytes;
  stats.l1_evictions = all.l1.evictions;
  stats.answer = summary_of(all.answer);
  stats.cache_read = summary_of(all.cache_read);
  stats.store_load = summary_of(all.store_load);
  stats.store_grant = summary_of(all.store_grant);
  stats.invalidation = summary_of(all.invalidation);
  for (const auto& series : all.stages.series()) stats.stages.push_back(seconds_of(series));
  stats.store_error = all.store_error;
  stats.relay_silence_ns = silence().ns;
  stats.warning = warning();
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
