#include "engine/cause.h"

#include <algorithm>

namespace hunt::engine {

namespace {

using model::Cause;
using model::Stage;

constexpr double busy_lane = 0.5;  // PROTOCOLS 11: above it, the CPU is the cause, not the remote
// A lane that is so long without a core says that the machine has none left; who serves a store
// on the same machine has none either, however long it takes. From the second and the third of them
// on that is so of waits that a want of cores can explain; below the third it says nothing.
constexpr double taken_machine = 0.4;
constexpr double full_machine = 0.3;
constexpr double crowded_machine = 0.2;
// Without a core for so long, a lane is slow whatever the cache holds, and fills it too late for
// others and itself. Reads that fill the machine since the cache is empty take up to two thirds.
constexpr double hardly_runs = 0.75;
// A server waits for a core as our lanes do, and a call wakes some of its threads one after the
// other: with all cores taken by others, calls took up to seven times as long as the line of a
// lane.
constexpr std::int64_t lines_in_call_max = 12;
constexpr std::int64_t crowded_call_ns_min = 10'000'000;
// Of the work behind a backlog, beside the wait: from here on it is why, below it may be. After an
// outage of the bus all comes at once, and takes up to a thirtieth of the wait.
constexpr double fills_hands = 0.1;
constexpr double may_fill_hands = 0.05;
// Of a tail that waits on the bus most of the time, beside it: enough to be why.
constexpr double met_again = 0.2;
// Of the looks into the cache of which so many find nothing, it has nothing.
constexpr double all_missed = 0.97;
constexpr std::int64_t looks_min = 100;
// A probe that has been under way for so long waits for no core.
constexpr std::int64_t hangs_ns = 1'000'000'000;

bool front_wants_core(const Evidence& evidence) {
  return evidence.front_busy + evidence.front_starved > busy_lane;
}

bool wants_core(const Evidence& evidence) {
  return evidence.lane_busy + evidence.lane_starved > busy_lane;
}

// How long who is ready waits for a core: of our own time, or, where the system tells, at the
// machine.
double no_core_share(const Evidence& evidence) {
  return std::max(evidence.lane_starved,
                  std::min(evidence.cpu_pressure / 2, 3 * evidence.lane_starved));
}

// What a call to a server on a crowded machine may take at most because it waits for cores.
std::int64_t crowded_call_ns(const Evidence& evidence) {
  return std::max(crowded_call_ns_min,
                  lines_in_call_max * percentile_of(evidence.answers, Stage::queue, 99));
}

// Want of cores may be why a call to a server on this machine takes so long.
bool is_crowded(const Evidence& evidence, std::int64_t call_ns, double from) {
  const double share = no_core_share(evidence);
  return share >= taken_machine || (share >= from && call_ns <= crowded_call_ns(evidence));
}

// A lock that somebody else holds, or may hold, where the store does not tell: no core is missing
// for that. Calls of ours hold theirs for as long as they, and the server, want for one.
bool is_strangers_lock(const Evidence& evidence, const Part& part, const Inside& inside) {
  const Probe probe = probe_of(evidence, part.shard);
  return inside.cause == Cause::lock && (probe.strangers || !probe.tells_holders);
}

// Whether those cores are ours, too, on which the part passes.
bool is_here(const Evidence& evidence, const Part& part) {
  if (part.stage == Stage::l2) return evidence.cache_here;
  if (!model::is_of_shard(part.stage)) return false;  // the lane itself
  return part.shard < evidence.stores_here.size() && evidence.stores_here[part.shard];
}

// Who stood still waited no longer than that, and the slowest about as long.
bool is_stall(std::int64_t stalled_ns, std::int64_t wait_ns) {
  return stalled_ns * 2 >= wait_ns && stalled_ns <= wait_ns * 2;
}

// Who waits while all calls are used, or for a read, waits for the calls of the same shard.
bool waits_for(const Part& wait, const Part& call) {
  const bool fits = wait.stage == Stage::load_wait
                        ? call.stage == Stage::store_load
                        : wait.stage == Stage::claim_wait && call.stage == Stage::store_grant;
  return fits && wait.shard == call.shard;
}

// A wait may be one to be sent again, though too few calls failed to be sure of it.
bool failed_at_all(const Evidence& evidence, const Part& part) {
  return model::is_of_shard(part.stage) && part.shard < evidence.failures.size() &&
         evidence.failures[part.shard].count > 0;
}

bool all_calls_used(const Evidence& evidence) {
  return evidence.grant_calls_max > 0 && evidence.grant_calls_inflight >= evidence.grant_calls_max;
}

// Without a core for a while, a server answers late now and then. Where calls that do nothing take
// as long each time, or hang, that is no chance.
bool is_far(const Evidence& evidence, const Part& part, const Inside& inside) {
  if (inside.cause != Cause::round_trip) return false;
  const Probe probe = probe_of(evidence, part.shard);
  if (probe.open_ns >= hangs_ns || probe.newest_ns * 3 >= inside.ns * 2) return true;
  // A call may need several ways, or wait for those before it on its connection.
  return probe.newest_ns * 3 >= inside.ns && probe.newest_ns > crowded_call_ns(evidence);
}

// Of all that was stored or asked over the bus, and not of the slowest alone: what fills one pair
// of hands does not fill all of them.
struct Work {
  Part most;
  std::int64_t mean_ns = 0;  // of all stages from the lane on, per timeline
};
Work work_of_all(const Evidence& evidence) {
  std::vector<Timeline> taken;
  for (const Timeline& timeline : evidence.answers) {
    if (timeline.of(Stage::bus) > 0) taken.push_back(timeline);
  }
  const Tail whole = whole_of(std::move(taken));
  Work work{{}, whole.lane_ns() / std::max<std::int64_t>(1, whole.count)};
  if (const Part* most = whole.largest_on_lane()) work.most = *most;
  return work;
}

bool is_read(const Part& part) {
  return part.stage == Stage::load_wait || part.stage == Stage::store_load;
}

// Others wait until one is read, right now: after an outage of the bus nobody does any more.
bool all_reads_used(const Evidence& evidence) {
  return evidence.loads_max > 0 && evidence.loads_inflight >= evidence.loads_max;
}

// As a share of the wait of what is stored.
double work_share(const Work& work, const Part& backlog) {
  return static_cast<double>(work.mean_ns) /
         static_cast<double>(std::max<std::int64_t>(1, backlog.mean_ns()));
}

// After an outage of the bus all that was stored comes at once, and takes all cores for a while.
// That is none of what it had waited for: its work is too little, and no line of the lane is so
// long.
bool piled_up_before(const Evidence& evidence, const Part& part) {
  return part.is_backlog() && evidence.lane_busy <= busy_lane &&
         work_share(work_of_all(evidence), part) < fills_hands &&
         part.mean_ns() > crowded_call_ns(evidence);
}

// Of a batch: how long it looked into the cache, without the wait for others to fill it. 0: it did
// not, since others were looking for the same, or that is not known yet.
std::int64_t look_ns_of(const Timeline& timeline) {
  constexpr std::int64_t look_ns_min = 50'000;  // no server answers sooner
  if (fill_wait_of(timeline) > timeline.fill_wait_ns) return 0;
  const std::int64_t ns = timeline.of(Stage::l2) - timeline.fill_wait_ns;
  return ns < look_ns_min ? 0 : ns;
}

// Looks into the cache, where half of them at least are slow: without the time that their lane had
// no core.
std::optional<Part> usual_looks(const Evidence& evidence) {
  Part slow{Stage::l2, 0};
  std::int64_t all = 0;
  for (const Timeline& timeline : evidence.answers) {
    const std::int64_t look_ns = look_ns_of(timeline);
    if (look_ns == 0) continue;
    ++all;
    const double part = static_cast<double>(look_ns) / static_cast<double>(timeline.total_ns);
    const double starved_ns = part * static_cast<double>(timeline.starved_ns);
    const std::int64_t ns = look_ns - std::min(look_ns, static_cast<std::int64_t>(starved_ns));
    if (ns < slow_call_ns) continue;
    slow.ns += ns;
    ++slow.count;
  }
  if (slow.count < slow_calls_min || slow.count * 2 < all) return std::nullopt;
  return slow;
}

// The quickest looks are slow, and take the same time: a way does, a wait for a core does not.
bool quick_looks_are_far(const Evidence& evidence) {
  constexpr std::size_t enough = 50;
  std::vector<std::int64_t> looks;
  for (const Timeline& timeline : evidence.answers) {
    if (const std::int64_t ns = look_ns_of(timeline); ns > 0) looks.push_back(ns);
  }
  if (looks.size() < enough || no_core_share(evidence) >= taken_machine) return false;
  std::sort(looks.begin(), looks.end());
  const std::int64_t tenth_ns = looks[looks.size() / 10];
  return tenth_ns >= slow_call_ns && looks[looks.size() / 4] * 4 <= tenth_ns * 5;
}

// All nodes of the cache are asked by the same thread: a want of cores makes none of them so much
// slower than the others.
bool is_one_node_far(const SlowNode& node) {
  constexpr std::int64_t times = 10;
  return node.mean_ns >= answers_fine_ns && node.mean_ns >= times * node.others_ns;
}

// Half of the looks into the cache take longer than a want of cores explains: that is no chance.
bool is_far_cache(const Evidence& evidence, const Part& part) {
  if (part.stage != Stage::l2 || part.is_fill_wait()) return false;
  if (is_one_node_far(evidence.slow_node)) return true;
  const auto looks = usual_looks(evidence);
  if (!looks) return false;
  return !(evidence.cache_here && is_crowded(evidence, looks->mean_ns(), crowded_machine)) ||
         quick_looks_are_far(evidence);
}

// A call, or the wait to make one again that failed.
bool is_call_or_retry(const Evidence& evidence, const Part& part) {
  return is_store(part.stage) || failures_at(evidence, part) != nullptr;
}

}  // namespace

const Failures* failures_at(const Evidence& evidence, const Part& part) {
  if (part.stage != Stage::claim_wait && part.stage != Stage::load_wait) return nullptr;
  const Failures* breaking = breaking_calls(evidence, part.shard);
  return breaking != nullptr ? breaking : failing_calls(evidence, part.shard);
}

bool is_starved(const Part& part) {
  return part.starved_share() >= stands_out;
}

Cause cause_of(const Evidence& evidence, const Part& part) {
  const bool breaks = model::is_of_shard(part.stage) && breaks_for_sure(evidence, part.shard);
  if (model::is_work(part.stage) || (is_starved(part) && !breaks)) return Cause::cpu;
  if (part.missed > 0) return Cause::cache_miss;
  if (part.at_connections || part.on_full_machine) return Cause::cpu;
  const bool here = is_here(evidence, part);
  if (is_store(part.stage)) {
    const Inside inside = inside_store(evidence, part);
    // What is left over and no probe confirms may be anything.
    const bool told_long = inside.cause != Cause::round_trip && inside.cause != Cause::unclear;
    const bool crowded = here && is_crowded(evidence, told_long ? inside.ns : 0, crowded_machine);
    const bool most = inside.ns * 2 >= part.mean_ns();
    if (is_strangers_lock(evidence, part, inside)) return most ? Cause::lock : Cause::unclear;
    if (crowded && !breaks && !is_far(evidence, part, inside)) return Cause::unclear;
    if (told_beside_breaks(evidence, part)) return Cause::unclear;
    if (breaks) return Cause::round_trip;
    if (breaking_calls(evidence, part.shard) != nullptr)
      return most && inside.cause == Cause::cpu ? Cause::unclear : Cause::round_trip;
    return most ? inside.cause : Cause::unclear;
  }
  if (const Failures* failures = failures_at(evidence, part)) return failures->cause;
  if (part.stage == Stage::bus) return Cause::bus;
  if (part.stage == Stage::queue && is_stall(evidence.lane_stalled_ns, part.mean_ns()))
    return Cause::throttle;
  if (part.stage == Stage::front) {
    if (is_stall(evidence.front_stalled_ns, part.mean_ns())) return Cause::throttle;
    return front_wants_core(evidence) ? Cause::cpu : Cause::queue;
  }
  if (wants_core(evidence)) return Cause::cpu;
  if (is_far_cache(evidence, part)) return Cause::round_trip;
  if (part.starved_share() >= some_starving) return Cause::unclear;
  if (failed_at_all(evidence, part)) return Cause::unclear;
  if (part.stage == Stage::load_wait) return Cause::limit;
  if (part.stage == Stage::claim_wait) {
    return all_calls_used(evidence) ? Cause::limit : Cause::queue;
  }
  if (part.stage == Stage::l2) {
    if (part.is_fill_wait()) return Cause::cache_miss;
    return here && is_crowded(evidence, part.mean_ns(), crowded_machine) ? Cause::unclear
                                                                         : Cause::round_trip;
  }
  return Cause::queue;
}

std::vector<const Part*> parts_of_cause(const Evidence& evidence, const Tail& tail,
                                        const Part& part) {
  const Cause cause = cause_of(evidence, part);
  std::vector<const Part*> parts;
  for (const Part& other : tail.parts) {
    const bool same = other.stage == part.stage && other.shard == part.shard;
    const bool alike = is_call_or_retry(evidence, part) && is_call_or_retry(evidence, other) &&
                       other.shard == part.shard && other.ns > 0 &&
                       cause_of(evidence, other) == cause;
    const bool waits = waits_for(other, part) && call_behind_wait(evidence, tail, other);
    if (same || alike || waits) parts.push_back(&other);
  }
  return parts;
}

std::vector<Part> slow_besides(const Evidence& evidence, const std::vector<const Part*>& named) {
  constexpr std::int64_t besides_min = 5;  // not all of them are of the slowest
  std::vector<Part> parts;
  const auto add = [&](const std::optional<Part>& part) {
    if (!part || part->count < besides_min) return;
    const auto same = [&part](const Part& other) { return other.resource() == part->resource(); };
    if (std::any_of(named.begin(), named.end(), [&](const Part* other) { return same(*other); }))
      return;
    if (std::any_of(parts.begin(), parts.end(), same)) return;
    const Cause cause = cause_of(evidence, *part);
    if (cause != Cause::unclear && cause != Cause::cpu) parts.push_back(*part);
  };
  const auto shards =
      static_cast<std::uint32_t>(std::max(evidence.probes.size(), evidence.failures.size()));
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    add(usual_calls(evidence, Stage::store_grant, shard));
    add(usual_calls(evidence, Stage::store_load, shard));
  }
  add(usual_looks(evidence));
  return parts;
}

