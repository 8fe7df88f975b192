// hunt doctor: a check-up of this machine and of each part that is named, before an event.
//
// Read-only: it makes no stream, no table and no file, and prints no password.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/nats/checkup.h"
#include "adapters/postgres/checkup.h"
#include "adapters/redis/checkup.h"
#include "adapters/sqlite/checkup.h"
#include "adapters/system/machine.h"
#include "adapters/system/system_clock.h"
#include "apps/command.h"
#include "apps/serve_checkup.h"
#include "apps/serve_flags.h"
#include "node/node_bus.h"
#include "node/open_store.h"
#include "rules/load.h"

namespace hunt::apps {
namespace {

namespace json = boost::json;
using ports::Severity;

struct DoctorFlags {
  DoctorFlags() { serve.node.stores.clear(); }  // those that are named, and no others
  ServeFlags serve;
  bool json = false;
};

using Part = std::function<std::vector<ports::Finding>()>;

bool has_failure(const std::vector<ports::Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const auto& one) { return one.severity == Severity::failure; });
}

using Names = std::vector<std::string>;

// Of the tables of the rules; none where they cannot be read, which is told by itself.
Names table_names(const std::string& rules_path, const ports::Clock& clock) {
  model::RuleSet rules;
  if (rules_path.empty()) {
    rules = rules::builtin_rules();
  } else if (auto loaded = rules::load_rules(rules_path, clock.wall_us())) {
    rules = std::move(loaded->set);
  }
  Names names;
  for (const auto& table : rules.tables) names.push_back(table.name);
  return names;
}

Part store_part(const node::StoreUrl& url, std::uint32_t shard, std::uint32_t shard_count,
                const ports::Clock& clock, const Names& tables) {
  if (const std::string* path = url.sqlite_path()) {
    return [path = *path, &clock, tables] { return sqlite::check_up(path, clock, tables); };
  }
  if (const postgres::DataApiUrl* parsed = url.data_api()) {
    return [parsed = *parsed, shard, shard_count, &clock, tables] {
      return postgres::check_up(parsed, shard, shard_count, clock, tables);
    };
  }
  return [parsed = *url.postgres(), shard, shard_count, &clock, tables] {
    return postgres::check_up(parsed, shard, shard_count, clock, tables);
  };
}

// Whose hunt the stores are of; nobody's that is known, where they cannot be read: their own part
// of the report says why.
model::HuntOwner owner_of(const std::vector<node::StoreUrl>& stores, const ports::Clock& clock) {
  if (stores.empty()) return {};
  node::OpenStoreOptions how;
  how.read_only = true;
  how.agree_on_map = false;
  auto opened = node::OpenStores::open(stores, clock, how);
  if (!opened) return {};
  const model::HuntOwner owner = opened->owner();
  opened->close();
  return owner;
}

// Each of them, and whether all open as they do when serving: where one is ill, that is told.
Part stores_part(const std::vector<node::StoreUrl>& urls, const ports::Clock& clock,
                 const Names& tables) {
  std::vector<Part> parts;
  const auto shard_count = static_cast<std::uint32_t>(urls.size());
  for (std::uint32_t shard = 0; shard < shard_count; ++shard) {
    parts.push_back(store_part(urls[shard], shard, shard_count, clock, tables));
  }
  return [parts = std::move(parts), urls, &clock] {
    std::vector<ports::Finding> all;
    const auto add = [&all](const std::vector<ports::Finding>& findings) {
      all.insert(all.end(), findings.begin(), findings.end());
    };
    for (const auto& look : parts) add(look());
    if (!has_failure(all)) add(check_opening(urls, clock));
    return all;
  };
}

