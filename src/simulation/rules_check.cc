#include "simulation/rules_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/rules_by.h"

#include "simulation/run_rules.h"

namespace hunt::simulation {

namespace {

using engine::LedgerRule;

const std::int64_t lead_us = service::RulesBookOptions{}.lead_us;
// Between two looks, and an answer that was made before the last of them saw the end.
constexpr std::int64_t stopped_slack_ns = 1'000'000'000;

}  // namespace

void RulesCheck::on_timeline(std::size_t shard, const model::RulesTimeline& timeline) {
  note_stopped();
  if (shard != 0) {
    const auto known = decided_.find(timeline.seq);
    if (known != decided_.end() && known->second == timeline) return;
    return violated_(
        LedgerRule::rules_agree,
        fmt::format("shard {} took a change {} that shard 0 did not decide", shard, timeline.seq));
  }
  const model::RulesTimeline before =
      decided_.empty() ? model::RulesTimeline{} : decided_.rbegin()->second;
  if (timeline.seq != before.seq + 1) {
    violated_(LedgerRule::rules_agree,
              fmt::format("shard 0 went from change {} to {}", before.seq, timeline.seq));
  }
  check_files(before, timeline);
  decided_[timeline.seq] = timeline;
  taken_.emplace_back(cluster_.world.wall_us(), timeline);
  std::erase_if(stops_, [&](const auto& one) { return timeline.stop_of(one.first) == nullptr; });
}

// What files proposed has to be newer than all that was there; what is pushed by hand, not older.
void RulesCheck::check_files(const model::RulesTimeline& before,
                             const model::RulesTimeline& after) {
  if (after.turns.empty() || before.turns.empty()) return;
  const model::RulesTurn& turn = after.turns.back();
  const bool pushed = turn.by == by_a_push;
  if (turn == before.turns.back() || !(pushed || turn.by.starts_with(model::by_files))) return;
  const std::uint64_t highest = before.revision_max();
  const bool newer = turn.revision > highest || (pushed && turn.revision == highest) ||
                     (highest == 0 && turn.revision == 0 && before.find(turn.version) == nullptr);
  if (newer) return;
  violated_(LedgerRule::revision_rises,
            fmt::format("{} put revision {} ({}) in force, but revision {} was taken before",
                        turn.by, turn.revision, turn.version, highest));
}

void RulesCheck::on_grant(std::size_t shard, const model::Grant& grant, const model::Claim& claim,
                          std::string_view event) {
  const model::RulesTimeline& kept = kept_by(shard);
  const auto stop = stops_.find(event);
  if (stop != stops_.end() && stop->second.shards.contains(shard)) {
    violated_(LedgerRule::stop_holds,
              fmt::format("claim {} was granted by shard {} after the stop of {} was acknowledged "
                          "as change {}",
                          model::format_claim_id(grant.claim), shard, event, stop->second.seq));
  }
  const std::uint64_t known = std::max(kept.seq, claim.rules_seq);
  if (known == 0) return;  // neither has heard of any: the files that a run begins with
  const auto truth = decided_.find(known);
  if (truth == decided_.end()) {
    return violated_(LedgerRule::rules_agree,
                     fmt::format("claim {} was rolled by a change {} that nobody decided",
                                 model::format_claim_id(grant.claim), claim.rules_seq));
  }
  const std::string& in_force = truth->second.at(grant.as_of_us).version;
  if (grant.rules != in_force) {
    violated_(
        LedgerRule::rules_in_time,
        fmt::format("claim {} was granted by shard {} with the rules {}, but as of it {} were "
                    "in force",
                    model::format_claim_id(grant.claim), shard, grant.rules, in_force));
  }
  if (truth->second.stop_of(event) != nullptr) {
    violated_(LedgerRule::stop_holds,
              fmt::format("claim {} was granted by shard {}, though change {} stops {}",
                          model::format_claim_id(grant.claim), shard, truth->first, event));
  }
}

// Nobody was told of what it lost: a change is acknowledged, and read, once the standby has it.
void RulesCheck::on_failover(std::size_t shard) {
  const std::uint64_t kept = kept_by(shard).seq;
  if (shard == 0) decided_.erase(decided_.upper_bound(kept), decided_.end());
  for (const auto& [event, stop] : stops_) {
    if (stop.seq <= kept || !stop.shards.contains(shard)) continue;
    violated_(LedgerRule::stop_holds,
              fmt::format("shard {} lost the stop of {}, which was acknowledged", shard, event));
  }
}

void RulesCheck::on_acknowledged(const model::RulesChange& change,
                                 const ports::RulesChanged& done) {
  using Kind = model::RulesChange::Kind;
  if (decided_.empty()) return;
  if (change.kind == Kind::rollback) {
    const std::int64_t latest_us = cluster_.world.wall_us() + clock_high_us_ + lead_us;
    if (done.timeline.turns.back().from_us > latest_us) {
      violated_(LedgerRule::rules_due, "a rollback that was acknowledged comes too late");
    }
  }
  if (change.kind == Kind::stop) check_stop(change.event, done);
}

void RulesCheck::check_stop(const std::string& event, const ports::RulesChanged& done) {
  Stop stop;
  stop.seq = done.timeline.seq;
  for (std::size_t shard = 0; shard < cluster_.shards.size(); ++shard) {
    const auto& missing = done.missing;
    if (std::find(missing.begin(), missing.end(), shard) != missing.end()) continue;
    stop.shards.insert(shard);
    if (kept_by(shard).seq >= stop.seq) continue;
    violated_(LedgerRule::stop_holds,
              fmt::format("the stop of {} was acknowledged as change {}, but shard {} has {}",
                          event, stop.seq, shard, kept_by(shard).seq));
  }
  const model::StoppedEvent* now = decided_.rbegin()->second.stop_of(event);
  const model::StoppedEvent* then = done.timeline.stop_of(event);
  const bool started = now == nullptr || then == nullptr || !(*now == *then);
  if (!started) stops_[event] = std::move(stop);
}

void RulesCheck::look() {
  note_stopped();
  for (std::size_t pod = 0; pod < cluster_.pod_count(); ++pod) check_pod(pod);
}

void RulesCheck::check_pod(std::size_t pod) {
  const service::RulesBook* book = cluster_.book(pod);
  if (book == nullptr || book->timeline().seq == 0) return;
  const model::RulesTimeline timeline = book->timeline();
  const auto decided = decided_.find(timeline.seq);
  if (decided == decided_.end() || !(decided->second == timeline)) {
    return violated_(
        LedgerRule::rules_agree,
        fmt::format("pod {} has another change {} than shard 0 decided", pod, timeline.seq));
  }
  const model::RulesInForcePtr rules = book->in_force();
  bool same = rules->seq == timeline.seq && rules->turns.size() == timeline.turns.size();
  for (std::size_t i = 0; same && i < timeline.turns.size(); ++i) {
    same = rules->turns[i].from_us == timeline.turns[i].from_us &&
           rules->turns[i].set->version == timeline.turns[i].version;
  }
  if (same) return;
  violated_(LedgerRule::rules_agree,
            fmt::format("pod {} judges by other rules than change {} says", pod, timeline.seq));
}

std::set<std::string> RulesCheck::stopped_now() {
  std::set<std::string> out;
  const auto add = [&out](const model::RulesTimeline& timeline) {
    for (const auto& one : timeline.stopped) out.insert(one.event);
  };
  for (std::size_t shard = 0; shard < cluster_.shards.size(); ++shard) add(kept_by(shard));
  for (std::size_t pod = 0; pod < cluster_.pod_count(); ++pod) {
    if (const service::RulesBook* book = cluster_.book(pod)) add(book->timeline());
  }
  return out;
}

void RulesCheck::note_stopped() {
  const std::int64_t now_ns = cluster_.world.now_ns();
  for (const auto& event : stopped_now()) {
    auto& times = stopped_[event];
    if (times.empty() || now_ns - times.back().second > stopped_slack_ns) {
      times.emplace_back(now_ns, now_ns);
    }
    times.back().second = now_ns;
  }
}

bool RulesCheck::could_be_stopped(std::string_view event, std::int64_t from_ns,
                                  std::int64_t until_ns) {
  note_stopped();
  const auto found = stopped_.find(event);
  if (found == stopped_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const auto& time) {
    return time.first <= until_ns && from_ns <= time.second + stopped_slack_ns;
  });
}

