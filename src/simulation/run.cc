#include "simulation/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "simulation/clients.h"
#include "simulation/rules_player.h"
#include "simulation/watch.h"

namespace hunt::simulation {

namespace {

using sim::FaultKind;
using sim::Place;

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t heal_seconds_max = 60;
constexpr std::int64_t settle_seconds = 5;  // a message may be four seconds late (sim/network.cc)
constexpr std::int64_t look_ns = 200'000'000;
static_assert(look_ns < visible_ns_max, "a change must not become due within the look it is of");
constexpr std::int64_t audit_every_looks = 10;

// Strikes the planned faults, and mends.
class SimFaultPlayer {
 public:
  SimFaultPlayer(Cluster& cluster, Clients& clients, Watch& watch)
      : cluster_(cluster), clients_(clients), watch_(watch), rules_(cluster, watch) {}

  void plan() {
    for (const Rate& rate : cluster_.setup.rates) {
      cluster_.faults.set_rate(rate.kind, rate.rate);
    }
    const bool pressed = cluster_.setup.l1_bytes < Setup{}.l1_bytes;
    if (pressed) cluster_.faults.note(FaultKind::memory_pressure, Place::load);
    for (const Fault& fault : cluster_.setup.faults) {
      cluster_.world.at(fault.at_ns, [this, fault] {
        if (!mended_) strike(fault);
      });
    }
  }

  // Ends all faults. With one core, all pods but one are dead for ever.
  void mend() {
    mended_ = true;
    cluster_.faults.quiet();
    cluster_.network.mend_all();
    clients_.set_rate(1);
    clients_.stop_playing();
    for (const auto& shard : cluster_.shards) {
      shard->resume_replication();
      shard->disk().set_ranges_owned(true);
      boot_if_dead(shard->node());
    }
    cluster_.boot_bus();
    for (const auto node : cluster_.caches.nodes) boot_if_dead(node);
    for (std::size_t i = 0; i < cluster_.relay_count(); ++i) cluster_.boot_relay(i);
    for (std::size_t i = 0; i < cluster_.pod_count(); ++i) {
      if (cluster_.setup.one_core && i > 0) {
        cluster_.crash_pod(i);
      } else {
        cluster_.boot_pod(i);
        cluster_.world.host(cluster_.pod_node(i))->set_wall_error_us(0);
      }
    }
  }
  // Nothing is stopped any more, for anybody.
  [[nodiscard]] bool all_started() {
    if (!watch_.rules().anything_stopped()) return true;
    rules_.start_all();
    return false;
  }

 private:
  void boot_if_dead(sim::NodeId node) {
    if (cluster_.world.host(node) == nullptr) cluster_.world.boot(node);
  }
  void later(std::int64_t for_ns, std::function<void()> what) {
    cluster_.world.at(cluster_.world.now_ns() + for_ns, [this, what] {
      if (!mended_) what();
    });
  }
  // Into the book, with what the node is in the middle of.
  void note(FaultKind kind, sim::NodeId node) {
    cluster_.faults.note(kind, cluster_.network.places(node));
  }

  void strike(const Fault& fault) {
    switch (fault.kind) {
      case FaultKind::crash:
        return crash(fault);
      case FaultKind::pause:
        return pause(fault);
      case FaultKind::rolling_restart:
        return roll(fault);
      case FaultKind::partition:
      case FaultKind::one_way:
        return part(fault);
      case FaultKind::store_failover:
        return fail_over(fault);
      case FaultKind::cache_flush:
      case FaultKind::cache_failover:
      case FaultKind::cache_late:
        return harm_cache(fault);
      case FaultKind::rules_push:
      case FaultKind::rules_older:
      case FaultKind::rules_rollback:
      case FaultKind::rules_stop:
      case FaultKind::rules_rivals:
        note(fault.kind, cluster_.pod_node(fault.target % cluster_.pod_count()));
        return rules_.strike(fault);
      case FaultKind::clock_jump:
        return jump(fault);
      case FaultKind::overload:
        cluster_.faults.note(fault.kind, Place::ask);
        clients_.set_rate(3);
        return later(fault.for_ns, [this] { clients_.set_rate(1); });
      case FaultKind::range_move:
        return freeze(fault);
      case FaultKind::slot_lost:
        cluster_.faults.note(fault.kind, Place::feed);
        return cluster_.shards[fault.target % cluster_.shards.size()]->disk().lose_slot();
      default:
        return;
    }
  }

