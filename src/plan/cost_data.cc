#include "plan/cost_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"

namespace hunt::plan {

extern const char prices_json[];
extern const char measured_json[];

namespace {

namespace json = boost::json;

double number(const json::value& value) {
  return value.to_number<double>();
}

std::string text(const json::value& value) {
  return std::string(value.as_string());
}

Server server_of(const json::value& price) {
  return {number(price.at("usd")), number(price.at("cores")), text(price.at("of"))};
}

CostModel model_of(const json::value& prices) {
  const json::value& price = prices.at("prices");
  const json::value& model = prices.at("model");
  CostModel out;
  out.server[0] = server_of(price.at("compute_hour"));
  out.server[1] = server_of(price.at("cache_hour"));
  out.server[2] = server_of(price.at("database_hour"));
  out.usd_transfer_gb = number(price.at("transfer_gb").at("usd"));
  out.utilisation = number(model.at("utilisation"));
  out.hours_per_month = number(model.at("hours_per_month"));
  out.mean_load = number(model.at("mean_load"));
  out.date = text(prices.at("date"));
  return out;
}

Kind kind_of(std::string_view part) {
  if (part == "redis") return Kind::cache;
  return part == "postgres" ? Kind::database : Kind::compute;
}

Each each_of(std::string_view word) {
  if (word == "player") return Each::player;
  if (word == "shard") return Each::shard;
  return word == "core" ? Each::core : Each::pod_and_shard;
}

std::vector<Part> parts_of(const json::value& step, const json::value& program,
                           const json::value& least) {
  const double millions = number(step.at("ok")) / 1e6;
  const json::array& of_finds = program.at("of_finds").as_array();
  std::vector<Part> out;
  for (const auto& [name, cpu_s] : step.at("cpu_s").as_object()) {
    Part& part = out.emplace_back();
    part.name = std::string(name);
    part.kind = kind_of(name);
    part.cpu_s = number(cpu_s) / millions;
    part.of_finds =
        std::find(of_finds.begin(), of_finds.end(), json::value(name)) != of_finds.end();
    part.least = least.at(name).to_number<int>();
  }
  return out;
}

UnitCost unit_of(std::string_view name, const json::value& entry, const json::value& prices) {
  const json::value& program = prices.at("programs").at(entry.at("program").as_string());
  const json::value& step = entry.at("step");
  UnitCost out;
  out.name = std::string(name);
  out.title = text(entry.at("title"));
  out.measured = fmt::format("{} at {} positions/s", text(entry.at("date")),
                             step.at("rate").to_number<std::uint64_t>());
  out.parts = parts_of(step, program, prices.at("model").at("least"));
  out.gigabytes = number(step.at("bytes")) / number(step.at("ok")) * 1e6 / 1e9;
  out.connections = program.at("connections").to_number<int>();
  out.each = each_of(program.at("each").as_string());
  if (const auto* more = program.as_object().if_contains("relay_connections"))
    out.relay_connections = more->to_number<int>();
  return out;
}

CostData read() {
  const json::value prices = json::parse(prices_json);
  const json::value measured = json::parse(measured_json);
  CostData out;
  out.model = model_of(prices);
  for (const auto& [name, entry] : measured.at("contenders").as_object())
    if (!entry.at("step").is_null()) out.units.push_back(unit_of(name, entry, prices));
  out.machine = text(measured.at("machine"));
  out.note = text(measured.at("note"));
  return out;
}

}  // namespace

const CostData& cost_data() {
  static const CostData data = read();
  return data;
}

const UnitCost& unit_cost(const CostData& data, std::string_view name) {
  const auto found = std::find_if(data.units.begin(), data.units.end(),
                                  [name](const UnitCost& one) { return one.name == name; });
  HUNT_ASSERT(found != data.units.end());
  return *found;
}

}  // namespace hunt::plan
