#include "service/hunts.h"

#include <fmt/format.h>

#include "base/text.h"
#include "model/limits.h"

namespace hunt::service {

namespace {

using boost::asio::awaitable;
using Stores = std::vector<ports::HuntStore*>;

Error of_another_name(const std::string& kept, const std::string& asked) {
  return {Errc::invalid_argument,
          fmt::format("the store belongs to the hunt \"{}\", and this process is of the hunt "
                      "\"{}\": give it --hunt {}, or another --store",
                      kept, asked, kept),
          "hunt"};
}

std::string shown(const model::Hunt& hunt) {
  return fmt::format("\"{}\", id {}", hunt.name, to_hex(model::to_bytes(hunt.id)).substr(0, 16));
}

Error of_several(std::size_t shard, const std::string& kept, const std::string& first) {
  return {Errc::invalid_argument,
          fmt::format("the store at place {} of the --store flags belongs to another hunt ({}) "
                      "than the first one ({}): give only the shards of one hunt",
                      shard, kept, first),
          "store"};
}

// A name that another process gave meanwhile is the one.
awaitable<Result<model::Hunt>> name_first(ports::HuntStore* first, std::string name, bool repair) {
  HUNT_CO_TRY(info, co_await first->info());
  if (info.hunt.name.empty() && !name.empty() && repair) {
    HUNT_CO_TRY(secrets, co_await first->secrets());
    info.hunt.name = name;
    const auto named = co_await first->join_hunt(info.hunt, secrets.hunt_key);
    if (!named && named.error().code != Errc::already_exists) {
      co_return tl::unexpected<Error>(named.error());
    }
    HUNT_CO_TRY(again, co_await first->info());
    info = std::move(again);
  }
  const std::string& kept = info.hunt.name;
  if (!name.empty() && !kept.empty() && kept != name) {
    co_return tl::unexpected<Error>(of_another_name(kept, name));
  }
  co_return info.hunt;
}

}  // namespace

awaitable<Result<model::Hunt>> agree_on_hunt(Stores stores, std::string name, bool repair) {
  if (!name.empty() && !model::is_hunt_name(name)) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("\"{}\" is no name of a hunt: it has 1 to {} of a-z, 0-9, _ and -",
                               printable(name), limits::hunt_name_bytes_max),
                   "hunt");
  }
  HUNT_CO_TRY(hunt, co_await name_first(stores[0], std::move(name), repair));
  for (std::size_t shard = 1; shard < stores.size(); ++shard) {
    HUNT_CO_CHECK(co_await join_hunt(*stores[0], *stores[shard], shard, hunt, repair));
  }
  co_return hunt;
}

awaitable<Result<void>> join_hunt(ports::HuntStore& first, ports::HuntStore& store,
                                  std::size_t shard, model::Hunt hunt, bool repair) {
  HUNT_CO_TRY(info, co_await store.info());
  if (info.hunt == hunt) co_return Result<void>{};
  // One that is named was of a hunt before it came to this one.
  const bool free = info.hunt.name.empty();
  if (!free) co_return tl::unexpected<Error>(of_several(shard, shown(info.hunt), shown(hunt)));
  if (!repair) co_return Result<void>{};
  HUNT_CO_TRY(secrets, co_await first.secrets());
  const auto joined = co_await store.join_hunt(hunt, secrets.hunt_key);
  if (!joined && joined.error().code == Errc::already_exists) {
    co_return tl::unexpected<Error>(of_several(shard, "by now", shown(hunt)));
  }
  co_return joined;
}

}  // namespace hunt::service
