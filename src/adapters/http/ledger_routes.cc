// What was granted: a claim, pages of all ledgers, and the stream that goes on from a place in
// them.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "adapters/http/routes.h"
#include "base/text.h"
#include "codec/json_replies.h"
#include "model/limits.h"
#include "ports/ledgers.h"

namespace hunt::http {

using boost::asio::awaitable;

namespace {

// Where a reader of the ledgers is. With a refusal: see wrong_ledger().
awaitable<Result<ports::CheckedPlace>> place_of(const Context& context, const Call& call) {
  const auto* after = call.target.find("after");
  HUNT_CO_TRY(place, ports::LedgerPlace::parse(after == nullptr ? "0" : *after,
                                               context.ports.ledgers.size()));
  auto checked = co_await ports::check_place(context.ports.ledgers, std::move(place));
  co_return checked;
}

// A code of its own, because a reader of the ledger must stop here and not ask again.
Response wrong_ledger(const std::string& refusal) {
  return error_response(409, "wrong_ledger", refusal, "after");
}

// RFC 6455, 4.1: 16 bytes in base64.
bool is_websocket_key(std::string_view key) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  return key.size() == 24 && key.substr(22) == "==" &&
         key.substr(0, 22).find_first_not_of(digits) == std::string_view::npos;
}

// Nothing for a handshake that is right (RFC 6455, 4.2.1).
std::optional<Response> refuse_handshake(const Request& request) {
  const bool upgrade = request.upgrade && request.method == "GET";
  if (upgrade && request.websocket_version == "13") {
    if (is_websocket_key(request.websocket_key)) return {};
    return error_response(400, "invalid_argument",
                          "Sec-WebSocket-Key must be 16 bytes in base64: 24 characters");
  }
  auto refusal =
      error_response(426, "upgrade_required",
                     upgrade ? fmt::format("the WebSocket must be of version 13, found \"{}\"",
                                           printable(request.websocket_version, 64))
                             : "/v1/stream is a WebSocket: connect to it with ws://");
  refusal.headers.emplace_back("Upgrade", "websocket");
  refusal.headers.emplace_back("Connection", "Upgrade");
  refusal.headers.emplace_back("Sec-WebSocket-Version", "13");
  return refusal;
}

}  // namespace

awaitable<Result<Response>> get_stream(Context& context, const Call& call) {
  HUNT_CO_TRY(after, co_await place_of(context, call));
  if (auto refused = refuse_handshake(call.request)) co_return std::move(*refused);
  if (!after.refusal.empty()) co_return wrong_ledger(after.refusal);
  Response response;
  response.stream.emplace();
  if (call.target.find("after") != nullptr) response.stream->after = std::move(after.place);
  co_return response;
}

awaitable<Result<Response>> get_claim(Context& context, const Call& call) {
  const std::string& text = call.target.segments().back();
  const auto claim = model::parse_claim_id(text);
  if (!claim) {
    co_return fail(Errc::invalid_argument,
                   fmt::format("a claim is 32 hexadecimal digits, found \"{}\"", printable(text)),
                   "claim");
  }
  HUNT_CO_TRY(grant, co_await context.ports.store.find_grant(*claim));
  if (!grant.has_value()) {
    co_return fail(Errc::not_found,
                   fmt::format("claim {} is not in the ledger: it was refused, is still being "
                               "decided, or never was; send its position again to learn which",
                               text));
  }
  co_return written(codec::write_claim, *grant);
}

awaitable<Result<Response>> get_grants(Context& context, const Call& call) {
  HUNT_CO_TRY(after, co_await place_of(context, call));
  if (!after.refusal.empty()) co_return wrong_ledger(after.refusal);
  HUNT_CO_TRY(limit, call.target.number("limit", 100, 1, limits::grants_per_page_max));
  const auto count = static_cast<std::uint32_t>(limit);
  HUNT_CO_TRY(page,
              co_await ports::read_ledgers(context.ports.ledgers, std::move(after.place), count));
  co_return written(codec::write_grants, page.grants, page.next.text());
}

}  // namespace hunt::http
