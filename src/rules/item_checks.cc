#include "rules/item_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "base/text.h"

namespace hunt::rules {

namespace {

struct Place {
  std::string_view file;
  Mark at;
};

using Drawn = std::map<std::string_view, Place>;  // items that a table has, where first

Drawn drawn_in(const std::vector<SourceEvent>& events) {
  Drawn drawn;
  for (const auto& event : events) {
    for (const auto& table : event.tables) {
      for_each_entry(table, [&](const SourceEntry& entry) {
        if (!entry.is_item() || entry.target.text.empty()) return;
        drawn.emplace(entry.target.text, Place{event.file, entry.target.at});
      });
    }
  }
  return drawn;
}

void warn_of_twins(const Drawn& drawn, Diagnostics& out) {
  std::map<std::string, std::string_view> folded;
  for (const auto& [item, place] : drawn) {
    std::string key(item);
    for (char& c : key) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    const auto [other, fresh] = folded.emplace(std::move(key), item);
    if (fresh) continue;
    out.warning(place.file, place.at,
                fmt::format("\"{}\" and \"{}\" differ only in case; they are two items",
                            other->second, item));
  }
}

void check_facts(const SourceEvent& event, const Drawn& drawn, Diagnostics& out) {
  if (event.items.empty()) return;
  std::vector<std::string_view> tiers;
  for (const auto& tier : event.tiers) tiers.push_back(tier.text);
  if (tiers.empty()) {
    out.error(event.file, event.items_at, "items: needs tiers, the list of their names");
    return;
  }
  std::vector<std::string_view> items;
  for (const auto& [item, place] : drawn) items.push_back(item);
  std::size_t searched = 0;
  for (const auto& item : event.items) {
    if (!item.tier.text.empty() &&
        std::find(tiers.begin(), tiers.end(), item.tier.text) == tiers.end()) {
      out.error(event.file, item.tier.at,
                fmt::format("tier: there is no tier \"{}\"{}", item.tier.text,
                            did_you_mean(item.tier.text, tiers)));
    }
    if (item.name.text.empty() || drawn.contains(item.name.text)) continue;
    // Bound: the search for the nearest name runs for as many warnings as are shown.
    const bool searches = ++searched <= Diagnostics::diagnostics_max;
    out.warning(event.file, item.name.at,
                fmt::format("items: \"{}\" is in no table{}", item.name.text,
                            searches ? did_you_mean(item.name.text, items) : std::string()));
  }
}

void check_announce(const SourceEvent& event, Diagnostics& out) {
  if (!event.announce || event.announce->text.empty()) return;
  const SourceName& announce = *event.announce;
  if (event.tiers.empty()) {
    out.error(event.file, announce.at, "announce: needs tiers, the list of their names");
    return;
  }
  std::vector<std::string_view> tiers;
  for (const auto& tier : event.tiers) tiers.push_back(tier.text);
  const auto from = std::find(tiers.begin(), tiers.end(), announce.text);
  if (from == tiers.end()) {
    out.error(event.file, announce.at,
              fmt::format("announce: there is no tier \"{}\"{}", announce.text,
                          did_you_mean(announce.text, tiers)));
    return;
  }
  const bool some = std::any_of(event.items.begin(), event.items.end(), [&](const auto& item) {
    return std::find(from, tiers.end(), item.tier.text) != tiers.end();
  });
  if (some) return;
  out.warning(event.file, announce.at,
              fmt::format("announce: no item of \"items\" has the tier \"{}\"{}; nothing is ever "
                          "announced",
                          announce.text, from + 1 == tiers.end() ? "" : " or a higher one"));
}

}  // namespace

void check_items(const std::vector<SourceEvent>& events, Diagnostics& out) {
  const Drawn drawn = drawn_in(events);
  warn_of_twins(drawn, out);
  for (const auto& event : events) {
    check_facts(event, drawn, out);
    check_announce(event, out);
  }
}

}  // namespace hunt::rules
