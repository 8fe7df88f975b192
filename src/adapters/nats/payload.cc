#include "adapters/nats/payload.h"

#include <fmt/format.h>

#include "base/text.h"
#include "codec/json_replies.h"
#include "model/limits.h"

namespace hunt::nats {

namespace {

// Of JetStream (server/errors.json): the stream or the server's storage is full.
constexpr std::uint64_t full_codes[] = {10'023, 10'028, 10'047, 10'077, 10'122};

// The digits after `name` in JSON that a server wrote, or nothing.
std::optional<std::uint64_t> number_after(std::string_view body, std::string_view name) {
  const auto at = body.find(name);
  if (at == std::string_view::npos) return {};
  std::string_view rest = body.substr(at + name.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" :"), rest.size()));
  return parse_u64(rest.substr(0, rest.find_first_not_of("0123456789")));
}

}  // namespace

Result<codec::PositionsRequest> Payloads::read_request(std::string_view bytes,
                                                       codec::Carrier carrier) {
  return form_of(bytes) == Form::json ? json_requests_.parse(bytes, carrier)
                                      : codec::read_flat_request(bytes);
}

Result<model::BatchReply> Payloads::read_answer(std::string_view bytes, std::size_t positions) {
  Result<model::BatchReply> reply;
  if (form_of(bytes) == Form::json) {
    HUNT_TRY(answer, json_answers_.parse(bytes));
    if (auto* error = std::get_if<Error>(&answer.content)) {
      return tl::unexpected<Error>(std::move(*error));
    }
    auto* outcomes = std::get_if<model::BatchReply>(&answer.content);
    if (outcomes == nullptr) return fail(Errc::corrupt, "the answer holds no outcomes");
    reply = std::move(*outcomes);
  } else {
    reply = codec::read_flat_reply(bytes);
    if (!reply) {
      auto failure = codec::read_flat_failure(bytes);
      if (failure) return tl::unexpected<Error>(std::move(*failure));
      return fail(Errc::corrupt, "the answer over NATS is none: " + reply.error().message);
    }
  }
  if (reply->outcomes.size() == positions) return reply;
  return fail(Errc::corrupt, fmt::format("{} outcomes came over NATS for {} positions",
                                         reply->outcomes.size(), positions));
}

std::string_view Payloads::write_request(const codec::PositionsRequest& request) {
  return flat_.write(request);
}

std::string_view Payloads::write_answer(Form form, const model::Batch& batch,
                                        const model::BatchReply& reply) {
  if (form == Form::flat) return flat_.write(reply);
  json_.clear();
  codec::write_reply(batch, reply, json_);
  return json_;
}

std::string_view Payloads::write_error(Form form, const Error& error) {
  if (form == Form::flat) return flat_errors_.write(error);
  json_ = R"({"error":{"code":)";
  codec::append_json_string(json_, name_of(error.code));
  json_ += R"(,"message":)";
  codec::append_json_string(json_, error.message);
  if (!error.field.empty()) {
    json_ += R"(,"field":)";
    codec::append_json_string(json_, error.field);
  }
  json_ += "}}";
  return json_;
}

Result<void> read_ack(std::string_view body) {
  if (body.find(R"("error")") == std::string_view::npos) {
    if (number_after(body, R"("seq")")) return {};
    return fail(Errc::unavailable, fmt::format("NATS stored nothing: {}", printable(body, 120)));
  }
  const auto code = number_after(body, R"("err_code")");
  for (const auto full : full_codes) {
    if (code && *code == full) {
      return fail(Errc::overloaded,
                  fmt::format("the stream takes no more now: {}", printable(body, 160)));
    }
  }
  return fail(Errc::unavailable, fmt::format("NATS stored nothing: {}", printable(body, 160)));
}

}  // namespace hunt::nats
