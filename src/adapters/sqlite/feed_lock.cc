#include "adapters/sqlite/feed_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hunt::sqlite {

FeedLock::~FeedLock() {
  if (file_ >= 0) ::close(file_);
}

Result<void> FeedLock::take() {
  if (taken_) return {};
  const std::string path = store_path_ + "-feed";
  if (file_ < 0) file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) {
    return fail(Errc::io, fmt::format("cannot open {}, which shows who tells the changes of the "
                                      "store: {}",
                                      path, std::strerror(errno)));
  }
  if (::flock(file_, (for_all_ ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0) {
    taken_ = true;
    return {};
  }
  if (errno != EWOULDBLOCK) {
    return fail(Errc::io, fmt::format("cannot lock {}: {}", path, std::strerror(errno)));
  }
  if (for_all_) {
    return fail(Errc::unavailable,
                fmt::format("another process tells the changes of {} now: a `hunt relay`, or a "
                            "`hunt up` or `hunt serve` without --bus nats://",
                            store_path_));
  }
  return fail(Errc::unavailable,
              fmt::format("a `hunt relay` tells the changes of {} to others, so this process would "
                          "not hear of them: give it the relay's --bus, or end the relay",
                          store_path_));
}

}  // namespace hunt::sqlite
