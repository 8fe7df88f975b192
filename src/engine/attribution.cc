#include "engine/attribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace hunt::engine {

namespace {

using model::Cause;
using model::Stage;

constexpr double stands_out = 0.5;  // a share below this is no single culprit
constexpr double busy_lane = 0.5;   // PROTOCOLS 11: above it, the CPU is the cause, not the remote
constexpr std::size_t tail_min = 5;
// Below these it may be chance: timelines at all, and those of the tail that the culprit fills.
constexpr std::size_t samples_min = 20;
constexpr std::int64_t filled_min = 3;
constexpr double worth_telling = 0.2;  // a share from here on is told beside the largest
// Of a wait without a core: from here on it may be what makes the wait long.
constexpr double some_starving = 0.2;
// Of a wait for others: so much of it our own thread was awake that the wait is the thread's.
constexpr double busy_thread = 0.75;
// A lane that is so long without a core says that the machine has none left; who serves a store
// on the same machine has none either. Below the second of them it says nothing.
constexpr double full_machine = 0.3;
constexpr double crowded_machine = 0.2;
// Of the work behind a backlog, beside the wait: from here on it is why, below it may be.
constexpr double fills_hands = 0.2;
constexpr double may_fill_hands = 0.1;
constexpr std::uint64_t failures_min = 5;             // fewer are no reason to wait
constexpr std::int64_t still_ns_min = 3'000'000'000;  // three looks at a lane that did not come

std::string ms(std::int64_t ns) {
  const double value = static_cast<double>(ns) / 1e6;
  return value >= 100 ? fmt::format("{:.0f} ms", value) : fmt::format("{:.3g} ms", value);
}

std::string percent(double share) {
  return fmt::format("{:.0f} %", share * 100);
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

bool is_store(Stage stage) {
  return stage == Stage::store_load || stage == Stage::store_grant;
}

// What a batch meets before it comes to a lane, and after.
bool is_before_lane(Stage stage) {
  return stage == Stage::bus || stage == Stage::front;
}

// When it had no core is not known, only how long: each wait has its share of it.
std::int64_t starved_in(const Timeline& timeline, std::int64_t wait_ns) {
  const std::int64_t here_ns =
      timeline.total_ns - timeline.of(Stage::bus) - timeline.of(Stage::front);
  if (here_ns <= 0) return 0;
  const double part = static_cast<double>(wait_ns) / static_cast<double>(here_ns);
  return std::min(wait_ns,
                  static_cast<std::int64_t>(static_cast<double>(timeline.starved_ns) * part));
}

// One stage at one resource, of the timelines of a tail that were there.
struct Part {
  Stage stage = Stage::queue;
  std::uint32_t shard = 0;
  std::int64_t ns = 0;
  std::int64_t count = 0;   // timelines
  std::int64_t filled = 0;  // of them, those where it takes half of what the tail takes on average
  InStore told{};
  std::int64_t fill_wait_ns = 0;
  std::int64_t bus_way_ns = 0;
  std::int64_t starved_ns = 0;   // of `ns` at most
  bool at_connections = false;   // not at the lane, but at the thread of a store's connections
  bool on_full_machine = false;  // at a store that shares the machine with us

  [[nodiscard]] double starved_share() const {
    return ns == 0 ? 0.0 : static_cast<double>(starved_ns) / static_cast<double>(ns);
  }
  [[nodiscard]] std::int64_t mean_ns() const { return count == 0 ? 0 : ns / count; }
  [[nodiscard]] std::string resource() const { return model::resource_of(stage, shard); }
};

// The slowest 1 %, at least five where there are as many.
struct Tail {
  std::vector<Part> parts;  // every stage, in order; those of shards once for each shard seen
  std::int64_t total_ns = 0;
  std::int64_t count = 0;

  [[nodiscard]] std::int64_t mean_ns() const { return count == 0 ? 0 : total_ns / count; }
  [[nodiscard]] double share(const Part& part) const {
    return total_ns == 0 ? 0.0 : static_cast<double>(part.ns) / static_cast<double>(total_ns);
  }
  [[nodiscard]] const Part& largest() const {
    return *std::max_element(parts.begin(), parts.end(),
                             [](const Part& a, const Part& b) { return a.ns < b.ns; });
  }
  [[nodiscard]] const Part* find(Stage stage, std::uint32_t shard) const {
    const auto found = std::find_if(parts.begin(), parts.end(), [&](const Part& part) {
      return part.stage == stage && part.shard == shard;
    });
    return found == parts.end() ? nullptr : &*found;
  }
};

// How many the slowest 1 % are; they are moved to the front.
std::size_t slowest_first(std::vector<Timeline>& all) {
  if (all.empty()) return 0;
  const std::size_t count = std::max(std::min(all.size(), tail_min), all.size() / 100);
  std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count) - 1, all.end(),
                   [](const Timeline& a, const Timeline& b) { return a.total_ns > b.total_ns; });
  return count;
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
      if (ns * 2 >= tail.mean_ns()) ++part.filled;
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
  return tail;
}

