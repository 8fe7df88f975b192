// Fuzzes the binary form: any bytes, at any alignment, are read within the bounds or refused with a
// sentence, and what was read survives writing and reading again.
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/codec_fuzz.h"
#include "codec/flat_batch.h"
#include "model/limits.h"

using hunt::codec::check_error;
using hunt::codec::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static hunt::codec::FlatWriter writer;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  // The first byte moves the message, so that both ways of reading are met.
  const std::string_view message = std::string_view(bytes).substr(size % 3 == 0 ? size > 0 : 0);
  if (const auto request = hunt::codec::read_flat_request(message)) {
    require(request->batch.positions.size() <= hunt::limits::batch_positions_max);
    const auto again = hunt::codec::read_flat_request(writer.write(*request));
    require(again && again->batch.positions.size() == request->batch.positions.size());
    require(again->world == request->world && again->wait_terminal == request->wait_terminal);
  } else {
    check_error(request.error());
  }
  if (const auto reply = hunt::codec::read_flat_reply(message)) {
    require(reply->claims.size() <= hunt::limits::batch_positions_max);
    const auto again = hunt::codec::read_flat_reply(writer.write(*reply));
    require(again && again->outcomes.size() == reply->outcomes.size() &&
            again->claims.size() == reply->claims.size());
    for (std::size_t i = 0; i < reply->claims.size(); ++i) {
      require(again->claims[i].reward == reply->claims[i].reward);
    }
  } else {
    check_error(reply.error());
  }
  return 0;
}
