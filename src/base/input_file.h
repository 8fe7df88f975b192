// InputFile: what a flag names to be read, once and from its beginning: a file, a pipe, or "-".
//
// Not lines (codec/line_reader.h) and not a store. Whatever else a name may stand for (a directory,
// a device, a pipe that nobody writes into) is an error that says so, and never waits for ever.
// Move-only; one thread at a time.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hunt {

class InputFile {
 public:
  // How long a named pipe may have no writer. A guess: a shell starts both ends within a second.
  static constexpr int writer_wait_ms_max = 5'000;

  // "-" is standard input. Errors: not_found, io; each names the path.
  [[nodiscard]] static Result<InputFile> open(const std::string& path);
  ~InputFile();
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  // Reads up to `size` bytes; 0 at the end. Errors: io.
  [[nodiscard]] Result<std::size_t> read(char* to, std::size_t size);
  // For people: the path, or "standard input".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  InputFile(int descriptor, std::string name) : descriptor_(descriptor), name_(std::move(name)) {}
  [[nodiscard]] Result<void> wait_for_writer();

  int descriptor_;  // -1: moved from
  std::string name_;
  std::optional<char> first_;  // read while looking for a writer
};

// All of it. Errors: those above, and too_large.
[[nodiscard]] Result<std::string> read_whole_file(const std::string& path, std::size_t bytes_max);

}  // namespace hunt
