#include "service/lane_report.h"

#include <algorithm>

#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::int64_t publish_every_ns = 100'000'000;
constexpr std::int64_t sample_every_ns = 200'000'000;
constexpr std::int64_t evidence_every_ns = 1'000'000'000;
// A load that failed is repeated when somebody asks again. Nobody did: it is over.
constexpr std::int64_t load_error_ns_max = 10'000'000'000;
constexpr std::int64_t strangers_kept_ns = 10'000'000'000;
constexpr std::size_t failures_kept = 11;  // one each second

}  // namespace

engine::Failures failures_since(const StoreHealth& health, const FailureCounts& before) {
  engine::Failures failures;
  failures.count = health.failures - before.failures;
  failures.breaks = health.breaks - before.breaks;
  const bool most_break = failures.count > 0 && 2 * failures.breaks >= failures.count;
  failures.error = most_break ? health.broke.message : health.failure.message;
  failures.cause =
      most_break ? model::Cause::round_trip : cause_of(ports::trouble_of(health.failure));
  return failures;
}

void LaneReport::publish_figures(std::int64_t now_ns, bool last) {
  if (!last && published_ns_ != INT64_MIN && now_ns - published_ns_ < publish_every_ns) return;
  published_ns_ = now_ns;
  const engine::L1Stats l1 = view_.l1.stats();
  view_.metrics.l1_chunks = l1.chunks;
  view_.metrics.l1_bytes = l1.bytes;
  view_.metrics.l1_evictions = l1.evictions;
  view_.metrics.use = {clock_.thread_cpu_ns(), clock_.thread_starved_ns()};
  for (auto& store : view_.metrics.stores) {
    if (now_ns - store.loads.last_ns >= load_error_ns_max) store.loads.work();
    if (now_ns - store.lookups.last_ns >= load_error_ns_max) store.lookups.work();
  }
  observer_.publish(lane_, view_.metrics);
  watched_ = observer_.watched();
  if (watched_ && (sampled_ns_ == INT64_MIN || now_ns - sampled_ns_ >= sample_every_ns)) {
    sampled_ns_ = now_ns;
    observer_.publish(lane_, view_.sampler.sample(view_.l1, now_ns));
  }
}

boost::asio::awaitable<void> LaneReport::probe(std::uint32_t shard, ports::WorldStore* store) {
  if (round_trips_.size() <= shard) round_trips_.resize(shard + 1);
  const std::int64_t begun_ns = clock_.now_ns();
  round_trips_[shard].begun_ns = begun_ns;
  const auto found = co_await store->doing();
  RoundTrips& trips = round_trips_[shard];
  trips.begun_ns = INT64_MAX;
  StoreHealth& health = view_.metrics.stores[shard];
  if (!found) {
    if (found.error().code != Errc::overloaded) {
      health.failed(health.probes, found.error(), begun_ns);
    }
    co_return;
  }
  health.probes.work();
  trips.answered_ns = begun_ns;
  trips.doing = *found;
  if (found->locked_by_others > 0) trips.strangers_ns = clock_.now_ns();
  trips.newest_ns[trips.count++ % trips.newest_ns.size()] = clock_.now_ns() - begun_ns;
}

// Of the last ten seconds.
engine::Failures LaneReport::failures_of(std::uint32_t shard) {
  const StoreHealth& health = view_.metrics.stores[shard];
  if (failures_.size() <= shard) failures_.resize(shard + 1);
  std::deque<FailureCounts>& counts = failures_[shard];
  counts.push_back({health.failures, health.breaks});
  if (counts.size() > failures_kept) counts.pop_front();
  return failures_since(health, counts.front());
}

bool LaneReport::publish_evidence(std::int64_t now_ns) {
  if (now_ns - evidence_ns_ < evidence_every_ns) return false;
  engine::Evidence evidence;
  evidence.answers = view_.answer_times.samples(now_ns);
  evidence.claims = view_.claim_times.samples(now_ns);
  view_.desk.mark_waits();
  const auto open_answers = view_.open_answers.samples(now_ns);
  const auto open_claims = view_.desk.open_times(now_ns);
  evidence.answers.insert(evidence.answers.end(), open_answers.begin(), open_answers.end());
  evidence.claims.insert(evidence.claims.end(), open_claims.begin(), open_claims.end());
  for (const RoundTrips& trips : round_trips_) {
    const auto count = std::min(trips.count, trips.newest_ns.size());
    const auto end = trips.newest_ns.begin() + static_cast<std::ptrdiff_t>(count);
    engine::Probe probe;
    if (count > 0) probe.newest_ns = *std::min_element(trips.newest_ns.begin(), end);
    probe.age_ns = now_ns - trips.answered_ns;
    probe.open_ns = std::max<std::int64_t>(0, now_ns - trips.begun_ns);
    probe.locked = trips.doing.locked > 0;
    probe.committing = trips.doing.committing > 0;
    probe.tells_holders = trips.doing.tells_holders;
    probe.strangers = now_ns - trips.strangers_ns < strangers_kept_ns;
    evidence.probes.push_back(probe);
  }
  const std::int64_t cpu_ns = clock_.thread_cpu_ns();
  const std::int64_t starved_ns = clock_.thread_starved_ns();
  if (evidence_ns_ != 0) {
    const auto passed_ns = static_cast<double>(now_ns - evidence_ns_);
    evidence.lane_busy = static_cast<double>(cpu_ns - evidence_cpu_ns_) / passed_ns;
    evidence.lane_starved = static_cast<double>(starved_ns - evidence_starved_ns_) / passed_ns;
  }
  evidence.lane_stalled_ns = view_.stalls.longest_ns(now_ns);
  evidence_starved_ns_ = starved_ns;
  evidence_ns_ = now_ns;
  evidence_cpu_ns_ = cpu_ns;
  evidence.claims_waiting = view_.desk.waiting();
  evidence.claims_waiting_max = limits::claims_waiting_max;
  evidence.loads_inflight = view_.loader.reads_inflight();
  evidence.loads_max = limits::store_reads_inflight_max;
  evidence.grant_calls_inflight = view_.desk.calls_inflight();
  evidence.grant_calls_max = view_.desk.calls_inflight_max();
  for (std::uint32_t shard = 0; shard < view_.metrics.stores.size(); ++shard) {
    evidence.failures.push_back(failures_of(shard));
    const auto* failing = telling_calls(view_.metrics.stores[shard]);
    if (failing == nullptr || !evidence.store_error.empty()) continue;
    evidence.store_error = failing->error;
    evidence.store_error_shard = shard;
    evidence.store_error_cause = cause_of(view_.metrics.stores[shard]);
  }
  if (view_.cache != nullptr) {
    view_.metrics.cache_nodes = view_.cache->nodes();
    cache_nodes_.look(view_.metrics.cache_nodes);
    evidence.slow_node = cache_nodes_.slowest();
  }
  observer_.publish(lane_, std::move(evidence));
  return true;
}

}  // namespace hunt::service
