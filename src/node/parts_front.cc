// The front: HTTP on a thread of its own.
#include <fmt/format.h>
#include <algorithm>
#include <boost/asio/post.hpp>

#include "adapters/http/http_limits.h"
#include "adapters/system/open_files.h"
#include "adapters/system/process.h"
#include "base/log.h"
#include "base/text.h"
#include "node/http_front.h"
#include "node/parts.h"
#include "node/secrets.h"

namespace hunt::node {

namespace {

// Descriptors that are opened later: files of the store, and of each lane the connections to the
// cache's nodes and the bus, and those to each shard that are made anew. Guesses, on the safe side.
constexpr std::uint64_t files_later = 32;
constexpr std::uint64_t files_later_per_lane = 8;
constexpr std::uint64_t files_later_per_lane_and_shard = 4;
constexpr std::uint64_t connections_min = 32;

}  // namespace

Result<std::vector<std::uint8_t>> Node::Parts::event_seed() {
  if (!options.event_seed_file.empty()) return read_event_seed(options.event_seed_file);
  HUNT_TRY(secrets, lanes[0]->run(stores->shard(0).store().secrets()));
  if (secrets.seed_bytes.empty()) {
    return fail(Errc::unauthorized,
                "the store's user may not read the event seed: serve with one of the role "
                "hunt_ingest, or name the seed with --event-seed-file");
  }
  return secrets.seed_bytes;
}

// As many as the open files allow that the store, the cache and the bus do not need. Requires:
// those are open.
Result<std::size_t> Node::Parts::connections_max() {
  const std::uint64_t rest =
      system::open_files() + files_later +
      lanes.size() * (files_later_per_lane + files_later_per_lane_and_shard * stores->count());
  const std::uint64_t allowed = system::raise_open_files(limits::http_connections_max + rest);
  if (allowed < rest + connections_min) {
    return fail(Errc::io,
                fmt::format("{} open files are allowed, and the store, the cache and the bus may "
                            "need {}: raise it to {} or more (ulimit -n, LimitNOFILE=)",
                            allowed, rest, limits::http_connections_max + rest));
  }
  const auto count = std::min<std::uint64_t>(limits::http_connections_max, allowed - rest);
  connections_told =
      fmt::format("at most {} HTTP connections: {} open files are allowed, {} are for the rest",
                  with_commas(count), with_commas(allowed), with_commas(rest));
  return count;
}

Result<void> Node::Parts::open_http(const HostPort& listen) {
  for (const auto* path :
       {&options.admin_token_file, &options.server_token_file, &options.event_seed_file}) {
    warn_of_others(*path);
  }
  HUNT_TRY(connections, connections_max());
  HUNT_TRY(http_options, http_options_of(options, listen));
  http_options.connections_max = connections;
  admin_token = http_options.admin_token;
  auto ledgers = serving_stores<ports::Ledger>();
  front_watch = std::make_unique<LoopWatch>(*front, clock, [this](LoopWatch::Load load) {
    observer->set_front_load(load.busy, load.starved, load.stalled_ns);
    observer->set_cpu_pressure(system::cpu_pressure());
    observer->remember_why();
  });
  std::vector<service::ExplainedShard> explained;
  for (ports::HuntStore* store : serving_stores()) explained.push_back({store});
  explainer = std::make_unique<service::Explainer>(std::move(explained), *book, clock);
  http::Ports ports{front->bus(),
                    *whole,
                    *observer,
                    *book,
                    std::move(ledgers),
                    system::process_figures,
                    [watch = front_watch.get()] {
                      return http::LoopLag{watch->late_ns(), watch->lag_ns()};
                    },
                    &profiler,
                    explainer.get()};
  ports.settings = options.settings;
  ports.rules_desk = book.get();
  http = std::make_unique<http::HttpServer>(front->loop(), std::move(ports), http_options);
  std::vector<http::LaneServer*> lent_to;
  for (const auto& lane : lanes) {
    http_lanes.push_back(std::make_unique<http::LaneServer>(lane->loop(), lane->bus(), *whole,
                                                            http_options.header_bytes_max));
    lent_to.push_back(http_lanes.back().get());
  }
  http->lend_to(std::move(lent_to));
  HUNT_TRY(port, http->listen());
  address = fmt::format("http://{}/", HostPort{listen.host, port}.shown());
  const std::string name = fmt::format("{}:{}", http_options.machine_name, port);
  observer->set_name(name);
  if (!options.profile_push.empty()) profile_push.emplace(options.profile_push, name, profiler);
  return {};
}

}  // namespace hunt::node