bool front_wants_core(const Evidence& evidence) {
  return evidence.front_busy + evidence.front_starved > busy_lane;
}

bool wants_core(const Evidence& evidence) {
  return evidence.lane_busy + evidence.lane_starved > busy_lane;
}

std::string cpu_of(const Evidence& evidence) {
  std::string had = fmt::format("CPU is {} of a core", percent(evidence.lane_busy));
  if (evidence.lane_starved < 0.1) return had;
  return fmt::format("{}, and {} of the time it was ready without one", had,
                     percent(evidence.lane_starved));
}

struct Inside {
  Cause cause = Cause::unclear;
  std::int64_t ns = 0;   // per timeline
  bool guessed = false;  // from probes: the calls have not ended, or told nothing
};

// What inside a store stage takes the most of it.
Inside inside_store(const Evidence& evidence, const Part& part) {
  const std::int64_t whole_ns = part.mean_ns();
  const std::int64_t count = std::max<std::int64_t>(1, part.count);
  const std::int64_t told_ns = std::min(part.told.told_ns / count, whole_ns);
  const std::int64_t lock_ns = part.told.lock_ns / count;
  const std::int64_t exec_ns = part.told.exec_ns / count;
  const std::int64_t told_commit_ns = part.told.commit_ns / count;
  const std::int64_t rest_ns =
      std::max<std::int64_t>(0, told_ns - lock_ns - exec_ns - told_commit_ns);
  const std::int64_t awake_ns = (part.told.thread_ns + part.starved_ns) / count;
  const std::int64_t ours_ns = std::min(rest_ns, awake_ns);
  // The end of a commit is seen by the same thread.
  const std::int64_t commit_ns = std::max<std::int64_t>(0, told_commit_ns - (awake_ns - ours_ns));
  Inside most{Cause::round_trip, rest_ns - ours_ns};
  if (rest_ns > 0 && static_cast<double>(ours_ns) >= busy_thread * static_cast<double>(rest_ns)) {
    most = {Cause::cpu, rest_ns};
  }
  for (const auto& one : {Inside{Cause::lock, lock_ns}, Inside{Cause::server, exec_ns},
                          Inside{Cause::commit, commit_ns}}) {
    if (one.ns > most.ns) most = one;
  }
  const std::int64_t untold_ns = whole_ns - told_ns;
  if (untold_ns <= most.ns) return most;
  // A store that answers a probe at once is there, and busy with what was asked.
  Probe probe;
  if (part.shard < evidence.probes.size()) probe = evidence.probes[part.shard];
  const std::int64_t probe_ns = std::max(probe.newest_ns, probe.open_ns);
  if (probe_ns * 2 >= untold_ns) return {Cause::round_trip, std::min(probe_ns, untold_ns), true};
  // One of before the calls began says nothing of them.
  const bool meanwhile = probe.newest_ns > 0 && probe.age_ns < untold_ns;
  if (meanwhile && probe_ns * 5 <= untold_ns) {
    if (probe.locked) return {Cause::lock, untold_ns, true};
    if (probe.committing) return {Cause::commit, untold_ns, true};
    return {Cause::server, untold_ns, true};
  }
  return {Cause::unclear, untold_ns, true};
}

