#include "rules/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "rules/event_text.h"

namespace hunt::rules {

namespace {

using Cases = std::map<std::string, TableOdds>;  // by the names of the times that are open

tl::expected<Cases, std::string> cases_of(const model::RuleSet& set, std::uint32_t table) {
  Cases out;
  for (const auto& [open, as_of_us] : time_cases(set, table)) {
    auto odds = table_odds(set, table, open);
    if (!odds) return tl::unexpected(odds.error());
    out.emplace(names_of(set, open), std::move(*odds));
  }
  return out;
}

std::string start_text(const model::EventRules& event) {
  return event.starts_us == model::time_us_min ? "always" : format_time_us(event.starts_us);
}

std::string end_text(const model::EventRules& event) {
  return event.ends_us == model::time_us_max ? "never" : format_time_us(event.ends_us);
}

std::string open_text(const model::EventRules& event) {
  if (event.openings.empty()) return "all of it";
  return fmt::format("{} openings, first {} to {}", with_commas(event.openings.size()),
                     format_time_us(event.openings.front().opens_us),
                     format_time_us(event.openings.front().closes_us));
}

std::string_view trigger_text(const model::EventRules& event) {
  return event.trigger == model::Trigger::dig ? "dig" : "step";
}

void compare(const model::EventRules& before, const model::EventRules& after,
             std::vector<std::string>& out) {
  const auto say = [&](std::string_view what, const std::string& old, const std::string& now) {
    if (old != now) out.push_back(fmt::format("{}: {}: {} → {}", after.name, what, old, now));
  };
  say("starts", start_text(before), start_text(after));
  say("ends", end_text(before), end_text(after));
  if (before.openings != after.openings) {
    std::string now = open_text(after);
    if (now == open_text(before)) now += ", then others";
    say("open", open_text(before), now);
  }
  say("zone", before.zone, after.zone);
  say("trigger", std::string(trigger_text(before)), std::string(trigger_text(after)));
  say("hint_radius", fmt::to_string(before.hint_radius_tiles),
      fmt::to_string(after.hint_radius_tiles));
  say("enabled", before.enabled ? "true" : "false", after.enabled ? "true" : "false");
  say("worlds", worlds_text(before), worlds_text(after));
  say("rollout", fmt::format("{} %", before.rollout_percent),
      fmt::format("{} %", after.rollout_percent));
  say("announce", announce_text(before), announce_text(after));
  say("tiers", fmt::format("{}", fmt::join(before.tiers, ", ")),
      fmt::format("{}", fmt::join(after.tiers, ", ")));
}

template <typename List>
const typename List::value_type* find_named(const List& list, std::string_view name) {
  const auto at =
      std::find_if(list.begin(), list.end(), [name](const auto& one) { return one.name == name; });
  return at == list.end() ? nullptr : &*at;
}

void compare_events(const model::RuleSet& before, const model::RuleSet& after,
                    std::vector<std::string>& out) {
  for (const auto& event : before.events) {
    if (find_named(after.events, event.name) == nullptr) out.push_back(event.name + ": removed");
  }
  for (const auto& event : after.events) {
    const auto* old = find_named(before.events, event.name);
    if (old == nullptr) {
      out.push_back(event.name + ": new");
    } else {
      compare(*old, event, out);
    }
  }
  for (const auto& time : after.times) {
    const std::string& event = after.events[time.event].name;
    const auto old = std::find_if(before.times.begin(), before.times.end(), [&](const auto& one) {
      return one.name == time.name && before.events[one.event].name == event;
    });
    if (old != before.times.end() && old->openings != time.openings) {
      out.push_back(fmt::format("{}: times: {} is at other times now", event, time.name));
    }
  }
}

// One case of one table; either side may lack it.
void compare_items(const std::string& table, const std::string& during, const TableOdds* before,
                   const TableOdds* after, std::vector<OddsChange>& out) {
  std::map<std::string, OddsChange> items;
  const auto add = [&](const TableOdds* odds, std::optional<ItemOdds> OddsChange::*side) {
    if (odds == nullptr) return;
    for (const auto& item : odds->items) items[item.item].*side = item;
    if (odds->nothing) items[""].*side = ItemOdds{*odds->nothing, "", -1, {}};
  };
  add(before, &OddsChange::before);
  add(after, &OddsChange::after);
  for (auto& [item, change] : items) {
    const bool same = change.before && change.after &&
                      change.before->numerator == change.after->numerator &&
                      change.before->denominator == change.after->denominator &&
                      change.before->expected.numerator == change.after->expected.numerator &&
                      change.before->expected.denominator == change.after->expected.denominator;
    if (same) continue;
    change.table = table;
    change.during = during;
    change.item = item;
    out.push_back(std::move(change));
  }
}

// All that the roll of a table reads, as texts in its order.
std::vector<std::string> parts_of(const model::RuleSet& set, std::uint32_t table) {
  std::vector<std::string> out;
  const auto add = [&](const model::LootEntry& entry) {
    const std::string_view name = entry.is_table ? std::string_view(set.tables[entry.index].name)
                                  : entry.is_nothing() ? std::string_view("")
                                                       : std::string_view(set.items[entry.index]);
    out.push_back(fmt::format("{}{} {} {}..{}", entry.is_table ? "table " : "", name, entry.weight,
                              entry.count.low, entry.count.high));
  };
  const auto& flat = set.tables[table];
  for (const auto& entry : set.always_of(flat)) add(entry);
  for (const auto& pool : set.pools_of(flat)) {
    out.push_back(fmt::format("pool {}/{} {}..{} {}", pool.chance.numerator,
                              pool.chance.denominator, pool.rolls.low, pool.rolls.high,
                              pool.distinct));
    for (const auto& entry : set.entries_of(pool)) add(entry);
  }
  return out;
}

}  // namespace

std::string names_of(const model::RuleSet& set, const OpenTimes& open) {
  std::string out;
  for (const auto time : open) {
    const model::NamedTime& one = set.times[time];
    // Names are unique within an event, and a table may draw from those of another one.
    const bool unique = std::count_if(set.times.begin(), set.times.end(), [&](const auto& other) {
                          return other.name == one.name;
                        }) == 1;
    out += (out.empty() ? "" : " + ") + (unique ? "" : set.events[one.event].name + ".") + one.name;
  }
  return out;
}

std::vector<std::string> placement_changes(const LoadedRules& before, const LoadedRules& after) {
  using Texts = std::map<std::pair<std::string_view, std::uint32_t>, std::string>;
  const auto texts_of = [](const LoadedRules& rules) {
    Texts texts;
    for (const auto& one : rules.placements) {
      texts[{rules.set.events[one.event].name, one.number}] =
          fmt::format("{}, {}", rules.set.tables[one.table].name, placement_text(one));
    }
    return texts;
  };
  Texts were = texts_of(before);
  std::vector<std::string> out;
  for (const auto& [key, now] : texts_of(after)) {
    const auto old = were.extract(key);
    if (!old.empty() && old.mapped() == now) continue;
    out.push_back(fmt::format("{}, placement {}: {}{}", key.first, key.second,
                              old.empty() ? "new: " : old.mapped() + " → ", now));
  }
  for (const auto& [key, old] : were) {
    out.push_back(
        fmt::format("{}, placement {}: removed; what was buried stays", key.first, key.second));
  }
  return out;
}

std::string summary_of(const RulesDiff& diff) {
  constexpr std::size_t shown_max = 5;
  std::vector<std::string> parts;
  std::map<std::string_view, std::size_t> counts;
  for (const auto& change : diff.odds) ++counts[change.table];
  parts.reserve(counts.size());
  for (const auto& [table, count] : counts) {
    parts.push_back(fmt::format("table {}: {} odds", table, count));
  }
  for (const auto& table : diff.tables_removed) parts.push_back("table " + table + ": removed");
  for (const auto& table : diff.tables_added) parts.push_back("table " + table + ": new");
  for (const auto& sentence : diff.events) parts.push_back("event " + sentence);
  for (const auto& table : diff.tables_reordered) {
    parts.push_back(fmt::format("table {}: the same odds, rolled otherwise", table));
  }
  if (parts.empty()) parts.emplace_back("tables, odds and windows are the same");
  if (parts.size() > shown_max) {
    const std::size_t more = parts.size() - shown_max;
    parts.resize(shown_max);
    parts.push_back(fmt::format("and {} more", with_commas(more)));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

tl::expected<RulesDiff, std::string> diff_rules(const model::RuleSet& before,
                                                const model::RuleSet& after) {
  RulesDiff out;
  compare_events(before, after, out.events);
  for (const auto& table : after.tables) {
    if (!before.find_table(table.name)) out.tables_added.push_back(table.name);
  }
  for (std::uint32_t old = 0; old < before.tables.size(); ++old) {
    const std::string& name = before.tables[old].name;
    const auto now = after.find_table(name);
    if (!now) {
      out.tables_removed.push_back(name);
      continue;
    }
    const auto were = cases_of(before, old);
    if (!were) return tl::unexpected(were.error());
    const auto are = cases_of(after, *now);
    if (!are) return tl::unexpected(are.error());
    const std::size_t changes = out.odds.size();
    for (const auto& [during, odds] : *were) {
      const auto other = are->find(during);
      compare_items(name, during, &odds, other == are->end() ? nullptr : &other->second, out.odds);
    }
    for (const auto& [during, odds] : *are) {
      if (!were->contains(during)) compare_items(name, during, nullptr, &odds, out.odds);
    }
    if (out.odds.size() == changes && parts_of(before, old) != parts_of(after, *now)) {
      out.tables_reordered.push_back(name);
    }
  }
  return out;
}

}  // namespace hunt::rules
