// Fuzzes recordings: any bytes are read or refused with a sentence, and what was read is in bounds.
//
// Twice: as a file, where checksums stop most of it, and as what is in a block whose sums are good.
#include <cstdint>
#include <string>

#include "codec/codec_fuzz.h"
#include "codec/recording_reader.h"
#include "model/limits.h"

namespace {

using namespace hunt;
using codec::require;

void read_all(std::string bytes) {
  auto blocks = codec::BlockReader::from_text("fuzz", std::move(bytes));
  if (!blocks) return require(!blocks.error().message.empty());
  auto reader = codec::RecordingReader::open(std::move(*blocks), {});
  require(reader.has_value());
  codec::RecordedEvent event;
  std::int64_t t_ms = 0;
  while (true) {
    const auto more = reader->next(event);
    if (!more) return require(!more.error().message.empty());
    if (!*more) return;
    require(event.t_ms >= t_ms && event.t_ms <= codec::trace_t_ms_max);
    t_ms = event.t_ms;
    const std::size_t players = reader->players().size();
    if (event.kind == codec::RecordedEvent::Kind::claim) require(event.claim_player < players);
    if (event.kind != codec::RecordedEvent::Kind::batch) continue;
    const auto& positions = event.batch.positions;
    require(!positions.empty() && positions.size() <= limits::batch_positions_max);
    for (const auto& position : positions) require(position.player < players);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  read_all(text);
  if (size > codec::block_raw_bytes_max) return 0;
  const codec::BlockHead head{.flags = 1,
                              .packed_bytes = 0,
                              .raw_bytes = 0,
                              .positions = 0,
                              .events = 1,
                              .first_ms = 1'000,
                              .last_ms = 2'000};
  read_all(codec::recording_header(0) + codec::make_block(head, text));
  return 0;
}
