#include "engine/cause_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/cause.h"

namespace hunt::engine {

namespace {

using model::Cause;
using model::Stage;

// What follows from a slow call is told with it.
std::string own_locks(const Inside& inside) {
  if (inside.own_locks_ns * 10 < inside.ns) return "";
  return fmt::format(", {} of it waiting for rows that other such calls held",
                     ms(inside.own_locks_ns));
}

// Which of several nodes of the cache it is, where it is one.
std::string slow_node_of(const Evidence& evidence) {
  const SlowNode& node = evidence.slow_node;
  if (node.address.empty()) return "";
  const std::string late =
      node.late == 0 ? "" : fmt::format(" and was late with {} commands", node.late);
  return fmt::format(": its node {} takes {}{}, the others {} at most", node.address,
                     ms(node.mean_ns), late, ms(node.others_ns));
}

std::string at_server(const Inside& inside, const std::string& resource, Cause cause) {
  const std::int64_t part_ns = inside.ns;
  if (cause == Cause::lock) {
    if (inside.guessed) {
      return fmt::format("calls to {} have not ended for {}: it says that they wait for locks",
                         resource, ms(part_ns));
    }
    return fmt::format("{} is waiting for locks of {}", ms(part_ns), resource);
  }
  if (cause == Cause::commit) {
    if (inside.guessed) {
      return fmt::format("calls to {} have not ended for {}: it says that commits wait", resource,
                         ms(part_ns));
    }
    return fmt::format("{} is {} making commits durable{}", ms(part_ns), resource,
                       own_locks(inside));
  }
  if (inside.guessed) {
    return fmt::format(
        "calls to {} have not ended for {}, while one that does nothing is answered: "
        "it executes, or waits for locks",
        resource, ms(part_ns));
  }
  return fmt::format("{} is {} executing{}", ms(part_ns), resource, own_locks(inside));
}

std::string at_cache(const Part& part) {
  if (part.missed > 0) {
    return fmt::format(
        "{} passes while all is read from the stores: {} looks into the {} found nothing, and "
        "hardly any found it all",
        ms(part.mean_ns()), part.missed, part.resource());
  }
  return fmt::format("{} is waiting until somebody else has filled the {}", ms(part.mean_ns()),
                     part.resource());
}

std::string without_core(const Evidence& evidence, const Part& part) {
  const std::int64_t stage_ns = part.mean_ns();
  if (part.stage == Stage::front) {
    return fmt::format("{} is waiting for the thread that answers HTTP, which has {} of a core",
                       ms(stage_ns), percent(evidence.front_busy));
  }
  if (is_starved(part)) {
    return fmt::format("{} is waiting for a core at {}", ms(part.starved_ns / part.count),
                       part.resource());
  }
  if (part.on_full_machine) {
    return fmt::format(
        "{} passes on a machine without a free core (and what waits there for one before it comes "
        "to us is not seen)",
        ms(stage_ns));
  }
  if (part.at_connections || is_store(part.stage)) {
    return fmt::format("{} is our own thread, which was busy or had no core", ms(stage_ns));
  }
  return fmt::format("{} is {} on a busy CPU", ms(stage_ns), part.resource());
}

}  // namespace

std::string ms(std::int64_t ns) {
  const double value = static_cast<double>(ns) / 1e6;
  return value >= 100 ? fmt::format("{:.0f} ms", value) : fmt::format("{:.3g} ms", value);
}

std::string percent(double share) {
  return fmt::format("{:.0f} %", share * 100);
}

std::string cpu_of(const Evidence& evidence) {
  std::string had = fmt::format("CPU is {} of a core", percent(evidence.lane_busy));
  if (evidence.lane_starved < 0.1) return had;
  return fmt::format("{}, and {} of the time it was ready without one", had,
                     percent(evidence.lane_starved));
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
  const Failures* breaking = is_store(part.stage) ? breaking_calls(evidence, part.shard) : nullptr;
  switch (cause) {
    case Cause::round_trip:
      if (breaking != nullptr) {
        return fmt::format("{} is calls to {} of which {} broke off in the last seconds ({})",
                           ms(stage_ns), resource, breaking->breaks, breaking->error);
      }
      if (part.stage == Stage::l2) {
        return fmt::format("{} is the way to the {} and back{}", ms(stage_ns), resource,
                           slow_node_of(evidence));
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
    case Cause::commit:
    case Cause::lock:
      return at_server(inside, resource, cause);
    case Cause::throttle: {
      const bool front = part.stage == Stage::front;
      return fmt::format(
          "{} the {} stood still, and neither ran nor waited for a core: the process was "
          "stopped, its machine paused, or something blocked it",
          ms(front ? evidence.front_stalled_ns : evidence.lane_stalled_ns),
          front ? "thread that answers HTTP" : "lane");
    }
    case Cause::bus:
      if (!part.is_backlog()) {
        return fmt::format("{} is the way over the bus and back", ms(stage_ns));
      }
      return fmt::format(
          "{} is stored on the bus and waits until it is taken (what nobody has taken yet, or what "
          "was taken twice, is not known)",
          ms(stage_ns));
    case Cause::cpu:
      return without_core(evidence, part);
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
      return at_cache(part);
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
        const bool one = !evidence.slow_node.address.empty();
        return fmt::format("Look at the network to {} and at its slow log; {}",
                           one ? evidence.slow_node.address : "the cache", no_pods);
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
      if (!part.is_backlog()) {
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
      if (part.missed > 0) {
        return fmt::format(
            "Look at what empties the cache (FLUSHALL, evicted_keys and maxmemory), or "
            "prewarm it before an event; {}",
            no_pods);
      }
      return fmt::format(
          "Ask the other orchestrators: one of them reads what this one waits for; {}", no_pods);
    case Cause::queue:
      return fmt::format("Batches come in bursts: spread the senders; {}", no_pods);
    default:
      return "Watch it: no single part stands out.";
  }
}

}  // namespace hunt::engine