// The other process has the same shard, and most likely the same trouble with it: our own reads
// take as long, or break off, or a probe does.
std::optional<Part> read_behind_fill(const Evidence& evidence, const Tail& tail, const Part& part) {
  const std::uint32_t shard = shard_of_fills(tail);
  const std::int64_t slow_ns = std::max<std::int64_t>(1, part.mean_ns() / 2);
  const Part reads = slow_calls(evidence, Stage::store_load, shard, slow_ns);
  if (reads.count >= slow_calls_min) return reads;
  if (breaking_calls(evidence, shard) != nullptr)
    return Part{Stage::load_wait, shard, part.ns, part.count};
  const Probe probe = probe_of(evidence, shard);
  if (std::max(probe.newest_ns, probe.open_ns) < slow_ns) return std::nullopt;
  return Part{Stage::store_load, shard, part.ns, part.count};
}

std::optional<Part> call_behind_wait(const Evidence& evidence, const Tail& tail, const Part& part) {
  if (part.is_fill_wait()) return read_behind_fill(evidence, tail, part);
  const bool for_load = part.stage == Stage::load_wait;
  if (!for_load && part.stage != Stage::claim_wait) return std::nullopt;
  if (failures_at(evidence, part) != nullptr) return std::nullopt;
  const Stage stage = for_load ? Stage::store_load : Stage::store_grant;
  const Part* call = tail.find(stage, part.shard);
  if (call != nullptr && call->mean_ns() >= slow_call_ns) {
    if (cause_of(evidence, *call) != Cause::unclear) return *call;
    // Those of the tail may not be over. What the others told, these come to in their turn.
    return filling_calls_over(evidence, stage, part.shard).value_or(*call);
  }
  // Those of the tail are still in line: what a call is like, the others know.
  if (auto calls = filling_calls(evidence, stage, part.shard)) return calls;
  const Probe probe = probe_of(evidence, part.shard);
  if (probe.locked) return Part{stage, part.shard, part.ns, part.count};
  const std::int64_t probe_ns = std::max(probe.newest_ns, probe.open_ns);
  if (probe_ns < slow_call_ns) return std::nullopt;
  return Part{stage, part.shard, probe_ns, 1};
}

