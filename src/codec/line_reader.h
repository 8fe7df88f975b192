// LineReader: the lines of a text file, gzip or plain, one after the other and with their numbers.
//
// Not a parser: what a line means is the caller's (codec/row_reader.h). Holds one block and one
// line in memory, never the file. Which of the two a file is shows in its first bytes, not in its
// name. Lines end with LF or CRLF; a byte order mark before the first line is dropped. One thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct gzFile_s;

namespace hunt::codec {

class LineReader {
 public:
  static constexpr std::size_t line_bytes_max = 64 * 1'024;  // without its line end

  // Errors: not_found, io (no permission, a directory), each naming the path.
  [[nodiscard]] static Result<LineReader> open_file(const std::string& path);
  // The same over text in memory (never gzip); `name` stands for the path in messages.
  [[nodiscard]] static LineReader from_text(std::string name, std::string text);

  // The next line without its end; valid until the next call. False at the end of the file.
  // Errors: too_large (the line is skipped; reading may go on) and corrupt or io (the file cannot
  // be read further: broken() is true, and every later call is the end).
  [[nodiscard]] Result<bool> next(std::string_view& line);

  // The number of the line that next() spoke of last, from 1. The first line of a file is row 1.
  [[nodiscard]] std::uint64_t row() const noexcept { return row_; }
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  struct Close {
    void operator()(gzFile_s* file) const noexcept;
  };
  LineReader() = default;
  [[nodiscard]] Result<bool> fill();
  [[nodiscard]] Result<bool> take_line(std::string_view& line);

  std::string name_;
  std::unique_ptr<gzFile_s, Close> file_;  // none when reading text in memory
  std::string block_;
  std::size_t block_at_ = 0;
  std::string line_;  // a line that crosses blocks
  std::uint64_t row_ = 0;
  bool broken_ = false;
};

}  // namespace hunt::codec
