// Where the positions and the rows of `hunt shards` come from.
#include <fmt/format.h>

#include <cstdio>
#include <limits>

#include "adapters/system/system_clock.h"
#include "apps/shards_commands.h"
#include "apps/shared_flags.h"
#include "base/text.h"
#include "codec/trace_reader.h"
#include "load/crowd.h"
#include "load/demo_world.h"
#include "model/limits.h"
#include "node/open_store.h"
#include "rush/run_parts.h"
#include "rush/skipped_rows.h"
#include "service/sharded_store.h"

namespace hunt::apps {

namespace {

// The ids of worlds by their names in a trace. Errors: a name that is no id.
Result<void> learn_worlds(const std::vector<std::string>& names, std::vector<model::WorldId>& ids) {
  for (std::size_t i = ids.size(); i < names.size(); ++i) {
    const auto id = parse_u64(names[i]);
    if (!id || *id > std::numeric_limits<model::WorldId>::max()) {
      return fail(Errc::invalid_argument,
                  fmt::format("the trace calls a world \"{}\": a shard map needs the ids of worlds "
                              "(`hunt world stats` lists them)",
                              printable(names[i])),
                  "trace");
    }
    ids.push_back(static_cast<model::WorldId>(*id));
  }
  return {};
}

Result<void> count_trace(const TrafficFlags& flags, shards::Traffic& traffic) {
  codec::TraceOptions options;
  if (flags.on_error == "skip") options.on_bad = codec::OnBad::skip;
  HUNT_TRY(reader, codec::TraceReader::open_file(flags.trace, options));
  std::vector<model::TraceRow> rows;
  std::vector<model::WorldId> worlds;
  while (true) {
    HUNT_TRY(more, reader.next(rows));
    if (!more) break;
    HUNT_CHECK(learn_worlds(reader.worlds(), worlds));
    HUNT_CHECK(traffic.add(rows, worlds));
  }
  rush::print_skipped(reader.bad());
  if (reader.cut_bytes() > 0) {
    std::fprintf(stderr, "hunt: %s was cut at its end: %s bytes are left out\n",
                 flags.trace.c_str(), with_commas(reader.cut_bytes()).c_str());
  }
  return {};
}

load::DemoWorld demo_world(const TrafficFlags& flags) {
  return load::make_demo_world({.seed = flags.seed});
}

// A step a second and player, in the demo world: the crowd of `hunt up --trace`.
Result<void> count_crowd(const TrafficFlags& flags, shards::Traffic& traffic) {
  HUNT_TRY(walks, rush::read_walks(flags.trace, flags.on_error));
  load::CrowdOptions options;
  options.seed = flags.seed;
  options.players = flags.crowd;
  options.attractions = demo_world(flags).centres;
  const std::uint32_t server_players = options.batch_players;
  const std::vector<model::WorldId> worlds{options.world};
  load::Crowd crowd(std::move(options), std::move(walks));
  model::Batch batch;
  std::vector<model::TraceRow> rows;
  for (std::uint32_t second = 0; second < flags.seconds; ++second) {
    for (std::uint32_t server = 0; server < crowd.servers(); ++server) {
      crowd.next_batch(batch);
      rows.clear();
      for (const model::Position& position : batch.positions) {
        model::TraceRow row;
        row.t_ms = std::int64_t{second} * 1'000;
        row.tile = position.tile;
        row.player = server * server_players + static_cast<std::uint32_t>(rows.size());
        rows.push_back(row);
      }
      HUNT_CHECK(traffic.add(rows, worlds));
    }
  }
  return {};
}

Result<void> add_loot_of(node::OpenStores& stores, shards::Rows& rows) {
  service::ShardedStore whole(stores.stores<ports::WorldStore>());
  whole.set_map(stores.map());
  HUNT_TRY(worlds, node::run_here(whole.worlds()));
  for (const model::World& world : worlds) {
    for (std::optional<model::TileId> from = model::TileId{}; from;) {
      HUNT_TRY(page, node::run_here(whole.list_tiles(world.id, model::everywhere, *from,
                                                     limits::tiles_per_page_max)));
      for (const model::TileRow& row : page.rows) rows.add(world.id, row.tile);
      from = page.next;
    }
  }
  return {};
}

}  // namespace

void TrafficFlags::add_to(CLI::App& command) {
  add_trace(command, trace, on_error);
  command
      .add_option("--hint-radius", hint_radius_tiles,
                  "Tiles that a position looks around: the largest hint radius of the rules")
      ->check(CLI::Range(0, limits::hint_radius_tiles_max))
      ->capture_default_str();
  command
      .add_option("--crowd", crowd,
                  "So many players follow the walks of the trace in the demo world; 0: the "
                  "trace as it is")
      ->check(CLI::Range(0U, load::CrowdOptions::players_max))
      ->capture_default_str();
  command.add_option("--seconds", seconds, "How long the crowd plays, a step a second")
      ->check(CLI::Range(1U, 86'400U))
      ->capture_default_str();
  command.add_option("--seed", seed, "Of the crowd and its world")->capture_default_str();
}

Result<shards::Counted> count_traffic(const TrafficFlags& flags, std::uint32_t shards) {
  shards::Traffic traffic(shards, flags.hint_radius_tiles);
  if (flags.crowd > 0) {
    HUNT_CHECK(count_crowd(flags, traffic));
  } else {
    HUNT_CHECK(count_trace(flags, traffic));
  }
  return std::move(traffic).finish();
}

Result<shards::Rows> find_rows(const TrafficFlags& flags, const std::vector<node::StoreUrl>& stores,
                               const shards::Counted& counted) {
  if (stores.empty()) {
    shards::Rows rows(counted.shards, {});
    if (flags.crowd > 0) {
      for (const model::Burial& burial : demo_world(flags).burials) {
        rows.add(1, model::tile_id_of(burial.tile));
      }
    }
    rows.finish(counted.chunks);
    return rows;
  }
  const system::SystemClock clock;
  node::OpenStoreOptions how;
  how.read_only = true;
  HUNT_TRY(open, node::OpenStores::open(stores, clock, how));
  shards::Rows rows(counted.shards, open.map());
  HUNT_CHECK(add_loot_of(open, rows));
  rows.finish(counted.chunks);
  return rows;
}

}  // namespace hunt::apps
