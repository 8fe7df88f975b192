// FeedLock: who may tell what is committed to a file: one process for all, or any number of them
// each for itself alone.
//
// Not a lock of the data: SQLite has its own. A lock of the operating system on an empty file
// beside the store (SQLite's locks would be lost with any other descriptor of the store's file), so
// it is gone with its process, however that ends. Thread: one at a time.
#pragma once
#include <string>

#include "base/result.h"

namespace hunt::sqlite {

class FeedLock {
 public:
  FeedLock(std::string store_path, bool for_all)
      : store_path_(std::move(store_path)), for_all_(for_all) {}
  ~FeedLock();
  FeedLock(const FeedLock&) = delete;
  FeedLock& operator=(const FeedLock&) = delete;

  // Does not wait. Kept until the object goes. Errors: unavailable (another process tells), io.
  [[nodiscard]] Result<void> take();

 private:
  const std::string store_path_;
  const bool for_all_;
  int file_ = -1;
  bool taken_ = false;
};

}  // namespace hunt::sqlite
