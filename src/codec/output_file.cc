#include "codec/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace hunt::codec {

void OutputFile::CloseFile::operator()(std::FILE* file) const noexcept {
  std::fclose(file);
}
void OutputFile::CloseFile::operator()(gzFile_s* file) const noexcept {
  gzclose(file);
}

tl::unexpected<Error> OutputFile::failure(int error) const {
  const char* advice = error == EISDIR  ? "; name a file in it"
                       : error == ENXIO ? "; nobody reads that pipe"
                                        : "";
  return fail(error == ENOSPC ? Errc::disk_full : Errc::io,
              fmt::format("cannot write to {}: {}{}", name_, std::strerror(error), advice));
}

Result<OutputFile> OutputFile::open(const std::string& path) {
  OutputFile out(path == "-" ? "the standard output" : path);
  // Not blocking, or a pipe that nobody reads would wait for ever.
  const int descriptor =
      path == "-"
          ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
          : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
  if (descriptor < 0) return out.failure(errno);
  if (path != "-") fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  if (path.ends_with(".gz")) {
    out.packed_.reset(gzdopen(descriptor, "wb"));
  } else {
    out.file_.reset(fdopen(descriptor, "wb"));
  }
  if (out.packed_ || out.file_) return out;
  ::close(descriptor);
  return out.failure(ENOMEM);
}

Result<void> OutputFile::write(std::string_view text) {
  errno = 0;
  const auto size = static_cast<unsigned>(text.size());
  const bool done =
      text.empty() ||
      (packed_ ? gzwrite(packed_.get(), text.data(), size) == static_cast<int>(size)
               : std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size());
  if (!done) return failure(errno != 0 ? errno : EIO);
  return {};
}

Result<void> OutputFile::close() {
  errno = 0;
  const bool done =
      packed_ ? gzclose(packed_.release()) == Z_OK : std::fclose(file_.release()) == 0;
  if (!done) return failure(errno != 0 ? errno : EIO);
  return {};
}

}  // namespace hunt::codec
