// Positions: one batch by a request, or as a message of a stream.
#include <fmt/format.h>

#include "adapters/http/ask_positions.h"
#include "adapters/http/routes.h"
#include "base/text.h"
#include "codec/json_replies.h"

namespace hunt::http {

using boost::asio::awaitable;

namespace {

awaitable<Result<model::BatchReply>> ask_bus(Context& context, codec::PositionsRequest& request,
                                             bool terminal, FrontTimes front) {
  HUNT_CO_CHECK(co_await find_world(context.worlds, request));
  request.batch.front_ns = FrontTimes::now_ns() - front.came_ns + front.back_ns;
  co_return co_await context.ports.bus.ask(request.batch, wait_of(request, terminal));
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
  answer.found = found_in(*reply);
  co_return answer;
}

}  // namespace hunt::http
