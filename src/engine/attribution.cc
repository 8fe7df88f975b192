#include "engine/attribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "engine/cause.h"
#include "engine/cause_text.h"
#include "engine/tail.h"

namespace hunt::engine {

namespace {

using model::Cause;
using model::Stage;

// Below these it may be chance: timelines at all, and those of the tail that the culprit fills.
constexpr std::size_t samples_min = 20;
constexpr std::int64_t filled_min = 3;
constexpr std::int64_t filled_min_of_all = 2;  // where they hold nearly all of the tail
constexpr double nearly_all = 0.8;
constexpr double worth_telling = 0.2;  // a share from here on is told beside the largest
// The relay tells what it has secured by a commit of its own, which may have to wait for one under
// way; what comes meanwhile waits for that, and then for its own. And it tells in the order of the
// ledger, where an open call keeps back what is behind it. So where calls are slow, telling takes
// up to so many of them.
constexpr std::int64_t telling_calls_max = 5;
// What stands still or is far from the bus delays it by its own length, a few times.
constexpr std::int64_t telling_stages_max = 3;
// A line that no CPU explains is one of bursts. Then many wait in it, not the slowest alone: one in
// ten waits for a quarter at least of what these do.
constexpr std::size_t common_percent = 90;
constexpr std::int64_t common_part = 4;
constexpr std::int64_t still_ns_min = 3'000'000'000;  // three looks at a lane that did not come

// The bus has what comes after the stages, too: it is where a claim is told.
void fill_stages(const Evidence& evidence, const std::vector<Timeline>& timelines, const Tail& tail,
                 model::Why& why) {
  const double whole_ns = static_cast<double>(tail.total_ns + tail.telling_ns);
  for (const Part& part : tail.parts) {
    model::StageFigures figures;
    figures.stage = part.stage;
    figures.resource = part.resource();
    const std::int64_t telling_ns = part.stage == Stage::bus ? tail.telling_ns : 0;
    figures.share = whole_ns == 0 ? 0 : static_cast<double>(part.ns + telling_ns) / whole_ns;
    (model::is_work(part.stage) ? figures.worked_p99_ns : figures.waited_p99_ns) =
        percentile_of(timelines, part.stage, 99);
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
  if (times < 2 && times > 0.5) return "; as in the hour before";
  return fmt::format("; in the quieter part of the hour before they took {}",
                     ms(why.tail_before_ns));
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

// How far a tail is beyond what is fine; below 1 it is fine. One that has become three times as
// long is one to look at early; a little more than the bound, as it was before, is nothing new,
// unless a lane has no core for most of the time: what waits before it comes to us is not seen.
double beyond_fine(const Evidence& evidence, std::int64_t tail_ns, std::int64_t before_ns,
                   std::int64_t fine_ns) {
  const bool grown = before_ns > 0 && tail_ns >= 3 * before_ns;
  const bool usual = before_ns > 0 && tail_ns < 3 * fine_ns && tail_ns < 2 * before_ns &&
                     evidence.lane_starved < stands_out;
  const double times =
      static_cast<double>(tail_ns) / static_cast<double>(grown ? fine_ns / 4 : fine_ns);
  return usual ? std::min(times, 0.99) : times;
}

// What else holds a good part of the tail, and what else is slow that is not seen in it: a second
// trouble is there, too, while the first one lasts longer.
std::string also(const Evidence& evidence, const Tail& tail, std::vector<const Part*> named,
                 bool of_the_process) {
  const Part* next = nullptr;
  for (const Part& part : tail.parts) {
    const bool same = std::find(named.begin(), named.end(), &part) != named.end();
    if (!same && (next == nullptr || part.ns > next->ns)) next = &part;
  }
  std::string text;
  if (next != nullptr && tail.share(*next) >= worth_telling) {
    text = fmt::format("; beside it ({} of the time) {}", percent(tail.share(*next)),
                       what_it_is(evidence, *next, cause_of(evidence, *next)));
    named.push_back(next);
  }
  if (of_the_process) return text;  // it makes all of them slow
  for (const Part& part : slow_besides(evidence, named)) {
    text += fmt::format("; besides, of each {} {}",
                        part.stage == Stage::l2            ? "look into the cache"
                        : part.stage == Stage::store_grant ? "grant call"
                                                           : "read",
                        what_it_is(evidence, part, cause_of(evidence, part)));
  }
  return text;
}

// The part that holds the tail, and what stands behind it.
struct Culprit {
  Part part;
  double share = 0;    // of the tail, with what waits for it
  std::string wait;    // "they wait for one of 8 reads at a time, and of each read "
  bool found = false;  // behind the largest part: a line for a core
};

Culprit culprit_of(const Evidence& evidence, const Tail& tail) {
  Culprit culprit{tail.largest(), tail.share(tail.largest()), {}, false};
  if (const auto work = work_behind_backlog(evidence, tail, culprit.part)) {
    culprit.wait = "they are stored until one is done, and of each ";
    const Part* there = tail.find(work->stage, work->shard);
    if (there != nullptr) culprit.share += tail.share(*there);
    culprit.part = *work;
  }
  if (const Part* wait = retry_behind_call(evidence, tail, culprit.part)) {
    culprit.share += tail.share(*wait);
    culprit.part = *wait;
  }
  if (const Part* broken = part_behind_breaks(evidence, tail)) {
    return {*broken, share_of_shard(tail, broken->shard), {}, false};
  }
  if (const auto call = call_behind_wait(evidence, tail, culprit.part)) {
    culprit.wait =
        culprit.part.is_fill_wait()
            ? "they wait until somebody else has filled the cache, and of our own reads "
        : culprit.part.stage == Stage::load_wait
            ? fmt::format("they wait for one of {} reads at a time, and of each read ",
                          evidence.loads_max)
            : fmt::format("they wait for one of {} grant calls at a time, and of each call ",
                          evidence.grant_calls_max);
    const Part* there = tail.find(call->stage, call->shard);
    if (there != nullptr) culprit.share += tail.share(*there);
    culprit.part = *call;
  }
  if (const Part* way = way_behind_call(evidence, tail, culprit.part)) {
    culprit.share += tail.share(*way);
    culprit.part = *way;
  }
  auto all = full_machine_behind(evidence, tail, culprit.part);
  const Cause cause = cause_of(evidence, culprit.part);
  const bool unknown = cause == Cause::unclear;
  const bool no_core =
      is_starved(culprit.part) || (is_store(culprit.part.stage) && cause == Cause::cpu);
  if (all || unknown || no_core) {
    if (auto empty = empty_cache_behind(evidence, tail)) return {*empty, 1, {}, true};
  }
  if (all) return {*all, 1, {}, true};
  if (auto stall = stall_behind(evidence, tail)) return {*stall, 1, {}, true};
  if (auto line = line_behind_call(evidence, culprit.part)) {
    culprit.wait =
        fmt::format("what {} answered waits for its turn {}, where ", culprit.part.resource(),
                    line->at_connections ? "at our connections to it" : "on the lane");
    const Part* queue = tail.find(Stage::queue, 0);
    if (is_starved(culprit.part)) {
      culprit.share = tail.starved_share();
    } else if (queue != nullptr) {
      culprit.share += tail.share(*queue);
    }
    culprit.part = *line;
    culprit.found = true;
  }
  return culprit;
}

std::string unclear_text(const Part& part, const model::Why& why, const std::string& tail_text,
                         const std::string& cpu) {
  const std::string_view stage = model::name_of(why.stage);
  if (why.share < stands_out) {
    return fmt::format("unclear: {} and no stage holds half of it; the largest, {} at {}, has {}",
                       tail_text, stage, why.resource, percent(why.share));
  }
  const std::string holds =
      fmt::format("{}, {} of it {} at {}", tail_text, percent(why.share), stage, why.resource);
  if (part.starved_share() >= some_starving) {
    return fmt::format("unclear: {}, and for {} of that the lane had no core; {}", holds,
                       percent(part.starved_share()), cpu);
  }
  return fmt::format("unclear: {}, and of that nothing holds half; {}", holds, cpu);
}

// What makes the stages slow makes the telling as slow. Without a core nothing is told, however
// long that lasts; a busy lane or one that stands still is ours, and the relay may hang on its own.
bool tells_as_late(const Evidence& evidence, const Tail& tail, const Part& part, Cause cause) {
  if (part.on_full_machine) return true;
  if (cause == Cause::cpu || cause == Cause::throttle)
    return tail.telling_mean_ns() <= telling_stages_max * tail.mean_ns();
  if (cause == Cause::bus) return tail.telling_mean_ns() <= telling_stages_max * part.mean_ns();
  if (!model::is_of_shard(part.stage)) return false;
  const Part* here = tail.find(Stage::store_grant, part.shard);
  const auto usual = usual_calls(evidence, Stage::store_grant, part.shard);
  const std::int64_t call_ns =
      std::max(here == nullptr ? 0 : here->mean_ns(), usual ? usual->mean_ns() : 0);
  return tail.telling_mean_ns() <= telling_calls_max * call_ns;
}

// Of what waits in a line that nothing else explains.
bool is_common(const Evidence& evidence, const model::Why& why, const Part& part) {
  if (why.cause != Cause::queue) return true;
  const auto& timelines = why.timeline == "claims" ? evidence.claims : evidence.answers;
  return percentile_of(timelines, part.stage, common_percent) * common_part >= part.mean_ns();
}

// The slowest had no core, and hardly anybody else: who was at work just then may be gone.
bool is_perhaps_chance(const Evidence& evidence, const Part& part, Cause cause) {
  if (cause != Cause::cpu || part.stage == Stage::front || part.at_connections) return false;
  return (part.on_full_machine || is_starved(part)) && !surely_wants_core(evidence);
}

// Connections to a store on the same machine break off again and again: to make new ones takes
// cores there, so that their want may come of it. Who breaks them is told then (say_failures).
bool may_come_of_breaks(const Evidence& evidence, const Part& part) {
  if (!part.on_full_machine) return false;
  for (std::uint32_t shard = 0; shard < evidence.stores_here.size(); ++shard) {
    if (evidence.stores_here[shard] && breaks_for_sure(evidence, shard)) return true;
  }
  return false;
}

double telling_share(const Tail& tail) {
  const auto whole_ns = static_cast<double>(tail.total_ns + tail.telling_ns);
  return whole_ns == 0 ? 0 : static_cast<double>(tail.telling_ns) / whole_ns;
}

// Of the stages and of the telling after them, from a share of the stages.
double share_of_whole(const Evidence& evidence, const Tail& tail, const Part& part, Cause cause,
                      double share) {
  const double telling = telling_share(tail);
  return share * (1 - telling) + (tells_as_late(evidence, tail, part, cause) ? telling : 0);
}

std::string telling_text(const Tail& tail) {
  if (telling_share(tail) < worth_telling) return "";
  return fmt::format(
      "; {} of it is after the verdict, until they are told: by the relay, over the bus",
      ms(tail.telling_mean_ns()));
}

// Nobody tells the grants of which most of the telling is waited for, and why. Null: somebody does,
// or it is not known.
const NotTold* not_told_of(const Evidence& evidence, const Tail& tail) {
  const auto shard = shard_of_telling(tail);
  if (shard >= evidence.not_told.size()) return nullptr;
  const NotTold& found = evidence.not_told[shard];
  return found.because.empty() ? nullptr : &found;
}

// Where nobody tells anything, that is why. Else who is to blame for it is not seen from here.
void say_late_telling(const Evidence& evidence, const Tail& tail, const std::string& tail_text,
                      model::Why& why) {
  why.stage = Stage::bus;
  why.resource = model::resource_of(why.stage, 0);
  why.cause = Cause::unclear;
  why.share = telling_share(tail);
  if (const NotTold* not_told = not_told_of(evidence, tail)) {
    why.resource = not_told->resource;
    why.cause = Cause::bus;
    why.confident = true;
    why.verdict = fmt::format("{}{}, and {}; {}{}", tail_text, telling_text(tail),
                              not_told->because, cpu_of(evidence), against_before(why));
    why.next = fmt::format(
        "Look whether `hunt relay` runs with this store and bus, and at its log (hunt why --bus "
        "asks it, too); nothing is lost, all of it is told when it works again; {}, so scaling "
        "pods will not help.",
        cpu_of(evidence));
    return;
  }
  why.confident = false;
  why.verdict = fmt::format("unclear: {}{}; {}{}", tail_text, telling_text(tail), cpu_of(evidence),
                            against_before(why));
  why.next = fmt::format(
      "Ask the relay (hunt why --bus asks it, too), and look at its way to the store and to NATS; "
      "{}, so scaling pods will not help.",
      cpu_of(evidence));
}

// Names the part that holds the tail, or says that none does.
void say_culprit(const Evidence& evidence, const Tail& tail, std::int64_t fine_ns,
                 model::Why& why) {
  const Culprit culprit = culprit_of(evidence, tail);
  const Part& part = culprit.part;
  why.stage = part.stage;
  why.resource = part.resource();
  why.share = culprit.share;
  const std::string tail_text =
      fmt::format("the slowest 1 % of {} take {}", why.timeline, ms(why.tail_ns));
  const std::string cpu = cpu_of(evidence);
  if (beyond_fine(evidence, why.tail_ns, why.tail_before_ns, fine_ns) < 1) {
    why.cause = Cause::none;
    why.confident = true;
    why.verdict = fmt::format("nothing is {}: {}; the largest part, {}, is {} at {}; {}",
                              why.tail_ns < fine_ns ? "wrong" : "new", tail_text,
                              percent(share_of_whole(evidence, tail, part, Cause::none, why.share)),
                              model::name_of(why.stage), why.resource, cpu);
    why.verdict += telling_text(tail);
    why.next = "Nothing to do.";
    return;
  }
  const Cause named =
      may_have_hands_full(evidence, part) ? Cause::unclear : cause_of(evidence, part);
  std::vector<const Part*> filling = parts_of_cause(evidence, tail, part);
  if (named != Cause::unclear && !culprit.found) {
    double together = 0;
    for (const Part* one : filling) together += tail.share(*one);
    why.share = std::max(why.share, together);
  }
  const bool several = why.share < stands_out && is_store(part.stage);
  if (several) why.share = share_of_cause(evidence, tail, named);
  why.share = share_of_whole(evidence, tail, part, named, std::min(1.0, why.share));
  if (why.share < stands_out && telling_share(tail) >= stands_out)
    return say_late_telling(evidence, tail, tail_text, why);
  why.cause = why.share >= stands_out ? named : Cause::unclear;
  const Part* largest = &tail.largest();
  const bool named_too = std::find(filling.begin(), filling.end(), largest) != filling.end();
  if (!named_too) filling.push_back(largest);
  // What is as long as ever is none that the culprit made slow.
  const std::int64_t filled = filled_by(tail, filling, std::max(fine_ns, 2 * why.tail_before_ns));
  const std::int64_t least = why.share >= nearly_all ? filled_min_of_all : filled_min;
  const bool enough = why.samples >= samples_min &&
                      (culprit.found || several || filled >= least || is_usual(evidence, part));
  const bool common = is_common(evidence, why, part);
  const bool chance = is_perhaps_chance(evidence, part, why.cause);
  const bool of_breaks = may_come_of_breaks(evidence, part);
  why.confident = why.cause != Cause::unclear && enough && common && !chance && !of_breaks;
  if (why.cause == Cause::unclear) {
    why.verdict = unclear_text(part, why, tail_text, cpu);
  } else {
    why.verdict = fmt::format("{}: {}{}; {}", tail_text, culprit.wait,
                              what_it_is(evidence, part, why.cause), cpu);
    if (!enough) {
      const std::string few = why.samples < samples_min
                                  ? fmt::format("of only {}", why.samples)
                                  : fmt::format("of only {} of {}", filled, why.samples);
      why.verdict = fmt::format("perhaps, {}: {}", few, why.verdict);
    } else if (!common) {
      why.verdict = fmt::format("perhaps, since most do not wait there: {}", why.verdict);
    } else if (chance) {
      why.verdict = fmt::format("perhaps, since most others had a core: {}", why.verdict);
    } else if (of_breaks) {
      why.verdict = fmt::format("perhaps, since new connections take cores: {}", why.verdict);
    }
  }
  const bool of_the_process = culprit.found || named == Cause::cpu || named == Cause::throttle;
  why.verdict +=
      also(evidence, tail, filling, of_the_process) + telling_text(tail) + against_before(why);
  why.next = what_to_do(evidence, part, why.cause);
}

// What fails and works at the next try costs nobody much, and is wrong all the same. Connections
// that break again and again are trouble for certain, also where it is not clear what the slowest
// wait for.
void say_failures(const Evidence& evidence, const Tail& tail, model::Why& why) {
  const bool few_wait = why.cause == Cause::none;
  for (std::uint32_t shard = 0; shard < evidence.failures.size(); ++shard) {
    const Failures* failures = failing_calls(evidence, shard);
    if (failures == nullptr) continue;
    const bool sure = breaks_for_sure(evidence, shard) &&
                      !std::any_of(tail.parts.begin(), tail.parts.end(), [&](const Part& part) {
                        return tail.share(part) >= stands_out && told_beside_breaks(evidence, part);
                      });
    if (!few_wait && !sure) continue;
    why.stage = Stage::store_grant;
    why.resource = model::resource_of(why.stage, shard);
    why.cause = failures->cause;
    why.share = 0;
    why.confident = true;
    why.verdict = fmt::format(
        "{} calls to {} failed in the last seconds ({}), {}: {}", failures->count, why.resource,
        failures->error,
        few_wait ? "though few wait" : "and what the slowest wait for is less clear", why.verdict);
    why.next = fmt::format(
        "Look at the network to {}, at what ends its connections, and at its log.", why.resource);
    return;
  }
}

}  // namespace

std::int64_t tail_mean_ns(const std::vector<Timeline>& timelines) {
  std::vector<Timeline> all = timelines;
  const std::size_t count = slowest_first(all);
  std::int64_t sum_ns = 0;
  for (std::size_t i = 0; i < count; ++i) sum_ns += all[i].whole_ns();
  return count == 0 ? 0 : sum_ns / static_cast<std::int64_t>(count);
}

model::Why attribute(const Evidence& evidence) {
  const Tail answers = tail_of(evidence.answers);
  const Tail claims = tail_of(evidence.claims);
  // Whichever tail is further beyond what is fine.
  const bool claims_worse =
      beyond_fine(evidence, claims.whole_mean_ns(), evidence.claims_before_ns, claims_fine_ns) >
          beyond_fine(evidence, answers.whole_mean_ns(), evidence.answers_before_ns,
                      answers_fine_ns) ||
      (answers.count == 0 && claims.count > 0);
  const Tail& tail = claims_worse ? claims : answers;
  const auto& timelines = claims_worse ? evidence.claims : evidence.answers;
  model::Why why;
  why.timeline = claims_worse ? "claims" : "answers";
  why.samples = timelines.size();
  why.age_ns = evidence.age_ns;
  why.tail_ns = tail.whole_mean_ns();
  why.answers_tail_ns = answers.whole_mean_ns();
  why.claims_tail_ns = claims.whole_mean_ns();
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
    if (why.cause == Cause::none || !why.confident) say_failures(evidence, tail, why);
  }
  return why;
}

}  // namespace hunt::engine
