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
#include "apps/node_bus.h"
#include "apps/open_store.h"

namespace hunt::apps {
namespace {

namespace json = boost::json;
using ports::Severity;

struct DoctorFlags {
  std::string bus_url = "inproc:";
  std::string cache_url = "none:";
  std::vector<std::string> stores;
  bool json = false;
};

using Part = std::function<std::vector<ports::Finding>()>;

Result<Part> store_part(const std::string& url, std::uint32_t shard, std::uint32_t shard_count,
                        const ports::Clock& clock) {
  HUNT_CHECK(check_store_url(url));
  if (const auto path = sqlite_path(url)) {
    return Part([path = *path, &clock] { return sqlite::check_up(path, clock); });
  }
  HUNT_TRY(parsed, postgres::PostgresUrl::parse(url));
  return Part([parsed, shard, shard_count, &clock] {
    return postgres::check_up(parsed, shard, shard_count, clock);
  });
}

// What there is to look at, in the order of the report. Errors: invalid_argument of a URL.
Result<std::vector<Part>> parts_of(const DoctorFlags& flags, const ports::Clock& clock) {
  std::vector<Part> parts{system::check_machine};
  if (flags.bus_url != "inproc:") {
    nats::NatsOptions options;
    options.url = flags.bus_url;
    options.client_name = "hunt doctor";
    HUNT_TRY(servers, nats::parse_servers(flags.bus_url));
    const auto shards = shard_names(std::max<std::size_t>(1, flags.stores.size()));
    parts.emplace_back([options, servers, shards, &clock] {
      return nats::check_up(options, servers, shards, clock);
    });
  }
  if (flags.cache_url != "none:") {
    HUNT_TRY(url, redis::parse_redis_url(flags.cache_url));
    parts.emplace_back([url, &clock] { return redis::check_up(url, clock); });
  }
  const auto shard_count = static_cast<std::uint32_t>(flags.stores.size());
  for (std::uint32_t shard = 0; shard < shard_count; ++shard) {
    HUNT_TRY(part, store_part(flags.stores[shard], shard, shard_count, clock));
    parts.push_back(std::move(part));
  }
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
  const auto parts = parts_of(flags, clock);
  if (!parts) return report_usage(parts.error());
  Verdict verdict;
  for (const auto& look : *parts) {
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
  command
      ->add_option("--bus", flags->bus_url,
                   "nats://[USER:PASSWORD@]HOST:PORT[,…]; inproc: for none")
      ->capture_default_str();
  command
      ->add_option("--cache", flags->cache_url,
                   "redis://HOST:PORT or redis-cluster://HOST:PORT; none: for none")
      ->capture_default_str();
  command->add_option("--store", flags->stores,
                      "sqlite:FILE or postgres://HOST:PORT/DATABASE; every shard's, in order");
  command->add_flag("--json", flags->json, "The findings as JSON");
  command->footer(
      "Looks, and changes nothing: no stream, table or file is made. Takes the flags and HUNT_…\n"
      "variables that `hunt serve` takes, so run it where and as that runs. Exit code 0: healthy,\n"
      "perhaps with warnings; 1: failures.\n"
      "Examples:\n"
      "  hunt doctor --store sqlite:hunt.db\n"
      "  hunt doctor --bus nats://nats:4222 --cache redis://redis:6379 \\\n"
      "              --store postgres://serve@db0/hunt --store postgres://serve@db1/hunt\n"
      "  hunt doctor --json | jq '.findings[] | select(.severity != \"ok\")'");
  command->callback([&line, flags] { line.run = [flags] { return run_doctor(*flags); }; });
}

}  // namespace hunt::apps
