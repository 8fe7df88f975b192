// Positions: one batch by a request, or as a message of a stream.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <variant>

#include "adapters/http/routes.h"
#include "base/text.h"
#include "codec/json_replies.h"

namespace hunt::http {

using boost::asio::awaitable;

namespace {

// A stream's message with the id it answers in front.
std::string with_id(std::optional<std::uint64_t> id, std::string text) {
  if (id) text.insert(1, fmt::format(R"("id":{},)", *id));
  return text;
}

awaitable<Result<model::BatchReply>> ask_bus(Context& context, codec::PositionsRequest& request,
                                             bool wait, FrontTimes front) {
  if (std::holds_alternative<std::string>(request.world)) {
    auto world = co_await context.worlds.find(std::move(request.world));
    if (!world) co_return tl::unexpected(std::move(world).error());
    request.batch.world = world->id;
  }
  request.batch.front_ns = FrontTimes::now_ns() - front.came_ns + front.back_ns;
  const auto mode = wait || request.wait_terminal ? ports::Wait::terminal : ports::Wait::no;
  co_return co_await context.ports.bus.ask(request.batch, mode);
}

}  // namespace

awaitable<Result<Response>> post_positions(Context& context, const Call& call) {
  const auto* wait = call.target.find("wait");
  if (wait != nullptr && *wait != "terminal") {
    co_return fail(
        Errc::invalid_argument,
        fmt::format("wait must be \"terminal\" or absent, found \"{}\"", printable(*wait)), "wait");
  }
  HUNT_CO_TRY(request, context.positions_reader.parse(call.request.body));
  HUNT_CO_TRY(reply, co_await ask_bus(context, request, wait != nullptr, call.front));
  co_return written(codec::write_reply, request.batch, reply);
}

awaitable<Api::StreamAnswer> answer_message(Context& context, std::string message,
                                            FrontTimes front) {
  Api::StreamAnswer answer;
  auto request = context.positions_reader.parse(message, codec::Carrier::stream);
  const auto id = context.positions_reader.last_id();
  answer.id = id;
  if (!request) {
    answer.text = with_id(id, error_response(request.error()).body);
    co_return answer;
  }
  const auto reply = co_await ask_bus(context, *request, false, front);
  if (!reply) {
    answer.text = with_id(id, error_response(reply.error()).body);
    co_return answer;
  }
  codec::write_reply(request->batch, *reply, answer.text);
  answer.text = with_id(id, std::move(answer.text));
  for (const auto& outcome : reply->outcomes) {
    if (outcome.outcome != model::Outcome::found || outcome.claim_index < 0) continue;
    answer.found.push_back(reply->claims[static_cast<std::size_t>(outcome.claim_index)].claim);
  }
  co_return answer;
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
