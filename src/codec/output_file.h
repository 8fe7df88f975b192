// OutputFile: where a command writes a file of its own: a path, or "-" for standard output.
//
// Packed with gzip where the name ends in ".gz". Not a printer of answers for people. What fails is
// an error that names the path, at the latest by close(). Move-only; one thread.
#pragma once
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct gzFile_s;

namespace hunt::codec {

class OutputFile {
 public:
  // Makes the file, or empties it. Errors: io.
  [[nodiscard]] static Result<OutputFile> open(const std::string& path);

  // Errors: disk_full, io.
  [[nodiscard]] Result<void> write(std::string_view text);
  // Everything is with the operating system, or this says why not. No write() after it.
  [[nodiscard]] Result<void> close();

 private:
  struct CloseFile {
    void operator()(std::FILE* file) const noexcept;
    void operator()(gzFile_s* file) const noexcept;
  };
  explicit OutputFile(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] tl::unexpected<Error> failure(int error) const;

  std::string name_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  std::unique_ptr<gzFile_s, CloseFile> packed_;  // instead of it
};

}  // namespace hunt::codec
