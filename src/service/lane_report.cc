#include "service/lane_report.h"

#include <algorithm>

#include "model/limits.h"

namespace hunt::service {

namespace {

constexpr std::int64_t publish_every_ns = 100'000'000;
constexpr std::int64_t sample_every_ns = 200'000'000;
constexpr std::int64_t evidence_every_ns = 1'000'000'000;

}  // namespace

void LaneReport::publish_figures(std::int64_t now_ns, bool last) {
  if (!last && published_ns_ != INT64_MIN && now_ns - published_ns_ < publish_every_ns) return;
  published_ns_ = now_ns;
  view_.metrics.l1 = view_.l1.stats();
  observer_.publish(lane_, view_.metrics);
  watched_ = observer_.watched();
  if (watched_ && (sampled_ns_ == INT64_MIN || now_ns - sampled_ns_ >= sample_every_ns)) {
    sampled_ns_ = now_ns;
    observer_.publish(lane_, view_.sampler.sample(view_.l1, now_ns));
  }
}

boost::asio::awaitable<void> LaneReport::probe(std::uint32_t shard, ports::HuntStore* store) {
  if (round_trips_.size() <= shard) round_trips_.resize(shard + 1);
  round_trips_[shard].under_way = true;
  const std::int64_t begun_ns = clock_.now_ns();
  const model::ClaimId nobodys;
  const auto found = co_await store->find_grant(nobodys);
  RoundTrips& trips = round_trips_[shard];
  trips.under_way = false;
  if (!found) co_return;
  trips.newest_ns[trips.count++ % trips.newest_ns.size()] = clock_.now_ns() - begun_ns;
}

bool LaneReport::publish_evidence(std::int64_t now_ns) {
  if (now_ns - evidence_ns_ < evidence_every_ns) return false;
  engine::Evidence evidence;
  evidence.answers = view_.answer_times.samples(now_ns);
  evidence.claims = view_.claim_times.samples(now_ns);
  const auto open_answers = view_.open_answers.samples(now_ns);
  const auto open_claims = view_.desk.open_times(now_ns);
  evidence.answers.insert(evidence.answers.end(), open_answers.begin(), open_answers.end());
  evidence.claims.insert(evidence.claims.end(), open_claims.begin(), open_claims.end());
  for (const RoundTrips& trips : round_trips_) {
    const auto count = std::min(trips.count, trips.newest_ns.size());
    const auto end = trips.newest_ns.begin() + static_cast<std::ptrdiff_t>(count);
    evidence.round_trip_ns.push_back(count == 0 ? 0
                                                : *std::min_element(trips.newest_ns.begin(), end));
  }
  const std::int64_t cpu_ns = clock_.thread_cpu_ns();
  const std::int64_t starved_ns = clock_.thread_starved_ns();
  if (evidence_ns_ != 0) {
    const auto passed_ns = static_cast<double>(now_ns - evidence_ns_);
    evidence.lane_busy = static_cast<double>(cpu_ns - evidence_cpu_ns_) / passed_ns;
    evidence.lane_starved = static_cast<double>(starved_ns - evidence_starved_ns_) / passed_ns;
  }
  evidence_starved_ns_ = starved_ns;
  evidence_ns_ = now_ns;
  evidence_cpu_ns_ = cpu_ns;
  evidence.claims_waiting = view_.desk.waiting();
  evidence.claims_waiting_max = limits::claims_waiting_max;
  evidence.grant_calls_inflight = view_.desk.calls_inflight();
  evidence.grant_calls_max = view_.desk.calls_inflight_max();
  evidence.store_error = view_.metrics.store_error;
  evidence.store_error_shard = view_.metrics.store_error_shard;
  observer_.publish(lane_, std::move(evidence));
  return true;
}

}  // namespace hunt::service