// How long who is ready waits for a core: of our own time, or, where the system tells, at the
// machine.
double no_core_share(const Evidence& evidence) {
  return std::max(evidence.lane_starved,
                  std::min(evidence.cpu_pressure / 2, 3 * evidence.lane_starved));
}

// Whether those cores are ours, too, on which the part passes.
bool is_here(const Evidence& evidence, const Part& part) {
  if (part.stage == Stage::l2) return evidence.cache_here;
  if (!model::is_of_shard(part.stage)) return false;  // the lane itself
  return part.shard < evidence.stores_here.size() && evidence.stores_here[part.shard];
}

// Calls to the shard fail, and those who wait for it wait to be sent again.
const Failures* failures_at(const Evidence& evidence, const Part& part) {
  if (part.stage != Stage::claim_wait && part.stage != Stage::load_wait) return nullptr;
  if (part.shard >= evidence.failures.size()) return nullptr;
  const Failures& failures = evidence.failures[part.shard];
  return failures.count >= failures_min ? &failures : nullptr;
}

// Who stood still waited no longer than that, and the slowest about as long.
bool is_stall(const Evidence& evidence, const Part& part) {
  const std::int64_t wait_ns = part.mean_ns();
  return evidence.lane_stalled_ns * 2 >= wait_ns && evidence.lane_stalled_ns <= wait_ns * 2;
}

bool all_calls_used(const Evidence& evidence) {
  return evidence.grant_calls_max > 0 && evidence.grant_calls_inflight >= evidence.grant_calls_max;
}

// The wait is one for a core: nothing else that it may be called makes up as much of it.
bool is_starved(const Part& part) {
  return part.starved_share() >= stands_out;
}

Cause cause_of(const Evidence& evidence, const Part& part) {
  if (model::is_work(part.stage) || is_starved(part)) return Cause::cpu;
  if (part.at_connections || part.on_full_machine) return Cause::cpu;
  if (is_store(part.stage)) {
    const Inside inside = inside_store(evidence, part);
    const bool crowded = is_here(evidence, part) && no_core_share(evidence) >= crowded_machine;
    const bool breaks = part.shard < evidence.failures.size() &&
                        evidence.failures[part.shard].count >= failures_min;
    if ((crowded || breaks) && inside.cause != Cause::lock) return Cause::unclear;
    return inside.ns * 2 >= part.mean_ns() ? inside.cause : Cause::unclear;
  }
  if (const Failures* failures = failures_at(evidence, part)) return failures->cause;
  if (part.stage == Stage::queue && is_stall(evidence, part)) return Cause::throttle;
  if (part.stage == Stage::bus) return Cause::bus;
  if (part.stage == Stage::front) return front_wants_core(evidence) ? Cause::cpu : Cause::queue;
  if (wants_core(evidence)) return Cause::cpu;
  if (part.starved_share() >= some_starving) return Cause::unclear;
  if (part.stage == Stage::load_wait) return Cause::limit;
  if (part.stage == Stage::claim_wait) {
    return all_calls_used(evidence) ? Cause::limit : Cause::queue;
  }
  if (part.stage == Stage::l2) {
    return part.fill_wait_ns * 2 > part.ns ? Cause::cache_miss : Cause::round_trip;
  }
  return Cause::queue;
}