const Part* way_behind_call(const Evidence& evidence, const Tail& tail, const Part& part) {
  constexpr double enough_to_tell = 0.2;  // of the tail: not one call among many
  if (!is_store(part.stage) || cause_of(evidence, part) != Cause::unclear) return nullptr;
  const Part* other = tail.find(
      part.stage == Stage::store_load ? Stage::store_grant : Stage::store_load, part.shard);
  if (other == nullptr || tail.share(*other) < enough_to_tell) return nullptr;
  return cause_of(evidence, *other) == Cause::round_trip ? other : nullptr;
}

const Part* retry_behind_call(const Evidence& evidence, const Tail& tail, const Part& part) {
  if (!is_store(part.stage) || breaking_calls(evidence, part.shard) == nullptr) return nullptr;
  const Part* wait =
      tail.find(part.stage == Stage::store_load ? Stage::load_wait : Stage::claim_wait, part.shard);
  if (wait == nullptr || wait->ns * 2 < part.ns) return nullptr;
  return inside_store(evidence, part).cause == Cause::lock ? nullptr : wait;
}

double share_of_shard(const Tail& tail, std::uint32_t shard) {
  double share = 0;
  for (const Part& part : tail.parts) {
    if (model::is_of_shard(part.stage) && part.shard == shard) share += tail.share(part);
  }
  return share;
}

