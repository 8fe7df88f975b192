// WorldNames: the store's worlds, kept in memory and read again when one is not among them.
//
// Not the worlds' tiles. Worlds are never renamed or removed, so a hit needs no check. Thread: the
// lane's.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <string_view>
#include <vector>

#include "codec/json_requests.h"
#include "ports/hunt_store.h"

namespace hunt::http {

// Digits are an id, anything else a name.
[[nodiscard]] codec::WorldRef world_ref(std::string_view text);

class WorldNames {
 public:
  explicit WorldNames(ports::HuntStore& store) : store_(store) {}

  // Errors: not_found, naming the nearest; those of the store. Suspends: when it is not known yet.
  [[nodiscard]] boost::asio::awaitable<Result<model::World>> find(codec::WorldRef ref);

 private:
  [[nodiscard]] const model::World* known(const codec::WorldRef& ref) const noexcept;

  ports::HuntStore& store_;
  std::vector<model::World> worlds_;
};

}  // namespace hunt::http
