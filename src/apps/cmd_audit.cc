// hunt audit: reads stores whole, each in one snapshot, and checks every ledger invariant; with
// --fair also that each reward is the roll of its claim.
//
// Read-only: it works beside a running orchestrator and creates no file.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "adapters/system/system_clock.h"
#include "apps/command.h"
#include "apps/rules_commands.h"
#include "apps/shared_flags.h"
#include "base/text.h"
#include "engine/fair_check.h"
#include "engine/ledger_check.h"
#include "engine/roll.h"
#include "model/limits.h"
#include "node/open_store.h"
#include "node/secrets.h"
#include "ports/hunt_store.h"
#include "rules/load.h"

namespace hunt::apps {
namespace {

namespace json = boost::json;

struct AuditFlags {
  std::vector<node::StoreUrl> stores;
  bool fair = false;
  std::vector<std::string> rules;
  std::string event_seed_file;
  bool json = false;
};

// What grants are rolled again from.
struct FairGround {
  std::vector<std::uint8_t> event_seed;
  std::vector<model::RuleSet> sets;
};

struct Audited {
  engine::LedgerReport ledger;
  std::optional<engine::FairReport> fair;
  [[nodiscard]] bool clean() const { return ledger.clean() && (!fair || fair->clean()); }
};

class CheckingVisitor final : public ports::LedgerVisitor {
 public:
  void on_spawn(const Spawn& spawn) override {
    const bool unplaced = spawn.world == 0 && !spawn.done;
    check_.on_spawn({spawn.spawn, spawn.budget, spawn.remaining, spawn.done, spawn.sold_out,
                     spawn.world, spawn.tile, unplaced});
  }
  void on_grant(const model::Grant& grant) override {
    check_.on_grant(grant);
    if (fair) fair->on_grant(grant);
  }
  [[nodiscard]] Audited finish(const std::vector<model::World>& worlds) {
    check_.on_worlds(worlds);
    Audited out{check_.finish(), {}};
    if (fair) out.fair = fair->report();
    return out;
  }

  std::optional<engine::FairCheck> fair;

