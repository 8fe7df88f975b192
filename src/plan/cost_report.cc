#include "plan/cost_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/text.h"

namespace hunt::plan {

namespace {

namespace json = boost::json;

// Of the assumptions, those that are told for each line of the table.
constexpr std::size_t told_max = 3;

std::uint64_t count_of(double value) {
  return static_cast<std::uint64_t>(value + 0.5);
}

std::string whole(double value) {
  return with_commas(count_of(value));
}

// Servers that are neither pods nor Redis nor shards: NATS, relays, a pooler.
double beside(const Need& need) {
  double count = 0;
  for (const Servers& one : need.servers)
    if (one.part != "service" && one.part != "redis" && one.part != "postgres") count += one.count;
  return count;
}

std::string row_of(const CostLine& line) {
  const Need& need = line.need;
  return fmt::format(
      "{:>12}  {:>13}  {:<13}  {:>7}  {:>6}  {:>7}  {:>7}  {:>11}  {:>13}  {:>11.4f}",
      whole(line.crowd.players), whole(line.crowd.per_second), line.unit.name,
      whole(need.count("service")), whole(beside(need)), whole(need.count("redis")),
      whole(need.count("postgres")), whole(need.connections), whole(need.month.total()),
      need.million);
}

// What moves this line most, the most first.
std::string moved(const CostLine& line) {
  std::vector<Varied> varied = line.varied;
  std::stable_sort(varied.begin(), varied.end(),
                   [](const Varied& a, const Varied& b) { return a.moves() > b.moves(); });
  varied.resize(std::min(varied.size(), told_max));
  std::string out = fmt::format("{} players, {}:\n", whole(line.crowd.players), line.unit.name);
  for (const Varied& one : varied) {
    if (one.moves() == 0) continue;
    out += fmt::format("  {:<52}  ${} with half, ${} with twice\n", one.assumption, whole(one.half),
                       whole(one.twice));
  }
  return out;
}

json::object dollars_json(const Dollars& dollars) {
  json::object out;
  out["compute"] = dollars.server[0];
  out["cache"] = dollars.server[1];
  out["database"] = dollars.server[2];
  out["transfer"] = dollars.transfer;
  out["total"] = dollars.total();
  return out;
}

json::object line_json(const CostLine& line, const CostModel& model) {
  json::object servers;
  for (const Servers& one : line.need.servers) servers[one.part] = count_of(one.count);
  json::array assumptions;
  for (const Varied& one : line.varied) {
    json::object varied;
    varied["assumption"] = one.assumption;
    varied["usd_month_at_half"] = one.half;
    varied["usd_month_at_twice"] = one.twice;
    assumptions.push_back(std::move(varied));
  }
  json::object out;
  out["players"] = count_of(line.crowd.players);
  out["positions_per_second"] = line.crowd.per_second;
  out["contender"] = line.unit.name;
  out["title"] = line.unit.title;
  out["measured"] = line.unit.measured;
  out["servers"] = std::move(servers);
  out["connections"] = count_of(line.need.connections);
  out["usd_month"] = dollars_json(line.need.month);
  out["usd_million_of_month"] = line.need.million;
  out["usd_million"] = dollars_json(of_million(line.unit, model));
  out["assumptions"] = std::move(assumptions);
  out["dominates"] = dominating(line.varied).assumption;
  return out;
}

}  // namespace

CostLine cost_line(const Crowd& crowd, const UnitCost& unit, const CostModel& model) {
  return {crowd, unit, need_of(crowd, unit, model), vary(crowd, unit, model)};
}

std::string cost_text(const std::vector<CostLine>& lines, const CostModel& model,
                      const CostData& data) {
  std::string out = fmt::format(
      "Servers for the peak, {:.0f} % used then, paid for all {:.0f} hours of a month, of which a "
      "mean one has {:.0f} %\nof the load. Prices of {}, unit costs of one machine:\n{}; {}\n\n",
      100 * model.utilisation, model.hours_per_month, 100 * model.mean_load, model.date,
      data.machine, data.note);
  out += fmt::format("{:>12}  {:>13}  {:<13}  {:>7}  {:>6}  {:>7}  {:>7}  {:>11}  {:>13}  {:>11}\n",
                     "players", "positions/s", "by", "pods", "beside", "Redis", "shards",
                     "connections", "$ a month", "$ a million");
  for (const CostLine& line : lines) out += row_of(line) + "\n";
  out += fmt::format(
      "\npods: {}; beside: NATS, relays or a pooler on the same; Redis: {};\nshards: {}. Storage, "
      "backups and people are not counted.\n\nWhat moves the dollars of a month most, each by "
      "itself at half and at twice its value:\n",
      model.server[0].of, model.server[1].of, model.server[2].of);
  for (const CostLine& line : lines) out += moved(line);
  return out;
}

std::string cost_json(const std::vector<CostLine>& lines, const CostModel& model,
                      const CostData& data) {
  json::array all;
  for (const CostLine& line : lines) all.push_back(line_json(line, model));
  json::object settings;
  settings["utilisation"] = model.utilisation;
  settings["hours_per_month"] = model.hours_per_month;
  settings["mean_load"] = model.mean_load;
  settings["prices_of"] = model.date;
  settings["measured_on"] = data.machine;
  settings["note"] = data.note;
  settings["varied_by"] = varied_by;
  json::object out;
  out["model"] = std::move(settings);
  out["plans"] = std::move(all);
  return json::serialize(out);
}

}  // namespace hunt::plan