// Who waits for a call or a connection while calls are slow waits because of them. Where none of
// them is over, a probe that is slow, too, tells.
std::optional<Part> call_behind_wait(const Evidence& evidence, const Tail& tail, const Part& part) {
  constexpr std::int64_t slow_call_ns = claims_fine_ns / 5;
  const bool for_load = part.stage == Stage::load_wait;
  if (!for_load && part.stage != Stage::claim_wait) return std::nullopt;
  const Stage stage = for_load ? Stage::store_load : Stage::store_grant;
  const Part* call = tail.find(stage, part.shard);
  if (call != nullptr && call->mean_ns() >= slow_call_ns) return *call;
  if (part.shard >= evidence.probes.size()) return std::nullopt;
  const Probe& probe = evidence.probes[part.shard];
  const bool slow = std::max(probe.newest_ns, probe.open_ns) >= slow_call_ns;
  if (!slow && !probe.locked) return std::nullopt;
  return Part{stage, part.shard, part.ns, part.count};
}

// What is stored waits because those who take it have their hands full: then the wait is of what
// fills them.
const Part* work_behind_backlog(const Tail& tail, const Part& part) {
  if (part.stage != Stage::bus || part.bus_way_ns * 2 >= part.ns) return nullptr;
  const Part* most = nullptr;
  for (const Part& other : tail.parts) {
    if (is_before_lane(other.stage) || other.mean_ns() < answers_fine_ns) continue;
    if (most == nullptr || other.ns > most->ns) most = &other;
  }
  const auto hands_ns = static_cast<double>(most == nullptr ? 0 : most->mean_ns());
  return hands_ns >= fills_hands * static_cast<double>(part.mean_ns()) ? most : nullptr;
}

bool may_have_hands_full(const Tail& tail, const Part& part) {
  return part.stage == Stage::bus && part.bus_way_ns * 2 < part.ns &&
         std::any_of(tail.parts.begin(), tail.parts.end(), [&part](const Part& other) {
           return !is_before_lane(other.stage) &&
                  static_cast<double>(other.mean_ns()) >=
                      may_fill_hands * static_cast<double>(part.mean_ns());
         });
}

// A call that is over comes back to its lane and waits in the same line as the batches, or for a
// core. The line of a busy lane, when it is long enough to hold most of the call.
std::optional<Part> line_behind_call(const Evidence& evidence, const Part& part) {
  const bool stored = part.stage == Stage::bus && part.bus_way_ns * 2 < part.ns;
  const bool waits = model::is_of_shard(part.stage) || part.stage == Stage::l2 || stored;
  if (!waits) return std::nullopt;
  if (is_stall(evidence, part)) return Part{Stage::queue, 0, part.ns, part.count};
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
  if (!wants_core(evidence)) return std::nullopt;
  if (part.stage == Stage::bus) return Part{Stage::queue, 0, part.ns, part.count};
  const std::int64_t line_ns = p99_of(evidence.answers, Stage::queue);
  if (line_ns * 2 < part.mean_ns()) return std::nullopt;
  return Part{Stage::queue, 0, line_ns, 1};
}

// All of it passes where no core is free; but what the store calls a lock is one.
std::optional<Part> full_machine_behind(const Evidence& evidence, const Tail& tail,
                                        const Part& part) {
  if (no_core_share(evidence) < full_machine || !is_here(evidence, part)) return std::nullopt;
  if (is_before_lane(part.stage)) return std::nullopt;
  if (is_store(part.stage) && inside_store(evidence, part).cause == Cause::lock)
    return std::nullopt;
  Part all{Stage::queue, 0, tail.total_ns, tail.count};
  all.on_full_machine = true;
  return all;
}