  void crash(const Fault& fault) {
    const auto pods = cluster_.pod_count();
    const auto relays = cluster_.relay_count();
    const auto stores = cluster_.shards.size();
    const std::uint64_t which = fault.target % (2 * pods + relays + stores + 1);
    if (which < 2 * pods) {  // pods crash twice as often
      const auto pod = which % pods;
      note(fault.kind, cluster_.pod_node(pod));
      cluster_.crash_pod(pod);
      later(fault.for_ns, [this, pod] { cluster_.boot_pod(pod); });
    } else if (which < 2 * pods + relays) {
      const auto relay = which - 2 * pods;
      note(fault.kind, cluster_.relay_node(relay));
      cluster_.crash_relay(relay);
      later(fault.for_ns, [this, relay] { cluster_.boot_relay(relay); });
    } else if (which < 2 * pods + relays + stores) {
      const auto store = which - 2 * pods - relays;
      note(fault.kind, cluster_.shards[store]->node());
      cluster_.restart_store(store, fault.for_ns);
    } else {
      note(fault.kind, cluster_.bus_node);
      cluster_.restart_bus(fault.for_ns);
    }
  }

  void pause(const Fault& fault) {
    const auto node = static_cast<sim::NodeId>(fault.target % cluster_.world.node_count());
    note(fault.kind, node);
    cluster_.world.pause(node, fault.for_ns);
  }

  void roll(const Fault& fault) {
    for (std::size_t pod = 0; pod < cluster_.pod_count(); ++pod) {
      later(static_cast<std::int64_t>(pod) * second_ns, [this, pod, fault] {
        note(fault.kind, cluster_.pod_node(pod));
        cluster_.restart_pod(pod, fault.for_ns);
      });
    }
  }

  void part(const Fault& fault) {
    const auto count = cluster_.world.node_count();
    const auto a = static_cast<sim::NodeId>(fault.target % count);
    note(fault.kind, a);
    for (sim::NodeId b = 0; b < count; ++b) {
      // From all, or from about half.
      if (a == b || (fault.target >> (8 + b % 48) & 1U) != 0) continue;
      cluster_.network.cut(a, b);
      if (fault.kind == FaultKind::partition) cluster_.network.cut(b, a);
      later(fault.for_ns, [this, a, b] {
        cluster_.network.mend(a, b);
        cluster_.network.mend(b, a);
      });
    }
  }

  void fail_over(const Fault& fault) {
    const auto shard = fault.target % cluster_.shards.size();
    sim::ShardServer& server = *cluster_.shards[shard];
    if (!server.replicates()) return;
    server.stop_replication();
    const bool only_a_stall = (fault.target >> 20) % 4 == 0;
    later(fault.for_ns, [this, shard, only_a_stall] {
      sim::ShardServer& of = *cluster_.shards[shard];
      note(FaultKind::store_failover, of.node());
      if (only_a_stall) return of.resume_replication();
      cluster_.fail_over(shard, 500'000'000);
      watch_.on_failover(shard);
    });
  }

  // The shard's ranges are frozen for a move, which is called off in the end.
  void freeze(const Fault& fault) {
    sim::ShardServer& server = *cluster_.shards[fault.target % cluster_.shards.size()];
    note(fault.kind, server.node());
    server.disk().set_ranges_owned(false);
    later(fault.for_ns, [&server] { server.disk().set_ranges_owned(true); });
  }

  void harm_cache(const Fault& fault) {
    const auto cache = fault.target % cluster_.caches.nodes.size();
    note(fault.kind, cluster_.caches.nodes[cache]);
    if (fault.kind == FaultKind::cache_flush) return cluster_.caches.states[cache].flush();
    if (fault.kind == FaultKind::cache_late) {  // stopped with commands in its queue
      return cluster_.world.pause(cluster_.caches.nodes[cache], fault.for_ns);
    }
    // The replica has what there is now; what is written until the failover is lost.
    later(fault.for_ns, [this, cache, state = cluster_.caches.states[cache]] {
      cluster_.restart_cache(cache, 100'000'000, state);
    });
  }

  void jump(const Fault& fault) {
    // Pods only: a store's or a cache's wrong clock moves the promises by its error.
    const auto pod = fault.target % cluster_.pod_count();
    sim::Host* host = cluster_.world.host(cluster_.pod_node(pod));
    if (host == nullptr) return;
    note(fault.kind, cluster_.pod_node(pod));
    const auto error_us = static_cast<std::int64_t>((fault.target >> 10) % 5'000'000) - 2'500'000;
    host->set_wall_error_us(error_us);
    watch_.on_wrong_clock(error_us);
  }