bool RulesCheck::any_since(std::int64_t from_us,
                           const std::function<bool(const std::string&)>& is_it) const {
  constexpr std::int64_t late_us_max = 20'000'000;
  constexpr std::int64_t early_us_max = 6'000'000;  // a wrong clock, and the lead
  const std::int64_t until_us = cluster_.world.wall_us() + early_us_max;
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    if (i + 1 < taken_.size() && taken_[i + 1].first + late_us_max < from_us) continue;
    const auto& turns = taken_[i].second.turns;
    for (auto turn = turns.begin(); turn != turns.end(); ++turn) {
      const bool is_over = std::any_of(turn + 1, turns.end(), [&](const model::RulesTurn& later) {
        return later.from_us + late_us_max < from_us;
      });
      if (!is_over && turn->from_us <= until_us && is_it(turn->version)) return true;
    }
  }
  // Before the first of them, and for who has not heard of it yet: what a run begins with.
  const bool is_first = taken_.empty() || from_us < taken_.front().first + late_us_max;
  return is_first && is_it(cluster_.rules()->version);
}

void RulesCheck::finish_settled() {
  if (decided_.empty()) return;
  const model::RulesTimeline& newest = decided_.rbegin()->second;
  for (std::size_t shard = 0; shard < cluster_.shards.size(); ++shard) {
    if (kept_by(shard) == newest) continue;
    violated_(LedgerRule::rules_due,
              fmt::format("all was well for seconds, but shard {} has change {} of {}", shard,
                          kept_by(shard).seq, newest.seq));
  }
  for (std::size_t pod = 0; pod < cluster_.pod_count(); ++pod) check_settled_pod(pod);
}

// It knows the newest, can make it, and its files are not newer.
void RulesCheck::check_settled_pod(std::size_t pod) {
  const service::RulesBook* book = cluster_.book(pod);
  if (book == nullptr) return;
  const model::RulesTimeline& newest = decided_.rbegin()->second;
  const auto wrong = [&](const std::string& what) {
    violated_(LedgerRule::rules_due,
              fmt::format("all was well for seconds, but pod {} {}", pod, what));
  };
  if (!(book->timeline() == newest)) {
    wrong(fmt::format("knows change {} of {}", book->timeline().seq, newest.seq));
  }
  if (!book->missing().empty()) wrong("says that a shard is behind");
  if (!book->cannot().empty()) wrong(book->cannot());
  const service::RulesOffer& files = cluster_.files(pod);
  const auto is = model::judge_offer(newest, files.set->version, files.revision);
  if (is == model::OfferIs::fresh) {
    wrong(fmt::format("has files of revision {} that are not in force", files.revision));
  }
}

}  // namespace hunt::simulation
