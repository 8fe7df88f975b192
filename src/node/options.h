// NodeOptions: what an orchestrator process is told to be, and what of it can be checked at once.
//
// Not the flags (apps/serve_flags.h), which fill it in. Values.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/nats/nats_options.h"
#include "adapters/redis/redis_url.h"
#include "base/result.h"
#include "base/url.h"
#include "model/hunt_name.h"
#include "model/limits.h"
#include "model/setting.h"
#include "model/shard_map.h"
#include "node/store_url.h"

namespace hunt::node {

// Wounds on demand, so that `hunt why` can be tried. 0: none.
struct NodeWounds {
  std::int64_t slow_store_ns = 0;  // a round trip added to each call of the store
  std::int64_t slow_cache_ns = 0;  // and of the cache
  std::int64_t busy_cpu_ns = 0;    // CPU burnt for each batch
};

struct NodeOptions {
  std::vector<StoreUrl> stores = {StoreUrl::sqlite("hunt.db")};  // by shard
  model::HuntName hunt;                                          // on the servers of the two below
  std::optional<redis::RedisUrl> cache;
  std::optional<nats::ServerList> bus;  // and a relay elsewhere; none: within this process
  std::vector<model::ShardId> shards;   // served; none: all, and who does not follow the map
  std::string rules_path;               // empty: the built-in event
  std::string listen = "127.0.0.1:8080";
  std::size_t lanes = 1;
  std::uint64_t seed = 1;        // for jitter
  std::string event_seed_file;   // empty: the seed kept in the store
  std::string admin_token_file;  // empty: a fresh token, printed
  std::string server_token_file;
  std::vector<std::string> allowed_hosts;  // names to be called by, beside its own
  std::size_t grant_calls_max = limits::claim_calls_inflight_max;  // per lane and shard
  std::size_t grant_connections = 2;                               // to each PostgreSQL shard
  bool stage_clock = true;   // off: only to measure what it costs
  bool heap_profile = true;  // who holds memory is sampled, for `hunt flame --kind heap`
  bool prewarm = true;       // start() reads the loot ahead, before anything of NATS is answered
  std::string profile_push;  // http://HOST:PORT of a Pyroscope; empty: none
  NodeWounds wounds;
  model::Settings settings;                  // as GET /v1/config tells them
  std::vector<std::uint8_t> new_store_seed;  // 32 bytes: event seed of a store made now
};

// Of NodeOptions::listen. Errors: invalid_argument.
[[nodiscard]] Result<HostPort> listen_address(const std::string& text);

// Checks what needs no opening. Errors: invalid_argument, and
// unsupported.
[[nodiscard]] Result<void> check_flags(const NodeOptions& options);

}  // namespace hunt::node