const Part* part_behind_breaks(const Evidence& evidence, const Tail& tail) {
  constexpr double wait_worth_telling = 0.2;
  const Part* wait = nullptr;
  const Part* call = nullptr;
  for (const Part& part : tail.parts) {
    if (!model::is_of_shard(part.stage) || !breaks_for_sure(evidence, part.shard)) continue;
    if (share_of_shard(tail, part.shard) < stands_out) continue;
    if (tail.share(part) >= stands_out && told_beside_breaks(evidence, part)) return nullptr;
    const Part*& longest = is_store(part.stage) ? call : wait;
    if (longest == nullptr || part.ns > longest->ns) longest = &part;
  }
  return wait != nullptr && tail.share(*wait) >= wait_worth_telling ? wait : call;
}

std::optional<Part> work_behind_backlog(const Evidence& evidence, const Tail& tail,
                                        const Part& part) {
  if (!part.is_backlog()) return std::nullopt;
  // The slowest themselves meet it on the lane, too: one thing, and not a little of all.
  const Part* there = tail.largest_on_lane();
  const double met = met_again * static_cast<double>(tail.total_ns);
  if (there != nullptr && there->mean_ns() >= answers_fine_ns &&
      static_cast<double>(tail.lane_ns()) >= met && there->ns * 2 >= tail.lane_ns())
    return *there;
  const Work work = work_of_all(evidence);
  if (work.mean_ns < answers_fine_ns) return std::nullopt;
  const bool in_line = is_read(work.most) && all_reads_used(evidence);
  if (!in_line && work_share(work, part) < fills_hands) return std::nullopt;
  return work.most;
}

