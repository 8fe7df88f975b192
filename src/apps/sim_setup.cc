#include "apps/sim_setup.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace hunt::apps {

namespace {

using sim::FaultKind;

constexpr std::int64_t second_ns = 1'000'000'000;

// What may happen by chance, and how often at most: one in so many occasions.
struct Chance {
  FaultKind kind;
  std::uint64_t often;
};
constexpr Chance chances[] = {
    {FaultKind::message_lost, 50}, {FaultKind::message_twice, 10}, {FaultKind::message_late, 20},
    {FaultKind::store_error, 4},   {FaultKind::deadlock, 4},       {FaultKind::unknown_outcome, 4},
    {FaultKind::cache_error, 4},   {FaultKind::cache_eviction, 8}, {FaultKind::bus_error, 4},
    {FaultKind::poison, 50},
};

// What is planned, and how long it lasts at most.
struct Planned {
  FaultKind kind;
  std::int64_t for_ns_max;
};
constexpr Planned planned[] = {
    {FaultKind::crash, 3 * second_ns},
    {FaultKind::pause, 8 * second_ns},
    {FaultKind::rolling_restart, 2 * second_ns},
    {FaultKind::partition, 6 * second_ns},
    {FaultKind::one_way, 6 * second_ns},
    {FaultKind::store_failover, 3 * second_ns},
    {FaultKind::slot_lost, 0},
    {FaultKind::range_move, 2 * second_ns},
    {FaultKind::cache_flush, 0},
    {FaultKind::cache_failover, 2 * second_ns},
    {FaultKind::cache_late, 2 * second_ns},
    {FaultKind::clock_jump, 5 * second_ns},
    {FaultKind::rules_push, 0},
    {FaultKind::overload, 3 * second_ns},
};

std::optional<FaultKind> kind_named(std::string_view name) {
  for (std::size_t i = 0; i < sim::fault_kind_count; ++i) {
    const auto kind = static_cast<FaultKind>(i);
    if (sim::name_of(kind) == name) return kind;
  }
  return {};
}

}  // namespace

SimSetup draw_setup(std::uint64_t seed, std::int64_t seconds) {
  SimSetup setup;
  setup.seed = seed;
  setup.seconds = seconds;
  Prng random(seed ^ 0x5e7U);
  setup.pods = 3 + static_cast<std::uint32_t>(random.below(2));
  setup.stored_percent = static_cast<std::uint32_t>(random.below(6)) * 10;
  setup.one_core = random.chance({1, 2});
  if (random.chance({1, 4})) {  // a larger world, and no room for it in memory
    setup.reach_tiles = 192;
    setup.l1_bytes = 200'000;
  }
  for (const Chance& chance : chances) {
    if (!random.chance({1, 2})) continue;
    const Ratio rate{1, chance.often << random.below(5)};
    setup.rates.push_back({chance.kind, rate});
  }
  std::vector<Planned> swarm;
  for (const Planned& plan : planned) {
    if (random.chance({1, 2})) swarm.push_back(plan);
  }
  if (swarm.empty()) swarm.push_back(planned[0]);
  const auto count = 3 + random.below(static_cast<std::uint64_t>(seconds));
  for (std::uint64_t i = 0; i < count; ++i) {
    const Planned& plan = swarm[random.below(swarm.size())];
    SimFault fault;
    fault.kind = plan.kind;
    fault.at_ns = random.between(second_ns, seconds * second_ns);
    fault.for_ns = random.between(0, plan.for_ns_max);
    fault.target = random.next();
    setup.faults.push_back(fault);
  }
  std::sort(setup.faults.begin(), setup.faults.end(),
            [](const SimFault& a, const SimFault& b) { return a.at_ns < b.at_ns; });
  return setup;
}

std::string describe(const SimFault& fault) {
  return fmt::format("{} at {:.3f} s for {:.3f} s on {}", sim::name_of(fault.kind),
                     static_cast<double>(fault.at_ns) / 1e9,
                     static_cast<double>(fault.for_ns) / 1e9, fault.target % 97);
}

std::string describe(const SimRate& rate) {
  return fmt::format("{} at {} in {}", sim::name_of(rate.kind), rate.rate.numerator,
                     rate.rate.denominator);
}

