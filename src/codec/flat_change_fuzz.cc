// Fuzzes the binary form of invalidations and failures: any bytes, at any alignment, are read
// within the bounds or refused with a sentence, and what was read survives writing and reading
// again.
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/codec_fuzz.h"
#include "codec/flat_change.h"
#include "model/limits.h"
#include "model/outside.h"

using hunt::codec::check_error;
using hunt::codec::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static hunt::codec::FlatChangeWriter writer;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  // The first byte moves the message, so that both ways of reading are met.
  const std::string_view message = std::string_view(bytes).substr(size % 3 == 0 ? size > 0 : 0);
  if (const auto got = hunt::codec::read_flat_invalidation(message, 7)) {
    require(got->tiles.size() <= hunt::limits::invalidation_rows_max);
    require(got->shard < hunt::limits::shards_max && got->epoch <= hunt::limits::epoch_max);
    require(got->committed_ns >= 0);
    for (const auto& change : got->tiles) {
      require(change.epoch <= hunt::limits::epoch_max);
      require(change.row.version <= hunt::limits::version_max);
    }
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