// What there is to look at, in the order of the report.
std::vector<Part> parts_of(const ServeFlags& serve, const ports::Clock& clock) {
  const node::NodeOptions& flags = serve.node;
  std::vector<Part> parts{system::check_machine};
  parts.emplace_back([&serve, &clock] {
    ServeFlags used = serve;  // without a store the default one would be
    if (used.node.stores.empty()) used.node.stores = node::NodeOptions().stores;
    return check_serve(used, clock);
  });
  if (flags.bus) {
    nats::NatsOptions options;
    options.servers = *flags.bus;
    options.client_name = "hunt doctor";
    options.hunt = flags.hunt;
    const auto shards = node::shard_names(std::max<std::size_t>(1, flags.stores.size()));
    parts.emplace_back([options, shards, stores = flags.stores, &clock] {
      nats::NatsOptions of_hunt = options;
      of_hunt.owner = owner_of(stores, clock);
      return nats::check_up(of_hunt, shards, clock);
    });
  }
  if (flags.cache) {
    parts.emplace_back([url = *flags.cache, hunt = flags.hunt, stores = flags.stores, &clock] {
      return redis::check_up(url, hunt, owner_of(stores, clock), clock);
    });
  }
  if (flags.stores.empty()) return parts;
  parts.push_back(stores_part(flags.stores, clock, table_names(flags.rules_path, clock)));
  return parts;
}

// At once, since the next part may take its seconds. `subject`: of the line before.
void print(const std::vector<ports::Finding>& findings) {
  std::string subject;
  for (const auto& finding : findings) {
    if (finding.subject != subject) std::printf("%s\n", finding.subject.c_str());
    subject = finding.subject;
    std::printf("  %-8s %s\n", std::string(name_of(finding.severity)).c_str(),
                finding.found.c_str());
    if (!finding.advice.empty()) std::printf("           → %s\n", finding.advice.c_str());
  }
  std::fflush(stdout);
}

struct Verdict {
  std::size_t failures = 0;
  std::size_t warnings = 0;
  json::array rows;
  void add(const std::vector<ports::Finding>& findings) {
    for (const auto& finding : findings) {
      failures += finding.severity == Severity::failure ? 1 : 0;
      warnings += finding.severity == Severity::warning ? 1 : 0;
      json::object row;
      row["severity"] = name_of(finding.severity);
      row["subject"] = finding.subject;
      row["found"] = finding.found;
      row["advice"] = finding.advice;
      rows.push_back(std::move(row));
    }
  }
};

std::string counted(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

int run_doctor(const DoctorFlags& flags) {
  const system::SystemClock clock;
  Verdict verdict;
  for (const auto& look : parts_of(flags.serve, clock)) {
    const auto findings = look();
    verdict.add(findings);
    if (!flags.json) print(findings);
  }
  const bool healthy = verdict.failures == 0;
  if (flags.json) {
    json::object out;
    out["healthy"] = healthy;
    out["findings"] = std::move(verdict.rows);
    std::printf("%s\n", json::serialize(out).c_str());
  } else {
    std::printf("%s: %s, %s\n", healthy ? "healthy" : "not healthy",
                counted(verdict.failures, "failure").c_str(),
                counted(verdict.warnings, "warning").c_str());
  }
  return healthy ? 0 : 1;
}

}  // namespace

void add_doctor(CommandLine& line) {
  auto flags = std::make_shared<DoctorFlags>();
  CLI::App* command = line.app.add_subcommand(
      "doctor", "A check-up of this machine and the servers of a hunt; exit 1 on any failure");
  add_serve_flags(*command, flags->serve);
  command->add_flag("--json", flags->json, "The findings as JSON");
  command->footer(
      "Looks, and changes nothing: no stream, table or file is made. Takes the flags, HUNT_…\n"
      "variables and --config file that `hunt serve` takes, so run it where and as that runs. A\n"
      "store is looked at when it is named. Exit code 0: healthy, perhaps with warnings; 1:\n"
      "failures.\n"
      "Examples:\n"
      "  hunt doctor --config hunt.yaml\n"
      "  hunt doctor --store sqlite:hunt.db\n"
      "  hunt doctor --bus nats://nats:4222 --cache redis://redis:6379 \\\n"
      "              --store postgres://serve@db0/hunt --store postgres://serve@db1/hunt\n"
      "  hunt doctor --json | jq '.findings[] | select(.severity != \"ok\")'");
  command->callback([&line, flags] { line.run = [flags] { return run_doctor(*flags); }; });
}

}  // namespace hunt::apps
