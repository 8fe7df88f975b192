// FaultyVfs: the system's file layer with faults on demand: no space, or an fsync that fails.
//
// Test-only. While an object lives it is SQLite's default file layer, so stores opened meanwhile go
// through it. The real files do the work; only the faults are made up.
#pragma once
#include <sqlite3.h>

#include <atomic>

namespace hunt::adapters::sqlite {

class FaultyVfs {
 public:
  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // What writes (to any file) and syncs answer; SQLITE_OK lets them through.
  static inline std::atomic<int> write_answer = SQLITE_OK;
  static inline std::atomic<int> sync_answer = SQLITE_OK;
  // Writes let through before write_answer counts.
  static inline std::atomic<int> writes_before = 0;

 private:
  sqlite3_vfs* original_;
  sqlite3_vfs shim_;
};

}  // namespace hunt::adapters::sqlite
