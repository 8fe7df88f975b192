// Frames of a WebSocket: each length, each cut, and what is not taken for a plain text.
#include "codec/ws_frame.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/prng.h"
#include "base/testing/count_allocations.h"

namespace hunt::codec {
namespace {

using Kind = TextFrame::Kind;
constexpr std::size_t payload_max = 16 * 1'024;
constexpr FrameMask mask{'\x12', '\x34', '\xa6', '\x78'};

// As RFC 6455, 5.2 draws it, byte by byte; `first` is the byte of flags and opcode.
std::string frame_of(const std::string& payload, bool masked = true, unsigned first = 0x81) {
  std::string frame(1, static_cast<char>(first));
  const unsigned bit = masked ? 0x80 : 0;
  const std::size_t size = payload.size();
  if (size <= 125) {
    frame += static_cast<char>(bit | size);
  } else if (size < 65'536) {
    frame += static_cast<char>(bit | 126U);
    for (const unsigned shift : {8U, 0U}) frame += static_cast<char>(size >> shift & 0xffU);
  } else {
    frame += static_cast<char>(bit | 127U);
    for (unsigned shift = 64; shift > 0; shift -= 8) {
      frame += static_cast<char>(std::uint64_t{size} >> (shift - 8) & 0xffU);
    }
  }
  if (masked) frame.append(mask.data(), mask.size());
  for (std::size_t i = 0; i < size; ++i) {
    frame += static_cast<char>(masked ? payload[i] ^ mask[i % 4] : payload[i]);
  }
  return frame;
}

std::string text_of(std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(' ' + i % 95);
  return text;
}

TEST(WsFrame, reads_texts_of_every_length_up_to_the_bound) {
  std::string out;
  for (const std::size_t bytes : {0U, 1U, 3U, 7U, 8U, 9U, 124U, 125U, 126U, 127U, 300U, 16'384U}) {
    const std::string frame = frame_of(text_of(bytes));
    const std::string more = frame + "\x81";
    const auto found = look_at_text(more, payload_max);
    ASSERT_EQ(found.kind, Kind::text) << bytes;
    EXPECT_EQ(found.bytes, frame.size());
    EXPECT_TRUE(unmask(found.payload, found.mask, out));
    EXPECT_EQ(out, text_of(bytes));
  }
  EXPECT_EQ(look_at_text(frame_of(text_of(16'385)), payload_max).kind, Kind::other);
  EXPECT_EQ(look_at_text(frame_of(text_of(70'000)), payload_max).kind, Kind::other);
}

TEST(WsFrame, wants_more_of_each_part_and_never_less) {
  for (const std::size_t bytes : {0U, 5U, 200U}) {
    const std::string frame = frame_of(text_of(bytes));
    for (std::size_t cut = 0; cut < frame.size(); ++cut) {
      EXPECT_EQ(look_at_text(frame.substr(0, cut), payload_max).kind, Kind::more) << cut;
    }
  }
}

TEST(WsFrame, leaves_all_but_a_whole_masked_text_to_others) {
  EXPECT_EQ(look_at_text(frame_of("{}", false), payload_max).kind, Kind::other) << "no mask";
  for (unsigned first = 0; first < 256; ++first) {
    if (first == 0x81) continue;
    const std::string frame = frame_of("{}", true, first);
    EXPECT_EQ(look_at_text(frame, payload_max).kind, Kind::other) << first;
    EXPECT_EQ(look_at_text(frame.substr(0, 1), payload_max).kind, Kind::other) << first;
  }
  // Lengths that are longer than they need to be.
  const std::string wide("\x81\xfe\x00\x02\x00\x00\x00\x00{}", 10);
  EXPECT_EQ(look_at_text(wide, payload_max).kind, Kind::other);
  const std::string wider("\x81\xff\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00", 14);
  EXPECT_EQ(look_at_text(wider + std::string(256, 'x'), payload_max).kind, Kind::other);
}

TEST(WsFrame, sees_every_byte_that_is_not_ascii) {
  std::string out;
  for (std::size_t bytes = 1; bytes < 40; ++bytes) {
    for (std::size_t at = 0; at < bytes; ++at) {
      std::string text = text_of(bytes);
      text[at] = '\xc3';
      const std::string frame = frame_of(text);
      const auto found = look_at_text(frame, payload_max);
      ASSERT_EQ(found.kind, Kind::text);
      EXPECT_FALSE(unmask(found.payload, found.mask, out)) << bytes << " " << at;
      EXPECT_EQ(out, text);
    }
  }
}

TEST(WsFrame, writes_the_heads_that_it_reads) {
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, std::uint64_t{125}, std::uint64_t{126}, std::uint64_t{65'535},
        std::uint64_t{65'536}, std::uint64_t{4'194'304}}) {
    std::string head;
    append_text_head(head, bytes);
    EXPECT_EQ(head, frame_of(std::string(bytes, ' '), false).substr(0, head.size()));
    const auto read = read_frame_head(head);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->bytes, head.size());
    EXPECT_EQ(read->payload_bytes, bytes);
    EXPECT_FALSE(read->masked);
  }
}

TEST(WsFrame, counts_up_to_the_end_of_each_frame_for_any_seed) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    std::string bytes;
    std::vector<std::size_t> ends;
    for (int i = 0; i < 20; ++i) {
      const auto size = prng.below(4) == 0 ? prng.below(70'000) : prng.below(300);
      const unsigned first = prng.below(2) == 0 ? 0x81 : static_cast<unsigned>(prng.below(256));
      bytes += frame_of(std::string(size, 'x'), prng.below(3) != 0, first);
      ends.push_back(bytes.size());
    }
    FrameBounds bounds;
    std::size_t at = 0;
    std::vector<std::size_t> seen;
    while (at < bytes.size()) {
      const std::string_view rest = std::string_view(bytes).substr(at);
      std::size_t counted = 0;
      if (bounds.payload_left() > 0 && prng.below(2) == 0) {  // read elsewhere
        counted = 1 + prng.below(bounds.payload_left());
        bounds.count_payload(counted);
      } else {
        counted = bounds.count(rest.substr(0, 1 + prng.below(2'000)));
      }
      ASSERT_GT(counted, 0U);
      at += counted;
      if (bounds.between_frames()) seen.push_back(at);
    }
    ASSERT_EQ(seen, ends) << "seed " << seed;
  }
}

TEST(WsFrame, a_message_costs_no_allocation) {
  const std::string frame = frame_of(text_of(300));
  std::string in;
  std::string out;
  const auto once = [&] {
    const auto found = look_at_text(frame, payload_max);
    out.clear();
    append_text_head(out, found.payload.size());
    return unmask(found.payload, found.mask, in);
  };
  ASSERT_TRUE(once());
  const auto before = allocation_count();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(once());
  EXPECT_EQ(allocation_count() - before, 0U);
}

}  // namespace
}  // namespace hunt::codec
