// Fuzzes the binary form of invalidations and failures: any bytes, at any alignment, are read
// within the bounds or refused with a sentence, and what was read survives writing and reading
// again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "codec/flat_change.h"
#include "model/limits.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_error(const hunt::Error& error) {
  require(!error.message.empty());
  require(error.code == hunt::Errc::invalid_argument || error.code == hunt::Errc::too_large);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static hunt::codec::FlatChangeWriter writer;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  // The first byte moves the message, so that both ways of reading are met.
  const std::string_view message = std::string_view(bytes).substr(size % 3 == 0 ? size > 0 : 0);
  if (const auto got = hunt::codec::read_flat_invalidation(message, 7)) {
    require(got->tiles.size() <= hunt::limits::invalidation_rows_max);
    const auto again = hunt::codec::read_flat_invalidation(writer.write(*got, 7), 7);
    require(again && again->tiles.size() == got->tiles.size() && again->seq == got->seq);
    for (std::size_t i = 0; i < got->tiles.size(); ++i) {
      require(again->tiles[i].row == got->tiles[i].row);
    }
  } else {
    check_error(got.error());
  }
  if (const auto got = hunt::codec::read_flat_failure(message)) {
    const auto again = hunt::codec::read_flat_failure(writer.write(*got));
    require(again && again->code == got->code && again->message == got->message);
  } else {
    check_error(got.error());
  }
  return 0;
}
