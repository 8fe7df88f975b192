#include "ports/world_directory.h"

#include <fmt/format.h>

#include <string>

#include "base/text.h"

namespace hunt::ports {

const model::World* WorldDirectory::known(const model::WorldRef& ref) const noexcept {
  for (const auto& world : worlds_) {
    if (const auto* id = std::get_if<model::WorldId>(&ref)) {
      if (world.id == *id) return &world;
    } else if (world.name == std::get<std::string>(ref)) {
      return &world;
    }
  }
  return nullptr;
}

boost::asio::awaitable<Result<model::World>> WorldDirectory::find(model::WorldRef ref) {
  if (const auto* world = known(ref)) co_return *world;
  auto fresh = co_await store_.worlds();
  if (!fresh) co_return tl::unexpected(std::move(fresh).error());
  worlds_ = std::move(*fresh);
  if (const auto* world = known(ref)) co_return *world;
  if (const auto* id = std::get_if<model::WorldId>(&ref)) {
    co_return fail(Errc::not_found,
                   fmt::format("there is no world {}; GET /v1/worlds lists them", *id), "world");
  }
  const auto& name = std::get<std::string>(ref);
  std::vector<std::string_view> names;
  for (const auto& world : worlds_) names.push_back(world.name);
  co_return fail(Errc::not_found,
                 fmt::format("there is no world \"{}\"{}; GET /v1/worlds lists them",
                             printable(name), did_you_mean(name, names)),
                 "world");
}

}  // namespace hunt::ports
