// What a hunt server answers, read back: outcomes, errors, and the events of its stream.
//
// Not for servers, which write these with json_replies.h: for clients (remote_bus.h). Lenient
// where a newer server may say more (unknown fields are skipped), strict where a figure would be
// wrong. Errors: corrupt, with an excerpt of what came. Thread: any one at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "model/batch.h"
#include "model/claim.h"

namespace hunt::codec {

// One message of a stream, or the body of a response (without an id).
struct Answer {
  std::optional<std::uint64_t> id;
  // Of outcomes that did not fit into one message: which part it is, from 1, and of how many.
  std::uint32_t part = 1;
  std::uint32_t parts = 1;
  // The outcomes of a batch, an error, or an event about a claim.
  std::variant<model::BatchReply, Error, model::ClaimEvent> content;
};

class AnswersReader {
 public:
  AnswersReader();
  ~AnswersReader();
  AnswersReader(AnswersReader&&) noexcept;
  AnswersReader& operator=(AnswersReader&&) noexcept;

  // {"id"?,"outcomes":[…],"part"?,"parts"?} | {"id"?,"error":{"code","message","field"?}} |
  // {"grant":{…}} | {"claim":{…}}. A reward's text is made of its "items", or is the "item" of a
  // server from before there were stacks. Bound: limits::batch_positions_max outcomes.
  [[nodiscard]] Result<Answer> parse(std::string_view body);

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace hunt::codec
