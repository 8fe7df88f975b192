// PgOutput: reads the messages of PostgreSQL's output plugin `pgoutput`, protocol version 1.
//
// Not the stream that carries them (replication.h) and not a copy of the tables. Of our publication
// only: rows of loot_tiles, and that there are grants. Format: the PostgreSQL manual, "Logical
// Replication Message Formats", with the option `binary`. Pure: bytes in, events out; what does not
// fit is an error, never a crash.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "model/change.h"

namespace hunt::postgres {

class ChangeHandler {
 public:
  virtual ~ChangeHandler() = default;
  // `commit_lsn`: where the commit's record begins in the log.
  virtual void on_begin(std::uint64_t commit_lsn) = 0;
  virtual void on_tile(model::WorldId world, model::TileRow row) = 0;
  virtual void on_grant(std::uint64_t cursor) = 0;
  // `end_lsn`: behind the commit's record.
  virtual void on_commit(std::uint64_t end_lsn) = 0;
  // A message that somebody wrote into the log (pg_logical_emit_message).
  virtual void on_message(std::string_view prefix, std::string_view content) = 0;
};

class PgOutput {
 public:
  // One message. Errors: corrupt (it is no such message, or the tables are not ours).
  [[nodiscard]] Result<void> take(std::string_view message, ChangeHandler& handler);

 private:
  enum class Table : std::uint8_t { other, loot_tiles, grants };
  struct Relation {
    Table table = Table::other;
    std::vector<std::string> columns;
  };
  class Reader;

  [[nodiscard]] Result<void> take_relation(Reader& reader);
  [[nodiscard]] Result<void> take_row(Reader& reader, ChangeHandler& handler);

  std::unordered_map<std::uint32_t, Relation> relations_;
};

}  // namespace hunt::postgres
