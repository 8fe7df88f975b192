// hunt rules bury: buries what the placements of the files say, where the event seed puts it.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <memory>

#include "adapters/system/system_clock.h"
#include "apps/rules_commands.h"
#include "apps/shared_flags.h"
#include "apps/world_parts.h"
#include "base/text.h"
#include "rules/disclose.h"
#include "rules/placement.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

constexpr std::int64_t day_us = 86'400'000'000;
constexpr std::uint32_t ahead_days_max = 90;

struct BuryFlags {
  std::string path;
  std::vector<node::StoreUrl> stores = {node::StoreUrl::sqlite("hunt.db")};
  std::uint32_t ahead_days = 0;
  bool dry_run = false;
  bool json = false;
};

// One occurrence of a placement, and where its loot lies.
struct Lot {
  const rules::Placement* placement = nullptr;
  std::uint32_t occurrence = 1;
  model::TimeWindow window;
  model::World world;
  rules::Placed placed;
};

class Burier {
 public:
  Burier(const rules::LoadedRules& loaded, const BuryFlags& flags)
      : loaded_(loaded), flags_(flags), now_us_(system::SystemClock().wall_us()) {}

  // Everything is placed before anything is buried.
  Result<void> place(rush::WorldTarget& target) {
    HUNT_TRY(seed, target.event_seed());
    HUNT_CHECK(find_lots(target));
    std::map<model::WorldId, rules::TakenTiles> taken;
    for (Lot& lot : lots_) {
      if (!taken.contains(lot.world.id)) {
        HUNT_TRY(tiles, taken_in(target, lot.world.id));
        taken.emplace(lot.world.id, std::move(tiles));
      }
      lot.placed = rules::place(seed, event_of(lot).name, *lot.placement, lot.occurrence,
                                taken.at(lot.world.id));
      HUNT_CHECK(enough(lot));
    }
    return {};
  }

  Result<rush::BuryCount> bury(rush::WorldTarget& target) {
    std::map<model::WorldId, std::vector<model::TileId>> tiles;
    std::uint64_t all = 0;
    for (const Lot& lot : lots_) {
      for (const auto tile : lot.placed.tiles) {
        tiles[lot.world.id].push_back(model::tile_id_of(tile));
      }
      all += lot.placed.tiles.size();
    }
    for (auto& [world, list] : tiles) HUNT_CHECK(target.expect(world, std::move(list)));
    rush::BuryCount count;
    Progress progress("buried", "spawns");
    for (const Lot& lot : lots_) {
      for (std::size_t at = 0; at < lot.placed.tiles.size();) {
        const std::size_t size = std::min(target.burials_max(), lot.placed.tiles.size() - at);
        HUNT_CHECK(target.bury(lot.world.id, burials(lot, at, size), count));
        at += size;
        progress.tell(count.buried + count.unchanged, all);
      }
    }
    return count;
  }

  [[nodiscard]] const std::vector<Lot>& lots() const noexcept { return lots_; }
  [[nodiscard]] const model::EventRules& event_of(const Lot& lot) const {
    return loaded_.set.events[lot.placement->event];
  }
  [[nodiscard]] const std::string& table_of(const Lot& lot) const {
    return loaded_.set.tables[lot.placement->table].name;
  }

 private:
  Result<void> find_lots(rush::WorldTarget& target) {
    for (const auto& placement : loaded_.placements) {
      auto world = find_world(target, placement.world);
      if (!world) {
        Error error = std::move(world).error();
        error.message = rules::format(
            {placement.file, placement.at, rules::Severity::error, "world: " + error.message});
        return tl::unexpected<Error>(std::move(error));
      }
      const auto& event = loaded_.set.events[placement.event];
      const std::int64_t until_us = now_us_ + flags_.ahead_days * day_us;
      for (const auto number : rules::occurrences_due(event, placement, now_us_, until_us)) {
        lots_.push_back(
            {&placement, number, *rules::occurrence(event, placement, number), *world, {}});
      }
    }
    return {};
  }

  // Tiles with loot that somebody may still find, but for what these very lots buried before.
  Result<rules::TakenTiles> taken_in(rush::WorldTarget& target, model::WorldId world) const {
    rules::TakenTiles taken;
    model::TileId from;
    while (true) {
      HUNT_TRY(page, target.list(world, from));
      for (const auto& row : page.rows) {
        if (is_taken(world, row)) taken.insert(row.tile.value);
      }
      if (!page.next) return taken;
      from = *page.next;
    }
  }

  [[nodiscard]] bool is_taken(model::WorldId world, const model::TileRow& row) const {
    if (row.spawn == 0 || row.sold_out || row.window().closed(now_us_)) return false;
    const auto table = loaded_.set.find_table(row.table);
    if (table && loaded_.set.events[loaded_.set.tables[*table].event].ends_us <= now_us_) {
      return false;
    }
    return std::none_of(lots_.begin(), lots_.end(), [&](const Lot& lot) {
      return table == lot.placement->table && lot.world.id == world &&
             row.opens_us == lot.window.opens_us && row.closes_us == lot.window.closes_us &&
             row.budget == lot.placement->budget &&
             lot.placement->area.contains(model::tile_of(row.tile));
    });
  }

