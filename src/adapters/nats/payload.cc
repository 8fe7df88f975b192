#include "adapters/nats/payload.h"

#include <fmt/format.h>

#include "base/json_string.h"
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
  append_json_string(json_, name_of(error.code));
  json_ += R"(,"message":)";
  append_json_string(json_, error.message);
  if (!error.field.empty()) {
    json_ += R"(,"field":)";
    append_json_string(json_, error.field);
  }
  json_ += "}}";
  return json_;
}

Result<Payloads::Part> Payloads::read_part(std::string_view bytes) {
  if (form_of(bytes) != Form::json) return fail(Errc::corrupt, "outcomes of stored ones are JSON");
  HUNT_TRY(answer, json_answers_.parse(bytes));
  if (auto* error = std::get_if<Error>(&answer.content)) {
    return tl::unexpected<Error>(std::move(*error));
  }
  auto* outcomes = std::get_if<model::BatchReply>(&answer.content);
  if (outcomes == nullptr) return fail(Errc::corrupt, "the answer holds no outcomes");
  if (answer.part == 0 || answer.part > answer.parts) {
    return fail(Errc::corrupt, fmt::format("part {} of {} came", answer.part, answer.parts));
  }
  return Part{std::move(*outcomes), answer.part, answer.parts};
}

std::string_view Payloads::write_part(const model::Batch& batch, const model::BatchReply& reply,
                                      std::size_t begin, std::size_t end, std::uint32_t part,
                                      std::uint32_t parts) {
  model::Batch some;
  some.world = batch.world;
  model::BatchReply their;
  for (std::size_t i = begin; i < end; ++i) {
    some.positions.push_back(batch.positions[i]);
    their.outcomes.push_back(reply.outcomes[i]);
    auto& claim_index = their.outcomes.back().claim_index;
    if (claim_index < 0) continue;
    their.claims.push_back(reply.claims[static_cast<std::size_t>(claim_index)]);
    claim_index = static_cast<std::int32_t>(their.claims.size() - 1);
  }
  json_.clear();
  codec::write_reply(some, their, json_);
  if (parts == 1) return json_;
  json_.pop_back();
  json_ += fmt::format(R"(,"part":{},"parts":{}}})", part, parts);
  return json_;
}

std::size_t answer_bytes_min(Form form, std::size_t positions) noexcept {
  // {"player":"…","x":1,"y":1,"outcome":"hint"}, with a UUID; and a struct of hunt.fbs.
  constexpr std::size_t json_bytes = 78;
  constexpr std::size_t flat_bytes = 8;
  return positions * (form == Form::json ? json_bytes : flat_bytes);
}

Result<std::uint64_t> read_ack(std::string_view body, std::string_view stream) {
  if (body.find(R"("error")") == std::string_view::npos) {
    const auto sequence = number_after(body, R"("seq")");
    const bool theirs = body.find(fmt::format(R"("{}")", stream)) != std::string_view::npos;
    if (sequence && theirs) return *sequence;
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
