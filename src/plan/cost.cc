#include "plan/cost.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/result.h"

namespace hunt::plan {

namespace {

constexpr double seconds_per_hour = 3'600;

// Less than this is the rounding of numbers.
constexpr double nothing = 1e-9;

const Server& server_of(const Part& part, const CostModel& model) {
  return model.server[static_cast<std::size_t>(part.kind)];
}

double servers_for(const Part& part, const Crowd& crowd, const CostModel& model) {
  const double cores = crowd.per_second / 1e6 * part.cpu_s;
  const double used = server_of(part, model).cores * model.utilisation;
  return std::max<double>(part.least, std::ceil(cores / used - nothing));
}

double connections_of(const Crowd& crowd, const UnitCost& unit, const CostModel& model,
                      const Need& need) {
  const double pods = need.count("service");
  const double shards = need.count("postgres");
  const double relays = need.count("relay") * shards * unit.relay_connections;
  switch (unit.each) {
    case Each::player:
      return crowd.players * unit.connections;
    case Each::shard:
      return shards * unit.connections;
    case Each::core:
      return pods * model.server[0].cores * unit.connections;
    case Each::pod_and_shard:
      break;
  }
  return pods * shards * unit.connections + relays;
}

using Change = std::function<void(UnitCost&, CostModel&, double factor)>;

Change priced(Kind kind) {
  return [kind](UnitCost&, CostModel& model, double factor) {
    model.server[static_cast<std::size_t>(kind)].usd_hour *= factor;
  };
}

double at_most_all(double share) {
  return std::min(share, 1.0);
}

// In the order in which they win where they move the cost alike.
std::vector<std::pair<std::string, Change>> assumptions() {
  return {
      {"the CPU that a position takes",
       [](UnitCost& unit, CostModel&, double factor) {
         for (Part& part : unit.parts) part.cpu_s *= factor;
       }},
      {"how many of the positions find something",
       [](UnitCost& unit, CostModel&, double factor) {
         for (Part& part : unit.parts)
           if (part.of_finds) part.cpu_s *= factor;
       }},
      {"the utilisation at the peak",
       [](UnitCost&, CostModel& model, double factor) {
         model.utilisation = at_most_all(model.utilisation * factor);
       }},
      {"the least number of servers",
       [](UnitCost& unit, CostModel&, double factor) {
         for (Part& part : unit.parts)
           part.least = std::max(1, static_cast<int>(part.least * factor));
       }},
      {"the load of a mean hour",
       [](UnitCost&, CostModel& model, double factor) {
         model.mean_load = at_most_all(model.mean_load * factor);
       }},
      {"the bytes of a position, or the price of transfer",
       [](UnitCost& unit, CostModel&, double factor) { unit.gigabytes *= factor; }},
      {"the price of compute", priced(Kind::compute)},
      {"the price of the cache", priced(Kind::cache)},
      {"the price of the database", priced(Kind::database)},
  };
}

}  // namespace

double Need::count(std::string_view part) const noexcept {
  for (const Servers& one : servers)
    if (one.part == part) return one.count;
  return 0;
}

Dollars of_million(const UnitCost& unit, const CostModel& model) {
  HUNT_ASSERT(model.utilisation > 0);
  Dollars out;
  for (const Part& part : unit.parts) {
    const Server& server = server_of(part, model);
    const double hours = part.cpu_s / seconds_per_hour / model.utilisation;
    out.server[static_cast<std::size_t>(part.kind)] += hours * server.usd_hour / server.cores;
  }
  out.transfer = unit.gigabytes * model.usd_transfer_gb;
  return out;
}

Need need_of(const Crowd& crowd, const UnitCost& unit, const CostModel& model) {
  HUNT_ASSERT(model.utilisation > 0 && model.mean_load > 0 && model.hours_per_month > 0);
  Need need;
  for (const Part& part : unit.parts) {
    const double count = servers_for(part, crowd, model);
    need.servers.push_back({part.name, count});
    need.month.server[static_cast<std::size_t>(part.kind)] +=
        count * server_of(part, model).usd_hour * model.hours_per_month;
  }
  const double millions =
      crowd.per_second * model.mean_load * model.hours_per_month * seconds_per_hour / 1e6;
  need.month.transfer = millions * unit.gigabytes * model.usd_transfer_gb;
  need.connections = connections_of(crowd, unit, model, need);
  need.million = need.month.total() / millions;
  return need;
}

double Varied::moves() const noexcept {
  return std::round(std::abs(twice - half) * 100) / 100;
}

std::vector<Varied> vary(const Crowd& crowd, const UnitCost& unit, const CostModel& model) {
  std::vector<Varied> out;
  for (const auto& [name, change] : assumptions()) {
    const auto month = [&crowd, &unit, &model, &change = change](double factor) {
      UnitCost changed_unit = unit;
      CostModel changed_model = model;
      change(changed_unit, changed_model, factor);
      return need_of(crowd, changed_unit, changed_model).month.total();
    };
    out.push_back({name, month(1 / varied_by), month(varied_by)});
  }
  return out;
}

const Varied& dominating(const std::vector<Varied>& varied) {
  HUNT_ASSERT(!varied.empty());
  return *std::max_element(varied.begin(), varied.end(),
                           [](const Varied& a, const Varied& b) { return a.moves() < b.moves(); });
}

}  // namespace hunt::plan