bool may_have_hands_full(const Evidence& evidence, const Part& part) {
  return part.is_backlog() && work_share(work_of_all(evidence), part) >= may_fill_hands;
}

std::optional<Part> line_behind_call(const Evidence& evidence, const Part& part) {
  const bool waits = model::is_of_shard(part.stage) || part.stage == Stage::l2 || part.is_backlog();
  const bool stood_still = is_stall(evidence.lane_stalled_ns, part.mean_ns());
  if (stood_still && (waits || part.stage == Stage::front))
    return Part{Stage::queue, 0, part.ns, part.count};
  if (!waits) return std::nullopt;
  if (is_starved(part)) {
    Part line{Stage::queue, 0, part.starved_ns, part.count};
    line.starved_ns = part.starved_ns;
    return line;
  }
  if (is_store(part.stage) && cause_of(evidence, part) == Cause::cpu) {
    Part line{Stage::queue, part.shard, inside_store(evidence, part).ns, 1};
    line.at_connections = true;
    return line;
  }
  if (!wants_core(evidence) || piled_up_before(evidence, part)) return std::nullopt;
  if (part.stage == Stage::bus) return Part{Stage::queue, 0, part.ns, part.count};
  const std::int64_t line_ns = percentile_of(evidence.answers, Stage::queue, 99);
  if (line_ns * 2 < part.mean_ns()) return std::nullopt;
  return Part{Stage::queue, 0, line_ns, 1};
}

