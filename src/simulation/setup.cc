#include "simulation/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string_view>
#include <vector>

#include "base/input_file.h"
#include "base/text.h"
#include "model/limits.h"
#include "rules/yaml_keys.h"

namespace hunt::simulation {

namespace {

using sim::FaultKind;

constexpr std::int64_t second_ns = 1'000'000'000;
// Drawn apart, and so that the kept seeds (tests/scenarios/seeds) are the runs that they were.
constexpr std::uint64_t windows_salt = std::uint64_t{1310} << 32;
constexpr std::uint64_t rollout_salt = std::uint64_t{9874} << 32;
constexpr std::uint64_t rules_salt = std::uint64_t{1818} << 32;

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

// Where rules are pushed at all, all of these happen, too.
constexpr Planned planned_of_rules[] = {
    {FaultKind::rules_push, 0},     {FaultKind::rules_older, 4 * second_ns},
    {FaultKind::rules_rollback, 0}, {FaultKind::rules_stop, 4 * second_ns},
    {FaultKind::rules_rivals, 0},
};

Fault draw_fault(const Planned& plan, std::int64_t seconds, Prng& random) {
  Fault fault;
  fault.kind = plan.kind;
  fault.at_ns = random.between(second_ns, seconds * second_ns);
  fault.for_ns = random.between(0, plan.for_ns_max);
  fault.target = random.next();
  return fault;
}

void add_changes_of_rules(Setup& setup, std::int64_t seconds) {
  Prng random(setup.seed ^ rules_salt);
  const auto count = random.below(static_cast<std::uint64_t>(seconds));
  for (std::uint64_t i = 0; i < count; ++i) {
    const Planned& plan = planned_of_rules[random.below(std::size(planned_of_rules))];
    setup.faults.push_back(draw_fault(plan, seconds, random));
  }
}

}  // namespace

bool changes_rules(const Setup& setup) {
  return std::any_of(setup.faults.begin(), setup.faults.end(), [](const Fault& fault) {
    return std::any_of(std::begin(planned_of_rules), std::end(planned_of_rules),
                       [&fault](const Planned& plan) { return plan.kind == fault.kind; });
  });
}

Setup draw_setup(std::uint64_t seed, std::int64_t seconds) {
  Setup setup;
  setup.seed = seed;
  setup.seconds = seconds;
  Prng random(seed ^ 0x5e7U);
  setup.pods = 3 + static_cast<std::uint32_t>(random.below(2));
  setup.stored_percent = static_cast<std::uint32_t>(random.below(6)) * 10;
  setup.one_core = random.chance({1, 2});
  setup.windows = Prng(seed ^ windows_salt).chance({1, 2});
  setup.rollout = Prng(seed ^ rollout_salt).chance({1, 3});
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
    setup.faults.push_back(draw_fault(plan, seconds, random));
  }
  if (changes_rules(setup)) add_changes_of_rules(setup, seconds);
  std::sort(setup.faults.begin(), setup.faults.end(),
            [](const Fault& a, const Fault& b) { return a.at_ns < b.at_ns; });
  return setup;
}

std::string describe(const Fault& fault) {
  return fmt::format("{} at {:.3f} s for {:.3f} s on {}", sim::name_of(fault.kind),
                     static_cast<double>(fault.at_ns) / 1e9,
                     static_cast<double>(fault.for_ns) / 1e9, fault.target % 97);
}

std::string describe(const Rate& rate) {
  return fmt::format("{} at {} in {}", sim::name_of(rate.kind), rate.rate.numerator,
                     rate.rate.denominator);
}

namespace {

using rules::YamlKeys;
using rules::YamlNode;
using Kind = YamlNode::Kind;

constexpr std::uint64_t any_u64 = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t any_u32 = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t seconds_max = 100'000;

constexpr std::uint64_t any_i64 = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t ms_max = seconds_max * 1'000;

constexpr std::string_view setup_keys[] = {"about",
                                           "seed",
                                           "seconds",
                                           "pods",
                                           "shards",
                                           "relays",
                                           "caches",
                                           "clients",
                                           "players",
                                           "positions_per_second",
                                           "loot_tiles",
                                           "stored_percent",
                                           "reach_tiles",
                                           "l1_bytes",
                                           "store_work_percent",
                                           "windows",
                                           "one_core",
                                           "rollout",
                                           "faults",
                                           "expect",
                                           "rates_per_thousand"};
constexpr std::string_view fault_keys[] = {"fault", "at_ms", "for_ms", "target"};
constexpr std::string_view expect_keys[] = {"chunk_reads_max", "loads_inflight_max",
                                            "strained_percent_max", "answered_percent_min",
                                            "answered_from_s"};

class SetupParser {
 public:
  explicit SetupParser(std::string_view file) : keys_(file, errors_) {}

