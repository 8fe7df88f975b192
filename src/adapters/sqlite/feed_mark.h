// FeedMark: how far the change feed was told, and the epoch that goes up when that is lost.
//
// Not the feed (feed.h). All calls run inside the writer's transaction. A file has no slot that
// could be lost: nothing but a cursor that is too old, or another file's, makes a gap here.
#pragma once
#include "adapters/sqlite/connection.h"
#include "model/change.h"

namespace hunt::sqlite {

class FeedMark {
 public:
  explicit FeedMark(Connection& connection);
  [[nodiscard]] Result<model::FeedStart> resume();
  [[nodiscard]] Result<void> confirm(model::FeedCursor cursor);
  [[nodiscard]] Result<model::FeedStart> repair();

 private:
  Statement mark_;
  Statement confirm_;
  Statement raise_meta_;
  Statement raise_ranges_;
};

}  // namespace hunt::sqlite
