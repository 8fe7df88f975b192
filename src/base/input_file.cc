#include "base/input_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"

namespace hunt {
namespace {

constexpr int look_every_ms = 20;

tl::unexpected<Error> refuse(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return fail(Errc::not_found, fmt::format("{}: no such file", path));
  }
  return fail(Errc::io, fmt::format("{} cannot be read: {}", path, std::strerror(error)));
}

// What is neither a file nor a pipe, in words; empty for those two.
const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISSOCK(mode)) return "a socket";
  return "";
}

}  // namespace

Result<InputFile> InputFile::open(const std::string& path) {
  if (path == "-") {
    const int copy = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return refuse("standard input", errno);
    return InputFile(copy, "standard input");
  }
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return refuse(path, errno);
  if (const char* kind = kind_of(status.st_mode); *kind != '\0') {
    return fail(Errc::io, fmt::format("{} is {}, expected a file", path, kind));
  }
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return refuse(path, errno);
  InputFile file(descriptor, path);
  if (S_ISFIFO(status.st_mode)) HUNT_CHECK(file.wait_for_writer());
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  return file;
}

// A pipe without a writer looks like one that has ended, until poll() tells that one was there.
Result<void> InputFile::wait_for_writer() {
  for (int waited_ms = 0; waited_ms < writer_wait_ms_max; waited_ms += look_every_ms) {
    char byte = 0;
    const ssize_t got = ::read(descriptor_, &byte, 1);
    if (got == 1) first_ = byte;
    if (got != 0) return {};  // also EAGAIN: a writer is there and takes its time
    pollfd pipe{descriptor_, POLLIN, 0};
    if (poll(&pipe, 1, look_every_ms) > 0 && (pipe.revents & (POLLHUP | POLLIN)) == POLLHUP) {
      return {};  // it has come, written nothing, and gone
    }
  }
  return fail(Errc::io, fmt::format("{} is a pipe, and nobody wrote into it within {} s", name_,
                                    writer_wait_ms_max / 1'000));
}

InputFile::InputFile(InputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      name_(std::move(other.name_)),
      first_(other.first_) {}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::size_t> InputFile::read(char* to, std::size_t size) {
  if (first_ && size > 0) {
    *to = *std::exchange(first_, std::nullopt);
    return std::size_t{1};
  }
  while (true) {
    const ssize_t got = ::read(descriptor_, to, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EINTR) continue;
    return refuse(name_, errno);
  }
}

Result<std::string> read_whole_file(const std::string& path, std::size_t bytes_max) {
  HUNT_TRY(file, InputFile::open(path));
  std::string text;
  while (true) {
    constexpr std::size_t block_bytes = 64 * 1'024;
    const std::size_t at = text.size();
    text.resize(at + block_bytes);
    HUNT_TRY(got, file.read(text.data() + at, block_bytes));
    text.resize(at + got);
    if (got == 0) return text;
    if (text.size() > bytes_max) {
      return fail(Errc::too_large,
                  fmt::format("{} has more than {} bytes", file.name(), with_commas(bytes_max)));
    }
  }
}

}  // namespace hunt
