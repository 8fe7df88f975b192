// hunt audit: reads stores whole, each in one snapshot, and checks every ledger invariant.
//
// Read-only: it works beside a running orchestrator and creates no file.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "adapters/system/system_clock.h"
#include "apps/command.h"
#include "apps/shared_flags.h"
#include "base/text.h"
#include "engine/ledger_check.h"
#include "node/open_store.h"
#include "ports/ledger.h"

namespace hunt::apps {
namespace {

namespace json = boost::json;

struct AuditFlags {
  std::vector<node::StoreUrl> stores;
  bool json = false;
};

class CheckingVisitor final : public ports::LedgerVisitor {
 public:
  void on_spawn(const Spawn& spawn) override {
    check_.on_spawn({spawn.spawn, spawn.budget, spawn.remaining, spawn.done, spawn.sold_out});
  }
  void on_grant(const model::Grant& grant) override { check_.on_grant(grant); }
  [[nodiscard]] engine::LedgerReport finish() { return check_.finish(); }

 private:
  engine::LedgerCheck check_;
};

Result<engine::LedgerReport> audit(const node::StoreUrl& url) {
  const system::SystemClock clock;
  node::OpenStoreOptions how;
  how.read_only = true;
  HUNT_TRY(opened, node::OpenStore::open(url, clock, how));
  CheckingVisitor visitor;
  HUNT_CHECK(node::run_here(opened->store().read_ledger(visitor)));
  return visitor.finish();
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

json::object json_of(const node::StoreUrl& url, const engine::LedgerReport& report) {
  json::array rows;
  for (const auto& violation : report.violations) {
    json::object row;
    row["rule"] = name_of(violation.rule);
    row["message"] = violation.sentence;
    rows.push_back(std::move(row));
  }
  json::object out;
  out["store"] = url.shown();
  out["ok"] = report.clean();
  out["spawns"] = report.spawns;
  out["grants"] = report.grants;
  out["aborted"] = report.aborted;
  out["violation_count"] = report.violation_count;
  out["violations"] = std::move(rows);
  return out;
}

int run_audit(const AuditFlags& flags) {
  bool clean = true;
  json::array reports;
  for (const auto& url : flags.stores) {
    const auto checked = audit(url);
    if (!checked) return report(checked.error());
    clean = clean && checked->clean();
    if (flags.json) {
      reports.push_back(json_of(url, *checked));
    } else {
      print(url.shown(), *checked);
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
  command->add_flag("--json", flags->json, "The report as JSON");
  command->footer(
      "Checks that budget = remaining + granted for every spawn, that each claim and each player\n"
      "is granted a spawn at most once, that claim ids follow from their parts, and that sold_out\n"
      "is true. Reads one snapshot and changes nothing: it may run beside a running store.\n"
      "Examples:\n"
      "  hunt audit --store sqlite:hunt.db\n"
      "  hunt audit --store sqlite:hunt.db --json");
  command->callback([&line, flags] { line.run = [flags] { return run_audit(*flags); }; });
}

}  // namespace hunt::apps
