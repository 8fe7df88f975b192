#include "adapters/sqlite/feed_mark.h"

#include <algorithm>

namespace hunt::sqlite {

FeedMark::FeedMark(Connection& connection)
    : mark_(connection,
            "SELECT epoch, told_change, told_grant,"
            " (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'changes'),"
            " (SELECT coalesce(max(seq), 0) FROM grants),"
            " coalesce(kept_stream, 0), coalesce(kept_last, 0) FROM meta"),
      confirm_(connection,
               "UPDATE meta SET told_change = ?1, told_grant = ?2, kept_stream = ?3,"
               " kept_last = ?4"),
      raise_meta_(connection,
                  "UPDATE meta SET epoch = 1 + max(epoch, (SELECT max(epoch) FROM ranges))"),
      raise_ranges_(connection, "UPDATE ranges SET epoch = (SELECT epoch FROM meta)") {}

Result<model::FeedStart> FeedMark::resume() {
  Cursor row = mark_.bind();
  HUNT_TRY(present, row.step());
  HUNT_ASSERT(present);
  model::FeedStart start;
  start.epoch = row.natural(0);
  const bool told = !row.is_null(1) && !row.is_null(2);
  start.cursor = told ? model::FeedCursor{row.natural(1), row.natural(2)}
                      : model::FeedCursor{row.natural(3), 0};
  start.cursor.kept = {row.natural(5), row.natural(6)};
  // Kept from the first time on: were its reader to die before it confirms anything, the next one
  // would begin later. Grants begin with the ledger: some are older than the first reader.
  if (!told) HUNT_CHECK(confirm(start.cursor));
  return start;
}

Result<void> FeedMark::confirm(model::FeedCursor cursor) {
  return confirm_.bind(cursor.change, cursor.grant, cursor.kept.stream, cursor.kept.last).run();
}

Result<model::FeedStart> FeedMark::repair() {
  HUNT_CHECK(raise_meta_.bind().run());
  HUNT_CHECK(raise_ranges_.bind().run());
  HUNT_TRY(start, resume());
  Cursor row = mark_.bind();
  HUNT_TRY(present, row.step());
  HUNT_ASSERT(present);
  start.cursor.change = row.natural(3);
  start.cursor.grant = std::min(start.cursor.grant, row.natural(4));
  return start;
}

}  // namespace hunt::sqlite