  [[nodiscard]] Result<void> enough(const Lot& lot) const {
    if (lot.placed.tiles.size() == lot.placement->spawns) return {};
    return fail(Errc::too_large,
                rules::format({lot.placement->file, lot.placement->at, rules::Severity::error,
                               fmt::format("placement: {} of {} spawns found a place in {} tries; "
                                           "make the area larger, apart smaller, or spawns fewer. "
                                           "Nothing was buried",
                                           with_commas(lot.placed.tiles.size()),
                                           with_commas(lot.placement->spawns),
                                           with_commas(lot.placed.tries))}));
  }

  [[nodiscard]] std::vector<model::Burial> burials(const Lot& lot, std::size_t first,
                                                   std::size_t count) const {
    std::vector<model::Burial> part;
    part.reserve(count);
    for (std::size_t i = first; i < first + count; ++i) {
      part.push_back(
          {lot.placed.tiles[i], table_of(lot), lot.placement->budget, lot.window.opens_us,
           lot.window.closes_us,
           rules::burial_key(event_of(lot).name, *lot.placement, lot.occurrence, i + 1)});
    }
    return part;
  }

  const rules::LoadedRules& loaded_;
  const BuryFlags& flags_;
  std::int64_t now_us_;
  std::vector<Lot> lots_;
};

void print_lot(const Burier& burier, const Lot& lot) {
  const auto& event = burier.event_of(lot);
  const bool opens = lot.window.opens_us != model::time_us_min;
  const bool closes = lot.window.closes_us != model::time_us_max;
  print_line(
      fmt::format("{}, placement {}{}: {} in {}, {} x {}{}{}", event.name, lot.placement->number,
                  lot.placement->every_us == 0 ? "" : fmt::format(", the {}. time", lot.occurrence),
                  burier.table_of(lot), lot.world.name, with_commas(lot.placement->spawns),
                  with_commas(lot.placement->budget),
                  opens ? ", from " + rules::moment_text(event, lot.window.opens_us) : "",
                  closes ? ", to " + rules::moment_text(event, lot.window.closes_us) : ""));
}

json::object json_of(const Burier& burier, const Lot& lot) {
  json::object one;
  one["event"] = burier.event_of(lot).name;
  one["placement"] = lot.placement->number;
  one["occurrence"] = lot.occurrence;
  one["table"] = burier.table_of(lot);
  one["world"] = lot.world.name;
  one["spawns"] = lot.placement->spawns;
  one["budget"] = lot.placement->budget;
  if (lot.window.opens_us != model::time_us_min) {
    one["opens"] = format_time_us(lot.window.opens_us);
  }
  if (lot.window.closes_us != model::time_us_max) {
    one["closes"] = format_time_us(lot.window.closes_us);
  }
  one["tries"] = lot.placed.tries;
  return one;
}

int run_bury(const BuryFlags& flags) {
  const auto loaded = rules::load_rules(flags.path, system::SystemClock().wall_us());
  if (!loaded) return refuse_rules(loaded.error(), flags.json);
  print_diagnostics(loaded->warnings);
  if (loaded->placements.empty()) {
    return report({Errc::invalid_argument,
                   fmt::format("no event of {} has placement; add it, or bury with hunt world "
                               "import",
                               flags.path),
                   "path"});
  }
  auto target = rush::open_store_target(flags.stores, flags.dry_run);
  if (!target) return report(target.error());
  Burier burier(*loaded, flags);
  if (const auto placed = burier.place(**target); !placed) return report(placed.error());
  json::array lots;
  for (const Lot& lot : burier.lots()) {
    if (flags.json) {
      lots.push_back(json_of(burier, lot));
    } else {
      print_lot(burier, lot);
    }
  }
  rush::BuryCount count;
  if (!flags.dry_run) {
    const auto buried = burier.bury(**target);
    if (!buried) return report(buried.error());
    count = *buried;
  }
  if (flags.json) {
    json::object out;
    out["version"] = loaded->set.version;
    out["placements"] = std::move(lots);
    out["dry_run"] = flags.dry_run;
    out["buried"] = count.buried;
    out["unchanged"] = count.unchanged;
    print_line(json::serialize(out));
  } else if (burier.lots().empty()) {
    print_line("all of it is over");
  } else {
    print_line(flags.dry_run ? "nothing was buried: --dry-run"
                             : fmt::format("{} buried, {} unchanged", with_commas(count.buried),
                                           with_commas(count.unchanged)));
  }
  return 0;
}

}  // namespace

void add_rules_bury(CommandLine& line, CLI::App& rules) {
  auto* command = rules.add_subcommand("bury", "bury what the placements of the files say");
  auto flags = std::make_shared<BuryFlags>();
  command->add_option("path", flags->path, "an event file, or a directory of *.yaml files")
      ->required();
  add_stores(*command, flags->stores);
  command
      ->add_option("--ahead-days", flags->ahead_days,
                   "of a placement with \"every\": also what begins within so many days")
      ->check(CLI::Range(0U, ahead_days_max))
      ->capture_default_str();
  command->add_flag("--dry-run", flags->dry_run, "place and say so, but bury nothing");
  command->add_flag("--json", flags->json, "print the result as JSON");
  command->footer(
      "The places follow from the store's event seed: the same everywhere, and a repeat changes\n"
      "nothing. Of a placement with \"every\" the one under way is buried, or the next.\n"
      "Examples:\n"
      "  hunt rules bury events/ --store sqlite:hunt.db --dry-run\n"
      "  hunt rules bury events/ --store postgres://hunt@pg0/hunt --ahead-days 7");
  command->callback([&line, flags] { line.run = [flags] { return run_bury(*flags); }; });
}

}  // namespace hunt::apps