namespace {

Result<void> read_rates(const YAML::Node& node, SimSetup& setup) {
  for (const auto& entry : node) {
    const auto name = entry.first.as<std::string>();
    const auto kind = kind_named(name);
    if (!kind) return fail(Errc::invalid_argument, "no fault is called " + printable(name), name);
    setup.rates.push_back({*kind, {entry.second.as<std::uint64_t>(), 1'000}});
  }
  return {};
}

Result<void> read_faults(const YAML::Node& node, SimSetup& setup) {
  for (const auto& entry : node) {
    const auto name = entry["fault"].as<std::string>();
    const auto kind = kind_named(name);
    if (!kind) return fail(Errc::invalid_argument, "no fault is called " + printable(name), name);
    SimFault fault;
    fault.kind = *kind;
    fault.at_ns = entry["at_ms"].as<std::int64_t>() * 1'000'000;
    fault.for_ns = entry["for_ms"].as<std::int64_t>(0) * 1'000'000;
    fault.target = entry["target"].as<std::uint64_t>(0);
    setup.faults.push_back(fault);
  }
  return {};
}

Result<void> read_expect(const YAML::Node& node, SimExpect& expect) {
  for (const auto& entry : node) {
    const auto name = entry.first.as<std::string>();
    const auto number = entry.second.as<std::int64_t>();
    if (name == "chunk_reads_max") {
      expect.chunk_reads_max = static_cast<std::uint64_t>(number);
    } else if (name == "loads_inflight_max") {
      expect.loads_inflight_max = number;
    } else if (name == "strained_percent_max") {
      expect.strained_percent_max = number;
    } else if (name == "answered_percent_min") {
      expect.answered_percent_min = number;
    } else if (name == "answered_from_s") {
      expect.answered_from_s = number;
    } else {
      return fail(Errc::invalid_argument, "a scenario cannot expect " + printable(name), name);
    }
  }
  return {};
}

Result<void> read_key(const std::string& key, const YAML::Node& value, SimSetup& setup) {
  struct Number {
    std::string_view name;
    std::uint32_t* to;
  };
  const Number numbers[] = {{"pods", &setup.pods},
                            {"shards", &setup.shards},
                            {"relays", &setup.relays},
                            {"caches", &setup.caches},
                            {"clients", &setup.clients},
                            {"positions_per_second", &setup.positions_per_second},
                            {"players", &setup.players},
                            {"loot_tiles", &setup.loot_tiles},
                            {"stored_percent", &setup.stored_percent},
                            {"l1_bytes", &setup.l1_bytes}};
  for (const Number& number : numbers) {
    if (number.name != key) continue;
    *number.to = value.as<std::uint32_t>();
    const bool may_be_none = key == "stored_percent";
    if (*number.to > 0 || may_be_none) return {};
    return fail(Errc::invalid_argument, key + " has to be 1 or more", key);
  }
  if (key == "seed") {
    setup.seed = value.as<std::uint64_t>();
  } else if (key == "seconds") {
    setup.seconds = value.as<std::int64_t>();
  } else if (key == "one_core") {
    setup.one_core = value.as<bool>();
  } else if (key == "reach_tiles") {
    setup.reach_tiles = std::clamp(value.as<std::int32_t>(), 1, 1'000'000);
  } else if (key == "store_work_percent") {
    setup.store_work_percent = value.as<std::int64_t>();
  } else if (key == "rates_per_thousand") {
    return read_rates(value, setup);
  } else if (key == "faults") {
    return read_faults(value, setup);
  } else if (key == "expect") {
    return read_expect(value, setup.expect);
  } else if (key != "about") {
    return fail(Errc::invalid_argument, "a scenario has no \"" + printable(key) + "\"", key);
  }
  return {};
}

}  // namespace

Result<SimSetup> load_scenario(const std::string& path) {
  SimSetup setup;
  try {
    const YAML::Node root = YAML::LoadFile(path);
    for (const auto& entry : root) {
      HUNT_CHECK(read_key(entry.first.as<std::string>(), entry.second, setup));
    }
  } catch (const YAML::BadFile&) {
    return fail(Errc::io, path + " cannot be read");
  } catch (const YAML::Exception& what) {
    return fail(Errc::invalid_argument, path + ": " + what.what());
  }
  return setup;
}

}  // namespace hunt::apps
