#include "apps/rules_json.h"

#include <boost/json/array.hpp>
#include <variant>

#include "rules/event_text.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

void put_case(const model::RuleSet& set, const model::EventRules& event,
              const rules::TableOdds& odds, bool timed, json::object& out) {
  if (timed) {
    json::array during;
    for (const auto time : odds.open) during.emplace_back(set.times[time].name);
    out["during"] = std::move(during);
  }
  json::array items;
  for (const auto& item : odds.items) {
    json::object one;
    one["item"] = item.item;
    if (item.tier >= 0) one["tier"] = event.tiers[static_cast<std::size_t>(item.tier)];
    for (auto& field : json_of_odds(item)) one[field.key()] = std::move(field.value());
    one["expected"] = json_of_amount(item.expected);
    items.push_back(std::move(one));
  }
  out["items"] = std::move(items);
  if (odds.nothing) out["nothing"] = json_of_odds(*odds.nothing);
  if (event.tiers.empty()) return;
  json::array tiers;
  for (const auto& tier : odds.tiers) {
    json::object one;
    one["tier"] = event.tiers[tier.tier];
    for (auto& field : json_of_odds(tier)) one[field.key()] = std::move(field.value());
    one["expected"] = json_of_amount(tier.expected);
    tiers.push_back(std::move(one));
  }
  out["tiers"] = std::move(tiers);
}

}  // namespace

json::object json_of_odds(const rules::Odds& odds) {
  json::object out;
  out["probability"] = odds.probability;
  out["numerator"] = odds.numerator;
  out["denominator"] = odds.denominator;
  return out;
}

json::object json_of_amount(const rules::Amount& amount) {
  json::object out;
  out["value"] = amount.value;
  out["numerator"] = amount.numerator;
  out["denominator"] = amount.denominator;
  return out;
}

json::object json_of_table(const model::RuleSet& set, std::uint32_t table,
                           const std::vector<rules::TableOdds>& cases) {
  const model::LootTable& flat = set.tables[table];
  const model::EventRules& event = set.events[flat.event];
  json::object out;
  out["table"] = flat.name;
  if (!flat.timed) {
    put_case(set, event, cases.at(0), false, out);
    return out;
  }
  json::array list;
  for (const auto& odds : cases) {
    json::object one;
    put_case(set, event, odds, true, one);
    list.push_back(std::move(one));
  }
  out["cases"] = std::move(list);
  return out;
}

void put_reach(const model::EventRules& event, json::object& out) {
  json::array worlds;
  for (const auto& world : event.worlds) {
    std::visit([&worlds](const auto& one) { worlds.emplace_back(one); }, world);
  }
  if (!worlds.empty()) out["worlds"] = std::move(worlds);
  if (event.rollout_percent < 100) out["rollout"] = event.rollout_percent;
  if (event.announce_from) out["announce"] = rules::announce_text(event);
}

}  // namespace hunt::apps
