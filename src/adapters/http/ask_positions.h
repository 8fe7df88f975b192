// What the thread of HTTP and the lanes do alike with a request for positions that the bus is asked
// for, and with a stream's answer.
//
// Not what memory answers (lane_server.h). Thread: that of who asks.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "codec/json_requests.h"
#include "ports/bus.h"
#include "ports/world_directory.h"

namespace hunt::http {

// Gives the batch the id of the world that the request names. Errors: those of the directory.
// Lifetime: both outlive the answer.
[[nodiscard]] boost::asio::awaitable<Result<void>> find_world(ports::WorldDirectory& worlds,
                                                              codec::PositionsRequest& request);

// `wait` where either says so.
[[nodiscard]] inline ports::Wait wait_of(const codec::PositionsRequest& request, bool terminal) {
  return terminal || request.wait_terminal ? ports::Wait::terminal : ports::Wait::no;
}

// Those that are not decided yet.
[[nodiscard]] std::vector<model::ClaimId> found_in(const model::BatchReply& reply);

// A stream's answer with the id of its message in front.
[[nodiscard]] std::string with_id(std::optional<std::uint64_t> id, std::string text);

}  // namespace hunt::http