std::string what_it_is(const Evidence& evidence, const Part& part, Cause cause) {
  const std::int64_t stage_ns = part.mean_ns();
  const Inside inside =
      is_store(part.stage) ? inside_store(evidence, part) : Inside{cause, stage_ns};
  const std::int64_t part_ns = inside.ns;
  const std::string resource = part.resource();
  if (const Failures* failures = failures_at(evidence, part)) {
    return fmt::format("{} is waiting to ask {} again: {} calls failed in the last seconds ({})",
                       ms(stage_ns), resource, failures->count, failures->error);
  }
  switch (cause) {
    case Cause::round_trip:
      if (part.stage == Stage::l2) {
        return fmt::format("{} is the way to the {} and back", ms(stage_ns), resource);
      }
      if (inside.guessed) {
        return fmt::format(
            "{} is the round trip to {}, which answers no quicker to a call that does "
            "nothing (so network, or a server that hangs)",
            ms(part_ns), resource);
      }
      return fmt::format(
          "{} is the round trip to {} (of the call the server tells {}, so network or pool)",
          ms(part_ns), resource, ms(std::max<std::int64_t>(0, stage_ns - part_ns)));
    case Cause::server:
      if (inside.guessed) {
        return fmt::format(
            "calls to {} have not ended for {}, while one that does nothing is answered: "
            "it executes, or waits for locks",
            resource, ms(part_ns));
      }
      return fmt::format("{} is {} executing", ms(part_ns), resource);
    case Cause::commit:
      if (inside.guessed) {
        return fmt::format("calls to {} have not ended for {}: it says that commits wait", resource,
                           ms(part_ns));
      }
      return fmt::format("{} is {} making commits durable", ms(part_ns), resource);
    case Cause::lock:
      if (inside.guessed) {
        return fmt::format("calls to {} have not ended for {}: it says that they wait for locks",
                           resource, ms(part_ns));
      }
      return fmt::format("{} is waiting for locks of {}", ms(part_ns), resource);
    case Cause::throttle:
      return fmt::format(
          "{} the lane stood still, and neither ran nor waited for a core: the process was "
          "stopped, its machine paused, or something blocked it",
          ms(evidence.lane_stalled_ns));
    case Cause::bus:
      if (part.bus_way_ns * 2 >= part.ns) {
        return fmt::format("{} is the way over the bus and back", ms(stage_ns));
      }
      return fmt::format("{} is stored on the bus and waits until it is taken", ms(stage_ns));
    case Cause::cpu:
      if (part.stage == Stage::front) {
        return fmt::format("{} is waiting for the thread that answers HTTP, which has {} of a core",
                           ms(stage_ns), percent(evidence.front_busy));
      }
      if (is_starved(part)) {
        return fmt::format("{} is waiting for a core at {}", ms(part.starved_ns / part.count),
                           resource);
      }
      if (part.on_full_machine) {
        return fmt::format("{} passes on a machine without a free core", ms(stage_ns));
      }
      if (part.at_connections || is_store(part.stage)) {
        return fmt::format("{} is our own thread, which was busy or had no core", ms(stage_ns));
      }
      return fmt::format("{} is {} on a busy CPU", ms(stage_ns), resource);
    case Cause::limit:
      if (part.stage == Stage::load_wait) {
        return fmt::format(
            "{} is waiting for one of the {} reads at a time, or for the connection, "
            "to {}",
            ms(stage_ns), evidence.loads_max, resource);
      }
      return fmt::format("{} is waiting for one of the {} grant calls at a time to {}",
                         ms(stage_ns), evidence.grant_calls_max, resource);
    case Cause::cache_miss:
      return fmt::format("{} is waiting until somebody else has filled the {}", ms(stage_ns),
                         resource);
    default:
      return fmt::format("{} is waiting in line at {}", ms(stage_ns), resource);
  }
}

