// Fuzzes folded stacks: any text is read or refused with a sentence; what was read survives writing
// and reading again, and becomes a picture and a profile.
#include <cstdint>
#include <string_view>

#include "codec/codec_fuzz.h"
#include "codec/flame_svg.h"
#include "codec/folded.h"
#include "codec/pprof.h"

using hunt::codec::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto profile = hunt::codec::read_folded(text);
  if (!profile) {
    require(!profile.error().message.empty());
    return 0;
  }
  const std::string written = hunt::codec::write_folded(*profile);
  const auto again = hunt::codec::read_folded(written);
  require(again.has_value() && hunt::codec::write_folded(*again) == written);
  require(!hunt::codec::write_pprof(*profile).empty());
  require(!hunt::codec::write_flame_svg(*profile, "fuzz", &*again).empty());
  return 0;
}
