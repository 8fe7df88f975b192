// FileGuard: a store's hold on its real file, whatever names lead to it: it makes the file for its
// owner alone, lets one process tell what is committed, and sees a second name or a lost file.
//
// Not a lock of the data: SQLite has its own. Locks of an open file description (F_OFD_SETLK) on
// bytes that SQLite never uses, so they belong to the file itself, only who may open it can take
// them, and they are gone with their process, however that ends. The system drops all of SQLite's
// own locks on a file when its process closes any descriptor of it: so a descriptor is closed when
// no store of this process has the file any more. Lifetime: outlives the store's connections.
// Thread: one at a time.
#pragma once
#include <sys/types.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace hunt::sqlite {

class FileGuard {
 public:
  // Makes the file where there is none: with mode 0600, whatever the umask. Null where it cannot
  // be opened for writing: SQLite will fail, too, and its words are better. Errors: unavailable,
  // with `other_name` (SQLite names its log after the file: under two names it would be damaged).
  [[nodiscard]] static Result<std::unique_ptr<FileGuard>> open(const std::string& path);
  ~FileGuard();
  FileGuard(const FileGuard&) = delete;
  FileGuard& operator=(const FileGuard&) = delete;

  // Who may tell what is committed: one process `for_all`, or any number, each for itself. Does
  // not wait. Kept until the object goes. Errors: unavailable (another process tells), io.
  [[nodiscard]] Result<void> take_feed(bool for_all);
  // Whether the path still leads to this file. Errors: io.
  [[nodiscard]] Result<void> still_there() const;

 private:
  FileGuard(std::string path, int file, dev_t device, ino_t inode)
      : path_(std::move(path)), file_(file), device_(device), inode_(inode) {}
  [[nodiscard]] Result<void> take_name();

  const std::string path_;
  const int file_;
  const dev_t device_;
  const ino_t inode_;
  bool feed_taken_ = false;
};

// Error::field of a file that another process has open under another name.
inline constexpr const char* other_name = "store name";

// The store's files that others than their owner may read or write, in a sentence; or empty. They
// hold the seed of the event: who knows it knows every roll.
[[nodiscard]] std::string open_to_others(const std::string& path);

}  // namespace hunt::sqlite
