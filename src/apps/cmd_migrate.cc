// hunt migrate: makes the tables of stores, or brings those of an older release up to date.
#include <cstdio>
#include <memory>
#include <vector>

#include "adapters/system/system_clock.h"
#include "apps/command.h"
#include "apps/shared_flags.h"
#include "node/open_store.h"

namespace hunt::apps {

namespace {

int run_migrate(const std::vector<node::StoreUrl>& urls) {
  const system::SystemClock clock;
  auto stores = node::OpenStores::open(urls, clock, {});
  if (!stores) return report(stores.error());
  stores->close();
  for (const auto& url : urls) {
    std::printf("%s: its tables are those of this release\n", url.shown().c_str());
  }
  return 0;
}

}  // namespace

void add_migrate(CommandLine& line) {
  auto urls = std::make_shared<std::vector<node::StoreUrl>>();
  CLI::App* command = line.app.add_subcommand(
      "migrate", "Makes the tables of stores, or brings those of an older release up to date");
  add_stores(*command, *urls);
  command->get_option("--store")->required();
  command->footer(
      "PostgreSQL: as the owner of the database, who may create roles. Name all shards, in order,\n"
      "so that they become one hunt. What is up to date already stays as it is.\n"
      "Examples:\n"
      "  hunt migrate --store postgres://owner@db0/hunt\n"
      "  hunt migrate --store postgres://owner@db0/hunt --store postgres://owner@db1/hunt");
  command->callback([&line, urls] { line.run = [urls] { return run_migrate(*urls); }; });
}

}  // namespace hunt::apps