std::string what_to_do(const Evidence& evidence, const Part& part, Cause cause) {
  const std::string resource = part.resource();
  const std::string no_pods = fmt::format("{}, so scaling pods will not help.", cpu_of(evidence));
  switch (cause) {
    case Cause::round_trip:
      if (resource == "cache") {
        return fmt::format("Look at the network to the cache and at its slow log; {}", no_pods);
      }
      return fmt::format("Look at the network and the connection pool to {}; {}", resource,
                         no_pods);
    case Cause::server:
      return fmt::format("Look at what {} executes slowly; {}", resource, no_pods);
    case Cause::commit:
      return fmt::format("Look at the disk (fsync) and the standby of {}; {}", resource, no_pods);
    case Cause::lock:
      return fmt::format("Look for long transactions and other writers on {}; {}", resource,
                         no_pods);
    case Cause::bus:
      if (part.bus_way_ns * 2 >= part.ns) {
        return fmt::format("Look at the network to NATS and at its servers; {}", no_pods);
      }
      return "Look whether every orchestrator lives: one that hangs keeps what it took. Where the "
             "backlog grows all the same, add pods.";
    case Cause::throttle:
      return "Look at what stops this process or its machine (signals, pauses, a debugger, a full "
             "disk under its log).";
    case Cause::cpu:
      if (part.stage == Stage::front) {
        return evidence.front_starved > evidence.front_busy
                   ? "Add pods or raise their CPU limit: the thread is ready and gets no core."
                   : "Add pods, or send more positions at once: one thread of each pod answers "
                     "HTTP.";
      }
      if (part.on_full_machine) {
        return "Add pods on other machines, or give the store one of its own: the cores here are "
               "all taken.";
      }
      return is_starved(part) || evidence.lane_starved > evidence.lane_busy
                 ? "Add pods or raise their CPU limit: the lane's thread is ready and gets no "
                   "core, "
                   "because others have it or a limit throttles it."
             : part.at_connections
                 ? "Add pods, or raise their CPU limit: one thread of each holds the connections."
                 : "Add lanes or pods: this thread's core is the limit.";
    case Cause::limit:
      if (part.stage == Stage::load_wait) {
        return fmt::format("Prewarm before an event, or split {}; {}", resource, no_pods);
      }
      return fmt::format("Allow more grant calls at a time, or split {}; {}", resource, no_pods);
    case Cause::cache_miss:
      return fmt::format(
          "Ask the other orchestrators: one of them reads what this one waits for; {}", no_pods);
    case Cause::queue:
      return fmt::format("Batches come in bursts: spread the senders; {}", no_pods);
    default:
      return "Watch it: no single part stands out.";
  }
}

void fill_stages(const Evidence& evidence, const std::vector<Timeline>& timelines, const Tail& tail,
                 model::Why& why) {
  for (const Part& part : tail.parts) {
    model::StageFigures figures;
    figures.stage = part.stage;
    figures.resource = part.resource();
    figures.share = tail.share(part);
    (model::is_work(part.stage) ? figures.worked_p99_ns : figures.waited_p99_ns) =
        p99_of(timelines, part.stage);
    if (part.stage == Stage::claim_wait) {
      figures.inflight = evidence.claims_waiting;
      figures.limit = evidence.claims_waiting_max;
    }
    if (part.stage == Stage::store_load) {
      figures.inflight = evidence.loads_inflight;
      figures.limit = evidence.loads_max;
    }
    if (part.stage == Stage::store_grant) {
      figures.inflight = evidence.grant_calls_inflight;
      figures.limit = evidence.grant_calls_max;
    }
    why.stages.push_back(std::move(figures));
  }
}

// What is new is half of the answer to "why".
std::string against_before(const model::Why& why) {
  if (why.tail_before_ns == 0) return "";
  const double times = static_cast<double>(why.tail_ns) / static_cast<double>(why.tail_before_ns);
  if (times < 2 && times > 0.5) return "; as in the minutes before";
  return fmt::format("; in the minutes before they took {}", ms(why.tail_before_ns));
}

void say_store_error(const Evidence& evidence, model::Why& why) {
  why.stage = Stage::store_grant;
  why.resource = model::resource_of(why.stage, evidence.store_error_shard);
  why.cause = evidence.store_error_cause;
  why.share = 1;
  why.confident = true;
  if (why.cause == Cause::round_trip) {
    why.verdict = fmt::format("{} cannot be reached: {}", why.resource, evidence.store_error);
    why.next = fmt::format(
        "Look at the network to {} and whether its server runs; claims are kept "
        "and repeated until it answers.",
        why.resource);
    return;
  }
  why.verdict = fmt::format("{} refuses: {}", why.resource, evidence.store_error);
  if (why.cause == Cause::lock) {
    why.next = fmt::format(
        "Look for long transactions and other writers on {}; claims are kept and "
        "repeated until they are gone.",
        why.resource);
    return;
  }
  why.next = "Repair the store; claims are kept and repeated until it answers.";
}