 private:
  engine::LedgerCheck check_;
};

// Which table each spawn has that is on its tile.
Result<void> read_tables(ports::WorldStore& store, engine::FairCheck& fair) {
  HUNT_TRY(worlds, node::run_here(store.worlds()));
  for (const auto& world : worlds) {
    fair.on_world(world);
    model::TileId from;
    while (true) {
      HUNT_TRY(page, node::run_here(store.list_tiles(world.id, model::everywhere, from,
                                                     limits::tiles_per_page_max)));
      for (const auto& row : page.rows) fair.on_table(row.spawn, row.table, row.buried_at_us);
      if (!page.next) break;
      from = *page.next;
    }
  }
  return {};
}

Result<Audited> audit(ports::HuntStore& store, const std::optional<FairGround>& ground) {
  CheckingVisitor visitor;
  if (ground) {
    std::vector<const model::RuleSet*> sets;
    for (const auto& set : ground->sets) sets.push_back(&set);
    visitor.fair.emplace(ground->event_seed, std::move(sets));
    HUNT_CHECK(read_tables(store, *visitor.fair));
  }
  HUNT_CHECK(node::run_here(store.read_ledger(visitor)));
  HUNT_TRY(worlds, node::run_here(store.worlds()));
  if (visitor.fair) {
    HUNT_TRY(timeline, node::run_here(store.rules_timeline()));
    visitor.fair->on_timeline(timeline);
  }
  return visitor.finish(worlds);
}

Result<std::vector<std::uint8_t>> event_seed(const AuditFlags& flags, ports::HuntStore& store) {
  if (!flags.event_seed_file.empty()) return node::read_event_seed(flags.event_seed_file);
  HUNT_TRY(secrets, node::run_here(store.secrets()));
  if (!secrets.seed_bytes.empty()) return std::move(secrets.seed_bytes);
  return fail(
      Errc::unauthorized,
      "the store's user may not read the event seed: use one of the role hunt_ingest, or name "
      "it with --event-seed-file");
}

// Nothing, and it is told why: what they are rolled by cannot be read.
std::optional<FairGround> fair_ground(const AuditFlags& flags, ports::HuntStore& store) {
  FairGround ground;
  for (const auto& path : flags.rules) {
    auto loaded = rules::load_rules(path, system::SystemClock().wall_us());
    if (!loaded) {
      refuse_rules(loaded.error(), false);
      return {};
    }
    ground.sets.push_back(std::move(loaded->set));
  }
  auto seed = event_seed(flags, store);
  if (!seed) {
    report(seed.error());
    return {};
  }
  ground.event_seed = std::move(*seed);
  return ground;
}

// As in the ledger: the first 16 digits of the fingerprint.
std::string text_of(model::SeedId seed) {
  return fmt::format("{:016x}", seed);
}

std::vector<std::string> texts_of(const std::set<model::SeedId>& seeds) {
  std::vector<std::string> out;
  for (const auto seed : seeds) out.push_back(text_of(seed));
  return out;
}

void print(const std::string& store, const engine::FairReport& report, model::SeedId seed) {
  for (const auto& violation : report.violations) {
    std::printf("%s: %s: %s\n", store.c_str(), std::string(name_of(violation.rule)).c_str(),
                violation.sentence.c_str());
  }
  std::string text =
      fmt::format("{}: {}: {} grants rolled again, {} others than told", store,
                  report.clean() ? "fair" : "not fair, or not known",
                  with_commas(report.rolled + report.by_a_table + report.by_another_table),
                  with_commas(report.violation_count));
  const auto add = [&text](std::uint64_t count, std::string_view what) {
    if (count > 0) text += fmt::format("; {} {}", with_commas(count), what);
  };
  add(report.by_a_table, "of them of spawns that were replaced, held against all tables");
  add(report.by_another_table,
      "of them not by the table of their tile, but by another of their rules: somebody changed the "
      "tile's, or the row");
  add(report.other_rules, fmt::format("not judged: name their rules too, with --rules: {}",
                                      fmt::join(report.versions, ", ")));
  add(report.not_in_timeline.size(),
      fmt::format("of the versions were not put in force here, says the store's timeline of rules: "
                  "{}; do processes of an older release still serve?",
                  fmt::join(report.not_in_timeline, ", ")));
  add(report.other_seed, fmt::format("not judged: rolled with another seed, not {}: {}",
                                     text_of(seed), fmt::join(texts_of(report.seeds), ", ")));
  std::printf("%s\n", text.c_str());
}

void print(const std::string& store, const engine::LedgerReport& report) {
  for (const auto& violation : report.violations) {
    std::printf("%s: %s: %s\n", store.c_str(), std::string(name_of(violation.rule)).c_str(),
                violation.sentence.c_str());
  }
  if (report.violation_count > report.violations.size()) {
    std::printf("%s: … and %s more\n", store.c_str(),
                with_commas(report.violation_count - report.violations.size()).c_str());
  }
  const std::string verdict =
      report.clean() ? "clean" : with_commas(report.violation_count) + " violations";
  std::printf("%s: %s: %s spawns, %s grants, %s aborted\n", store.c_str(), verdict.c_str(),
              with_commas(report.spawns).c_str(), with_commas(report.grants).c_str(),
              with_commas(report.aborted).c_str());
}

json::array json_of(const std::vector<engine::LedgerViolation>& violations) {
  json::array rows;
  for (const auto& violation : violations) {
    json::object row;
    row["rule"] = name_of(violation.rule);
    row["message"] = violation.sentence;
    rows.push_back(std::move(row));
  }
  return rows;
}

json::object json_of(const node::StoreUrl& url, const Audited& audited) {
  const engine::LedgerReport& report = audited.ledger;
  json::object out;
  out["store"] = url.shown();
  out["ok"] = audited.clean();
  out["spawns"] = report.spawns;
  out["grants"] = report.grants;
  out["aborted"] = report.aborted;
  out["violation_count"] = report.violation_count;
  out["violations"] = json_of(report.violations);
  if (!audited.fair) return out;
  json::object fair;
  fair["rolled"] = audited.fair->rolled;
  fair["by_a_table"] = audited.fair->by_a_table;
  fair["by_another_table"] = audited.fair->by_another_table;
  fair["other_rules"] = audited.fair->other_rules;
  fair["other_seed"] = audited.fair->other_seed;
  json::array versions;
  for (const auto& version : audited.fair->versions) versions.emplace_back(version);
  fair["versions_not_named"] = std::move(versions);
  json::array unlisted;
  for (const auto& version : audited.fair->not_in_timeline) unlisted.emplace_back(version);
  fair["not_in_timeline"] = std::move(unlisted);
  json::array seeds;
  for (const auto& seed : texts_of(audited.fair->seeds)) seeds.emplace_back(seed);
  fair["other_seeds"] = std::move(seeds);
  fair["violation_count"] = audited.fair->violation_count;
  fair["violations"] = json_of(audited.fair->violations);
  out["fair"] = std::move(fair);
  return out;
}

int run_audit(const AuditFlags& flags) {
  const system::SystemClock clock;
  node::OpenStoreOptions how;
  how.read_only = true;
  // All shards of one hunt, each once: what is missing would be called clean unseen.
  auto stores = node::OpenStores::open(flags.stores, clock, how);
  if (!stores) return report(stores.error());
  std::optional<FairGround> ground;
  if (flags.fair) {
    ground = fair_ground(flags, stores->shard(0).store());
    if (!ground) return 1;
  }
  bool clean = true;
  json::array reports;
  for (std::size_t shard = 0; shard < flags.stores.size(); ++shard) {
    const node::StoreUrl& url = flags.stores[shard];
    const auto checked = audit(stores->shard(shard).store(), ground);
    if (!checked) return report(checked.error());
    clean = clean && checked->clean();
    if (flags.json) {
      reports.push_back(json_of(url, *checked));
    } else {
      print(url.shown(), checked->ledger);
      if (checked->fair) {
        print(url.shown(), *checked->fair, engine::seed_id_of(ground->event_seed));
      }
    }
  }
  if (flags.json) {
    json::object out;
    out["ok"] = clean;
    out["stores"] = std::move(reports);
    std::printf("%s\n", json::serialize(out).c_str());
  }
  return clean ? 0 : 1;
}

}  // namespace

void add_audit(CommandLine& line) {
  auto flags = std::make_shared<AuditFlags>();
  CLI::App* command = line.app.add_subcommand(
      "audit", "Check every ledger invariant of stores; exit 1 and the rows on violation");
  add_stores(*command, flags->stores);
  command->get_option("--store")->required();
  CLI::Option* fair = command->add_flag(
      "--fair", flags->fair, "Rolls each grant again and compares it with what was granted");
  CLI::Option* rules =
      command
          ->add_option("--rules", flags->rules,
                       "With --fair: rules file or directory, once for each version that was in "
                       "force")
          ->needs(fair);
  fair->needs(rules);
  command
      ->add_option("--event-seed-file", flags->event_seed_file,
                   "With --fair: the event seed, where the store's is not to be read")
      ->needs(fair);
  command->add_flag("--json", flags->json, "The report as JSON");
  command->footer(
      "Checks that budget = remaining + granted for every spawn, that each claim and each player\n"
      "is granted a spawn at most once, that claim ids follow from their parts, that sold_out is\n"
      "true, and that grants are of the tile where their spawn was buried. Reads one snapshot of\n"
      "each store and changes nothing: it may run beside a running one. Name every shard, in "
      "order:\n"
      "what is in another one is not seen.\n"
      "Examples:\n"
      "  hunt audit --store sqlite:hunt.db\n"
      "  hunt audit --store sqlite:hunt.db --fair --rules events/\n"
      "  hunt audit --store sqlite:hunt.db --json");
  command->callback([&line, flags] { line.run = [flags] { return run_audit(*flags); }; });
}

}  // namespace hunt::apps
