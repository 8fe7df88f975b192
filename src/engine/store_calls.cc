#include "engine/store_calls.h"

#include <algorithm>

namespace hunt::engine {

namespace {

using model::Cause;
using model::Stage;

// Of a wait for others: so much of it our own thread was awake that the wait is the thread's.
constexpr double busy_thread = 0.75;

// A call holds its rows while it executes and commits, and others of ours wait for them: a wait of
// a few such calls has no stranger behind it, one of many perhaps. Better is what the store says.
constexpr std::int64_t slow_holder_ns = 20'000'000;
constexpr std::int64_t own_holders = 4;
constexpr std::int64_t own_holders_max = 12;
// What a probe answers so many times quicker than is no way there and back.
constexpr std::int64_t quick_probe_part = 5;
// Of a call: so much of it has to be told of what the calls before it on its connection wait for.
constexpr std::int64_t worth_telling_part = 5;

// Calls that have told nothing: a store that answers a probe at once is there, and busy with what
// was asked.
Inside calls_not_ended(const Evidence& evidence, const Part& part, std::int64_t untold_ns) {
  const Probe probe = probe_of(evidence, part.shard);
  const std::int64_t probe_ns = std::max(probe.newest_ns, probe.open_ns);
  if (probe_ns * 2 >= untold_ns) return {Cause::round_trip, std::min(probe_ns, untold_ns), true};
  // One of before the calls began says nothing of them. What is untold is of few perhaps.
  const std::int64_t open_ns =
      part.untold == 0 ? untold_ns : (part.ns - part.told.told_ns) / part.untold;
  const bool meanwhile = probe.newest_ns > 0 && probe.age_ns < open_ns;
  if (!meanwhile || probe_ns * 5 > untold_ns) return {Cause::unclear, untold_ns, true};
  // Locks that other calls of ours hold are held for as long as these take.
  if (probe.locked && (probe.strangers || !probe.tells_holders))
    return {Cause::lock, untold_ns, true};
  // Reads do not commit: those that do are others, of the same shard.
  if (probe.committing && part.stage == Stage::store_grant) return {Cause::commit, untold_ns, true};
  return {Cause::server, untold_ns, true};
}

// The calls of a stage to a shard for which `holds(timeline, ns)`, of the tail or not.
template <class Holds>
Part calls_that(const Evidence& evidence, Stage stage, std::uint32_t shard, const Holds& holds) {
  Part calls{stage, shard};
  const auto add_all = [&](const std::vector<Timeline>& timelines) {
    for (const Timeline& timeline : timelines) {
      const std::int64_t ns = timeline.of(stage);
      if (timeline.shard_of(stage) == shard && holds(timeline, ns)) calls.add(timeline, ns);
    }
  };
  add_all(evidence.answers);
  // A claim's timeline has the loads of its batch, too.
  if (stage == Stage::store_grant) add_all(evidence.claims);
  return calls;
}

// Of those the ones that are over, told what took them, and took so long.
Part calls_over(const Evidence& evidence, Stage stage, std::uint32_t shard, std::int64_t least_ns) {
  return calls_that(evidence, stage, shard, [&](const auto& timeline, auto ns) {
    return ns >= least_ns && timeline.in_store(stage).told_ns * 2 >= ns;
  });
}

// The slow calls, where they are half of all, by number or by time.
std::optional<Part> slow_half(const Part& slow, const Part& all, std::int64_t Part::*measure) {
  if (slow.count < slow_calls_min || slow.*measure * 2 < all.*measure) return std::nullopt;
  return slow;
}

// A call waits for those before it on its connection, which a probe does not: what is no way is the
// line behind calls that wait for the same as this one did in its turn. `rest` is what it told
// nothing of.
Inside behind_others(const Evidence& evidence, const Part& part, const Inside& rest) {
  const Probe probe = probe_of(evidence, part.shard);
  const std::int64_t probe_ns = std::max(probe.newest_ns, probe.open_ns);
  if (probe.newest_ns == 0 || rest.ns < slow_call_ns || probe_ns * quick_probe_part > rest.ns)
    return rest;
  const std::int64_t count = std::max<std::int64_t>(1, part.count);
  Inside most{Cause::lock, part.told.lock_ns / count};
  for (const auto& one : {Inside{Cause::server, part.told.exec_ns / count},
                          Inside{Cause::commit, part.told.commit_ns / count}}) {
    if (one.ns > most.ns) most = one;
  }
  // Where the store says that calls wait for a stranger's lock, each in a line may have waited for
  // it in its turn.
  const bool store_says = most.cause == Cause::lock && probe.locked && probe.strangers;
  const auto line = static_cast<std::int64_t>(evidence.grant_calls_max);
  const std::int64_t parts = store_says ? std::max(worth_telling_part, line) : worth_telling_part;
  if (most.ns * parts < part.mean_ns()) return rest;
  return {most.cause, most.ns + rest.ns};
}

// What takes the most of what the calls of a part told: of those that are over.
Inside inside_told(const Evidence& evidence, const Part& part) {
  const std::int64_t whole_ns = part.mean_ns();
  const std::int64_t count = std::max<std::int64_t>(1, part.count);
  const std::int64_t told_ns = std::min(part.told.told_ns / count, whole_ns);
  const std::int64_t lock_ns = part.told.lock_ns / count;
  const std::int64_t exec_ns = part.told.exec_ns / count;
  const std::int64_t told_commit_ns = part.told.commit_ns / count;
  const std::int64_t rest_ns =
      std::max<std::int64_t>(0, told_ns - lock_ns - exec_ns - told_commit_ns);
  const std::int64_t starved_ns = part.starved_ns / count;
  const std::int64_t awake_ns = part.told.thread_ns / count + starved_ns;
  const std::int64_t ours_ns = std::min(rest_ns, awake_ns);
  const auto is_busy = [](std::int64_t awake, std::int64_t of) {
    return of > 0 && static_cast<double>(awake) >= busy_thread * static_cast<double>(of);
  };
  // The end of a commit is seen late, where the lane has no core, or the same thread hardly sleeps.
  const std::int64_t late_ns = is_busy(awake_ns, told_ns) ? awake_ns - ours_ns : starved_ns;
  const std::int64_t commit_ns = std::max<std::int64_t>(0, told_commit_ns - late_ns);
  // No call is back sooner than one that does nothing.
  const Probe probe = probe_of(evidence, part.shard);
  const std::int64_t way_ns = std::max(rest_ns - ours_ns, std::min(rest_ns, probe.newest_ns));
  Inside most{Cause::round_trip, way_ns};
  if (is_busy(ours_ns, rest_ns) && way_ns * 2 < rest_ns) most = {Cause::cpu, rest_ns};
  // What they held them for has to be one thing clearly.
  const std::int64_t held_ns = std::max(exec_ns, commit_ns);
  const bool slow = held_ns >= slow_holder_ns && std::min(exec_ns, commit_ns) * 3 <= held_ns;
  const bool no_stranger = probe.tells_holders && !probe.strangers;
  const bool told_ours = no_stranger && probe.locked;
  const bool ours = no_stranger && slow && (told_ours || lock_ns <= own_holders * held_ns);
  const bool perhaps_ours =
      no_stranger && !ours && (told_ours || (slow && lock_ns <= own_holders_max * held_ns));
  const auto with_locks = [&](Cause cause, std::int64_t ns, bool holds) {
    const std::int64_t own_locks_ns = ours && holds ? lock_ns : 0;
    return Inside{cause, ns + own_locks_ns, false, own_locks_ns};
  };
  for (const auto& one : {Inside{perhaps_ours ? Cause::unclear : Cause::lock, ours ? 0 : lock_ns},
                          with_locks(Cause::server, exec_ns, exec_ns > commit_ns),
                          with_locks(Cause::commit, commit_ns, exec_ns <= commit_ns)}) {
    if (one.ns > most.ns) most = one;
  }
  return most.cause == Cause::round_trip ? behind_others(evidence, part, most) : most;
}

// Of calls that are not over nobody knows. But other calls to that shard are, which took about as
// long at least; and reads and grants go the same way.
std::optional<Cause> cause_of_those_over(const Evidence& evidence, const Part& part,
                                         std::int64_t untold_each_ns) {
  constexpr std::int64_t as_long_part = 4;
  const std::int64_t least_ns = std::max(slow_call_ns, untold_each_ns / as_long_part);
  for (const Stage stage : {Stage::store_load, Stage::store_grant}) {
    const Part over = calls_over(evidence, stage, part.shard, least_ns);
    if (over.count < slow_calls_min) continue;
    const Inside inside = inside_told(evidence, over);
    if (inside.cause == Cause::unclear || inside.ns * 2 < over.mean_ns()) continue;
    if (stage == part.stage || inside.cause == Cause::round_trip) return inside.cause;
  }
  return std::nullopt;
}

}  // namespace

Probe probe_of(const Evidence& evidence, std::uint32_t shard) {
  return shard < evidence.probes.size() ? evidence.probes[shard] : Probe{};
}

Part slow_calls(const Evidence& evidence, Stage stage, std::uint32_t shard, std::int64_t slow_ns) {
  return calls_that(evidence, stage, shard,
                    [slow_ns](const auto&, auto ns) { return ns >= slow_ns; });
}

std::optional<Part> usual_calls(const Evidence& evidence, Stage stage, std::uint32_t shard) {
  return slow_half(slow_calls(evidence, stage, shard, slow_call_ns),
                   slow_calls(evidence, stage, shard, 1), &Part::count);
}

bool is_usual(const Evidence& evidence, const Part& part) {
  constexpr std::int64_t usual_min = 5;
  if (!is_store(part.stage)) return false;
  const auto calls = usual_calls(evidence, part.stage, part.shard);
  return calls && calls->count >= usual_min && calls->mean_ns() * 3 >= part.mean_ns();
}

std::optional<Part> filling_calls(const Evidence& evidence, Stage stage, std::uint32_t shard) {
  return slow_half(slow_calls(evidence, stage, shard, slow_call_ns),
                   slow_calls(evidence, stage, shard, 1), &Part::ns);
}

std::optional<Part> filling_calls_over(const Evidence& evidence, Stage stage, std::uint32_t shard) {
  return slow_half(calls_over(evidence, stage, shard, slow_call_ns),
                   calls_over(evidence, stage, shard, 1), &Part::ns);
}

const Failures* failing_calls(const Evidence& evidence, std::uint32_t shard) {
  constexpr std::uint64_t failures_min = 5;  // in ten seconds; fewer may happen
  if (shard >= evidence.failures.size()) return nullptr;
  const Failures& failures = evidence.failures[shard];
  return failures.count >= failures_min ? &failures : nullptr;
}

const Failures* breaking_calls(const Evidence& evidence, std::uint32_t shard) {
  constexpr std::uint64_t breaks_min = 2;  // the tail has a wait for each; one may happen
  if (shard >= evidence.failures.size()) return nullptr;
  const Failures& failures = evidence.failures[shard];
  return failures.cause == Cause::round_trip && failures.breaks >= breaks_min ? &failures : nullptr;
}

Inside inside_store(const Evidence& evidence, const Part& part) {
  const std::int64_t whole_ns = part.mean_ns();
  const std::int64_t count = std::max<std::int64_t>(1, part.count);
  const std::int64_t told_ns = std::min(part.told.told_ns / count, whole_ns);
  const Inside most = inside_told(evidence, part);
  Inside untold = calls_not_ended(evidence, part, whole_ns - told_ns);
  if (untold.cause == Cause::unclear && part.untold > 0) {
    const std::int64_t each_ns = (part.ns - part.told.told_ns) / part.untold;
    if (const auto cause = cause_of_those_over(evidence, part, each_ns))
      untold = {*cause, untold.ns, false};
  }
  // What is over and what is not may suffer from the same.
  if (untold.cause == most.cause) {
    return {most.cause, most.ns + untold.ns, untold.ns > most.ns, most.own_locks_ns};
  }
  // Nor is it another for those of which nothing is known, where a good part is over.
  const bool tells_of_all = untold.cause == Cause::unclear && most.cause != Cause::unclear &&
                            told_ns * 3 >= whole_ns && most.ns * 2 >= told_ns;
  if (tells_of_all) {
    const double times = static_cast<double>(whole_ns) / static_cast<double>(told_ns);
    return {most.cause, static_cast<std::int64_t>(static_cast<double>(most.ns) * times), false,
            most.own_locks_ns};
  }
  return whole_ns - told_ns <= most.ns ? most : untold;
}

bool breaks_for_sure(const Evidence& evidence, std::uint32_t shard) {
  constexpr std::uint64_t breaks_sure = 5;  // in ten seconds; fewer may happen
  const Failures* failures = failing_calls(evidence, shard);
  return failures != nullptr && failures->cause == Cause::round_trip &&
         failures->breaks >= breaks_sure;
}

bool told_beside_breaks(const Evidence& evidence, const Part& part) {
  if (!is_store(part.stage) || breaking_calls(evidence, part.shard) == nullptr) return false;
  const Inside inside = inside_store(evidence, part);
  // A call that broke leaves its locks for a while, and no stranger holds them.
  const Probe probe = probe_of(evidence, part.shard);
  if (inside.cause == Cause::lock && probe.tells_holders && !probe.strangers) return false;
  const bool at_server = inside.cause != Cause::round_trip && inside.cause != Cause::cpu;
  return at_server && inside.ns * 2 >= part.mean_ns() && !inside.guessed;
}

}  // namespace hunt::engine