  Cluster& cluster_;
  Clients& clients_;
  Watch& watch_;
  RulesPlayer rules_;
  bool mended_ = false;
};

std::string left_to_do(const Cluster& cluster, const Clients& clients) {
  std::string left;
  if (clients.waiting() > 0)
    left += fmt::format("{} positions without an answer; ", clients.waiting());
  if (cluster.stream.waiting() > 0) {
    left +=
        fmt::format("{} stored messages without an acknowledgement; ", cluster.stream.waiting());
  }
  return left;
}

// What a scenario expects and did not get.
std::vector<std::string> unmet(const Cluster& cluster, const Watch& watch) {
  const Expect& expect = cluster.setup.expect;
  std::vector<std::string> out;
  std::uint64_t reads = 0;
  std::int64_t loads = 0;
  for (const auto& shard : cluster.shards) {
    reads = std::max(reads, shard->chunk_reads_max());
    loads = std::max(loads, shard->loads_inflight_max());
  }
  if (expect.chunk_reads_max > 0 && reads > expect.chunk_reads_max) {
    out.push_back(fmt::format("a chunk was read {} times from its store", reads));
  }
  if (expect.loads_inflight_max > 0 && loads > expect.loads_inflight_max) {
    out.push_back(fmt::format("{} loads ran at one store at the same time", loads));
  }
  std::uint64_t strained = 100;
  const auto count = std::min(watch.seconds().size(), std::size_t(cluster.setup.seconds));
  for (std::size_t second = 1; second < count; ++second) {
    const Watch::Second& of = watch.seconds()[second];
    const std::uint64_t percent = of.answers == 0 ? 0 : of.terminal * 100 / of.answers;
    strained = std::min(strained, percent);
    const auto from = static_cast<std::size_t>(expect.answered_from_s);
    if (second < from || percent >= static_cast<std::uint64_t>(expect.answered_percent_min)) {
      continue;
    }
    out.push_back(fmt::format("in second {} only {} % were answered", second, percent));
  }
  const auto most = static_cast<std::uint64_t>(expect.strained_percent_max);
  if (most > 0 && strained > most) {
    out.push_back(fmt::format("nothing was strained: at worst {} % were answered", strained));
  }
  return out;
}

}  // namespace

bool Report::counts() const noexcept {
  return positions >= 10'000 && claims >= 500 && faults.total() >= 5;
}

Verdict Report::verdict() const noexcept {
  if (!violations.empty() || !unmet.empty()) return Verdict::wrong;
  return stuck_on.empty() ? Verdict::right : Verdict::stuck;
}

Report simulate(const Setup& setup, const Hooks& hooks) {
  Cluster cluster(setup, hooks);
  Watch watch(cluster);
  Clients clients(cluster, watch);
  SimFaultPlayer player(cluster, clients, watch);
  clients.furnish();
  cluster.start();
  clients.start();
  player.plan();
  Report report;
  report.seed = setup.seed;
  std::int64_t looks = 0;
  const auto run_for = [&](std::int64_t ns) {
    const std::int64_t until_ns = cluster.world.now_ns() + ns;
    while (cluster.world.now_ns() < until_ns) {
      const std::int64_t due_ns = watch.b2_due_ns();
      cluster.world.run_until(std::min({until_ns, cluster.world.now_ns() + look_ns, due_ns}));
      watch.check_copies();
      if (cluster.world.now_ns() >= due_ns) watch.check_b2();
      if (++looks % audit_every_looks == 0) watch.check_ledgers();
    }
  };
  run_for(setup.seconds * second_ns);
  player.mend();
  std::int64_t healed_s = 0;
  std::int64_t well_s = 0;  // a pause may outlast the mending, and is a fault until it is over
  while (healed_s < heal_seconds_max &&
         (well_s < settle_seconds || !left_to_do(cluster, clients).empty())) {
    run_for(second_ns);
    ++healed_s;
    const bool well = player.all_started() && !cluster.world.anyone_paused();
    well_s = well ? well_s + 1 : 0;
  }
  report.stuck_on = left_to_do(cluster, clients);
  if (report.stuck_on.empty()) {
    clients.probe();
    for (int i = 0; i < 30 && !clients.probe_done(); ++i) run_for(second_ns);
    run_for(2 * second_ns);
  }
  watch.finish(report.stuck_on.empty());
  report.trace_hash = cluster.world.trace_hash();
  report.steps = cluster.world.steps();
  report.simulated_seconds = static_cast<double>(cluster.world.now_ns()) / 1e9;
  report.positions = watch.told_positions();
  report.claims = watch.claims();
  report.faults = cluster.faults;
  report.violations = watch.violations();
  report.unmet = unmet(cluster, watch);
  return report;
}

Setup shrink(Setup setup, Verdict verdict, const Hooks& hooks) {
  const auto still_fails = [&](const Setup& tried) {
    return simulate(tried, hooks).verdict() == verdict;
  };
  for (std::size_t i = setup.rates.size(); i-- > 0;) {
    Setup tried = setup;
    tried.rates.erase(tried.rates.begin() + static_cast<std::ptrdiff_t>(i));
    if (still_fails(tried)) setup = std::move(tried);
  }
  for (std::size_t i = setup.faults.size(); i-- > 0;) {
    Setup tried = setup;
    tried.faults.erase(tried.faults.begin() + static_cast<std::ptrdiff_t>(i));
    if (still_fails(tried)) setup = std::move(tried);
  }
  return setup;
}

}  // namespace hunt::simulation
