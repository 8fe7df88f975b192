// hunt rules bury: buries what the placements of the files say, where the event seed puts it.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <memory>
#include <tuple>

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
constexpr std::uint64_t spawns_per_command_max = 10'000'000;
// So many of a lot go first: a key among them that is known already stops the lot.
constexpr std::size_t first_burials = 64;

struct BuryFlags {
  std::string path;
  std::vector<node::StoreUrl> stores = {node::StoreUrl::sqlite("hunt.db")};
  std::uint32_t ahead_days = 0;
  bool dry_run = false;
  bool resume = false;
  bool json = false;
};

// One occurrence of a placement, and where its loot lies.
struct Lot {
  const rules::Placement* placement = nullptr;
  std::uint32_t occurrence = 1;
  model::TimeWindow window;
  model::World world;
  rules::TakenTiles there = {};    // spawns that look like its own: open, sold out or closed
  std::uint64_t closed_early = 0;  // of them
  rules::Placed placed = {};
  std::uint64_t known_keys = 0;  // though nothing of it lies there
  std::uint64_t not_buried = 0;  // of one that was resumed

  [[nodiscard]] bool is_whole() const { return there.size() >= placement->spawns; }
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
    for (const Lot& lot : lots_) {
      if (taken.contains(lot.world.id)) continue;
      HUNT_TRY(tiles, look_at(target, lot.world.id));
      taken.emplace(lot.world.id, std::move(tiles));
    }
    for (const Lot& lot : lots_) HUNT_CHECK(is_clear(lot));
    for (Lot& lot : lots_) {
      if (lot.is_whole()) continue;
      rules::TakenTiles& tiles = taken.at(lot.world.id);
      for (const auto tile : lot.there) tiles.erase(tile);
      lot.placed = rules::place(seed, event_of(lot).name, *lot.placement, lot.occurrence, tiles);
      tiles.insert(lot.there.begin(), lot.there.end());
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
      all += lot.placement->spawns;
    }
    for (auto& [world, list] : tiles) HUNT_CHECK(target.expect(world, std::move(list)));
    rush::BuryCount count;
    Progress progress("buried", "spawns");
    for (Lot& lot : lots_) {
      HUNT_CHECK(bury(target, lot, count));
      progress.tell(count.buried + count.unchanged, all);
    }
    return count;
  }

  // Why a lot was not buried whole, a sentence for each.
  [[nodiscard]] std::vector<std::string> refusals() const {
    std::vector<std::string> out;
    for (const Lot& lot : lots_) {
      if (lot.known_keys > 0) out.push_back(at_place(lot, buried_before(lot)));
      if (lot.not_buried > 0) out.push_back(at_place(lot, short_of(lot)));
    }
    return out;
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
    std::uint64_t spawns = 0;
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
        spawns += placement.spawns;
        if (spawns > spawns_per_command_max) return too_many();
        const auto window = *rules::occurrence(event, placement, number);
        by_look_[{world->id, placement.table, window.opens_us, placement.budget}].push_back(
            lots_.size());
        lots_.push_back({&placement, number, window, *world});
      }
    }
    return {};
  }

  // Never more than are missing: of a lot that is resumed, places may have moved to shards that do
  // not know their keys.
  Result<void> bury(rush::WorldTarget& target, Lot& lot, rush::BuryCount& count) const {
    const auto burials = burials_of(lot);
    const std::size_t spawns = lot.placement->spawns;
    const std::size_t missing = spawns - std::min(spawns, lot.there.size());
    const std::uint64_t before = count.buried;
    const std::uint64_t unchanged = count.unchanged;
    for (std::size_t at = 0; at < burials.size() && lot.known_keys == 0;) {
      const std::size_t most = at == 0 ? first_burials : target.burials_max();
      const std::size_t size = std::min(
          {most, target.burials_max(), burials.size() - at, missing - (count.buried - before)});
      if (size == 0) break;
      const auto from = burials.begin() + static_cast<std::ptrdiff_t>(at);
      if (auto done =
              target.bury(lot.world.id, {from, from + static_cast<std::ptrdiff_t>(size)}, count);
          !done) {
        Error error = std::move(done).error();
        error.message += "; to bury the rest run it again with --resume";
        return tl::unexpected<Error>(std::move(error));
      }
      at += size;
      if (lot.there.empty()) lot.known_keys = count.unchanged - unchanged;
    }
    if (!lot.there.empty()) lot.not_buried = missing - (count.buried - before);
    if (lot.known_keys == 0) {
      count.unchanged = unchanged + spawns - lot.not_buried - (count.buried - before);
    }
    return {};
  }

  [[nodiscard]] tl::unexpected<Error> too_many() const {
    return fail(Errc::too_large,
                fmt::format("{} has more than {} spawns to bury now, which is the most of one "
                            "command; fewer days ahead, or fewer files at a time. Nothing was "
                            "buried",
                            flags_.path, with_commas(spawns_per_command_max)));
  }

  // Tiles that cannot be had: with loot that somebody may still find, or that is of a lot.
  Result<rules::TakenTiles> look_at(rush::WorldTarget& target, model::WorldId world) {
    rules::TakenTiles taken;
    std::vector<std::pair<model::TileRow, std::vector<Lot*>>> of_several;
    model::TileId from;
    while (true) {
      HUNT_TRY(page, target.list(world, from));
      for (const auto& row : page.rows) {
        if (row.spawn == 0) continue;
        auto lots = lots_like(world, row);
        if (!lots.empty() || is_open(row)) taken.insert(row.tile.value);
        if (lots.size() == 1) add(row, *lots.front());
        if (lots.size() > 1) of_several.emplace_back(row, std::move(lots));
      }
      if (!page.next) break;
      from = *page.next;
    }
    // What may be of several is of the first that is not whole.
    for (const auto& [row, lots] : of_several) {
      const auto lot =
          std::find_if(lots.begin(), lots.end(), [](const Lot* one) { return !one->is_whole(); });
      add(row, lot == lots.end() ? *lots.front() : **lot);
    }
    return taken;
  }

  static void add(const model::TileRow& row, Lot& lot) {
    lot.there.insert(row.tile.value);
    lot.closed_early += row.closes_us < lot.window.closes_us;
  }

  [[nodiscard]] bool is_open(const model::TileRow& row) const {
    if (row.sold_out || row.window().closed(now_us_)) return false;
    const auto table = loaded_.set.find_table(row.table);
    return !table || loaded_.set.events[loaded_.set.tables[*table].event].ends_us > now_us_;
  }

  // Whose table, budget and times it has, in whose area; by hand it may have been closed before.
  [[nodiscard]] std::vector<Lot*> lots_like(model::WorldId world, const model::TileRow& row) {
    std::vector<Lot*> out;
    const auto table = loaded_.set.find_table(row.table);
    if (!table) return out;
    const auto known = by_look_.find({world, *table, row.opens_us, row.budget});
    if (known == by_look_.end()) return out;
    for (const auto at : known->second) {
      Lot& lot = lots_[at];
      const bool closed_early = row.closes_us < lot.window.closes_us && row.closes_us <= now_us_;
      if (row.closes_us != lot.window.closes_us && !closed_early) continue;
      if (lot.placement->area.contains(model::tile_of(row.tile))) out.push_back(&lot);
    }
    return out;
  }

  // "winter/1/1"
  [[nodiscard]] std::string name_of(const Lot& lot) const {
    return fmt::format("{}/{}/{}", event_of(lot).name, lot.placement->number, lot.occurrence);
  }

  [[nodiscard]] std::string at_place(const Lot& lot, const std::string& sentence) const {
    return rules::format(
        {lot.placement->file, lot.placement->at, rules::Severity::error, "placement: " + sentence});
  }

  [[nodiscard]] std::string buried_before(const Lot& lot) const {
    return fmt::format(
        "spawns of {} were buried before with the same keys, and none that is like them now "
        "{}. Is it another event, or has it other times, another table or budget? Then give the "
        "event another name, or put a new placement below",
        name_of(lot), lot.there.empty() ? "lies there" : "is open or was sold out");
  }

  [[nodiscard]] std::string short_of(const Lot& lot) const {
    return fmt::format(
        "{} of {} spawns of {} were not buried: other loot came or went since the others were, so "
        "that their keys or tiles are in use. Put as many into a new placement below",
        with_commas(lot.not_buried), with_commas(lot.placement->spawns), name_of(lot));
  }

  // Nothing lies there, all of it does, or it is to be resumed.
  [[nodiscard]] Result<void> is_clear(const Lot& lot) const {
    if (lot.there.empty()) return {};
    if (lot.closed_early == lot.there.size()) {
      return fail(Errc::already_exists, at_place(lot, buried_before(lot) + ". Nothing was buried"));
    }
    if (lot.is_whole() || flags_.resume) return {};
    return fail(
        Errc::already_exists,
        at_place(lot, fmt::format("{} of {} spawns like those of {} lie there already: burying "
                                  "was interrupted, or the file was changed. To bury the rest "
                                  "with the same keys run it with --resume; or close what is "
                                  "there, and put a new placement below. Nothing was buried",
                                  with_commas(lot.there.size()), with_commas(lot.placement->spawns),
                                  name_of(lot))));
  }

  [[nodiscard]] Result<void> enough(const Lot& lot) const {
    if (lot.placed.tiles.size() == lot.placement->spawns) return {};
    return fail(Errc::too_large,
                at_place(lot, fmt::format("{} of {} spawns found a place in {} tries; "
                                          "make the area larger, apart smaller, or spawns fewer. "
                                          "Nothing was buried",
                                          with_commas(lot.placed.tiles.size()),
                                          with_commas(lot.placement->spawns),
                                          with_commas(lot.placed.tries))));
  }

  // Without those on whose tile one like them lies.
  [[nodiscard]] std::vector<model::Burial> burials_of(const Lot& lot) const {
    std::vector<model::Burial> out;
    out.reserve(lot.placed.tiles.size());
    for (std::size_t i = 0; i < lot.placed.tiles.size(); ++i) {
      const model::Tile tile = lot.placed.tiles[i];
      if (lot.there.contains(model::tile_id_of(tile).value)) continue;
      out.push_back({tile, table_of(lot), lot.placement->budget, lot.window.opens_us,
                     lot.window.closes_us,
                     rules::burial_key(event_of(lot).name, *lot.placement, lot.occurrence, i + 1)});
    }
    return out;
  }

  const rules::LoadedRules& loaded_;
  const BuryFlags& flags_;
  std::int64_t now_us_;
  std::vector<Lot> lots_;
  // World, table, opens_us and budget.
  using Look = std::tuple<model::WorldId, std::uint32_t, std::int64_t, std::uint32_t>;
  std::map<Look, std::vector<std::size_t>> by_look_;
};

void print_lot(const Burier& burier, const Lot& lot) {
  const auto& event = burier.event_of(lot);
  const bool opens = lot.window.opens_us != model::time_us_min;
  const bool closes = lot.window.closes_us != model::time_us_max;
  print_line(
      fmt::format("{}, placement {}{}: {} in {}, {} x {}{}{}{}", event.name, lot.placement->number,
                  lot.placement->every_us == 0 ? "" : fmt::format(", the {}. time", lot.occurrence),
                  burier.table_of(lot), lot.world.name, with_commas(lot.placement->spawns),
                  with_commas(lot.placement->budget),
                  opens ? ", from " + rules::moment_text(event, lot.window.opens_us) : "",
                  closes ? ", to " + rules::moment_text(event, lot.window.closes_us) : "",
                  lot.is_whole() ? ": lies there already" : ""));
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
  one["there_before"] = lot.there.size();
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
  const auto refusals = burier.refusals();
  for (const auto& refusal : refusals) report({Errc::already_exists, refusal, ""});
  return refusals.empty() ? 0 : 1;
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
  command->add_flag("--resume", flags->resume,
                    "bury the rest of what lies there in part, with the same keys; on several "
                    "shards a sold-out spawn may come again when other loot took its tile");
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
