#include "codec/ws_frame.h"

#include <algorithm>
#include <cstring>

#include "base/result.h"

namespace hunt::codec {

namespace {

constexpr unsigned char whole_text = 0x81;  // final, nothing reserved, opcode 1
constexpr unsigned char mask_bit = 0x80;
constexpr std::uint64_t short_length_max = 125;
constexpr unsigned two_bytes_follow = 126;
constexpr unsigned eight_bytes_follow = 127;

unsigned char byte_of(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

}  // namespace

std::optional<FrameHead> read_frame_head(std::string_view bytes) {
  if (bytes.size() < 2) return {};
  FrameHead head;
  const unsigned length = byte_of(bytes, 1) & (mask_bit - 1U);
  const std::size_t length_bytes = length == eight_bytes_follow ? 8
                                   : length == two_bytes_follow ? 2
                                                                : 0;
  head.masked = (byte_of(bytes, 1) & mask_bit) != 0;
  head.bytes = 2 + length_bytes + (head.masked ? head.mask.size() : 0);
  if (bytes.size() < head.bytes) return {};
  head.payload_bytes = length_bytes == 0 ? length : 0;
  for (std::size_t i = 0; i < length_bytes; ++i) {
    head.payload_bytes = head.payload_bytes << 8U | byte_of(bytes, 2 + i);
  }
  if (head.masked) std::memcpy(head.mask.data(), &bytes[2 + length_bytes], head.mask.size());
  return head;
}

std::size_t FrameBounds::count(std::string_view bytes) {
  std::size_t counted = 0;
  while (left_ == 0 && counted < bytes.size()) {
    head_[begun_++] = bytes[counted++];
    const auto head = read_frame_head({head_.data(), begun_});
    if (!head) continue;
    begun_ = 0;
    left_ = head->payload_bytes;
    if (left_ == 0) return counted;
  }
  const std::size_t of_payload = std::min<std::uint64_t>(left_, bytes.size() - counted);
  left_ -= of_payload;
  return counted + of_payload;
}

void FrameBounds::count_payload(std::size_t bytes) {
  HUNT_ASSERT(bytes <= left_);
  left_ -= bytes;
}

TextFrame look_at_text(std::string_view bytes, std::size_t payload_bytes_max) {
  constexpr TextFrame more{TextFrame::Kind::more, 0, {}, {}};
  if (bytes.empty()) return more;
  if (byte_of(bytes, 0) != whole_text) return {};
  if (bytes.size() > 1 && (byte_of(bytes, 1) & mask_bit) == 0) return {};
  const auto head = read_frame_head(bytes);
  if (!head) return more;
  // A length that is longer than it needs to be is against the rules.
  const std::size_t shortest =
      2 + head->mask.size() + (head->payload_bytes <= short_length_max ? 0 : 2);
  if (head->payload_bytes > payload_bytes_max || head->bytes > shortest) return {};
  const std::size_t whole = head->bytes + head->payload_bytes;
  if (bytes.size() < whole) return more;
  return {TextFrame::Kind::text, whole, bytes.substr(head->bytes, head->payload_bytes), head->mask};
}

bool unmask(std::string_view payload, FrameMask mask, std::string& out) {
  constexpr std::uint64_t top_bits = 0x8080808080808080;
  std::array<char, 8> twice{};
  std::memcpy(twice.data(), mask.data(), mask.size());
  std::memcpy(twice.data() + mask.size(), mask.data(), mask.size());
  std::uint64_t key = 0;
  std::memcpy(&key, twice.data(), sizeof key);
  out.resize(payload.size());
  std::uint64_t seen = 0;
  std::size_t at = 0;
  for (; at + sizeof key <= payload.size(); at += sizeof key) {
    std::uint64_t word = 0;
    std::memcpy(&word, payload.data() + at, sizeof word);
    word ^= key;
    seen |= word;
    std::memcpy(out.data() + at, &word, sizeof word);
  }
  for (; at < payload.size(); ++at) {
    out[at] = static_cast<char>(payload[at] ^ mask[at % mask.size()]);
    seen |= static_cast<unsigned char>(out[at]);
  }
  return (seen & top_bits) == 0;
}

void append_text_head(std::string& out, std::uint64_t payload_bytes) {
  constexpr std::uint64_t two_bytes_max = 0xffff;
  out.push_back(static_cast<char>(whole_text));
  unsigned length_bytes = 0;
  if (payload_bytes > two_bytes_max) {
    length_bytes = 8;
    out.push_back(static_cast<char>(eight_bytes_follow));
  } else if (payload_bytes > short_length_max) {
    length_bytes = 2;
    out.push_back(static_cast<char>(two_bytes_follow));
  } else {
    out.push_back(static_cast<char>(payload_bytes));
  }
  for (unsigned left = length_bytes; left > 0; --left) {
    out.push_back(static_cast<char>(payload_bytes >> (8 * (left - 1)) & 0xffU));
  }
}

}  // namespace hunt::codec
