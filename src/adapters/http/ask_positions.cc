#include "adapters/http/ask_positions.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "adapters/http/api.h"
#include "base/text.h"

namespace hunt::http {

using boost::asio::awaitable;

awaitable<Result<void>> find_world(ports::WorldDirectory& worlds,
                                   codec::PositionsRequest& request) {
  if (!std::holds_alternative<std::string>(request.world)) co_return Result<void>{};
  HUNT_CO_TRY(world, co_await worlds.find(std::move(request.world)));
  request.batch.world = world.id;
  co_return Result<void>{};
}

std::vector<model::ClaimId> found_in(const model::BatchReply& reply) {
  std::vector<model::ClaimId> found;
  for (const auto& outcome : reply.outcomes) {
    if (outcome.outcome != model::Outcome::found || outcome.claim_index < 0) continue;
    found.push_back(reply.claims[static_cast<std::size_t>(outcome.claim_index)].claim);
  }
  return found;
}

std::string with_id(std::optional<std::uint64_t> id, std::string text) {
  if (id) text.insert(1, fmt::format(R"("id":{},)", *id));
  return text;
}

// One that is asked for again finds its claims answered.
std::string Api::too_long(std::optional<std::uint64_t> id, std::size_t bytes) {
  const Error error{Errc::too_large,
                    fmt::format("it is decided, but this stream has no room for the answer of {} "
                                "bytes: read what waits, and ask again for fewer positions at "
                                "once; claims keep their answers",
                                with_commas(bytes)),
                    "positions"};
  return with_id(id, error_response(error).body);
}

}  // namespace hunt::http
