#include "adapters/sqlite/file_guard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "ports/feed_held.h"

namespace hunt::sqlite {
namespace {

namespace fs = std::filesystem;

// Far behind any database: SQLite's own locks are at 2^30.
constexpr off_t feed_byte = off_t{1} << 62;
constexpr off_t names_begin = feed_byte + 1;
constexpr off_t names_count = off_t{1} << 20;

// Descriptors of files that a store of this process still has: closing one would drop SQLite's
// locks. The kernel keeps those by process, so this has to be one list for the process, too.
struct InUse {
  std::size_t stores = 0;
  std::vector<int> to_close;
};
std::mutex in_use_mutex;
std::map<std::pair<dev_t, ino_t>, InUse> in_use;

struct flock range(short type, off_t from, off_t count) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = from;
  lock.l_len = count;
  return lock;
}

bool held_by_others(int file, off_t from, off_t count) {
  if (count == 0) return false;
  struct flock lock = range(F_WRLCK, from, count);
  return ::fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

// By the folder and the name in it, not by the path: containers see one folder at many places.
off_t byte_of_name(const std::string& path) {
  std::error_code ignored;
  const fs::path real = fs::canonical(path, ignored);
  struct stat folder {};
  (void)::stat(real.parent_path().c_str(), &folder);
  std::uint64_t hash = 14'695'981'039'346'656'037U;  // FNV-1a
  const std::string name =
      fmt::format("{}/{}/{}", folder.st_dev, folder.st_ino, real.filename().string());
  for (const char byte : name) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 1'099'511'628'211U;
  }
  return names_begin + static_cast<off_t>((hash ^ hash >> 32U) % names_count);
}

int open_or_make(const std::string& path) {
  int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file >= 0 || errno != ENOENT) return file;
  file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  // Made by another process meanwhile; or a link to a file that is not there.
  if (file < 0 && errno == EEXIST) file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  struct stat made {};
  if (file >= 0 && ::fstat(file, &made) == 0 && made.st_size == 0) (void)::fchmod(file, 0600);
  return file;
}

}  // namespace

Result<std::unique_ptr<FileGuard>> FileGuard::open(const std::string& path) {
  const int file = open_or_make(path);
  if (file < 0) return nullptr;
  struct stat found {};
  if (::fstat(file, &found) != 0 || !S_ISREG(found.st_mode)) {
    ::close(file);
    return nullptr;
  }
  {
    const std::lock_guard lock(in_use_mutex);
    ++in_use[{found.st_dev, found.st_ino}].stores;
  }
  std::unique_ptr<FileGuard> guard(new FileGuard(path, file, found.st_dev, found.st_ino));
  HUNT_CHECK(guard->take_name());
  return guard;
}

FileGuard::~FileGuard() {
  struct flock all = range(F_UNLCK, feed_byte, 0);
  (void)::fcntl(file_, F_OFD_SETLK, &all);
  const std::lock_guard lock(in_use_mutex);
  const auto at = in_use.find({device_, inode_});
  at->second.to_close.push_back(file_);
  if (--at->second.stores > 0) return;
  for (const int file : at->second.to_close) ::close(file);
  in_use.erase(at);
}

Result<void> FileGuard::take_name() {
  const off_t byte = byte_of_name(path_);
  struct flock mine = range(F_RDLCK, byte, 1);
  // No locks on this disk: then nobody else has one either.
  if (::fcntl(file_, F_OFD_SETLK, &mine) != 0) return {};
  if (!held_by_others(file_, names_begin, byte - names_begin) &&
      !held_by_others(file_, byte + 1, names_begin + names_count - byte - 1)) {
    return {};
  }
  return fail(Errc::unavailable,
              fmt::format("another process has the file {} open under another name (a hard link): "
                          "SQLite names its log after the file, so both would damage it; use one "
                          "name for it everywhere",
                          path_),
              other_name);
}

Result<void> FileGuard::take_feed(bool for_all) {
  if (feed_taken_) return {};
  struct flock lock = range(for_all ? F_WRLCK : F_RDLCK, feed_byte, 1);
  if (::fcntl(file_, F_OFD_SETLK, &lock) == 0) {
    feed_taken_ = true;
    return {};
  }
  if (errno != EAGAIN && errno != EACCES) {
    return fail(Errc::io, fmt::format("cannot lock {}, which shows who tells its changes: {}",
                                      path_, std::strerror(errno)));
  }
  if (for_all) {
    return fail(Errc::unavailable,
                fmt::format("another process tells the changes of {} now: a `hunt relay`, or a "
                            "`hunt up` or `hunt serve` without --bus nats://",
                            path_),
                std::string(ports::feed_held));
  }
  return fail(Errc::unavailable,
              fmt::format("a `hunt relay` tells the changes of {} to others, so this process would "
                          "not hear of them: give it the relay's --bus, or end the relay",
                          path_),
              std::string(ports::feed_held));
}

Result<void> FileGuard::still_there() const {
  struct stat found {};
  const bool there = ::stat(path_.c_str(), &found) == 0;
  if (there && found.st_dev == device_ && found.st_ino == inode_) return {};
  return fail(
      Errc::io,
      fmt::format("{} {} while this process has it open: what it grants goes to the file "
                  "that was there before, and is lost when it ends; copy that out first "
                  "(/proc/{}/fd), then start again",
                  path_, there ? "was replaced by another file" : "was removed", ::getpid()));
}

std::string open_to_others(const std::string& path) {
  std::string files;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat found {};
    if (::stat((path + suffix).c_str(), &found) != 0 || (found.st_mode & 0077U) == 0) continue;
    files += fmt::format("{}{}{} ({:04o})", files.empty() ? "" : ", ", path, suffix,
                         found.st_mode & 07777U);
  }
  if (files.empty()) return {};
  return fmt::format(
      "others than the owner may open {}, which holds the secret seed of the event; `chmod 600` "
      "it, and give other users access through the server",
      files);
}

}  // namespace hunt::sqlite