  Result<Setup> parse(const YamlNode& root) {
    if (!is_map(root, "a scenario")) HUNT_CHECK(keys_.finish());
    keys_.refuse_unknown(root, setup_keys);
    number(root, "seed", 0, any_u64, out_.seed);
    number(root, "seconds", 1, seconds_max, out_.seconds);
    number(root, "pods", 1, any_u32, out_.pods);
    number(root, "shards", 1, any_u32, out_.shards);
    number(root, "relays", 1, any_u32, out_.relays);
    number(root, "caches", 1, any_u32, out_.caches);
    number(root, "clients", 1, any_u32, out_.clients);
    number(root, "positions_per_second", 1, any_u32, out_.positions_per_second);
    number(root, "players", 1, any_u32, out_.players);
    number(root, "loot_tiles", 1, any_u32, out_.loot_tiles);
    number(root, "stored_percent", 0, any_u32, out_.stored_percent);
    number(root, "reach_tiles", 1, 1'000'000, out_.reach_tiles);
    number(root, "l1_bytes", 1, any_u32, out_.l1_bytes);
    number(root, "store_work_percent", 0, any_u32, out_.store_work_percent);
    flag(root, "windows", out_.windows);
    flag(root, "rollout", out_.rollout);
    flag(root, "one_core", out_.one_core);
    if (const auto* value = YamlKeys::find(root, "rates_per_thousand")) rates(*value);
    if (const auto* value = YamlKeys::find(root, "faults")) faults(*value);
    if (const auto* value = YamlKeys::find(root, "expect")) expect(*value);
    HUNT_CHECK(keys_.finish());
    return std::move(out_);
  }

 private:
  bool is_map(const YamlNode& node, std::string_view what) {
    if (node.kind == Kind::map) return true;
    keys_.error(node.at, fmt::format("{}: expected keys and values, {}", what, found(node)));
    return false;
  }

  template <class T>
  void number(const YamlNode& map, std::string_view key, std::uint64_t low, std::uint64_t high,
              T& out) {
    const YamlNode* value = YamlKeys::find(map, key);
    if (value != nullptr) out = static_cast<T>(keys_.whole(*value, key, low, high));
  }

  void flag(const YamlNode& map, std::string_view key, bool& out) {
    const YamlNode* value = YamlKeys::find(map, key);
    if (value == nullptr) return;
    const bool plain = value->kind == Kind::scalar && !value->quoted;
    out = plain && value->text == "true";
    if (out || (plain && value->text == "false")) return;
    keys_.error(value->at, fmt::format("{}: expected true or false, {}", key, found(*value)));
  }

  FaultKind kind(const YamlNode& node) {
    std::vector<std::string_view> known;
    for (std::size_t i = 0; i < sim::fault_kind_count; ++i) {
      const auto one = static_cast<FaultKind>(i);
      if (sim::name_of(one) == node.text) return one;
      known.push_back(sim::name_of(one));
    }
    keys_.error(node.at, fmt::format("no fault is called \"{}\"{}", printable(node.text),
                                     did_you_mean(node.text, known)));
    return FaultKind::crash;
  }

  void rates(const YamlNode& map) {
    if (!is_map(map, "rates_per_thousand")) return;
    for (std::size_t i = 0; i + 1 < map.children.size(); i += 2) {
      const YamlNode& name = map.children[i];
      const auto rate = keys_.whole(map.children[i + 1], name.text, 0, any_u64);
      out_.rates.push_back({kind(name), {rate, 1'000}});
    }
  }

  void faults(const YamlNode& list) {
    if (list.kind != Kind::list) {
      keys_.error(list.at, fmt::format("faults: expected a list, {}", found(list)));
    }
    for (const YamlNode& node : list.children) {
      if (!is_map(node, "faults")) continue;
      keys_.refuse_unknown(node, fault_keys);
      Fault fault;
      if (const auto* name = keys_.require(node, "fault")) fault.kind = kind(*name);
      static_cast<void>(keys_.require(node, "at_ms"));
      number(node, "at_ms", 0, ms_max, fault.at_ns);
      number(node, "for_ms", 0, ms_max, fault.for_ns);
      number(node, "target", 0, any_u64, fault.target);
      fault.at_ns *= 1'000'000;
      fault.for_ns *= 1'000'000;
      out_.faults.push_back(fault);
    }
  }

  void expect(const YamlNode& map) {
    if (!is_map(map, "expect")) return;
    keys_.refuse_unknown(map, expect_keys);
    number(map, "chunk_reads_max", 0, any_u64, out_.expect.chunk_reads_max);
    number(map, "loads_inflight_max", 0, any_i64, out_.expect.loads_inflight_max);
    number(map, "strained_percent_max", 0, any_i64, out_.expect.strained_percent_max);
    number(map, "answered_percent_min", 0, any_i64, out_.expect.answered_percent_min);
    number(map, "answered_from_s", 0, any_i64, out_.expect.answered_from_s);
  }

  rules::Diagnostics errors_;
  YamlKeys keys_;
  Setup out_;
};

}  // namespace

Result<Setup> load_scenario(const std::string& path) {
  HUNT_TRY(text, read_whole_file(path, limits::rules_bytes_max));
  const auto tree = rules::read_yaml(path, text);
  if (!tree) return fail(Errc::invalid_argument, rules::format(tree.error()));
  return SetupParser(path).parse(*tree);
}

}  // namespace hunt::simulation
