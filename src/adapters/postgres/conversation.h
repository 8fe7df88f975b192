// Conversation: statements one after the other, whose caller waits: to open a store, and for long
// reads of one snapshot. Over a connection (blocking.h) or a Data API (data_api_conversation.h).
//
// Not for lanes (caller.h). Thread: one at a time. Errors: those of failure.h.
#pragma once
#include <string>

#include "adapters/postgres/params.h"
#include "base/result.h"

namespace hunt::postgres {

class Conversation {
 public:
  virtual ~Conversation() = default;

  // One statement.
  [[nodiscard]] virtual Result<Rows> query(const std::string& sql, const Params& params = {}) = 0;
  // From here on everything is read as of one moment, and nothing is written.
  [[nodiscard]] virtual Result<void> begin_snapshot() = 0;
  // A statement whose rows come some at a time, so that they need no room; inside of a snapshot.
  // `on_row(rows, row)` is told each.
  template <class OnRow>
  [[nodiscard]] Result<void> stream(const std::string& sql, OnRow on_row) {
    HUNT_CHECK(begin_stream(sql));
    for (;;) {
      HUNT_TRY(rows, next_of_stream());
      if (rows.size() == 0) return {};
      for (int row = 0; row < rows.size(); ++row) on_row(rows, row);
    }
  }

  [[nodiscard]] virtual const std::string& shown() const noexcept = 0;

 protected:
  Conversation() = default;
  Conversation(const Conversation&) = default;
  Conversation& operator=(const Conversation&) = default;
  Conversation(Conversation&&) = default;
  Conversation& operator=(Conversation&&) = default;

  [[nodiscard]] virtual Result<void> begin_stream(const std::string& sql) = 0;
  // None: that was the last.
  [[nodiscard]] virtual Result<Rows> next_of_stream() = 0;
};

}  // namespace hunt::postgres
