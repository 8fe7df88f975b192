// HeaderLines: whether the bytes of a request's header are lines that every parser reads alike.
//
// Not the parser (Beast is): it looks at the same bytes first, because a lone LF or CR, a folded
// line or a zero byte is read one way by one program and another way by the next (RFC 9112, 2.2 and
// 5.2). Takes bytes as they come, and stops at the end of the header. Thread: a plain value.
#pragma once
#include <cstddef>
#include <string_view>

namespace hunt::http {

class HeaderLines {
 public:
  explicit HeaderLines(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // The next bytes. Returns what is wrong with them, or an empty text.
  [[nodiscard]] std::string_view feed(std::string_view bytes);
  [[nodiscard]] bool too_large() const noexcept { return count_ > bytes_max_; }
  [[nodiscard]] bool done() const noexcept { return done_; }

 private:
  std::size_t bytes_max_;
  std::size_t count_ = 0;
  std::size_t line_ = 0;        // 0: the request line
  std::size_t line_bytes_ = 0;  // of this one
  bool after_cr_ = false;
  bool done_ = false;
};

}  // namespace hunt::http