std::optional<Part> full_machine_behind(const Evidence& evidence, const Tail& tail,
                                        const Part& part) {
  if (!is_here(evidence, part) || !is_crowded(evidence, part.mean_ns(), full_machine))
    return std::nullopt;
  if (is_before_lane(part.stage)) return std::nullopt;
  if (is_store(part.stage)) {
    const Inside inside = inside_store(evidence, part);
    if (is_strangers_lock(evidence, part, inside)) return std::nullopt;
    // Calls that do nothing take as long, and longer than any line here.
    const bool long_way = probe_of(evidence, part.shard).newest_ns > crowded_call_ns(evidence);
    if (long_way && is_far(evidence, part, inside)) return std::nullopt;
  }
  Part all{Stage::queue, 0, tail.total_ns, tail.count};
  all.on_full_machine = true;
  return all;
}

std::optional<Part> empty_cache_behind(const Evidence& evidence, const Tail& tail) {
  if (usual_looks(evidence)) return std::nullopt;  // it does not answer at once
  if (evidence.lane_starved >= hardly_runs) return std::nullopt;
  std::int64_t looks = 0;
  Part empty{Stage::l2, 0, tail.total_ns, tail.count};
  for (const Timeline& timeline : evidence.answers) {
    if (timeline.of(Stage::l2) == 0) continue;
    ++looks;
    if (timeline.of(Stage::store_load) + timeline.of(Stage::load_wait) > 0) ++empty.missed;
  }
  if (looks < looks_min ||
      static_cast<double>(empty.missed) < all_missed * static_cast<double>(looks))
    return std::nullopt;
  return empty;
}

bool surely_wants_core(const Evidence& evidence) {
  constexpr std::int64_t starved_ns_min = answers_fine_ns / 2;
  constexpr std::int64_t tenth = 10;
  if (wants_core(evidence) || evidence.lane_starved >= taken_machine) return true;
  const auto& all = evidence.answers;
  const auto starved = std::count_if(all.begin(), all.end(), [](const Timeline& timeline) {
    return timeline.starved_ns >= starved_ns_min && timeline.starved_ns * 2 >= timeline.total_ns;
  });
  return starved > 0 && static_cast<std::size_t>(starved * tenth) >= all.size();
}

std::optional<Part> stall_behind(const Evidence& evidence, const Tail& tail) {
  if (tail.share(tail.largest()) >= stands_out) return std::nullopt;
  if (is_stall(evidence.lane_stalled_ns, tail.mean_ns()))
    return Part{Stage::queue, 0, tail.total_ns, tail.count};
  // Or it is met twice: once before it is taken from the bus or the socket, and once after.
  std::int64_t lines_ns = 0;
  for (const Part& part : tail.parts) {
    const bool line = is_before_lane(part.stage) || part.stage == Stage::queue;
    if (line && is_stall(evidence.lane_stalled_ns, part.mean_ns())) lines_ns += part.ns;
  }
  if (lines_ns == 0 || lines_ns * 2 < tail.total_ns) return std::nullopt;
  return Part{Stage::queue, 0, evidence.lane_stalled_ns * tail.count, tail.count};
}

double share_of_cause(const Evidence& evidence, const Tail& tail, Cause cause) {
  double share = 0;
  for (const Part& part : tail.parts) {
    if (is_store(part.stage) && cause_of(evidence, part) == cause) share += tail.share(part);
  }
  return share;
}

}  // namespace hunt::engine
