// Fuzzes the request bodies and the answers: any bytes are read or refused with a sentence, and
// what was read survives writing and reading again.
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/codec_fuzz.h"
#include "codec/json_answers.h"
#include "codec/json_replies.h"
#include "codec/json_requests.h"
#include "codec/json_why.h"
#include "codec/why_reader.h"

using hunt::codec::check_error;
using hunt::codec::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static hunt::codec::PositionsReader reader;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto request = reader.parse(body)) {
    std::string text;
    hunt::codec::write_positions(request->batch, text);
    if (request->batch.world != 0 && text.size() <= 256 * 1024) {
      const auto again = reader.parse(text);
      require(again.has_value());
      require(again->batch.positions.size() == request->batch.positions.size());
    }
  } else {
    check_error(request.error());
  }
  if (const auto burials = hunt::codec::parse_burials(body)) {
    std::string text;
    hunt::codec::write_burials(*burials, text);
    const auto again = hunt::codec::parse_burials(text);
    require(again.has_value() && again->size() == burials->size());
  } else {
    check_error(burials.error());
  }
  if (const auto tiles = hunt::codec::parse_tiles(body); !tiles) check_error(tiles.error());
  if (const auto name = hunt::codec::parse_world_name(body); !name) check_error(name.error());
  static hunt::codec::AnswersReader answers;
  if (auto answer = answers.parse(body); !answer) {
    require(answer.error().code == hunt::Errc::corrupt && !answer.error().message.empty());
  } else if (auto* event = std::get_if<hunt::model::ClaimEvent>(&answer->content)) {
    event->outcome = hunt::model::Outcome::granted;
    std::string text;
    hunt::codec::write_grant_event(*event, text);
    const auto again = answers.parse(text);
    require(again && std::get<hunt::model::ClaimEvent>(again->content).reward == event->reward);
  }
  if (const auto question = hunt::codec::read_why_question(body)) {
    require(hunt::codec::read_why_question(hunt::codec::write_why_question(*question)).has_value());
  } else {
    check_error(question.error());
  }
  // What other processes answer about themselves.
  if (const auto why = hunt::codec::read_why_answer(body); !why) {
    require(!why.error().message.empty());
  }
  if (const auto beat = hunt::codec::read_beat(body); !beat) require(!beat.error().message.empty());
  if (const auto ping = hunt::codec::read_ping(body); !ping) require(!ping.error().message.empty());
  return 0;
}
