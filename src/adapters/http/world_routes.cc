// Worlds and what is buried in them.
#include <fmt/format.h>

#include <limits>
#include <string>
#include <vector>

#include "adapters/http/routes.h"
#include "base/text.h"
#include "codec/json_replies.h"
#include "model/limits.h"
#include "ports/findings.h"

namespace hunt::http {

using boost::asio::awaitable;

namespace {

Result<void> check_tables(const Context& context, const std::vector<model::Burial>& burials) {
  const auto rules = context.ports.rules.current();
  for (std::size_t i = 0; i < burials.size(); ++i) {
    if (rules != nullptr && rules->find_table(burials[i].table)) continue;
    std::vector<std::string> known;
    if (rules != nullptr) {
      for (const auto& table : rules->tables) known.push_back(table.name);
    }
    const std::string field = fmt::format("tiles[{}].table", i);
    return fail(
        Errc::invalid_argument,
        fmt::format("{} names \"{}\", which no rule in force has{}; nothing was buried", field,
                    printable(burials[i].table), ports::near_tables(burials[i].table, known)),
        field);
  }
  return {};
}

// The world that the path names.
awaitable<Result<model::World>> world_of(Context& context, const Call& call) {
  return context.worlds.find(model::world_ref_of(call.target.segments()[2]));
}

}  // namespace

awaitable<Result<Response>> put_tiles(Context& context, const Call& call) {
  HUNT_CO_TRY(burials, codec::parse_burials(call.request.body));
  HUNT_CO_CHECK(check_tables(context, burials));
  HUNT_CO_TRY(world, co_await world_of(context, call));
  HUNT_CO_TRY(buried, co_await context.ports.store.bury(world.id, std::move(burials)));
  co_return written(codec::write_buried, buried);
}

awaitable<Result<Response>> delete_tiles(Context& context, const Call& call) {
  HUNT_CO_TRY(tiles, codec::parse_tiles(call.request.body));
  HUNT_CO_TRY(world, co_await world_of(context, call));
  HUNT_CO_TRY(closed, co_await context.ports.store.close_tiles(world.id, std::move(tiles)));
  co_return json_response(fmt::format(R"({{"closed":{}}})", closed));
}

awaitable<Result<Response>> get_tiles(Context& context, const Call& call) {
  constexpr auto low = std::numeric_limits<std::int32_t>::min();
  constexpr auto high = std::numeric_limits<std::int32_t>::max();
  HUNT_CO_TRY(x0, call.target.coordinate("x0", low));
  HUNT_CO_TRY(y0, call.target.coordinate("y0", low));
  HUNT_CO_TRY(x1, call.target.coordinate("x1", high));
  HUNT_CO_TRY(y1, call.target.coordinate("y1", high));
  HUNT_CO_TRY(from, call.target.number("from", 0, 0, UINT64_MAX));
  HUNT_CO_TRY(limit, call.target.number("limit", 1'000, 1, limits::tiles_per_page_max));
  if (x1 < x0 || y1 < y0) {
    co_return fail(Errc::invalid_argument,
                   "x1 and y1 must not be below x0 and y0: both corners belong to the rectangle",
                   x1 < x0 ? "x1" : "y1");
  }
  HUNT_CO_TRY(world, co_await world_of(context, call));
  const model::TileRect rect{{x0, y0}, {x1, y1}};
  const model::TileId first{from};
  HUNT_CO_TRY(page, co_await context.ports.store.list_tiles(world.id, rect, first,
                                                            static_cast<std::uint32_t>(limit)));
  co_return written(codec::write_tile_page, page);
}

awaitable<Result<Response>> get_worlds(Context& context, const Call&) {
  HUNT_CO_TRY(worlds, co_await context.ports.store.worlds());
  co_return written(codec::write_worlds, worlds);
}

awaitable<Result<Response>> get_world(Context& context, const Call& call) {
  HUNT_CO_TRY(world, co_await world_of(context, call));
  HUNT_CO_TRY(stats, co_await context.ports.store.recent_world_stats(world.id));
  co_return written(codec::write_world_stats, world, stats);
}

// PUT /v1/worlds/7 {"name":"north"} creates with that id; PUT /v1/worlds/north with the next one.
awaitable<Result<Response>> put_world(Context& context, const Call& call) {
  const std::string& segment = call.target.segments()[2];
  const auto id = parse_u64(segment);
  if (id && (*id == 0 || *id > std::numeric_limits<model::WorldId>::max())) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("a world's id is from 1 to 4294967295, found {}", segment), "id");
  }
  std::string name = id ? std::string() : segment;
  if (id || !call.request.body.empty()) {
    HUNT_CO_TRY(given, codec::parse_world_name(call.request.body));
    if (!id && given != name) {
      co_return fail(
          Errc::invalid_argument,
          fmt::format("name is \"{}\", but the address says \"{}\"", given, printable(name)),
          "name");
    }
    name = std::move(given);
  }
  HUNT_CO_CHECK(codec::check_world_name(name));
  const auto wanted = static_cast<model::WorldId>(id.value_or(0));
  HUNT_CO_TRY(world, co_await context.ports.store.create_world(wanted, std::move(name)));
  co_return written(codec::write_world, world);
}

}  // namespace hunt::http
