// What happened to a claim or a player's claims, for support.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/routes.h"
#include "base/text.h"
#include "codec/json_explain.h"

namespace hunt::http {

using boost::asio::awaitable;

namespace {

// A value of the query that is read by `parse`; nothing when it was not given.
template <class T>
Result<std::optional<T>> given(const Call& call, std::string_view name,
                               std::optional<T> (*parse)(std::string_view) noexcept,
                               std::string_view expected) {
  const std::string* text = call.target.find(name);
  if (text == nullptr) return std::optional<T>{};
  if (auto value = parse(*text)) return value;
  return fail(Errc::invalid_argument,
              fmt::format("{} must be {}, found \"{}\"", name, expected, printable(*text)),
              std::string(name));
}

Result<model::Question> question_of(const Call& call) {
  model::Question question;
  HUNT_TRY(claim, given(call, "claim", model::parse_claim_id, "32 hexadecimal digits"));
  HUNT_TRY(player, given(call, "player", model::parse_uuid, "a UUID"));
  if (!claim && !player) {
    return fail(Errc::invalid_argument,
                "name whose claims are to be explained with player=<uuid>, or one claim with "
                "claim=<32 hexadecimal digits>",
                "player");
  }
  question.claim = claim;
  question.player = player;
  constexpr std::string_view a_time = "a time as in RFC 3339, such as 2026-11-23T14:03:00Z";
  HUNT_TRY(since, given(call, "since", parse_time_us, a_time));
  HUNT_TRY(until, given(call, "until", parse_time_us, a_time));
  question.from_us = since.value_or(model::time_us_min);
  question.until_us = until.value_or(model::time_us_max);
  if (question.until_us < question.from_us) {
    return fail(Errc::invalid_argument, "until must not be before since", "until");
  }
  const bool has_x = call.target.find("x") != nullptr;
  const bool has_y = call.target.find("y") != nullptr;
  if (!has_x && !has_y) return question;
  for (const auto name : {"x", "y", "world"}) {
    if (call.target.find(name) != nullptr) continue;
    return fail(Errc::invalid_argument,
                fmt::format("a tile is a world, x and y: {} is missing", name), name);
  }
  HUNT_TRY(x, call.target.coordinate("x", 0));
  HUNT_TRY(y, call.target.coordinate("y", 0));
  question.tile = model::Tile{x, y};
  return question;
}

}  // namespace

awaitable<Result<Response>> get_explain(Context& context, const Call& call) {
  HUNT_CO_TRY(question, question_of(call));
  ports::Explainer* explainer = context.ports.explainer;
  if (explainer == nullptr) {
    co_return fail(Errc::unsupported,
                   "this process answers no positions and explains nothing: ask `hunt serve`");
  }
  if (const std::string* text = call.target.find("world"); text != nullptr) {
    HUNT_CO_TRY(world, co_await context.worlds.find(model::world_ref_of(*text)));
    question.world = world.id;
  }
  HUNT_CO_TRY(explanation, co_await explainer->explain(std::move(question)));
  co_return json_response(codec::write_explanation(explanation));
}

}  // namespace hunt::http