void say_still_lane(const Evidence& evidence, model::Why& why) {
  why.stage = Stage::queue;
  why.resource = model::resource_of(why.stage, 0);
  why.cause = Cause::throttle;
  why.share = 1;
  why.confident = true;
  why.tail_ns = std::max(why.tail_ns, evidence.lane_still_ns);
  why.verdict = fmt::format("lane {} has not turned for {}: whatever it was asked waits",
                            evidence.lane_still, ms(evidence.lane_still_ns));
  why.next = "Look at what blocks it (a stack of its thread tells); without it, end the process.";
}

// Little more than what is fine, as it was before.
bool is_usual(const model::Why& why, std::int64_t fine_ns) {
  return why.tail_before_ns > 0 && why.tail_ns < 3 * fine_ns &&
         why.tail_ns < 2 * why.tail_before_ns;
}

// Below the bound, and not new: a tail that has become three times as long is one to look at.
bool is_fine(const model::Why& why, std::int64_t fine_ns) {
  const bool grown = why.tail_before_ns > 0 && why.tail_ns >= 3 * why.tail_before_ns;
  return why.tail_ns < (grown ? fine_ns / 4 : fine_ns) || is_usual(why, fine_ns);
}

// One cause may show in several stages, and one kind of it at several shards.
double share_of_cause(const Evidence& evidence, const Tail& tail, Cause cause) {
  double share = 0;
  for (const Part& part : tail.parts) {
    if (is_store(part.stage) && cause_of(evidence, part) == cause) share += tail.share(part);
  }
  return share;
}

// What else holds a good part of the tail.
std::string also(const Evidence& evidence, const Tail& tail, const Part& named,
                 const Part& largest) {
  const Part* next = nullptr;
  for (const Part& part : tail.parts) {
    const bool same = &part == &largest || (part.stage == named.stage && part.shard == named.shard);
    if (!same && (next == nullptr || part.ns > next->ns)) next = &part;
  }
  if (next == nullptr || tail.share(*next) < worth_telling) return "";
  return fmt::format("; beside it ({} of the time) {}", percent(tail.share(*next)),
                     what_it_is(evidence, *next, cause_of(evidence, *next)));
}

