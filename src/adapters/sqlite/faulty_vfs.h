// FaultyVfs: the system's file layer with faults on demand: no space, or an fsync that fails.
//
// Test-only. While an object lives it is SQLite's default file layer, so stores opened meanwhile go
// through it. The real files do the work; only the faults are made up. One object at a time.
#pragma once
#include <sqlite3.h>

#include <array>
#include <atomic>
#include <mutex>

#include "base/result.h"

namespace hunt::sqlite {
namespace faulty {

// What writes (to any file) and syncs answer; SQLITE_OK lets them through.
inline std::atomic<int> write_answer = SQLITE_OK;
inline std::atomic<int> sync_answer = SQLITE_OK;
// Writes let through before write_answer counts.
inline std::atomic<int> writes_before = 0;

// SQLite's own files have one table of methods with locks and one without; each gets a copy with
// our functions in front of two of its methods, which are the same in all of them.
struct Methods {
  const sqlite3_io_methods* original = nullptr;
  sqlite3_io_methods faulty{};
};
inline std::mutex methods_mutex;  // files are opened on several threads
inline std::array<Methods, 4> methods;
inline sqlite3_vfs* real_vfs = nullptr;
inline int (*real_write)(sqlite3_file*, const void*, int, sqlite3_int64) = nullptr;
inline int (*real_sync)(sqlite3_file*, int) = nullptr;

inline int faulty_write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at) {
  const int answer = write_answer;
  if (answer != SQLITE_OK && writes_before-- <= 0) return answer;
  return real_write(file, data, bytes, at);
}

inline int faulty_sync(sqlite3_file* file, int flags) {
  const int answer = sync_answer;
  return answer != SQLITE_OK ? answer : real_sync(file, flags);
}

inline const sqlite3_io_methods* faulty_copy_of(const sqlite3_io_methods* original) {
  const std::lock_guard lock(methods_mutex);
  for (auto& known : methods) {
    if (known.original == nullptr) {
      HUNT_ASSERT(real_write == nullptr || real_write == original->xWrite);
      HUNT_ASSERT(real_sync == nullptr || real_sync == original->xSync);
      real_write = original->xWrite;
      real_sync = original->xSync;
      known.original = original;
      known.faulty = *original;
      known.faulty.xWrite = faulty_write;
      known.faulty.xSync = faulty_sync;
    }
    if (known.original == original) return &known.faulty;
  }
  HUNT_ASSERT(!"SQLite has more kinds of files than expected");
  return nullptr;
}

inline int faulty_open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags,
                       int* flags_out) {
  const int code = real_vfs->xOpen(real_vfs, name, file, flags, flags_out);
  if (code == SQLITE_OK && file->pMethods != nullptr) {
    file->pMethods = faulty_copy_of(file->pMethods);
  }
  return code;
}

}  // namespace faulty

class FaultyVfs {
 public:
  FaultyVfs() : original_(sqlite3_vfs_find(nullptr)), shim_(*original_) {
    faulty::write_answer = SQLITE_OK;
    faulty::sync_answer = SQLITE_OK;
    faulty::writes_before = 0;
    faulty::real_vfs = original_;
    shim_.zName = "hunt-faulty";
    shim_.xOpen = faulty::faulty_open;
    HUNT_ASSERT(sqlite3_vfs_register(&shim_, 1) == SQLITE_OK);
  }
  ~FaultyVfs() {
    sqlite3_vfs_unregister(&shim_);
    sqlite3_vfs_register(original_, 1);
  }
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

 private:
  sqlite3_vfs* original_;
  sqlite3_vfs shim_;
};

}  // namespace hunt::sqlite
