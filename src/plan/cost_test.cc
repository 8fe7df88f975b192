// What holds of every crowd, by hand-made unit costs; and of the files that the program has.
#include "plan/cost.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/prng.h"
#include "plan/cost_data.h"
#include "plan/cost_report.h"

namespace hunt::plan {
namespace {

// Servers of a dollar an hour and two cores, run at a half; a month of 1,000 hours.
CostModel a_model() {
  CostModel model;
  for (Server& server : model.server) server = {1, 2, "a server"};
  model.usd_transfer_gb = 0.5;
  model.utilisation = 0.5;
  model.hours_per_month = 1'000;
  model.mean_load = 0.5;
  return model;
}

UnitCost a_unit() {
  UnitCost unit;
  unit.name = "one";
  unit.parts = {{.name = "service", .kind = Kind::compute, .cpu_s = 3, .least = 2},
                {.name = "relay", .kind = Kind::compute, .cpu_s = 1, .of_finds = true, .least = 2},
                {.name = "redis", .kind = Kind::cache, .cpu_s = 2, .least = 3},
                {.name = "postgres", .kind = Kind::database, .cpu_s = 1, .of_finds = true}};
  unit.gigabytes = 0.1;
  unit.connections = 5;
  unit.relay_connections = 3;
  return unit;
}

TEST(Cost, of_a_million_is_its_seconds_at_the_utilisation_and_its_bytes) {
  const Dollars dollars = of_million(a_unit(), a_model());
  EXPECT_DOUBLE_EQ(dollars.server[0], 4.0 / 3'600 / 0.5 / 2);
  EXPECT_DOUBLE_EQ(dollars.server[1], 2.0 / 3'600 / 0.5 / 2);
  EXPECT_DOUBLE_EQ(dollars.server[2], 1.0 / 3'600 / 0.5 / 2);
  EXPECT_DOUBLE_EQ(dollars.transfer, 0.05);
  EXPECT_DOUBLE_EQ(dollars.total(), 7.0 / 3'600 + 0.05);
}

// Ten million positions a second: 30 cores of the service, of which a server gives one.
TEST(Cost, servers_are_whole_and_paid_all_month) {
  const Need need = need_of({.players = 1, .per_second = 10e6}, a_unit(), a_model());
  EXPECT_EQ(need.count("service"), 30);
  EXPECT_EQ(need.count("relay"), 10);
  EXPECT_EQ(need.count("redis"), 20);
  EXPECT_EQ(need.count("postgres"), 10);
  EXPECT_EQ(need.count("nats"), 0) << "it has none";
  EXPECT_DOUBLE_EQ(need.month.server[0], 40'000);
  EXPECT_DOUBLE_EQ(need.month.server[1], 20'000);
  EXPECT_DOUBLE_EQ(need.month.server[2], 10'000);
  const double millions = 10e6 * 0.5 * 1'000 * 3'600 / 1e6;
  EXPECT_DOUBLE_EQ(need.month.transfer, millions * 0.1 * 0.5);
  EXPECT_DOUBLE_EQ(need.million, need.month.total() / millions);
  const Need more = need_of({.players = 1, .per_second = 10.01e6}, a_unit(), a_model());
  EXPECT_EQ(more.count("service"), 31);
}

TEST(Cost, a_small_crowd_has_the_least_servers) {
  const Need need = need_of({.players = 1, .per_second = 1}, a_unit(), a_model());
  EXPECT_EQ(need.count("service"), 2);
  EXPECT_EQ(need.count("redis"), 3);
  EXPECT_EQ(need.count("postgres"), 1);
}

TEST(Cost, connections_are_by_what_opens_them) {
  const Crowd crowd{.players = 28'000, .per_second = 10e6};
  UnitCost unit = a_unit();
  EXPECT_EQ(need_of(crowd, unit, a_model()).connections, 30 * 10 * 5 + 10 * 10 * 3);
  unit.relay_connections = 0;
  unit.each = Each::core;
  EXPECT_EQ(need_of(crowd, unit, a_model()).connections, 30 * 2 * 5);
  unit.each = Each::shard;
  EXPECT_EQ(need_of(crowd, unit, a_model()).connections, 10 * 5);
  unit.each = Each::player;
  unit.connections = 1;
  EXPECT_EQ(need_of(crowd, unit, a_model()).connections, 28'000);
}

// One model: a crowd so large that no server stands half empty, and as large all month, pays for a
// million what a million costs.
TEST(Cost, a_large_crowd_pays_for_a_million_what_a_million_costs) {
  CostModel model = cost_data().model;
  model.mean_load = 1;
  for (const UnitCost& unit : cost_data().units) {
    const Need need = need_of({.players = 1e9, .per_second = 1e12}, unit, model);
    const double million = of_million(unit, model).total();
    EXPECT_NEAR(need.million, million, million * 0.001) << unit.name;
  }
}

TEST(Cost, more_load_is_never_cheaper_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng random(seed);
    UnitCost unit = a_unit();
    for (Part& part : unit.parts) part.cpu_s = static_cast<double>(random.below(1'000)) / 100;
    const double load = static_cast<double>(1 + random.below(10'000'000));
    const double more = load + static_cast<double>(random.below(1'000'000));
    const Need one = need_of({1, load}, unit, a_model());
    const Need two = need_of({1, more}, unit, a_model());
    EXPECT_LE(one.month.total(), two.month.total()) << seed;
    for (const Part& part : unit.parts) {
      // Enough for the peak, and not one more than that or the least.
      const double cores = load / 1e6 * part.cpu_s;
      EXPECT_GE(one.count(part.name) + 1e-6, cores) << seed;
      EXPECT_LE(one.count(part.name), std::max<double>(part.least, cores + 1)) << seed;
    }
  }
}

const Varied& of(const std::vector<Varied>& varied, std::string_view words) {
  return *std::find_if(varied.begin(), varied.end(), [words](const Varied& one) {
    return one.assumption.find(words) != std::string::npos;
  });
}

TEST(Cost, each_assumption_is_varied_by_itself) {
  const Crowd crowd{.players = 1, .per_second = 100e6};
  const double servers = 700'000;                                 // a month
  const double transfer = 100 * 0.5 * 1'000 * 3'600 * 0.1 * 0.5;  // 9 million
  const std::vector<Varied> varied = vary(crowd, a_unit(), a_model());
  EXPECT_DOUBLE_EQ(need_of(crowd, a_unit(), a_model()).month.total(), servers + transfer);
  EXPECT_DOUBLE_EQ(of(varied, "CPU").half, servers / 2 + transfer);
  EXPECT_DOUBLE_EQ(of(varied, "CPU").twice, servers * 2 + transfer);
  EXPECT_DOUBLE_EQ(of(varied, "find").twice, servers + 200'000 + transfer);
  EXPECT_DOUBLE_EQ(of(varied, "utilisation").half, servers * 2 + transfer);
  EXPECT_DOUBLE_EQ(of(varied, "utilisation").twice, servers / 2 + transfer);
  EXPECT_DOUBLE_EQ(of(varied, "mean hour").twice, servers + 2 * transfer);
  EXPECT_DOUBLE_EQ(of(varied, "bytes").half, servers + transfer / 2);
  EXPECT_DOUBLE_EQ(of(varied, "price of the cache").twice, servers + 200'000 + transfer);
  EXPECT_DOUBLE_EQ(of(varied, "least").moves(), 0);
  EXPECT_EQ(dominating(varied).assumption, of(varied, "mean hour").assumption);
}

TEST(Cost, a_share_is_varied_up_to_all_of_it) {
  CostModel model = a_model();
  model.mean_load = model.utilisation = 0.8;
  const Crowd crowd{.players = 1, .per_second = 100e6};
  const std::vector<Varied> varied = vary(crowd, a_unit(), model);
  CostModel all = model;
  all.utilisation = 1;
  EXPECT_DOUBLE_EQ(of(varied, "utilisation").twice, need_of(crowd, a_unit(), all).month.total());
  all = model;
  all.mean_load = 1;
  EXPECT_DOUBLE_EQ(of(varied, "mean hour").twice, need_of(crowd, a_unit(), all).month.total());
}

TEST(Cost, of_a_small_crowd_the_least_number_of_servers_dominates) {
  const std::vector<Varied> varied = vary({1, 1}, a_unit(), a_model());
  EXPECT_EQ(dominating(varied).assumption, of(varied, "least").assumption);
}

TEST(CostData, has_prices_and_every_system_with_all_of_its_parts) {
  const CostData& data = cost_data();
  for (const Server& server : data.model.server) {
    EXPECT_GT(server.usd_hour, 0);
    EXPECT_GT(server.cores, 0);
    EXPECT_FALSE(server.of.empty());
  }
  EXPECT_GT(data.model.usd_transfer_gb, 0);
  EXPECT_LE(data.model.utilisation, 1);
  EXPECT_LE(data.model.mean_load, 1);
  EXPECT_FALSE(data.machine.empty());
  std::set<std::string> names;
  for (const UnitCost& unit : data.units) {
    EXPECT_TRUE(names.insert(unit.name).second) << unit.name;
    EXPECT_GT(unit.gigabytes, 0) << unit.name;
    EXPECT_GT(unit.connections, 0) << unit.name;
    for (const Part& part : unit.parts) EXPECT_GE(part.cpu_s, 0) << unit.name << part.name;
    const Need need = need_of({28'000, 120'000}, unit, data.model);
    EXPECT_GE(need.count("service"), 1) << unit.name;
    EXPECT_GE(need.count("redis"), 1) << unit.name;
    EXPECT_GE(need.count("postgres"), 1) << unit.name;
  }
  const UnitCost& ours = unit_cost(data, "hunt-batches");
  EXPECT_EQ(ours.each, Each::pod_and_shard);
  EXPECT_EQ(ours.relay_connections, 3);
  EXPECT_EQ(unit_cost(data, "tuned-batches").each, Each::core);
  const auto is_of_finds = [](const Part& part) { return part.of_finds; };
  EXPECT_EQ(std::count_if(ours.parts.begin(), ours.parts.end(), is_of_finds), 2);
}

TEST(CostReport, says_what_moves_it_and_what_it_rests_on) {
  const CostData& data = cost_data();
  const CostLine line = cost_line({28'000, 120'000}, unit_cost(data, "hunt-batches"), data.model);
  const std::string text = cost_text({line}, data.model, data);
  for (const char* words : {"28,000", "120,000", "48 %", "with half", "2026-11-30"})
    EXPECT_NE(text.find(words), std::string::npos) << words << " in\n" << text;
  EXPECT_NE(text.find(dominating(line.varied).assumption), std::string::npos) << text;
  EXPECT_NE(text.find(data.note), std::string::npos) << text;
}

}  // namespace
}  // namespace hunt::plan
