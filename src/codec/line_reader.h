// LineReader: the lines of a text file, gzip or plain, one after the other and with their numbers.
//
// Not a parser: what a line means is the caller's (codec/row_reader.h). Holds one block and one
// line in memory, never the file. Which of the two a file is shows in its first bytes, not in its
// name; what is no text at all (zip, UTF-16 …) is refused by its name. Lines end with LF or CRLF; a
// byte order mark before the first line is dropped. One thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt::codec {

class LineReader {
 public:
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) = delete;
  static constexpr std::size_t line_bytes_max = 64 * 1'024;  // without its line end

  // "-" is standard input. Errors: those of InputFile::open().
  [[nodiscard]] static Result<LineReader> open_file(const std::string& path);
  // The same over text in memory (never gzip); `name` stands for the path in messages.
  [[nodiscard]] static LineReader from_text(std::string name, std::string text);

  // The next line without its end; valid until the next call. False at the end of the file.
  // Errors: too_large (the line is skipped; reading may go on) and corrupt, unsupported or io (the
  // file cannot be read further: broken() is true, and every later call is the end).
  [[nodiscard]] Result<bool> next(std::string_view& line);

  // The number of the line that next() spoke of last, from 1. The first line of a file is row 1.
  [[nodiscard]] std::uint64_t row() const noexcept { return row_; }
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  struct Source;
  LineReader();
  [[nodiscard]] Result<bool> fill();
  [[nodiscard]] Result<void> read_block();
  [[nodiscard]] Result<bool> take_line(std::string_view& line);

  std::string name_;
  std::unique_ptr<Source> source_;  // none when reading text in memory
  std::string block_;
  std::size_t block_at_ = 0;
  std::string line_;  // a line that crosses blocks
  std::uint64_t row_ = 0;
  bool begun_ = false;
  std::optional<Error> later_;  // of what follows the block
  bool broken_ = false;
};

}  // namespace hunt::codec
