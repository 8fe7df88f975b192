// Fuzzes the frames of a WebSocket: a text that is found whole is what its bytes say, is found in
// no part of them, and ends where the counted frame ends, however that is cut.
#include "codec/ws_frame.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "codec/codec_fuzz.h"

using hunt::codec::require;

namespace {

constexpr std::size_t payload_bytes_max = 256;

void check_text(std::string_view bytes) {
  using Kind = hunt::codec::TextFrame::Kind;
  const auto found = hunt::codec::look_at_text(bytes, payload_bytes_max);
  if (found.kind != Kind::text) {
    require(found.payload.empty());
    return;
  }
  require(found.bytes <= bytes.size() && found.payload.size() <= payload_bytes_max);
  const auto head = hunt::codec::read_frame_head(bytes);
  require(head && head->masked && head->bytes + head->payload_bytes == found.bytes);
  for (const std::size_t less : {std::size_t{1}, found.bytes / 2}) {
    const auto part = bytes.substr(0, found.bytes - std::min(less, found.bytes));
    require(hunt::codec::look_at_text(part, payload_bytes_max).kind == Kind::more);
  }
  std::string text;
  const bool ascii = hunt::codec::unmask(found.payload, found.mask, text);
  bool all = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    require(text[i] == static_cast<char>(found.payload[i] ^ found.mask[i % 4]));
    all = all && static_cast<unsigned char>(text[i]) < 0x80;
  }
  require(ascii == all);
}

// Byte by byte comes to the same ends as all at once.
void check_bounds(std::string_view bytes) {
  hunt::codec::FrameBounds whole;
  hunt::codec::FrameBounds slow;
  while (!bytes.empty()) {
    const std::size_t count = whole.count(bytes);
    require(count > 0 && count <= bytes.size());
    for (std::size_t i = 0; i < count; ++i) {
      require(slow.count(bytes.substr(i, 1)) == 1);
      require(slow.between_frames() == (i + 1 == count && whole.between_frames()));
    }
    require(slow.payload_left() == whole.payload_left());
    bytes.remove_prefix(count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_text(bytes);
  check_bounds(bytes);
  return 0;
}
