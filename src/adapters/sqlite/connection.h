// Connection, Statement, Cursor: owners of SQLite's handles, with errors as values.
//
// Not a database layer: what the files of this folder need. A Connection and its statements belong
// to one thread at a time. A Statement is prepared at first use and kept; bind() gives a Cursor,
// and while a cursor that reads is alive so is its read transaction, hence they are short-lived.
#pragma once
#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/sha256.h"
#include "model/ids.h"
#include "model/tile.h"

namespace hunt::sqlite {

// What a result code of SQLite (extended or not) means to callers, with the file's name in it.
[[nodiscard]] Error error_of(int code, std::string_view sqlite_says, std::string_view path);

class Connection {
 public:
  // Beside a file that it only reads SQLite still makes its two others; not with `as_it_lies`,
  // which is for a file that nobody has open and that has no write-ahead log.
  enum class Mode : std::uint8_t { read_write, read_only, as_it_lies };
  // Creates the file with `read_write`. Errors: io with the reason in words.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(std::string path, Mode mode);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Runs statements, ignoring rows.
  [[nodiscard]] Result<void> execute(const char* sql);
  // The first column of the first row of a statement; 0 when there is no row.
  [[nodiscard]] Result<std::int64_t> integer(const char* sql);

  [[nodiscard]] Error error(int code) const;
  [[nodiscard]] bool in_transaction() const noexcept { return sqlite3_get_autocommit(db_) == 0; }
  [[nodiscard]] std::int64_t rows_changed() const noexcept { return sqlite3_changes64(db_); }
  [[nodiscard]] std::int64_t rows_changed_ever() const noexcept {
    return sqlite3_total_changes64(db_);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] sqlite3* handle() const noexcept { return db_; }

 private:
  Connection(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}
  sqlite3* db_;
  std::string path_;
};

// A read transaction: one snapshot for several statements; ends when it goes.
class Snapshot {
 public:
  [[nodiscard]] static Result<Snapshot> begin(Connection& connection) {
    HUNT_CHECK(connection.execute("BEGIN"));
    return Snapshot(connection);
  }
  Snapshot(Snapshot&& other) noexcept : connection_(other.connection_) {
    other.connection_ = nullptr;
  }
  Snapshot& operator=(Snapshot&&) = delete;
  ~Snapshot() {
    // Ending a transaction that wrote nothing cannot lose anything, so its result is of no use.
    if (connection_ != nullptr) (void)connection_->execute("COMMIT");
  }

 private:
  explicit Snapshot(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

// One execution of a statement: rows one by one. Resets the statement when it goes.
class Cursor {
 public:
  Cursor(Connection& connection, sqlite3_stmt* statement, int code)
      : connection_(connection), statement_(statement), code_(code) {}
  ~Cursor() { sqlite3_reset(statement_); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // True: there is a row to read. False: the end.
  [[nodiscard]] Result<bool> step();
  // For statements without rows.
  [[nodiscard]] Result<void> run();

  [[nodiscard]] bool is_null(int column) const noexcept {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  [[nodiscard]] std::int64_t integer(int column) const noexcept {
    return sqlite3_column_int64(statement_, column);
  }
  [[nodiscard]] std::uint64_t natural(int column) const noexcept {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
  }
  [[nodiscard]] std::string text(int column) const;
  // Lifetime: until the next step.
  [[nodiscard]] Bytes bytes(int column) const noexcept;
  // 16 bytes; nothing but zeros when the column holds something else.
  [[nodiscard]] model::Id128 id(int column) const noexcept;
  [[nodiscard]] model::TileId tile(int column) const noexcept {
    return model::from_sql(integer(column));
  }

 private:
  Connection& connection_;
  sqlite3_stmt* statement_;
  int code_;  // of preparing and binding; reported by the first step
};

class Statement {
 public:
  // Lifetime: `connection` and the literal `sql` outlive the statement.
  Statement(Connection& connection, const char* sql) : connection_(connection), sql_(sql) {}
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds ?1, ?2, … in order; values are copied.
  template <class... Values>
  [[nodiscard]] Cursor bind(const Values&... values) {
    int code = prepare();
    int index = 0;
    ((code = code == SQLITE_OK ? bind_one(++index, values) : code), ...);
    return Cursor(connection_, statement_, code);
  }

  // The same for a statement over several rows: put_row(i, put) calls put(value) for each value of
  // row i.
  template <class PutRow>
  [[nodiscard]] Cursor bind_rows(std::size_t rows, const PutRow& put_row) {
    int code = prepare();
    int index = 0;
    const auto put = [this, &code, &index](const auto& value) {
      ++index;
      if (code == SQLITE_OK) code = bind_one(index, value);
    };
    for (std::size_t i = 0; i < rows; ++i) put_row(i, put);
    return Cursor(connection_, statement_, code);
  }

 private:
  [[nodiscard]] int prepare() noexcept;
  template <std::integral Number>
  [[nodiscard]] int bind_one(int index, Number value) noexcept {
    return sqlite3_bind_int64(statement_, index, static_cast<std::int64_t>(value));
  }
  [[nodiscard]] int bind_one(int index, std::optional<std::int64_t> value) noexcept {
    return value ? sqlite3_bind_int64(statement_, index, *value)
                 : sqlite3_bind_null(statement_, index);
  }
  [[nodiscard]] int bind_one(int index, std::string_view value) noexcept;
  [[nodiscard]] int bind_one(int index, Bytes value) noexcept;
  [[nodiscard]] int bind_one(int index, model::Id128 value) noexcept {
    return bind_one(index, Bytes(model::to_bytes(value)));
  }
  [[nodiscard]] int bind_one(int index, model::TileId value) noexcept {
    return sqlite3_bind_int64(statement_, index, model::to_sql(value));
  }

  Connection& connection_;
  const char* sql_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace hunt::sqlite