// Names the part that holds the tail, or says that none does.
void say_culprit(const Evidence& evidence, const Tail& tail, std::int64_t fine_ns,
                 model::Why& why) {
  const Part& largest = tail.largest();
  const Part* part = &largest;
  why.share = tail.share(*part);
  std::string wait;
  if (const Part* work = work_behind_backlog(tail, *part)) {
    wait = "they are stored until one is done, and of each ";
    part = work;
    why.share += tail.share(*work);
  }
  const std::optional<Part> call =
      failures_at(evidence, *part) ? std::nullopt : call_behind_wait(evidence, tail, *part);
  if (call) {
    wait = part->stage == Stage::load_wait
               ? fmt::format("they wait for one of {} reads at a time, and of each read ",
                             evidence.loads_max)
               : fmt::format("they wait for one of {} grant calls at a time, and of each call ",
                             evidence.grant_calls_max);
    part = &*call;
    if (const Part* there = tail.find(call->stage, call->shard)) why.share += tail.share(*there);
  }
  std::optional<Part> line = full_machine_behind(evidence, tail, *part);
  if (line) {
    why.share = 1;
    part = &*line;
  } else if ((line = line_behind_call(evidence, *part))) {
    wait = fmt::format("what {} answered waits for its turn {}, where ", part->resource(),
                       line->at_connections ? "at our connections to it" : "on the lane");
    if (const Part* queue = tail.find(Stage::queue, 0)) why.share += tail.share(*queue);
    part = &*line;
  }
  why.stage = part->stage;
  why.resource = part->resource();
  const std::string tail_text =
      fmt::format("the slowest 1 % of {} take {}", why.timeline, ms(why.tail_ns));
  const std::string cpu = cpu_of(evidence);
  if (is_fine(why, fine_ns)) {
    why.cause = Cause::none;
    why.confident = true;
    why.verdict = fmt::format("nothing is {}: {}; the largest part, {}, is {} at {}; {}",
                              why.tail_ns < fine_ns ? "wrong" : "new", tail_text,
                              percent(why.share), model::name_of(why.stage), why.resource, cpu);
    why.next = "Nothing to do.";
    return;
  }
  const Cause named = part == &largest && may_have_hands_full(tail, *part)
                          ? Cause::unclear
                          : cause_of(evidence, *part);
  const bool several = why.share < stands_out && is_store(part->stage);
  if (several) {
    why.share = share_of_cause(evidence, tail, named);
  }
  why.cause = why.share >= stands_out ? named : Cause::unclear;
  const bool enough =
      why.samples >= samples_min && (line || several || largest.filled >= filled_min);
  // So little beyond the bound, and nothing known of before: it may be usual here.
  const bool mild = why.tail_ns < 2 * fine_ns && why.tail_before_ns == 0;
  why.confident = why.cause != Cause::unclear && enough && !mild;
  if (why.cause != Cause::unclear) {
    why.verdict =
        fmt::format("{}: {}{}; {}", tail_text, wait, what_it_is(evidence, *part, why.cause), cpu);
    if (!enough) why.verdict = fmt::format("perhaps, of only {}: {}", why.samples, why.verdict);
  } else if (why.share < stands_out) {
    why.verdict =
        fmt::format("unclear: {} and no stage holds half of it; the largest, {} at {}, has {}",
                    tail_text, model::name_of(why.stage), why.resource, percent(why.share));
  } else if (part->starved_share() >= some_starving) {
    why.verdict =
        fmt::format("unclear: {}, {} of it {} at {}, and for {} of that the lane had no core; {}",
                    tail_text, percent(why.share), model::name_of(why.stage), why.resource,
                    percent(part->starved_share()), cpu);
  } else {
    why.verdict =
        fmt::format("unclear: {}, {} of it {} at {}, and of that nothing holds half; {}", tail_text,
                    percent(why.share), model::name_of(why.stage), why.resource, cpu);
  }
  why.verdict += also(evidence, tail, *part, largest) + against_before(why);
  why.next = what_to_do(evidence, *part, why.cause);
}

}  // namespace

std::int64_t tail_mean_ns(const std::vector<Timeline>& timelines) {
  std::vector<Timeline> all = timelines;
  const std::size_t count = slowest_first(all);
  std::int64_t sum_ns = 0;
  for (std::size_t i = 0; i < count; ++i) sum_ns += all[i].total_ns;
  return count == 0 ? 0 : sum_ns / static_cast<std::int64_t>(count);
}

model::Why attribute(const Evidence& evidence) {
  const Tail answers = tail_of(evidence.answers);
  const Tail claims = tail_of(evidence.claims);
  // Whichever tail is further beyond what is fine.
  const bool claims_worse =
      claims.mean_ns() / claims_fine_ns > answers.mean_ns() / answers_fine_ns ||
      (answers.count == 0 && claims.count > 0);
  const Tail& tail = claims_worse ? claims : answers;
  const auto& timelines = claims_worse ? evidence.claims : evidence.answers;
  model::Why why;
  why.timeline = claims_worse ? "claims" : "answers";
  why.samples = timelines.size();
  why.tail_ns = tail.mean_ns();
  why.tail_before_ns = claims_worse ? evidence.claims_before_ns : evidence.answers_before_ns;
  fill_stages(evidence, timelines, tail, why);
  if (evidence.lane_still_ns >= still_ns_min) {
    say_still_lane(evidence, why);
  } else if (!evidence.store_error.empty()) {
    say_store_error(evidence, why);
  } else if (tail.count == 0) {
    why.verdict = "nothing was asked in the last seconds";
    why.next = "Send positions, then ask again.";
    why.confident = true;
  } else {
    say_culprit(evidence, tail, claims_worse ? claims_fine_ns : answers_fine_ns, why);
  }
  return why;
}

}  // namespace hunt::engine
