#include "codec/flat_verify.h"

#include <flatbuffers/flatbuffers.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <utility>

#include "base/text.h"
#include "codec/hunt_generated.h"
#include "model/limits.h"

namespace hunt::codec::detail {

tl::unexpected<Error> wrong(std::string field, std::string_view sentence) {
  std::string message = fmt::format("{} {}", field, sentence);
  return fail(Errc::invalid_argument, std::move(message), std::move(field));
}

tl::unexpected<Error> broken() {
  return fail(Errc::invalid_argument,
              "the message is broken: it is cut off, lacks a required field or an offset in it "
              "points to a wrong place");
}

const wire::Message* verify_message(const std::uint8_t* data, std::size_t size) {
  // The shortest message has a root offset, the identifier and an empty table.
  constexpr std::size_t message_bytes_min = 16;
  if (size < message_bytes_min) return nullptr;
  flatbuffers::Verifier::Options bounds;
  bounds.max_depth = 4;  // the message, its body, a claim, a stack
  bounds.max_tables = 2 + limits::batch_positions_max * (1 + limits::items_per_find_max);
  flatbuffers::Verifier verifier(data, size, bounds);
  return wire::VerifyMessageBuffer(verifier) ? wire::GetMessage(data) : nullptr;
}

tl::unexpected<Error> no_body(const wire::Message* message, std::string_view bytes,
                              std::string_view wanted) {
  if (message != nullptr) return wrong("body", fmt::format("must be a {}", wanted));
  if (bytes.size() >= 8 && bytes.substr(4, 4) == wire::MessageIdentifier()) return broken();
  return fail(Errc::invalid_argument,
              "the message is neither JSON nor FlatBuffers with the identifier HUNT (hunt.fbs)");
}

Result<std::string> read_name(std::string_view text, std::string field) {
  if (text.empty()) return wrong(std::move(field), "must not be empty");
  if (text.size() > limits::name_bytes_max) {
    return wrong(std::move(field), fmt::format("must have at most {} bytes, found {}",
                                               limits::name_bytes_max, text.size()));
  }
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return wrong(std::move(field), "must be UTF-8");
  }
  return std::string(text);
}

tl::unexpected<Error> too_large(std::size_t bytes, std::size_t bytes_max) {
  return fail(Errc::too_large, fmt::format("the message has {} bytes; at most {} are read",
                                           with_commas(bytes), with_commas(bytes_max)));
}

}  // namespace hunt::codec::detail
