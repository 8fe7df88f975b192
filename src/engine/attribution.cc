#include "engine/attribution.h"

#include <fmt/format.h>

#include <algorithm>

namespace hunt::engine {

namespace {

using model::Cause;
using model::Stage;

constexpr double stands_out = 0.5;  // a share below this is no single culprit
constexpr double busy_lane =
    0.5;  // PROTOCOLS 11: above it, the CPU is the cause and not the remote

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

// The slowest 1 %, at least one, added up.
struct Tail {
  Timeline sum;
  std::int64_t count = 0;
  [[nodiscard]] std::int64_t mean_ns() const { return count == 0 ? 0 : sum.total_ns / count; }
  [[nodiscard]] double share(std::int64_t ns) const {
    return sum.total_ns == 0 ? 0.0 : static_cast<double>(ns) / static_cast<double>(sum.total_ns);
  }
};

Tail tail_of(std::vector<Timeline> all) {
  Tail tail;
  if (all.empty()) return tail;
  const std::size_t count = std::max<std::size_t>(1, all.size() / 100);
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(count);
  std::nth_element(all.begin(), end - 1, all.end(),
                   [](const Timeline& a, const Timeline& b) { return a.total_ns > b.total_ns; });
  for (auto at = all.begin(); at != end; ++at) {
    for (std::size_t s = 0; s < model::stage_count; ++s) {
      tail.sum.stages_ns[s] += at->stages_ns[s];
    }
    tail.sum.total_ns += at->total_ns;
    tail.sum.lock_ns += at->lock_ns;
    tail.sum.exec_ns += at->exec_ns;
    tail.sum.load_calls += at->load_calls;
    ++tail.count;
  }
  return tail;
}

bool is_work(Stage stage) {
  return stage == Stage::l1 || stage == Stage::answer;
}
bool is_store(Stage stage) {
  return stage == Stage::store_load || stage == Stage::store_grant;
}

// What inside a store stage takes the longest: (cause, its time per call).
std::pair<Cause, std::int64_t> inside_store(const Evidence& evidence, const Tail& tail,
                                            Stage stage) {
  const std::int64_t whole_ns = tail.sum.of(stage) / tail.count;
  if (stage == Stage::store_load) {
    const std::int64_t calls = std::max<std::int64_t>(1, tail.sum.load_calls / tail.count);
    const std::int64_t trip_ns = std::min(evidence.round_trip_ns * calls, whole_ns);
    const std::int64_t rest_ns = whole_ns - trip_ns;
    return trip_ns >= rest_ns ? std::pair(Cause::round_trip, trip_ns)
                              : std::pair(Cause::server, rest_ns);
  }
  const std::int64_t trip_ns = std::min(evidence.round_trip_ns, whole_ns);
  const std::int64_t lock_ns = tail.sum.lock_ns / tail.count;
  const std::int64_t exec_ns = tail.sum.exec_ns / tail.count;
  const std::int64_t commit_ns = std::max<std::int64_t>(0, whole_ns - trip_ns - lock_ns - exec_ns);
  std::pair<Cause, std::int64_t> most{Cause::round_trip, trip_ns};
  for (const auto& part : {std::pair(Cause::lock, lock_ns), std::pair(Cause::server, exec_ns),
                           std::pair(Cause::commit, commit_ns)}) {
    if (part.second > most.second) most = part;
  }
  return most;
}

Cause cause_of(const Evidence& evidence, const Tail& tail, Stage stage) {
  if (evidence.lane_busy > busy_lane && !is_store(stage)) return Cause::cpu;
  if (is_work(stage)) return Cause::cpu;
  if (is_store(stage)) return inside_store(evidence, tail, stage).first;
  if (stage == Stage::claim_wait) {
    const bool all_calls_used =
        evidence.grant_calls_max > 0 && evidence.grant_calls_inflight >= evidence.grant_calls_max;
    return all_calls_used ? Cause::limit : Cause::queue;
  }
  return Cause::queue;
}

// Claims that wait because every call is taken, and calls that are slow: the wait is the call's.
bool wait_is_the_calls(const Evidence& evidence, const Tail& tail, Stage stage) {
  constexpr std::int64_t slow_call_ns = claims_fine_ns / 5;
  return stage == Stage::claim_wait && evidence.grant_calls_max > 0 &&
         evidence.grant_calls_inflight >= evidence.grant_calls_max &&
         tail.sum.of(Stage::store_grant) / tail.count >= slow_call_ns;
}

std::string what_it_is(const Evidence& evidence, const Tail& tail, const model::Why& why) {
  const std::int64_t stage_ns = tail.sum.of(why.stage) / tail.count;
  const auto part_ns =
      is_store(why.stage) ? inside_store(evidence, tail, why.stage).second : stage_ns;
  switch (why.cause) {
    case Cause::round_trip:
      return fmt::format(
          "{} is the round trip to {} (the rest of the call {}, so network or "
          "pool)",
          ms(part_ns), why.resource, ms(std::max<std::int64_t>(0, stage_ns - part_ns)));
    case Cause::server:
      return fmt::format("{} is {} executing", ms(part_ns), why.resource);
    case Cause::commit:
      return fmt::format("{} is {} making commits durable", ms(part_ns), why.resource);
    case Cause::lock:
      return fmt::format("{} is waiting for locks of {}", ms(part_ns), why.resource);
    case Cause::cpu:
      return fmt::format("{} is {} on a busy CPU", ms(stage_ns), why.resource);
    case Cause::limit:
      return fmt::format("{} is waiting for one of the {} grant calls at a time to {}",
                         ms(stage_ns), evidence.grant_calls_max, why.resource);
    default:
      return fmt::format("{} is waiting in line at {}", ms(stage_ns), why.resource);
  }
}

std::string what_to_do(Cause cause, const std::string& resource, double busy) {
  const std::string no_pods =
      fmt::format("CPU is {} of a core, so scaling pods will not help.", percent(busy));
  switch (cause) {
    case Cause::round_trip:
      return fmt::format("Look at the network and the connection pool to {}; {}", resource,
                         no_pods);
    case Cause::server:
      return fmt::format("Look at what {} executes slowly; {}", resource, no_pods);
    case Cause::commit:
      return fmt::format("Look at the disk (fsync) and the standby of {}; {}", resource, no_pods);
    case Cause::lock:
      return fmt::format("Look for long transactions and other writers on {}; {}", resource,
                         no_pods);
    case Cause::cpu:
      return "Add lanes or pods: this thread's core is the limit.";
    case Cause::limit:
      return fmt::format("The store is at its limit of calls: speed up or split {}; {}", resource,
                         no_pods);
    case Cause::queue:
      return fmt::format("Batches come in bursts: spread the senders; {}", no_pods);
    default:
      return "Watch it: no single part stands out.";
  }
}

void fill_stages(const Evidence& evidence, const std::vector<Timeline>& timelines, const Tail& tail,
                 model::Why& why) {
  for (std::size_t s = 0; s < model::stage_count; ++s) {
    const auto stage = static_cast<Stage>(s);
    model::StageFigures figures;
    figures.stage = stage;
    figures.resource = is_store(stage) || stage == Stage::claim_wait ? "shard 0" : "lanes";
    figures.share = tail.share(tail.sum.of(stage));
    (is_work(stage) ? figures.worked_p99_ns : figures.waited_p99_ns) = p99_of(timelines, stage);
    if (stage == Stage::claim_wait) {
      figures.inflight = evidence.claims_waiting;
      figures.limit = evidence.claims_waiting_max;
    }
    if (stage == Stage::store_grant) {
      figures.inflight = evidence.grant_calls_inflight;
      figures.limit = evidence.grant_calls_max;
    }
    why.stages.push_back(std::move(figures));
  }
}

}  // namespace

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
  fill_stages(evidence, timelines, tail, why);
  if (tail.count == 0 && evidence.store_error.empty()) {
    why.verdict = "nothing was asked in the last seconds";
    why.next = "Send positions, then ask again.";
    why.confident = true;
    return why;
  }
  if (!evidence.store_error.empty()) {
    why.stage = Stage::store_grant;
    why.resource = "shard 0";
    why.cause = Cause::server;
    why.share = tail.share(tail.sum.of(Stage::store_grant));
    why.confident = true;
    why.verdict = fmt::format("shard 0 refuses: {}", evidence.store_error);
    why.next = "Repair the store; claims are kept and repeated until it answers.";
    return why;
  }
  const auto most = std::max_element(tail.sum.stages_ns.begin(), tail.sum.stages_ns.end());
  why.stage = static_cast<Stage>(most - tail.sum.stages_ns.begin());
  why.share = tail.share(*most);
  std::string wait;
  if (wait_is_the_calls(evidence, tail, why.stage)) {
    wait = fmt::format("they wait for one of {} grant calls at a time, and of each call ",
                       evidence.grant_calls_max);
    why.stage = Stage::store_grant;
    why.share += tail.share(tail.sum.of(Stage::store_grant));
  }
  why.resource = why.stages[static_cast<std::size_t>(why.stage)].resource;
  const std::int64_t fine_ns = claims_worse ? claims_fine_ns : answers_fine_ns;
  if (tail.mean_ns() < fine_ns) {
    why.cause = Cause::none;
    why.confident = true;
    why.verdict = fmt::format(
        "nothing is wrong: the slowest 1 % of {} take {}; the largest part, {}, "
        "is {} at {}; CPU is {} of a core",
        why.timeline, ms(tail.mean_ns()), percent(why.share), model::name_of(why.stage),
        why.resource, percent(evidence.lane_busy));
    why.next = "Nothing to do.";
    return why;
  }
  why.confident = why.share >= stands_out;
  why.cause = why.confident ? cause_of(evidence, tail, why.stage) : Cause::unclear;
  if (!why.confident) {
    why.verdict = fmt::format(
        "unclear: the slowest 1 % of {} take {} and no stage holds half of it; "
        "the largest, {}, has {}",
        why.timeline, ms(tail.mean_ns()), model::name_of(why.stage), percent(why.share));
    why.next = what_to_do(why.cause, why.resource, evidence.lane_busy);
    return why;
  }
  why.verdict = fmt::format("the slowest 1 % of {} take {}: {}{}; CPU is {} of a core",
                            why.timeline, ms(tail.mean_ns()), wait, what_it_is(evidence, tail, why),
                            percent(evidence.lane_busy));
  why.next = what_to_do(why.cause, why.resource, evidence.lane_busy);
  return why;
}

}  // namespace hunt::engine
