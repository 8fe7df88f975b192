// Frames of a WebSocket (RFC 6455, 5.2): where each ends, and the plainest of a client's, read; the
// heads of ours, written.
//
// Not the protocol: fragments, pings, goodbyes, UTF-8 and whatever breaks the rules are Beast's
// (adapters/http/stream_session.cc). What is not plainly a whole short text is `other`, which is no
// error. Thread: pure functions.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hunt::codec {

using FrameMask = std::array<char, 4>;

struct FrameHead {
  std::size_t bytes = 0;  // of the head itself
  std::uint64_t payload_bytes = 0;
  bool masked = false;
  FrameMask mask{};
};
inline constexpr std::size_t frame_head_bytes_max = 14;

// Of bytes that a frame begins with; nothing while not all of its head is there. Any two bytes
// begin a head: whether it is a right one is not looked at.
[[nodiscard]] std::optional<FrameHead> read_frame_head(std::string_view bytes);

// Counts what belongs to one frame after the other, however they are cut.
class FrameBounds {
 public:
  // How many of `bytes`, which follow those counted before, belong to the frame at hand: all, or up
  // to its end. Counts them.
  [[nodiscard]] std::size_t count(std::string_view bytes);
  // Counts what was read of it elsewhere. Requires: bytes <= payload_left().
  void count_payload(std::size_t bytes);
  [[nodiscard]] std::uint64_t payload_left() const noexcept { return left_; }  // 0: no head yet
  [[nodiscard]] bool between_frames() const noexcept { return left_ == 0 && begun_ == 0; }

 private:
  std::array<char, frame_head_bytes_max> head_{};
  std::size_t begun_ = 0;  // of `head_`
  std::uint64_t left_ = 0;
};

// A client's message in one frame, as every program sends a short text.
struct TextFrame {
  enum class Kind : std::uint8_t {
    more,   // so far it is one
    text,   // it is whole
    other,  // it is not one, or a longer one
  };
  Kind kind = Kind::other;
  std::size_t bytes = 0;     // of the whole frame
  std::string_view payload;  // still masked
  FrameMask mask{};
};
// Of bytes that a frame begins with; none are `more`.
[[nodiscard]] TextFrame look_at_text(std::string_view bytes, std::size_t payload_bytes_max);

// The payload as it was before the mask, instead of what `out` held. False when it has other bytes
// than ASCII's. No allocation once `out` has held as much.
[[nodiscard]] bool unmask(std::string_view payload, FrameMask mask, std::string& out);

// The head of a server's text of that size.
void append_text_head(std::string& out, std::uint64_t payload_bytes);

}  // namespace hunt::codec
