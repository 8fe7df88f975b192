// hunt shards status: the map, what each shard has and does, and whether another map would pay.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <memory>
#include <optional>

#include "adapters/http/client.h"
#include "adapters/system/system_clock.h"
#include "apps/shards_commands.h"
#include "apps/shared_flags.h"
#include "base/json_string.h"
#include "base/text.h"
#include "node/open_store.h"

namespace hunt::apps {

namespace {

namespace json = boost::json;

struct StatusFlags {
  TrafficFlags traffic;
  std::vector<node::StoreUrl> stores;
  std::vector<std::string> urls;
  std::string server_token_file;
  std::string admin_token_file;
  bool json = false;
};

// What servers saw since they started: positions of one batch in 17 (service/shard_looks.h).
struct Looks {
  std::uint64_t one_shard = 0;
  std::uint64_t several_shards = 0;
  std::vector<std::uint64_t> by_shard;

  [[nodiscard]] std::uint64_t all() const noexcept { return one_shard + several_shards; }
  [[nodiscard]] double crossing() const noexcept {
    return all() == 0 ? 0 : static_cast<double>(several_shards) / static_cast<double>(all());
  }
};

struct Shard {
  std::size_t ranges = 0;
  std::uint64_t tiles = 0;
  std::uint64_t grants = 0;
};

struct Status {
  model::ShardMap map;
  std::vector<Shard> shards;
  std::optional<Looks> looks;            // of servers
  std::optional<shards::Advice> advice;  // of a trace; the first candidate is the map of today
  std::string verdict;
  bool pays = false;
};

// Fewer say nothing about a share of a hundredth.
constexpr std::uint64_t looks_min = 10'000;
constexpr double crossing_high = 0.01;
// Of a trace: another map pays when it halves what crosses, and saves so much of all queries.
constexpr double crossing_saved_min = 0.001;

void add_looks(const json::value& stats, Looks& to) {
  const json::value& looks = stats.at("looks");
  to.one_shard += looks.at("one_shard").to_number<std::uint64_t>();
  to.several_shards += looks.at("several_shards").to_number<std::uint64_t>();
  const json::array& shards = stats.at("shard_looks").as_array();
  to.by_shard.resize(std::max(to.by_shard.size(), shards.size()));
  for (std::size_t i = 0; i < shards.size(); ++i) {
    to.by_shard[i] += shards[i].to_number<std::uint64_t>();
  }
}

Result<Looks> fetch_looks(const StatusFlags& flags) {
  HUNT_TRY(server, read_token(flags.server_token_file));
  HUNT_TRY(admin, read_token(flags.admin_token_file));
  Looks looks;
  for (const std::string& url : flags.urls) {
    HUNT_TRY(response,
             http::http_request(url, "GET", "/v1/stats", {}, server.empty() ? admin : server,
                                std::chrono::milliseconds(5'000)));
    if (response.status / 100 != 2) return tl::unexpected<Error>(http::error_of(response));
    try {
      add_looks(json::parse(response.body), looks);
    } catch (const std::exception&) {
      return fail(
          Errc::unsupported,
          fmt::format("{} does not count what crosses shards: it is of an older release, or "
                      "no hunt",
                      url),
          "url");
    }
  }
  return looks;
}

Result<void> look_at_stores(const StatusFlags& flags, Status& status) {
  const system::SystemClock clock;
  node::OpenStoreOptions how;
  how.read_only = true;
  HUNT_TRY(open, node::OpenStores::open(flags.stores, clock, how));
  status.map = open.map();
  status.shards.resize(open.count());
  for (const model::ShardRange& range : status.map.ranges) ++status.shards.at(range.shard).ranges;
  const auto stores = open.stores<ports::WorldStore>();
  for (std::size_t shard = 0; shard < stores.size(); ++shard) {
    HUNT_TRY(worlds, node::run_here(stores[shard]->worlds()));
    for (const model::World& world : worlds) {
      HUNT_TRY(stats, node::run_here(stores[shard]->world_stats(world.id)));
      status.shards[shard].tiles += stats.tiles;
      status.shards[shard].grants += stats.grants;
    }
  }
  return {};
}

Result<void> judge_trace(const StatusFlags& flags, Status& status) {
  if (flags.traffic.trace.empty()) return {};
  const auto shards = static_cast<std::uint32_t>(status.shards.size());
  HUNT_TRY(counted, count_traffic(flags.traffic, shards));
  HUNT_TRY(rows, find_rows(flags.traffic, flags.stores, counted));
  status.advice = shards::advise(counted, rows, true);
  return {};
}

// By a trace both maps are known; by what servers saw only today's is.
void judge(Status& status) {
  constexpr auto scored = static_cast<std::size_t>(shards::Part::score);
  if (status.shards.size() == 1) {
    status.verdict = "one shard: nothing can cross";
  } else if (status.advice) {
    const shards::Candidate& best = status.advice->candidates[status.advice->recommended];
    const shards::Score& now = status.advice->candidates.front().score;
    const double saved = now.crossing[scored] - best.score.crossing[scored];
    const bool balances = now.balance[scored] > shards::balance_max &&
                          best.score.balance[scored] <= shards::balance_max;
    status.pays = balances || (saved >= crossing_saved_min && saved >= now.crossing[scored] / 2);
    status.verdict = fmt::format(
        "another map would {}: {} crosses {} with a balance of {:.2f}, the map of today {} with "
        "{:.2f}; it would move {} rows",
        status.pays ? "pay" : "not pay", best.key, percent(best.score.crossing[scored]),
        best.score.balance[scored], percent(now.crossing[scored]), now.balance[scored],
        with_commas(best.score.rows_moved));
  } else if (!status.looks) {
    status.verdict =
        "whether another map would pay is not known: name servers with --url, or a trace with "
        "--trace";
  } else if (status.looks->all() < looks_min) {
    status.verdict = fmt::format("too few positions were seen to judge the map: {}, expected {}",
                                 with_commas(status.looks->all()), with_commas(looks_min));
  } else {
    const double balance = shards::balance_of(status.looks->by_shard);
    status.pays = status.looks->crossing() > crossing_high || balance > shards::balance_max;
    status.verdict = status.pays
                         ? fmt::format(
                               "another map may pay: {} of the queries cross, and the busiest "
                               "shard has {:.2f} of the mean; ask `hunt shards advise`",
                               percent(status.looks->crossing()), balance)
                         : fmt::format(
                               "no other map would pay: {} of the queries cross, and the busiest "
                               "shard has {:.2f} of the mean",
                               percent(status.looks->crossing()), balance);
  }
}

std::uint64_t looked_at(const Status& status, std::size_t shard) {
  if (!status.looks || shard >= status.looks->by_shard.size()) return 0;
  return status.looks->by_shard[shard];
}

std::string text_of(const Status& status) {
  std::string out = fmt::format("version {} of the shard map: {} ranges on {} shards\n",
                                status.map.version, status.map.ranges.size(), status.shards.size());
  out += fmt::format("{:>5}  {:>7}  {:>12}  {:>12}  {:>12}\n", "shard", "ranges", "loot tiles",
                     "grants", "load");
  const std::uint64_t all = status.looks ? status.looks->all() : 0;
  for (std::size_t shard = 0; shard < status.shards.size(); ++shard) {
    const Shard& one = status.shards[shard];
    const std::string load =
        all == 0
            ? "not known"
            : percent(static_cast<double>(looked_at(status, shard)) / static_cast<double>(all));
    out += fmt::format("{:>5}  {:>7}  {:>12}  {:>12}  {:>12}\n", shard, one.ranges,
                       with_commas(one.tiles), with_commas(one.grants), load);
  }
  if (all > 0) {
    out += fmt::format("{} of the queries need several shards ({} of {} positions seen)\n",
                       percent(status.looks->crossing()), with_commas(status.looks->several_shards),
                       with_commas(all));
  }
  return out + status.verdict + "\n";
}

std::string json_of(const Status& status) {
  std::string out = fmt::format(R"({{"version":{},"ranges":{},"shards":[)", status.map.version,
                                status.map.ranges.size());
  for (std::size_t shard = 0; shard < status.shards.size(); ++shard) {
    const Shard& one = status.shards[shard];
    fmt::format_to(std::back_inserter(out),
                   R"({}{{"shard":{},"ranges":{},"tiles":{},"grants":{},"positions_seen":{}}})",
                   shard == 0 ? "" : ",", shard, one.ranges, one.tiles, one.grants,
                   looked_at(status, shard));
  }
  out += "]";
  if (status.looks) {
    fmt::format_to(std::back_inserter(out),
                   R"(,"positions_seen":{},"cross_shard_share":{:.6f},"balance":{:.4f})",
                   status.looks->all(), status.looks->crossing(),
                   shards::balance_of(status.looks->by_shard));
  }
  fmt::format_to(std::back_inserter(out), R"(,"pays":{},"verdict":)", status.pays);
  append_json_string(out, status.verdict);
  return out + "}";
}

Result<Status> find_status(const StatusFlags& flags) {
  Status status;
  HUNT_CHECK(look_at_stores(flags, status));
  if (!flags.urls.empty()) {
    HUNT_TRY(looks, fetch_looks(flags));
    status.looks = std::move(looks);
  }
  HUNT_CHECK(judge_trace(flags, status));
  judge(status);
  return status;
}

int run(const StatusFlags& flags) {
  const auto status = find_status(flags);
  if (!status) return report(status.error());
  const std::string told = flags.json ? json_of(*status) + "\n" : text_of(*status);
  std::fputs(told.c_str(), stdout);
  return 0;
}

}  // namespace

void add_shards_status(CommandLine& line, CLI::App& shards) {
  auto flags = std::make_shared<StatusFlags>();
  CLI::App* status = shards.add_subcommand(
      "status", "The map, what each shard has and does, and whether another map would pay");
  add_stores(*status, flags->stores)->required();
  status->add_option("--url", flags->urls, "Servers to ask for the load, http://HOST:PORT")
      ->expected(1)
      ->take_all();
  add_tokens(*status, flags->admin_token_file, flags->server_token_file);
  flags->traffic.add_to(*status);
  status->add_flag("--json", flags->json, "As JSON");
  status->footer(
      "Load and what crosses are of one batch in 17 that the servers answered since they started.\n"
      "With --trace the map is held against what `hunt shards advise` would recommend.\n"
      "Examples:\n"
      "  hunt shards status --store postgres://hunt@pg0/hunt --store postgres://hunt@pg1/hunt\n"
      "  hunt shards status --store postgres://hunt@pg0/hunt --store postgres://hunt@pg1/hunt \\\n"
      "                     --url http://127.0.0.1:8080 --server-token-file game.token");
  status->callback([&line, flags] { line.run = [flags] { return run(*flags); }; });
}

}  // namespace hunt::apps
