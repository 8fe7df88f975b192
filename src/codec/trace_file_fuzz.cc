// Fuzzes trace files: any text is read or refused with a sentence, and what was read is in bounds.
#include <cstdint>
#include <string>

#include "codec/codec_fuzz.h"
#include "codec/trace_file.h"

using hunt::codec::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hunt::codec;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto all = read_trace(LineReader::from_text("fuzz", text), {.on_bad = OnBad::abort});
  const auto some = read_trace(LineReader::from_text("fuzz", text), {.on_bad = OnBad::skip});
  if (all) {
    require(some.has_value() && some->rows.size() == all->rows.size() && some->bad.count == 0);
  } else {
    require(!all.error().message.empty());
  }
  if (!some) return 0;
  std::int64_t t_ms = 0;
  for (const auto& row : some->rows) {
    require(row.t_ms >= t_ms && row.player < some->players.size());
    require(row.world < some->worlds.size());
    t_ms = row.t_ms;
  }
  return 0;
}
