#include "rush/rehearsal_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <numeric>

#include "base/text.h"

namespace hunt::rush {

namespace {

namespace json = boost::json;

constexpr std::size_t rows_max = 24;    // of the table by hours
constexpr std::size_t classes_max = 6;  // its columns
constexpr std::size_t items_max = 40;

struct Column {
  std::string head;
  std::vector<std::string> cells;
  bool left = false;
};

void put_table(const std::vector<Column>& columns, std::vector<std::string>& out) {
  std::vector<std::size_t> widths;
  for (const auto& column : columns) {
    std::size_t width = column.head.size();
    for (const auto& cell : column.cells) width = std::max(width, cell.size());
    widths.push_back(width);
  }
  for (std::size_t row = 0; row <= columns.front().cells.size(); ++row) {
    std::string line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string& cell = row == 0 ? columns[i].head : columns[i].cells[row - 1];
      line += columns[i].left ? fmt::format("  {:<{}}", cell, widths[i])
                              : fmt::format("  {:>{}}", cell, widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out.push_back(std::move(line));
  }
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}

void put_kinds(const Rehearsal& r, std::vector<std::string>& out) {
  Column table{"table", {}, true};
  Column placed{"placed", {}};
  Column found{"found", {}};
  Column expired{"expired", {}};
  Column left{"left", {}};
  Column sold{"sold out", {}};
  for (const auto& kind : r.kinds) {
    table.cells.push_back(kind.table);
    placed.cells.push_back(with_commas(kind.placed));
    found.cells.push_back(with_commas(kind.found));
    expired.cells.push_back(with_commas(kind.expired));
    left.cells.push_back(with_commas(kind.left()));
    sold.cells.push_back(sold_out_text(kind));
  }
  put_table({table, placed, found, expired, left, sold}, out);
}

void put_items(const Rehearsal& r, std::vector<std::string>& out) {
  Column item{"item", {}, true};
  Column tier{"tier", {}, true};
  Column finds{"finds", {}};
  Column count{"in all", {}};
  for (std::size_t i = 0; i < r.items.size() && i < items_max; ++i) {
    item.cells.push_back(r.items[i].item);
    tier.cells.push_back(r.items[i].tier);
    finds.cells.push_back(with_commas(r.items[i].finds));
    count.cells.push_back(with_commas(r.items[i].count));
  }
  std::vector<Column> columns{item};
  if (r.by_tier) columns.push_back(tier);
  columns.push_back(finds);
  columns.push_back(count);
  put_table(columns, out);
  if (r.items.size() > items_max) {
    out.push_back(fmt::format("  … and {} more", with_commas(r.items.size() - items_max)));
  }
}

void put_hours(const Rehearsal& r, std::vector<std::string>& out) {
  const std::uint32_t hours_per_row =
      (r.hours + static_cast<std::uint32_t>(rows_max) - 1) / static_cast<std::uint32_t>(rows_max);
  const std::size_t buckets_per_row = hours_per_row * 3'600 / r.bucket_s;
  const ShownClasses classes = shown_classes(r, classes_max);
  Column hour{hours_per_row == 1 ? "hour" : "hours", {}, true};
  std::vector<Column> columns;
  for (const auto i : classes.shown) columns.push_back({r.classes[i], {}});
  Column others{"others", {}};
  Column none{"players with none", {}};
  for (std::size_t first = 0; first < r.buckets.size(); first += buckets_per_row) {
    const std::size_t last = std::min(first + buckets_per_row, r.buckets.size());
    const std::size_t begins = first * r.bucket_s / 3'600 + 1;
    const std::size_t ends = last * r.bucket_s / 3'600;
    hour.cells.push_back(begins == ends ? fmt::format("{}", ends)
                                        : fmt::format("{} to {}", begins, ends));
    std::vector<std::uint64_t> sums(r.classes.size());
    for (std::size_t i = first; i < last; ++i) {
      for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += r.buckets[i].finds[k];
    }
    std::uint64_t rest = std::accumulate(sums.begin(), sums.end(), std::uint64_t{0});
    for (std::size_t i = 0; i < classes.shown.size(); ++i) {
      columns[i].cells.push_back(with_commas(sums[classes.shown[i]]));
      rest -= sums[classes.shown[i]];
    }
    others.cells.push_back(with_commas(rest));
    none.cells.push_back(percent(static_cast<double>(r.buckets[last - 1].with_none) / r.players));
  }
  columns.insert(columns.begin(), hour);
  if (classes.others) columns.push_back(others);
  columns.push_back(none);
  put_table(columns, out);
}

json::array json_of_buckets(const Rehearsal& r) {
  json::array out;
  for (const auto& bucket : r.buckets) {
    json::object one;
    json::object finds;
    for (std::size_t i = 0; i < r.classes.size(); ++i) {
      if (bucket.finds[i] > 0) finds[r.classes[i]] = bucket.finds[i];
    }
    json::object left;
    for (std::size_t i = 0; i < r.kinds.size(); ++i) left[r.kinds[i].table] = bucket.left[i];
    one["finds"] = std::move(finds);
    one["left"] = std::move(left);
    one["players_with_none"] = bucket.with_none;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::string span_text(std::uint32_t seconds) {
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3'600) return fmt::format("{} min", seconds / 60);
  const std::uint32_t minutes = seconds / 60 % 60;
  return minutes == 0 ? fmt::format("{} h", seconds / 3'600)
                      : fmt::format("{} h {} min", seconds / 3'600, minutes);
}

std::string conditions_text(const Rehearsal& r) {
  const std::string from =
      r.begin_us == 0 ? "" : " from " + format_time_us(r.begin_us).substr(0, 16) + " UTC";
  return fmt::format("{} {} for {} {}{}, seed {}", with_commas(r.players),
                     r.players == 1 ? "player" : "players", r.hours,
                     r.hours == 1 ? "hour" : "hours", from, r.seed);
}

std::string sold_out_text(const KindOutcome& kind) {
  if (kind.turns == 0) return "not put out";
  if (!kind.sold_out_s) return "no";
  return (kind.turns == 1 ? "" : fmt::format("{} of {} turns, ", kind.sold_out, kind.turns)) +
         "after " + span_text(*kind.sold_out_s);
}

std::vector<std::string> notes(const Rehearsal& r) {
  std::vector<std::string> out;
  for (const auto& world : r.worlds) {
    out.push_back(fmt::format(
        "{}: {} {} walk {} x {} tiles around all that is placed there", world.world,
        with_commas(world.players), world.players == 1 ? "player" : "players",
        with_commas(rules::width_of(world.rect)), with_commas(rules::height_of(world.rect))));
  }
  const std::string hours = r.hours == 1 ? "the hour" : fmt::format("the {} hours", r.hours);
  for (const auto& event : r.events) {
    if (!event.placed && event.starts_us > r.begin_us) {
      out.push_back(fmt::format("{}: not played, it starts at {} UTC, after {}", event.event,
                                format_time_us(event.starts_us).substr(0, 16), hours));
    } else if (!event.placed) {
      out.push_back(fmt::format("{}: not played, it is over before {}", event.event, hours));
    } else if (event.open_s < r.hours * 3'600) {
      out.push_back(
          fmt::format("{}: open for {} of {}", event.event, span_text(event.open_s), hours));
    }
    if (event.rollout_percent < 100) {
      out.push_back(fmt::format("{}: for {} % of the players; the others find nothing of it",
                                event.event, event.rollout_percent));
    }
    if (!event.worlds_without.empty()) {
      out.push_back(fmt::format("{}: not in {}, where it has loot; nobody finds that", event.event,
                                fmt::join(event.worlds_without, ", ")));
    }
  }
  return out;
}

double share_with_none(const Rehearsal& r) {
  const auto none = std::upper_bound(r.finds_of_players.begin(), r.finds_of_players.end(), 0U) -
                    r.finds_of_players.begin();
  return static_cast<double>(none) / static_cast<double>(r.finds_of_players.size());
}

ShownClasses shown_classes(const Rehearsal& r, std::size_t count_max) {
  std::vector<std::pair<std::uint64_t, std::size_t>> sums;
  for (std::size_t k = 0; k < r.classes.size(); ++k) {
    std::uint64_t sum = 0;
    for (const auto& bucket : r.buckets) sum += bucket.finds[k];
    if (sum > 0) sums.emplace_back(sum, k);
  }
  std::stable_sort(sums.begin(), sums.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  ShownClasses out;
  out.others = sums.size() > count_max;
  for (std::size_t i = 0; i < sums.size() && i < count_max; ++i) {
    out.shown.push_back(sums[i].second);
  }
  std::sort(out.shown.begin(), out.shown.end());
  return out;
}

std::vector<std::string> rehearsal_text(const Rehearsal& r) {
  std::vector<std::string> out;
  out.push_back(fmt::format("{}: {} finds", conditions_text(r), with_commas(r.finds())));
  for (const auto& note : notes(r)) out.push_back(note);
  put_kinds(r, out);
  const auto& finds = r.finds_of_players;
  const std::uint32_t middle = finds[(finds.size() - 1) / 2];
  out.push_back(fmt::format(
      "{} of the players found nothing; {:.2f} finds on average, half have {}, one in a hundred "
      "more than {}, the most is {}",
      percent(share_with_none(r)), static_cast<double>(r.finds()) / r.players,
      middle == 0 ? "none" : fmt::format("{} or less", middle),
      finds[(finds.size() - 1) * 99 / 100], finds.back()));
  if (r.finds() == 0) return out;
  put_items(r, out);
  out.push_back(r.by_tier ? "finds by tier" : "finds by item");
  put_hours(r, out);
  return out;
}

std::string rehearsal_json(const Rehearsal& r) {
  json::object out;
  out["players"] = r.players;
  out["hours"] = r.hours;
  out["seed"] = r.seed;
  if (r.begin_us != 0) out["begins"] = format_time_us(r.begin_us);
  out["positions"] = r.positions;
  out["finds"] = r.finds();
  json::array events;
  for (const auto& event : r.events) {
    json::object one;
    one["event"] = event.event;
    one["played"] = event.placed;
    one["open_s"] = event.open_s;
    if (event.rollout_percent < 100) one["rollout"] = event.rollout_percent;
    events.push_back(std::move(one));
  }
  out["events"] = std::move(events);
  json::array worlds;
  for (const auto& world : r.worlds) {
    json::object one;
    one["world"] = world.world;
    one["players"] = world.players;
    one["width_tiles"] = rules::width_of(world.rect);
    one["height_tiles"] = rules::height_of(world.rect);
    worlds.push_back(std::move(one));
  }
  out["worlds"] = std::move(worlds);
  json::array tables;
  for (const auto& kind : r.kinds) {
    json::object one;
    one["table"] = kind.table;
    one["placed"] = kind.placed;
    one["found"] = kind.found;
    one["expired"] = kind.expired;
    one["left"] = kind.left();
    one["turns"] = kind.turns;
    one["turns_sold_out"] = kind.sold_out;
    if (kind.sold_out_s) one["sold_out_s"] = *kind.sold_out_s;
    tables.push_back(std::move(one));
  }
  out["tables"] = std::move(tables);
  json::array items;
  for (const auto& item : r.items) {
    json::object one;
    one["item"] = item.item;
    if (!item.tier.empty()) one["tier"] = item.tier;
    one["finds"] = item.finds;
    one["count"] = item.count;
    items.push_back(std::move(one));
  }
  out["items"] = std::move(items);
  out["share_with_none"] = share_with_none(r);
  json::array finds;
  for (const auto count : r.finds_of_players) {
    if (finds.size() <= count) finds.resize(count + std::size_t{1}, json::value(0));
    finds[count] = finds[count].as_int64() + 1;
  }
  out["players_by_finds"] = std::move(finds);
  out["by"] = r.by_tier ? "tier" : "item";
  out["bucket_s"] = r.bucket_s;
  out["buckets"] = json_of_buckets(r);
  return json::serialize(out);
}

}  // namespace hunt::rush
